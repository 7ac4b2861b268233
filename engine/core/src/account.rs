//! Wallets and what they drew: 32 bytes per wallet and benefit, 16 per wallet, and 24 for a right with particulars.

use crate::calendar::{BusinessDate, Instant};
use crate::directory::{BenefitRule, Rule};
use crate::export;
use crate::ids::{HouseholdId, PersonId, WalletId};
use crate::ledger::Ledger;
use crate::policy::{CapPeriod, SOURCES_MAX};
use crate::record::{
    Authorization, BenefitNumber, EnrollmentRecord, Moved, NameNumber, RegistrationRecord, ReversalRecord,
    Status,
};
use crate::slot::{DRAWN, ENROLLED, PARTICULAR, SLOT_SUSPENDED, Slot, pack_day, slot_hash, unpack_day};
use crate::table::{Entry, Table, hash_pair, hash_word};
use crate::totals::ProgramTotals;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<WalletEntry>() == 16);
const _: () = assert!(size_of::<Particulars>() == 24);

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
    ledger: Ledger,
    particulars: Table<Particulars>,
    /// How many wallets have [`SEVERAL`]: while there is none, nobody looks for it.
    several_len: usize,
}

/// What is known of a wallet over all programmes.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct WalletEntry {
    /// `(wallet + 1) << 14`, and flags.
    key: u64,
    /// 0 while only a status change named the wallet.
    person: u64,
}

const SUSPENDED: u64 = 1;
/// Its person is suspended, or was erased.
const STOPPED: u64 = 4;
/// Its person holds, or held, rights in several programmes, through this wallet or others.
const SEVERAL: u64 = 2;

impl WalletEntry {
    fn is_suspended(&self) -> bool {
        self.key & (SUSPENDED | STOPPED) != 0
    }
}

impl Entry for WalletEntry {
    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn hash(&self) -> u64 {
        hash_word(self.key >> 14) << 8
    }
}

/// What few rights have.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Particulars {
    /// The key of the slot that keeps the right.
    key: u64,
    /// The household that shares benefits with others, plus 1; 0 for none.
    household: u64,
    /// The number of the tier's name; 0 for none.
    tier: u16,
    /// 1 for a returning citizen's.
    returning: u16,
    reserved: u32,
}

impl Entry for Particulars {
    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn hash(&self) -> u64 {
        slot_hash(self.key)
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
    /// The first date its registration or enrollment allows.
    pub usable_from: Option<BusinessDate>,
    /// Whether the citizen is a holder of the earlier programme: the programme's own first date does not count then.
    pub returning: bool,
    /// The tier; unknown for none.
    pub tier: NameNumber,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// Seconds since the Unix epoch at which it was registered.
    pub registered_unix_s: i64,
}

impl Entitlement {
    /// The first date it may be used under a rule version.
    pub fn usable_from(&self, rule: &Rule) -> Option<BusinessDate> {
        match self.returning {
            true => self.usable_from,
            false => self.usable_from.max(rule.policy.usable_from),
        }
    }

    /// When it lapses unless it is used before, under a rule version.
    pub fn first_use_by(&self, rule: &Rule) -> Option<Instant> {
        let deadline = rule.policy.registration.as_ref()?.first_use_by?;
        (self.registered_unix_s * 1_000 < deadline.unix_ms()).then_some(deadline)
    }
}

/// A right as a record grants or changes it.
struct Granted {
    wallet: WalletId,
    person: PersonId,
    benefit: BenefitNumber,
    usable_from: Option<BusinessDate>,
    returning: bool,
    tier: NameNumber,
    household: Option<HouseholdId>,
    /// When it was registered, in milliseconds since the Unix epoch; `None` when it was live before.
    registered_ms: Option<i64>,
    /// Whether the person has rights in several programmes.
    several: bool,
    /// Whether the person drew on an earlier right in the programme, through another wallet.
    used: bool,
    /// On which date the person drew on it last, when that is today.
    drew_on: Option<BusinessDate>,
}

impl WalletShard {
    /// A shard with room for `wallets` wallets of one benefit each.
    pub fn with_room_for(wallets: usize) -> WalletShard {
        WalletShard {
            wallets: Table::with_room_for(wallets),
            ledger: Ledger::with_room_for(wallets),
            ..WalletShard::default()
        }
    }

    /// Asks the processor to fetch what a decision on the wallet and benefit will read.
    pub fn prefetch(&self, wallet: WalletId, benefit: BenefitNumber) {
        self.ledger.prefetch(wallet.number(), benefit);
    }

    /// A copy of everything that concerns one wallet: to be looked at without the shard's lock.
    pub fn of_wallet(&self, wallet: WalletId) -> WalletShard {
        let mut copy = WalletShard {
            ledger: self.ledger.of_holder(wallet.number()),
            several_len: self.several_len,
            ..WalletShard::default()
        };
        if let Some(entry) = self.wallet(wallet) {
            *copy.wallet_or_insert(wallet) = *entry;
        }
        let own = copy.ledger.slots().map(Slot::key);
        let particulars = own.filter_map(|key| self.particulars(key)).copied();
        copy.particulars = Table::from_entries(&particulars.collect::<Vec<_>>(), 0);
        copy
    }

    /// Asks the processor to fetch what tells whether the wallet's person has rights in several programmes, if any has.
    pub fn prefetch_several(&self, wallet: WalletId) {
        if self.several_len > 0 {
            self.prefetch_wallet(wallet);
        }
    }

    /// Asks the processor to fetch what a registration through the wallet will read.
    pub fn prefetch_wallet(&self, wallet: WalletId) {
        self.wallets.prefetch(hash_word(wallet.number() + 1) << 8);
    }

    /// The wallet's standing towards the programme whose entitlement lies in the slot of `entitlement`; `None` for a
    /// wallet nothing ever named.
    pub fn standing(&self, wallet: WalletId, entitlement: BenefitNumber) -> Option<Standing> {
        let slot = self.slot(wallet, entitlement).filter(|slot| slot.has(ENROLLED));
        let Some(slot) = slot else {
            return Some(Standing {
                status: self.status(wallet)?,
                entitlement: None,
            });
        };
        let particulars = slot
            .has(PARTICULAR)
            .then(|| self.particulars(slot.key()).expect("a slot that has them"));
        let entitlement = Entitlement {
            usable_from: (slot.usable_from != 0).then(|| unpack_day(slot.usable_from)),
            returning: particulars.is_some_and(|p| p.returning != 0),
            tier: NameNumber(particulars.map_or(0, |p| p.tier)),
            household: particulars
                .and_then(|p| p.household.checked_sub(1))
                .map(HouseholdId::from_number),
            registered_unix_s: registered_unix_s(slot),
        };
        Some(Standing {
            status: status_of(slot.key & SLOT_SUSPENDED),
            entitlement: Some(entitlement),
        })
    }

    /// Whether the wallet holds a right that lapsed: its deadline under the rule version is over at `at` and nothing was drawn on
    /// it. Computed when asked, so that it is exact.
    pub fn has_lapsed(&self, wallet: WalletId, right: &Entitlement, rule: &Rule, at: Instant) -> bool {
        right.first_use_by(rule).is_some_and(|deadline| at >= deadline) && !self.has_drawn(wallet, rule)
    }

    /// Whether the wallet ever drew on any benefit of the programme.
    pub fn has_drawn(&self, wallet: WalletId, rule: &Rule) -> bool {
        let mut benefits = rule.every_benefit.iter();
        benefits.any(|benefit| self.slot(wallet, *benefit).is_some_and(|slot| slot.has(DRAWN)))
    }

    /// Whether the wallet's person holds, or held, rights in several programmes.
    pub fn is_several(&self, wallet: WalletId) -> bool {
        self.several_len > 0 && self.wallet(wallet).is_some_and(|entry| entry.key & SEVERAL != 0)
    }

    /// Whether the state paid something of any of the benefits through the wallet on `at`'s date, which no void took back.
    pub fn drew(&self, wallet: WalletId, benefits: &[BenefitNumber], at: Instant) -> bool {
        let mut benefits = benefits.iter();
        benefits.any(|benefit| self.ledger.drew(wallet.number(), *benefit, at))
    }

    /// How many of the shard's rights in the rule's programme lapse at `deadline`: registered before it, never drawn on.
    pub fn lapsing(&self, rule: &Rule, deadline: Instant) -> u64 {
        let lapses = |slot: &&Slot| {
            slot.benefit() == rule.entitlement
                && slot.has(ENROLLED)
                && registered_unix_s(slot) * 1_000 < deadline.unix_ms()
                && !self.has_drawn(WalletId::from_number(slot.holder()), rule)
        };
        self.ledger.slots().filter(lapses).count() as u64
    }

    /// The wallet's status; `None` for a wallet nothing ever named.
    pub fn status(&self, wallet: WalletId) -> Option<Status> {
        self.wallet(wallet)
            .map(|entry| status_of(u64::from(entry.is_suspended())))
    }

    /// Whose wallet it is, when that is known.
    pub fn person(&self, wallet: WalletId) -> Option<PersonId> {
        self.wallet(wallet)
            .and_then(|entry| PersonId::from_number(entry.person))
    }

    /// Room under each of the benefit's caps for `tier` at `at`; 0 where there is no cap.
    pub fn rooms(&self, wallet: WalletId, benefit: &BenefitRule, tier: NameNumber, at: Instant) -> [u32; 4] {
        self.ledger
            .rooms(wallet.number(), benefit.number, benefit.caps_of(tier), at)
    }

    /// What each funding source of the benefit paid in the period of `at`.
    pub fn paid(
        &self,
        wallet: WalletId,
        benefit: BenefitNumber,
        period: CapPeriod,
        at: Instant,
    ) -> [u32; SOURCES_MAX] {
        self.ledger.paid(wallet.number(), benefit, period, at)
    }

    /// Takes the room of an approved authorization or hold, in the buckets of its date. A decline changes nothing. Of a
    /// household's benefit the wallet notes only that it drew: the room is in the household's shard.
    pub fn apply_authorization(&mut self, authorization: &Authorization) {
        if !authorization.approved() {
            return;
        }
        let wallet = authorization.wallet();
        let WalletShard { wallets, ledger, .. } = self;
        let new_flags = || slot_flags(wallets, wallet);
        match authorization.extra.household() {
            None => ledger.take(wallet.number(), authorization, new_flags),
            Some(_) => ledger.mark(wallet.number(), authorization, new_flags),
        }
    }

    /// Whether the wallet has a slot for the benefit: it was enrolled through it, or has drawn on it.
    pub fn has_slot(&self, wallet: WalletId, benefit: BenefitNumber) -> bool {
        benefit.is_possible() && self.slot(wallet, benefit).is_some()
    }

    /// Returns what an approved reversal, capture or void gives back to the buckets of the original's date that are still open.
    pub fn apply_reversal(&mut self, record: &ReversalRecord) {
        if !record.gives_back() {
            return;
        }
        match record.household() {
            None => self.ledger.give_back(record.wallet().number(), record),
            Some(_) => self.ledger.close_hold(record.wallet().number(), record),
        }
    }

    /// Gives the wallet an entitlement, or replaces what an earlier line said of it; what was used stays. The shard of
    /// [`EnrollmentRecord::replaces`] is to [`WalletShard::take_away`] its right.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        self.grant(&Granted {
            wallet: record.wallet(),
            person: record.person(),
            benefit: record.benefit(),
            usable_from: record.usable_from(),
            returning: false,
            tier: record.tier(),
            household: record.household(),
            registered_ms: record.granted().then_some(record.header.at_ms),
            several: record.several(),
            used: record.used(),
            drew_on: record.drew().then(|| record.header.at().business_date()),
        });
    }

    /// Gives the wallet the entitlement of an accepted registration; a rejected one changes nothing. The shard of
    /// [`RegistrationRecord::replaces`] is to [`WalletShard::take_away`] its right.
    pub fn apply_registration(&mut self, record: &RegistrationRecord) {
        if !record.accepted() {
            return;
        }
        self.grant(&Granted {
            wallet: record.wallet(),
            person: record.person().expect("an accepted registration has its person"),
            benefit: record.benefit(),
            usable_from: record.usable_from(),
            returning: record.returning(),
            tier: record.tier(),
            household: None,
            registered_ms: Some(record.header.at_ms),
            several: record.several(),
            used: record.used(),
            drew_on: record.drew().then(|| record.header.at().business_date()),
        });
    }

    /// Ends one right of the wallet and gives it another. The shard of [`Moved::replaces`] is to [`WalletShard::take_away`] its
    /// right.
    pub fn apply_moved(&mut self, moved: &Moved) {
        self.take_away(moved.wallet, moved.from_benefit);
        self.grant(&Granted {
            wallet: moved.wallet,
            person: moved.person,
            benefit: moved.to_benefit,
            usable_from: moved.usable_from,
            returning: false,
            tier: moved.tier,
            household: moved.household,
            registered_ms: Some(moved.at.unix_ms()),
            several: true,
            used: moved.used,
            drew_on: moved.drew.then(|| moved.at.business_date()),
        });
    }

    /// The wallet's person has got a right in another programme, through another wallet.
    pub fn apply_linked(&mut self, wallet: WalletId) {
        let entry = self.wallet_or_insert(wallet);
        let new = entry.key & SEVERAL == 0;
        entry.key |= SEVERAL;
        self.several_len += usize::from(new);
    }

    fn grant(&mut self, right: &Granted) {
        self.wallet_or_insert(right.wallet).person = right.person.number();
        if right.several {
            self.apply_linked(right.wallet);
        }
        let household = right.household.map_or(0, |household| household.number() + 1);
        let particular = household != 0 || right.tier != NameNumber::UNKNOWN || right.returning;
        let WalletShard { wallets, ledger, .. } = self;
        let slot = ledger.slot_or_insert(right.wallet.number(), right.benefit, || {
            slot_flags(wallets, right.wallet)
        });
        slot.usable_from = right.usable_from.map_or(0, pack_day);
        slot.set(ENROLLED, true);
        if right.used {
            slot.set(DRAWN, true);
        }
        if let Some(date) = right.drew_on {
            slot.mark(date);
            slot.set_drew(date);
        }
        slot.set(PARTICULAR, particular);
        if let Some(at_ms) = right.registered_ms {
            slot.registered_s = ((at_ms - unpack_day(0).start().unix_ms()) / 1_000) as u32;
        }
        if particular {
            let particulars = Particulars {
                key: slot.key(),
                household,
                tier: right.tier.0,
                returning: u16::from(right.returning),
                reserved: 0,
            };
            let wanted = |other: &Particulars| other.key == particulars.key;
            let hash = particulars.hash();
            *self.particulars.find_or_insert(hash, wanted, || particulars).0 = particulars;
        }
    }

    /// Takes the wallet's entitlement away, which the citizen holds through another wallet from now on. The wallet stays theirs.
    pub fn take_away(&mut self, wallet: WalletId, entitlement: BenefitNumber) {
        let slot = self.ledger.slot_mut(wallet.number(), entitlement);
        let slot = slot.expect("a right that is replaced has its slot");
        slot.set(ENROLLED, false);
        slot.set(PARTICULAR, false);
    }

    /// Suspends the wallet or makes it active; it is known from then on.
    pub fn apply_status(&mut self, wallet: WalletId, status: Status) {
        self.stop(wallet, SUSPENDED, status);
    }

    /// The wallet's person is suspended, or not any more.
    pub fn apply_person_status(&mut self, wallet: WalletId, status: Status) {
        self.stop(wallet, STOPPED, status);
    }

    fn stop(&mut self, wallet: WalletId, flag: u64, status: Status) {
        let entry = self.wallet_or_insert(wallet);
        match status {
            Status::Active => entry.key &= !flag,
            Status::Suspended => entry.key |= flag,
        }
        let suspended = entry.is_suspended();
        for benefit in self.ledger.benefits() {
            if let Some(slot) = self.ledger.slot_mut(wallet.number(), benefit) {
                slot.set(SLOT_SUSPENDED, suspended);
            }
        }
    }

    /// The state's money per programme over the shard's wallets.
    pub fn totals(&self) -> &[ProgramTotals] {
        self.ledger.totals()
    }

    /// How many wallets are known.
    pub fn wallets_len(&self) -> usize {
        self.wallets.len()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        self.wallets.memory_bytes() + self.ledger.memory_bytes() + self.particulars.memory_bytes()
    }

    /// The money used in the programme over all slots of a benefit, modulo 2^32 where it overflowed: one side of I4.
    pub fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        self.ledger.used_in_program(benefit)
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let wallets = self.wallets.iter().map(|w| hash_pair(w.key, w.person));
        let particulars = self.particulars.iter().map(|p| {
            let rest = u64::from(p.tier) << 16 | u64::from(p.returning);
            hash_pair(hash_pair(p.key, p.household), rest)
        });
        let others = wallets.chain(particulars);
        others.fold(self.ledger.digest(), u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.wallets.len(), self.wallets.iter().copied());
        export::entries(to, self.particulars.len(), self.particulars.iter().copied());
        self.ledger.export(to);
    }

    /// The shard that [`WalletShard::export`] wrote, with room for `wallets` wallets; `None` when the bytes are none.
    pub fn import(mut from: &[u8], expected: usize) -> Option<WalletShard> {
        let from = &mut from;
        let wallets = export::take_entries::<WalletEntry>(from)?;
        let particulars = export::take_entries::<Particulars>(from)?;
        let shard = WalletShard {
            several_len: wallets.iter().filter(|entry| entry.key & SEVERAL != 0).count(),
            wallets: Table::from_entries(wallets, expected),
            particulars: Table::from_entries(particulars, 0),
            ledger: Ledger::import(from, expected)?,
        };
        from.is_empty().then_some(shard)
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
        self.ledger.slot(wallet.number(), benefit)
    }

    fn particulars(&self, key: u64) -> Option<&Particulars> {
        self.particulars
            .find(slot_hash(key), |particulars| particulars.key == key)
    }
}

/// The flags of a wallet's new slot.
fn slot_flags(wallets: &Table<WalletEntry>, wallet: WalletId) -> u64 {
    match find_wallet(wallets, wallet).is_some_and(WalletEntry::is_suspended) {
        true => SLOT_SUSPENDED,
        false => 0,
    }
}

/// Seconds since the Unix epoch at which the slot's entitlement was registered.
fn registered_unix_s(slot: &Slot) -> i64 {
    unpack_day(0).start().unix_ms() / 1_000 + i64::from(slot.registered_s)
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
mod tests;
