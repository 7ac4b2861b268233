//! Re-deciding what casework decided (I3).

use super::checked::Whole;
use super::context::{At, Context, Counted, Halt};
use super::finding::Finding;
use satang_core::ids::{MerchantId, PersonId, TxnId};
use satang_core::money::Satang;
use satang_core::record::{CaseCounted, Debtor, MerchantJoined, NameNumber, PersonStatus, Record, Status};
use satang_core::state::apply::apply;
use satang_core::state::casework::{Block, CaseworkDecision, Cause, Novelty, decision_of};
use satang_core::state::dedup::TxnState;
use satang_core::state::directory::{AuditStamp, Directory};
use satang_engine::locks::holder_locks::HolderLocks;
use satang_engine::query::received::received_by;
use satang_log::file::FileLogStore;
use satang_log::log::{Bound, LogError, ReadLog as _};
use satang_log::storage::ReadStorage;
use std::collections::BTreeMap;

/// Decides a record again and applies it. No worker may be working meanwhile.
///
/// # Errors
/// When what is needed to go on cannot be read, or it cannot be applied.
pub fn take<S: ReadStorage>(context: &Context<S>, record: &Record, at: &At<'_>) -> Result<(), Halt> {
    let decision = decision_of(record).expect("workers decide what is no casework");
    let directory = context.state.directory.read();
    match decision.check(&directory, at.header.at()) {
        Ok(Novelty::New) => {}
        Ok(Novelty::Known) => context.report(&at.header, Finding::Unchanged),
        Err(refusal) => context.report(&at.header, Finding::Refused(refusal.name())),
    }
    match record {
        Record::MerchantJoined(joined) => {
            let MerchantJoined {
                merchant, program, ..
            } = *joined;
            let returning = directory.is_returning_merchant(merchant, program, at.header.at());
            if returning != joined.returning {
                context.report(&at.header, Finding::ReturningWrong);
            }
        }
        Record::AuthorizationPayout(payout) => check_payable(context, payout.txn_id, at)?,
        Record::PersonStatus(PersonStatus { person, status, .. }) => {
            check_reached(context, &directory, decision, *person, at);
            if *status == Status::Suspended {
                check_block(context, &directory, Block::Suspended, at);
            }
        }
        Record::Erased(erased) => {
            check_reached(context, &directory, decision, erased.person, at);
            check_block(context, &directory, Block::Erased, at);
        }
        Record::CaseOpened(opened) => match opened.debtor {
            Debtor::Person(_) => check_block(context, &directory, Block::Clawback, at),
            Debtor::Merchant(_) => {}
        },
        Record::CaseCounted(counted) => note_counted(context, &directory, counted, at),
        _ => {}
    }
    drop(directory);
    Ok(apply(
        record,
        &AuditStamp::of(&at.header),
        &mut Whole::of(&context.state),
    )?)
}

/// A citizen's status reaches the citizen's wallets.
fn check_reached<S: ReadStorage>(
    context: &Context<S>,
    directory: &Directory,
    decision: &dyn CaseworkDecision,
    person: PersonId,
    at: &At<'_>,
) {
    let reached = {
        let holders = HolderLocks::lock_person(&context.state, directory, person);
        holders.wallets_of_person(directory, person)
    };
    let (stopped, _) = decision.stops().expect("it reaches wallets");
    if *stopped != reached {
        context.report(&at.header, Finding::OtherWallets);
    }
}

fn check_block<S: ReadStorage>(context: &Context<S>, directory: &Directory, block: Block, at: &At<'_>) {
    if directory.number_of(&block.list()) == NameNumber::UNKNOWN {
        context.report(&at.header, Finding::BlockUnnamed(block));
    }
}

/// Money is held back for an authorization that was approved.
fn check_payable<S: ReadStorage>(context: &Context<S>, txn_id: TxnId, at: &At<'_>) -> Result<(), Halt> {
    let known = context.known_txn(
        &context.state.ids[context.state.seed.txn_shard(txn_id)].lock(),
        txn_id,
    )?;
    let approved = match known {
        TxnState::New | TxnState::Tombstone { .. } => false,
        TxnState::Seen { sequence, .. } => match context.reader.read(sequence)? {
            Record::Authorization(found) if found.record.txn_id() == txn_id => found.record.approved(),
            _ => false,
        },
    };
    if !approved {
        context.report(&at.header, Finding::NotApproved);
    }
    Ok(())
}

/// What was received is counted from the whole journal, once it was read.
fn note_counted<S: ReadStorage>(
    context: &Context<S>,
    directory: &Directory,
    recorded: &CaseCounted,
    at: &At<'_>,
) {
    let case = directory.casework().case(recorded.case);
    let withdrawn = case.filter(|case| case.cause == Cause::ConsentWithdrawn);
    match withdrawn.map(|case| (case.debtor, case.sequence)) {
        Some((Debtor::Merchant(merchant), before)) => context.counted.lock().push(Counted {
            merchant,
            before,
            owed: recorded.owed,
            sequence: at.header.sequence,
        }),
        Some((Debtor::Person(_), _)) | None => {
            context.report(&at.header, Finding::NotWithdrawn);
        }
    }
}

/// Counts again what merchants received who withdrew their consent.
///
/// # Errors
/// When the journal cannot be read again.
pub fn check_counted<S: ReadStorage>(log: &FileLogStore<S>, context: &Context<S>) -> Result<(), LogError> {
    let counted = std::mem::take(&mut *context.counted.lock());
    if counted.is_empty() {
        return Ok(());
    }
    let wanted = counted.iter().map(|counted| (counted.merchant, counted.before));
    let received: BTreeMap<MerchantId, Satang> =
        received_by(&mut log.file_cursor(Bound::All)?, &wanted.collect())?;
    for counted in counted {
        let received = received[&counted.merchant];
        if received != counted.owed {
            let owed = counted.owed;
            context
                .findings
                .record(counted.sequence, Finding::ReceivedOther { owed, received });
        }
    }
    Ok(())
}
