//! Merchants, statuses and the clock. Every PUT answers with the stored object.

use super::lookup::hex;
use super::{Failure, Ready, json};
use crate::programs::{ReloadError, reload};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use http::StatusCode;
use satang_core::ids::Name;
use satang_engine::admin::MerchantInput;
use satang_engine::clock::{Clock, ClockSetError};
use satang_engine::install::Installed;
use satang_engine::moves::MoveOutcome;
use satang_engine::replacement::ReplacementOutcome;
use satang_engine::storage::Storage;
use serde::Serialize;
use serde_json::{Value, json};

/// What a move is answered with, in this order.
#[derive(Serialize)]
struct MoveAnswer<'a> {
    wallet_id: String,
    from_program: &'a str,
    to_program: &'a str,
    decision: &'static str,
    reason: &'static str,
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

/// What a replacement is answered with, in this order.
#[derive(Serialize)]
struct ReplacementAnswer {
    wallet_id: String,
    new_wallet_id: String,
    decision: &'static str,
    reason: &'static str,
    /// Null when it is rejected: nothing was written.
    sequence: Option<u64>,
    replayed: bool,
}

impl<S: Storage> Ready<S> {
    pub(super) async fn put_merchant(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let request = parse::merchant(merchant_id, body)?;
        let stored = merchant_json(&request);
        let (outcomes, position) = self.engine.put_merchants(&[request], by)?;
        self.waits.wait(position).await?;
        if let Err(refusal) = outcomes[0] {
            return Err(super::desk::refused(refusal));
        }
        Ok(json(&stored))
    }

    pub(super) async fn put_wallet_status(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let request = parse::status(body)?;
        let position = self
            .engine
            .set_wallet_status(wallet, request.status, &request.reason, by)?;
        self.waits.wait(position).await?;
        let status = request.status.name();
        Ok(json(
            &json!({ "wallet_id": wallet.to_string(), "status": status, "reason": request.reason }),
        ))
    }

    pub(super) async fn move_citizen(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let input = parse::move_request(wallet_id, body)?;
        let outcome = self.engine.move_citizen(&input, by)?;
        let (reason, sequence) = match outcome {
            MoveOutcome::Moved { sequence, position } => {
                self.waits.wait(position).await?;
                ("accepted", Some(sequence))
            }
            MoveOutcome::Unchanged => {
                self.waits.wait(self.engine.appender().last_position()).await?;
                ("accepted", None)
            }
            MoveOutcome::Refused(refusal) => {
                // What it is refused for must be durable, too.
                self.waits.wait(self.engine.appender().last_position()).await?;
                (refusal.name(), None)
            }
        };
        let answer = MoveAnswer {
            wallet_id: input.wallet.to_string(),
            from_program: input.from.as_str(),
            to_program: input.to.as_str(),
            decision: match outcome {
                MoveOutcome::Moved { .. } | MoveOutcome::Unchanged => "accepted",
                MoveOutcome::Refused(_) => "rejected",
            },
            reason,
            changed: sequence.is_some(),
            sequence,
        };
        let body = serde_json::to_vec(&answer).expect("it serializes");
        Ok(Response::json(StatusCode::OK, body))
    }

    pub(super) async fn replace_wallet(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let input = parse::replacement(wallet_id, body)?;
        let outcome = self.engine.replace_wallet(&input, by)?;
        let (reason, sequence, replayed) = match outcome {
            ReplacementOutcome::Replaced { sequence, .. } => ("accepted", Some(sequence), false),
            ReplacementOutcome::Repeated { sequence } => ("accepted", Some(sequence), true),
            ReplacementOutcome::Refused(refusal) => (refusal.name(), None, false),
        };
        self.waits
            .wait(match outcome {
                ReplacementOutcome::Replaced { position, .. } => position,
                // The first record, or what it is refused for, must be durable, too.
                ReplacementOutcome::Repeated { .. } | ReplacementOutcome::Refused(_) => {
                    self.engine.appender().last_position()
                }
            })
            .await?;
        let answer = ReplacementAnswer {
            wallet_id: input.wallet.to_string(),
            new_wallet_id: input.new_wallet.to_string(),
            decision: if sequence.is_some() {
                "accepted"
            } else {
                "rejected"
            },
            reason,
            sequence,
            replayed,
        };
        let body = serde_json::to_vec(&answer).expect("it serializes");
        Ok(Response::json(StatusCode::OK, body))
    }

    pub(super) async fn put_program_status(
        &self,
        id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let program = parse::path_name("id", id)?;
        let request = parse::status(body)?;
        let position = self
            .engine
            .set_program_status(&program, request.status, &request.reason, by)?;
        let Some(position) = position else {
            return Err(Problem::not_found("no programme of that id is in force").into());
        };
        self.waits.wait(position).await?;
        let status = request.status.name();
        Ok(json(
            &json!({ "program": program.as_str(), "status": status, "reason": request.reason }),
        ))
    }

    /// Programme files are few and small, and read on this thread: a reload is an operator's rare act.
    pub(super) async fn reload_programs(&self, body: &[u8], by: Option<&Name>) -> Result<Response, Failure> {
        parse::nothing(body)?;
        let installed = reload(&self.engine, &self.programs, by).map_err(|error| match error {
            ReloadError::Refused(reason) => Failure::Problem(Problem::programs_refused(reason)),
            ReloadError::Submit(error) => Failure::Submit(error),
        })?;
        self.waits.wait(installed.position).await?;
        let program = |program: &Installed| {
            json!({
                "id": program.id.as_str(),
                "rule_version": hex(&program.hash),
                "changed": program.changed,
                "effective_from": program.effective_from.map(|date| date.to_string()),
            })
        };
        let programs: Vec<Value> = installed.programs.iter().map(program).collect();
        let removed: Vec<&str> = installed.removed.iter().map(|id| id.as_str()).collect();
        Ok(json(&json!({ "programs": programs, "removed": removed })))
    }

    pub(super) async fn put_clock(&self, body: &[u8]) -> Result<Response, Failure> {
        if let satang_engine::clock::AnyClock::System(_) = self.engine.clock() {
            return Err(Problem::not_found("the clock is not simulated").into());
        }
        let to = parse::clock(body)?;
        match self.engine.clock().set(to) {
            Ok(now) => Ok(json(&json!({ "now": now.to_string() }))),
            Err(ClockSetError::NotSimulated) => Err(Problem::not_found("the clock is not simulated").into()),
            Err(error @ ClockSetError::Earlier { .. }) => {
                Err(Problem::clock_refused(error.to_string()).into())
            }
        }
    }
}

fn merchant_json(request: &MerchantInput) -> Value {
    let names =
        |names: &[Name]| -> Vec<String> { names.iter().map(|name| name.as_str().to_owned()).collect() };
    let mut stored = json!({
        "merchant_id": request.id.to_string(),
        "name": request.name,
        "category": request.category.name(),
        "status": request.status.name(),
        "programs": names(&request.programs),
        "channels": names(&request.channels),
    });
    let optional = [
        ("province", &request.province),
        ("bank_account", &request.bank_account),
        ("account_name", &request.account_name),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            stored[key] = json!(value);
        }
    }
    stored
}
