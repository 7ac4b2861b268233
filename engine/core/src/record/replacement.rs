//! The record of a citizen who got a new wallet in place of an old one.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
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

impl Body for Replacement {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.wallet.number());
        to.u64(self.new_wallet.number());
        to.u64(self.person.number());
        to.flag(self.several);
        to.flag(self.suspended);
        to.u16(self.rights.len() as u16);
        self.rights.iter().for_each(|right| right.encode(to));
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<Replacement> {
        Some(Replacement {
            wallet: from.wallet()?,
            new_wallet: from.wallet()?,
            person: from.person()?,
            several: from.flag()?,
            suspended: from.flag()?,
            rights: {
                let count = from.u16()?;
                let rights = (0..count).map(|_| CarriedEntitlement::decode(from));
                rights.collect::<Option<Vec<_>>>()?
            },
            reason: from.text()?.to_owned(),
        })
    }
}

impl CarriedEntitlement {
    fn encode(&self, to: &mut Encoder) {
        let flag = |flag: u16, on: bool| if on { flag } else { 0 };
        to.u16(self.benefit.0);
        to.u16(flag(RETURNING, self.returning) | flag(USED, self.used) | flag(ENDED, self.ended));
        to.u64(self.registered_unix_s as u64);
        to.optional_date(self.usable_from);
        to.u16(self.tier.0);
        to.optional(self.household.map(HouseholdId::number));
        to.optional(self.home.map(WalletId::number));
    }

    fn decode(from: &mut Decoder<'_>) -> Option<CarriedEntitlement> {
        let benefit = from.benefit()?;
        let flags = from.u16().filter(|flags| flags & !FLAGS == 0)?;
        let registered = from.u64().filter(|seconds| *seconds <= REGISTERED_MAX)?;
        Some(CarriedEntitlement {
            benefit,
            returning: flags & RETURNING != 0,
            ended: flags & ENDED != 0,
            used: flags & USED != 0,
            registered_unix_s: registered as i64,
            usable_from: from.optional_date()?,
            tier: from.name_number()?,
            household: from.optional(|number| HouseholdId::try_from_number(number).ok())?,
            home: from.optional(|number| WalletId::try_from_number(number).ok())?,
        })
    }
}
