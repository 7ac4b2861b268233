//! The records of imported lists: of a citizen on one, and of one with nobody on it.

use super::bytes::fixed_size;
use super::coding::fields;
use super::{NameNumber, RecordError, RecordHeader, RecordKind};
use crate::calendar::Instant;
use crate::ids::PersonId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A citizen is on an imported list: 48 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ListedRecord {
    pub header: RecordHeader,
    person: u64,
    list: u16,
    reserved: [u8; 14],
}

fixed_size!(ListedRecord, 48);

impl ListedRecord {
    /// The record, unchecked and without a sequence yet. `caller`: the number of the name of the key it was
    /// imported with; unknown without keys.
    pub fn new(at: Instant, caller: NameNumber, list: NameNumber, person: PersonId) -> ListedRecord {
        ListedRecord {
            header: RecordHeader::new(RecordKind::Listed, at, caller, 0, size_of::<ListedRecord>()),
            person: person.number(),
            list: list.0,
            reserved: [0; 14],
        }
    }

    /// The person who was put on the list.
    pub fn person(&self) -> PersonId {
        PersonId::from_number(self.person).expect("checked when the record was read")
    }

    /// The list that the person is on from now on.
    pub fn list(&self) -> NameNumber {
        NameNumber(self.list)
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| Err(self.header.impossible(field));
        if self.person == 0 {
            return fail("person");
        }
        if self.list == 0 { fail("list") } else { Ok(()) }
    }
}

/// A list was imported while nobody was on it, which so counts as imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListImported {
    /// The number of the list's name.
    pub list: NameNumber,
}

fields!(ListImported: list);
