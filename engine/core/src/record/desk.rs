//! What an operator's desk decides about merchants, persons and money that is to come back. Each record has a tag behind the name of
//! the key; the tags are permanent.

use super::coding::{Decoder, Encoder};
use super::{NameNumber, Status};
use crate::calendar::BusinessDate;
use crate::ids::{CaseId, MerchantId, PaymentId, PersonId, TxnId, WalletId};
use crate::money::Satang;

/// A decision of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskRecord {
    /// A merchant was suspended or made active, whatever the register says of it.
    MerchantStatus {
        /// The merchant.
        merchant: MerchantId,
        /// Its new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A merchant joined a programme.
    Joined {
        /// The merchant.
        merchant: MerchantId,
        /// The programme.
        program: NameNumber,
        /// Whether it took part in the earlier programme.
        returning: bool,
    },
    /// A merchant was bound to its delivery platform, or released from it.
    Platform {
        /// The merchant.
        merchant: MerchantId,
        /// The platform.
        platform: NameNumber,
        /// Whether it is bound from now on.
        bound: bool,
        /// Why, in the operator's words.
        reason: String,
    },
    /// What settlement would pay a merchant is held back, or not any more.
    MerchantPayout {
        /// The merchant.
        merchant: MerchantId,
        /// Whether it is held back.
        payout: Payout,
        /// Why, in the operator's words.
        reason: String,
    },
    /// What settlement would pay for one authorization is held back, or not any more.
    AuthorizationPayout {
        /// The authorization.
        txn_id: TxnId,
        /// Whether it is held back.
        payout: Payout,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A citizen was suspended or made active, over all programmes.
    PersonStatus {
        /// The citizen.
        person: PersonId,
        /// The wallets it reaches: those through which the citizen holds, or held, rights. No new one comes while it lasts.
        wallets: Vec<WalletId>,
        /// The citizen's new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
    /// Money is claimed back.
    CaseOpened {
        /// The case.
        case: CaseId,
        /// Who owes it.
        debtor: Debtor,
        /// How much.
        owed: Satang,
        /// The date of the letter that claims it.
        letter: BusinessDate,
        /// Why, in the operator's words.
        reason: String,
    },
    /// Some of what is claimed came back.
    CasePaid {
        /// The case.
        case: CaseId,
        /// The payment.
        payment: PaymentId,
        /// How much.
        amount: Satang,
        /// What for, in the operator's words.
        reason: String,
    },
    /// A case was closed though something is left.
    CaseClosed {
        /// The case.
        case: CaseId,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A merchant withdrew its consent: it is suspended for good, and everything it received is claimed back.
    ConsentWithdrawn {
        /// The merchant.
        merchant: MerchantId,
        /// The case that this opens.
        case: CaseId,
        /// The date of the letter that claims it.
        letter: BusinessDate,
        /// Why, in the operator's words.
        reason: String,
    },
    /// What a merchant received was counted: its case says how much is owed.
    CaseCounted {
        /// The case.
        case: CaseId,
        /// How much.
        owed: Satang,
    },
    /// A citizen's entry in the person store is deleted.
    Erased {
        /// The citizen.
        person: PersonId,
        /// The citizen's wallets, which are suspended for good.
        wallets: Vec<WalletId>,
        /// Why, in the operator's words.
        reason: String,
    },
}

/// Whether settlement pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Payout {
    /// It pays.
    Active = 0,
    /// It holds the money back. Decisions go on.
    Frozen = 1,
}

impl Payout {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Payout::Active => "active",
            Payout::Frozen => "frozen",
        }
    }

    /// The one of this name in JSON, or `None`.
    pub fn parse(text: &str) -> Option<Payout> {
        [Payout::Active, Payout::Frozen]
            .into_iter()
            .find(|payout| payout.name() == text)
    }
}

/// Who owes money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debtor {
    /// A citizen.
    Person(PersonId),
    /// A merchant.
    Merchant(MerchantId),
}

impl DeskRecord {
    pub(super) fn encode(&self, to: &mut Encoder) {
        match self {
            DeskRecord::MerchantStatus {
                merchant,
                status,
                reason,
            } => {
                to.u16(1);
                to.u64(merchant.number());
                to.u16(u16::from(*status as u8));
                to.text(reason);
            }
            DeskRecord::Joined {
                merchant,
                program,
                returning,
            } => {
                to.u16(2);
                to.u64(merchant.number());
                to.u16(program.0);
                to.u16(u16::from(*returning));
            }
            DeskRecord::Platform {
                merchant,
                platform,
                bound,
                reason,
            } => {
                to.u16(3);
                to.u64(merchant.number());
                to.u16(platform.0);
                to.u16(u16::from(*bound));
                to.text(reason);
            }
            DeskRecord::MerchantPayout {
                merchant,
                payout,
                reason,
            } => {
                to.u16(4);
                to.u64(merchant.number());
                to.u16(u16::from(*payout as u8));
                to.text(reason);
            }
            DeskRecord::AuthorizationPayout {
                txn_id,
                payout,
                reason,
            } => {
                to.u16(5);
                to.u128(txn_id.bits());
                to.u16(u16::from(*payout as u8));
                to.text(reason);
            }
            DeskRecord::PersonStatus {
                person,
                wallets,
                status,
                reason,
            } => {
                to.u16(6);
                to.u64(person.number());
                to.wallets(wallets);
                to.u16(u16::from(*status as u8));
                to.text(reason);
            }
            DeskRecord::CaseOpened {
                case,
                debtor,
                owed,
                letter,
                reason,
            } => {
                to.u16(7);
                to.u128(case.bits());
                let (kind, number) = match debtor {
                    Debtor::Person(person) => (1, person.number()),
                    Debtor::Merchant(merchant) => (2, merchant.number()),
                };
                to.u16(kind);
                to.u64(number);
                to.u64(owed.get());
                to.date(*letter);
                to.text(reason);
            }
            DeskRecord::CasePaid {
                case,
                payment,
                amount,
                reason,
            } => {
                to.u16(8);
                to.u128(case.bits());
                to.u128(payment.bits());
                to.u64(amount.get());
                to.text(reason);
            }
            DeskRecord::CaseClosed { case, reason } => {
                to.u16(9);
                to.u128(case.bits());
                to.text(reason);
            }
            DeskRecord::ConsentWithdrawn {
                merchant,
                case,
                letter,
                reason,
            } => {
                to.u16(10);
                to.u64(merchant.number());
                to.u128(case.bits());
                to.date(*letter);
                to.text(reason);
            }
            DeskRecord::CaseCounted { case, owed } => {
                to.u16(11);
                to.u128(case.bits());
                to.u64(owed.get());
            }
            DeskRecord::Erased {
                person,
                wallets,
                reason,
            } => {
                to.u16(12);
                to.u64(person.number());
                to.wallets(wallets);
                to.text(reason);
            }
        }
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Option<DeskRecord> {
        Some(match from.u16()? {
            1 => DeskRecord::MerchantStatus {
                merchant: merchant(from)?,
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            2 => DeskRecord::Joined {
                merchant: merchant(from)?,
                program: NameNumber(from.u16()?),
                returning: from.flag()?,
            },
            3 => DeskRecord::Platform {
                merchant: merchant(from)?,
                platform: NameNumber(from.u16()?),
                bound: from.flag()?,
                reason: from.text()?.to_owned(),
            },
            4 => DeskRecord::MerchantPayout {
                merchant: merchant(from)?,
                payout: payout(from)?,
                reason: from.text()?.to_owned(),
            },
            5 => DeskRecord::AuthorizationPayout {
                txn_id: TxnId::from_bits(from.u128()?),
                payout: payout(from)?,
                reason: from.text()?.to_owned(),
            },
            6 => DeskRecord::PersonStatus {
                person: PersonId::from_number(from.u64()?)?,
                wallets: from.wallets()?,
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            7 => DeskRecord::CaseOpened {
                case: CaseId::from_bits(from.u128()?),
                debtor: match from.u16()? {
                    1 => Debtor::Person(PersonId::from_number(from.u64()?)?),
                    2 => Debtor::Merchant(merchant(from)?),
                    _ => return None,
                },
                owed: Satang::new(from.u64()?),
                letter: from.date()?,
                reason: from.text()?.to_owned(),
            },
            8 => DeskRecord::CasePaid {
                case: CaseId::from_bits(from.u128()?),
                payment: PaymentId::from_bits(from.u128()?),
                amount: Satang::new(from.u64()?),
                reason: from.text()?.to_owned(),
            },
            9 => DeskRecord::CaseClosed {
                case: CaseId::from_bits(from.u128()?),
                reason: from.text()?.to_owned(),
            },
            10 => DeskRecord::ConsentWithdrawn {
                merchant: merchant(from)?,
                case: CaseId::from_bits(from.u128()?),
                letter: from.date()?,
                reason: from.text()?.to_owned(),
            },
            11 => DeskRecord::CaseCounted {
                case: CaseId::from_bits(from.u128()?),
                owed: Satang::new(from.u64()?),
            },
            12 => DeskRecord::Erased {
                person: PersonId::from_number(from.u64()?)?,
                wallets: from.wallets()?,
                reason: from.text()?.to_owned(),
            },
            _ => return None,
        })
    }

    /// The wallets that are suspended with their citizen from this record on, or not any more.
    pub fn stops(&self) -> Option<(&[WalletId], Status)> {
        match self {
            DeskRecord::PersonStatus { wallets, status, .. } => Some((wallets, *status)),
            DeskRecord::Erased { wallets, .. } => Some((wallets, Status::Suspended)),
            DeskRecord::MerchantStatus { .. }
            | DeskRecord::Joined { .. }
            | DeskRecord::Platform { .. }
            | DeskRecord::MerchantPayout { .. }
            | DeskRecord::AuthorizationPayout { .. }
            | DeskRecord::CaseOpened { .. }
            | DeskRecord::CasePaid { .. }
            | DeskRecord::CaseClosed { .. }
            | DeskRecord::ConsentWithdrawn { .. }
            | DeskRecord::CaseCounted { .. } => None,
        }
    }

    /// The citizen it is about.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            DeskRecord::PersonStatus { person, .. } | DeskRecord::Erased { person, .. } => Some(*person),
            DeskRecord::CaseOpened {
                debtor: Debtor::Person(person),
                ..
            } => Some(*person),
            DeskRecord::MerchantStatus { .. }
            | DeskRecord::Joined { .. }
            | DeskRecord::Platform { .. }
            | DeskRecord::MerchantPayout { .. }
            | DeskRecord::AuthorizationPayout { .. }
            | DeskRecord::CaseOpened { .. }
            | DeskRecord::CasePaid { .. }
            | DeskRecord::CaseClosed { .. }
            | DeskRecord::ConsentWithdrawn { .. }
            | DeskRecord::CaseCounted { .. } => None,
        }
    }
}

fn merchant(from: &mut Decoder<'_>) -> Option<MerchantId> {
    from.fifteen_digits().map(MerchantId::from_number)
}

fn payout(from: &mut Decoder<'_>) -> Option<Payout> {
    from.flag().map(|frozen| match frozen {
        false => Payout::Active,
        true => Payout::Frozen,
    })
}
