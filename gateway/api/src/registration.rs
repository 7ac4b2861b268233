//! Answers to registrations, and how far one is.

use crate::payment::BatchResult;
use crate::shape::{Nullable, Text, shape};
use crate::words::{ForecastKind, Name, SecondAnswered, UuidAnswered, Verdict};

shape! {
    /// The answer to a registration.
    pub struct RegistrationAnswer {
        pub registration_id: UuidAnswered,
        pub decision: Verdict,
        /// The first check that fails, in this order: `program_unknown`, `program_suspended`, `registration_closed` (no registration,
        /// or not on this date), `outside_hours`, `not_thai`, `under_age`, `excluded:` and the list (lists in the order of the
        /// programme's file; then what blocks the citizen: `suspended` by the desk, an open `clawback`, `erased`),
        /// `already_registered` (holds a live right in the programme, through whatever wallet), `wallet_taken` (belongs to another
        /// citizen, here or elsewhere), `quota_full`.
        pub reason: Text,
        /// Only when accepted: dense from 1 in the order of `sequence`.
        pub ticket: Option<u64>,
        /// Only when accepted: the instant of the decision, its fraction dropped.
        pub registered_at: Option<SecondAnswered>,
        /// Position of the record in the journal. The answer leaves only after that record is durable. A citizen who was told
        /// `quota_full` before gets the sequence of that record.
        pub sequence: u64,
        /// Whether this is the first answer of the id, given again.
        pub replayed: bool,
    }
}

shape! {
    /// How far a registration is, and when it will be full.
    pub struct Progress {
        pub program: Name,
        /// Whether a registration at this moment, of a citizen who holds nothing yet, would get past `outside_hours`: a version of
        /// the rules counts today, the programme is not paused, and its dates and hours let people in. The quota does not matter.
        pub open: bool,
        /// Rights there may be; null without a quota.
        pub quota: Nullable<u64>,
        /// Live rights, imported ones too.
        pub registered: u64,
        /// Rights left; null without a quota.
        pub remaining: Nullable<u64>,
        /// Accepted registrations so far: the last ticket.
        pub tickets: u64,
        /// The mean of the last 10 seconds.
        pub accepted_per_second: f64,
        /// `fills`: at the rate of the last minute the quota will be full at `full_at`. `closes_first`: not before the registration
        /// closes. `too_early`: the first arrival is less than 10 seconds ago. `no_arrivals`: nobody in the last minute. `closed`:
        /// nobody is let in, and nobody arrived in the last minute, or no open hours are left.
        pub forecast: ForecastKind,
        /// With `fills`; only open hours are counted.
        pub full_at: Nullable<SecondAnswered>,
        /// By the fastest 10 seconds of that minute.
        pub full_at_earliest: Nullable<SecondAnswered>,
        /// By the slowest 10 seconds of that minute; null when those would not fill it.
        pub full_at_latest: Nullable<SecondAnswered>,
    }
}

shape! {
    /// The answer to a batch of registrations.
    pub struct RegistrationBatch {
        /// In the order of the elements. Sequences of new records rise with the index.
        pub results: Vec<BatchResult<RegistrationAnswer>>,
    }
}
