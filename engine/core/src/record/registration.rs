//! The record of a registration.

use super::bytes::fixed_size;
use super::{
    BenefitNumber, Earlier, FLAG_APPROVED, ID_END, NameNumber, RecordError, RecordHeader, RecordKind,
};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{Nationality, PersonId, RegistrationId, WalletId};
use crate::outcome::RegistrationReason;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// In the header's flags: the citizen is a holder of the earlier programme.
const FLAG_RETURNING: u8 = 2;
/// In the header's flags: the citizen's earlier right in the programme had lapsed and is replaced.
const FLAG_RENEWED: u8 = 4;
/// In the header's flags: the citizen holds, or held, rights in other programmes, too.
const FLAG_SEVERAL: u8 = 8;
/// In the header's flags: the citizen used an earlier right in the programme, and its room is another wallet's.
const FLAG_USED: u8 = 16;

/// A registration and its outcome: 112 bytes. Neither the citizen's id nor the date of birth stand in it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RegistrationRecord {
    pub header: RecordHeader,
    registration_id: [u8; 16],
    /// A keyed hash of everything that was asked.
    content: u64,
    wallet: u64,
    person: u64,
    /// The wallet that [`Earlier`] names, plus 1; 0 for none.
    earlier: u64,
    /// The other wallet that learns of it, plus 1; 0 for none.
    linked: u64,
    ticket: u64,
    usable_from: i32,
    /// The rule version's number; 0 when the programme was unknown.
    pub rule: u32,
    program: u16,
    benefit: u16,
    list: u16,
    tier: u16,
    nationality: [u8; 2],
    age: u8,
    reason: u8,
    reserved: u32,
}

fixed_size!(RegistrationRecord, 112);

/// The facts of a registration record, as decided.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationFacts {
    pub registration_id: RegistrationId,
    /// A keyed hash of everything that was asked: whether a repeated id asks the same.
    pub content: u64,
    pub wallet: WalletId,
    /// Who; `None` when the decision did not depend on it.
    pub person: Option<PersonId>,
    /// Complete years on the registration day.
    pub age: u8,
    pub nationality: Nationality,
    pub reason: RegistrationReason,
    /// The ticket of an accepted one, from 1; 0 otherwise.
    pub ticket: u64,
    /// The programme; [`NameNumber::UNKNOWN`] when it has no number.
    pub program: NameNumber,
    /// The rule version's number, 0 for none.
    pub rule: u32,
    /// The benefit whose slot keeps the entitlement; none unless accepted.
    pub benefit: BenefitNumber,
    /// The list that excludes; unknown unless excluded.
    pub list: NameNumber,
    /// The tier of an accepted one; unknown for none.
    pub tier: NameNumber,
    /// Whether the citizen is a holder of the earlier programme.
    pub returning: bool,
    /// The first date a returning citizen may spend.
    pub usable_from: Option<BusinessDate>,
    /// What the citizen's earlier right in the programme leaves to this one.
    pub earlier: Option<Earlier>,
    /// Whether the citizen holds, or held, rights in other programmes, too; unknown, so false, unless accepted.
    pub several: bool,
    /// The citizen's wallet in the other programme, when it is another one that does not know yet of several.
    pub linked: Option<WalletId>,
}

impl RegistrationRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &RegistrationFacts) -> RegistrationRecord {
        let accepted = facts.reason == RegistrationReason::Accepted;
        let (used, earlier) = Earlier::to_number(facts.earlier);
        let flags = flag(FLAG_APPROVED, accepted)
            | flag(FLAG_RETURNING, facts.returning)
            | flag(FLAG_RENEWED, earlier != 0 && !used)
            | flag(FLAG_SEVERAL, facts.several)
            | flag(FLAG_USED, used);
        RegistrationRecord {
            header: RecordHeader::new(
                RecordKind::Registration,
                at,
                NameNumber::UNKNOWN,
                flags,
                size_of::<RegistrationRecord>(),
            ),
            registration_id: facts.registration_id.bits().to_le_bytes(),
            content: facts.content,
            wallet: facts.wallet.number(),
            person: facts.person.map_or(0, PersonId::number),
            earlier,
            linked: facts.linked.map_or(0, |wallet| wallet.number() + 1),
            ticket: facts.ticket,
            usable_from: facts.usable_from.map_or(i32::MIN, BusinessDate::days),
            rule: facts.rule,
            program: facts.program.0,
            benefit: facts.benefit.0,
            list: facts.list.0,
            tier: facts.tier.0,
            nationality: facts.nationality.letters(),
            age: facts.age,
            reason: facts.reason as u8,
            reserved: 0,
        }
    }

    /// The id that the registrar gave the request.
    pub fn registration_id(&self) -> RegistrationId {
        RegistrationId::from_bits(u128::from_le_bytes(self.registration_id))
    }

    /// A keyed hash of everything that was asked.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// The wallet that the entitlement is held through.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Who; `None` when the decision did not depend on it.
    pub fn person(&self) -> Option<PersonId> {
        PersonId::from_number(self.person)
    }

    /// What the citizen's earlier right in the programme leaves to this one.
    pub fn earlier(&self) -> Option<Earlier> {
        Earlier::from_number(self.header.flags & FLAG_USED != 0, self.earlier)
    }

    /// The ticket of an accepted one: dense from 1 in the order of sequences.
    pub fn ticket(&self) -> Option<u64> {
        self.accepted().then_some(self.ticket)
    }

    /// The first date a returning citizen may spend.
    pub fn usable_from(&self) -> Option<BusinessDate> {
        (self.usable_from != i32::MIN).then(|| BusinessDate::from_days(self.usable_from))
    }

    /// The programme; [`NameNumber::UNKNOWN`] when it had no number.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The benefit whose slot keeps the entitlement.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The list that excludes.
    pub fn list(&self) -> NameNumber {
        NameNumber(self.list)
    }

    /// The tier of an accepted one; unknown for none.
    pub fn tier(&self) -> NameNumber {
        NameNumber(self.tier)
    }

    /// The applicant's nationality, as it was asked.
    pub fn nationality(&self) -> Nationality {
        let letters = core::str::from_utf8(&self.nationality).expect("checked when the record was read");
        Nationality::parse(letters).expect("checked when the record was read")
    }

    /// Complete years on the registration day.
    pub fn age(&self) -> u8 {
        self.age
    }

    /// Why it was decided as it was.
    pub fn reason(&self) -> RegistrationReason {
        RegistrationReason::from_number(self.reason).expect("checked when the record was read")
    }

    /// Whether the citizen holds an entitlement by it.
    pub fn accepted(&self) -> bool {
        self.header.flags & FLAG_APPROVED != 0
    }

    /// The citizen's wallet in the other programme, when it is another one that does not know yet of several.
    pub fn linked(&self) -> Option<WalletId> {
        self.linked.checked_sub(1).map(WalletId::from_number)
    }

    /// Whether the citizen holds, or held, rights in other programmes, too.
    pub fn several(&self) -> bool {
        self.header.flags & FLAG_SEVERAL != 0
    }

    /// Whether the citizen is a holder of the earlier programme.
    pub fn returning(&self) -> bool {
        self.header.flags & FLAG_RETURNING != 0
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| Err(self.header.impossible(field));
        let Some(reason) = RegistrationReason::from_number(self.reason) else {
            return fail("reason");
        };
        let accepted = reason == RegistrationReason::Accepted;
        if accepted != self.accepted() || accepted != (self.ticket != 0) {
            return fail("reason");
        }
        if accepted && (self.person == 0 || !self.benefit().is_possible()) {
            return fail("person or benefit");
        }
        if self.wallet >= ID_END || self.earlier > ID_END || self.linked > ID_END {
            return fail("wallet");
        }
        let earlier = self.header.flags & (FLAG_RENEWED | FLAG_USED);
        if earlier == FLAG_RENEWED | FLAG_USED || (earlier != 0) != (self.earlier != 0) {
            return fail("flags");
        }
        let letters = core::str::from_utf8(&self.nationality).map(Nationality::parse);
        match letters {
            Ok(Ok(_)) => Ok(()),
            _ => fail("nationality"),
        }
    }
}

const fn flag(flag: u8, on: bool) -> u8 {
    if on { flag } else { 0 }
}
