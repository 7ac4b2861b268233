//! A purchase that is looked up.

use crate::casework::Mark;
use crate::json::Json;
use crate::payment::{Authorization, Caps, Remaining};
use crate::shape::{Nullable, Schemas, Shape, Text, part, refer, shape};
use crate::words::{Act, Day, FifteenDigits, HoldState, Hours, InstantAnswered, Name, Payout, UuidAnswered};
use serde::{Deserialize, Serialize};

shape! {
    /// When a benefit may be used through the purchase's channel. Dates are inclusive.
    pub struct Spending {
        pub benefit: Name,
        pub from: Day,
        pub to: Day,
        pub hours: Hours,
    }
}

shape! {
    /// The request's own facts, and the facts and the rule it was decided by.
    pub struct Explanation {
        pub program: Name,
        pub program_name_th: Nullable<Text>,
        pub program_name_en: Nullable<Text>,
        pub wallet_id: FifteenDigits,
        /// The household whose room was asked for; null when the benefit is a person's, or none was found.
        pub household_id: Nullable<FifteenDigits>,
        pub merchant_id: FifteenDigits,
        pub channel: Name,
        /// The whole bill. In satang (1/100 baht).
        pub amount: u64,
        /// The part the state may share. In satang (1/100 baht).
        pub eligible_amount: u64,
        /// The benefit drawn on; null when the purchase was declined before one was found.
        pub benefit: Nullable<Name>,
        /// The state's share in percent by that rule version; null without a benefit.
        pub state_percent: Nullable<u64>,
        /// floor(eligible_amount × state_percent / 100), in satang; null without a benefit.
        pub share_before_caps: Nullable<u64>,
        /// The caps that counted, by that rule version: the benefit's, and where the tier has others those; null without a benefit.
        pub caps: Nullable<Caps>,
        /// Room under each cap before the decision; null when it was declined before the room was looked at.
        pub room_before: Nullable<Remaining>,
        /// By the benefit, or, when none was found, by each that has the channel.
        pub spending: Vec<Spending>,
        /// BLAKE3 of the programme file it was decided by; null when the programme was unknown.
        pub rule_version: Nullable<Text>,
        /// What the rule rests on, as its file says.
        pub rule_source: Nullable<Text>,
    }
}

shape! {
    /// One approved reversal, or the capture or void of a hold.
    pub struct ReversalShown {
        /// What was done. A capture gives back what was held and not captured; a full reversal of an open hold is a reversal.
        pub act: Act,
        /// Null for a capture or void, which has no id of its own.
        pub reversal_id: Nullable<UuidAnswered>,
        /// The request's `reason`; null for a capture or void.
        pub cause: Nullable<Text>,
        /// What the state got back: of a capture, its part of what was freed. In satang (1/100 baht).
        pub state_amount: u64,
        /// What the citizen got back: of a capture, the citizen's part of what was freed. In satang (1/100 baht).
        pub citizen_amount: u64,
        /// What was still not given back after it. In satang (1/100 baht).
        pub left: u64,
        pub business_date: Day,
        pub decided_at: InstantAnswered,
        pub sequence: u64,
    }
}

part! {
    /// What became of a purchase, and why it was decided so.
    pub struct Found {
        /// What became of an approved hold; absent of every other purchase. `voided` also when it was fully reversed while it was
        /// open.
        pub hold: Option<HoldState>,
        /// What is not given back of an approved purchase; 0 of a declined one and of an expired hold. In satang (1/100 baht).
        pub left: u64,
        /// The name of the key it came with; absent without keys, and of what was decided before records named it.
        pub by: Option<Name>,
        /// The approved ones that gave money back, a hold's capture and void among them, oldest first: the last 256 of them.
        pub reversals: Vec<ReversalShown>,
        /// Whether there are reversals before those.
        pub has_earlier_reversals: bool,
        pub explanation: Explanation,
        /// Frozen when it was frozen by itself, or its merchant is. Absent of what was declined.
        pub payout: Option<Payout>,
        /// Of one that was frozen by itself.
        pub frozen: Option<Mark>,
    }
}

/// The first answer, then what became of it and why it was decided so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationFound {
    /// The first answer, never said to be replayed.
    #[serde(flatten)]
    pub answer: Authorization,
    /// What became of it.
    #[serde(flatten)]
    pub found: Found,
}

impl Shape for AuthorizationFound {
    fn schema(schemas: &mut Schemas) -> Json {
        refer("AuthorizationFound", schemas, |schemas| {
            let both = vec![Authorization::schema(schemas), Found::schema(schemas)];
            Json::object([("allOf", both.into())])
        })
    }
}
