//! Ids and their outcomes (I5): where the record of each id lies, and what was given back.

use crate::ids::{ReversalId, TxnId};
use crate::money::Satang;
use crate::record::{Position, ReversalRecord};
use crate::table::{Entry, Table, hash_pair};
use hashbrown::HashMap;
use zerocopy::FromZeros;

const _: () = assert!(size_of::<IdEntry>() == 24);

/// How many shards ids are spread over; a power of two, many more than cores.
pub const ID_SHARDS: usize = 256;

/// The shard of an authorization's id.
#[inline]
pub fn txn_shard(id: TxnId) -> usize {
    (id_hash(id.bits()) >> 56) as usize
}

/// The shard of a reversal's id.
#[inline]
pub fn reversal_shard(id: ReversalId) -> usize {
    (id_hash(id.bits()) >> 56) as usize
}

#[inline]
fn id_hash(bits: u128) -> u64 {
    hash_pair((bits >> 64) as u64, bits as u64)
}

/// The ids of one shard.
#[derive(Default)]
pub struct IdShard {
    txns: Table<IdEntry>,
    reversals: Table<IdEntry>,
    given_back: HashMap<TxnId, Satang, crate::directory::FixedSeed>,
    /// The sequence of the last record applied to the shard.
    pub applied_through: u64,
}

/// One id: 24 bytes.
#[derive(Clone, Copy, FromZeros)]
struct IdEntry {
    /// The id's 128 bits.
    id: [u64; 2],
    /// `position << 16 | flags`; never 0 in use.
    value: u64,
}

/// An authorization's record lies at the position.
const ORIGINAL: u64 = 1;
/// The id was reversed before its original arrived.
const TOMBSTONE: u64 = 2;

impl Entry for IdEntry {
    fn is_empty(&self) -> bool {
        self.value == 0
    }

    fn hash(&self) -> u64 {
        id_hash(u128::from(self.id[1]) << 64 | u128::from(self.id[0])) << 8
    }
}

impl IdEntry {
    fn new(bits: u128, position: Position, flags: u64) -> IdEntry {
        IdEntry {
            id: [bits as u64, (bits >> 64) as u64],
            value: position.number() << 16 | flags,
        }
    }

    fn is(&self, bits: u128) -> bool {
        self.id == [bits as u64, (bits >> 64) as u64]
    }

    fn position(&self) -> Position {
        Position::from_number(self.value >> 16)
    }
}

/// What is known of an authorization's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxnState {
    /// Nothing.
    New,
    /// It was reversed before it arrived, and has not arrived.
    Tombstone,
    /// Its authorization's record lies here.
    Seen {
        /// Where.
        position: Position,
        /// Whether it was reversed before it arrived; it was declined then.
        tombstone: bool,
    },
}

impl IdShard {
    /// A shard with room for `ids` authorizations.
    pub fn with_room_for(ids: usize) -> IdShard {
        IdShard {
            txns: Table::with_room_for(ids),
            ..IdShard::default()
        }
    }

    /// Asks the processor to fetch what a look-up of the id will read.
    pub fn prefetch(&self, id: TxnId) {
        self.txns.prefetch(id_hash(id.bits()) << 8);
    }

    /// What is known of an authorization's id.
    pub fn txn(&self, id: TxnId) -> TxnState {
        match find(&self.txns, id.bits()) {
            None => TxnState::New,
            Some(entry) if entry.value & ORIGINAL == 0 => TxnState::Tombstone,
            Some(entry) => TxnState::Seen {
                position: entry.position(),
                tombstone: entry.value & TOMBSTONE != 0,
            },
        }
    }

    /// Where the record of a reversal's id lies.
    pub fn reversal(&self, id: ReversalId) -> Option<Position> {
        find(&self.reversals, id.bits()).map(IdEntry::position)
    }

    /// How much of an authorization was given back so far.
    pub fn given_back(&self, id: TxnId) -> Satang {
        self.given_back.get(&id).copied().unwrap_or(Satang::ZERO)
    }

    /// The id has its authorization; it keeps its tombstone.
    ///
    /// # Panics
    /// When it had one before: one id has one outcome (I5).
    pub fn insert_txn(&mut self, sequence: u64, id: TxnId, position: Position) {
        self.applied_through = sequence;
        let original = IdEntry::new(id.bits(), position, ORIGINAL);
        let (entry, new) = find_or_insert(&mut self.txns, original);
        if !new {
            assert!(
                entry.value & ORIGINAL == 0,
                "I5: a second outcome for one txn_id at sequence {sequence}"
            );
            *entry = IdEntry::new(id.bits(), position, ORIGINAL | TOMBSTONE);
        }
    }

    /// The reversal's id has its outcome.
    ///
    /// # Panics
    /// When it had one before (I5).
    pub fn insert_reversal(&mut self, sequence: u64, id: ReversalId, position: Position) {
        self.applied_through = sequence;
        let outcome = IdEntry::new(id.bits(), position, ORIGINAL);
        let (_, new) = find_or_insert(&mut self.reversals, outcome);
        assert!(
            new,
            "I5: a second outcome for one reversal_id at sequence {sequence}"
        );
    }

    /// The authorization's id learns of its reversal: money given back, or a tombstone.
    pub fn apply_reversal(&mut self, record: &ReversalRecord, position: Position) {
        self.applied_through = record.header.sequence;
        if !record.approved() {
            return;
        }
        if !record.is_tombstone() {
            let total = self.given_back.entry(record.txn_id()).or_insert(Satang::ZERO);
            let sum = record
                .state()
                .checked_add(record.citizen())
                .and_then(|part| total.checked_add(part));
            *total = sum.expect("at most the bill is given back");
        } else {
            // An id that has a record, or a tombstone, keeps it.
            find_or_insert(
                &mut self.txns,
                IdEntry::new(record.txn_id().bits(), position, TOMBSTONE),
            );
        }
    }

    /// How many authorization and reversal ids are known.
    pub fn ids_len(&self) -> usize {
        self.txns.len() + self.reversals.len()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        let per_reversal = size_of::<(TxnId, Satang)>() + 1;
        self.txns.memory_bytes() + self.reversals.memory_bytes() + self.given_back.capacity() * per_reversal
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let of = |entry: &IdEntry| hash_pair(hash_pair(entry.id[0], entry.id[1]), entry.value);
        let ids = self.txns.iter().chain(self.reversals.iter()).map(of);
        let given = self
            .given_back
            .iter()
            .map(|(id, part)| hash_pair(id_hash(id.bits()), part.get()));
        ids.chain(given).fold(0, u64::wrapping_add)
    }
}

fn find(table: &Table<IdEntry>, bits: u128) -> Option<&IdEntry> {
    table.find(id_hash(bits) << 8, |entry| entry.is(bits))
}

fn find_or_insert(table: &mut Table<IdEntry>, entry: IdEntry) -> (&mut IdEntry, bool) {
    table.find_or_insert(entry.hash(), |other| other.id == entry.id, || entry)
}
