//! Imports the merchants and the wallets a run refers to. Sending them again changes nothing.

use crate::client::Client;
use crate::target::Target;
use crate::workload::Workload;
use anyhow::{Context, bail};
use satang_api::ImportReport;

/// Bytes of NDJSON per piece of the body.
const PIECE_BYTES: usize = 64 * 1024;
/// Lines per import request: a failure then names a part, and the operator sees progress.
const PART_LINES: u64 = 250_000;

/// Imports every merchant, then every wallet. `say` gets a line of words per part.
pub fn prepare(target: &Target, workload: &Workload, say: &mut dyn FnMut(String)) -> anyhow::Result<()> {
    import(
        target,
        "/v1/merchants/import",
        "merchants",
        workload.merchants,
        say,
        |out, n| {
            workload.push_merchant_line(out, n);
        },
    )?;
    import(
        target,
        "/v1/enrollments/import",
        "enrollments",
        workload.wallets,
        say,
        |out, n| {
            workload.push_enrollment_line(out, n);
        },
    )
}

fn import(
    target: &Target,
    path: &str,
    what: &str,
    count: u64,
    say: &mut dyn FnMut(String),
    push_line: impl Fn(&mut Vec<u8>, u64),
) -> anyhow::Result<()> {
    let mut done = 0;
    while done < count {
        let end = (done + PART_LINES).min(count);
        let mut next = done;
        let reply = Client::connect(target)
            .and_then(|mut client| {
                client.post_ndjson(path, |piece| {
                    while next < end && piece.len() < PIECE_BYTES {
                        push_line(piece, next);
                        next += 1;
                    }
                })
            })
            .with_context(|| format!("import of {what} {done} … {end} to {}", target.url))?;
        if reply.status != 200 {
            bail!("import of {what}: {} answered {}", target.url, reply.refusal());
        }
        let imported: ImportReport = serde_json::from_slice(&reply.body)
            .with_context(|| format!("import of {what}: {}", reply.excerpt()))?;
        if imported.rejected > 0 || imported.accepted != end - done {
            let first = imported.errors.first();
            let first = first
                .map(|error| format!(", line {}: {}", error.line, error.reason))
                .unwrap_or_default();
            bail!(
                "import of {what}: {} accepted, {} rejected of {}{first}",
                imported.accepted,
                imported.rejected,
                end - done
            );
        }
        done = end;
        say(format!("{what}: {done} of {count} imported"));
    }
    Ok(())
}
