//! Whether a request has the content an id came with before (I5). Compared after defaults; names by their text, since a name
//! may have got its number after the record was written.

use crate::ids::Name;
use crate::record::{Authorization, NameNumber, ReversalRecord};
use crate::request::{AuthorizationRequest, ReversalRequest};
use crate::state::directory::Directory;

/// Whether `request` asks for what `record` answered, as a hold when `expires_in_s` says for how long; the names are those of the
/// record's tail.
pub fn same_content(
    request: &AuthorizationRequest,
    expires_in_s: Option<u32>,
    record: &Authorization,
    program: Option<&Name>,
    channel: Option<&Name>,
    directory: &Directory,
) -> bool {
    let purchase = &request.purchase;
    let is = |wanted: &Name, number: NameNumber, tail: Option<&Name>| {
        directory.name(number).or(tail).is_some_and(|name| name == wanted)
    };
    let held_ms = record
        .extension
        .expires()
        .map(|expires| expires.unix_ms() - record.header.at().unix_ms());
    request.txn_id == record.txn_id()
        && held_ms == expires_in_s.map(|seconds| i64::from(seconds) * 1_000)
        && purchase.wallet == record.wallet()
        && purchase.merchant == record.merchant()
        && purchase.amount == record.amount()
        && purchase.eligible == record.eligible()
        && is(&purchase.program, record.program(), program)
        && is(&purchase.channel, record.channel(), channel)
}

/// Whether `request` asks for what `record` answered: the path's id, the amount or its absence, and the reason.
pub fn same_reversal_content(request: &ReversalRequest, record: &ReversalRecord) -> bool {
    request.reversal_id == record.reversal_id()
        && request.txn_id == record.txn_id()
        && request.amount == record.requested()
        && request.cause == record.cause()
}
