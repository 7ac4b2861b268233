//! What a campaign has seen: how often each answer came, and situations that no single answer shows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::oracle::Model;
use crate::oracle::forms::parse_uuid;
use crate::oracle::purchase::Original;

/// What a campaign has seen: a campaign that never met a reason has not tested it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Steps taken, restarts included.
    pub steps: u64,
    /// Fresh starts.
    pub episodes: u64,
    /// Restarts on the same data.
    pub restarts: u64,
    /// Programme files that were read again, by a running system or by one that starts.
    pub reloads: u64,
    /// Answers of each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by kind (`purchase`, `reversal`, `quote`, `registration`, `move`, `replacement`, `hold`, `capture`, `void`,
    /// `line`, `list line`, and those of the desk), decision and reason, or what somebody or something is since; batch elements one by
    /// one. Situations too that no single answer shows.
    pub reasons: BTreeMap<String, u64>,
    /// Answers that repeated a first one.
    pub replays: u64,
    /// Of those, answers of a date before yesterday: their ids may have left memory.
    pub old_replays: u64,
    /// Approvals that a cap cut.
    pub limited: u64,
    /// Approvals and refunds that more than one source shared.
    pub split: u64,
}

/// Replays among the answers of dates before `yesterday`.
pub(super) fn count_old_replays(answer: &Value, yesterday: &str) -> u64 {
    let is_old = |answer: &Value| {
        let registered = answer["registered_at"].as_str().and_then(|at| at.get(..10));
        let date = answer["business_date"].as_str().or(registered);
        answer["replayed"] == true && date.is_some_and(|date| date < yesterday)
    };
    let results = answer.get("results").and_then(Value::as_array);
    let of_batch = results.into_iter().flatten().filter(|result| is_old(result));
    of_batch.count() as u64 + u64::from(is_old(answer))
}

pub(super) fn count(stats: &mut Stats, path: &str, status: u16, answer: &Value) {
    *stats.statuses.entry(status).or_default() += 1;
    if let Some(Value::Array(errors)) = answer.get("errors") {
        for error in errors {
            let reason = error["reason"].as_str().unwrap_or_default();
            add(stats, format!("{} rejected {reason}", kind_of(path)));
        }
    } else if let Some(Value::Array(results)) = answer.get("results") {
        for result in results {
            count_one(stats, path, result);
        }
    } else {
        count_one(stats, path, answer);
    }
}

/// What is counted under this path.
fn kind_of(path: &str) -> &'static str {
    if let Some(kind) = kind_of_desk(path) {
        return kind;
    }
    match path {
        "/v1/quotes" => "quote",
        _ if path.starts_with("/v1/registrations") => "registration",
        _ if path.starts_with("/v1/lists/") => "list line",
        _ if path.ends_with("/import") => "line",
        _ if path.ends_with("/reversals") => "reversal",
        _ if path.ends_with("/moves") => "move",
        _ if path.ends_with("/replacement") => "replacement",
        "/v1/holds" => "hold",
        _ if path.ends_with("/capture") => "capture",
        _ if path.ends_with("/void") => "void",
        _ => "purchase",
    }
}

/// What is counted under this path, if it is one of the desk.
fn kind_of_desk(path: &str) -> Option<&'static str> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    Some(match segments.as_slice() {
        ["v1", "merchants", _, "registrations"] => "joining",
        ["v1", "merchants", _, "status"] => "merchant status",
        ["v1", "merchants", _, "platform"] => "platform",
        ["v1", "merchants", _, "payout"] => "payout of a merchant",
        ["v1", "authorizations", _, "payout"] => "payout",
        ["v1", "merchants", _, "consent-withdrawal"] => "withdrawal",
        ["v1", "merchants", id] if *id != "import" => "merchant",
        ["v1", "persons", "status"] => "person status",
        ["v1", "persons", "erase"] => "erasure",
        ["v1", "clawbacks"] | ["v1", "clawbacks", _] => "case",
        ["v1", "clawbacks", _, "payments"] => "payment",
        ["v1", "clawbacks", _, "close"] => "closing",
        _ => return None,
    })
}

fn add(stats: &mut Stats, what: String) {
    *stats.reasons.entry(what).or_default() += 1;
}

fn count_one(stats: &mut Stats, path: &str, answer: &Value) {
    let kind = kind_of(path);
    if answer["replayed"] == true {
        stats.replays += 1;
        if ["replacement", "void"].contains(&kind) {
            let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            add(
                stats,
                format!("{kind} {} {} again", text("decision"), text("reason")),
            );
        }
    } else if let (Some(decision), Some(reason)) = (answer["decision"].as_str(), answer["reason"].as_str()) {
        let is_move_again = decision == "accepted" && answer["changed"] == false;
        let again = if is_move_again || answer.get("$sequence_of").is_some() {
            " again"
        } else if answer["returning"] == true {
            " returning"
        } else {
            ""
        };
        add(stats, format!("{kind} {decision} {reason}{again}"));
        if answer.get("limited_by").is_some_and(Value::is_string) {
            stats.limited += 1;
        }
        let parts = answer["funding"].as_array().into_iter().flatten();
        stats.split += u64::from(parts.filter(|part| part["amount"] != 0).count() > 1);
    } else if let Some(code) = answer["code"].as_str() {
        add(stats, format!("{kind} refused {code}"));
    } else if kind_of_desk(path).is_some()
        && let Some(is) = ["state", "status", "payout"]
            .iter()
            .find_map(|key| answer[key].as_str())
    {
        add(stats, format!("{kind} {is}"));
    }
}

/// Counts purchases that are cut, and captures, voids and refunds that come, after the right has gone to another wallet.
pub(super) fn count_wanderers(stats: &mut Stats, path: &str, answer: &Value, model: &Model) {
    let results = answer.get("results").and_then(Value::as_array);
    for answer in results.into_iter().flatten().chain([answer]) {
        let txn_id = answer["txn_id"].as_str().and_then(parse_uuid);
        let Some(first) = txn_id.and_then(|txn_id| model.first_answers.get(&txn_id)) else {
            continue;
        };
        if answer["replayed"] == true {
            continue;
        }
        let (wallet_id, program) = (&first.purchase.wallet_id, &first.purchase.program);
        let kind = kind_of(path);
        if ["purchase", "hold"].contains(&kind) {
            let is_cut = answer["limited_by"].is_string() || answer["response_code"] == "61";
            if is_cut && was_used_through_another(model, wallet_id, program) {
                add(stats, "purchase cut by the use of another wallet".to_owned());
            }
        } else if answer["decision"] == "approved" && answer["reason"] == "approved" {
            let carries = |right: &&crate::oracle::rights::Right| right.wallet_id == *wallet_id;
            let owner = model
                .wallets
                .get(wallet_id)
                .and_then(|wallet| wallet.citizen_id.clone());
            let holder = (owner.unwrap_or_default(), program.clone());
            if model.rights.get(&holder).filter(carries).is_none() {
                add(stats, format!("{kind} approved after the right has gone"));
            }
        }
    }
}

/// Whether the owner of the wallet has used the programme today through another wallet.
fn was_used_through_another(model: &Model, wallet_id: &str, program: &str) -> bool {
    let owner = model
        .wallets
        .get(wallet_id)
        .and_then(|wallet| wallet.citizen_id.as_ref());
    let held = model.holds.iter().map(|(txn_id, hold)| (txn_id, &hold.original));
    let originals = model.originals.iter().chain(held);
    let is_other = |txn_id: &u128| model.first_answers[txn_id].purchase.wallet_id != wallet_id;
    let is_the_owners = |original: &Original| {
        let draw = &original.draw;
        Some(&draw.citizen_id) == owner && draw.program == program && draw.date == model.today()
    };
    originals
        .filter(|(_, original)| original.state_amount > 0 && is_the_owners(original))
        .any(|(txn_id, _)| is_other(txn_id))
}

/// Counts rights that have lapsed and that the files which are read now would let live.
pub(super) fn count_kept_lapses(stats: &mut Stats, how: &str, model: &Model) {
    for ((_, program), right) in &model.rights {
        let Some(programme) = model.programmes.get(program) else {
            continue;
        };
        let deadline = right.first_use_by(programme);
        if right.has_lapsed && deadline.is_none_or(|deadline| deadline > model.now()) {
            add(stats, format!("lapse kept by a {how}"));
        }
    }
}
