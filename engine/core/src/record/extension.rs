//! What few authorizations have: a household, another wallet's room, funding sources, the end of a hold. It stands behind the
//! fixed part.

use super::{ID_END, RecordError};
use crate::calendar::Instant;
use crate::ids::{HouseholdId, WalletId};
use crate::money::Satang;
use crate::programme::{CapPeriod, SOURCES_MAX};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest hold: a week.
pub const HOLD_SECONDS_MAX: u32 = 604_800;

/// A household, another wallet's room, funding sources, the end of a hold: 48 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Extension {
    /// Plus 1; 0 for none.
    household: u64,
    /// Milliseconds since the Unix epoch; 0 for none.
    expires_ms: i64,
    /// What each source pays of the state's part.
    sources: [u32; SOURCES_MAX],
    /// How many sources there are; 0 when the benefit names none.
    sources_len: u8,
    /// The period in which sources are counted.
    period: u8,
    reserved: [u8; 6],
    /// The home wallet, plus 1; 0 when it is the wallet that pays.
    home: [u8; 8],
}

const _: () = assert!(size_of::<Extension>() == 48);

impl Extension {
    /// An authorization that needs none of it.
    pub const NONE: Extension = Extension {
        household: 0,
        expires_ms: 0,
        sources: [0; SOURCES_MAX],
        sources_len: 0,
        period: 0,
        reserved: [0; 6],
        home: [0; 8],
    };

    /// The same of a household's benefit.
    pub fn of_household(self, household: Option<HouseholdId>) -> Extension {
        Extension {
            household: household.map_or(0, |household| household.number() + 1),
            ..self
        }
    }

    /// The same with the room of another wallet than the one that pays.
    pub fn of_home(self, home: Option<WalletId>) -> Extension {
        Extension {
            home: home.map_or(0, |home| home.number() + 1).to_le_bytes(),
            ..self
        }
    }

    /// The same with what sources pay, counted in `period`.
    pub fn of_sources(self, funding: Option<Funding>) -> Extension {
        match funding {
            None => self,
            Some(funding) => Extension {
                sources: funding.paid,
                sources_len: funding.len,
                period: funding.period as u8,
                ..self
            },
        }
    }

    /// The same of a hold that ends at `expires`.
    pub fn until(self, expires: Option<Instant>) -> Extension {
        Extension {
            expires_ms: expires.map_or(0, Instant::unix_ms),
            ..self
        }
    }

    /// The household whose room was asked for.
    pub fn household(&self) -> Option<HouseholdId> {
        self.household.checked_sub(1).map(HouseholdId::from_number)
    }

    /// The citizen's home wallet in the programme, whose room is taken, when it is another one than the wallet that pays.
    pub fn home(&self) -> Option<WalletId> {
        let number = u64::from_le_bytes(self.home);
        number.checked_sub(1).map(WalletId::from_number)
    }

    /// When the hold ends; `None` for an authorization.
    pub fn expires(&self) -> Option<Instant> {
        (self.expires_ms != 0).then(|| Instant::from_unix_ms(self.expires_ms))
    }

    /// What sources pay of the state's part; `None` when the benefit names none.
    pub fn funding(&self) -> Option<Funding> {
        (self.sources_len != 0).then(|| Funding {
            paid: self.sources,
            len: self.sources_len,
            period: CapPeriod::ALL[usize::from(self.period)],
        })
    }

    pub(super) fn check_fields(&self, sequence: u64, state: Satang) -> Result<(), RecordError> {
        let fail = |field| Err(RecordError::Field { sequence, field });
        if self.household > ID_END {
            return fail("household");
        }
        if u64::from_le_bytes(self.home) > ID_END {
            return fail("home");
        }
        let len = usize::from(self.sources_len);
        if len > SOURCES_MAX || usize::from(self.period) >= CapPeriod::ALL.len() {
            return fail("sources");
        }
        let paid: u64 = self.sources.iter().map(|paid| u64::from(*paid)).sum();
        let behind = self.sources[len..].iter().any(|paid| *paid != 0);
        if behind || (len > 0 && paid != state.get()) {
            return fail("sources");
        }
        let latest_ms = Instant::MAX.unix_ms() + i64::from(HOLD_SECONDS_MAX) * 1_000;
        match (0..=latest_ms).contains(&self.expires_ms) {
            true => Ok(()),
            false => fail("expiry"),
        }
    }
}

/// Who pays, or gets back, the state's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// Satang by source, in the order of the programme file.
    pub paid: [u32; SOURCES_MAX],
    /// How many sources there are.
    pub len: u8,
    /// The period in which they are counted.
    pub period: CapPeriod,
}

impl Funding {
    /// What each source has got back once `given_back` of all they paid is given back: the last source first.
    fn given_back(&self, mut given_back: u32) -> [u32; SOURCES_MAX] {
        let mut back = [0; SOURCES_MAX];
        for (back, paid) in back.iter_mut().zip(self.paid).rev() {
            *back = given_back.min(paid);
            given_back -= *back;
        }
        back
    }

    /// What each source gets back by what raises the sum given back from `before` to `after`.
    pub fn back_between(&self, before: Satang, after: Satang) -> Funding {
        let (before, after) = (
            self.given_back(before.get_u32()),
            self.given_back(after.get_u32()),
        );
        Funding {
            paid: core::array::from_fn(|source| after[source] - before[source]),
            ..*self
        }
    }

    /// The sources' amounts, in order.
    pub fn amounts(&self) -> &[u32] {
        &self.paid[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_source_gets_its_money_back_first() {
        let funding = Funding {
            paid: [300, 0, 200, 0],
            len: 3,
            period: CapPeriod::Month,
        };
        let back = |before, after| funding.back_between(Satang::new(before), Satang::new(after)).paid;
        assert_eq!(back(0, 150), [0, 0, 150, 0]);
        assert_eq!(back(150, 250), [50, 0, 50, 0]);
        assert_eq!(back(250, 500), [250, 0, 0, 0]);
    }
}
