//! Reading a record back by its sequence. Whoever asks names the record that must be there, and a record of another id or kind is
//! never used: the journal, or what led to it, is damaged then.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use satang_core::ids::{RegistrationId, ReversalId, TxnId};
use satang_core::record::{
    Authorization, Closing, NamedAuthorization, Record, RegistrationRecord, ReturnKind, ReversalRecord,
};
use satang_log::log::ReadLog;
use std::fmt;

/// Another record than the one that an id leads to.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {got} is there, where {wanted} should be (sequence {sequence})")]
pub struct Misplaced {
    /// File and offset, in the log's own words.
    pub place: String,
    pub sequence: u64,
    pub wanted: Wanted,
    pub got: Got,
}

/// The record that an id leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Of an authorization or hold.
    Purchase(TxnId),
    /// The record of a reversal's own id.
    Reversal(ReversalId),
    /// Some reversal, capture or void of an authorization.
    ReturnOf(TxnId),
    /// The record that closed a hold.
    ClosingOf(TxnId, Closing),
    /// Of a registration.
    Registration(RegistrationId),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Purchase(id) => write!(f, "authorization {id}"),
            Wanted::Reversal(id) => write!(f, "reversal {id}"),
            Wanted::ReturnOf(id) => write!(f, "a reversal, capture or void of {id}"),
            Wanted::ClosingOf(id, Closing::Captured) => write!(f, "the capture of {id}"),
            Wanted::ClosingOf(id, Closing::Voided) => write!(f, "the void of {id}"),
            Wanted::Registration(id) => write!(f, "registration {id}"),
        }
    }
}

/// What a record that is there is: its kind, and whose it is where it has an id that a client gave it. No citizen, no wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got(String);

impl Got {
    /// What `record` is.
    pub fn of(record: &Record) -> Got {
        let kind = record.kind().name();
        Got(match record {
            Record::Authorization(found) => format!("{kind} {}", found.record.txn_id()),
            Record::Reversal(record) => format!("{kind} {} of {}", record.reversal_id(), record.txn_id()),
            Record::Capture(record) | Record::Void(record) => format!("{kind} of {}", record.txn_id()),
            Record::Registration(record) => format!("{kind} {}", record.registration_id()),
            other => format!("a record of kind {}", other.kind().name()),
        })
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The record of an authorization's or hold's id, with its names.
    pub(crate) fn read_purchase(&self, sequence: u64, id: TxnId) -> Result<NamedAuthorization, SubmitError> {
        match self.read(sequence)? {
            Record::Authorization(found) if found.record.txn_id() == id => Ok(found),
            other => Err(self.misplaced(sequence, Wanted::Purchase(id), &other)),
        }
    }

    /// The record of an authorization's or hold's id.
    pub(crate) fn read_authorization(&self, sequence: u64, id: TxnId) -> Result<Authorization, SubmitError> {
        Ok(self.read_purchase(sequence, id)?.record)
    }

    /// The record of a reversal's own id.
    pub(crate) fn read_reversal(&self, sequence: u64, id: ReversalId) -> Result<ReversalRecord, SubmitError> {
        match self.read(sequence)? {
            Record::Reversal(found) if found.reversal_id() == id => Ok(found),
            other => Err(self.misplaced(sequence, Wanted::Reversal(id), &other)),
        }
    }

    /// A reversal, capture or void that gave some of an authorization back, or closed it.
    pub(crate) fn read_return_of(&self, sequence: u64, id: TxnId) -> Result<ReversalRecord, SubmitError> {
        match self.read(sequence)? {
            Record::Reversal(found) | Record::Capture(found) | Record::Void(found)
                if found.txn_id() == id =>
            {
                Ok(found)
            }
            other => Err(self.misplaced(sequence, Wanted::ReturnOf(id), &other)),
        }
    }

    /// The record that closed a hold, as it is known to have been closed.
    pub(crate) fn read_closing_of(
        &self,
        sequence: u64,
        id: TxnId,
        closing: Closing,
    ) -> Result<ReversalRecord, SubmitError> {
        match (self.read(sequence)?, closing) {
            (Record::Capture(found), Closing::Captured)
            | (Record::Void(found) | Record::Reversal(found), Closing::Voided)
                if found.txn_id() == id =>
            {
                Ok(found)
            }
            (other, _) => Err(self.misplaced(sequence, Wanted::ClosingOf(id, closing), &other)),
        }
    }

    /// The record of a registration's id.
    pub(crate) fn read_registration(
        &self,
        sequence: u64,
        id: RegistrationId,
    ) -> Result<RegistrationRecord, SubmitError> {
        match self.read(sequence)? {
            Record::Registration(found) if found.registration_id() == id => Ok(found),
            other => Err(self.misplaced(sequence, Wanted::Registration(id), &other)),
        }
    }

    /// The error of another record than the wanted one.
    pub(crate) fn misplaced(&self, sequence: u64, wanted: Wanted, got: &Record) -> SubmitError {
        SubmitError::Misplaced(Box::new(Misplaced {
            place: self.reader.describe(sequence),
            sequence,
            wanted,
            got: Got::of(got),
        }))
    }
}

/// How a capture or void closes its hold.
pub(crate) fn closing_by(act: ReturnKind) -> Closing {
    match act {
        ReturnKind::Capture => Closing::Captured,
        ReturnKind::Void | ReturnKind::Reversal => Closing::Voided,
    }
}
