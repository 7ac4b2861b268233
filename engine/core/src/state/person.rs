//! Persons: the entitlements they hold, the imported lists they are on, and who was told that a quota is full.
//!
//! One person, one entitlement per programme; a wallet belongs to one person ([`crate::state::account`]).

use crate::ids::{PersonId, WalletId};
use crate::outcome::RegistrationReason;
use crate::record::{
    BenefitNumber, EnrollmentRecord, ListedRecord, NameNumber, ProgrammeTransfer, RegistrationRecord,
    Replacement,
};
use crate::state::export;
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::table::{Entry, Table};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<Fact>() == 16 && size_of::<Listed>() == 16);

/// How many shards persons are spread over; a power of two.
pub const PERSON_SHARDS: usize = 256;

impl HashSeed {
    /// The shard of a person.
    #[inline]
    pub fn person_shard(&self, person: PersonId) -> usize {
        (self.word(person.number()) >> 56) as usize
    }
}

/// The persons of one shard.
pub struct PersonShard {
    /// The wallet through which a person holds the entitlement that lies in a benefit's slot.
    held: Table<Fact>,
    /// The sequence of the first record that told a person that the quota is full, by the benefit that would keep the entitlement.
    quota_full_notified: Table<Fact>,
    listed: Table<Listed>,
    /// How many persons each list has; a few lists.
    list_lens: Vec<(NameNumber, u64)>,
}

/// Something known of a person towards a programme.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Fact {
    person: u64,
    /// `what << 14 | entitlement`: the benefit whose slot keeps the programme's entitlements; and a flag.
    value: u64,
}

const ENTITLEMENT_BITS: u32 = 14;
/// The right has ended: the citizen moved to another programme.
const ENDED: u64 = 1 << 13;
/// The wallet through which it was held before it ended was replaced by this one.
const CARRIED: u64 = 1 << 12;

impl Fact {
    fn new(person: PersonId, entitlement: BenefitNumber, what: u64) -> Fact {
        assert!(what < 1 << (64 - ENTITLEMENT_BITS), "fifty bits");
        Fact {
            person: person.number(),
            value: what << ENTITLEMENT_BITS | u64::from(entitlement.0),
        }
    }

    fn entitlement(&self) -> u64 {
        self.value & ((1 << ENTITLEMENT_BITS) - 1) & !(ENDED | CARRIED)
    }

    fn what(&self) -> u64 {
        self.value >> ENTITLEMENT_BITS
    }
}

impl Entry for Fact {
    /// The person, and the benefit.
    type Key = (u64, u64);

    fn is_empty(&self) -> bool {
        self.person == 0
    }

    fn key(&self) -> (u64, u64) {
        (self.person, self.entitlement())
    }

    fn hash((person, entitlement): (u64, u64), seed: &HashSeed) -> u64 {
        seed.pair(person, entitlement)
    }
}

/// A person is on a list.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Listed {
    person: u64,
    list: u64,
}

impl Entry for Listed {
    /// The person, and the list.
    type Key = (u64, u64);

    fn is_empty(&self) -> bool {
        self.person == 0
    }

    fn key(&self) -> (u64, u64) {
        (self.person, self.list)
    }

    fn hash((person, list): (u64, u64), seed: &HashSeed) -> u64 {
        seed.pair(person, list)
    }
}

impl PersonShard {
    /// A shard with room for `entitlements`.
    pub fn with_room_for(seed: HashSeed, entitlements: usize) -> PersonShard {
        PersonShard {
            held: Table::with_room_for(seed, entitlements),
            quota_full_notified: Table::new(seed),
            listed: Table::new(seed),
            list_lens: Vec::new(),
        }
    }

    /// The wallet through which the person holds the entitlement, live or lapsed, that lies in the benefit's slot.
    pub fn wallet(&self, person: PersonId, entitlement: BenefitNumber) -> Option<WalletId> {
        let held = find(&self.held, person, entitlement)?;
        (held.value & ENDED == 0).then(|| WalletId::from_number(held.what()))
    }

    /// The same, also of a right that has ended.
    pub fn last_wallet(&self, person: PersonId, entitlement: BenefitNumber) -> Option<WalletId> {
        find(&self.held, person, entitlement).map(|held| WalletId::from_number(held.what()))
    }

    /// The wallet through which the person held the entitlement and moved to another programme.
    pub fn moved_away(&self, person: PersonId, entitlement: BenefitNumber) -> Option<WalletId> {
        let held = find(&self.held, person, entitlement)?;
        (held.value & (ENDED | CARRIED) == ENDED).then(|| WalletId::from_number(held.what()))
    }

    /// The sequence of the first record that told the person that the quota is full.
    pub fn quota_full_notified(&self, person: PersonId, entitlement: BenefitNumber) -> Option<u64> {
        find(&self.quota_full_notified, person, entitlement).map(Fact::what)
    }

    /// Whether the person is on the list.
    pub fn is_listed(&self, person: PersonId, list: NameNumber) -> bool {
        self.listed.find((person.number(), u64::from(list.0))).is_some()
    }

    /// The person holds an entitlement.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        put(
            &mut self.held,
            Fact::new(record.person(), record.benefit(), record.wallet().number()),
        );
    }

    /// The person holds an entitlement, or was told that the quota is full.
    pub fn apply_registration(&mut self, record: &RegistrationRecord) {
        let Some(person) = record.person() else {
            return;
        };
        match record.reason() {
            RegistrationReason::Accepted => {
                let held = Fact::new(person, record.benefit(), record.wallet().number());
                put(&mut self.held, held);
            }
            RegistrationReason::QuotaFull => {
                let quota_full_notified = Fact::new(person, record.benefit(), record.header.sequence);
                self.quota_full_notified
                    .find_or_insert(quota_full_notified.key(), || quota_full_notified);
            }
            _ => {}
        }
    }

    /// One right of the person ends, another begins.
    pub fn apply_transfer(&mut self, moved: &ProgrammeTransfer) {
        let mut ended = Fact::new(moved.person, moved.from_benefit, moved.wallet.number());
        ended.value |= ENDED;
        put(&mut self.held, ended);
        put(
            &mut self.held,
            Fact::new(moved.person, moved.to_benefit, moved.wallet.number()),
        );
    }

    /// The person holds the rights of a wallet through another one.
    pub fn apply_replacement(&mut self, replacement: &Replacement) {
        let (person, new_wallet) = (replacement.person, replacement.new_wallet);
        for right in &replacement.rights {
            let mut held = Fact::new(person, right.benefit, new_wallet.number());
            if right.ended {
                held.value |= ENDED | CARRIED;
            }
            put(&mut self.held, held);
        }
    }

    /// The person is on a list.
    pub fn apply_listed(&mut self, record: &ListedRecord) {
        let listed = Listed {
            person: record.person().number(),
            list: u64::from(record.list().0),
        };
        let (_, new) = self.listed.find_or_insert(listed.key(), || listed);
        if new {
            self.count_listed(record.list());
        }
    }

    /// The persons of the shard that records name: one for each entitlement, list and telling.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        let facts = self
            .held
            .iter()
            .chain(self.quota_full_notified.iter())
            .map(|fact| fact.person);
        facts
            .chain(self.listed.iter().map(|listed| listed.person))
            .filter_map(PersonId::from_number)
    }

    /// How many entitlements lie in the benefit's slots, live or lapsed.
    pub fn held_in(&self, entitlement: BenefitNumber) -> u64 {
        let wanted = |fact: &&Fact| fact.value & ENDED == 0 && fact.entitlement() == u64::from(entitlement.0);
        self.held.iter().filter(wanted).count() as u64
    }

    /// How many persons the list has.
    pub fn listed_len(&self, list: NameNumber) -> u64 {
        let mut lens = self.list_lens.iter();
        lens.find(|(of, _)| *of == list).map_or(0, |(_, len)| *len)
    }

    /// The lists that persons of this shard are on, and how many of them.
    pub fn lists(&self) -> &[(NameNumber, u64)] {
        &self.list_lens
    }

    /// Asks the processor to fetch what a registration will read.
    pub fn prefetch(&self, person: PersonId, entitlement: BenefitNumber) {
        self.held.prefetch(Fact::new(person, entitlement, 0).key());
    }

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        self.held.long_probes() + self.quota_full_notified.long_probes() + self.listed.long_probes()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        self.held.memory_bytes() + self.quota_full_notified.memory_bytes() + self.listed.memory_bytes()
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let of = |seed: u64| move |fact: &Fact| hash_pair(hash_pair(seed, fact.person), fact.value);
        let held = self.held.iter().map(of(1));
        let quota_full_notified = self.quota_full_notified.iter().map(of(2));
        let listed = self
            .listed
            .iter()
            .map(|l| hash_pair(hash_pair(3, l.person), l.list));
        held.chain(quota_full_notified)
            .chain(listed)
            .fold(0, u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.held.len(), self.held.iter().copied());
        export::entries(
            to,
            self.quota_full_notified.len(),
            self.quota_full_notified.iter().copied(),
        );
        export::entries(to, self.listed.len(), self.listed.iter().copied());
    }

    /// The shard that [`PersonShard::export`] wrote, with room for `expected` entitlements; `None` when the bytes are none.
    pub fn import(mut from: &[u8], seed: HashSeed, expected: usize) -> Option<PersonShard> {
        let from = &mut from;
        let held = export::take_entries::<Fact>(from)?;
        let quota_full_notified = export::take_entries::<Fact>(from)?;
        let listed = export::take_entries::<Listed>(from)?;
        let mut shard = PersonShard {
            held: Table::from_entries(seed, held, expected),
            quota_full_notified: Table::from_entries(seed, quota_full_notified, 0),
            listed: Table::from_entries(seed, listed, 0),
            list_lens: Vec::new(),
        };
        for entry in listed {
            shard.count_listed(NameNumber(u16::try_from(entry.list).ok()?));
        }
        from.is_empty().then_some(shard)
    }

    fn count_listed(&mut self, list: NameNumber) {
        match self.list_lens.iter_mut().find(|(of, _)| *of == list) {
            Some((_, len)) => *len += 1,
            None => self.list_lens.push((list, 1)),
        }
    }
}

fn find(table: &Table<Fact>, person: PersonId, entitlement: BenefitNumber) -> Option<&Fact> {
    table.find(Fact::new(person, entitlement, 0).key())
}

fn put(table: &mut Table<Fact>, fact: Fact) {
    *table.find_or_insert(fact.key(), || fact).0 = fact;
}
