//! The binary batch against the JSON batch, against bytes that are wrong, and through its two clients.

mod agreement;
mod clients;
mod mutations;

use satang_tests::batch::{CONTENT_TYPE, PATH, results};
use satang_tests::campaign::System;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::MERCHANT;
use satang_tests::system::InProcess;
use serde_json::{Value, json};

/// What elements name: the first two are what most of them name. The last two are unknown to the product.
const NAMES: [&str; 6] = [
    "four-caps",
    "store",
    "pays-on",
    "delivery",
    "no-such-programme",
    "x",
];

/// Wallets that are enrolled; a batch may name ten more.
const WALLETS: u64 = 30;

/// A programme with a cap of every period, and one whose citizens pay on without the state.
fn programmes() -> Vec<(String, String)> {
    let file = |id: &str, caps: &str, exhausted: &str| {
        let text = format!(
            r#"id = "{id}"
name_th = "โครงการ"
name_en = "Programme"
[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = {{ {caps} }}
when_exhausted = "{exhausted}"
merchant_categories = ["general_goods"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-12-31
hours = "06:00-23:00"
"#
        );
        (format!("{id}.toml"), text)
    };
    vec![
        file(
            NAMES[0],
            "day = 200_000, month = 300_000, quarter = 350_000, program = 700_000",
            "decline",
        ),
        file(NAMES[2], "month = 100_000", "citizen_pays"),
    ]
}

/// The product with a merchant and wallets 1 to 30, at noon.
fn product() -> InProcess {
    let mut product = InProcess::new(&programmes(), "2026-06-15T12:00:00.123+07:00");
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "general_goods", "status": "active", "programs": [NAMES[0], NAMES[2]],
        "channels": ["store"],
    });
    let path = format!("/v1/merchants/{MERCHANT}");
    assert_eq!(product.call("PUT", &path, &merchant.to_string()).0, 200);
    let enrollment = |program: &str, wallet: u64| {
        let line =
            json!({ "program": program, "wallet_id": wallet_id(wallet), "citizen_id": citizen_id(wallet) });
        line.to_string() + "\n"
    };
    let lines: String = (1..=WALLETS)
        .flat_map(|wallet| [enrollment(NAMES[0], wallet), enrollment(NAMES[2], wallet)])
        .collect();
    let (_, report) = product.call("POST", "/v1/enrollments/import", &lines);
    assert!(
        report.contains(&format!("\"accepted\":{}", 2 * WALLETS)),
        "{report}"
    );
    product
}

/// The results of a binary batch, or the problem of the whole of it.
fn send_binary(product: &mut InProcess, body: &[u8]) -> Result<Vec<Value>, Value> {
    let (status, content_type, answer) = product.call_typed("POST", PATH, CONTENT_TYPE, body);
    match status {
        200 => {
            assert_eq!(content_type, CONTENT_TYPE);
            Ok(results(&answer))
        }
        _ => {
            assert_eq!((status, content_type), (400, "application/problem+json"));
            Err(serde_json::from_slice(&answer).expect("a problem is JSON"))
        }
    }
}

/// `SATANG_SEED` plays another sequence than the usual one.
fn seed() -> u64 {
    satang_tests::generate::random::seed("batch", 20_260_615)
}
