//! A purchase held against its record; and re-deciding one that reads more than its wallet's shard (I3).

use super::checked::Whole;
use super::compare::authorization_differences;
use super::context::{At, Context, Halt};
use super::finding::Finding;
use satang_core::decide::authorize::{ResolvedPurchase, Verdict, decide};
use satang_core::ids::Name;
use satang_core::outcome::Reason;
use satang_core::record::{
    Authorization, AuthorizationRecord, Extension, HOLD_SECONDS_MAX, NameNumber, NamedAuthorization,
    RecordBuf, RecordHeader,
};
use satang_core::request::Purchase;
use satang_core::state::apply::apply_authorization;
use satang_core::state::dedup::{IdShard, TxnState};
use satang_core::state::directory::Directory;
use satang_engine::locks::purchase_locks::PurchaseLocks;
use satang_log::storage::ReadStorage;
use zerocopy::IntoBytes as _;

/// Decides a purchase again that reads more than its wallet's shard, and applies it. No worker may be working meanwhile.
///
/// # Errors
/// When what is needed to go on cannot be read.
pub fn take<S: ReadStorage>(
    context: &Context<S>,
    found: &NamedAuthorization,
    at: &At<'_>,
) -> Result<(), Halt> {
    let (recorded, sequence) = (&found.record, at.header.sequence);
    let id_is_new = {
        let ids = context.state.ids[context.state.seed.txn_shard(recorded.txn_id())].lock();
        is_new(context, &ids, recorded, &at.header)?
    };
    context
        .tallies
        .lock()
        .entry(recorded.program())
        .or_default()
        .count(recorded);
    let decided = redecide(context, found, at);
    let mut shards = Whole {
        state: &context.state,
        id_is_new,
        decided: decided.is_some(),
    };
    apply_authorization(decided.as_ref().unwrap_or(recorded), sequence, &mut shards);
    Ok(())
}

/// `None` when a purchase cannot be decided again.
fn redecide<S: ReadStorage>(
    context: &Context<S>,
    found: &NamedAuthorization,
    at: &At<'_>,
) -> Option<Authorization> {
    let recorded = &found.record;
    let directory = context.state.directory.read();
    let Some(names) = names_of(&directory, recorded, (found.program, found.channel)) else {
        context.report(&at.header, Finding::Unnamed);
        return None;
    };
    let purchase = purchase_of(recorded, names);
    let when = at.header.at();
    let numbered = ResolvedPurchase::new(&directory, &purchase);
    let locks = PurchaseLocks::lock(&context.state, &directory, core::slice::from_ref(&numbered), when);
    let facts = locks.facts(&directory, &numbered, when);
    let verdict = decide(&directory, locks.wallets(&numbered), &facts, &numbered, when);
    Some(hold_against(context, at, recorded, &purchase, &verdict))
}

/// The names of a purchase's programme and channel: by their numbers, or as they stand `in_tail` of the record.
pub fn names_of(
    directory: &Directory,
    record: &AuthorizationRecord,
    in_tail: (Option<Name>, Option<Name>),
) -> Option<(Name, Name)> {
    let name = |number, in_tail| match number {
        NameNumber::UNKNOWN => in_tail,
        number => directory.name(number).copied(),
    };
    Some((
        name(record.program(), in_tail.0)?,
        name(record.channel(), in_tail.1)?,
    ))
}

/// The purchase that a record is of, whose names these are.
pub fn purchase_of(record: &AuthorizationRecord, (program, channel): (Name, Name)) -> Purchase {
    Purchase {
        program,
        wallet: record.wallet(),
        merchant: record.merchant(),
        channel,
        amount: record.amount(),
        eligible: record.eligible(),
    }
}

/// Holds a record against what is decided now, which is returned.
pub fn hold_against<S: ReadStorage>(
    context: &Context<S>,
    at: &At<'_>,
    recorded: &Authorization,
    purchase: &Purchase,
    verdict: &Verdict,
) -> Authorization {
    let expires = recorded.extension.expires();
    if !is_possible_hold(recorded) {
        context.report(&at.header, Finding::HoldImpossible);
    }
    let decided = verdict.record(recorded.txn_id(), purchase, at.header.at(), expires);
    let plain = at.bytes.len() == size_of::<AuthorizationRecord>() && decided.extension == Extension::NONE;
    let differs = match plain {
        true => at.differs(decided.record.as_bytes()),
        false => {
            let mut bytes = RecordBuf::EMPTY;
            verdict.encode(&decided, purchase, &mut bytes);
            at.differs(bytes.as_bytes())
        }
    };
    if differs {
        context.report(&at.header, authorization_differences(recorded, &decided));
    }
    decided
}

/// Whether a hold lasts as long as one can be asked for; an authorization is none and passes.
fn is_possible_hold(authorization: &Authorization) -> bool {
    let Some(expires) = authorization.extension.expires() else {
        return true;
    };
    let lasts_ms = expires.unix_ms() - authorization.header.at().unix_ms();
    lasts_ms % 1_000 == 0 && (1..=i64::from(HOLD_SECONDS_MAX)).contains(&(lasts_ms / 1_000))
}

/// I5: whether the id of an authorization or hold has no outcome yet; and it has a tombstone exactly when its record says so.
///
/// # Errors
/// When the index of an older day cannot be read.
pub fn is_new<S: ReadStorage>(
    context: &Context<S>,
    ids: &IdShard,
    record: &AuthorizationRecord,
    header: &RecordHeader,
) -> Result<bool, Halt> {
    let known = context.known_txn(ids, record.txn_id())?;
    if let TxnState::Seen { sequence, .. } = known {
        context.report(
            header,
            Finding::Repeated {
                id: "txn_id",
                first: sequence,
            },
        );
        return Ok(false);
    }
    let reason = record.reason();
    let tombstone = reason == Reason::ReversedBeforeArrival;
    if tombstone != matches!(known, TxnState::Tombstone { .. }) {
        context.report(
            header,
            match tombstone {
                true => Finding::NotReversedBefore(reason),
                false => Finding::ReversedBefore(reason),
            },
        );
    }
    Ok(true)
}
