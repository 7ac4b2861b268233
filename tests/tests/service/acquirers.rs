//! Two banks' switches on one server: neither reaches what the other authorized.

use crate::keys::make_key;
use crate::{BINARY, check_refusal};
use satang_tests::crash::wallet_id;
use satang_tests::site::{NOON, PROGRAM, Site, enrollment, merchant, purchase};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::fs;

const MERCHANT: &str = satang_tests::site::MERCHANT;

/// Makes a key of an acquirer.
fn key_of(site: &Site, name: &str, role: &str, acquirer: &str) -> String {
    let file = site.path("keys.toml");
    let key = make_key(site, name, role, &file);
    let text = fs::read_to_string(&file).expect("made");
    fs::write(&file, format!("{text}acquirer = \"{acquirer}\"\n")).expect("written");
    key
}

fn txn(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}")
}

fn reversal(number: u64) -> String {
    json!({ "reversal_id": txn(1_000 + number), "reason": "timeout" }).to_string()
}

fn hold(number: u64) -> String {
    let mut body: Value = serde_json::from_str(&purchase(number, 1, 100)).expect("ours");
    body["expires_in_s"] = json!(600);
    body.to_string()
}

/// What a call comes to: its status, and the code of a problem.
fn call(wire: &mut Wire, key: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = wire
        .call_with(key, method, path, body.as_bytes())
        .expect("an answer");
    let status = answer.status;
    (status, answer.json())
}

#[test]
fn a_switch_reaches_what_its_acquirer_authorized_and_nothing_of_anothers() {
    let site = Site::new(BINARY);
    let scb = key_of(&site, "scb-1", "switch", "scb");
    let ktb = key_of(&site, "ktb-1", "switch", "ktb");
    let (scb_desk, ktb_desk) = (
        key_of(&site, "scb-desk", "viewer", "scb"),
        key_of(&site, "ktb-desk", "viewer", "ktb"),
    );
    let file = site.path("keys.toml");
    let central = make_key(&site, "central", "switch", &file);
    let admin = make_key(&site, "admin-1", "admin", &file);
    let file = file.to_str().expect("text");
    let listed = site.run(&["keys", "list", "--file", file]).stdout;
    let first: Vec<&str> = listed.lines().nth(1).expect("a key").split_whitespace().collect();
    assert_eq!(
        [first[0], first[1], first[3]],
        ["scb-1", "switch", "scb"],
        "{listed}"
    );
    let args = ["--clock", NOON, "--keys", file];
    let mut server = site.serve(&args);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let ok = |wire: &mut Wire, key: &str, method: &str, path: &str, body: &str| {
        let (status, answer) = call(wire, key, method, path, body);
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer
    };
    ok(
        &mut wire,
        &admin,
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant().to_string(),
    );
    ok(
        &mut wire,
        &admin,
        "POST",
        "/v1/enrollments/import",
        &enrollment(1),
    );
    for number in 1..=2 {
        let bought = ok(
            &mut wire,
            &scb,
            "POST",
            "/v1/authorizations",
            &purchase(number, 1, 100),
        );
        assert_eq!(bought["decision"], "approved", "{bought}");
    }
    for number in 3..=4 {
        ok(&mut wire, &scb, "POST", "/v1/holds", &hold(number));
    }
    // Before it arrived.
    let early = format!("/v1/authorizations/{}/reversals", txn(9));
    ok(&mut wire, &scb, "POST", &early, &reversal(9));

    for restarted in [false, true] {
        if restarted {
            server.terminate();
            assert_eq!(server.wait_for_code(), Some(0));
            server = site.serve(&args);
            wire = Wire::open(server.addr()).expect("it listens");
        }
        let of = |number| format!("/v1/authorizations/{}", txn(number));
        let refused = [
            (&ktb, "POST", format!("{}/reversals", of(1)), reversal(1)),
            (
                &ktb,
                "POST",
                format!("/v1/holds/{}/capture", txn(3)),
                String::new(),
            ),
            (&ktb, "POST", format!("/v1/holds/{}/void", txn(4)), String::new()),
            (&ktb, "POST", "/v1/authorizations".into(), purchase(1, 1, 100)),
            (&ktb, "POST", "/v1/authorizations".into(), purchase(1, 1, 999)),
            (&ktb, "POST", "/v1/holds".into(), hold(3)),
            (&ktb, "POST", early.clone(), reversal(10)),
            (&central, "POST", early.clone(), reversal(11)),
            (&ktb, "POST", "/v1/authorizations".into(), purchase(9, 1, 100)),
            (&ktb_desk, "GET", of(1), String::new()),
            (&ktb_desk, "GET", of(9), String::new()),
        ];
        for (key, method, path, body) in &refused {
            let (status, answer) = call(&mut wire, key, method, path, body);
            assert_eq!(
                (status, &answer["code"]),
                (403, &json!("other_acquirer")),
                "{method} {path} {body}: {answer}"
            );
        }
        let batch = [purchase(1, 1, 100), purchase(9, 1, 100), purchase(20, 1, 100)].join(",");
        let batch = format!("{{\"authorizations\":[{batch}]}}");
        let answer = ok(&mut wire, &ktb, "POST", "/v1/authorizations/batch", &batch);
        let results = answer["results"].as_array().expect("results");
        assert_eq!(
            [&results[0]["code"], &results[1]["code"]],
            ["other_acquirer"; 2],
            "{answer}"
        );
        assert_eq!(results[2]["decision"], "approved", "{answer}");
        let shown = ok(&mut wire, &scb_desk, "GET", &of(1), "");
        assert_eq!(shown["by"], "scb-1", "{shown}");
        let again = ok(
            &mut wire,
            &scb,
            "POST",
            "/v1/authorizations",
            &purchase(1, 1, 100),
        );
        assert_eq!(again["replayed"], true, "{again}");
    }
    let reverse = |number| format!("/v1/authorizations/{}/reversals", txn(number));
    for (key, path, body) in [
        (&scb, reverse(1), reversal(1)),
        (&central, reverse(2), reversal(2)),
        (&scb, format!("/v1/holds/{}/capture", txn(3)), String::new()),
        (&scb, format!("/v1/holds/{}/void", txn(4)), String::new()),
    ] {
        let answer = ok(&mut wire, key, "POST", &path, &body);
        assert_eq!(answer["decision"], "approved", "{path}: {answer}");
    }
    let late = ok(
        &mut wire,
        &scb,
        "POST",
        "/v1/authorizations",
        &purchase(9, 1, 100),
    );
    assert_eq!(late["reason"], "reversed_before_arrival", "{late}");
    let wallet = ok(
        &mut wire,
        &admin,
        "GET",
        &format!("/v1/wallets/{}", wallet_id(1)),
        "",
    );
    assert_eq!(wallet["programs"][0]["program"], PROGRAM, "{wallet}");
    // Those of the second batch: two of its elements were another's.
    let metrics = wire.call_with(&admin, "GET", "/metrics", b"").expect("an answer");
    let counted = "satang_refusals_total{code=\"other_acquirer\"} 13\n";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    let audited = fs::read_to_string(site.data_dir().join("audit.log")).expect("it was written");
    let of_batches = audited.lines().filter(|line| {
        line.contains("POST /v1/authorizations/batch") && line.contains("\"reason\":\"other_acquirer\"")
    });
    assert_eq!(of_batches.count(), 2, "{audited}");
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));
    let verified = site.run(&["verify", "--data-dir", site.data_dir().to_str().expect("text")]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn a_key_that_reaches_everything_is_no_acquirers() {
    let site = Site::new(BINARY);
    for role in ["registrar", "settlement", "admin"] {
        let hash = "1".repeat(64);
        let text =
            format!("[[key]]\nname = \"a\"\nrole = \"{role}\"\nsha256 = \"{hash}\"\nacquirer = \"scb\"\n");
        let file = site.write("wrong.toml", text);
        let refused = site.refused(&["--keys", file.to_str().expect("text")]);
        check_refusal(
            refused,
            &["wrong.toml:5: key[0].acquirer: ", role, "reaches everything"],
        );
    }
}
