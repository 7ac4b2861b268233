//! The shapes of Satang's answers. The server writes them, the command line and the load generator read them, and
//! `gateway/openapi.json` describes them, all by the same types.
//!
//! In reading order: what an answer is made of ([`shape`]), texts and words, then the answers by family, and all their schemas
//! ([`schemas`]).

pub mod json;
pub mod shape;
pub mod words;

pub mod problem;
pub mod payment;
pub mod registration;
pub mod found;
pub mod wallet;
pub mod program;
pub mod casework;
pub mod operation;

#[cfg(test)]
mod tests;

pub use casework::*;
pub use found::*;
pub use operation::*;
pub use payment::*;
pub use problem::*;
pub use program::*;
pub use registration::*;
pub use shape::{Nullable, Text};
pub use wallet::*;
pub use words::*;

use shape::{Schemas, Shape};

/// The schema of every answer, by name, and of every named part of one.
pub fn schemas() -> Schemas {
    let mut schemas = Schemas::new();
    let all = [
        Problem::schema,
        Authorization::schema,
        Quote::schema,
        Batch::schema,
        Reversal::schema,
        Closing::schema,
        RegistrationAnswer::schema,
        RegistrationBatch::schema,
        Progress::schema,
        AuthorizationFound::schema,
        Wallet::schema,
        WalletStatus::schema,
        Move::schema,
        Replacement::schema,
        Programs::schema,
        Lists::schema,
        ProgramStatus::schema,
        Reload::schema,
        MerchantFound::schema,
        MerchantStatus::schema,
        Join::schema,
        Platform::schema,
        MerchantPayout::schema,
        AuthorizationPayout::schema,
        Clawbacks::schema,
        Payouts::schema,
        PersonStatus::schema,
        Erasure::schema,
        Merchant::schema,
        ImportReport::schema,
        Clock::schema,
        Snapshot::schema,
    ];
    for schema in all {
        schema(&mut schemas);
    }
    schemas
}
