//! Citizens who are erased: nobody knows them any more, and what they bought stays as it is.

use crate::clawbacks::case;
use crate::desk::{CARD, Desk, SHOP};
use crate::persons::{enroll, move_to_card, register};
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};
use std::fs;

const NOON: &str = "2026-06-15T12:00:00+07:00";

fn erase(desk: &mut Desk, key: &str, id: &str) -> Value {
    let mut body = json!({ "reason": "request 17/2569" });
    body[key] = json!(id);
    desk.call("POST", "/v1/persons/erase", &body)
}

fn registered(desk: &mut Desk) -> Value {
    let shown = desk.call("GET", &format!("/v1/programs/{PROGRAM}"), &json!({}));
    shown["registration"]["registered"].clone()
}

#[test]
fn an_erased_citizen_is_nobody_and_what_was_bought_stays() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    desk.enroll(PROGRAM, 2, None);
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 1_000)["reason"], "approved");
    let store = desk.site().data_dir().join("persons.db");
    let before = fs::read(&store).expect("it is there");
    let answer = erase(&mut desk, "citizen_id", &citizen_id(1));
    let sequence = answer["sequence"].as_u64().expect("a sequence");
    let wanted = json!({
        "decision": "accepted", "reason": "accepted", "changed": true, "wallets": [wallet_id(1)], "sequence": sequence,
    });
    assert_eq!(answer, wanted);
    let after = fs::read(&store).expect("it is there");
    assert!(
        after.len() == before.len() && after != before,
        "its page was overwritten"
    );

    assert_eq!(desk.buy(2, PROGRAM, 1, SHOP, 100)["reason"], "wallet_suspended");
    assert_eq!(desk.refund(1, 1, Some(500))["reason"], "approved");
    assert_eq!(registered(&mut desk), 2, "the right keeps counting");
    let rejections = |desk: &mut Desk, number: u64| {
        assert_eq!(register(desk, number, 1), "excluded:erased");
        for program in [PROGRAM, CARD] {
            assert_eq!(enroll(desk, program, 1, 1), "excluded:erased");
            assert_eq!(enroll(desk, program, 5, 1), "excluded:erased");
        }
        assert_eq!(move_to_card(desk, 1), "excluded:erased");
        for (key, id) in [("citizen_id", citizen_id(1)), ("wallet_id", wallet_id(1))] {
            let mut status = json!({ "status": "active", "reason": "x" });
            status[key] = json!(id);
            desk.refuse(409, "person_erased", ("PUT", "/v1/persons/status", &status));
            desk.refuse(
                409,
                "person_erased",
                ("POST", "/v1/clawbacks", &case(1, key, &id)),
            );
        }
        let again = erase(desk, "citizen_id", &citizen_id(1));
        let wanted = json!({ "decision": "accepted", "reason": "accepted", "changed": false, "wallets": [] });
        assert_eq!(again, wanted);
        let again = erase(desk, "wallet_id", &wallet_id(1));
        assert_eq!(
            (&again["changed"], &again["wallets"]),
            (&json!(false), &json!([wallet_id(1)]))
        );
    };
    rejections(&mut desk, 1);
    let list = desk
        .wire()
        .call("POST", "/v1/lists/suspended/import", citizen_id(1).as_bytes());
    assert_eq!(
        list.expect("an answer").json()["accepted"],
        1,
        "and nothing is written"
    );
    desk.restart_twice(&[format!("/v1/wallets/{}", wallet_id(1))]);
    rejections(&mut desk, 2);
    let own = json!({ "status": "active", "reason": "" });
    desk.call("PUT", &format!("/v1/wallets/{}/status", wallet_id(1)), &own);
    assert_eq!(
        desk.buy(3, PROGRAM, 1, SHOP, 100)["reason"],
        "wallet_suspended",
        "for good"
    );
    assert_eq!(desk.refund(1, 2, None)["reason"], "approved");
    assert_eq!(
        desk.buy(4, PROGRAM, 2, SHOP, 100)["reason"],
        "approved",
        "nobody else is touched"
    );
    desk.close(&[1, 2]);
}

#[test]
fn nobody_is_erased_who_is_not_known_or_owes_something() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let before = desk.durable_sequence();
    let rejected =
        |reason: &str| json!({ "decision": "rejected", "reason": reason, "changed": false, "wallets": [] });
    assert_eq!(
        erase(&mut desk, "citizen_id", &citizen_id(9)),
        rejected("citizen_unknown")
    );
    assert_eq!(
        erase(&mut desk, "wallet_id", &wallet_id(9)),
        rejected("wallet_unknown")
    );
    assert_eq!(desk.durable_sequence(), before);
    desk.call("POST", "/v1/clawbacks", &case(1, "wallet_id", &wallet_id(1)));
    let before = desk.durable_sequence();
    for (key, id) in [("citizen_id", citizen_id(1)), ("wallet_id", wallet_id(1))] {
        assert_eq!(erase(&mut desk, key, &id), rejected("clawback_open"));
    }
    assert_eq!(desk.durable_sequence(), before, "a rejection was journaled");
    let path = format!(
        "/v1/clawbacks/{}/close",
        case(1, "wallet_id", "")["case_id"].as_str().expect("an id")
    );
    desk.call("POST", &path, &json!({ "reason": "annulled" }));
    let erased = erase(&mut desk, "wallet_id", &wallet_id(1));
    assert_eq!(
        (&erased["changed"], &erased["wallets"]),
        (&json!(true), &json!([wallet_id(1)]))
    );
    desk.close(&[1]);
}

#[test]
fn a_list_of_citizens_is_erased_from_a_file() {
    let mut desk = Desk::open(NOON);
    for wallet in 1..=3 {
        desk.enroll(PROGRAM, wallet, None);
    }
    let wrong = format!("{}x", &citizen_id(3)[..12]);
    let lines = [
        "citizen_id".to_owned(),
        citizen_id(1),
        String::new(),
        citizen_id(9) + "\r",
        wrong.clone(),
        citizen_id(2),
    ];
    let file = desk.site().write("requests.csv", lines.join("\n"));
    let file = file.to_str().expect("text");
    let ended = desk.run(&["erase", file, "--reason", "request 17/2569"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let malformed = report["errors"][1]["reason"]
        .as_str()
        .expect("a reason")
        .to_owned();
    assert!(malformed.starts_with("malformed: citizen_id: "), "{malformed}");
    let wanted = json!({
        "accepted": 2, "rejected": 2,
        "errors": [{ "line": 4, "reason": "citizen_unknown" }, { "line": 5, "reason": malformed }],
    });
    assert_eq!(report, wanted);
    assert!(
        ended.stderr.contains("requests.csv: 2 lines were rejected"),
        "{}",
        ended.stderr
    );
    for id in [citizen_id(1), citizen_id(2), citizen_id(9), wrong] {
        assert!(
            !ended.stdout.contains(&id) && !ended.stderr.contains(&id),
            "{ended:?}"
        );
    }
    assert_eq!(
        [1, 2, 3].map(|citizen| register(&mut desk, citizen, citizen)),
        ["excluded:erased", "excluded:erased", "accepted"]
    );
    // Sent again, it does no harm; from standard input as well.
    let again = desk
        .site()
        .write("again.csv", format!("{}\n{}", citizen_id(1), citizen_id(2)));
    let ended = desk.run_from(&again, &["erase", "-", "--reason", "request 17/2569"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(report, json!({ "accepted": 2, "rejected": 0, "errors": [] }));
    let ended = desk.run(&["erase", file, "--reason", ""]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("line 2: the server answered 400"),
        "{}",
        ended.stderr
    );
    desk.close(&[1, 2, 3]);
}

#[test]
fn a_spreadsheets_file_is_read_and_what_is_no_text_is_refused_by_name() {
    let mut desk = Desk::open(NOON);
    for wallet in 1..=3 {
        desk.enroll(PROGRAM, wallet, None);
    }
    let spreadsheet = desk.site().write(
        "spreadsheet.csv",
        format!(
            "\u{feff}\"Citizen_ID\",\r\"{}\",\r\r\n {} ,,\r\n",
            citizen_id(1),
            citizen_id(2)
        ),
    );
    let ended = desk.run(&[
        "erase",
        spreadsheet.to_str().expect("text"),
        "--reason",
        "request 17/2569",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(report, json!({ "accepted": 2, "rejected": 0, "errors": [] }));
    let utf16: Vec<u8> = citizen_id(3).encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, wanted) in [
        (
            utf16,
            "wrong.csv: line 1: looks like UTF-16: save the file as UTF-8",
        ),
        (
            b"PK\x03\x04\x14".to_vec(),
            "wrong.csv: the body is a ZIP archive or a spreadsheet's workbook (.xlsx)",
        ),
    ] {
        let wrong = desk.site().write("wrong.csv", bytes);
        let ended = desk.run(&["erase", wrong.to_str().expect("text"), "--reason", "x"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    let short = desk.site().write("short.csv", &citizen_id(3)[1..]);
    let ended = desk.run(&["erase", short.to_str().expect("text"), "--reason", "x"]);
    assert!(
        ended.stdout.contains("has 12 digits: lost its leading zero"),
        "{ended:?}"
    );
    assert_eq!(
        [1, 2].map(|citizen| register(&mut desk, citizen, citizen)),
        ["excluded:erased", "excluded:erased"]
    );
    desk.close(&[1, 2]);
}
