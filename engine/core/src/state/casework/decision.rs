//! What every decision of casework has in common.

use super::{Casework, CaseworkRefusal, Novelty};
use crate::calendar::Instant;
use crate::ids::WalletId;
use crate::record::{
    AuditStamp, AuthorizationPayout, CaseClosed, CaseCounted, CaseOpened, CasePaid, ConsentWithdrawn, Erased,
    MerchantJoined, MerchantPayout, MerchantStatus, PersonStatus, PlatformBinding, Record, RecordKind,
    Status, set_sequence, split_record,
};
use crate::state::directory::{Directory, DirectoryError};
use crate::state::export;
use crate::state::merchants::Merchants;

/// A decision of casework: one kind of record each.
pub trait CaseworkDecision {
    /// Whether it may be decided at `at`. That citizens and authorizations are the right ones is for the caller to see: the
    /// directory does not know them.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, CaseworkRefusal>;

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
    fn apply(&self, casework: &mut Casework, made: &AuditStamp);

    /// The wallets that are suspended with their citizen from this decision on, or not any more.
    fn stops(&self) -> Option<(&[WalletId], Status)> {
        None
    }
}

macro_rules! casework {
    (decisions: $($decision:ident)+, others: $($other:ident)+) => {
        /// The record as a decision of casework, when it is one.
        pub fn decision_of(record: &Record) -> Option<&dyn CaseworkDecision> {
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
        Authorization Reversal Capture Void CutOver Registration Enrollment Listed ProgrammeTransfer Replacement
        WalletStatus Name RuleVersion RulesInForce Merchant ProgramStatus ListImported KeyAcquirer
}

impl Directory {
    pub(crate) fn apply_casework(
        &mut self,
        record: &Record,
        decision: &dyn CaseworkDecision,
        made: &AuditStamp,
    ) -> Result<(), DirectoryError> {
        decision.fits(self)?;
        decision.apply_to_merchants(&mut self.merchants);
        self.casework.take(record, decision, made);
        Ok(())
    }
}

impl Casework {
    /// Takes a record, which is `decision`.
    fn take(&mut self, record: &Record, decision: &dyn CaseworkDecision, made: &AuditStamp) {
        let mut bytes = record.encode(made.at, made.caller);
        set_sequence(&mut bytes, made.sequence);
        self.records.extend_from_slice(&bytes);
        self.last_sequence = made.sequence;
        decision.apply(self, made);
    }

    /// Casework that [`Casework::export`] wrote; `None` when the bytes are none.
    pub(crate) fn import(from: &mut &[u8]) -> Option<Casework> {
        let len = usize::try_from(export::take_number(from)?).ok()?;
        let mut records = export::take_bytes(from, len)?;
        let mut casework = Casework::default();
        while !records.is_empty() {
            let (header, bytes) = split_record(records).ok()?;
            records = &records[bytes.len()..];
            let record = Record::decode(&header, bytes).ok()?;
            casework.take(&record, decision_of(&record)?, &AuditStamp::of(&header));
        }
        Some(casework)
    }
}
