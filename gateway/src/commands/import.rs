//! `satang import`: a file is streamed to a running server as it is, and the server answers what became of each line; or it is
//! only read here, line by line.

use crate::app::{BodySource, Encoding, Failure, ImportKind, dry_run};
use crate::bar::byte_bar;
use crate::client::{Client, FileBody, ServerArgs};
use crate::output::{say, show};
use crate::server::BodyError;
use crate::wire::encoding::{FileKind, HEAD_BYTES};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use satang_api::ImportReport;
use satang_core::ids::Name;
use std::fs::File;
use std::io::{self, Cursor, Read};
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
    /// The file, as it is or compressed by gzip.
    file: PathBuf,
    /// Send nothing: read every line here, and report what is malformed.
    #[arg(long)]
    dry_run: bool,
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
        let stem = || {
            let name = file.file_name()?.to_str()?;
            let unpacked = name.strip_suffix(".gz").unwrap_or(name);
            let stem = unpacked.rsplit_once('.').map_or(unpacked, |(stem, _)| stem);
            Name::parse(stem).ok()
        };
        let name = self.list.or_else(stem);
        name.with_context(|| {
            format!(
                "{}: no list has such a name; say which: --list NAME",
                file.display()
            )
        })
    }
}

/// Sends a file, or only reads it.
///
/// # Errors
/// When it cannot be read, the server refuses it, or a line was rejected.
pub fn run(command: &ImportCommand) -> anyhow::Result<()> {
    match command {
        ImportCommand::Merchants(args) => import("/v1/merchants/import", NDJSON, ImportKind::Merchants, args),
        ImportCommand::List(args) => {
            let path = format!("/v1/lists/{}/import", args.name()?);
            import(&path, CSV, ImportKind::List, &args.import)
        }
        ImportCommand::Enrollments(args) => {
            import("/v1/enrollments/import", NDJSON, ImportKind::Enrollments, args)
        }
    }
}

/// The content type of imports of one JSON object a line.
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// The content type of lists.
const CSV: HeaderValue = HeaderValue::from_static("text/csv");

fn import(path: &str, content_type: HeaderValue, kind: ImportKind, args: &ImportArgs) -> anyhow::Result<()> {
    let named = || args.file.display().to_string();
    let file = File::open(&args.file).with_context(named)?;
    let bar = byte_bar(if args.dry_run { "reading" } else { "sending" });
    bar.set_length(file.metadata().with_context(named)?.len());
    let (encoding, file) = encoding_of(file).with_context(named)?;
    let done = bar.clone();
    let body = FileBody::new(file, move |bytes| done.inc(bytes));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if args.dry_run {
        let report = runtime.block_on(read_only(kind, body, encoding));
        bar.finish_and_clear();
        let report = report.with_context(named)?;
        say!(
            "{}: nothing was sent; only a server knows whether what the lines name is there",
            named()
        );
        return conclude(&named(), &report);
    }
    let credentials = args.server.credentials()?;
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
    if encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let answered = tokio::task::LocalSet::new().block_on(&runtime, async {
        let server = &args.server;
        let mut client = Client::connect(&server.server, &credentials, server.silence_max()).await?;
        client.upload(path, headers, body).await.with_context(named)
    });
    bar.finish_and_clear();
    let (status, answer) = answered?;
    let answer = String::from_utf8_lossy(&answer);
    if !status.is_success() {
        bail!("{}: the server answered {status}: {answer}", named());
    }
    let report = serde_json::from_str(&answer).context("the server's answer")?;
    conclude(&named(), &report)
}

/// How the file is encoded, by its first bytes; and the file with these bytes in front again, since a pipe cannot go back.
pub(super) fn encoding_of<R: Read + Send + Sync + 'static>(
    mut file: R,
) -> io::Result<(Encoding, impl Read + Send + Sync + 'static)> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let encoding = match FileKind::of(&head) {
        FileKind::Gzip => Encoding::Gzip,
        FileKind::Text | FileKind::Utf16 | FileKind::Zip => Encoding::Identity,
    };
    Ok((encoding, Cursor::new(head).chain(file)))
}

/// What a server would find malformed.
async fn read_only(kind: ImportKind, body: FileBody, encoding: Encoding) -> anyhow::Result<ImportReport> {
    let mut source = FileSource::new(body);
    let read = dry_run(kind, &mut source, encoding).await;
    read.map_err(|failure| source.refusal(failure))
}

/// A file in the place of a request's body.
pub(super) struct FileSource {
    body: FileBody,
    /// Why it could not be read on.
    failed: Option<io::Error>,
}

impl FileSource {
    pub(super) fn new(body: FileBody) -> FileSource {
        FileSource { body, failed: None }
    }

    /// Why the file was not read to its end.
    pub(super) fn refusal(&mut self, failure: Failure) -> anyhow::Error {
        match (failure, self.failed.take()) {
            (Failure::Problem(problem), _) => anyhow::Error::msg(problem.detail.clone()),
            (_, Some(error)) => error.into(),
            (failure, None) => anyhow::anyhow!("{failure:?}"),
        }
    }
}

impl BodySource for &mut FileSource {
    async fn collect(self, _: usize) -> Result<Bytes, BodyError> {
        // An import reads piece by piece.
        Err(BodyError::Broken)
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.body.next_piece().map_err(|error| {
            self.failed = Some(error);
            BodyError::Broken
        })
    }
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
