//! The table of record kinds. It makes each kind's number and name, what a record can be, and how its bytes are read and
//! written. A new kind is one line here and a file for its bytes.

use super::{
    AuthorizationPayout, Bytes, CaseClosed, CaseCounted, CaseOpened, CasePaid, ConsentWithdrawn,
    CutOverRecord, EnrollmentRecord, Erased, KeyAcquirer, ListImported, ListedRecord, Merchant,
    MerchantJoined, MerchantPayout, MerchantStatus, NameNumber, NameRecord, NamedAuthorization, PersonStatus,
    PlatformBinding, ProgramStatus, ProgrammeTransfer, RecordError, RecordHeader, RegistrationRecord,
    Replacement, ReversalRecord, RuleVersion, RulesInForce, WalletStatus,
};
use crate::calendar::Instant;

macro_rules! record_kinds {
    ($($(#[$doc:meta])* $number:literal $kind:ident($body:ty) $name:literal;)+) => {
        /// What a record is. The numbers are permanent.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum RecordKind {
            $($(#[$doc])* $kind = $number,)+
        }

        impl RecordKind {
            /// Every kind, by number.
            pub const ALL: &'static [RecordKind] = &[$(RecordKind::$kind),+];

            /// The kind with this number, or `None`.
            pub const fn from_number(number: u8) -> Option<RecordKind> {
                match number {
                    $($number => Some(RecordKind::$kind),)+
                    _ => None,
                }
            }

            /// The kind in words.
            pub const fn name(self) -> &'static str {
                match self {
                    $(RecordKind::$kind => $name,)+
                }
            }
        }

        /// A checked record, by kind.
        #[derive(Clone, Debug)]
        pub enum Record {
            $($(#[$doc])* $kind($body),)+
        }

        impl Record {
            /// The kind of the record.
            pub const fn kind(&self) -> RecordKind {
                match self {
                    $(Record::$kind(_) => RecordKind::$kind,)+
                }
            }

            /// Reads the record in `bytes`, as [`super::split_record`] returned it.
            ///
            /// # Errors
            /// [`RecordError::Field`] for an unknown kind or an impossible field.
            pub fn decode(header: &RecordHeader, bytes: &[u8]) -> Result<Record, RecordError> {
                let kind = RecordKind::from_number(header.kind).ok_or(header.impossible("kind"))?;
                match kind {
                    $(RecordKind::$kind => <$body as Bytes>::decode(header, bytes).map(Record::$kind),)+
                }
            }

            /// The finished bytes of the record, still without a sequence, as decided at `at` for the bearer of the key whose name
            /// has the number `caller`.
            ///
            /// # Panics
            /// When `at` does not fit a record, or the record is longer than one can be.
            pub fn encode(&self, at: Instant, caller: NameNumber) -> Vec<u8> {
                match self {
                    $(Record::$kind(body) => body.encode(RecordKind::$kind, at, caller),)+
                }
            }
        }
    };
}

record_kinds! {
    /// A purchase or hold was approved or declined.
    1 Authorization(NamedAuthorization) "authorization";
    /// A reversal was approved or declined; a tombstone when the original was never seen.
    2 Reversal(ReversalRecord) "reversal";
    /// A hold was captured, or was to be.
    3 Capture(ReversalRecord) "capture";
    /// A hold was voided, or was to be.
    4 Void(ReversalRecord) "void";
    /// A business date is over: no later record belongs to it.
    5 CutOver(CutOverRecord) "cut-over";
    /// A citizen registered, accepted or rejected.
    6 Registration(RegistrationRecord) "registration";
    /// A wallet holds an entitlement that was imported.
    7 Enrollment(EnrollmentRecord) "enrollment";
    /// A citizen is on an imported list.
    8 Listed(ListedRecord) "listed";
    /// A citizen moved from one programme to another.
    9 ProgrammeTransfer(ProgrammeTransfer) "moved";
    /// A citizen got a new wallet in place of an old one.
    10 Replacement(Replacement) "replacement";
    /// A wallet was suspended or made active.
    11 WalletStatus(WalletStatus) "wallet status";
    /// A name got its number.
    12 Name(NameRecord) "name";
    /// The full text of a rule version, when its hash was first seen.
    13 RuleVersion(RuleVersion) "rule version";
    /// Which rule versions are in force.
    14 RulesInForce(RulesInForce) "rules in force";
    /// A merchant was registered or changed.
    15 Merchant(Merchant) "merchant";
    /// A programme was paused or resumed.
    16 ProgramStatus(ProgramStatus) "programme status";
    /// A merchant was suspended or made active by casework.
    17 MerchantStatus(MerchantStatus) "merchant status";
    /// A merchant joined a programme.
    18 MerchantJoined(MerchantJoined) "merchant joined";
    /// A merchant was bound to its delivery platform, or released from it.
    19 PlatformBinding(PlatformBinding) "platform binding";
    /// What settlement would pay a merchant is held back, or not any more.
    20 MerchantPayout(MerchantPayout) "merchant payout";
    /// What settlement would pay for one authorization is held back, or not any more.
    21 AuthorizationPayout(AuthorizationPayout) "authorization payout";
    /// A citizen was suspended or made active, over all programmes.
    22 PersonStatus(PersonStatus) "person status";
    /// Money is claimed back.
    23 CaseOpened(CaseOpened) "case opened";
    /// Some of what is claimed came back.
    24 CasePaid(CasePaid) "case paid";
    /// A case was closed though something is left.
    25 CaseClosed(CaseClosed) "case closed";
    /// What a merchant received was counted: its case says how much is owed.
    26 CaseCounted(CaseCounted) "case counted";
    /// A merchant withdrew its consent.
    27 ConsentWithdrawn(ConsentWithdrawn) "consent withdrawn";
    /// A citizen's entry in the person store is deleted.
    28 Erased(Erased) "erased";
    /// A list was imported without a citizen: it is rightly empty.
    29 ListImported(ListImported) "list imported";
    /// A key is an acquirer's from here on.
    30 KeyAcquirer(KeyAcquirer) "key acquirer";
}
