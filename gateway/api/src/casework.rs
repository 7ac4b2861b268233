//! Merchants, citizens and money as the desk has them.

use crate::shape::{Text, part, shape};
use crate::words::{
    BindingAction, Category, Day, FifteenDigits, InstantAnswered, Name, OperatorReason, Payout, Status,
    UuidAnswered, Verdict,
};

shape! {
    /// Why, since when and by whom.
    pub struct Mark {
        pub reason: OperatorReason,
        pub since: InstantAnswered,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
    }
}

shape! {
    /// The status that was stored.
    pub struct MerchantStatus {
        pub merchant_id: FifteenDigits,
        pub status: Status,
        pub reason: OperatorReason,
    }
}

shape! {
    /// The answer to a merchant who joins a programme.
    pub struct Join {
        pub merchant_id: FifteenDigits,
        pub program: Name,
        pub decision: Verdict,
        /// In order of precedence: the first check that fails. A merchant that takes part already is accepted before `clawback_open`
        /// and `registration_closed` are looked at.
        pub reason: Text,
        /// Whether it took part in the earlier programme, when it joined now.
        pub returning: bool,
        /// Whether anything was written.
        pub changed: bool,
        /// Position of the record in the journal; absent when nothing was written.
        pub sequence: Option<u64>,
    }
}

shape! {
    /// The answer to a binding or a release.
    pub struct Platform {
        pub merchant_id: FifteenDigits,
        pub platform: Name,
        pub action: BindingAction,
        pub decision: Verdict,
        /// In order of precedence: the first check that fails. `platform_bound`: to another platform. `platform_not_bound`: to none,
        /// or to another one.
        pub reason: Text,
        /// Whether anything was written.
        pub changed: bool,
        /// Position of the record in the journal; absent when nothing was written.
        pub sequence: Option<u64>,
    }
}

shape! {
    /// What was stored of a merchant's money.
    pub struct MerchantPayout {
        pub merchant_id: FifteenDigits,
        pub payout: Payout,
        pub reason: OperatorReason,
    }
}

shape! {
    /// What was stored of an authorization's money.
    pub struct AuthorizationPayout {
        pub txn_id: UuidAnswered,
        pub payout: Payout,
        pub reason: OperatorReason,
    }
}

shape! {
    /// A clawback case.
    pub struct Clawback {
        pub case_id: UuidAnswered,
        pub merchant_id: Option<FifteenDigits>,
        /// Those of the citizen who owes it; absent when a merchant does.
        pub wallets: Option<Vec<FifteenDigits>>,
        pub cause: Text,
        /// `counting`: how much is owed is being counted. `paid`: nothing is left. `closed`: an operator closed it though something
        /// is left. The first two block the debtor.
        pub state: Text,
        /// In satang (1/100 baht). Absent while it is being counted.
        pub owed: Option<u64>,
        /// In satang (1/100 baht).
        pub paid: u64,
        /// In satang (1/100 baht). Absent while it is being counted.
        pub left: Option<u64>,
        pub letter_date: Day,
        /// 30 days after the letter.
        pub due_date: Day,
        /// Open, and today is after `due_date`.
        pub overdue: bool,
        pub reason: OperatorReason,
        pub opened_at: InstantAnswered,
        /// The name of the key; absent without keys.
        pub opened_by: Option<Name>,
        pub payments: Vec<Payment>,
        pub closed: Option<Closed>,
    }
}

part! {
    /// A payment on a case.
    pub struct Payment {
        pub payment_id: UuidAnswered,
        /// In satang (1/100 baht).
        pub amount: u64,
        pub reason: OperatorReason,
        pub at: InstantAnswered,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
    }
}

part! {
    /// When, why and by whom a case was closed.
    pub struct Closed {
        pub at: InstantAnswered,
        pub reason: OperatorReason,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
    }
}

shape! {
    /// The cases that are open.
    pub struct Clawbacks {
        pub open: u64,
        /// The first hundred, the oldest first.
        pub cases: Vec<Clawback>,
    }
}

shape! {
    /// A merchant as the register and the desk have it.
    pub struct MerchantFound {
        pub merchant_id: FifteenDigits,
        pub category: Category,
        /// Suspended when the register or the desk says so, or its consent is withdrawn.
        pub status: Status,
        /// Sorted.
        pub programs: Vec<Name>,
        /// Sorted.
        pub channels: Vec<Name>,
        /// The delivery platform it is bound to.
        pub platform: Option<Name>,
        /// The desk's suspension, while it lasts.
        pub suspended: Option<Mark>,
        pub consent_withdrawn: Option<ConsentWithdrawn>,
        pub payout: Payout,
        pub frozen: Option<Mark>,
        /// What it joined by itself, in order of time: the last 100.
        pub joined: Vec<Joined>,
        /// The last hundred, the oldest first.
        pub clawbacks: Vec<Clawback>,
    }
}

part! {
    /// The withdrawal of a merchant's consent.
    pub struct ConsentWithdrawn {
        pub reason: OperatorReason,
        pub since: InstantAnswered,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
        pub letter_date: Day,
        pub case_id: UuidAnswered,
    }
}

part! {
    /// A programme that a merchant joined by itself.
    pub struct Joined {
        pub program: Name,
        pub at: InstantAnswered,
        pub returning: bool,
    }
}

shape! {
    /// Whose money is held back.
    pub struct Payouts {
        /// The first thousand, by `merchant_id`.
        pub merchants: Vec<FrozenMerchant>,
        pub merchants_frozen: u64,
        /// The first thousand, by `txn_id`.
        pub authorizations: Vec<FrozenAuthorization>,
        pub authorizations_frozen: u64,
    }
}

part! {
    /// A merchant whose money is held back.
    pub struct FrozenMerchant {
        pub merchant_id: FifteenDigits,
        pub reason: OperatorReason,
        pub since: InstantAnswered,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
    }
}

part! {
    /// An authorization whose money is held back.
    pub struct FrozenAuthorization {
        pub txn_id: UuidAnswered,
        pub reason: OperatorReason,
        pub since: InstantAnswered,
        /// The name of the key; absent without keys.
        pub by: Option<Name>,
    }
}

shape! {
    /// The status that was stored.
    pub struct PersonStatus {
        pub status: Status,
        pub reason: OperatorReason,
        /// Those it reaches; sorted.
        pub wallets: Vec<FifteenDigits>,
    }
}

shape! {
    /// The answer to an erasure.
    pub struct Erasure {
        pub decision: Verdict,
        /// `wallet_unknown`: nothing named the wallet, or no citizen is known of it. `citizen_unknown`: there is no entry of the
        /// citizen. `clawback_open`: a case of the citizen is open.
        pub reason: Text,
        /// Whether anything was written.
        pub changed: bool,
        /// Those that are suspended for good; sorted. None when a citizen is named who was erased before: nobody knows any more which
        /// they were.
        pub wallets: Vec<FifteenDigits>,
        /// Position of the record in the journal; absent when nothing was written.
        pub sequence: Option<u64>,
    }
}
