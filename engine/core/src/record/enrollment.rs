//! The record of an entitlement that was imported.

use super::bytes::fixed_size;
use super::{BenefitNumber, Earlier, ID_END, NameNumber, RecordError, RecordHeader, RecordKind};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{HouseholdId, PersonId, WalletId};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// In the header's flags: the line grants a right that was not live before.
const FLAG_GRANTED: u8 = 2;
/// In the header's flags: the citizen holds, or held, rights in other programmes, too.
const FLAG_SEVERAL: u8 = 4;
/// In the header's flags: the citizen used an earlier right in the programme, and its room is another wallet's.
const FLAG_USED: u8 = 8;
/// In the header's flags: the right goes on by the date of a returning citizen.
const FLAG_RETURNING: u8 = 32;

/// A wallet holds an entitlement in a programme: 80 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct EnrollmentRecord {
    pub header: RecordHeader,
    wallet: u64,
    person: u64,
    /// Plus 1; 0 for none.
    household: u64,
    /// The wallet that [`Earlier`] names, plus 1; 0 for none.
    earlier: u64,
    /// The other wallet that learns of it, plus 1; 0 for none.
    linked: u64,
    usable_from: i32,
    program: u16,
    benefit: u16,
    tier: u16,
    reserved: [u8; 6],
}

fixed_size!(EnrollmentRecord, 80);

/// The facts of an enrollment record.
#[derive(Clone, Copy, Debug)]
pub struct EnrollmentFacts {
    pub wallet: WalletId,
    /// Whose wallet it is.
    pub person: PersonId,
    pub program: NameNumber,
    /// The benefit whose slot keeps the entitlement.
    pub benefit: BenefitNumber,
    /// The household that shares benefits with others, when the line gave one.
    pub household: Option<HouseholdId>,
    /// The tier, when the line gave one; else unknown.
    pub tier: NameNumber,
    /// The first date it may be used: the line's, or else the one that stood.
    pub usable_from: Option<BusinessDate>,
    /// Whether that date is still a returning citizen's.
    pub returning: bool,
    /// Whether the right was not live before: it is registered now.
    pub granted: bool,
    /// Whether the citizen holds, or held, rights in other programmes, too.
    pub several: bool,
    /// The citizen's wallet in the other programme, when it is another one that does not know yet of several.
    pub linked: Option<WalletId>,
    /// What the citizen's earlier right in the programme leaves to this one.
    pub earlier: Option<Earlier>,
}

impl EnrollmentRecord {
    /// The record of `facts`, unchecked and without a sequence yet. `caller`: the number of the name of the key it was imported
    /// with; unknown without keys.
    pub fn new(at: Instant, caller: NameNumber, facts: &EnrollmentFacts) -> EnrollmentRecord {
        let flag = |flag: u8, on: bool| if on { flag } else { 0 };
        let (used, earlier) = Earlier::to_number(facts.earlier);
        let flags = flag(FLAG_GRANTED, facts.granted)
            | flag(FLAG_SEVERAL, facts.several)
            | flag(FLAG_USED, used)
            | flag(FLAG_RETURNING, facts.returning);
        EnrollmentRecord {
            header: RecordHeader::new(
                RecordKind::Enrollment,
                at,
                caller,
                flags,
                size_of::<EnrollmentRecord>(),
            ),
            wallet: facts.wallet.number(),
            person: facts.person.number(),
            household: facts.household.map_or(0, |household| household.number() + 1),
            earlier,
            linked: facts.linked.map_or(0, |wallet| wallet.number() + 1),
            usable_from: facts.usable_from.map_or(i32::MIN, BusinessDate::days),
            program: facts.program.0,
            benefit: facts.benefit.0,
            tier: facts.tier.0,
            reserved: [0; 6],
        }
    }

    /// The household that shares benefits with others, when the line gave one.
    pub fn household(&self) -> Option<HouseholdId> {
        self.household.checked_sub(1).map(HouseholdId::from_number)
    }

    /// The tier, when the line gave one; else unknown.
    pub fn tier(&self) -> NameNumber {
        NameNumber(self.tier)
    }

    /// Whether the right was not live before: it is registered now.
    pub fn granted(&self) -> bool {
        self.header.flags & FLAG_GRANTED != 0
    }

    /// The citizen's wallet in the other programme, when it is another one that does not know yet of several.
    pub fn linked(&self) -> Option<WalletId> {
        self.linked.checked_sub(1).map(WalletId::from_number)
    }

    /// Whether the first date is still a returning citizen's.
    pub fn returning(&self) -> bool {
        self.header.flags & FLAG_RETURNING != 0
    }

    /// Whether the citizen holds, or held, rights in other programmes, too.
    pub fn several(&self) -> bool {
        self.header.flags & FLAG_SEVERAL != 0
    }

    /// What the citizen's earlier right in the programme leaves to this one.
    pub fn earlier(&self) -> Option<Earlier> {
        Earlier::from_number(self.header.flags & FLAG_USED != 0, self.earlier)
    }

    /// The wallet that the entitlement is held through.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Whose wallet it is.
    pub fn person(&self) -> PersonId {
        PersonId::from_number(self.person).expect("checked when the record was read")
    }

    /// The number of the programme's name.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The benefit whose slot keeps the entitlement.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The first date it may be used: the line's, or else the one that stood.
    pub fn usable_from(&self) -> Option<BusinessDate> {
        (self.usable_from != i32::MIN).then(|| BusinessDate::from_days(self.usable_from))
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| Err(self.header.impossible(field));
        if self.wallet >= ID_END || self.earlier > ID_END || self.linked > ID_END {
            return fail("wallet");
        }
        if self.header.flags & FLAG_USED != 0 && self.earlier == 0 {
            return fail("flags");
        }
        if self.household > ID_END {
            return fail("household");
        }
        if !self.benefit().is_possible() {
            return fail("benefit");
        }
        if self.person == 0 { fail("person") } else { Ok(()) }
    }
}
