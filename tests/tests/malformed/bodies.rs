//! Malformed bodies, path ids, routes and methods.

use crate::{ORIGINAL, PROGRAM, Site, WALLET, fields, purchase, purchase_head};
use satang_tests::malformed::{Case, SHAPES, Shape, TXN_ID, broken_texts, deep, nested, wrong_fields};
use serde_json::{Value, json};

impl Site {
    pub(crate) fn bodies(&mut self, shape: &Shape) {
        let mut cases = broken_texts(shape);
        if shape.is_element() {
            self.elements(shape);
            let good = shape.good();
            for case in &mut cases {
                // No element: the whole body is no JSON, unless the element alone would be some other value.
                let middle = std::mem::take(&mut case.body);
                case.body = [b"{\"authorizations\":[", good.as_bytes(), b",", &middle, b"]}"].concat();
            }
            cases.retain(|case| !is_json(&case.body));
        } else {
            cases.extend(wrong_fields(shape));
        }
        for case in cases {
            let answer = self.refused(400, shape.method, shape.path, &case.body);
            assert_eq!(
                fields(&answer.json()),
                case.fields,
                "{} {}: {}",
                shape.path,
                case.what,
                answer.text()
            );
        }
        self.still_decides();
    }

    /// A malformed element is a problem in its place; its neighbours are answered.
    pub(crate) fn elements(&mut self, shape: &Shape) {
        let others = ["null", "5", "[]", "\"x\"", "true", "[[{}]]"].map(|text| Case {
            body: text.into(),
            fields: vec![String::new()],
            what: text.to_owned(),
        });
        for case in wrong_fields(shape).into_iter().chain(others) {
            self.requests += 1;
            let element = String::from_utf8(case.body).expect("elements are text");
            let body = format!("{{\"authorizations\":[{0},{element},{0}]}}", purchase(ORIGINAL));
            let results = self.good("POST", shape.path, &body)["results"].take();
            for neighbour in [0, 2] {
                let result = &results[neighbour];
                assert_eq!(
                    (&result["txn_id"], &result["replayed"]),
                    (&json!(ORIGINAL), &json!(true)),
                    "{result}"
                );
            }
            assert_eq!(results[1]["status"], 400, "{}: {results}", case.what);
            assert_eq!(fields(&results[1]), case.fields, "{}: {results}", case.what);
        }
    }

    pub(crate) fn deep_bodies(&mut self) {
        for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
            let levels: &[usize] = if shape.is_element() || shape.path == "/v1/clock" {
                &[10_000]
            } else {
                &[17, 10_000]
            };
            for case in levels.iter().flat_map(|levels| deep(shape, *levels)) {
                let answer = self.refused(400, shape.method, shape.path, &case.body);
                assert_eq!(
                    fields(&answer.json()),
                    case.fields,
                    "{} {}",
                    shape.path,
                    case.what
                );
            }
        }
        for shape in &SHAPES[..2] {
            for case in deep(shape, 1_000_000) {
                // An object a level passes the limit of a body: that is its answer.
                let status = if case.body.len() > 16 << 20 { 413 } else { 400 };
                self.refused_alone(status, shape.method, shape.path, &case.body);
            }
        }
        self.still_decides();
    }

    pub(crate) fn frames_of_batches(&mut self) {
        let good = purchase(ORIGINAL);
        let list = |len: usize| vec![good.as_str(); len].join(",");
        let named = |value: &str| (format!("{{\"authorizations\":{value}}}"), "authorizations");
        let mut cases: Vec<(String, &str)> = ["null", "{}", "5", "\"x\"", "true", "[]"]
            .iter()
            .map(|value| named(value))
            .collect();
        cases.push(named(&format!("[{}]", list(10_001))));
        cases.push(("{}".into(), "authorizations"));
        cases.push((
            format!("{{\"authorizations\":[{good}],\"authorizations\":[{good}]}}"),
            "authorizations",
        ));
        cases.push((format!("{{\"authorizations\":[{good}],\"extra\":1}}"), "extra"));
        cases.push((format!("{{\"authorizations\":[{good},]}}"), ""));
        cases.push((format!("{{\"authorizations\":[{good} {good}]}}"), ""));
        cases.push((format!("[{good}]"), ""));
        cases.push((good.clone(), ""));
        cases.last_mut().expect("just pushed").0.push('x');
        cases.push((
            format!("{{\"authorizations\":[{good},{{\"a\":{}}}]}}", nested(14)),
            "",
        ));
        for (body, field) in cases {
            let answer = self.refused(400, "POST", "/v1/authorizations/batch", body.as_bytes());
            assert_eq!(fields(&answer.json()), [field], "{body:.100}");
        }
        self.still_decides();
    }

    /// Each field good by itself.
    pub(crate) fn pairs_that_do_not_fit(&mut self) {
        for (amount, eligible) in [(1, 2), (100, 101), (99_999_999, 100_000_000)] {
            let body = format!(
                "{},\"amount\":{amount},\"eligible_amount\":{eligible}}}",
                purchase_head(TXN_ID)
            );
            let answer = self.refused(400, "POST", "/v1/authorizations", body.as_bytes());
            assert_eq!(fields(&answer.json()), ["eligible_amount"]);
        }
        let id = "0197a1d2-0f6e-7c3a-8b1e-000000000002";
        let path = format!("/v1/authorizations/{ORIGINAL}/reversals");
        for amount in ["1", "100", "200"] {
            let body = format!("{{\"reversal_id\":\"{id}\",\"reason\":\"timeout\",\"amount\":{amount}}}");
            let answer = self.refused(400, "POST", &path, body.as_bytes());
            assert_eq!(
                fields(&answer.json()),
                ["amount"],
                "a timeout means the whole bill"
            );
        }
        self.still_decides();
    }

    pub(crate) fn path_ids(&mut self) {
        let digits = [
            "x",
            "1",
            "00000000000001",
            "0000000000000001",
            "00000000000000x",
            "-00000000000001",
            "%30000000000000",
        ];
        let status = "{\"status\":\"suspended\",\"reason\":\"\"}";
        for id in digits
            .into_iter()
            .chain(["%E0%B9%90", "..", "000000000000001%00", "000000000000001;"])
        {
            let answer = self.refused(400, "GET", &format!("/v1/wallets/{id}"), b"");
            assert_eq!(fields(&answer.json()), ["wallet_id"], "{id}");
            let answer = self.refused(400, "PUT", &format!("/v1/wallets/{id}/status"), status.as_bytes());
            assert_eq!(fields(&answer.json()), ["wallet_id"], "{id}");
            let answer = self.refused(
                400,
                "PUT",
                &format!("/v1/merchants/{id}"),
                SHAPES[4].good().as_bytes(),
            );
            assert_eq!(fields(&answer.json()), ["merchant_id"], "{id}");
        }
        let long = "a".repeat(65);
        for id in ["A", "a_b", "a%20b", "%E0%B8%81", "a.b", "~", &long] {
            let answer = self.refused(400, "GET", &format!("/v1/programs/{id}"), b"");
            assert_eq!(fields(&answer.json()), ["id"], "{id}");
            let answer = self.refused(
                400,
                "PUT",
                &format!("/v1/programs/{id}/status"),
                status.as_bytes(),
            );
            assert_eq!(fields(&answer.json()), ["id"], "{id}");
        }
        let (front, reversal) = (&ORIGINAL[..35], SHAPES[3].good());
        let wrong = [front, "x", "batch", "0197a1d20f6e7c3a8b1e0000000000aa"].map(str::to_owned);
        for id in wrong.into_iter().chain([
            format!("{front}g"),
            format!("{ORIGINAL}0"),
            format!("%7B{ORIGINAL}%7D"),
        ]) {
            let path = format!("/v1/authorizations/{id}/reversals");
            let answer = self.refused(400, "POST", &path, reversal.as_bytes());
            assert_eq!(fields(&answer.json()), ["txn_id"], "{id}");
        }
        self.still_decides();
    }

    pub(crate) fn routes_and_methods(&mut self) {
        let unknown = [
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v2/authorizations",
            "/V1/authorizations",
            "/v1/Authorizations",
            "/v1/authorizations/",
            "/v1/authorization",
            "/v1/authorizations/batch/x",
            "/v1/authorizations/a/reversals/b",
            "/v1/wallets",
            "/v1/merchants",
            "/v1/programs/a/b",
            "/v1/programs/a/status/b",
            "/v1/clock/now",
            "/healthz/",
            "/metrics/x",
            "/openapi",
            "/openapi.yaml",
            "/favicon.ico",
            "/index.html",
            "/%2e%2e/etc/passwd",
            "/../etc/passwd",
            "/v1/%61uthorizations",
            "/v1//authorizations",
        ];
        for path in unknown {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                self.refused(404, method, path, b"");
            }
        }
        let (wallet, program) = (format!("/v1/wallets/{WALLET}"), format!("/v1/programs/{PROGRAM}"));
        let gets = [
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/v1/programs",
            &program,
            &wallet,
        ];
        let taken = gets.into_iter().map(|path| ("GET", path));
        for (allowed, path) in taken.chain(SHAPES.iter().map(|shape| (shape.method, shape.path))) {
            for method in [
                "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get",
            ] {
                if method != allowed {
                    let answer = self.refused(405, method, path, b"");
                    assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
                }
            }
        }
        self.still_decides();
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok()
}
