//! Whose an authorization is. A key may be one acquirer's: it reverses, captures, voids, repeats and looks up what keys of that
//! acquirer authorized, and what is no acquirer's; everything else is another's, and nothing is journaled for it.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::session::names::NamesOf;
use satang_core::ids::{Name, TxnId};
use satang_core::record::{KeyAcquirer, NameNumber, Record, RecordHeader};
use satang_core::state::directory::Directory;
use satang_log::log::ReadLog;

/// Who asks for a decision, by the numbers of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Of the key; unknown without keys.
    pub key: NameNumber,
    /// Of the acquirer whose key it is; unknown for nobody's.
    pub acquirer: NameNumber,
}

impl Caller {
    /// Callers have no keys: everybody may do everything.
    pub const NOBODY: Caller = Caller {
        key: NameNumber::UNKNOWN,
        acquirer: NameNumber::UNKNOWN,
    };

    /// Whether a tombstone may be another's than this caller's.
    pub(crate) fn is_guarded(self, directory: &Directory) -> bool {
        self.key != NameNumber::UNKNOWN && !directory.acquirers().is_empty()
    }

    /// Whether it may touch what is of this acquirer.
    fn may_touch(self, of: NameNumber) -> bool {
        self.acquirer == NameNumber::UNKNOWN || of == NameNumber::UNKNOWN || of == self.acquirer
    }

    /// Whether it may do something to an id that was reversed by this acquirer before it arrived. Such an id stays whose it is: who is
    /// of no acquirer may not take it over either, for the last reversal counts.
    fn may_touch_tombstone(self, of: NameNumber) -> bool {
        self.key == NameNumber::UNKNOWN || of == NameNumber::UNKNOWN || of == self.acquirer
    }
}

/// A tombstone that a caller meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstone {
    /// The caller may go on.
    Own,
    /// Another acquirer's.
    Foreign,
    /// It is not durable yet: wait, and ask again.
    Wait,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The numbers by which records name a key and its acquirer. What has none yet gets it with this, and so does whose key it is: in
    /// front of the first record of the key. Takes the lock of the directory.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::TooManyNames`].
    pub fn caller_of(&self, key: &Name, acquirer: Option<&Name>) -> Result<Caller, SubmitError> {
        let known = |name: &Name| self.state.directory.read().number_of(name);
        let caller = Caller {
            key: known(key),
            acquirer: acquirer.map_or(NameNumber::UNKNOWN, known),
        };
        let is_named = caller.key != NameNumber::UNKNOWN
            && (acquirer.is_none() || caller.acquirer != NameNumber::UNKNOWN);
        if is_named && self.state.directory.read().acquirers().now(caller.key) == caller.acquirer {
            return Ok(caller);
        }
        let mut directory = self.state.directory.write();
        let at = self.now()?;
        let names: Vec<Name> = [key].into_iter().chain(acquirer).copied().collect();
        let numbers = self.number_names(&mut directory, &names, NamesOf::Keys, None, at)?;
        let caller = Caller {
            key: numbers[0],
            acquirer: numbers.get(1).copied().unwrap_or(NameNumber::UNKNOWN),
        };
        if directory.acquirers().now(caller.key) != caller.acquirer {
            let record = Record::KeyAcquirer(KeyAcquirer {
                key: caller.key,
                acquirer: caller.acquirer,
            });
            self.append_as(&mut directory, &record, NameNumber::UNKNOWN, at)?;
        }
        Ok(caller)
    }

    /// Whether a caller may touch what a record decided. Takes the lock of the directory.
    ///
    /// # Errors
    /// [`SubmitError::OtherAcquirer`].
    pub(crate) fn check_acquirer(&self, caller: Caller, header: &RecordHeader) -> Result<(), SubmitError> {
        // Nearly every caller: nothing is looked up.
        if caller.acquirer == NameNumber::UNKNOWN {
            return Ok(());
        }
        match caller.may_touch(self.acquirer_of(header)) {
            true => Ok(()),
            false => Err(SubmitError::OtherAcquirer),
        }
    }

    /// Whether a caller may go on with an id that the record at `sequence` reversed before it arrived. Without locks.
    ///
    /// # Errors
    /// Of reading the record.
    pub fn tombstone(&self, caller: Caller, txn_id: TxnId, sequence: u64) -> Result<Tombstone, SubmitError> {
        if !caller.is_guarded(&self.state.directory.read()) {
            return Ok(Tombstone::Own);
        }
        if !self.durable.check(sequence)? {
            return Ok(Tombstone::Wait);
        }
        let of = self.acquirer_of(&self.read_return_of(sequence, txn_id)?.header);
        Ok(match caller.may_touch_tombstone(of) {
            true => Tombstone::Own,
            false => Tombstone::Foreign,
        })
    }

    /// Whether a look-up with a key of this acquirer, or of none, may show what a record decided.
    ///
    /// # Errors
    /// [`SubmitError::OtherAcquirer`].
    pub(crate) fn check_shown(
        &self,
        acquirer: Option<&Name>,
        header: &RecordHeader,
    ) -> Result<(), SubmitError> {
        let Some(acquirer) = acquirer else {
            return Ok(());
        };
        let of = self.acquirer_of(header);
        let directory = self.state.directory.read();
        // By name: an acquirer that has authorized nothing has no number.
        match directory.name(of).is_none_or(|of| of == acquirer) {
            true => Ok(()),
            false => Err(SubmitError::OtherAcquirer),
        }
    }

    fn acquirer_of(&self, header: &RecordHeader) -> NameNumber {
        let directory = self.state.directory.read();
        directory.acquirers().at(header.caller(), header.sequence)
    }
}
