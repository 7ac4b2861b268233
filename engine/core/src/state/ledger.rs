//! What holders drew, and what of it is held: the slots of wallets, or of households, with their funding sources and open holds.
//!
//! A hold that ended without a capture frees its room at that instant. Nothing sweeps: whoever asks for room leaves such holds out,
//! and the next record of the slot takes them off the books.

use crate::calendar::{BusinessDate, Instant};
use crate::programme::{CapPeriod, SOURCES_MAX};
use crate::record::{Authorization, BenefitNumber, Closing, Funding, NameNumber, ReversalRecord};
use crate::state::export;
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::slot::{PeriodCaps, Slot, pack_day, slot_key, unpack_day};
use crate::state::table::{Entry, Table};
use crate::state::totals::ProgramTotals;
use hashbrown::HashMap;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<Paid>() == 32);
const _: () = assert!(size_of::<OpenHold>() == 64);

/// Slots, funding sources, open holds and totals.
pub(crate) struct Ledger {
    slots: Table<Slot>,
    paid: Table<Paid>,
    /// By the key of the slot; in the order they were taken.
    holds: HashMap<u64, Vec<OpenHold>, HashSeed>,
    totals: Vec<ProgramTotals>,
    /// The highest benefit that has a slot.
    benefits_max: u16,
}

/// What funding sources paid for a slot: 32 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Paid {
    /// The key of the slot.
    key: u64,
    /// Satang by source, in the period of `last_day`.
    by_source: [u32; SOURCES_MAX],
    last_day: u16,
    /// The period's number: sums of another one, of an earlier version of the rules, say nothing.
    period: u16,
    reserved: u32,
}

impl Entry for Paid {
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn key(&self) -> u64 {
        self.key
    }

    fn hash(key: u64, seed: &HashSeed) -> u64 {
        Slot::hash(key, seed)
    }
}

impl Paid {
    /// What counts in the period of `date`.
    fn in_period(&self, period: CapPeriod, date: BusinessDate) -> [u32; SOURCES_MAX] {
        match self.period == period as u16 && is_same(period, unpack_day(self.last_day), date) {
            true => self.by_source,
            false => [0; SOURCES_MAX],
        }
    }
}

/// Whether two dates lie in one period.
fn is_same(period: CapPeriod, one: BusinessDate, other: BusinessDate) -> bool {
    match period {
        CapPeriod::Day => one == other,
        CapPeriod::Month => one.month() == other.month(),
        CapPeriod::Quarter => one.month().quarter() == other.month().quarter(),
        CapPeriod::Program => true,
    }
}

/// A hold that is neither captured nor voided: 64 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct OpenHold {
    txn_id: [u8; 16],
    expires_ms: i64,
    date: i32,
    /// Satang of room it holds.
    state: u32,
    sources: [u32; SOURCES_MAX],
    program: u16,
    sources_len: u8,
    period: u8,
    /// 1 when the state pays something of it.
    draws: u8,
    reserved: [u8; 11],
}

impl OpenHold {
    fn date(&self) -> BusinessDate {
        BusinessDate::from_days(self.date)
    }

    fn has_ended(&self, at: Instant) -> bool {
        self.expires_ms <= at.unix_ms()
    }

    fn funding(&self) -> Option<Funding> {
        (self.sources_len != 0).then(|| Funding {
            paid: self.sources,
            len: self.sources_len,
            period: CapPeriod::ALL[usize::from(self.period)],
        })
    }
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(seed: HashSeed) -> Ledger {
        Ledger {
            slots: Table::new(seed),
            paid: Table::new(seed),
            holds: HashMap::with_hasher(seed),
            totals: Vec::new(),
            benefits_max: 0,
        }
    }

    /// A ledger with room for `holders` of one benefit each.
    pub(crate) fn with_room_for(seed: HashSeed, holders: usize) -> Ledger {
        Ledger {
            slots: Table::with_room_for(seed, holders),
            ..Ledger::new(seed)
        }
    }

    /// A copy of everything that concerns one holder but its totals.
    pub(crate) fn of_holder(&self, holder: u64) -> Ledger {
        let slots: Vec<Slot> = self
            .benefits()
            .filter_map(|b| self.slot(holder, b))
            .copied()
            .collect();
        let keys = || slots.iter().map(Slot::key);
        let paid: Vec<Paid> = keys().filter_map(|key| self.paid.find(key)).copied().collect();
        let seed = *self.holds.hasher();
        let mut holds = HashMap::with_hasher(seed);
        holds.extend(keys().filter_map(|key| Some((key, self.holds.get(&key)?.clone()))));
        Ledger {
            holds,
            paid: Table::from_entries(seed, &paid, 0),
            slots: Table::from_entries(seed, &slots, 0),
            totals: Vec::new(),
            benefits_max: self.benefits_max,
        }
    }

    /// Asks the processor to fetch a slot.
    pub(crate) fn prefetch(&self, holder: u64, benefit: BenefitNumber) {
        self.slots.prefetch(slot_key(holder, benefit));
    }

    pub(crate) fn slot(&self, holder: u64, benefit: BenefitNumber) -> Option<&Slot> {
        self.slots.find(slot_key(holder, benefit))
    }

    pub(crate) fn slot_mut(&mut self, holder: u64, benefit: BenefitNumber) -> Option<&mut Slot> {
        self.slots.find_mut(slot_key(holder, benefit))
    }

    /// The slot; a new one has the flags of `new_flags`.
    pub(crate) fn slot_or_insert(
        &mut self,
        holder: u64,
        benefit: BenefitNumber,
        new_flags: impl FnOnce() -> u64,
    ) -> &mut Slot {
        let key = slot_key(holder, benefit);
        let Ledger {
            slots, benefits_max, ..
        } = self;
        let new = || {
            *benefits_max = (*benefits_max).max(benefit.0);
            Slot {
                key: key | new_flags(),
                ..Slot::new_zeroed()
            }
        };
        slots.find_or_insert(key, new).0
    }

    /// Every slot, in hash order.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The benefits that may have slots.
    pub(crate) fn benefits(&self) -> impl Iterator<Item = BenefitNumber> + use<> {
        (1..=self.benefits_max).map(BenefitNumber)
    }

    /// The slot as it counts at `at`: without holds that have ended.
    fn current(&self, slot: &Slot, at: Instant) -> Slot {
        let mut slot = *slot;
        for hold in self.ended(slot.key(), at) {
            slot.give_back(hold.date(), hold.state);
        }
        slot
    }

    #[inline]
    fn ended(&self, key: u64, at: Instant) -> impl Iterator<Item = &OpenHold> {
        // Most shards have a few open holds, most slots none.
        let holds = (!self.holds.is_empty()).then(|| self.holds.get(&key)).flatten();
        holds.into_iter().flatten().filter(move |hold| hold.has_ended(at))
    }

    /// Room under each of the caps at `at`; 0 where there is no cap.
    pub(crate) fn headroom(
        &self,
        holder: u64,
        benefit: BenefitNumber,
        caps: &PeriodCaps,
        at: Instant,
    ) -> [u32; 4] {
        match self.slot(holder, benefit) {
            Some(slot) => self.current(slot, at).headroom(caps, at.business_date()),
            None => caps.map(|cap| cap.unwrap_or(0)),
        }
    }

    /// What each source paid in the period of `at`.
    pub(crate) fn paid(
        &self,
        holder: u64,
        benefit: BenefitNumber,
        period: CapPeriod,
        at: Instant,
    ) -> [u32; SOURCES_MAX] {
        let (key, date) = (slot_key(holder, benefit), at.business_date());
        let Some(paid) = self.paid.find(key) else {
            return [0; SOURCES_MAX];
        };
        let mut by_source = paid.in_period(period, date);
        for hold in self
            .ended(key, at)
            .filter(|hold| hold.period == period as u8 && is_same(period, hold.date(), date))
        {
            take_off(&mut by_source, &hold.sources);
        }
        by_source
    }

    /// Whether the state paid something on `at`'s date, in a hold that is still open included.
    pub(crate) fn drew(&self, holder: u64, benefit: BenefitNumber, at: Instant) -> bool {
        let Some(slot) = self.slot(holder, benefit) else {
            return false;
        };
        let date = at.business_date();
        let is_open_draw = |hold: &OpenHold| hold.draws != 0 && hold.date() == date && !hold.has_ended(at);
        slot.drew_on(date)
            || self
                .holds
                .get(&slot.key())
                .is_some_and(|holds| holds.iter().any(is_open_draw))
    }

    /// Takes the room of an approved authorization or hold, in the buckets of its date.
    pub(crate) fn take(
        &mut self,
        holder: u64,
        authorization: &Authorization,
        new_flags: impl FnOnce() -> u64,
    ) {
        let (at, benefit) = (authorization.header.at(), authorization.benefit());
        let date = at.business_date();
        let state = authorization.state();
        let totals = self.totals_mut(authorization.program(), date);
        totals.move_to(date);
        let sum = u128::from(state.get());
        (totals.day, totals.month, totals.all) = (totals.day + sum, totals.month + sum, totals.all + sum);
        self.take_off_ended(holder, benefit, at);
        let slot = self.slot_or_insert(holder, benefit, new_flags);
        slot.take(date, state.get_u32());
        if draws_for_good(authorization) {
            slot.set_drew(date);
        }
        if let Some(funding) = authorization.extension.funding() {
            self.add_paid(slot_key(holder, benefit), date, &funding);
        }
        self.note_hold(
            holder,
            authorization,
            state.get_u32(),
            authorization.extension.funding(),
        );
    }

    /// The wallet draws on a benefit whose room is its household's.
    pub(crate) fn mark(
        &mut self,
        holder: u64,
        authorization: &Authorization,
        new_flags: impl FnOnce() -> u64,
    ) {
        let at = authorization.header.at();
        let date = at.business_date();
        self.take_off_ended(holder, authorization.benefit(), at);
        let slot = self.slot_or_insert(holder, authorization.benefit(), new_flags);
        slot.mark(date);
        if draws_for_good(authorization) {
            slot.set_drew(date);
        }
        self.note_hold(holder, authorization, 0, None);
    }

    /// Remembers a hold.
    #[inline]
    fn note_hold(&mut self, holder: u64, authorization: &Authorization, room: u32, funding: Option<Funding>) {
        let Some(expires) = authorization.extension.expires() else {
            return;
        };
        let draws = authorization.state().get() > 0;
        if room == 0 && !draws {
            // Nothing to free, and no draw to take back.
            return;
        }
        let hold = OpenHold {
            txn_id: authorization.txn_id().bits().to_le_bytes(),
            expires_ms: expires.unix_ms(),
            date: authorization.header.at().business_date().days(),
            state: room,
            sources: funding.map_or([0; SOURCES_MAX], |funding| funding.paid),
            program: authorization.program().0,
            sources_len: funding.map_or(0, |funding| funding.len),
            period: funding.map_or(0, |funding| funding.period as u8),
            draws: u8::from(draws),
            reserved: [0; 11],
        };
        let key = slot_key(holder, authorization.benefit());
        self.holds.entry(key).or_default().push(hold);
    }

    /// Returns what a reversal, capture or void gives back to the buckets of the original's date that are still open.
    pub(crate) fn give_back(&mut self, holder: u64, record: &ReversalRecord) {
        self.close_hold(holder, record);
        let original = record.original_date();
        let state = record.state().get_u32();
        self.totals_mut(record.program(), original).given_back += u128::from(state);
        let slot = self.slot_mut(holder, record.benefit());
        slot.expect("an approved original made its slot")
            .give_back(original, state);
        if let Some(funding) = record.funding() {
            self.remove_paid(slot_key(holder, record.benefit()), original, &funding);
        }
    }

    /// A hold is no longer open, when the record closes one; captured, it has drawn for good.
    pub(crate) fn close_hold(&mut self, holder: u64, record: &ReversalRecord) {
        self.take_off_ended(holder, record.benefit(), record.header.at());
        let key = slot_key(holder, record.benefit());
        let (Some(closing), Some(holds)) = (record.closes(), self.holds.get_mut(&key)) else {
            return;
        };
        let id = record.txn_id().bits().to_le_bytes();
        let Some(at) = holds.iter().position(|hold| hold.txn_id == id) else {
            return;
        };
        let hold = holds.remove(at);
        if holds.is_empty() {
            self.holds.remove(&key);
        }
        if closing == Closing::Captured && hold.draws != 0 {
            let slot = self.slot_mut(holder, record.benefit());
            slot.expect("a hold has its slot").set_drew(hold.date());
        }
    }

    /// Takes holds of a slot off the books that ended before `at`.
    #[inline]
    fn take_off_ended(&mut self, holder: u64, benefit: BenefitNumber, at: Instant) {
        let key = slot_key(holder, benefit);
        if self.ended(key, at).next().is_none() {
            return;
        }
        let holds = self.holds.remove(&key).unwrap_or_default();
        let (ended, open): (Vec<OpenHold>, Vec<OpenHold>) =
            holds.into_iter().partition(|hold| hold.has_ended(at));
        if !open.is_empty() {
            self.holds.insert(key, open);
        }
        for hold in ended {
            let slot = self.slot_mut(holder, benefit).expect("a hold has its slot");
            slot.give_back(hold.date(), hold.state);
            if let Some(funding) = hold.funding() {
                self.remove_paid(key, hold.date(), &funding);
            }
            let totals = self.totals_mut(NameNumber(hold.program), hold.date());
            totals.given_back += u128::from(hold.state);
        }
    }

    fn add_paid(&mut self, key: u64, date: BusinessDate, funding: &Funding) {
        let new = || Paid {
            key,
            by_source: [0; SOURCES_MAX],
            last_day: pack_day(date),
            period: funding.period as u16,
            reserved: 0,
        };
        let (paid, _) = self.paid.find_or_insert(key, new);
        paid.by_source = paid.in_period(funding.period, date);
        paid.last_day = pack_day(date);
        paid.period = funding.period as u16;
        for (sum, paid) in paid.by_source.iter_mut().zip(funding.paid) {
            *sum = sum.saturating_add(paid);
        }
    }

    fn remove_paid(&mut self, key: u64, original: BusinessDate, funding: &Funding) {
        if let Some(paid) = self.paid.find_mut(key)
            && paid.period == funding.period as u16
            && is_same(funding.period, unpack_day(paid.last_day), original)
        {
            take_off(&mut paid.by_source, &funding.paid);
        }
    }

    /// The state's money per programme.
    pub(crate) fn totals(&self) -> &[ProgramTotals] {
        &self.totals
    }

    fn totals_mut(&mut self, program: NameNumber, date: BusinessDate) -> &mut ProgramTotals {
        if let Some(at) = self.totals.iter().position(|totals| totals.program == program) {
            return &mut self.totals[at];
        }
        self.totals.push(ProgramTotals::new(program, date));
        self.totals.last_mut().expect("just pushed")
    }

    /// The money used in the programme over all slots of a benefit, modulo 2^32 where it overflowed: one side of I4.
    pub(crate) fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        let of_benefit = self.slots.iter().filter(|slot| slot.benefit() == benefit);
        of_benefit
            .map(|slot| u128::from(slot.used[CapPeriod::Program as usize]))
            .sum()
    }

    /// How many insertions had a long probe.
    pub(crate) fn long_probes(&self) -> u64 {
        self.slots.long_probes() + self.paid.long_probes()
    }

    /// Bytes of memory the tables take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.paid.memory_bytes()
    }

    /// A digest of everything that does not depend on the order of arrival.
    pub(crate) fn digest(&self) -> u64 {
        let slots = self.slots.iter().map(Slot::digest);
        let paid = self.paid.iter().map(|paid| {
            let by_source = paid
                .by_source
                .iter()
                .fold(paid.key, |hash, sum| hash_pair(hash, u64::from(*sum)));
            hash_pair(by_source, u64::from(paid.last_day) << 16 | u64::from(paid.period))
        });
        let holds = self.holds.iter().flat_map(|(key, holds)| {
            holds.iter().map(move |hold| {
                let words = hold.as_bytes().chunks_exact(8);
                let words = words.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
                words.fold(*key, hash_pair)
            })
        });
        slots.chain(paid).chain(holds).fold(0, u64::wrapping_add)
    }

    /// Appends the ledger to a snapshot.
    pub(crate) fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.slots.len(), self.slots.iter().copied());
        export::entries(to, self.paid.len(), self.paid.iter().copied());
        export::number(to, self.holds.len() as u64);
        for (key, holds) in &self.holds {
            export::number(to, *key);
            export::entries(to, holds.len(), holds.iter().copied());
        }
        export::number(to, self.totals.len() as u64);
        self.totals.iter().for_each(|totals| totals.export(to));
        export::number(to, u64::from(self.benefits_max));
    }

    /// The ledger that [`Ledger::export`] wrote, with room for `expected` holders; `None` when the bytes are none.
    pub(crate) fn import(from: &mut &[u8], seed: HashSeed, expected: usize) -> Option<Ledger> {
        let slots = Table::from_entries(seed, export::take_entries::<Slot>(from)?, expected);
        let paid = Table::from_entries(seed, export::take_entries::<Paid>(from)?, 0);
        let mut holds = HashMap::with_hasher(seed);
        for _ in 0..export::take_number(from)? {
            let key = export::take_number(from)?;
            holds.insert(key, export::take_entries::<OpenHold>(from)?.to_vec());
        }
        let len = export::take_number(from)?;
        let totals = (0..len).map(|_| ProgramTotals::import(from));
        let totals = totals.collect::<Option<Vec<_>>>()?;
        Some(Ledger {
            slots,
            paid,
            holds,
            totals,
            benefits_max: u16::try_from(export::take_number(from)?).ok()?,
        })
    }
}

/// Whether the state pays something of an authorization that is no hold.
fn draws_for_good(authorization: &Authorization) -> bool {
    authorization.state().get() > 0 && authorization.extension.expires().is_none()
}

fn take_off(by_source: &mut [u32; SOURCES_MAX], back: &[u32; SOURCES_MAX]) {
    for (sum, back) in by_source.iter_mut().zip(back) {
        *sum = sum.saturating_sub(*back);
    }
}
