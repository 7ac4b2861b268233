//! Wallets, and what is decided of a wallet's rights.

use crate::casework::Mark;
use crate::payment::Remaining;
use crate::shape::{Nullable, Text, part, shape};
use crate::words::{Day, FifteenDigits, Name, SecondAnswered, Status, UuidAnswered, Verdict};

shape! {
    /// A wallet and what it holds.
    pub struct Wallet {
        pub wallet_id: FifteenDigits,
        /// Suspended by itself, or with its citizen.
        pub status: Status,
        /// The programmes the wallet holds an entitlement in, by id.
        pub programs: Vec<WalletProgram>,
        /// Why the wallet's citizen gets no new right; only when that is so.
        pub citizen: Option<Barred>,
    }
}

part! {
    /// Why the wallet's citizen gets no new right; only when that is so.
    pub struct Barred {
        /// The first of them that is so.
        pub excluded: Text,
        /// Since when the citizen is suspended, and why; only while that lasts.
        pub suspended: Option<Mark>,
        /// The citizen's open cases.
        pub clawbacks: Vec<UuidAnswered>,
    }
}

shape! {
    /// An entitlement of a wallet.
    pub struct WalletProgram {
        pub program: Name,
        /// When the right was given.
        pub registered_at: SecondAnswered,
        /// The right lapses at this instant unless a purchase or hold was approved before; null for a right without a deadline, and
        /// once it was used. Of a right that has lapsed the deadline at which it did.
        pub first_use_by: Nullable<SecondAnswered>,
        /// The first date of use; absent when nothing names one. For whoever held the earlier programme, the date of the returning.
        pub usable_from: Option<Day>,
        /// A benefit whose holder is a household is shown when the right names one.
        pub benefits: Vec<WalletBenefit>,
        /// Whether it has lapsed: purchases are declined `entitlement_lapsed`. That is final: no later deadline wakes it.
        pub lapsed: bool,
        /// The tier whose caps replace the benefits' own; null for none.
        pub tier: Nullable<Name>,
        /// The household for benefits whose holder is one; null for none.
        pub household_id: Nullable<FifteenDigits>,
    }
}

part! {
    /// What is left of one benefit.
    pub struct WalletBenefit {
        pub benefit: Name,
        /// Room at this moment, less what open holds take; of a household's benefit the household's.
        pub remaining: Remaining,
        /// The benefit's sources, in the order they are used in; absent when it names none.
        pub funding: Option<Vec<SourceUsed>>,
    }
}

part! {
    /// What a source paid.
    pub struct SourceUsed {
        pub source: Name,
        /// What it paid in the benefit's shortest cap period that is running. In satang (1/100 baht).
        pub used: u64,
    }
}

shape! {
    /// The status that was stored.
    pub struct WalletStatus {
        pub wallet_id: FifteenDigits,
        pub status: Status,
        /// Without control characters.
        pub reason: Text,
    }
}

shape! {
    /// The answer to a move.
    pub struct Move {
        pub wallet_id: FifteenDigits,
        pub from_program: Name,
        pub to_program: Name,
        pub decision: Verdict,
        /// In order of precedence: the first check that fails. `not_registered`: no live right in `from_program` through this wallet.
        /// `already_registered`: the citizen holds a live right in `to_program`, through whatever wallet. Then, before `quota_full`,
        /// what blocks the citizen: `excluded:suspended`, `excluded:clawback`, `excluded:erased`.
        pub reason: Text,
        /// Whether anything was written: false when it was rejected, and when the citizen has moved already.
        pub changed: bool,
        /// Position of the record in the journal; absent when nothing was written.
        pub sequence: Option<u64>,
    }
}

shape! {
    /// The answer to a replacement.
    pub struct Replacement {
        pub wallet_id: FifteenDigits,
        pub new_wallet_id: FifteenDigits,
        pub decision: Verdict,
        /// In order of precedence: the first check that fails. `not_registered`: no right is held through the old wallet.
        /// `wallet_taken`: the new wallet is another citizen's.
        pub reason: Text,
        /// Position of the record in the journal; null when it was rejected, since nothing was written.
        pub sequence: Nullable<u64>,
        /// Whether this is the first answer, given again.
        pub replayed: bool,
    }
}
