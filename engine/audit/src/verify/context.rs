//! What every part of a verification stands on: the state as of the records taken so far, and what was found.

use super::finding::Finding;
use super::findings::Findings;
use parking_lot::Mutex;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{MerchantId, TxnId};
use satang_core::money::Satang;
use satang_core::record::{AuthorizationRecord, NameNumber, RecordError, RecordHeader, same_but_for_caller};
use satang_core::state::apply::ApplyError;
use satang_core::state::dedup::{IdShard, TxnState};
use satang_engine::ids::archive::IdArchive;
use satang_engine::ids::index::IdIndexError;
use satang_engine::state::State;
use satang_log::file::FileReader;
use satang_log::log::ReadError;
use satang_log::storage::ReadStorage;
use std::collections::BTreeMap;

/// One record, as it lies in the journal.
pub struct At<'b> {
    pub header: RecordHeader,
    pub bytes: &'b [u8],
}

impl At<'_> {
    /// Whether it differs from `decided` in anything that is decided.
    pub fn differs(&self, decided: &[u8]) -> bool {
        !same_but_for_caller(self.bytes, decided)
    }
}

/// How many purchases a programme decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub approved: u64,
    pub declined: u64,
}

impl Tally {
    /// Counts an authorization or hold.
    pub fn count(&mut self, record: &AuthorizationRecord) {
        match record.approved() {
            true => self.approved += 1,
            false => self.declined += 1,
        }
    }
}

/// What all workers share.
pub struct Context<S: ReadStorage> {
    /// The state as of the records taken so far.
    pub state: State,
    /// The ids that have left memory.
    pub id_archive: IdArchive,
    /// What does not agree.
    pub findings: Findings,
    pub tallies: Mutex<BTreeMap<NameNumber, Tally>>,
    /// For originals that are not at hand.
    pub reader: FileReader<S>,
    /// What records say that merchants received.
    pub counted: Mutex<Vec<Counted>>,
}

impl<S: ReadStorage> Context<S> {
    /// A record does not agree.
    pub fn report(&self, header: &RecordHeader, what: Finding) {
        self.findings.record(header.sequence, what);
    }

    /// What memory, or else the index of an older day, knows of an authorization's id.
    ///
    /// # Errors
    /// [`Halt::Index`].
    pub fn known_txn(&self, ids: &IdShard, id: TxnId) -> Result<TxnState, Halt> {
        match ids.txn(id) {
            TxnState::New if self.id_archive.may_hold(id.bits()) => Ok(self.id_archive.txn(id)?.found),
            known => Ok(known),
        }
    }
}

/// Why a verification cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// Bytes are none of a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A record does not fit what came before it.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// An earlier record cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ids of an old date cannot be read.
    #[error("an index written for this verification: {0}")]
    Index(#[from] IdIndexError),
    /// The ids of an old date cannot be written.
    #[error("an index cannot be written in the working folder")]
    WorkFolder,
    /// An id leads to another kind of record.
    #[error("record {sequence} is no reversal")]
    NoReversal { sequence: u64 },
    /// An id leads to another kind of record.
    #[error("there is no authorization at record {sequence}")]
    NoAuthorization { sequence: u64 },
}

/// What a record says that a merchant received.
pub struct Counted {
    pub merchant: MerchantId,
    /// The withdrawal of the merchant's consent.
    pub before: u64,
    pub owed: Satang,
    pub sequence: u64,
}

/// Whether dates can be reckoned with.
pub fn possible_date(date: BusinessDate) -> bool {
    (Instant::MIN.business_date()..=Instant::MAX.business_date()).contains(&date)
}
