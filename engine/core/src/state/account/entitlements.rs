//! How rights come to a wallet and leave it: by enrollment, registration, a move between programmes, a new wallet for an old one.

use super::{EPOCH_UNIX_S, Particulars, Replaced, SEVERAL, STOPPED, SUSPENDED, WalletShard, slot_flags};
use crate::calendar::BusinessDate;
use crate::ids::{HouseholdId, PersonId, WalletId};
use crate::record::{
    BenefitNumber, Earlier, EnrollmentRecord, NameNumber, ProgrammeTransfer, RegistrationRecord, Replacement,
    Status,
};
use crate::state::slot::{DRAWN, ENROLLED, PARTICULAR, SLOT_SUSPENDED, pack_day};

/// A right as a record grants or changes it.
struct Granted {
    wallet: WalletId,
    person: PersonId,
    benefit: BenefitNumber,
    usable_from: Option<BusinessDate>,
    returning: bool,
    tier: NameNumber,
    household: Option<HouseholdId>,
    /// When it was registered, in seconds since the Unix epoch; `None` when it was live before.
    registered_unix_s: Option<i64>,
    /// Whether the person has rights in several programmes.
    several: bool,
    /// Whether the person has used the programme through another wallet.
    used: bool,
    /// The person's home wallet in the programme, when it is another one.
    home: Option<WalletId>,
}

/// Seconds of an instant that is kept to the second.
fn seconds_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(1_000)
}

impl WalletShard {
    /// Gives the wallet an entitlement, or replaces what an earlier line said of it; what was used stays. The shard of a right
    /// that lapsed ([`EnrollmentRecord::earlier`]) is to [`WalletShard::take_away`] it.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        self.grant(&Granted {
            wallet: record.wallet(),
            person: record.person(),
            benefit: record.benefit(),
            usable_from: record.usable_from(),
            returning: record.returning(),
            tier: record.tier(),
            household: record.household(),
            registered_unix_s: record
                .granted()
                .then_some(seconds_of(record.header.at().unix_ms())),
            several: record.several(),
            used: home_in(record.earlier()).is_some(),
            home: home_in(record.earlier()),
        });
    }

    /// Gives the wallet the entitlement of an accepted registration; a rejected one changes nothing. The shard of a right that
    /// lapsed ([`RegistrationRecord::earlier`]) is to [`WalletShard::take_away`] it.
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
            registered_unix_s: Some(seconds_of(record.header.at().unix_ms())),
            several: record.several(),
            used: home_in(record.earlier()).is_some(),
            home: home_in(record.earlier()),
        });
    }

    /// Ends one right of the wallet and gives it another. The shard of a right that lapsed ([`ProgrammeTransfer::earlier`]) is to
    /// [`WalletShard::take_away`] it.
    pub fn apply_transfer(&mut self, moved: &ProgrammeTransfer) {
        self.take_away(moved.wallet, moved.from_benefit);
        self.ledger
            .slot_mut(moved.wallet.number(), moved.from_benefit)
            .expect("a right that was taken away has its slot")
            .usable_from = moved.to_benefit.0;
        self.grant(&Granted {
            wallet: moved.wallet,
            person: moved.person,
            benefit: moved.to_benefit,
            usable_from: moved.usable_from,
            returning: false,
            tier: moved.tier,
            household: moved.household,
            registered_unix_s: Some(seconds_of(moved.at.unix_ms())),
            several: true,
            used: home_in(moved.earlier).is_some(),
            home: home_in(moved.earlier),
        });
    }

    /// Takes the rights of a wallet that was replaced, whose shard this is; `sequence`: the record's. Its own suspension stays.
    pub fn apply_replaced(&mut self, replacement: &Replacement, sequence: u64) {
        let wallet = replacement.wallet;
        for right in &replacement.rights {
            // Every right has its slot, but in a forged record.
            if self.has_slot(wallet, right.benefit) {
                self.take_away(wallet, right.benefit);
            }
        }
        self.stop(wallet, STOPPED, Status::Active);
        let replaced = Replaced {
            key: wallet.number() + 1,
            by: replacement.new_wallet.number(),
            sequence,
        };
        *self.replaced.find_or_insert(replaced.key, || replaced).0 = replaced;
    }

    /// Gives the new wallet of a replacement, whose shard this is, the rights of the old one.
    pub fn apply_replacing(&mut self, replacement: &Replacement) {
        for right in &replacement.rights {
            self.grant(&Granted {
                wallet: replacement.new_wallet,
                person: replacement.person,
                benefit: right.benefit,
                usable_from: right.usable_from,
                returning: right.returning,
                tier: right.tier,
                household: right.household,
                registered_unix_s: Some(right.registered_unix_s),
                several: replacement.several,
                used: right.used,
                home: right.home,
            });
            if right.ended {
                self.take_away(replacement.new_wallet, right.benefit);
            }
        }
        if replacement.suspended {
            self.stop(replacement.new_wallet, STOPPED, Status::Suspended);
        }
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
        let home = right.home.map_or(0, |home| home.number() + 1);
        let particular = household != 0 || home != 0 || right.tier != NameNumber::UNKNOWN || right.returning;
        let WalletShard { wallets, ledger, .. } = self;
        let slot = ledger.slot_or_insert(right.wallet.number(), right.benefit, || {
            slot_flags(wallets, right.wallet)
        });
        slot.usable_from = right.usable_from.map_or(0, pack_day);
        slot.set(ENROLLED, true);
        if right.used {
            slot.set(DRAWN, true);
        }
        slot.set(PARTICULAR, particular);
        if let Some(unix_s) = right.registered_unix_s {
            slot.registered_s = (unix_s - EPOCH_UNIX_S).clamp(0, i64::from(u32::MAX)) as u32;
        }
        if particular {
            let particulars = Particulars {
                key: slot.key(),
                household,
                home,
                tier: right.tier.0,
                returning: u16::from(right.returning),
                reserved: 0,
            };
            self.homes_len += usize::from(home != 0);
            let (kept, _) = self.particulars.find_or_insert(particulars.key, || particulars);
            *kept = particulars;
        }
    }

    /// Takes the wallet's entitlement away, which the citizen holds through another wallet from now on, or not any more. The wallet
    /// stays theirs, and goes on naming their home wallet.
    pub fn take_away(&mut self, wallet: WalletId, entitlement: BenefitNumber) {
        let WalletShard {
            ledger, particulars, ..
        } = self;
        let slot = ledger.slot_mut(wallet.number(), entitlement);
        let slot = slot.expect("a right that is taken away has its slot");
        slot.set(ENROLLED, false);
        if slot.has(PARTICULAR) {
            let kept = particulars.find_mut(slot.key()).expect("a slot that has them");
            (kept.household, kept.tier, kept.returning) = (0, 0, 0);
            slot.set(PARTICULAR, kept.home != 0);
        }
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
}

fn home_in(earlier: Option<Earlier>) -> Option<WalletId> {
    earlier.and_then(Earlier::home)
}
