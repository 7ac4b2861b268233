//! Journal records: every change of state, as bytes. `docs/RECORDS.md` shows the diagrams.
//!
//! A record is a 24-byte [`RecordHeader`] and what its kind keeps, padded with zeros to a multiple of 16 bytes, little-endian.
//! The table in `kinds` lists every kind; each has its bytes in a file of its own, or beside its siblings. The check in the header
//! is a CRC-32C of everything but the sequence, xor-ed with the sequence folded to 32 bits: a record can be finished before its
//! sequence is known.

mod header;
mod kinds;
mod bytes;
mod coding;
mod authorization;
mod extension;
mod reversal;
mod cut_over;
mod registration;
mod enrollment;
mod earlier;
mod listed;
mod transfer;
mod replacement;
mod name;
mod acquirer;
mod rules;
mod merchant;
mod status;
mod platform;
mod payout;
mod case;
mod consent;
mod erased;

pub use acquirer::KeyAcquirer;
pub use authorization::{
    Authorization, AuthorizationFacts, AuthorizationRecord, NamedAuthorization, RecordBuf, extra_of,
};
pub use case::{CaseClosed, CaseCounted, CaseOpened, CasePaid, Debtor};
pub use consent::ConsentWithdrawn;
pub use cut_over::CutOverRecord;
pub use earlier::Earlier;
pub use enrollment::{EnrollmentFacts, EnrollmentRecord};
pub use erased::Erased;
pub use extension::{Extension, Funding, HOLD_SECONDS_MAX};
pub use header::{AuditStamp, RecordError, RecordHeader, same_but_for_caller, set_sequence, split_record};
pub use kinds::{Record, RecordKind};
pub use listed::{ListImported, ListedRecord};
pub use merchant::Merchant;
pub use name::NameRecord;
pub use payout::{AuthorizationPayout, MerchantPayout, Payout};
pub use platform::{MerchantJoined, PlatformBinding};
pub use registration::{RegistrationFacts, RegistrationRecord};
pub use replacement::{CarriedEntitlement, Replacement};
pub use reversal::{Closing, OriginalFacts, ReturnKind, ReversalFacts, ReversalRecord};
pub use rules::{RuleVersion, RulesInForce};
pub use status::{MerchantStatus, PersonStatus, ProgramStatus, Status, WalletStatus};
pub use transfer::ProgrammeTransfer;

use crate::ids::PersonId;
use bytes::Bytes;
use header::FLAG_APPROVED;

const _: () = assert!(
    cfg!(target_endian = "little"),
    "records are written as they lie in memory"
);

/// Records are padded to a multiple of this many bytes.
pub const RECORD_UNIT: usize = 16;
/// The longest record: what the 16-bit length counts in units.
pub const RECORD_BYTES_MAX: usize = RECORD_UNIT * u16::MAX as usize;
/// The longest authorization record: fixed part, extra, and two names of 64 bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 288;
/// An authorization record with an extra and no names.
pub const AUTHORIZATION_BYTES_WITH_EXTENSION: usize =
    size_of::<AuthorizationRecord>() + size_of::<Extension>();

/// The first sequence that does not fit the 48 bits that tables of ids keep of it.
pub const SEQUENCE_END: u64 = 1 << 48;

/// A number that stands for a [`Name`] in records; given out by name records in journal order, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameNumber(pub u16);

impl NameNumber {
    /// No number: the name was unknown when the record was written, or there is none. As a caller: see [`RecordHeader::caller`].
    pub const UNKNOWN: NameNumber = NameNumber(0);
}

/// A number that stands for one benefit of one programme over all its rule versions, from 1; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BenefitNumber(pub u16);

impl BenefitNumber {
    /// No benefit was found.
    pub const NONE: BenefitNumber = BenefitNumber(0);
    /// The largest number: a slot's key holds eight bits.
    pub const MAX: u16 = 255;

    /// Whether a benefit can have this number.
    pub const fn is_possible(self) -> bool {
        self.0 != 0 && self.0 <= BenefitNumber::MAX
    }
}

/// The first number that has more than fifteen digits.
const ID_END: u64 = 1_000_000_000_000_000;

impl Record {
    /// The citizen it is about, when it names one.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Record::Registration(record) => record.person(),
            Record::Enrollment(record) => Some(record.person()),
            Record::Listed(record) => Some(record.person()),
            Record::ProgrammeTransfer(moved) => Some(moved.person),
            Record::Replacement(replacement) => Some(replacement.person),
            Record::PersonStatus(status) => Some(status.person),
            Record::Erased(erased) => Some(erased.person),
            Record::CaseOpened(opened) => match opened.debtor {
                Debtor::Person(person) => Some(person),
                Debtor::Merchant(_) => None,
            },
            Record::Authorization(_)
            | Record::Reversal(_)
            | Record::Capture(_)
            | Record::Void(_)
            | Record::CutOver(_)
            | Record::WalletStatus(_)
            | Record::Name(_)
            | Record::RuleVersion(_)
            | Record::RulesInForce(_)
            | Record::Merchant(_)
            | Record::ListImported(_)
            | Record::KeyAcquirer(_)
            | Record::ProgramStatus(_)
            | Record::MerchantStatus(_)
            | Record::MerchantJoined(_)
            | Record::PlatformBinding(_)
            | Record::MerchantPayout(_)
            | Record::AuthorizationPayout(_)
            | Record::CasePaid(_)
            | Record::CaseClosed(_)
            | Record::CaseCounted(_)
            | Record::ConsentWithdrawn(_) => None,
        }
    }
}
