//! The other records of fixed size: entitlements and the end of a business date.

use super::{BenefitNumber, ID_END, NameNumber, RecordError, RecordHeader, RecordKind};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{PersonId, WalletId};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A wallet holds an entitlement in a programme: 64 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct EnrollmentRecord {
    /// Common header.
    pub header: RecordHeader,
    wallet: u64,
    person: u64,
    usable_from: i32,
    program: u16,
    benefit: u16,
    by: u16,
    reserved: [u8; 14],
}

/// The facts of an enrollment record.
#[derive(Clone, Copy, Debug)]
pub struct EnrollmentFacts {
    /// Through which wallet.
    pub wallet: WalletId,
    /// Whose wallet it is.
    pub person: PersonId,
    /// In which programme.
    pub program: NameNumber,
    /// The benefit whose slot keeps the entitlement.
    pub benefit: BenefitNumber,
    /// The first date it may be used, when the line gave one.
    pub usable_from: Option<BusinessDate>,
    /// The name of the key it was imported with; [`NameNumber::UNKNOWN`] without keys.
    pub by: NameNumber,
}

impl EnrollmentRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &EnrollmentFacts) -> EnrollmentRecord {
        EnrollmentRecord {
            header: RecordHeader::new(RecordKind::Enrollment, at, 0, size_of::<EnrollmentRecord>()),
            wallet: facts.wallet.number(),
            person: facts.person.number(),
            usable_from: facts.usable_from.map_or(i32::MIN, BusinessDate::days),
            program: facts.program.0,
            benefit: facts.benefit.0,
            by: facts.by.0,
            reserved: [0; 14],
        }
    }

    /// The wallet.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Whose wallet it is.
    pub fn person(&self) -> PersonId {
        PersonId::from_number(self.person).expect("checked when the record was read")
    }

    /// The programme.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The benefit whose slot keeps the entitlement.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The first date it may be used, when the line gave one.
    pub fn usable_from(&self) -> Option<BusinessDate> {
        (self.usable_from != i32::MIN).then(|| BusinessDate::from_days(self.usable_from))
    }

    /// The name of the key it was imported with; [`NameNumber::UNKNOWN`] without keys.
    pub fn by(&self) -> NameNumber {
        NameNumber(self.by)
    }

    pub(super) fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| {
            Err(RecordError::Field {
                sequence: self.header.sequence,
                field,
            })
        };
        if self.wallet >= ID_END {
            return fail("wallet");
        }
        if self.person == 0 { fail("person") } else { Ok(()) }
    }
}

/// A business date is over: 32 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CutOverRecord {
    /// Common header.
    pub header: RecordHeader,
    date: i32,
    reserved: u32,
}

impl CutOverRecord {
    /// The record, unchecked and without a sequence yet.
    pub fn new(at: Instant, date: BusinessDate) -> CutOverRecord {
        let header = RecordHeader::new(RecordKind::CutOver, at, 0, size_of::<CutOverRecord>());
        CutOverRecord {
            header,
            date: date.days(),
            reserved: 0,
        }
    }

    /// The date that is over.
    pub fn date(&self) -> BusinessDate {
        BusinessDate::from_days(self.date)
    }
}
