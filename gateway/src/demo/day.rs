//! The demo's day: its people, its shops and its purchases.

use crate::client::{Client, Credentials, SILENCE_MAX};
use crate::output::show;
use anyhow::{Context, bail};
use http::Method;
use satang_api::{Authorization, Clock, ImportReport, Merchant, Reversal};
use satang_core::outcome::Reason;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PROGRAM: &str = "thai-chuai-thai-plus-6040";

/// Wallets: Somying, Somchai.
const SOMYING: &str = "004999912345678";
const SOMCHAI: &str = "004999987654321";

/// Shops: id, name, category, channels.
const SHOPS: [(&str, &str, &str, &[&str]); 4] = [
    (
        "010555012345678",
        "ร้านข้าวแกงป้าแดง",
        "food_drink",
        &["store", "delivery"],
    ),
    ("010555087654321", "ร้านชำลุงมี", "general_goods", &["store"]),
    ("010555011112222", "นวดไทยสบายดี", "massage", &["store"]),
    ("010555033334444", "ตุ๊กตุ๊กพี่เอก", "public_transport", &["store"]),
];

/// A day of requests to one server.
pub struct Day {
    server: String,
    /// The purchase that is sent again after the restart, and its first answer.
    again: Option<(Value, Authorization)>,
}

/// One purchase to be shown.
struct Purchase {
    what: &'static str,
    wallet: &'static str,
    merchant: usize,
    channel: &'static str,
    amount: u64,
    eligible: Option<u64>,
}

impl Day {
    /// A day at `server`, like `http://127.0.0.1:8080`.
    pub fn new(server: &str) -> Day {
        Day {
            server: server.to_owned(),
            again: None,
        }
    }

    /// Registers shops and people, then buys, reverses and retries.
    ///
    /// # Errors
    /// When a request is not answered.
    pub async fn before_the_restart(&mut self) -> anyhow::Result<()> {
        let mut client = Client::connect(&self.server, &Credentials::default(), SILENCE_MAX).await?;
        register(&mut client).await?;
        show!("\nไทยช่วยไทย พลัส 60/40: the state pays 60 %, at most 200 baht a day and 1,000 baht a month\n");
        show!("{}", heading());
        let lunch = purchase("Lunch, split 60/40", SOMYING, 0, "store", 22_000, None);
        let (request, answer) = self.buy(&mut client, &lunch).await?;
        self.again = Some((request.clone(), answer));
        let shopping = purchase(
            "Groceries: the daily cap binds",
            SOMYING,
            1,
            "store",
            30_000,
            None,
        );
        let (groceries, _) = self.buy(&mut client, &shopping).await?;
        self.buy(
            &mut client,
            &purchase(
                "One more: nothing is left today",
                SOMYING,
                3,
                "store",
                8_000,
                None,
            ),
        )
        .await?;
        self.buy(
            &mut client,
            &purchase(
                "A massage is barred this round",
                SOMCHAI,
                2,
                "store",
                40_000,
                None,
            ),
        )
        .await?;
        let order = purchase(
            "Delivery: 180 food + 40 fee",
            SOMCHAI,
            0,
            "delivery",
            22_000,
            Some(18_000),
        );
        self.buy(&mut client, &order).await?;
        self.refund(&mut client, &groceries, 15_000).await?;
        self.retry(&mut client).await
    }

    /// Sends the first purchase again, then buys at the end of the day.
    ///
    /// # Errors
    /// When a request is not answered, or the first answer changed.
    pub async fn after_the_restart(&mut self) -> anyhow::Result<()> {
        let mut client = Client::connect(&self.server, &Credentials::default(), SILENCE_MAX).await?;
        self.retry(&mut client).await?;
        set_clock(&mut client, "2026-06-15T22:59:59.000+07:00").await?;
        self.buy(
            &mut client,
            &purchase("One second before closing", SOMCHAI, 1, "store", 5_000, None),
        )
        .await?;
        set_clock(&mut client, "2026-06-15T23:00:00.000+07:00").await?;
        self.buy(
            &mut client,
            &purchase("Closed from 23:00:00", SOMCHAI, 1, "store", 5_000, None),
        )
        .await?;
        set_clock(&mut client, "2026-06-16T12:00:00.000+07:00").await?;
        self.buy(
            &mut client,
            &purchase("The next day has its own room", SOMYING, 1, "store", 20_000, None),
        )
        .await?;
        Ok(())
    }

    /// Prints three calls to try.
    pub fn print_curl(&self) {
        let server = &self.server;
        let id = uuid::Uuid::now_v7();
        let (merchant, wallet) = (SHOPS[0].0, SOMCHAI);
        show!("\nTry it:\n");
        show!(
            "curl -s {server}/v1/authorizations -d '{{\"txn_id\": \"{id}\", \"program\": \"{PROGRAM}\", \"wallet_id\": \"{wallet}\", \"merchant_id\": \"{merchant}\", \"channel\": \"store\", \"amount\": 12000}}'"
        );
        show!(
            "curl -s {server}/v1/authorizations/{id}/reversals -d '{{\"reversal_id\": \"{}\", \"reason\": \"customer_refund\"}}'",
            uuid::Uuid::now_v7()
        );
        show!("curl -s {server}/v1/wallets/{wallet}");
    }

    async fn buy(
        &mut self,
        client: &mut Client,
        purchase: &Purchase,
    ) -> anyhow::Result<(Value, Authorization)> {
        let mut request = json!({
            "txn_id": new_id(),
            "program": PROGRAM,
            "wallet_id": purchase.wallet,
            "merchant_id": SHOPS[purchase.merchant].0,
            "channel": purchase.channel,
            "amount": purchase.amount,
        });
        if let Some(eligible) = purchase.eligible {
            request["eligible_amount"] = json!(eligible);
        }
        let answer = post(client, "/v1/authorizations", &request).await?;
        show!("{}", purchase_line(purchase.what, purchase.amount, &answer));
        Ok((request, answer))
    }

    async fn refund(&mut self, client: &mut Client, of: &Value, amount: u64) -> anyhow::Result<()> {
        let txn_id = of["txn_id"].as_str().context("a purchase has its id")?;
        let request = json!({
            "reversal_id": new_id(),
            "amount": amount,
            "reason": "customer_refund",
        });
        let path = format!("/v1/authorizations/{txn_id}/reversals");
        let answer = post(client, &path, &request).await?;
        show!(
            "{}",
            refund_line("Groceries brought back in part", amount, &answer)
        );
        Ok(())
    }

    /// Sends the first purchase again: the first answer must come back.
    async fn retry(&mut self, client: &mut Client) -> anyhow::Result<()> {
        let (request, first) = self.again.as_ref().context("lunch was bought")?;
        let answer: Authorization = post(client, "/v1/authorizations", request).await?;
        let expected = Authorization {
            replayed: true,
            ..first.clone()
        };
        if answer != expected {
            bail!("the retry was answered {answer:?}, first was {first:?}");
        }
        let amount = request["amount"].as_u64().context("a purchase has an amount")?;
        show!(
            "{}",
            purchase_line("Lunch sent again: same answer", amount, &answer)
        );
        Ok(())
    }
}

/// What is printed when the server came back.
pub fn restart_line(records: u64) -> String {
    format!("— stopped and started again: {records} records replayed from the journal —")
}

async fn register(client: &mut Client) -> anyhow::Result<()> {
    for (id, name, category, channels) in SHOPS {
        let shop = json!({
            "name": name, "category": category, "status": "active", "programs": [PROGRAM], "channels": channels,
        });
        let _: Merchant = expect_ok(
            client
                .send(Method::PUT, &format!("/v1/merchants/{id}"), shop.to_string())
                .await?,
        )?;
    }
    let people = [(SOMYING, "1101700203450"), (SOMCHAI, "3100600445635")];
    let lines: String = people
        .map(|(wallet, citizen)| {
            json!({ "program": PROGRAM, "wallet_id": wallet, "citizen_id": citizen }).to_string() + "\n"
        })
        .concat();
    let report: ImportReport = expect_ok(client.send(Method::POST, "/v1/enrollments/import", lines).await?)?;
    if report.rejected > 0 {
        bail!("enrollment: {report:?}");
    }
    Ok(())
}

async fn set_clock(client: &mut Client, now: &str) -> anyhow::Result<()> {
    let body = json!({ "now": now }).to_string();
    let _: Clock = expect_ok(client.send(Method::PUT, "/v1/clock", body).await?)?;
    show!("— the clock is set to {now} —");
    Ok(())
}

async fn post<T: DeserializeOwned>(client: &mut Client, path: &str, body: &Value) -> anyhow::Result<T> {
    expect_ok(client.send(Method::POST, path, body.to_string()).await?)
}

fn expect_ok<T: DeserializeOwned>((status, body): (http::StatusCode, bytes::Bytes)) -> anyhow::Result<T> {
    if !status.is_success() {
        bail!("the server answered {status}: {}", String::from_utf8_lossy(&body));
    }
    serde_json::from_slice(&body).context("the server's answer")
}

fn purchase(
    what: &'static str,
    wallet: &'static str,
    merchant: usize,
    channel: &'static str,
    amount: u64,
    eligible: Option<u64>,
) -> Purchase {
    Purchase {
        what,
        wallet,
        merchant,
        channel,
        amount,
        eligible,
    }
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn heading() -> String {
    format!(
        "{:<8}  {:<32}{:>9}{:>9}{:>9}{:>9}  {}",
        "time", "what", "bill", "state", "citizen", "left/day", "answer"
    )
}

/// One aligned line. Thai comes last: its marks have no width.
fn line(what: &str, decided_at: &str, amounts: [u64; 3], left: Option<u64>, words: &str) -> String {
    let time = decided_at.get(11..19).unwrap_or("");
    let [bill, state, citizen] = amounts.map(baht);
    let left = left.map_or_else(|| "-".into(), baht);
    format!("{time:<8}  {what:<32}{bill:>9}{state:>9}{citizen:>9}{left:>9}  {words}")
}

fn purchase_line(what: &str, bill: u64, answer: &Authorization) -> String {
    let amounts = [bill, answer.state_amount, answer.citizen_amount];
    let left = answer.remaining.as_ref().and_then(|remaining| remaining.day);
    line(what, &answer.decided_at, amounts, left, &words(answer))
}

fn refund_line(what: &str, bill: u64, answer: &Reversal) -> String {
    let amounts = [bill, answer.state_amount, answer.citizen_amount];
    let words = format!(
        "{} given back, {} left  คืนเงินแล้ว",
        answer.response_code,
        baht(answer.left)
    );
    line(what, &answer.decided_at, amounts, None, &words)
}

fn words(answer: &Authorization) -> String {
    let replayed = if answer.replayed { " (replayed)" } else { "" };
    let limited = answer.limited_by.as_ref();
    let limited = limited.map_or(String::new(), |cap| format!(", limited by the {cap} cap"));
    match Reason::ALL
        .into_iter()
        .find(|reason| reason.name() == answer.reason)
    {
        Some(reason) => format!(
            "{} {}{limited}{replayed}  {}",
            reason.response_code(),
            reason.english(),
            reason.thai()
        ),
        None => answer.reason.to_string(),
    }
}

fn baht(satang: u64) -> String {
    format!("{}.{:02}", satang / 100, satang % 100)
}
