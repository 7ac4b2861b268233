//! Wallets and what they drew: 32 bytes per wallet and benefit, 16 per wallet, and 32 for a right with particulars.
//!
//! What a citizen used of a programme is kept in the slots of one wallet, the citizen's home wallet in that programme: the one
//! that was first used. It stays there when the right goes to another wallet, whose particulars then name it.

use crate::calendar::{BusinessDate, Instant};
use crate::ids::{HouseholdId, PersonId, WalletId};
use crate::programme::{CapPeriod, SOURCES_MAX};
use crate::record::{Authorization, BenefitNumber, NameNumber, ReversalRecord, Status};
use crate::state::export;
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::ledger::Ledger;
use crate::state::rules::{BenefitRule, Rule};
use crate::state::slot::{DRAWN, ENROLLED, PARTICULAR, SLOT_SUSPENDED, Slot, unpack_day};
use crate::state::table::{Entry, Table};
use crate::state::totals::ProgramTotals;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod entitlements;
#[cfg(test)]
mod tests;

const _: () = assert!(size_of::<WalletEntry>() == 16);
const _: () = assert!(size_of::<Particulars>() == 32);
const _: () = assert!(size_of::<Replaced>() == 24);

/// How many shards wallets are spread over; a power of two, many more than cores.
pub const WALLET_SHARDS: usize = 256;

impl HashSeed {
    /// The shard of a wallet.
    #[inline]
    pub fn wallet_shard(&self, wallet: WalletId) -> usize {
        (self.word(wallet.number() + 1) >> 56) as usize
    }
}

/// The wallets of one shard.
pub struct WalletShard {
    wallets: Table<WalletEntry>,
    ledger: Ledger,
    particulars: Table<Particulars>,
    /// Wallets that were replaced by another.
    replaced: Table<Replaced>,
    /// How many particulars ever named a home wallet: while there is none, nobody looks for it.
    homes_len: usize,
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
    /// `wallet + 1`.
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn key(&self) -> u64 {
        self.key >> 14
    }

    /// Without the bits that chose the shard.
    fn hash(key: u64, seed: &HashSeed) -> u64 {
        seed.word(key) << 8
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
    /// The citizen's home wallet, plus 1; 0 when it is this wallet.
    home: u64,
    /// The number of the tier's name; 0 for none.
    tier: u16,
    /// 1 for a returning citizen's.
    returning: u16,
    reserved: u32,
}

impl Entry for Particulars {
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

/// A wallet whose rights went to another one.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Replaced {
    /// The wallet, plus 1.
    key: u64,
    by: u64,
    sequence: u64,
}

impl Entry for Replaced {
    type Key = u64;

    fn is_empty(&self) -> bool {
        self.key == 0
    }

    fn key(&self) -> u64 {
        self.key
    }

    fn hash(key: u64, seed: &HashSeed) -> u64 {
        WalletEntry::hash(key, seed)
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
    /// The citizen's home wallet in the programme, when it is another one.
    pub home: Option<WalletId>,
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

    /// Whether it was registered before a deadline for first use: such a deadline counts for it.
    pub fn is_before(&self, deadline: Instant) -> bool {
        self.registered_unix_s * 1_000 < deadline.unix_ms()
    }
}

impl WalletShard {
    /// A shard without wallets.
    pub fn new(seed: HashSeed) -> WalletShard {
        WalletShard {
            wallets: Table::new(seed),
            ledger: Ledger::new(seed),
            particulars: Table::new(seed),
            replaced: Table::new(seed),
            homes_len: 0,
            several_len: 0,
        }
    }

    /// A shard with room for `wallets` wallets of one benefit each.
    pub fn with_room_for(seed: HashSeed, wallets: usize) -> WalletShard {
        WalletShard {
            wallets: Table::with_room_for(seed, wallets),
            ledger: Ledger::with_room_for(seed, wallets),
            ..WalletShard::new(seed)
        }
    }

    /// Asks the processor to fetch what a decision on the wallet and benefit will read.
    pub fn prefetch(&self, wallet: WalletId, benefit: BenefitNumber) {
        self.ledger.prefetch(wallet.number(), benefit);
    }

    /// A copy of everything that concerns one wallet: to be looked at without the shard's lock.
    pub fn of_wallet(&self, wallet: WalletId) -> WalletShard {
        let seed = self.wallets.seed();
        let mut copy = WalletShard {
            ledger: self.ledger.of_holder(wallet.number()),
            several_len: self.several_len,
            homes_len: self.homes_len,
            ..WalletShard::new(seed)
        };
        if let Some(entry) = self.wallet(wallet) {
            *copy.wallet_or_insert(wallet) = *entry;
        }
        let own = copy.ledger.slots().map(Slot::key);
        let particulars = own.filter_map(|key| self.particulars(key)).copied();
        copy.particulars = Table::from_entries(seed, &particulars.collect::<Vec<_>>(), 0);
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
        self.wallets.prefetch(wallet.number() + 1);
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
            home: particulars
                .and_then(|p| p.home.checked_sub(1))
                .map(WalletId::from_number),
            registered_unix_s: registered_unix_s(slot),
        };
        Some(Standing {
            status: status_of(slot.key & SLOT_SUSPENDED),
            entitlement: Some(entitlement),
        })
    }

    /// Whether the wallet holds a right that lapsed: a deadline that counts for it has struck ([`Directory::struck`]) and nobody
    /// had used it. Computed when asked, so that it is exact; and final, since a lapsed right cannot be used.
    ///
    /// [`Directory::struck`]: crate::state::directory::Directory::struck
    pub fn has_lapsed(
        &self,
        wallet: WalletId,
        right: &Entitlement,
        benefits: &[BenefitNumber],
        struck: Option<Instant>,
    ) -> bool {
        struck.is_some_and(|deadline| right.is_before(deadline)) && !self.has_drawn(wallet, benefits)
    }

    /// Whether the wallet's citizen ever used any of the benefits, which are those of one programme.
    pub fn has_drawn(&self, wallet: WalletId, benefits: &[BenefitNumber]) -> bool {
        let mut benefits = benefits.iter();
        benefits.any(|benefit| self.slot(wallet, *benefit).is_some_and(|slot| slot.has(DRAWN)))
    }

    /// The home wallet that the wallet's right in a programme names, or named when it was taken away; `None` when it is this one.
    pub fn home(&self, wallet: WalletId, entitlement: BenefitNumber) -> Option<WalletId> {
        if self.homes_len == 0 {
            return None;
        }
        let slot = self
            .slot(wallet, entitlement)
            .filter(|slot| slot.has(PARTICULAR))?;
        let home = self.particulars(slot.key()).expect("a slot that has them").home;
        home.checked_sub(1).map(WalletId::from_number)
    }

    /// To which programme, by its entitlement, the wallet's right in another one moved; of any other wallet it says nothing.
    pub fn moved_to(&self, wallet: WalletId, entitlement: BenefitNumber) -> Option<BenefitNumber> {
        let ended = self
            .slot(wallet, entitlement)
            .filter(|slot| !slot.has(ENROLLED))?;
        Some(BenefitNumber(ended.usable_from))
    }

    /// Whether some wallet of the shard names a home wallet.
    pub fn has_homes(&self) -> bool {
        self.homes_len > 0
    }

    /// By which wallet this one was replaced last, and the sequence of that record.
    pub fn replaced_by(&self, wallet: WalletId) -> Option<(WalletId, u64)> {
        let replaced = self.replaced.find(wallet.number() + 1)?;
        Some((WalletId::from_number(replaced.by), replaced.sequence))
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

    /// How many of the shard's rights in the rule's programme lapsed when `deadline` struck: registered before it, never used.
    pub fn lapsed_len(&self, rule: &Rule, deadline: Instant) -> u64 {
        let lapses = |slot: &&Slot| {
            slot.benefit() == rule.entitlement_key
                && slot.has(ENROLLED)
                && registered_unix_s(slot) * 1_000 < deadline.unix_ms()
                && !self.has_drawn(WalletId::from_number(slot.holder()), &rule.every_benefit)
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
    pub fn headroom(
        &self,
        wallet: WalletId,
        benefit: &BenefitRule,
        tier: NameNumber,
        at: Instant,
    ) -> [u32; 4] {
        self.ledger
            .headroom(wallet.number(), benefit.number, benefit.caps_of(tier), at)
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

    /// Takes the room of an approved authorization or hold, in the buckets of its date. A decline changes nothing. When the room
    /// is the home wallet's, this one notes only that it was used.
    pub fn apply_authorization(&mut self, authorization: &Authorization) {
        if !authorization.approved() {
            return;
        }
        let wallet = authorization.wallet();
        match authorization.extension.home() {
            None => self.take_room(wallet, authorization),
            Some(_) => {
                let WalletShard { wallets, ledger, .. } = self;
                let new_flags = || slot_flags(wallets, wallet);
                let slot = ledger.slot_or_insert(wallet.number(), authorization.benefit(), new_flags);
                slot.set(DRAWN, true);
            }
        }
    }

    /// Takes the room of an approved authorization or hold that another wallet of the citizen pays: this is the shard of the home
    /// wallet that its record names.
    pub fn apply_authorization_at_home(&mut self, authorization: &Authorization) {
        if let Some(home) = authorization
            .extension
            .home()
            .filter(|_| authorization.approved())
        {
            self.take_room(home, authorization);
        }
    }

    /// Of a household's benefit the wallet notes only that it drew: the room is in the household's shard.
    fn take_room(&mut self, wallet: WalletId, authorization: &Authorization) {
        let WalletShard { wallets, ledger, .. } = self;
        let new_flags = || slot_flags(wallets, wallet);
        match authorization.extension.household() {
            None => ledger.take(wallet.number(), authorization, new_flags),
            Some(_) => ledger.mark(wallet.number(), authorization, new_flags),
        }
    }

    /// Whether the wallet has a slot for the benefit: it was enrolled through it, or has drawn on it.
    pub fn has_slot(&self, wallet: WalletId, benefit: BenefitNumber) -> bool {
        benefit.is_possible() && self.slot(wallet, benefit).is_some()
    }

    /// Returns what an approved reversal, capture or void gives back to the buckets of the original's date that are still open:
    /// those of the citizen's home wallet, whose shard this is ([`ReversalRecord::home`]).
    pub fn apply_reversal(&mut self, record: &ReversalRecord) {
        if !record.gives_back() {
            return;
        }
        match record.household() {
            None => self.ledger.give_back(record.home().number(), record),
            Some(_) => self.ledger.close_hold(record.home().number(), record),
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

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        let few = self.particulars.long_probes() + self.replaced.long_probes();
        self.wallets.long_probes() + self.ledger.long_probes() + few
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        let few = self.particulars.memory_bytes() + self.replaced.memory_bytes();
        self.wallets.memory_bytes() + self.ledger.memory_bytes() + few
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
            hash_pair(hash_pair(p.key, p.household), hash_pair(p.home, rest))
        });
        let replaced = self
            .replaced
            .iter()
            .map(|r| hash_pair(hash_pair(r.key, r.by), r.sequence));
        let others = wallets.chain(particulars).chain(replaced);
        others.fold(self.ledger.digest(), u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::entries(to, self.wallets.len(), self.wallets.iter().copied());
        export::entries(to, self.particulars.len(), self.particulars.iter().copied());
        export::entries(to, self.replaced.len(), self.replaced.iter().copied());
        self.ledger.export(to);
    }

    /// The shard that [`WalletShard::export`] wrote, with room for `wallets` wallets; `None` when the bytes are none.
    pub fn import(mut from: &[u8], seed: HashSeed, expected: usize) -> Option<WalletShard> {
        let from = &mut from;
        let wallets = export::take_entries::<WalletEntry>(from)?;
        let particulars = export::take_entries::<Particulars>(from)?;
        let replaced = export::take_entries::<Replaced>(from)?;
        let shard = WalletShard {
            homes_len: particulars
                .iter()
                .filter(|particulars| particulars.home != 0)
                .count(),
            several_len: wallets.iter().filter(|entry| entry.key & SEVERAL != 0).count(),
            wallets: Table::from_entries(seed, wallets, expected),
            particulars: Table::from_entries(seed, particulars, 0),
            replaced: Table::from_entries(seed, replaced, 0),
            ledger: Ledger::import(from, seed, expected)?,
        };
        from.is_empty().then_some(shard)
    }

    fn wallet(&self, wallet: WalletId) -> Option<&WalletEntry> {
        self.wallets.find(wallet.number() + 1)
    }

    fn wallet_or_insert(&mut self, wallet: WalletId) -> &mut WalletEntry {
        let key = wallet.number() + 1;
        let new = || WalletEntry {
            key: key << 14,
            person: 0,
        };
        self.wallets.find_or_insert(key, new).0
    }

    fn slot(&self, wallet: WalletId, benefit: BenefitNumber) -> Option<&Slot> {
        self.ledger.slot(wallet.number(), benefit)
    }

    fn particulars(&self, key: u64) -> Option<&Particulars> {
        self.particulars.find(key)
    }
}

/// The flags of a wallet's new slot.
fn slot_flags(wallets: &Table<WalletEntry>, wallet: WalletId) -> u64 {
    let known = wallets.find(wallet.number() + 1);
    match known.is_some_and(WalletEntry::is_suspended) {
        true => SLOT_SUSPENDED,
        false => 0,
    }
}

/// Seconds since the Unix epoch at which the slot's entitlement was registered.
fn registered_unix_s(slot: &Slot) -> i64 {
    EPOCH_UNIX_S + i64::from(slot.registered_s)
}

/// Midnight of 2000-01-01 in Bangkok, from which slots count seconds, in seconds since the Unix epoch.
const EPOCH_UNIX_S: i64 = 946_659_600;

const fn status_of(suspended: u64) -> Status {
    if suspended == 0 {
        Status::Active
    } else {
        Status::Suspended
    }
}
