//! `satang import`: a file is streamed to a running server, which answers what became of each line.

use crate::bar::byte_bar;
use crate::client::{Client, ServerArgs};
use crate::output::{say, show};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use satang_api::ImportReport;
use satang_core::ids::Name;
use std::fs::File;
use std::path::PathBuf;

/// What is to be sent.
#[derive(Subcommand)]
pub enum ImportCommand {
    /// NDJSON, one merchant a line: {"merchant_id", "name", "category", "status", "programs", "channels", …}.
    Merchants(ImportArgs),
    /// CSV, one citizen_id a line, for a list that programme files name; a first line `citizen_id` is skipped.
    List(ImportListArgs),
    /// NDJSON, one entitlement a line: {"program", "wallet_id", "citizen_id", "household_id"?, "tier"?, "usable_from"?}.
    Enrollments(ImportArgs),
}

/// A file and the server it is sent to.
#[derive(Args)]
pub struct ImportArgs {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

/// The same of a list.
#[derive(Args)]
pub struct ImportListArgs {
    /// The list's name, of a-z, 0-9 and -; without, the file's name up to its extension.
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Name::parse(text))]
    list: Option<Name>,
    #[command(flatten)]
    import: ImportArgs,
}

impl ImportListArgs {
    /// The list that was named, or that the file is named for.
    fn name(&self) -> anyhow::Result<Name> {
        let file = &self.import.file;
        let stem = || file.file_stem()?.to_str().and_then(|stem| Name::parse(stem).ok());
        let name = self.list.or_else(stem);
        name.with_context(|| {
            format!(
                "{}: no list has such a name; say which: --list NAME",
                file.display()
            )
        })
    }
}

/// Sends a file.
///
/// # Errors
/// When it cannot be read, the server refuses it, or a line was rejected.
pub fn run(command: &ImportCommand) -> anyhow::Result<()> {
    match command {
        ImportCommand::Merchants(args) => import("/v1/merchants/import", NDJSON, args),
        ImportCommand::List(args) => import(&format!("/v1/lists/{}/import", args.name()?), CSV, &args.import),
        ImportCommand::Enrollments(args) => import("/v1/enrollments/import", NDJSON, args),
    }
}

/// The content type of imports of one JSON object a line.
const NDJSON: &str = "application/x-ndjson";
/// The content type of lists.
const CSV: &str = "text/csv";

fn import(path: &str, content_type: &str, args: &ImportArgs) -> anyhow::Result<()> {
    let named = || args.file.display().to_string();
    let file = File::open(&args.file).with_context(named)?;
    let credentials = args.server.credentials()?;
    let bar = byte_bar("sending");
    bar.set_length(file.metadata().with_context(named)?.len());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sent = bar.clone();
    let (status, answer) = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut client = Client::connect(&args.server.server, &credentials).await?;
        client
            .upload(path, content_type, file, move |bytes| sent.inc(bytes))
            .await
            .with_context(named)
    })?;
    bar.finish_and_clear();
    let answer = String::from_utf8_lossy(&answer);
    if !status.is_success() {
        bail!("{}: the server answered {status}: {answer}", named());
    }
    let report = serde_json::from_str(&answer).context("the server's answer")?;
    conclude(&named(), &report)
}

/// Prints the report of what became of a file's lines; it is a failure when one was rejected.
///
/// # Errors
/// How many were.
pub(super) fn conclude(named: &str, report: &ImportReport) -> anyhow::Result<()> {
    // Read as a value, its keys are in the order in which the server sends them.
    show!("{}", serde_json::to_value(report)?);
    if let Some(warnings) = &report.warnings {
        say!(
            "{named}: {} names are in no programme file: see warnings",
            warnings.len()
        );
    }
    match report.rejected {
        0 => Ok(()),
        rejected => bail!("{named}: {rejected} lines were rejected"),
    }
}
