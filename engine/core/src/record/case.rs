//! The records of clawback cases: money that is claimed back, and what became of the claim.

use super::coding::{Field, fields};
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

impl Field for Debtor {
    fn write(&self, to: &mut Vec<u8>) {
        match *self {
            Debtor::Person(person) => (DEBTOR_PERSON, person.number()).write(to),
            Debtor::Merchant(merchant) => (DEBTOR_MERCHANT, merchant.number()).write(to),
        }
    }

    fn read(from: &mut &[u8]) -> Option<Debtor> {
        match u16::read(from)? {
            DEBTOR_PERSON => PersonId::read(from).map(Debtor::Person),
            DEBTOR_MERCHANT => MerchantId::read(from).map(Debtor::Merchant),
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

fields!(CaseOpened: case, debtor, owed, letter, reason);

/// Some of what is claimed came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasePaid {
    pub case: CaseId,
    pub payment: PaymentId,
    pub amount: Satang,
    /// What for, in the operator's words.
    pub reason: String,
}

fields!(CasePaid: case, payment, amount, reason);

/// A case was closed though something is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseClosed {
    pub case: CaseId,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(CaseClosed: case, reason);

/// What a merchant received was counted: its case says how much is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseCounted {
    pub case: CaseId,
    pub owed: Satang,
}

fields!(CaseCounted: case, owed);
