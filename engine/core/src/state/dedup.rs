//! Ids and their outcomes (I5): which record each id leads to, and what is left of what was reversed.
//!
//! Memory holds the ids of the hot window: every id whose record is young, and every id whose own time (UUIDv7) is. So an id that
//! says it is young and is not in memory is new; any other one may lie in an index file of an older day.

use crate::ids::{RegistrationId, ReversalId, TxnId};
use crate::money::Satang;
use crate::record::{Closing, ReversalRecord, SEQUENCE_END};
use crate::state::export;
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::table::{Entry, Table};
use hashbrown::HashMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<IdEntry>() == 24);

/// How many shards ids are spread over; a power of two, many more than cores.
pub const ID_SHARDS: usize = 256;

impl HashSeed {
    /// The hash of an id.
    #[inline]
    pub fn id(&self, bits: u128) -> u64 {
        self.pair((bits >> 64) as u64, bits as u64)
    }

    /// The shard of an authorization's id.
    #[inline]
    pub fn txn_shard(&self, id: TxnId) -> usize {
        id_shard(self.id(id.bits()))
    }

    /// The shard of a reversal's id.
    #[inline]
    pub fn reversal_shard(&self, id: ReversalId) -> usize {
        id_shard(self.id(id.bits()))
    }

    /// The shard of a registration's id.
    #[inline]
    pub fn registration_shard(&self, id: RegistrationId) -> usize {
        id_shard(self.id(id.bits()))
    }
}

/// The shard of an id with this hash.
#[inline]
pub fn id_shard(hash: u64) -> usize {
    (hash >> 56) as usize
}

/// The ids of one shard.
pub struct IdShard {
    txns: Table<IdEntry>,
    reversals: Table<IdEntry>,
    registrations: Table<IdEntry>,
    /// By the id of the hold.
    closings: Table<IdEntry>,
    reversed: HashMap<TxnId, Reversed, HashSeed>,
}

/// What one id leads to: 24 bytes, the same in memory, in snapshots and in index files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IdEntry {
    /// The id's 128 bits.
    id: [u64; 2],
    /// `sequence << 16 | flags`; never 0 in use.
    value: u64,
}

/// The sequence is that of an authorization's record.
const ORIGINAL: u64 = 1;
/// The id was reversed before its original arrived.
const TOMBSTONE: u64 = 2;
/// The id is a reversal's: the sequence is its record's.
const REVERSAL: u64 = 4;
/// The sequence is that of the last reversal that gave some of the authorization back.
const REVERSED: u64 = 8;
/// The id is a registration's: the sequence is its record's.
const REGISTRATION: u64 = 16;
/// The sequence is that of the record that captured the hold.
const CAPTURED: u64 = 32;
/// The sequence is that of the record that voided the hold, or the id before its hold came.
const VOIDED: u64 = 64;

/// What kind of fact an [`IdEntry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFact {
    /// What became of an authorization's id.
    Txn,
    /// What became of a reversal's id.
    Reversal,
    /// What was last given back of an authorization.
    Reversed,
    /// What became of a registration's id.
    Registration,
    /// How a hold was closed.
    Closing,
}

impl Entry for IdEntry {
    /// The id's 128 bits.
    type Key = u128;

    #[inline]
    fn is_empty(&self) -> bool {
        self.value == 0
    }

    #[inline]
    fn key(&self) -> u128 {
        self.bits()
    }

    #[inline]
    fn hash(key: u128, seed: &HashSeed) -> u64 {
        within_shard(seed.id(key))
    }
}

/// An id's hash without the bits that chose the shard.
#[inline]
fn within_shard(hash: u64) -> u64 {
    hash << 8
}

impl IdEntry {
    fn new(bits: u128, sequence: u64, flags: u64) -> IdEntry {
        assert!(sequence < SEQUENCE_END, "a sequence fits 48 bits");
        IdEntry {
            id: [bits as u64, (bits >> 64) as u64],
            value: sequence << 16 | flags,
        }
    }

    /// The id's 128 bits.
    pub fn bits(&self) -> u128 {
        u128::from(self.id[1]) << 64 | u128::from(self.id[0])
    }

    /// What index files are sorted by: the hash of the id, the id, and the sequence of its record. Shards follow one another in it.
    #[inline]
    pub fn file_order(&self, seed: &HashSeed) -> (u64, u128, u64) {
        (seed.id(self.bits()), self.bits(), self.value)
    }

    /// The sequence of the record.
    pub fn sequence(&self) -> u64 {
        self.value >> 16
    }

    /// What kind of fact it is; `None` for an entry that no version of this program wrote.
    pub fn fact(&self) -> Option<IdFact> {
        match self.value & 0xFFFF {
            ORIGINAL | TOMBSTONE => Some(IdFact::Txn),
            flags if flags == ORIGINAL | TOMBSTONE => Some(IdFact::Txn),
            REVERSAL => Some(IdFact::Reversal),
            REVERSED => Some(IdFact::Reversed),
            REGISTRATION => Some(IdFact::Registration),
            CAPTURED | VOIDED => Some(IdFact::Closing),
            _ => None,
        }
    }

    /// How it says that a hold was closed, and the sequence of the record that closed it.
    pub fn closing(&self) -> (Closing, u64) {
        let closing = match self.value & CAPTURED {
            0 => Closing::Voided,
            _ => Closing::Captured,
        };
        (closing, self.sequence())
    }

    /// What it says of an authorization's id.
    pub fn txn_state(&self) -> TxnState {
        if self.value & ORIGINAL == 0 {
            return TxnState::Tombstone {
                sequence: self.sequence(),
            };
        }
        TxnState::Seen {
            sequence: self.sequence(),
            tombstone: self.value & TOMBSTONE != 0,
        }
    }
}

/// What is known of an authorization's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxnState {
    New,
    /// It was reversed before it arrived, and has not arrived.
    Tombstone {
        /// The sequence of the last record that reversed it.
        sequence: u64,
    },
    /// It has its authorization.
    Seen {
        /// The sequence of its record.
        sequence: u64,
        /// Whether it was reversed before it arrived; it was declined then.
        tombstone: bool,
    },
}

/// What reversals have left of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversed {
    /// What is still not given back.
    pub left: Satang,
    /// The sequence of the last reversal that gave some of it back.
    pub last: u64,
}

/// Which ids memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotWindow {
    /// Every id whose record has this sequence or a later one.
    pub from: u64,
    /// Every id that is a UUIDv7 of this time or later, in milliseconds since the Unix epoch.
    pub from_ms: i64,
}

impl HotWindow {
    /// Everything: no id has left memory.
    pub const ALL: HotWindow = HotWindow {
        from: 0,
        from_ms: i64::MIN,
    };

    /// Whether an id that is not in memory may lie in an index file.
    #[inline]
    pub fn may_have_left(&self, bits: u128) -> bool {
        self.from_ms != i64::MIN && uuid_v7_ms(bits).is_none_or(|ms| ms < self.from_ms)
    }
}

/// The time in a UUID of version 7, in milliseconds since the Unix epoch (RFC 9562 section 5.7).
#[inline]
pub fn uuid_v7_ms(bits: u128) -> Option<i64> {
    let (version, variant) = (bits >> 76 & 0xF, bits >> 62 & 0b11);
    (version == 7 && variant == 0b10).then_some((bits >> 80) as i64)
}

impl IdShard {
    /// A shard without ids.
    pub fn new(seed: HashSeed) -> IdShard {
        IdShard {
            txns: Table::new(seed),
            reversals: Table::new(seed),
            registrations: Table::new(seed),
            closings: Table::new(seed),
            reversed: HashMap::with_hasher(seed),
        }
    }

    /// A shard with room for `ids` authorizations.
    pub fn with_room_for(seed: HashSeed, ids: usize) -> IdShard {
        IdShard {
            txns: Table::with_room_for(seed, ids),
            ..IdShard::new(seed)
        }
    }

    /// Asks the processor to fetch what a look-up of the id will read.
    pub fn prefetch(&self, id: TxnId) {
        self.txns.prefetch(id.bits());
    }

    /// The same for whoever knows the id's hash ([`HashSeed::id`]).
    #[inline]
    pub fn prefetch_hashed(&self, hash: u64) {
        self.txns.prefetch_hashed(within_shard(hash));
    }

    /// What memory knows of an authorization's id.
    pub fn txn(&self, id: TxnId) -> TxnState {
        self.txns
            .find(id.bits())
            .map_or(TxnState::New, IdEntry::txn_state)
    }

    /// The same for whoever knows the id's hash ([`HashSeed::id`]).
    #[inline]
    pub fn txn_hashed(&self, hash: u64, id: TxnId) -> TxnState {
        let found = self.txns.find_hashed(within_shard(hash), id.bits());
        found.map_or(TxnState::New, IdEntry::txn_state)
    }

    /// The sequence of the record of a reversal's id, when memory knows it.
    pub fn reversal(&self, id: ReversalId) -> Option<u64> {
        self.reversals.find(id.bits()).map(IdEntry::sequence)
    }

    /// How a hold was closed and the sequence of the record that closed it, when memory knows of it.
    pub fn closing(&self, id: TxnId) -> Option<(Closing, u64)> {
        self.closings.find(id.bits()).map(IdEntry::closing)
    }

    /// The sequence of the record of a registration's id, when memory knows it.
    pub fn registration(&self, id: RegistrationId) -> Option<u64> {
        self.registrations.find(id.bits()).map(IdEntry::sequence)
    }

    /// Asks the processor to fetch what a look-up of a registration's id will read.
    pub fn prefetch_registration(&self, id: RegistrationId) {
        self.registrations.prefetch(id.bits());
    }

    /// What reversals have left of an authorization, when memory knows of one.
    pub fn reversed(&self, id: TxnId) -> Option<Reversed> {
        self.reversed.get(&id).copied()
    }

    /// The id has its authorization; it keeps its tombstone, which (`tombstone`) may be of a day that has left memory.
    ///
    /// # Panics
    /// When it had one before: one id has one outcome (I5).
    pub fn insert_txn(&mut self, sequence: u64, id: TxnId, tombstone: bool) {
        let flags = ORIGINAL | (u64::from(tombstone) * TOMBSTONE);
        let original = IdEntry::new(id.bits(), sequence, flags);
        let (entry, new) = find_or_insert(&mut self.txns, original);
        if !new {
            assert!(
                entry.value & ORIGINAL == 0,
                "I5: a second outcome for one txn_id at sequence {sequence}"
            );
            *entry = original;
        }
    }

    /// The reversal's id has its outcome.
    ///
    /// # Panics
    /// When it had one before (I5).
    pub fn insert_reversal(&mut self, sequence: u64, id: ReversalId) {
        let outcome = IdEntry::new(id.bits(), sequence, REVERSAL);
        let (_, new) = find_or_insert(&mut self.reversals, outcome);
        assert!(
            new,
            "I5: a second outcome for one reversal_id at sequence {sequence}"
        );
    }

    /// The registration's id has its outcome.
    ///
    /// # Panics
    /// When it had one before (I5).
    pub fn insert_registration(&mut self, sequence: u64, id: RegistrationId) {
        let outcome = IdEntry::new(id.bits(), sequence, REGISTRATION);
        let (_, new) = find_or_insert(&mut self.registrations, outcome);
        assert!(
            new,
            "I5: a second outcome for one registration_id at sequence {sequence}"
        );
    }

    /// The authorization's id learns of its reversal, capture or void: money given back, or a tombstone. Of several voids of an id
    /// that never came, which journals of before had, the first is its answer.
    pub fn apply_reversal(&mut self, record: &ReversalRecord, sequence: u64) {
        let voids_unknown = record.voids_unknown().then_some(Closing::Voided);
        let is_first = voids_unknown.is_none() || self.closing(record.txn_id()).is_none();
        if let Some(closing) = record.closes().or(voids_unknown).filter(|_| is_first) {
            let flag = match closing {
                Closing::Captured => CAPTURED,
                Closing::Voided => VOIDED,
            };
            let closed = IdEntry::new(record.txn_id().bits(), sequence, flag);
            let (_, new) = find_or_insert(&mut self.closings, closed);
            assert!(new, "I5: a hold is closed once");
        }
        if record.gives_back() {
            let left = record.left();
            self.reversed
                .insert(record.txn_id(), Reversed { left, last: sequence });
        } else if record.is_tombstone() {
            // The last tombstone counts: an earlier one may have left memory, or not yet.
            let tombstone = IdEntry::new(record.txn_id().bits(), sequence, TOMBSTONE);
            *find_or_insert(&mut self.txns, tombstone).0 = tombstone;
        }
    }

    /// Tells the sequence of the record of every fact, in no order.
    pub fn for_each_sequence(&self, mut each: impl FnMut(u64)) {
        self.ids().for_each(|entry| each(entry.sequence()));
        self.reversed.values().for_each(|reversed| each(reversed.last));
    }

    /// The facts whose record's sequence is in `from..to`, for the index file of a day: unsorted.
    pub fn facts_between(&self, from: u64, to: u64) -> Vec<IdEntry> {
        let reversed = self
            .reversed
            .iter()
            .map(|(id, reversed)| IdEntry::new(id.bits(), reversed.last, REVERSED));
        let ids = self.ids().copied();
        ids.chain(reversed)
            .filter(|entry| (from..to).contains(&entry.sequence()))
            .collect()
    }

    /// Forgets what `window` leaves out, which must lie in index files.
    pub fn forget_outside(&mut self, window: HotWindow) {
        let stays = |bits, sequence| sequence >= window.from || !window.may_have_left(bits);
        let tables = [
            &mut self.txns,
            &mut self.reversals,
            &mut self.registrations,
            &mut self.closings,
        ];
        for table in tables {
            table.retain(|entry| stays(entry.bits(), entry.sequence()));
        }
        self.reversed
            .retain(|id, reversed| stays(id.bits(), reversed.last));
        self.reversed.shrink_to_fit();
    }

    /// How many ids are known.
    pub fn ids_len(&self) -> usize {
        self.txns.len() + self.reversals.len() + self.registrations.len() + self.closings.len()
    }

    /// The ids of every kind.
    fn ids(&self) -> impl Iterator<Item = &IdEntry> {
        let others = self.reversals.iter().chain(self.registrations.iter());
        self.txns.iter().chain(others).chain(self.closings.iter())
    }

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        let tables = [&self.txns, &self.reversals, &self.registrations, &self.closings];
        tables.into_iter().map(Table::long_probes).sum()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        let per_reversed = size_of::<(TxnId, Reversed)>() + 1;
        let tables = [&self.txns, &self.reversals, &self.registrations, &self.closings];
        let tables: usize = tables.into_iter().map(Table::memory_bytes).sum();
        tables + self.reversed.capacity() * per_reversed
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let of = |entry: &IdEntry| hash_pair(hash_pair(entry.id[0], entry.id[1]), entry.value);
        let ids = self.ids().map(of);
        let reversed = self.reversed.iter().map(|(id, reversed)| {
            let value = hash_pair(reversed.left.get(), reversed.last);
            hash_pair(hash_pair((id.bits() >> 64) as u64, id.bits() as u64), value)
        });
        ids.chain(reversed).fold(0, u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.txns.len(), self.txns.iter().copied());
        export::entries(to, self.reversals.len(), self.reversals.iter().copied());
        export::entries(to, self.registrations.len(), self.registrations.iter().copied());
        export::entries(to, self.closings.len(), self.closings.iter().copied());
        let reversed = self.reversed.iter().map(|(id, reversed)| ReversedEntry {
            id: id.bits().to_le_bytes(),
            left: reversed.left.get(),
            last: reversed.last,
        });
        export::entries(to, self.reversed.len(), reversed);
    }

    /// The shard that [`IdShard::export`] wrote, with room for `ids` authorizations; `None` when the bytes are none.
    pub fn import(mut from: &[u8], seed: HashSeed, ids: usize) -> Option<IdShard> {
        let from = &mut from;
        let txns = export::take_entries::<IdEntry>(from)?;
        let reversals = export::take_entries::<IdEntry>(from)?;
        let registrations = export::take_entries::<IdEntry>(from)?;
        let closings = export::take_entries::<IdEntry>(from)?;
        let reversed = export::take_entries::<ReversedEntry>(from)?;
        let reversed = reversed.iter().map(|entry| {
            let last = Some(entry.last).filter(|last| *last < SEQUENCE_END)?;
            let left = Satang::new(entry.left);
            let id = TxnId::from_bits(u128::from_le_bytes(entry.id));
            Some((id, Reversed { left, last }))
        });
        let mut shard = IdShard {
            txns: Table::from_entries(seed, txns, ids),
            reversals: Table::from_entries(seed, reversals, 0),
            registrations: Table::from_entries(seed, registrations, 0),
            closings: Table::from_entries(seed, closings, 0),
            reversed: HashMap::with_hasher(seed),
        };
        for entry in reversed {
            let (id, reversed) = entry?;
            shard.reversed.insert(id, reversed);
        }
        from.is_empty().then_some(shard)
    }
}

/// What was last given back of an authorization, in a snapshot.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct ReversedEntry {
    id: [u8; 16],
    left: u64,
    last: u64,
}

fn find_or_insert(table: &mut Table<IdEntry>, entry: IdEntry) -> (&mut IdEntry, bool) {
    table.find_or_insert(entry.bits(), || entry)
}
