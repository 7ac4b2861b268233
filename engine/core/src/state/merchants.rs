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
    /// What no decision reads, of the same merchants.
    texts: Table<MerchantTexts>,
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

/// The texts of a merchant as the register has them: enough to see that a line changes none of them. They stand in the journal.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct MerchantTexts {
    /// `merchant + 1`.
    merchant: u64,
    /// [`Merchant::hash_of_texts`].
    hash: u64,
}

impl MerchantTexts {
    fn of(merchant: &Merchant) -> MerchantTexts {
        MerchantTexts {
            merchant: merchant.id.number() + 1,
            hash: merchant.hash_of_texts(),
        }
    }
}

impl Entry for MerchantTexts {
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.merchant == 0
    }

    fn key(&self) -> u64 {
        self.merchant
    }

    fn hash(key: u64, seed: &HashSeed) -> u64 {
        seed.word(key)
    }
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
            texts: Table::new(seed),
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
        let texts = MerchantTexts::of(merchant);
        *self.texts.find_or_insert(texts.key(), || texts).0 = texts;
        let entry = MerchantEntry {
            key: key_of(merchant),
            programs: self.set(&merchant.programs),
            channels: self.set(&merchant.channels),
        };
        let (known, _) = self.entries.find_or_insert(entry.key(), || entry);
        let kept = known.key & FLAGS_OF_DESK;
        *known = entry;
        known.key |= kept;
    }

    /// Whether the register has the merchant just so, whatever casework decided about it. The order of programmes and of channels is
    /// nothing.
    pub(crate) fn has(&self, merchant: &Merchant) -> bool {
        let texts = MerchantTexts::of(merchant);
        let (Some(entry), Some(known)) = (self.entries.find(texts.key()), self.texts.find(texts.key()))
        else {
            return false;
        };
        let is_set = |set: u32, names: &[NameNumber]| {
            let set = &self.sets[set as usize];
            set.iter().all(|name| names.contains(name)) && names.iter().all(|name| set.contains(name))
        };
        known.hash == texts.hash
            && entry.key & !FLAGS_OF_DESK == key_of(merchant)
            && is_set(entry.programs, &merchant.programs)
            && is_set(entry.channels, &merchant.channels)
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
        let entries = self.entries.iter().map(of);
        let texts = self
            .texts
            .iter()
            .map(|texts| hash_pair(texts.merchant, texts.hash));
        entries.chain(texts).fold(sets, u64::wrapping_add)
    }

    /// Whether any merchant ever had this name among its channels or programmes.
    pub(crate) fn ever_named(&self, name: NameNumber) -> bool {
        self.sets.iter().any(|set| set.contains(&name))
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
        export::entries(to, self.texts.len(), self.texts.iter().copied());
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
        merchants.texts = Table::from_entries(seed, export::take_entries::<MerchantTexts>(from)?, 0);
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

/// The key of an entry that casework decided nothing about.
fn key_of(merchant: &Merchant) -> u64 {
    let suspended = u64::from(merchant.status == Status::Suspended) * SUSPENDED;
    (merchant.id.number() + 1) << 14 | (merchant.category as u64) << 1 | suspended
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
        let unknown = merchant(1_000, Category::Hair, Status::Active, &[2]);
        assert!(!merchants.has(&unknown));
        let highest = merchant(999_999_999_999_999, Category::Water, Status::Suspended, &[]);
        merchants.put(&highest);
        let highest = merchants.get(highest.id).unwrap();
        assert_eq!(
            (highest.category, highest.status),
            (Category::Water, Status::Suspended)
        );
    }

    #[test]
    fn a_line_that_changes_nothing_is_seen_and_one_that_changes_anything_too() {
        let mut merchants = Merchants::new(HashSeed::from_bytes([7; 16]));
        let known = Merchant {
            id: MerchantId::from_number(7),
            category: Category::Hair,
            status: Status::Active,
            programs: vec![NameNumber(1), NameNumber(2)],
            channels: vec![NameNumber(9)],
            name: "ร้าน".to_owned(),
            province: None,
            bank_account: Some("0123456789".to_owned()),
            account_name: None,
        };
        merchants.put(&known);
        // What casework decided is not in the line.
        merchants.stop(known.id, Stop::Suspended, true);
        assert!(merchants.has(&known));
        let other_order = Merchant {
            programs: vec![NameNumber(2), NameNumber(1), NameNumber(2)],
            ..known.clone()
        };
        assert!(merchants.has(&other_order));
        let changes: [fn(&mut Merchant); 9] = [
            |merchant| merchant.category = Category::Massage,
            |merchant| merchant.status = Status::Suspended,
            |merchant| merchant.programs.truncate(1),
            |merchant| merchant.channels.push(NameNumber(1)),
            |merchant| merchant.name.push('ๆ'),
            |merchant| merchant.province = Some(String::new()),
            |merchant| merchant.bank_account = None,
            // The same text under another field.
            |merchant| merchant.account_name = merchant.bank_account.take(),
            |merchant| merchant.id = MerchantId::from_number(8),
        ];
        for change in changes {
            let mut changed = known.clone();
            change(&mut changed);
            assert!(!merchants.has(&changed), "{changed:?}");
        }
        let mut snapshot = Vec::new();
        merchants.export(&mut snapshot);
        let again = Merchants::import(&mut &*snapshot, HashSeed::from_bytes([7; 16])).unwrap();
        assert!(again.has(&known));
        assert_eq!(again.digest(), merchants.digest());
    }
}
