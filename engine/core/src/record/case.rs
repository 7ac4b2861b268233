//! The records of clawback cases: money that is claimed back, and what became of the claim.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use crate::calendar::BusinessDate;
use crate::ids::{CaseId, MerchantId, PaymentId, PersonId};
use crate::money::Satang;

/// The person or merchant who owes money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debtor {
    Person(PersonId),
    Merchant(MerchantId),
}

const DEBTOR_PERSON: u16 = 1;
const DEBTOR_MERCHANT: u16 = 2;

impl Debtor {
    fn write(self, to: &mut Encoder) {
        let (kind, number) = match self {
            Debtor::Person(person) => (DEBTOR_PERSON, person.number()),
            Debtor::Merchant(merchant) => (DEBTOR_MERCHANT, merchant.number()),
        };
        to.u16(kind);
        to.u64(number);
    }

    fn read(from: &mut Decoder<'_>) -> Option<Debtor> {
        match from.u16()? {
            DEBTOR_PERSON => from.person().map(Debtor::Person),
            DEBTOR_MERCHANT => from.merchant().map(Debtor::Merchant),
            _ => None,
        }
    }
}

/// Money is claimed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseOpened {
    pub case: CaseId,
    pub debtor: Debtor,
    pub owed: Satang,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for CaseOpened {
    fn write(&self, to: &mut Encoder) {
        to.u128(self.case.bits());
        self.debtor.write(to);
        to.u64(self.owed.get());
        to.date(self.letter);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<CaseOpened> {
        Some(CaseOpened {
            case: from.case()?,
            debtor: Debtor::read(from)?,
            owed: Satang::new(from.u64()?),
            letter: from.date()?,
            reason: from.text()?.to_owned(),
        })
    }
}

/// Some of what is claimed came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasePaid {
    pub case: CaseId,
    pub payment: PaymentId,
    pub amount: Satang,
    /// What for, in the operator's words.
    pub reason: String,
}

impl Body for CasePaid {
    fn write(&self, to: &mut Encoder) {
        to.u128(self.case.bits());
        to.u128(self.payment.bits());
        to.u64(self.amount.get());
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<CasePaid> {
        Some(CasePaid {
            case: from.case()?,
            payment: PaymentId::from_bits(from.u128()?),
            amount: Satang::new(from.u64()?),
            reason: from.text()?.to_owned(),
        })
    }
}

/// A case was closed though something is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseClosed {
    pub case: CaseId,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for CaseClosed {
    fn write(&self, to: &mut Encoder) {
        to.u128(self.case.bits());
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<CaseClosed> {
        Some(CaseClosed {
            case: from.case()?,
            reason: from.text()?.to_owned(),
        })
    }
}

/// What a merchant received was counted: its case says how much is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseCounted {
    pub case: CaseId,
    pub owed: Satang,
}

impl Body for CaseCounted {
    fn write(&self, to: &mut Encoder) {
        to.u128(self.case.bits());
        to.u64(self.owed.get());
    }

    fn read(from: &mut Decoder<'_>) -> Option<CaseCounted> {
        Some(CaseCounted {
            case: from.case()?,
            owed: Satang::new(from.u64()?),
        })
    }
}
