//! What every decision of casework has in common.

use super::{Desk, DeskRefusal, Novelty};
use crate::calendar::Instant;
use crate::directory::{Directory, DirectoryError, Made};
use crate::ids::WalletId;
use crate::merchants::Merchants;
use crate::record::{
    AuthorizationPayout, CaseClosed, CaseCounted, CaseOpened, CasePaid, ConsentWithdrawn, Erased,
    MerchantJoined, MerchantPayout, MerchantStatus, PersonStatus, PlatformBinding, Record, RecordKind,
    Status,
};

/// A decision of casework: one kind of record each.
pub trait Casework {
    /// Whether it may be decided at `at`. That citizens and authorizations are the right ones is for the caller to see: the
    /// directory does not know them.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, DeskRefusal>;

    /// Whether it fits the records in front of it.
    ///
    /// # Errors
    /// [`DirectoryError`] when it does not: the journal is not one of ours.
    fn fits(&self, _: &Directory) -> Result<(), DirectoryError> {
        Ok(())
    }

    /// What follows for the register of merchants.
    fn apply_to_merchants(&self, _: &mut Merchants) {}

    /// What follows for the files of merchants, citizens and cases.
    fn apply(&self, desk: &mut Desk, made: &Made);

    /// The wallets that are suspended with their citizen from this decision on, or not any more.
    fn stops(&self) -> Option<(&[WalletId], Status)> {
        None
    }
}

macro_rules! casework {
    (decisions: $($decision:ident)+, others: $($other:ident)+) => {
        /// The record as a decision of casework, when it is one.
        pub fn casework(record: &Record) -> Option<&dyn Casework> {
            match record {
                $(Record::$decision(decision) => Some(decision),)+
                $(Record::$other(_))|+ => None,
            }
        }

        /// Whether records of the kind are decisions of casework.
        pub const fn is_casework(kind: RecordKind) -> bool {
            match kind {
                $(RecordKind::$decision)|+ => true,
                $(RecordKind::$other)|+ => false,
            }
        }

        $(
            impl From<$decision> for Record {
                fn from(decision: $decision) -> Record {
                    Record::$decision(decision)
                }
            }
        )+
    };
}

casework! {
    decisions:
        MerchantStatus MerchantJoined PlatformBinding MerchantPayout AuthorizationPayout PersonStatus
        CaseOpened CasePaid CaseClosed CaseCounted ConsentWithdrawn Erased,
    others:
        Authorization Reversal Capture Void CutOver Registration Enrollment Listed Moved Replacement
        WalletStatus Name RuleVersion RulesInForce Merchant ProgramStatus
}
