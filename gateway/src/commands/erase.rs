//! `satang erase`: citizens are erased one by one on a running server. No word and no report repeats an id.

use super::import::conclude;
use crate::app::Report;
use crate::client::{Client, ServerArgs};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use http::{Method, StatusCode};
use satang_api::{Erasure, FieldError, ImportReport, Problem, Verdict};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// Who is to be erased, and why.
#[derive(Args)]
pub struct EraseArgs {
    /// One citizen_id a line; a first line `citizen_id` is skipped. `-` reads standard input.
    file: PathBuf,
    /// Why: it stands in the journal, beside the name of the key. Say nothing there that tells who it is.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// The first line that a file may have: the name of its column.
const HEADER: &str = "citizen_id";

/// Erases, and prints what became of the lines.
///
/// # Errors
/// When the file cannot be read, the server does not answer, or a citizen was not erased.
pub fn run(args: &EraseArgs) -> anyhow::Result<()> {
    let named = args.file.display().to_string();
    let lines: Box<dyn BufRead> = match named.as_str() {
        "-" => Box::new(std::io::stdin().lock()),
        _ => Box::new(BufReader::new(
            File::open(&args.file).with_context(|| named.clone())?,
        )),
    };
    let credentials = args.server.credentials()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut client =
            Client::connect(&args.server.server, &credentials, args.server.silence_max()).await?;
        erase(&mut client, lines, &args.reason).await
    });
    conclude(&named, &report.with_context(|| named.clone())?)
}

/// Erases whom the lines name, one after the other. Sent again, a file does no harm: who was erased is accepted once more.
async fn erase(client: &mut Client, lines: Box<dyn BufRead>, reason: &str) -> anyhow::Result<ImportReport> {
    let mut report = Report::default();
    for (line, number) in lines.split(b'\n').zip(1..) {
        let line = line?;
        // What is no text is no citizen either, as the server will say.
        let citizen = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
        if citizen.trim().is_empty() || (number == 1 && citizen == HEADER) {
            continue;
        }
        let body = json!({ "citizen_id": citizen, "reason": reason }).to_string();
        let (status, answer) = client.send(Method::POST, "/v1/persons/erase", body).await?;
        match refusal(status, &answer).with_context(|| format!("line {number}"))? {
            None => report.accept(1),
            Some(reason) => report.reject(number, reason),
        }
    }
    Ok(report.shown())
}

/// Why a citizen was not erased; none was when it is not about the line.
fn refusal(status: StatusCode, answer: &Bytes) -> anyhow::Result<Option<String>> {
    let unexpected = || {
        format!(
            "the server answered {status}: {}",
            String::from_utf8_lossy(answer)
        )
    };
    if status == StatusCode::OK {
        let erasure: Erasure = serde_json::from_slice(answer).with_context(unexpected)?;
        return Ok(match erasure.decision {
            Verdict::Accepted => None,
            Verdict::Rejected => Some(erasure.reason.into_owned()),
        });
    }
    let problem: Problem = serde_json::from_slice(answer).with_context(unexpected)?;
    let faults = problem.errors.unwrap_or_default();
    if status == StatusCode::BAD_REQUEST && faults.iter().any(|fault| fault.field == "citizen_id") {
        let fault = |fault: &FieldError| format!("{}: {}", fault.field, fault.reason);
        let faults: Vec<String> = faults.iter().map(fault).collect();
        return Ok(Some(format!("malformed: {}", faults.join("; "))));
    }
    bail!(unexpected())
}
