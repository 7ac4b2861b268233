//! What one holder drew on one benefit: 32 bytes.
//!
//! A slot remembers the date it last saw; money used in a day, month or quarter that is not that date's counts as 0. So nothing
//! has to run at midnight, and nothing is carried over.

use crate::calendar::BusinessDate;
use crate::programme::CapPeriod;
use crate::record::BenefitNumber;
use crate::state::hash::HashSeed;
use crate::state::table::Entry;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<Slot>() == 32);

/// A cap of every period, shortest first; `None` where there is none.
pub type PeriodCaps = [Option<u32>; 4];

/// What one holder drew on one benefit.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct Slot {
    /// `(holder + 1) << 14 | benefit << 6 | flags`.
    pub(crate) key: u64,
    /// Satang used in the day, month and quarter of `last_day`, and in the programme.
    pub(crate) used: [u32; 4],
    /// When the entitlement was registered, in seconds since 2000-01-01 in Bangkok.
    pub(crate) registered_s: u32,
    /// The date the slot last saw, in days since 2000-01-01.
    pub(crate) last_day: u16,
    /// The first date the entitlement may be used, likewise; 0 for none. Of one that ended by a move: the benefit that keeps the new
    /// one.
    pub(crate) usable_from: u16,
}

/// The slot keeps an entitlement.
pub(crate) const ENROLLED: u64 = 1;
/// The benefit was drawn on at least once; nothing undoes it.
pub(crate) const DRAWN: u64 = 2;
/// The wallet is suspended: its entry says so too, but a decision need not look there.
pub(crate) const SLOT_SUSPENDED: u64 = 4;
/// More than 2^32 satang were used in a programme without a cap for it: the bucket counts modulo 2^32 from there on.
pub(crate) const OVERFLOWED: u64 = 8;
/// The right has particulars, which lie in a table of their own.
pub(crate) const PARTICULAR: u64 = 16;
/// The state paid something on `last_day` that no void has taken back.
pub(crate) const DREW: u64 = 32;
const FLAGS: u64 = 0x3F;
const BENEFIT_SHIFT: u32 = 6;

/// Days from 1970-01-01 to 2000-01-01.
const DAYS_1970_TO_2000: i32 = 10_957;

impl Entry for Slot {
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.key == 0
    }

    #[inline]
    fn key(&self) -> u64 {
        Slot::key(self)
    }

    #[inline]
    fn hash(key: u64, seed: &HashSeed) -> u64 {
        // Not the hash of its holder, whose highest bits chose the shard.
        seed.word(key)
    }
}

/// What names a holder's slot for a benefit.
pub(crate) fn slot_key(holder: u64, benefit: BenefitNumber) -> u64 {
    assert!(benefit.is_possible(), "benefits are numbered 1 to 255");
    (holder + 1) << 14 | u64::from(benefit.0) << BENEFIT_SHIFT
}

pub(crate) fn pack_day(date: BusinessDate) -> u16 {
    (date.days() - DAYS_1970_TO_2000).clamp(1, i32::from(u16::MAX)) as u16
}

pub(crate) fn unpack_day(day: u16) -> BusinessDate {
    BusinessDate::from_days(i32::from(day) + DAYS_1970_TO_2000)
}

impl Slot {
    /// [`slot_key`], without flags.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key & !FLAGS
    }

    /// The holder's number.
    pub(crate) fn holder(&self) -> u64 {
        (self.key >> 14) - 1
    }

    pub(crate) fn benefit(&self) -> BenefitNumber {
        BenefitNumber((self.key >> BENEFIT_SHIFT & 0xFF) as u16)
    }

    pub(crate) fn has(&self, flag: u64) -> bool {
        self.key & flag != 0
    }

    pub(crate) fn set(&mut self, flag: u64, on: bool) {
        match on {
            true => self.key |= flag,
            false => self.key &= !flag,
        }
    }

    /// What counts as used in the buckets of `date`.
    fn used_on(&self, date: BusinessDate) -> [u32; 4] {
        let day = pack_day(date);
        if self.last_day == day || self.used == [0; 4] {
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

    /// Room under each cap on `date`; 0 where there is no cap.
    pub(crate) fn headroom(&self, caps: &PeriodCaps, date: BusinessDate) -> [u32; 4] {
        let mut used = self.used_on(date);
        if self.has(OVERFLOWED) {
            used[CapPeriod::Program as usize] = u32::MAX;
        }
        core::array::from_fn(|period| caps[period].unwrap_or(0).saturating_sub(used[period]))
    }

    /// Opens the buckets of `date`, and closes those that are over.
    fn move_to(&mut self, date: BusinessDate) {
        let day = pack_day(date);
        if self.last_day != day {
            self.used = self.used_on(date);
            self.last_day = day;
            self.set(DREW, false);
        }
    }

    /// The benefit is drawn on, though the room is not this holder's: it is a household's.
    pub(crate) fn mark(&mut self, date: BusinessDate) {
        self.move_to(date);
        self.set(DRAWN, true);
    }

    /// Whether the state paid something on `date` that no void has taken back.
    pub(crate) fn drew_on(&self, date: BusinessDate) -> bool {
        self.has(DREW) && self.last_day == pack_day(date)
    }

    /// The state has paid something on `date` for good.
    pub(crate) fn set_drew(&mut self, date: BusinessDate) {
        if self.last_day == pack_day(date) {
            self.set(DREW, true);
        }
    }

    /// Takes room in the buckets of `date`.
    pub(crate) fn take(&mut self, date: BusinessDate, state: u32) {
        self.move_to(date);
        self.set(DRAWN, true);
        // A programme without a cap for a period still counts it: a later version may add one.
        let [day, month, quarter, program] = &mut self.used;
        for used in [day, month, quarter] {
            *used = used.saturating_add(state);
        }
        let (sum, overflowed) = program.overflowing_add(state);
        *program = sum;
        if overflowed {
            self.set(OVERFLOWED, true);
        }
    }

    /// Returns room that was taken on `original` to the buckets of that date that are still open.
    pub(crate) fn give_back(&mut self, original: BusinessDate, state: u32) {
        let last = unpack_day(self.last_day);
        let mut give_back = |period: CapPeriod, open: bool| {
            if open {
                let used = &mut self.used[period as usize];
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
        let program = &mut self.used[CapPeriod::Program as usize];
        *program = program.wrapping_sub(state);
    }

    /// A digest of it.
    pub(crate) fn digest(&self) -> u64 {
        let used = self.used.iter().fold(self.key, |hash, used| {
            crate::state::hash::hash_pair(hash, u64::from(*used))
        });
        let dates = u64::from(self.last_day) << 16 | u64::from(self.usable_from);
        crate::state::hash::hash_pair(used, u64::from(self.registered_s) << 32 | dates)
    }
}
