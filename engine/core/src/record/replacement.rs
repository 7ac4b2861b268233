//! The record of a citizen who got a new wallet in place of an old one.

use super::coding::{Field, fields};
use super::{BenefitNumber, NameNumber};
use crate::calendar::BusinessDate;
use crate::ids::{HouseholdId, PersonId, WalletId};

/// A citizen's rights went from one wallet to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub wallet: WalletId,
    pub new_wallet: WalletId,
    pub person: PersonId,
    /// Whether the citizen holds, or held, rights in several programmes.
    pub several: bool,
    /// Whether the citizen is suspended: the new wallet is, the old one no longer on that account.
    pub suspended: bool,
    /// The rights, live, lapsed or ended.
    pub rights: Vec<CarriedEntitlement>,
    /// Why, in the registrar's words.
    pub reason: String,
}

/// A right as the new wallet holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarriedEntitlement {
    /// The benefit whose slot keeps it.
    pub benefit: BenefitNumber,
    /// When it was registered, in seconds since the Unix epoch.
    pub registered_unix_s: i64,
    /// The first date its registration or enrollment allows.
    pub usable_from: Option<BusinessDate>,
    /// Whether that is a returning citizen's date.
    pub returning: bool,
    /// The tier; unknown for none.
    pub tier: NameNumber,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// Whether it ended by a move before: it only says where the citizen's use is kept.
    pub ended: bool,
    /// Whether it was used.
    pub used: bool,
    /// The citizen's home wallet in the programme, when it is another one than the new wallet.
    pub home: Option<WalletId>,
}

const RETURNING: u16 = 1;
const USED: u16 = 2;
const ENDED: u16 = 4;
const FLAGS: u16 = RETURNING | USED | ENDED;
/// No right is registered later, in seconds since the Unix epoch: slots count up to the year 2136.
const REGISTERED_MAX: u64 = 1 << 33;

fields!(Replacement: wallet, new_wallet, person, several, suspended, rights, reason);

impl Field for CarriedEntitlement {
    fn write(&self, to: &mut Vec<u8>) {
        let flag = |flag: u16, on: bool| if on { flag } else { 0 };
        self.benefit.write(to);
        (flag(RETURNING, self.returning) | flag(USED, self.used) | flag(ENDED, self.ended)).write(to);
        (self.registered_unix_s as u64).write(to);
        self.usable_from.write(to);
        self.tier.write(to);
        self.household.write(to);
        self.home.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<CarriedEntitlement> {
        let benefit = Field::read(from)?;
        let flags = u16::read(from).filter(|flags| flags & !FLAGS == 0)?;
        let registered = u64::read(from).filter(|seconds| *seconds <= REGISTERED_MAX)?;
        Some(CarriedEntitlement {
            benefit,
            returning: flags & RETURNING != 0,
            ended: flags & ENDED != 0,
            used: flags & USED != 0,
            registered_unix_s: registered as i64,
            usable_from: Field::read(from)?,
            tier: Field::read(from)?,
            household: Field::read(from)?,
            home: Field::read(from)?,
        })
    }
}
