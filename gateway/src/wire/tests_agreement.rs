//! The fast reader and the judge agree: on every text made from a good one by small changes, the fast one accepts exactly what
//! the judge accepts, and as the same request. This is where laxness or a panic of the JSON library would show.

use super::grammar::JsonError;
use super::parse::slow;
use super::{fast, form, json};
use satang_core::ids::TxnId;

const SEEDS: [&str; 6] = [
    r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","program":"co-pay","wallet_id":"004999912345678","merchant_id":"010555012345678","channel":"store","amount":25000,"eligible_amount":22000}"#,
    r#"{"program":"co-pay","wallet_id":"004999912345678","merchant_id":"010555012345678","channel":"sto\u0072e","amount":25000}"#,
    r#"{"reversal_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","amount":10000,"reason":"customer_refund"}"#,
    r#"{"authorizations":[{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","program":"a","wallet_id":"004999912345678","merchant_id":"010555012345678","channel":"b","amount":1}]}"#,
    r#"{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12","program":"co-pay","wallet_id":"004999912345678","citizen_id":"1101700203450","birth_date":"1990-04-12","nationality":"T\u0048"}"#,
    r#"{"registrations":[{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12","program":"a","wallet_id":"004999912345678","citizen_id":"1101700203450","birth_date":"1990","nationality":"LA"}]}"#,
];

/// Pieces that mean something to a reader of JSON.
const PIECES: [&str; 50] = [
    "\"",
    "\\",
    "\\u",
    "\\u0041",
    "\\ud800",
    "\\udc00",
    "\\ud83c\\udf5c",
    "\\n",
    "\\\"",
    "\\/",
    "\\x",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "0",
    "00",
    "-",
    "-0",
    "1.0",
    "1e2",
    "e5",
    ".5",
    "1e999",
    "9999999999999999999",
    "99999999999999999999",
    "12345678901234567.12345678901234567",
    "0.00000000000000001",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{a0}",
    "ก",
    "\u{feff}",
    "//",
    "\"amount\":1,",
    "\"amount\":1",
    "\"x\":{\"y\":[1]},",
    "\"nationality\":\"TH\",",
    "\"birth_date\":\"1990\"",
    "'",
    "E",
];

fn check(body: &[u8]) {
    let shown = || String::from_utf8_lossy(body).into_owned();
    let txn_id = TxnId::from_bits(1);
    let judge = form::body(body);
    let agree = |fast: String, slow: String| assert_eq!(fast, slow, "{}", shown());
    agree(
        format!("{:?}", fast::authorization(body)),
        format!("{:?}", judge.clone().and_then(slow::authorization).ok()),
    );
    agree(
        format!("{:?}", fast::quote(body)),
        format!("{:?}", judge.clone().and_then(slow::quote).ok()),
    );
    agree(
        format!("{:?}", fast::reversal(txn_id, body)),
        format!(
            "{:?}",
            judge.clone().and_then(|value| slow::reversal(txn_id, value)).ok()
        ),
    );
    let all_well = judge
        .clone()
        .and_then(slow::batch)
        .ok()
        .filter(|elements| elements.iter().all(Result::is_ok));
    agree(format!("{:?}", fast::batch(body)), format!("{all_well:?}"));
    check_registrations(body);
    // And what is JSON at all is what another library says, but for depth and numbers no double can hold.
    let other: Result<serde_json::Value, _> = serde_json::from_slice(body);
    match (json::check(body), other) {
        (Err(JsonError::TooDeep { .. }), _) => {}
        (Ok(_), Err(error)) => assert!(
            error.to_string().starts_with("number out of range"),
            "{error}: {}",
            shown()
        ),
        (ours, theirs) => assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?}: {}", shown()),
    }
}

/// As values: the citizen and the date of birth show nothing of themselves.
fn check_registrations(body: &[u8]) {
    let shown = || String::from_utf8_lossy(body).into_owned();
    let judge = form::body(body);
    let slow = judge.clone().and_then(slow::registration).ok();
    assert!(fast::registration(body) == slow, "{}", shown());
    let all_well = judge
        .and_then(slow::registrations)
        .ok()
        .filter(|elements| elements.iter().all(Result::is_ok));
    assert!(fast::registrations(body) == all_well, "{}", shown());
}

#[test]
fn the_readers_agree_on_every_small_change_of_a_good_body() {
    for seed in SEEDS {
        check(seed.as_bytes());
        for at in 0..=seed.len() {
            check(&seed.as_bytes()[..at]);
            for piece in PIECES {
                let (before, after) = seed.split_at(at);
                check(format!("{before}{piece}{after}").as_bytes());
                check(format!("{before}{piece}{}", after.get(1..).unwrap_or("")).as_bytes());
            }
        }
    }
}

#[test]
fn the_readers_agree_on_every_byte_in_every_place() {
    for seed in SEEDS {
        for at in 0..seed.len() {
            for byte in 0..=u8::MAX {
                let mut body = seed.as_bytes().to_vec();
                body[at] = byte;
                check(&body);
            }
        }
    }
}

#[test]
fn the_readers_agree_on_numbers_of_every_length() {
    for whole in 0..26 {
        for fraction in 0..26 {
            for (digit, exponent) in [
                ("9", ""),
                ("1", "e5"),
                ("0", "E-300"),
                ("7", "e+4000000000"),
                ("0", "e0"),
            ] {
                let fraction = if fraction == 0 {
                    String::new()
                } else {
                    format!(".{}", digit.repeat(fraction))
                };
                for first in ["", "0", "1", "-", "-0", "-9"] {
                    let number = format!("{first}{}{fraction}{exponent}", digit.repeat(whole));
                    check(SEEDS[1].replace("25000", &number).as_bytes());
                    check(number.as_bytes());
                }
            }
        }
    }
}

#[test]
fn the_readers_agree_on_piles_of_changes() {
    let given = std::env::var("SATANG_SEED").ok();
    let seed = given.map_or(20_260_615, |seed| {
        seed.parse().expect("SATANG_SEED is a decimal number")
    });
    println!("SATANG_SEED={seed} cargo test -p satang piles_of_changes");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut below = |end: usize| random.usize(..end);
    for _ in 0..60_000 {
        let mut body = SEEDS[below(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..=below(4) {
            let at = below(body.len() + 1);
            let end = (at + below(3)).min(body.len());
            let piece = PIECES[below(PIECES.len())].bytes();
            body.splice(at..end, piece);
        }
        check(&body);
    }
}
