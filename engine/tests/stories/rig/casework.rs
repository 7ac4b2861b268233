//! Random decisions of casework.

use super::book::{Asked, Entry};
use super::workload::Workload;
use super::{Rig, citizen, noon, request};
use satang_core::ids::{CaseId, MerchantId, Name, PaymentId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::record::{
    AuthorizationPayout, CaseClosed, CasePaid, MerchantPayout, MerchantStatus, Payout, Status,
};
use satang_engine::engine::SubmitError;
use satang_engine::session::casework::{DebtorInput, Decision, Subject};
use satang_log::storage::Storage;

/// Decides one random thing. What is refused changes nothing, and is as good.
pub fn decide<S: Storage>(work: &mut Workload, rig: &Rig<S>) -> Result<(), SubmitError> {
    let merchant = MerchantId::from_number(10 + work.random.below(3));
    let reason = || "ทดสอบ".to_owned();
    let case = CaseId::from_bits(1 + u128::from(work.random.below(12)));
    match work.random.below(10) {
        0 => {
            let status = if work.random.percent(30) {
                Status::Suspended
            } else {
                Status::Active
            };
            record(
                rig,
                MerchantStatus {
                    merchant,
                    status,
                    reason: reason(),
                },
            )
        }
        1 => {
            let payout = some_payout(work);
            record(
                rig,
                MerchantPayout {
                    merchant,
                    payout,
                    reason: reason(),
                },
            )
        }
        2 => match approved(work) {
            Some(txn_id) => {
                let payout = some_payout(work);
                record(
                    rig,
                    AuthorizationPayout {
                        txn_id,
                        payout,
                        reason: reason(),
                    },
                )
            }
            None => Ok(()),
        },
        3 => {
            let status = if work.random.percent(50) {
                Status::Suspended
            } else {
                Status::Active
            };
            let subject = somebody(work);
            rig.engine
                .set_person_status(subject, status, "ทดสอบ", None)
                .map(drop)
        }
        4 | 5 => {
            let debtor = match work.random.percent(80) {
                true => DebtorInput::Person(somebody(work)),
                false => DebtorInput::Merchant(merchant),
            };
            let (owed, letter) = (Satang::new(500), noon().business_date());
            rig.engine
                .open_case(case, debtor, owed, letter, "ทดสอบ", None)
                .map(drop)
        }
        6 => {
            let payment = PaymentId::from_bits(u128::from(work.random.below(4)));
            let amount = Satang::new(100 + work.random.below(200));
            record(
                rig,
                CasePaid {
                    case,
                    payment,
                    amount,
                    reason: reason(),
                },
            )
        }
        7 => record(
            rig,
            CaseClosed {
                case,
                reason: reason(),
            },
        ),
        8 => {
            let platform = Name::parse(["fast", "faster"][work.random.below(2) as usize]).unwrap();
            let bound = work.random.percent(60);
            rig.engine
                .bind_platform(merchant, &platform, bound, "ทดสอบ", None)
                .map(drop)
        }
        _ => {
            let program = Name::parse("fair").unwrap();
            rig.engine.join_program(merchant, &program, None)?;
            match work.random.percent(20) {
                true => rig.engine.erase_person(somebody(work), "ทดสอบ", None).map(drop),
                false => Ok(()),
            }
        }
    }
}

fn record<S: Storage>(rig: &Rig<S>, record: impl Decision) -> Result<(), SubmitError> {
    rig.engine.decide_casework(&record, None).map(drop)
}

fn some_payout(work: &mut Workload) -> Payout {
    [Payout::Active, Payout::Frozen][work.random.below(2) as usize]
}

/// Somebody who registers, or holds a right at the fair.
fn somebody(work: &mut Workload) -> Subject {
    let registers = 10_000 + work.random.below(40);
    match work.random.below(3) {
        0 => Subject::Citizen(citizen(registers)),
        1 => Subject::Wallet(WalletId::from_number(registers)),
        _ => Subject::Wallet(request(0, 1 + work.random.below(20), 1).purchase.wallet),
    }
}

/// One of the last authorizations that were approved.
fn approved(work: &Workload) -> Option<TxnId> {
    let recent = work.book.entries.iter().rev().take(40);
    let approved = |entry: &Entry| match entry.asked {
        Asked::Authorization(request) if entry.answer.is_approved() => Some(request.txn_id),
        _ => None,
    };
    recent.into_iter().find_map(approved)
}
