//! Malformed bodies, path ids, routes and methods.

use crate::{
    HELD, ORIGINAL, PROGRAM, REGISTERED, Site, WALLET, fields, purchase, purchase_head, registration,
};
use satang_gateway::app::ROUTES;
use satang_tests::crash::citizen_id;
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
                let front = format!("{{\"{}\":[{good},", shape.list());
                case.body = [front.as_bytes(), &middle, b"]}"].concat();
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
        let (neighbour, key, id) = match shape.list() {
            "registrations" => (registration(REGISTERED), "registration_id", REGISTERED),
            _ => (purchase(ORIGINAL), "txn_id", ORIGINAL),
        };
        for case in wrong_fields(shape).into_iter().chain(others) {
            self.requests += 1;
            let element = String::from_utf8(case.body).expect("elements are text");
            let body = format!("{{\"{}\":[{neighbour},{element},{neighbour}]}}", shape.list());
            let results = self.good("POST", shape.path, &body)["results"].take();
            for at in [0, 2] {
                let result = &results[at];
                assert_eq!(
                    (&result[key], &result["replayed"]),
                    (&json!(id), &json!(true)),
                    "{result}"
                );
            }
            assert_eq!(results[1]["status"], 400, "{}: {results}", case.what);
            assert_eq!(fields(&results[1]), case.fields, "{}: {results}", case.what);
        }
    }

    pub(crate) fn deep_bodies(&mut self) {
        for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
            // As deep as a body of its route has room for.
            let levels: &[usize] = match (shape.is_element(), shape.path) {
                (true, _) => &[10_000],
                (false, "/v1/clock") => &[3_000],
                (false, _) => &[17, 3_000],
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
                let bytes_max = if shape.is_element() { 16 << 20 } else { 64 << 10 };
                let status = if case.body.len() > bytes_max { 413 } else { 400 };
                self.refused_alone(status, shape.method, shape.path, &case.body);
            }
        }
        self.still_decides();
    }

    pub(crate) fn frames_of_batches(&mut self) {
        for shape in SHAPES.iter().filter(|shape| shape.is_element()) {
            for (body, field) in wrong_frames(shape) {
                let answer = self.refused(400, shape.method, shape.path, body.as_bytes());
                assert_eq!(fields(&answer.json()), [field], "{body:.100}");
            }
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
        let body = format!("{{\"from_program\":\"{PROGRAM}\",\"to_program\":\"{PROGRAM}\",\"reason\":\"\"}}");
        let path = format!("/v1/wallets/{WALLET}/moves");
        let answer = self.refused(400, "POST", &path, body.as_bytes());
        assert_eq!(fields(&answer.json()), ["to_program"], "it is the one to leave");
        self.several_debtors();
        self.still_decides();
    }

    /// Who is meant is said once: nobody is told under the first name, several under the second that is there.
    fn several_debtors(&mut self) {
        let named = [
            ("citizen_id", citizen_id(1)),
            ("wallet_id", WALLET.to_owned()),
            ("merchant_id", "010555012345678".to_owned()),
        ];
        let bodies = [
            (
                "PUT",
                "/v1/persons/status",
                json!({ "status": "suspended", "reason": "x" }),
                2,
            ),
            ("POST", "/v1/persons/erase", json!({ "reason": "x" }), 2),
            (
                "POST",
                "/v1/clawbacks",
                json!({ "case_id": TXN_ID, "amount": 1, "letter_date": "2026-06-10", "reason": "x" }),
                3,
            ),
        ];
        for (method, path, body, kinds) in bodies {
            for chosen in 0..1_usize << kinds {
                let there = (0..kinds).filter(|at| chosen >> at & 1 == 1).collect::<Vec<_>>();
                let wanted = match there.as_slice() {
                    [] => "citizen_id",
                    [_] => continue,
                    [_, second, ..] => named[*second].0,
                };
                let mut body = body.clone();
                for at in &there {
                    body[named[*at].0] = json!(named[*at].1);
                }
                let answer = self.refused(400, method, path, body.to_string().as_bytes());
                assert_eq!(fields(&answer.json()), [wanted], "{path} {there:?}");
                assert!(!answer.text().contains(&citizen_id(1)), "{}", answer.text());
            }
        }
    }

    /// A void has no field, so that its body is empty or an empty object.
    pub(crate) fn voids(&mut self) {
        let path = format!("/v1/holds/{HELD}/void");
        let bodies = [
            " ",
            "null",
            "[]",
            "[{}]",
            "5",
            "\"x\"",
            "{",
            "}",
            "{,}",
            "{}{}",
            "{}x",
            "\u{feff}{}",
            "{\"a\"}",
        ];
        for body in bodies {
            let answer = self.refused(400, "POST", &path, body.as_bytes());
            assert_eq!(fields(&answer.json()), [""], "{body}");
        }
        for field in ["amount", "txn_id", "reason", "reversal_id", ""] {
            let body = format!("{{\"{field}\":1}}");
            let answer = self.refused(400, "POST", &path, body.as_bytes());
            assert_eq!(fields(&answer.json()), [field], "{body}");
        }
        let levels = format!("{{\"a\":{}}}", nested(10_000));
        self.refused(400, "POST", &path, levels.as_bytes());
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
            "%E0%B9%90",
            "..",
            "000000000000001%00",
            "000000000000001;",
        ];
        self.refuses_ids("wallet_id", &digits);
        self.refuses_ids("merchant_id", &digits);
        let long = "a".repeat(65);
        let names = ["A", "a_b", "a%20b", "%E0%B8%81", "a.b", "~", &long];
        self.refuses_ids("id", &names);
        self.refuses_ids("list", &[&names[..], &[""]].concat());
        let (short, odd) = (&ORIGINAL[..35], format!("{}g", &ORIGINAL[..35]));
        let (long, braced) = (format!("{ORIGINAL}0"), format!("%7B{ORIGINAL}%7D"));
        let uuids = [
            short,
            "x",
            "batch",
            "0197a1d20f6e7c3a8b1e0000000000aa",
            &odd,
            &long,
            &braced,
        ];
        self.refuses_ids("txn_id", &uuids);
        self.refuses_ids("case_id", &uuids);
        self.still_decides();
    }

    /// Sends each of these ids to every route that has one of this name in its path.
    fn refuses_ids(&mut self, name: &str, ids: &[&str]) {
        let parameter = format!("{{{name}}}");
        for route in ROUTES {
            let Some((front, back)) = route.template.split_once(&parameter) else {
                continue;
            };
            let method = route.method.as_str();
            let takes = |shape: &&Shape| {
                let id = shape.path.strip_prefix(front);
                let id = id.and_then(|id| id.strip_suffix(back));
                shape.method == method && id.is_some_and(|id| !id.contains('/'))
            };
            let body = SHAPES.iter().find(takes).map_or(String::new(), Shape::good);
            for id in ids {
                let path = format!("{front}{id}{back}");
                // A word of another route's path is no id.
                if ROUTES.iter().any(|other| other.template == path) {
                    continue;
                }
                let answer = self.refused(400, method, &path, body.as_bytes());
                assert_eq!(fields(&answer.json()), [name], "{method} {path}");
            }
        }
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
            "/v1/programs/a/registration/b",
            "/v1/registration",
            "/v1/registrations/",
            "/v1/registrations/x",
            "/v1/registrations/batch/x",
            "/v1/lists/a",
            "/v1/lists/a",
            "/v1/lists/import",
            "/v1/lists/a/import/b",
            "/v1/clock/now",
            "/v1/hold",
            "/v1/holds/",
            "/v1/holds/a",
            "/v1/holds/a/reversals",
            "/v1/holds/a/capture/b",
            "/v1/wallets/a/moves/b",
            "/v1/wallets/a/move",
            "/v1/merchants/a/b",
            "/v1/merchants/a/status/b",
            "/v1/authorizations/a/payout/b",
            "/v1/payouts/a",
            "/v1/persons",
            "/v1/persons/",
            "/v1/persons/000000000000001",
            "/v1/persons/status/b",
            "/v1/clawbacks/a/b",
            "/v1/clawbacks/a/close/b",
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
        let progress = format!("{program}/registration");
        let gets = [
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/v1/programs",
            &program,
            &progress,
            &wallet,
            "/v1/lists",
            "/v1/payouts",
            "/v1/clawbacks/0197a1d2-0f6e-7c3a-8b1e-0000000000dd",
        ];
        let others = [("POST", "/v1/lists/suspended/import"), ("POST", "/v1/snapshots")];
        let taken = gets.into_iter().map(|path| ("GET", path)).chain(others);
        for (allowed, path) in taken.chain(SHAPES.iter().map(|shape| (shape.method, shape.path))) {
            let allowed = match path {
                "/v1/merchants/010555012345678" => "GET, PUT",
                "/v1/clawbacks" => "GET, POST",
                _ => allowed,
            };
            for method in [
                "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get",
            ] {
                if !allowed.split(", ").any(|allowed| allowed == method) {
                    let answer = self.refused(405, method, path, b"");
                    assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
                }
            }
        }
        self.still_decides();
    }
}

/// Batches whose frame is wrong, and the field that is named.
fn wrong_frames(shape: &Shape) -> Vec<(String, &'static str)> {
    let (key, good) = (shape.list(), shape.good());
    let named = |value: &str| (format!("{{\"{key}\":{value}}}"), key);
    let mut cases: Vec<(String, &str)> = ["null", "{}", "5", "\"x\"", "true", "[]"]
        .iter()
        .map(|value| named(value))
        .collect();
    cases.push(named(&format!("[{}]", vec![good.as_str(); 10_001].join(","))));
    cases.push(("{}".into(), key));
    cases.push((format!("{{\"{key}\":[{good}],\"{key}\":[{good}]}}"), key));
    cases.push((format!("{{\"{key}\":[{good}],\"extra\":1}}"), "extra"));
    cases.push((format!("{{\"{key}\":[{good},]}}"), ""));
    cases.push((format!("{{\"{key}\":[{good} {good}]}}"), ""));
    cases.push((format!("[{good}]"), ""));
    cases.push((format!("{good}x"), ""));
    cases.push((format!("{{\"{key}\":[{good},{{\"a\":{}}}]}}", nested(14)), ""));
    cases
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok()
}
