//! Answers to the payment switch. Their fields stand in the order in which the server writes them.

use crate::json::Json;
use crate::problem::Problem;
use crate::shape::{Nullable, Schemas, Shape, Text, part, refer, shape};
use crate::words::{CapPeriod, Day, Decision, InstantAnswered, Name, UuidAnswered};
use serde::{Deserialize, Serialize};

shape! {
    /// Room left under each cap, in satang: exactly the caps the benefit defines.
    pub struct Remaining {
        pub day: Option<u64>,
        pub month: Option<u64>,
        pub quarter: Option<u64>,
        pub program: Option<u64>,
    }
}

shape! {
    /// The most the state pays per holder and period, in satang.
    pub struct Caps {
        pub day: Option<u64>,
        pub month: Option<u64>,
        pub quarter: Option<u64>,
        pub program: Option<u64>,
    }
}

/// An answer with what an authorization and a quote have in common, between what each has alone.
macro_rules! decided {
    ($(#[doc = $doc:literal])* pub struct $name:ident { $($front:tt)* } and { $($back:tt)* }) => {
        shape! {
            $(#[doc = $doc])*
            pub struct $name {
                $($front)*
                pub decision: Decision,
                /// In order of precedence: the first check that fails. `reversed_before_arrival` comes before all others. `not_registered`
                /// also when a household's benefit is asked for and the right names no household. `drawn_elsewhere_today`: the citizen drew
                /// on a programme that excludes this one on the same business date, through whatever wallet.
                pub reason: Text,
                /// ISO 8583 field 39.
                pub response_code: Text,
                /// What the state pays: min(floor(eligible_amount × state_percent / 100), room under each cap). 0 on a decline. In satang
                /// (1/100 baht).
                pub state_amount: u64,
                /// What the citizen pays: amount − state_amount. 0 on a decline. In satang (1/100 baht).
                pub citizen_amount: u64,
                /// On an approval whose share did not fit: the cap with the smallest room, on a tie the shorter period. Null otherwise.
                pub limited_by: Nullable<CapPeriod>,
                /// After this decision; of a household's benefit the household's. Present exactly when the reason is `approved` or one from
                /// `wallet_suspended` to `program_cap_exhausted`.
                pub remaining: Option<Remaining>,
                /// Who pays the state's part. Present exactly on approvals of a benefit that names sources.
                pub funding: Option<Funding>,
                pub business_date: Day,
                pub decided_at: InstantAnswered,
                $($back)*
            }
        }
    };
}

decided! {
    /// The answer to an authorization or a hold.
    pub struct Authorization {
        pub txn_id: UuidAnswered,
    } and {
        /// When a hold ends; absent of what is no hold.
        pub expires_at: Option<InstantAnswered>,
        /// Position of the record in the journal. The answer leaves only after that record is durable.
        pub sequence: u64,
        /// Whether this is the first answer of the id, given again.
        pub replayed: bool,
    }
}

decided! {
    /// The answer to a quote: an authorization's without id, sequence and `replayed`.
    pub struct Quote {} and {
        /// The largest bill whose whole share fits the smallest room: floor(A × state_percent / 100) ≤ room. 0 when declined for
        /// another reason than `amount_too_small`. In satang (1/100 baht).
        pub fully_subsidised_up_to: u64,
    }
}

shape! {
    /// The answer to a reversal.
    pub struct Reversal {
        pub reversal_id: UuidAnswered,
        pub txn_id: UuidAnswered,
        pub decision: Decision,
        /// A full reversal of an id never seen is approved with `original_not_found`: the late original will be declined. A full
        /// reversal of an open hold voids it: both amounts and `left` are 0, since nothing was paid. A part of an open hold is
        /// declined `hold_open`: capture or void it.
        pub reason: Text,
        pub response_code: Text,
        /// What the state gets back. 0 on a decline. In satang (1/100 baht).
        pub state_amount: u64,
        /// What the citizen gets back. 0 on a decline. In satang (1/100 baht).
        pub citizen_amount: u64,
        /// What is still not given back of an approved original; 0 for every other reason. In satang (1/100 baht).
        pub left: u64,
        /// What each source gets back. Present exactly when money is given back of a benefit that names sources.
        pub funding: Option<Funding>,
        pub business_date: Day,
        pub decided_at: InstantAnswered,
        /// Position of the record in the journal. The answer leaves only after that record is durable.
        pub sequence: u64,
        /// Whether this is the first answer of the id, given again.
        pub replayed: bool,
    }
}

shape! {
    /// The answer to a hold's capture or void.
    pub struct Closing {
        pub txn_id: UuidAnswered,
        pub decision: Decision,
        /// `hold_closed`: it is no hold, was captured otherwise, voided, or fully reversed while it was open. `hold_expired`: it came
        /// at `expires_at` or later. A void of an id never seen is approved with `original_not_found`: the late hold will be
        /// declined.
        pub reason: Text,
        pub response_code: Text,
        /// What the state pays of what is captured; 0 for a void and on a decline. In satang (1/100 baht).
        pub state_amount: u64,
        /// What the citizen pays of what is captured; 0 for a void and on a decline. In satang (1/100 baht).
        pub citizen_amount: u64,
        /// Of an approved capture what is captured, of an approved void 0. On a decline what can still be captured or given back of
        /// an approved original: on `exceeds_original` what is held, on `hold_closed` what is left of a captured hold or of a plain
        /// authorization; 0 for every other reason. In satang (1/100 baht).
        pub left: u64,
        /// Of a capture: the date it is settled on, whenever the hold was taken.
        pub business_date: Day,
        pub decided_at: InstantAnswered,
        /// Position of the record in the journal. The answer leaves only after that record is durable.
        pub sequence: u64,
        /// Whether this is the first answer, given again: the same capture or void was repeated.
        pub replayed: bool,
    }
}

part! {
    /// What one source pays, or gets back.
    pub struct FundingPart {
        pub source: Name,
        /// Its part. In satang (1/100 baht).
        pub amount: u64,
    }
}

/// Who pays the state's part, or gets it back: every source of the benefit, in the order they are used in. The amounts add up to
/// `state_amount`; a refund gives back the last source first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Funding(pub Vec<FundingPart>);

impl Shape for Funding {
    fn schema(schemas: &mut Schemas) -> Json {
        refer("Funding", schemas, Vec::<FundingPart>::schema)
    }
}

/// One result of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BatchResult<T> {
    /// The element was decided, now or before.
    Outcome(T),
    /// The element was malformed or in conflict.
    Problem(Problem),
}

impl<T: Shape> Shape for BatchResult<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        let either = vec![T::schema(schemas), Problem::schema(schemas)];
        Json::object([("anyOf", either.into())])
    }
}

shape! {
    /// The answer to a batch of authorizations.
    pub struct Batch {
        /// In the order of the elements. Sequences rise with the index.
        pub results: Vec<BatchResult<Authorization>>,
    }
}
