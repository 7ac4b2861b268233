//! `satang explain`: one purchase as a page to be read aloud, in Thai and then in English.

mod english;
mod story;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_holds;
mod thai;

use crate::client::{Client, Credentials};
use crate::output::show;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use satang_api::{AuthorizationFound, Problem, Wallet};
use satang_core::ids::TxnId;
use satang_core::money::Baht;
use serde::de::DeserializeOwned;
use std::time::Duration;
use story::Story;

pub(crate) use thai::date as thai_date;

/// Asks a server about a purchase and prints the page.
///
/// # Errors
/// When the id is none, the server does not answer, or it knows no such purchase.
pub fn run(
    txn_id: &str,
    server: &str,
    credentials: &Credentials,
    silence_max: Duration,
) -> anyhow::Result<()> {
    let txn_id = TxnId::parse(txn_id).with_context(|| format!("{txn_id:?}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let page = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut client = Client::connect(server, credentials, silence_max).await?;
        let (status, answer) = get(&mut client, &format!("/v1/authorizations/{txn_id}")).await?;
        let found: AuthorizationFound = read(status, &answer)?;
        let story = Story::read(found).context("the server's answer")?;
        let path = format!("/v1/wallets/{}", story.explanation.wallet_id);
        let wallet: Option<Wallet> = match get(&mut client, &path).await? {
            // A wallet that was declined as unknown is not known to this day.
            (StatusCode::NOT_FOUND, _) => None,
            (status, answer) => Some(read(status, &answer)?),
        };
        anyhow::Ok(page(&story, wallet.as_ref()))
    })?;
    show!("{}", page.trim_end_matches('\n'));
    Ok(())
}

async fn get(client: &mut Client, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    client.send(Method::GET, path, String::new()).await
}

fn read<T: DeserializeOwned>(status: StatusCode, answer: &[u8]) -> anyhow::Result<T> {
    if status.is_success() {
        return serde_json::from_slice(answer).context("the server's answer");
    }
    let problem: Option<Problem> = serde_json::from_slice(answer).ok();
    match problem.and_then(|problem| problem.detail) {
        Some(detail) => bail!("the server answered {status}: {detail}"),
        None => bail!("the server answered {status}"),
    }
}

/// The whole page: Thai, a blank line, English.
fn page(story: &Story, wallet: Option<&Wallet>) -> String {
    let mut lines = thai::lines(story, wallet);
    lines.push(String::new());
    lines.extend(english::lines(story, wallet));
    lines.join("\n") + "\n"
}

/// An amount in baht, like `1,234.50`.
pub(crate) fn baht(satang: u64) -> String {
    Baht(satang.into()).to_string()
}
