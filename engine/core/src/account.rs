//! Wallets and what they drew: 32 bytes per wallet and benefit, 16 per wallet.
//!
//! A slot remembers the date it last saw; money used in a day, month or quarter that is not that date's counts as 0. So nothing
//! has to run at midnight, and nothing is carried over.

use crate::calendar::BusinessDate;
use crate::directory::BenefitRule;
use crate::export;
use crate::ids::{PersonId, WalletId};
use crate::policy::CapPeriod;
use crate::record::{
    AuthorizationRecord, BenefitNumber, EnrollmentRecord, NameNumber, ReversalRecord, Status,
};
use crate::table::{Entry, Table, hash_word};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<Slot>() == 32);
const _: () = assert!(size_of::<WalletEntry>() == 16);

/// How many shards wallets are spread over; a power of two, many more than cores.
pub const WALLET_SHARDS: usize = 256;

/// The shard of a wallet.
#[inline]
pub fn wallet_shard(wallet: WalletId) -> usize {
    (wallet_hash(wallet) >> 56) as usize
}

#[inline]
fn wallet_hash(wallet: WalletId) -> u64 {
    hash_word(wallet.number() + 1)
}

/// The wallets of one shard.
#[derive(Default)]
pub struct WalletShard {
    wallets: Table<WalletEntry>,
    slots: Table<Slot>,
    totals: Vec<ProgramTotals>,
    /// The highest benefit that has a slot.
    benefits_max: u16,
}

/// The state's money in one programme, over the wallets of one shard or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramTotals {
    /// The programme.
    pub program: NameNumber,
    /// The date of its last approved authorization.
    pub date: BusinessDate,
    /// Satang authorised on that date.
    pub day: u128,
    /// Satang authorised in that date's month.
    pub month: u128,
    /// Satang authorised in all.
    pub all: u128,
    /// Satang given back by reversals.
    pub given_back: u128,
}

impl ProgramTotals {
    fn new(program: NameNumber, date: BusinessDate) -> ProgramTotals {
        ProgramTotals {
            program,
            date,
            day: 0,
            month: 0,
            all: 0,
            given_back: 0,
        }
    }

    /// Closes what was over before `date`.
    pub fn move_to(&mut self, date: BusinessDate) {
        if date > self.date {
            self.day = 0;
            if date.month() != self.date.month() {
                self.month = 0;
            }
            self.date = date;
        }
    }

    /// Adds the totals of another shard.
    pub fn add(&mut self, mut other: ProgramTotals) {
        let date = self.date.max(other.date);
        self.move_to(date);
        other.move_to(date);
        self.day += other.day;
        self.month += other.month;
        self.all += other.all;
        self.given_back += other.given_back;
    }
}

/// What is known of a wallet over all programmes.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct WalletEntry {
    /// `(wallet + 1) << 14`, and bit 0: suspended.
    key: u64,
    /// 0 while only a status change named the wallet.
    person: u64,
}

const SUSPENDED: u64 = 1;

impl Entry for WalletEntry {
    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn hash(&self) -> u64 {
        hash_word(self.key >> 14) << 8
    }
}

/// What one wallet drew on one benefit.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Slot {
    /// `(wallet + 1) << 14 | benefit << 4 | flags`.
    key: u64,
    /// Satang used in the day, month and quarter of `last_day`, and in the programme.
    used: [u32; 4],
    /// When the entitlement was registered, in seconds since 2000-01-01 in Bangkok.
    registered_s: u32,
    /// The date the slot last saw, in days since 2000-01-01.
    last_day: u16,
    /// The first date the entitlement may be used, likewise; 0 for none.
    usable_from: u16,
}

/// The slot keeps an entitlement.
const ENROLLED: u64 = 1;
/// The benefit was drawn on at least once; nothing undoes it.
const DRAWN: u64 = 2;
/// The wallet is suspended: its entry says so too, but a decision need not look there.
const SLOT_SUSPENDED: u64 = 4;
/// More than 2^32 satang were used in a programme without a cap for it: the bucket counts modulo 2^32 from there on.
const OVERFLOWED: u64 = 8;
const FLAGS: u64 = 0xF;

/// Days from 1970-01-01 to 2000-01-01.
const DAYS_1970_TO_2000: i32 = 10_957;

impl Entry for Slot {
    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn hash(&self) -> u64 {
        slot_hash(self.key & !FLAGS)
    }
}

fn slot_key(wallet: WalletId, benefit: BenefitNumber) -> u64 {
    assert!(
        benefit != BenefitNumber::NONE && benefit.0 <= BenefitNumber::MAX,
        "benefits are numbered 1 to 1023"
    );
    (wallet.number() + 1) << 14 | u64::from(benefit.0) << 4
}

#[inline]
fn slot_hash(key_without_flags: u64) -> u64 {
    hash_word(key_without_flags ^ 0x5555_5555_0000_0000) << 8
}

fn pack_day(date: BusinessDate) -> u16 {
    (date.days() - DAYS_1970_TO_2000).clamp(1, i32::from(u16::MAX)) as u16
}

fn unpack_day(day: u16) -> BusinessDate {
    BusinessDate::from_days(i32::from(day) + DAYS_1970_TO_2000)
}

impl Slot {
    /// What counts as used in the buckets of `date`.
    fn used_on(&self, date: BusinessDate) -> [u32; 4] {
        let day = pack_day(date);
        if self.last_day == day {
            return self.used;
        }
        let mut used = self.used;
        used[CapPeriod::Day as usize] = 0;
        let (last, month) = (unpack_day(self.last_day).month(), date.month());
        if last != month {
            used[CapPeriod::Month as usize] = 0;
        }
        if last.quarter() != month.quarter() {
            used[CapPeriod::Quarter as usize] = 0;
        }
        used
    }
}

/// A wallet's standing towards one programme, as a decision sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the wallet is active.
    pub status: Status,
    /// The entitlement, when it holds one.
    pub entitlement: Option<Entitlement>,
}

/// An entitlement as the account keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The first date its enrollment allows.
    pub usable_from: Option<BusinessDate>,
    /// Seconds since the Unix epoch at which it was registered.
    pub registered_unix_s: i64,
}

impl WalletShard {
    /// A shard with room for `wallets` wallets of one benefit each.
    pub fn with_room_for(wallets: usize) -> WalletShard {
        WalletShard {
            wallets: Table::with_room_for(wallets),
            slots: Table::with_room_for(wallets),
            totals: Vec::new(),
            benefits_max: 0,
        }
    }

    /// Asks the processor to fetch what a decision on the wallet and benefit will read.
    pub fn prefetch(&self, wallet: WalletId, benefit: BenefitNumber) {
        self.slots.prefetch(slot_hash(slot_key(wallet, benefit)));
    }

    /// The wallet's standing towards the programme whose entitlement lies in the slot of `entitlement`; `None` for a
    /// wallet nothing ever named.
    pub fn standing(&self, wallet: WalletId, entitlement: BenefitNumber) -> Option<Standing> {
        let slot = self
            .slot(wallet, entitlement)
            .filter(|slot| slot.key & ENROLLED != 0);
        let Some(slot) = slot else {
            return Some(Standing {
                status: self.status(wallet)?,
                entitlement: None,
            });
        };
        let entitlement = Entitlement {
            usable_from: (slot.usable_from != 0).then(|| unpack_day(slot.usable_from)),
            registered_unix_s: unpack_day(0).start().unix_ms() / 1_000 + i64::from(slot.registered_s),
        };
        Some(Standing {
            status: status_of(slot.key & SLOT_SUSPENDED),
            entitlement: Some(entitlement),
        })
    }

    /// The wallet's status; `None` for a wallet nothing ever named.
    pub fn status(&self, wallet: WalletId) -> Option<Status> {
        self.wallet(wallet).map(|entry| status_of(entry.key & SUSPENDED))
    }

    /// Whose wallet it is, when that is known.
    pub fn person(&self, wallet: WalletId) -> Option<PersonId> {
        self.wallet(wallet)
            .and_then(|entry| PersonId::from_number(entry.person))
    }

    /// Room under each cap of the benefit on `date`; 0 where there is no cap.
    pub fn rooms(&self, wallet: WalletId, benefit: &BenefitRule, date: BusinessDate) -> [u32; 4] {
        let Some(slot) = self.slot(wallet, benefit.number) else {
            return benefit.caps.map(|cap| cap.unwrap_or(0));
        };
        let mut used = slot.used_on(date);
        if slot.key & OVERFLOWED != 0 {
            used[CapPeriod::Program as usize] = u32::MAX;
        }
        core::array::from_fn(|period| benefit.caps[period].unwrap_or(0).saturating_sub(used[period]))
    }

    /// Takes the room of an approved authorization, in the buckets of its date. A decline changes nothing.
    pub fn apply_authorization(&mut self, record: &AuthorizationRecord) {
        if !record.approved() {
            return;
        }
        let date = record.header.at().business_date();
        let totals = self.totals_mut(record.program(), date);
        totals.move_to(date);
        let state = u128::from(record.state().get());
        (totals.day, totals.month, totals.all) =
            (totals.day + state, totals.month + state, totals.all + state);
        let slot = self.slot_or_insert(record.wallet(), record.benefit());
        slot.used = slot.used_on(date);
        slot.last_day = pack_day(date);
        slot.key |= DRAWN;
        let state = record.state().get_u32();
        // A programme without a cap for a period still counts it: a later version may add one.
        let [day, month, quarter, program] = &mut slot.used;
        for used in [day, month, quarter] {
            *used = used.saturating_add(state);
        }
        let (sum, overflowed) = program.overflowing_add(state);
        *program = sum;
        if overflowed {
            slot.key |= OVERFLOWED;
        }
    }

    /// Whether the wallet has a slot for the benefit: it was enrolled through it, or has drawn on it.
    pub fn has_slot(&self, wallet: WalletId, benefit: BenefitNumber) -> bool {
        benefit.is_possible() && self.slot(wallet, benefit).is_some()
    }

    /// Returns the room of an approved reversal to the buckets of the original's date that are still open.
    pub fn apply_reversal(&mut self, record: &ReversalRecord) {
        if !record.approved() || record.benefit() == BenefitNumber::NONE {
            return;
        }
        let original = record.original_date();
        self.totals_mut(record.program(), original).given_back += u128::from(record.state().get());
        let slot = self
            .slots
            .find_mut(slot_hash(slot_key(record.wallet(), record.benefit())), |slot| {
                slot.key & !FLAGS == slot_key(record.wallet(), record.benefit())
            })
            .expect("an approved original made its slot");
        let last = unpack_day(slot.last_day);
        let state = record.state().get_u32();
        let mut give_back = |period: CapPeriod, open: bool| {
            if open {
                let used = &mut slot.used[period as usize];
                // Exact under every cap; only a period without one can have been counted up to its end.
                *used = used.saturating_sub(state);
            }
        };
        give_back(CapPeriod::Day, last == original);
        give_back(CapPeriod::Month, last.month() == original.month());
        give_back(
            CapPeriod::Quarter,
            last.month().quarter() == original.month().quarter(),
        );
        let program = &mut slot.used[CapPeriod::Program as usize];
        *program = program.wrapping_sub(state);
    }

    /// Gives the wallet an entitlement, or replaces what an earlier line said of it; what was used stays.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        self.wallet_or_insert(record.wallet()).person = record.person().number();
        let registered_ms = record.header.at_ms - unpack_day(0).start().unix_ms();
        let slot = self.slot_or_insert(record.wallet(), record.benefit());
        slot.usable_from = record.usable_from().map_or(0, pack_day);
        if slot.key & ENROLLED == 0 {
            slot.key |= ENROLLED;
            slot.registered_s = (registered_ms / 1_000) as u32;
        }
    }

    /// Suspends the wallet or makes it active; it is known from then on.
    pub fn apply_status(&mut self, wallet: WalletId, status: Status) {
        let entry = self.wallet_or_insert(wallet);
        match status {
            Status::Active => entry.key &= !SUSPENDED,
            Status::Suspended => entry.key |= SUSPENDED,
        }
        for benefit in (1..=self.benefits_max).map(BenefitNumber) {
            let key = slot_key(wallet, benefit);
            let wanted = |slot: &Slot| slot.key & !FLAGS == key;
            match (self.slots.find_mut(slot_hash(key), wanted), status) {
                (Some(slot), Status::Active) => slot.key &= !SLOT_SUSPENDED,
                (Some(slot), Status::Suspended) => slot.key |= SLOT_SUSPENDED,
                (None, _) => {}
            }
        }
    }

    /// The state's money per programme over the shard's wallets.
    pub fn totals(&self) -> &[ProgramTotals] {
        &self.totals
    }

    /// How many wallets are known.
    pub fn wallets_len(&self) -> usize {
        self.wallets.len()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        self.wallets.memory_bytes() + self.slots.memory_bytes()
    }

    /// The money used in the programme over all slots of a benefit, modulo 2^32 where it overflowed: one side of I4.
    pub fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        let of_benefit = self
            .slots
            .iter()
            .filter(|slot| slot.key >> 4 & 0x3FF == u64::from(benefit.0));
        of_benefit
            .map(|slot| u128::from(slot.used[CapPeriod::Program as usize]))
            .sum()
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let wallets = self
            .wallets
            .iter()
            .map(|w| crate::table::hash_pair(w.key, w.person));
        let slots = self.slots.iter().map(|slot| {
            let used = slot.used.iter().fold(slot.key, |hash, used| {
                crate::table::hash_pair(hash, u64::from(*used))
            });
            let dates = u64::from(slot.last_day) << 16 | u64::from(slot.usable_from);
            crate::table::hash_pair(used, u64::from(slot.registered_s) << 32 | dates)
        });
        wallets.chain(slots).fold(0, u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.wallets.len(), self.wallets.iter().copied());
        export::entries(to, self.slots.len(), self.slots.iter().copied());
        export::number(to, self.totals.len() as u64);
        for totals in &self.totals {
            export::number(to, u64::from(totals.program.0));
            export::number(to, totals.date.days() as u64);
            for sum in [totals.day, totals.month, totals.all, totals.given_back] {
                export::large_number(to, sum);
            }
        }
        export::number(to, u64::from(self.benefits_max));
    }

    /// The shard that [`WalletShard::export`] wrote, with room for `wallets` wallets; `None` when the bytes are none.
    pub fn import(mut from: &[u8], expected: usize) -> Option<WalletShard> {
        let from = &mut from;
        let wallets = export::take_entries::<WalletEntry>(from)?;
        let slots = export::take_entries::<Slot>(from)?;
        let len = export::take_number(from)?;
        let mut totals = Vec::new();
        for _ in 0..len {
            let program = NameNumber(u16::try_from(export::take_number(from)?).ok()?);
            let date = BusinessDate::from_days(i32::try_from(export::take_number(from)? as i64).ok()?);
            let mut of_program = ProgramTotals::new(program, date);
            let ProgramTotals {
                day,
                month,
                all,
                given_back,
                ..
            } = &mut of_program;
            for sum in [day, month, all, given_back] {
                *sum = export::take_large_number(from)?;
            }
            totals.push(of_program);
        }
        let shard = WalletShard {
            wallets: Table::from_entries(wallets, expected),
            slots: Table::from_entries(slots, expected),
            totals,
            benefits_max: u16::try_from(export::take_number(from)?).ok()?,
        };
        from.is_empty().then_some(shard)
    }

    fn totals_mut(&mut self, program: NameNumber, date: BusinessDate) -> &mut ProgramTotals {
        if let Some(at) = self.totals.iter().position(|totals| totals.program == program) {
            return &mut self.totals[at];
        }
        self.totals.push(ProgramTotals::new(program, date));
        self.totals.last_mut().expect("just pushed")
    }

    fn wallet(&self, wallet: WalletId) -> Option<&WalletEntry> {
        find_wallet(&self.wallets, wallet)
    }

    fn wallet_or_insert(&mut self, wallet: WalletId) -> &mut WalletEntry {
        let key = (wallet.number() + 1) << 14;
        let wanted = |entry: &WalletEntry| entry.key >> 14 == key >> 14;
        let hash = hash_word(wallet.number() + 1) << 8;
        self.wallets
            .find_or_insert(hash, wanted, || WalletEntry { key, person: 0 })
            .0
    }

    fn slot(&self, wallet: WalletId, benefit: BenefitNumber) -> Option<&Slot> {
        let key = slot_key(wallet, benefit);
        self.slots.find(slot_hash(key), |slot| slot.key & !FLAGS == key)
    }

    fn slot_or_insert(&mut self, wallet: WalletId, benefit: BenefitNumber) -> &mut Slot {
        let key = slot_key(wallet, benefit);
        let WalletShard {
            wallets,
            slots,
            benefits_max,
            ..
        } = self;
        let new = || {
            *benefits_max = (*benefits_max).max(benefit.0);
            let suspended = find_wallet(wallets, wallet).is_some_and(|entry| entry.key & SUSPENDED != 0);
            Slot {
                key: key | if suspended { SLOT_SUSPENDED } else { 0 },
                ..Slot::new_zeroed()
            }
        };
        let wanted = |slot: &Slot| slot.key & !FLAGS == key;
        slots.find_or_insert(slot_hash(key), wanted, new).0
    }
}

fn find_wallet(wallets: &Table<WalletEntry>, wallet: WalletId) -> Option<&WalletEntry> {
    let wanted = |entry: &WalletEntry| entry.key >> 14 == wallet.number() + 1;
    wallets.find(hash_word(wallet.number() + 1) << 8, wanted)
}

const fn status_of(suspended: u64) -> Status {
    if suspended == 0 {
        Status::Active
    } else {
        Status::Suspended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Instant;
    use crate::record::EnrollmentFacts;

    #[test]
    fn a_suspension_reaches_every_slot_whether_it_came_before_or_after() {
        let (wallet, person) = (WalletId::from_number(7), PersonId::from_number(1).unwrap());
        let at = Instant::parse("2026-06-15T12:00:00+07:00").unwrap();
        let enrollment = |benefit| {
            let facts = EnrollmentFacts {
                wallet,
                person,
                program: NameNumber(1),
                benefit: BenefitNumber(benefit),
                usable_from: None,
                by: NameNumber::UNKNOWN,
            };
            EnrollmentRecord::new(at, &facts)
        };
        let mut shard = WalletShard::default();
        let status = |shard: &WalletShard, benefit| {
            let standing = shard.standing(wallet, BenefitNumber(benefit));
            standing.map(|standing| (standing.status, standing.entitlement.is_some()))
        };
        assert_eq!(status(&shard, 1), None);
        shard.apply_enrollment(&enrollment(1));
        assert_eq!(status(&shard, 1), Some((Status::Active, true)));
        shard.apply_status(wallet, Status::Suspended);
        shard.apply_enrollment(&enrollment(5));
        for (benefit, enrolled) in [(1, true), (5, true), (3, false)] {
            assert_eq!(status(&shard, benefit), Some((Status::Suspended, enrolled)));
        }
        shard.apply_status(wallet, Status::Active);
        for benefit in [1, 5] {
            assert_eq!(status(&shard, benefit), Some((Status::Active, true)));
        }
    }
}
