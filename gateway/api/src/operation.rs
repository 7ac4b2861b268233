//! The register of merchants, imports, the clock and snapshots.

use crate::shape::{Text, part, shape};
use crate::words::{Category, FifteenDigits, InstantAnswered, Name, Status};

shape! {
    /// A merchant of the register.
    pub struct Merchant {
        pub merchant_id: FifteenDigits,
        /// Without control characters.
        pub name: Text,
        pub category: Category,
        pub status: Status,
        pub programs: Vec<Name>,
        pub channels: Vec<Name>,
        /// Without control characters.
        pub province: Option<Text>,
        pub bank_account: Option<Text>,
        /// Without control characters.
        pub account_name: Option<Text>,
    }
}

shape! {
    /// What became of the lines of an import.
    pub struct ImportReport {
        pub accepted: u64,
        pub rejected: u64,
        /// The first hundred, in the order of the lines. Lines are counted from 1, blank ones included. A malformed line has a reason
        /// that begins with `malformed: ` and names its fields; an enrollment may also be refused `program_unknown`, `tier_unknown`,
        /// `wallet_taken`, `already_registered`, `excluded:suspended`, `excluded:clawback`, `excluded:erased` or `quota_full`, a
        /// merchant `consent_withdrawn`, `clawback_open` or, with the name, `too_many_names: `.
        pub errors: Vec<LineError>,
        /// What was taken as it stands and may be a slip: `unknown_program: `, `unknown_channel: ` or `unknown_list: ` and a name that
        /// no programme file in force has. Each name once, with the first line that has it; at most a hundred. Absent without one.
        pub warnings: Option<Vec<LineError>>,
    }
}

part! {
    /// A line that was rejected, or looks like a slip.
    pub struct LineError {
        pub line: u64,
        pub reason: Text,
    }
}

shape! {
    /// What the clock shows.
    pub struct Clock {
        pub now: InstantAnswered,
    }
}

shape! {
    /// A snapshot that was taken.
    pub struct Snapshot {
        /// The sequence of the last record in it.
        pub sequence: u64,
        /// Its length.
        pub bytes: u64,
        /// Wallets in it.
        pub wallets: u64,
        /// Authorization and reversal ids in it: those in memory, not those in index files.
        pub ids: u64,
        /// Milliseconds it took.
        pub took_ms: u64,
    }
}
