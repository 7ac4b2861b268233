//! Well-formed requests, also in unusual spellings, become what the core trusts.

use super::parse;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{HouseholdId, MerchantId, Name, NationalId, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::ReversalCause;
use satang_core::programme::Category;
use satang_core::record::Status;
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};

const ID: &str = "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn wanted() -> AuthorizationRequest {
    AuthorizationRequest {
        txn_id: TxnId::parse(ID).unwrap(),
        purchase: Purchase {
            program: name("thai-chuai-thai-plus-6040"),
            wallet: WalletId::parse("004999912345678").unwrap(),
            merchant: MerchantId::parse("010555012345678").unwrap(),
            channel: name("store"),
            amount: Satang::new(25_000),
            eligible: Satang::new(22_000),
        },
    }
}

const PLAIN: &str = r#"{ "txn_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10", "program": "thai-chuai-thai-plus-6040",
  "wallet_id": "004999912345678", "merchant_id": "010555012345678",
  "channel": "store", "amount": 25000, "eligible_amount": 22000 }"#;

#[test]
fn the_contracts_example_is_read() {
    assert_eq!(parse::authorization(PLAIN.as_bytes()), Ok(wanted()));
    let without_id = PLAIN.replacen(&format!("\"txn_id\": \"{ID}\","), "", 1);
    assert_eq!(parse::quote(without_id.as_bytes()), Ok(wanted().purchase));
}

#[test]
fn unusual_spellings_are_read_alike() {
    let spellings = [
        PLAIN.replace("\"txn_id\"", r#""\u0074xn_id""#),
        PLAIN.replace("\"txn_id\"", r#""t\u0078n\u005fid""#),
        PLAIN.replace("\"store\"", r#""\u0073\u0074\u006F\u0072\u0065""#),
        PLAIN.replace("\"store\"", r#""stor\u0065""#),
        PLAIN.replace("\"004999912345678\"", r#""\u0030\u003049999123456\u00378""#),
        PLAIN.replace("0197a1d2", r#"\u0030\u0031\u0039\u0037a1d2"#),
        PLAIN.replace("\"amount\"", r#""amoun\u0074""#),
        PLAIN.replace("{ ", "\n\t\r {\r\n\t ").replace(':', "\t:\r\n"),
        format!("{PLAIN}\r\n\t  "),
        PLAIN.split_whitespace().collect::<String>(),
    ];
    for spelling in &spellings {
        assert_eq!(
            parse::authorization(spelling.as_bytes()),
            Ok(wanted()),
            "{spelling}"
        );
    }
    let upper = PLAIN.replace(ID, &ID.to_uppercase());
    assert_eq!(parse::authorization(upper.as_bytes()), Ok(wanted()));
}

#[test]
fn the_order_of_the_fields_does_not_matter() {
    let compact: String = PLAIN.split_whitespace().collect();
    let mut pairs: Vec<&str> = compact.trim_matches(['{', '}']).split(',').collect();
    for _ in 0..pairs.len() {
        pairs.rotate_left(1);
        for order in [pairs.clone(), pairs.iter().rev().copied().collect()] {
            let body = format!("{{{}}}", order.join(","));
            assert_eq!(parse::authorization(body.as_bytes()), Ok(wanted()), "{body}");
        }
    }
}

#[test]
fn an_absent_eligible_amount_is_the_whole_bill() {
    let body = PLAIN.replace(", \"eligible_amount\": 22000", "");
    let read = parse::authorization(body.as_bytes()).unwrap();
    assert_eq!(read.purchase.eligible, Satang::new(25_000));
}

#[test]
fn amounts_reach_from_one_satang_to_a_million_baht() {
    for (amount, eligible) in [("1", "1"), ("100000000", "1"), ("100000000", "100000000")] {
        let body = PLAIN.replace("25000", amount).replace("22000", eligible);
        let read = parse::authorization(body.as_bytes()).unwrap();
        assert_eq!(read.purchase.amount.get().to_string(), amount);
        assert_eq!(read.purchase.eligible.get().to_string(), eligible);
    }
}

#[test]
fn a_reversal_is_of_the_id_in_the_path() {
    let read = |body: &str| parse::reversal(ID, body.as_bytes()).unwrap();
    let wanted = ReversalRequest {
        reversal_id: ReversalId::from_bits(0x11),
        txn_id: TxnId::parse(ID).unwrap(),
        amount: Some(Satang::new(10_000)),
        cause: ReversalCause::CustomerRefund,
    };
    let id = "00000000-0000-0000-0000-000000000011";
    assert_eq!(
        read(&format!(
            "{{\"reversal_id\":\"{id}\",\"amount\":10000,\"reason\":\"customer_refund\"}}"
        )),
        wanted
    );
    let all = read(&format!("{{\"reason\":\"timeout\",\"reversal_id\":\"{id}\"}}"));
    assert_eq!((all.amount, all.cause), (None, ReversalCause::Timeout));
    let error = read(&format!(
        "{{\"reason\":\"merchant\\u005ferror\",\"reversal_id\":\"{id}\",\"amount\":1}}"
    ));
    assert_eq!(
        (error.amount, error.cause),
        (Some(Satang::new(1)), ReversalCause::MerchantError)
    );
}

#[test]
fn a_batch_keeps_the_order_and_each_element_its_own_fate() {
    let other = PLAIN.replace(ID, "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e11");
    let wrong = PLAIN.replace("25000", "0");
    let read = |elements: &[&str]| {
        let body = format!("{{ \"authorizations\" : [ {} ] }}", elements.join(" , "));
        parse::batch(body.as_bytes()).unwrap()
    };
    let good = read(&[PLAIN, &other]);
    assert_eq!(good[0], Ok(wanted()));
    assert_eq!(
        good[1].as_ref().unwrap().txn_id.bits(),
        wanted().txn_id.bits() + 1
    );
    let mixed = read(&[&wrong, &other, PLAIN]);
    assert_eq!(mixed[0].as_ref().unwrap_err().errors[0].field, "amount");
    assert_eq!(mixed[1..], [good[1].clone(), good[0].clone()]);
}

#[test]
fn a_merchant_is_read_with_its_id_in_the_path_or_in_the_line() {
    let body = r#""name":"ร้าน \"ป้าแดง\" \ud83c\udf5c","category":"food_drink","status":"suspended","programs":["a","b"],
        "channels":[],"province":"","bank_account":"0123456789""#;
    let put = parse::merchant("010555012345678", format!("{{{body}}}").as_bytes()).unwrap();
    assert_eq!(put.id, MerchantId::parse("010555012345678").unwrap());
    assert_eq!(put.name, "ร้าน \"ป้าแดง\" 🍜");
    assert_eq!(
        (put.category, put.status),
        (Category::FoodDrink, Status::Suspended)
    );
    assert_eq!(
        (put.programs.as_slice(), put.channels.len()),
        (&[name("a"), name("b")][..], 0)
    );
    assert_eq!(
        (put.province.as_deref(), put.bank_account.as_deref()),
        (Some(""), Some("0123456789"))
    );
    assert_eq!(put.account_name, None);
    let line = format!("{{{body},\"merchant_id\":\"010555012345678\"}}\r");
    assert_eq!(parse::merchant_line(line.as_bytes()), Ok(put));
}

#[test]
fn an_enrollment_line_is_read_with_and_without_its_options() {
    let least = r#"{"program":"p","wallet_id":"004999912345678","citizen_id":"1101700203450"}"#;
    let read = parse::enrollment(least.as_bytes()).unwrap();
    assert_eq!(read.citizen, NationalId::parse("1101700203450").unwrap());
    assert_eq!((read.household, read.tier, read.usable_from), (None, None, None));
    let most = least.replace(
        '}',
        r#","household_id":"000000000000042","tier":"tax-filer","usable_from":"2000-01-01"}"#,
    );
    let read = parse::enrollment(most.as_bytes()).unwrap();
    assert_eq!(read.household, Some(HouseholdId::from_number(42)));
    assert_eq!(read.tier, Some(name("tax-filer")));
    assert_eq!(read.usable_from, BusinessDate::from_ymd(2000, 1, 1));
    let last = parse::enrollment(most.replace("2000-01-01", "2170-12-31").as_bytes()).unwrap();
    assert_eq!(last.usable_from, BusinessDate::from_ymd(2170, 12, 31));
}

#[test]
fn every_escape_of_json_is_resolved() {
    let read = |reason: &str| {
        let body = format!("{{\"status\":\"active\",\"reason\":\"{reason}\"}}");
        parse::status(body.as_bytes()).map(|read| read.reason)
    };
    assert_eq!(read(r#"\"\\\/"#).unwrap(), "\"\\/");
    assert_eq!(read(r#"a\u0E01\ud83C\uDF5Cb"#).unwrap(), "aก🍜b");
    assert_eq!(read(r#"\ufffd\uffff\u0020"#).unwrap(), "\u{fffd}\u{ffff} ");
    // Control characters are resolved too, and then refused: none belongs in a record's text.
    for escape in [r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000"] {
        assert_eq!(read(escape).unwrap_err().errors[0].field, "reason", "{escape}");
    }
    assert_eq!(read(&"ก".repeat(500)).unwrap().chars().count(), 500);
}

#[test]
fn a_clock_is_set_in_any_offset() {
    let read = |now: &str| {
        parse::clock(format!("{{\"now\":\"{now}\"}}").as_bytes())
            .unwrap()
            .to_string()
    };
    assert_eq!(read("2026-06-15T12:00:00+07:00"), "2026-06-15T12:00:00.000+07:00");
    assert_eq!(
        read("2026-06-15T05:00:00.123456Z"),
        "2026-06-15T12:00:00.123+07:00"
    );
}

#[test]
fn ids_of_a_path_are_named_like_those_of_a_body() {
    assert!(parse::path_wallet("004999912345678").is_ok());
    assert_eq!(
        parse::path_wallet("4999912345678").unwrap_err().errors[0].field,
        "wallet_id"
    );
    assert_eq!(
        parse::path_merchant("").unwrap_err().errors[0].field,
        "merchant_id"
    );
    assert_eq!(parse::path_txn("x").unwrap_err().errors[0].field, "txn_id");
    assert_eq!(parse::path_name("id", "X").unwrap_err().errors[0].field, "id");
    assert_eq!(parse::path_name("id", "co-pay"), Ok(name("co-pay")));
}
