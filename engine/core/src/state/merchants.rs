//! Merchants as decisions see them: 16 bytes each, found with one look at memory.
//!
//! Which programmes and channels a merchant takes part in is one of a few sets that nearly all of them share.

use crate::ids::MerchantId;
use crate::programme::Category;
use crate::record::{Merchant, NameNumber, Status};
use crate::state::export;
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::table::{Entry, Table};
use std::collections::BTreeMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<MerchantEntry>() == 16);

/// The merchants there are.
pub struct Merchants {
    entries: Table<MerchantEntry>,
    sets: Vec<Box<[NameNumber]>>,
    set_numbers: BTreeMap<Box<[NameNumber]>, u32>,
}

/// What a decision needs of a merchant.
#[derive(Clone, Copy, Debug)]
pub struct MerchantView<'m> {
    pub category: Category,
    /// Whether it takes part.
    pub status: Status,
    programs: &'m [NameNumber],
    channels: &'m [NameNumber],
}

impl MerchantView<'_> {
    /// The programmes it takes part in.
    pub fn programs(&self) -> &[NameNumber] {
        self.programs
    }

    /// The channels it sells through.
    pub fn channels(&self) -> &[NameNumber] {
        self.channels
    }

    /// Whether it takes part in the programme.
    pub fn takes_part_in(&self, program: NameNumber) -> bool {
        self.programs.contains(&program)
    }

    /// Whether it sells through the channel.
    pub fn sells_through(&self, channel: NameNumber) -> bool {
        self.channels.contains(&channel)
    }
}

#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct MerchantEntry {
    /// `(merchant + 1) << 14 | category << 1`, and flags.
    key: u64,
    /// Indices into the sets.
    programs: u32,
    channels: u32,
}

/// The register says that it is suspended.
const SUSPENDED: u64 = 1;
/// Casework suspended it.
const STOPPED: u64 = 1 << 9;
/// It withdrew its consent.
const WITHDRAWN: u64 = 1 << 10;
const FLAGS_OF_DESK: u64 = STOPPED | WITHDRAWN;
const FLAGS: u64 = SUSPENDED | FLAGS_OF_DESK;

/// Why casework has a merchant suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Suspended,
    /// The merchant withdrew its consent.
    Withdrawn,
}

impl Entry for MerchantEntry {
    /// `merchant + 1`.
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.key == 0
    }

    #[inline]
    fn key(&self) -> u64 {
        self.key >> 14
    }

    #[inline]
    fn hash(key: u64, seed: &HashSeed) -> u64 {
        seed.word(key)
    }
}

impl Merchants {
    /// No merchants.
    pub fn new(seed: HashSeed) -> Merchants {
        Merchants {
            entries: Table::new(seed),
            sets: Vec::new(),
            set_numbers: BTreeMap::new(),
        }
    }

    /// The merchant, when it was ever registered.
    #[inline]
    pub fn get(&self, id: MerchantId) -> Option<MerchantView<'_>> {
        let entry = self.entries.find(id.number() + 1)?;
        Some(MerchantView {
            category: Category::ALL[(entry.key >> 1) as usize & 0xFF],
            status: if entry.key & FLAGS == 0 {
                Status::Active
            } else {
                Status::Suspended
            },
            programs: &self.sets[entry.programs as usize],
            channels: &self.sets[entry.channels as usize],
        })
    }

    /// Asks the processor to fetch what [`Merchants::get`] will read.
    #[inline]
    pub fn prefetch(&self, id: MerchantId) {
        self.entries.prefetch(id.number() + 1);
    }

    /// Registers or changes a merchant. What casework decided about it stays.
    pub fn put(&mut self, merchant: &Merchant) {
        let suspended = u64::from(merchant.status == Status::Suspended) * SUSPENDED;
        let key = (merchant.id.number() + 1) << 14 | (merchant.category as u64) << 1 | suspended;
        let entry = MerchantEntry {
            key,
            programs: self.set(&merchant.programs),
            channels: self.set(&merchant.channels),
        };
        let (known, _) = self.entries.find_or_insert(entry.key(), || entry);
        let kept = known.key & FLAGS_OF_DESK;
        *known = entry;
        known.key |= kept;
    }

    /// Casework has the merchant suspended, or not any more; one that was never registered is left alone.
    pub(crate) fn stop(&mut self, id: MerchantId, why: Stop, stopped: bool) {
        let flag = match why {
            Stop::Suspended => STOPPED,
            Stop::Withdrawn => WITHDRAWN,
        };
        if let Some(entry) = self.entry_mut(id) {
            match stopped {
                true => entry.key |= flag,
                false => entry.key &= !flag,
            }
        }
    }

    /// The merchant takes part in one programme more; one that was never registered is left alone.
    pub(crate) fn join(&mut self, id: MerchantId, program: NameNumber) {
        let Some(entry) = self.entry_mut(id) else {
            return;
        };
        let before = entry.programs as usize;
        let mut programs = self.sets[before].to_vec();
        programs.push(program);
        let set = self.set(&programs);
        self.entry_mut(id).expect("found above").programs = set;
    }

    /// A digest of all of them that does not depend on hash order. Sets are numbered in the order of the journal.
    pub fn digest(&self) -> u64 {
        let numbers = self
            .sets
            .iter()
            .flat_map(|set| set.iter().map(|n| u64::from(n.0)).chain([u64::MAX]));
        let sets = numbers.fold(0, hash_pair);
        let of = |entry: &MerchantEntry| {
            hash_pair(
                entry.key,
                u64::from(entry.programs) << 32 | u64::from(entry.channels),
            )
        };
        self.entries.iter().map(of).fold(sets, u64::wrapping_add)
    }

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        self.entries.long_probes()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends all of them to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::number(to, self.sets.len() as u64);
        for set in &self.sets {
            export::number(to, set.len() as u64);
            set.iter().for_each(|name| export::number(to, u64::from(name.0)));
        }
        export::entries(to, self.entries.len(), self.entries.iter().copied());
    }

    /// The merchants that [`Merchants::export`] wrote; `None` when the bytes are none.
    pub fn import(from: &mut &[u8], seed: HashSeed) -> Option<Merchants> {
        let mut merchants = Merchants::new(seed);
        for _ in 0..export::take_number(from)? {
            let len = export::take_number(from)?;
            let name = |from: &mut &[u8]| u16::try_from(export::take_number(from)?).ok().map(NameNumber);
            let set = (0..len).map(|_| name(from)).collect::<Option<Vec<_>>>()?;
            merchants.set(&set);
        }
        merchants.entries = Table::from_entries(seed, export::take_entries::<MerchantEntry>(from)?, 0);
        Some(merchants)
    }

    fn entry_mut(&mut self, id: MerchantId) -> Option<&mut MerchantEntry> {
        self.entries.find_mut(id.number() + 1)
    }

    fn set(&mut self, names: &[NameNumber]) -> u32 {
        if let Some(number) = self.set_numbers.get(names) {
            return *number;
        }
        let number = self.sets.len() as u32;
        self.sets.push(names.into());
        self.set_numbers.insert(names.into(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_is_as_it_was_last_registered() {
        let mut merchants = Merchants::new(HashSeed::from_bytes([7; 16]));
        let merchant = |id, category, status, programs: &[u16]| Merchant {
            id: MerchantId::from_number(id),
            category,
            status,
            programs: programs.iter().map(|number| NameNumber(*number)).collect(),
            channels: vec![NameNumber(9)],
            name: String::new(),
            province: None,
            bank_account: None,
            account_name: None,
        };
        for id in 0..1_000 {
            merchants.put(&merchant(id, Category::Water, Status::Suspended, &[1, 2]));
            merchants.put(&merchant(
                id,
                Category::Hair,
                Status::Active,
                &[id as u16 % 3 + 1],
            ));
        }
        assert_eq!(merchants.len(), 1_000);
        assert_eq!(merchants.sets.len(), 5);
        let last = merchants.get(MerchantId::from_number(999)).unwrap();
        assert_eq!((last.category, last.status), (Category::Hair, Status::Active));
        assert!(last.takes_part_in(NameNumber(1)) && !last.takes_part_in(NameNumber(2)));
        assert!(last.sells_through(NameNumber(9)) && !last.sells_through(NameNumber(1)));
        assert!(merchants.get(MerchantId::from_number(1_000)).is_none());
        let highest = merchant(999_999_999_999_999, Category::Water, Status::Suspended, &[]);
        merchants.put(&highest);
        let highest = merchants.get(highest.id).unwrap();
        assert_eq!(
            (highest.category, highest.status),
            (Category::Water, Status::Suspended)
        );
    }
}
