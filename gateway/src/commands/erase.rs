//! `satang erase`: citizens are erased one by one on a running server. No word and no report repeats an id.

use super::import::{FileSource, conclude, encoding_of};
use crate::app::{Citizens, Encoding, Report};
use crate::client::{Client, FileBody, ServerArgs};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use http::{Method, StatusCode};
use satang_api::{Erasure, FieldError, ImportReport, Problem, Verdict};
use satang_core::ids::NationalId;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Who is to be erased, and why.
#[derive(Args)]
pub struct EraseArgs {
    /// One citizen_id a line, read as `satang import list` reads it; a first line `citizen_id` is skipped. `-` reads standard input.
    file: PathBuf,
    /// Why: it stands in the journal, beside the name of the key. Say nothing there that tells who it is.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Erases, and prints what became of the lines.
///
/// # Errors
/// When the file cannot be read, the server does not answer, or a citizen was not erased.
pub fn run(args: &EraseArgs) -> anyhow::Result<()> {
    let named = args.file.display().to_string();
    let file: Box<dyn Read + Send + Sync> = match named.as_str() {
        "-" => Box::new(std::io::stdin()),
        _ => Box::new(File::open(&args.file).with_context(|| named.clone())?),
    };
    let (encoding, file) = encoding_of(file).with_context(|| named.clone())?;
    let source = FileSource::new(FileBody::new(file, |_| {}));
    let credentials = args.server.credentials()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut client =
            Client::connect(&args.server.server, &credentials, args.server.silence_max()).await?;
        erase(&mut client, source, encoding, &args.reason).await
    });
    conclude(&named, &report.with_context(|| named.clone())?)
}

/// Erases whom the lines name, one after the other. Sent again, a file does no harm: who was erased is accepted once more.
async fn erase(
    client: &mut Client,
    mut source: FileSource,
    encoding: Encoding,
    reason: &str,
) -> anyhow::Result<ImportReport> {
    let mut report = Report::default();
    let mut ended = None;
    match Citizens::open(&mut source, encoding).await {
        Ok(mut citizens) => loop {
            match citizens.next().await {
                Ok(Some(lines)) => erase_lines(client, lines, reason, &mut report).await?,
                Ok(None) => break,
                Err(failure) => {
                    ended = Some(failure);
                    break;
                }
            }
        },
        Err(failure) => ended = Some(failure),
    }
    match ended {
        None => Ok(report.shown()),
        Some(failure) => Err(source.refusal(failure)),
    }
}

async fn erase_lines(
    client: &mut Client,
    lines: Vec<(u64, Result<NationalId, String>)>,
    reason: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    for (number, citizen) in lines {
        let citizen = match citizen {
            Ok(citizen) => citizen,
            Err(malformed) => {
                report.reject(number, malformed);
                continue;
            }
        };
        let body = json!({ "citizen_id": citizen.digits(), "reason": reason }).to_string();
        let (status, answer) = client.send(Method::POST, "/v1/persons/erase", body).await?;
        match refusal(status, &answer).with_context(|| format!("line {number}"))? {
            None => report.accept(1),
            Some(reason) => report.reject(number, reason),
        }
    }
    Ok(())
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
