//! What became of an authorization: its record, and the reversals that gave some of it back. Only what is durable.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::query::read_back::Wanted;
use satang_core::ids::{Name, TxnId};
use satang_core::money::Satang;
use satang_core::record::{Authorization, NamedAuthorization, ReversalRecord};
use satang_core::state::dedup::{Reversed, TxnState};
use satang_log::log::ReadLog;

/// The most reversals of one authorization that are shown, the last ones (I12). More: larger answers, and longer reading for
/// every other request of the thread.
pub const REVERSALS_SHOWN_MAX: usize = 256;

/// What an authorization's id leads to.
#[derive(Debug)]
pub enum Found {
    Unknown,
    /// A reversal of it; the authorization itself never came. Durable once `sequence` is.
    ReversedBeforeArrival {
        sequence: u64,
        /// The sequence of the last record that reversed it.
        tombstone: u64,
    },
    /// Something that is not durable yet: wait for `sequence`, then ask again.
    Wait {
        sequence: u64,
    },
    Authorization(Box<FoundAuthorization>),
}

/// An authorization, and what became of it since.
#[derive(Debug)]
pub struct FoundAuthorization {
    pub record: Authorization,
    /// The programme, when the record has no number for it.
    pub program: Option<Name>,
    /// The channel, when the record has no number for it.
    pub channel: Option<Name>,
    /// The reversals, capture or void that gave some of it back, oldest first: the last [`REVERSALS_SHOWN_MAX`] of them.
    pub reversals: Vec<ReversalRecord>,
    /// Whether there are earlier reversals that are not shown.
    pub has_earlier_reversals: bool,
    /// What is still not given back of the bill; zero when it was declined.
    pub left: Satang,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// What became of an authorization.
    ///
    /// # Errors
    /// [`SubmitError::Storage`], [`SubmitError::Read`], [`SubmitError::Misplaced`].
    pub fn find_authorization(&self, txn_id: TxnId) -> Result<Found, SubmitError> {
        let (state, reversed, last) = self.look_up(txn_id)?;
        let sequence = match state {
            TxnState::New => return Ok(Found::Unknown),
            // Looked up again, it would be said of what was appended meanwhile, and so on without end.
            TxnState::Tombstone { sequence: tombstone } => {
                return Ok(Found::ReversedBeforeArrival {
                    sequence: last,
                    tombstone,
                });
            }
            TxnState::Seen { sequence, .. } => sequence,
        };
        let newest = reversed.map_or(sequence, |reversed| reversed.last);
        if !self.durable.check(newest)? {
            return Ok(Found::Wait { sequence: newest });
        }
        let NamedAuthorization {
            record,
            program,
            channel,
        } = self.read_purchase(sequence, txn_id)?;
        let (reversals, has_earlier_reversals) = self.read_reversals(txn_id, sequence, reversed)?;
        let left = match (record.approved(), reversed) {
            (false, _) => Satang::ZERO,
            (true, None) => record.amount(),
            (true, Some(reversed)) => reversed.left,
        };
        Ok(Found::Authorization(Box::new(FoundAuthorization {
            record,
            program,
            channel,
            reversals,
            has_earlier_reversals,
            left,
        })))
    }

    /// What is known of the id, and a sequence that is durable no earlier than whatever that was read from.
    fn look_up(&self, txn_id: TxnId) -> Result<(TxnState, Option<Reversed>, u64), SubmitError> {
        loop {
            // Without locks: files may be read.
            let old = self.old_facts_of_txn(txn_id)?;
            let ids = self.state.ids[self.state.seed.txn_shard(txn_id)].lock();
            if self.id_archive.epoch() != old.epoch {
                // A date left memory in between: look again.
                continue;
            }
            // Taken under the shard's lock: everything that is read here lies at or below it.
            let last = self.appender.last_sequence();
            let reversed = ids.reversed(txn_id).or(old.reversed);
            return Ok((old.txn_state(&ids, txn_id), reversed, last));
        }
    }

    /// The reversals from the last one back to the original, oldest first, and whether some are left out.
    fn read_reversals(
        &self,
        txn_id: TxnId,
        original: u64,
        reversed: Option<Reversed>,
    ) -> Result<(Vec<ReversalRecord>, bool), SubmitError> {
        let mut found: Vec<ReversalRecord> = Vec::new();
        let (mut next, mut behind) = (reversed.map(|reversed| reversed.last), None);
        while let Some(sequence) = next.filter(|_| found.len() < REVERSALS_SHOWN_MAX) {
            let record = self.read_return_of(sequence, txn_id)?;
            let in_order = sequence > original && behind.is_none_or(|behind| sequence < behind);
            if !in_order {
                let wanted = Wanted::ReturnOf(txn_id);
                return Err(self.misplaced(sequence, wanted, &self.read(sequence)?));
            }
            next = record.previous();
            found.push(record);
            behind = Some(sequence);
        }
        found.reverse();
        Ok((found, next.is_some()))
    }
}
