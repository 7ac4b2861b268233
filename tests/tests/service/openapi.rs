//! `/openapi.json` is true: its examples are of their schemas, each request in it is taken by a server, and the answer is what the
//! document says.

use crate::BINARY;
use satang_tests::crash::citizen_id;
use satang_tests::schema::{check, resolve};
use satang_tests::site::{MERCHANT, PROGRAM, Site};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};

/// The wallets of the examples.
const WALLETS: [&str; 2] = ["004999912345678", "004999987654321"];
/// A programme with tiers and a date by which a right must have been used.
const TIERED: &str = "khon-la-khrueng-plus";

/// A programme with sources, and with benefits of households.
const CARD: &str = "state-welfare-card";

/// One operation of the document.
struct Operation {
    /// Its `operationId`.
    id: String,
    method: String,
    /// The path with the examples of its parameters in it.
    path: String,
    body: Value,
    responses: Value,
}

impl Operation {
    /// What the answer must be of: the schema of its status and content type.
    fn schema<'d>(&'d self, document: &'d Value, answer: &Answer) -> &'d Value {
        let response = &self.responses[answer.status.to_string()];
        let response = match response["$ref"].as_str() {
            Some(reference) => resolve(document, reference),
            None => response,
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let schema = &response["content"][kind]["schema"];
        assert!(
            schema.is_object(),
            "{} {}: {} of {kind} is not described",
            self.method,
            self.path,
            answer.status
        );
        schema
    }

    /// Sends a body; the answer must be of its schema.
    #[track_caller]
    fn send(&self, document: &Value, wire: &mut Wire, body: &[u8]) -> Answer {
        let answer = wire.call(&self.method, &self.path, body).expect("an answer");
        let schema = self.schema(document, &answer);
        let value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(answer.text()));
        if let Err(fault) = check(document, schema, &value) {
            panic!("{} {}: {fault}\n{}", self.method, self.path, answer.text());
        }
        answer
    }
}

/// Every operation, in the order of the document.
fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let mut path = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let parameter = match parameter["$ref"].as_str() {
                    Some(reference) => resolve(document, reference),
                    None => parameter,
                };
                let (name, example) = (&parameter["name"], &parameter["example"]);
                check(document, &parameter["schema"], example)
                    .expect("a parameter's example is of its schema");
                let name = format!("{{{}}}", name.as_str().expect("a name"));
                path = path.replace(&name, example.as_str().expect("a text"));
            }
            assert!(!path.contains('{'), "{path} has a parameter without example");
            found.push(Operation {
                id: operation["operationId"].as_str().expect("a name").to_owned(),
                method: method.to_ascii_uppercase(),
                path,
                body: operation["requestBody"]["content"].clone(),
                responses: operation["responses"].clone(),
            });
        }
    }
    found
}

/// The examples of a content object, by the name of their media type.
fn examples(content: &Value) -> Vec<(&Value, &Value)> {
    let mut found = Vec::new();
    for media in content
        .as_object()
        .into_iter()
        .flat_map(|content| content.values())
    {
        let several = media["examples"]
            .as_object()
            .into_iter()
            .flat_map(|named| named.values());
        let several = several.map(|example| &example["value"]);
        found.extend(
            several
                .chain(media.get("example"))
                .map(|value| (&media["schema"], value)),
        );
    }
    found
}

/// A server at the time of the examples, with the merchant and the wallets they name.
fn served() -> (satang_tests::process::ServerProcess, Wire, Site) {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2026-06-17T11:50:00+07:00"]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "food_drink", "status": "active", "programs": [PROGRAM],
        "channels": ["store", "delivery"],
    });
    let path = format!("/v1/merchants/{MERCHANT}");
    let stored = wire.call("PUT", &path, merchant.to_string().as_bytes());
    assert_eq!(stored.expect("an answer").status, 200);
    let line = |(wallet, citizen): (&str, u64)| {
        json!({ "program": PROGRAM, "wallet_id": wallet, "citizen_id": citizen_id(citizen) }).to_string()
            + "\n"
    };
    let lines: String = WALLETS.into_iter().zip(1..).map(line).collect();
    let report = wire.call("POST", "/v1/enrollments/import", lines.as_bytes());
    assert_eq!(report.expect("an answer").json()["accepted"], 2);
    (server, wire, site)
}

fn document(wire: &mut Wire) -> Value {
    wire.call("GET", "/openapi.json", b"").expect("an answer").json()
}

#[test]
fn every_example_is_of_its_schema() {
    let (_server, mut wire, _site) = served();
    let document = document(&mut wire);
    let mut contents: Vec<&Value> = Vec::new();
    let operations = operations(&document);
    for operation in &operations {
        contents.push(&operation.body);
        let responses = operation.responses.as_object().expect("responses").values();
        contents.extend(responses.map(|response| &response["content"]));
    }
    let shared = document["components"]["responses"]
        .as_object()
        .expect("responses");
    contents.extend(shared.values().map(|response| &response["content"]));
    let examples: Vec<_> = contents.into_iter().flat_map(examples).collect();
    assert!(examples.len() >= 50, "{}", examples.len());
    for (schema, example) in examples {
        if let Err(fault) = check(&document, schema, example) {
            panic!("{fault}\n{example}");
        }
    }
}

#[test]
fn every_example_of_a_request_is_taken_and_the_answer_is_as_described() {
    let (_server, mut wire, _site) = served();
    let document = document(&mut wire);
    let (mut sent, mut fates) = (0, Vec::new());
    // In the document's order, what is looked up was bought, and what is given back too.
    for operation in operations(&document) {
        let bodies = examples(&operation.body);
        let bodies: Vec<Vec<u8>> = match bodies.is_empty() {
            true => vec![Vec::new()],
            false => bodies
                .into_iter()
                .map(|(_, body)| {
                    body.as_str()
                        .map_or_else(|| body.to_string(), str::to_owned)
                        .into()
                })
                .collect(),
        };
        for body in bodies {
            let answer = operation.send(&document, &mut wire, &body);
            let told = format!("{} {}: {}", operation.method, operation.path, answer.text());
            assert_eq!(answer.status, 200, "{told}");
            sent += 1;
            if operation.path == "/v1/registrations" || operation.id == "capture" || operation.id == "move" {
                fates.push(answer.json()["reason"].take());
            }
            let is_plain = ["authorize", "reverse", "hold", "void"].contains(&operation.id.as_str());
            if is_plain {
                assert_eq!(answer.json()["decision"], "approved", "{told}");
            }
        }
    }
    assert!(sent >= 20, "{sent}");
    // A second capture asks for another amount. One programme's registration is over, the other's has no last day.
    let captured = ["approved", "hold_closed"];
    let registered = ["registration_closed", "accepted", "registration_closed"];
    assert_eq!(fates, [&captured[..], &registered[..], &["accepted"]].concat());
}

#[test]
fn what_a_registration_leaves_behind_is_as_described() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2025-10-20T12:00:00+07:00"]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let document = document(&mut wire);
    let mut send = |id: &str, path: &str, body: &str| {
        let operations = operations(&document).into_iter();
        let mut named = operations.filter(|operation| operation.id == id);
        let operation = named.next().expect("it is described");
        let operation = Operation {
            path: path.to_owned(),
            ..operation
        };
        let answer = operation.send(&document, &mut wire, body.as_bytes());
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        answer.json()
    };
    let body = |number: u64, citizen: u64, birth_date: &str| {
        json!({
            "registration_id": format!("0197a1d2-0f6e-7c3a-8b1d-{number:012x}"), "program": TIERED, "wallet_id": WALLETS[0],
            "citizen_id": citizen_id(citizen), "birth_date": birth_date, "nationality": "TH",
        })
    };
    let list = format!("citizen_id\n{}\nx\n", citizen_id(1));
    let report = send("importList", "/v1/lists/tax-filers/import", &list);
    assert_eq!((&report["accepted"], &report["rejected"]), (&json!(1), &json!(1)));
    let elements = [
        body(1, 1, "1990"),
        body(1, 1, "1991"),
        body(2, 2, "1990-04"),
        body(3, 3, "2533"),
    ];
    let batch = json!({ "registrations": elements }).to_string();
    let results = send("registerBatch", "/v1/registrations/batch", &batch)["results"].take();
    let fate = |at: usize| results[at].get("reason").unwrap_or(&results[at]["code"]).clone();
    assert_eq!(
        [0, 1, 2, 3].map(fate),
        [
            "accepted",
            "registration_id_conflict",
            "wallet_taken",
            "malformed"
        ]
    );
    let shown = send("wallet", &format!("/v1/wallets/{}", WALLETS[0]), "");
    let right = &shown["programs"][0];
    assert_eq!(
        (&right["tier"], &right["first_use_by"]),
        (&json!("tax-filer"), &json!("2025-11-11T23:00:00+07:00"))
    );
    let shown = send("program", &format!("/v1/programs/{TIERED}"), "");
    assert_eq!(shown["lists"][0]["citizens"], 1);
    let shown = send(
        "registrationProgress",
        &format!("/v1/programs/{TIERED}/registration"),
        "",
    );
    assert_eq!(shown["tickets"], 1);
}

#[test]
fn what_holds_and_sources_and_households_show_is_as_described() {
    let (_server, mut wire, _site) = served();
    let document = document(&mut wire);
    let mut send = |id: &str, path: &str, body: &Value| {
        let operations = operations(&document).into_iter();
        let mut named = operations.filter(|operation| operation.id == id);
        let operation = Operation {
            path: path.to_owned(),
            ..named.next().expect("it is described")
        };
        let answer = operation.send(&document, &mut wire, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        answer.json()
    };
    let (shop, wallet) = ("/v1/merchants/010555000000001", "004999911112222");
    let merchant = json!({
        "name": "ร้านธงฟ้า", "category": "blue_flag", "status": "active", "programs": [CARD], "channels": ["store"],
    });
    send("putMerchant", shop, &merchant);
    let line = json!({ "program": CARD, "wallet_id": wallet, "citizen_id": citizen_id(9), "household_id": "000000000000042" });
    send("importEnrollments", "/v1/enrollments/import", &line);
    let body = json!({
        "program": CARD, "wallet_id": wallet, "merchant_id": "010555000000001", "channel": "store", "amount": 32_000,
    });
    let sources = |answer: Value| answer["funding"].as_array().map_or(0, Vec::len);
    assert_eq!(sources(send("quote", "/v1/quotes", &body)), 2);
    let ids = [0, 1, 2].map(|number| format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}"));
    for id in &ids {
        let mut body = body.clone();
        (body["txn_id"], body["expires_in_s"]) = (json!(id), json!(60));
        assert_eq!(sources(send("hold", "/v1/holds", &body)), 2);
    }
    send(
        "capture",
        &format!("/v1/holds/{}/capture", ids[0]),
        &json!({ "amount": 31_000 }),
    );
    send("void", &format!("/v1/holds/{}/void", ids[1]), &json!({}));
    let refund = |number: u64, amount: u64| json!({ "reversal_id": format!("0197a1d2-0f6e-7c3a-8b1f-{number:012x}"), "amount": amount, "reason": "customer_refund" });
    let path = |id: &str| format!("/v1/authorizations/{id}/reversals");
    assert_eq!(sources(send("reverse", &path(&ids[0]), &refund(1, 2_000))), 2);
    assert_eq!(
        send("reverse", &path(&ids[2]), &refund(2, 1))["reason"],
        "hold_open"
    );
    let fates =
        ids.map(|id| send("authorization", &format!("/v1/authorizations/{id}"), &json!({}))["hold"].take());
    assert_eq!(fates, ["captured", "voided", "open"]);
    let shown = send("wallet", &format!("/v1/wallets/{wallet}"), &json!({}));
    assert_eq!(shown["programs"][0]["benefits"][0]["funding"][0]["used"], 29_000);
}

#[test]
fn what_the_desk_answers_is_as_described() {
    let (_server, mut wire, _site) = served();
    let document = document(&mut wire);
    let mut send = |status: u16, id: &str, path: &str, body: &Value| {
        let operations = operations(&document).into_iter();
        let mut named = operations.filter(|operation| operation.id == id);
        let operation = Operation {
            path: path.to_owned(),
            ..named.next().expect("it is described")
        };
        let answer = operation.send(&document, &mut wire, body.to_string().as_bytes());
        assert_eq!(answer.status, status, "{id}: {}", answer.text());
        answer.json()
    };
    let ids = [0, 1, 2].map(|number| format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}"));
    let purchase = |id: &str, program: &str| {
        json!({
            "txn_id": id, "program": program, "wallet_id": WALLETS[0], "merchant_id": MERCHANT, "channel": "store", "amount": 1_000,
        })
    };
    send(
        200,
        "authorize",
        "/v1/authorizations",
        &purchase(&ids[0], PROGRAM),
    );
    send(
        200,
        "authorize",
        "/v1/authorizations",
        &purchase(&ids[1], "nothing"),
    );
    let frozen = json!({ "status": "frozen", "reason": "x" });
    let payout = |id: &str| format!("/v1/authorizations/{id}/payout");
    send(200, "putAuthorizationPayout", &payout(&ids[0]), &frozen);
    send(409, "putAuthorizationPayout", &payout(&ids[1]), &frozen);
    send(404, "putAuthorizationPayout", &payout(&ids[2]), &frozen);
    let found = send(
        200,
        "authorization",
        &format!("/v1/authorizations/{}", ids[0]),
        &json!({}),
    );
    assert_eq!(found["payout"], "frozen");
    let merchant = format!("/v1/merchants/{MERCHANT}");
    send(200, "putMerchantPayout", &format!("{merchant}/payout"), &frozen);
    let shown = send(200, "payouts", "/v1/payouts", &json!({}));
    assert_eq!(
        (&shown["merchants_frozen"], &shown["authorizations_frozen"]),
        (&json!(1), &json!(1))
    );
    let suspended = json!({ "status": "suspended", "reason": "x" });
    send(
        200,
        "putMerchantStatus",
        &format!("{merchant}/status"),
        &suspended,
    );
    let bind = json!({ "action": "bind", "platform": "grab", "reason": "x" });
    send(200, "bindPlatform", &format!("{merchant}/platform"), &bind);
    send(
        200,
        "joinProgram",
        &format!("{merchant}/registrations"),
        &json!({ "program": TIERED }),
    );
    let case = |id: &str, key: &str, debtor: &str| {
        let mut case = json!({ "case_id": id, "amount": 100, "letter_date": "2026-06-17", "reason": "x" });
        case[key] = json!(debtor);
        case
    };
    let opened = send(
        200,
        "openClawback",
        "/v1/clawbacks",
        &case(&ids[0], "wallet_id", WALLETS[0]),
    );
    assert_eq!(opened["wallets"], json!([WALLETS[0]]));
    send(
        409,
        "openClawback",
        "/v1/clawbacks",
        &case(&ids[0], "wallet_id", WALLETS[1]),
    );
    send(
        404,
        "openClawback",
        "/v1/clawbacks",
        &case(&ids[1], "wallet_id", "004999900000000"),
    );
    let erasure = json!({ "wallet_id": WALLETS[0], "reason": "x" });
    assert_eq!(
        send(200, "erasePerson", "/v1/persons/erase", &erasure)["reason"],
        "clawback_open"
    );
    let path = format!("/v1/clawbacks/{}", ids[0]);
    let payment = |amount: u64| json!({ "payment_id": ids[2], "amount": amount, "reason": "x" });
    send(409, "payClawback", &format!("{path}/payments"), &payment(101));
    send(200, "payClawback", &format!("{path}/payments"), &payment(40));
    send(200, "clawbacks", "/v1/clawbacks", &json!({}));
    let closed = send(
        200,
        "closeClawback",
        &format!("{path}/close"),
        &json!({ "reason": "x" }),
    );
    assert_eq!(closed["closed"]["reason"], "x");
    assert_eq!(
        send(200, "erasePerson", "/v1/persons/erase", &erasure)["changed"],
        true
    );
    let status = json!({ "wallet_id": WALLETS[0], "status": "active", "reason": "x" });
    send(409, "putPersonStatus", "/v1/persons/status", &status);
    send(200, "clawback", &path, &json!({}));
    let letter = json!({ "case_id": ids[1], "letter_date": "2026-06-17", "reason": "x" });
    let shown = send(
        200,
        "withdrawConsent",
        &format!("{merchant}/consent-withdrawal"),
        &letter,
    );
    assert_eq!(shown["clawbacks"][0]["owed"], 600);
    send(200, "merchant", &merchant, &json!({}));
    send(
        409,
        "putMerchantStatus",
        &format!("{merchant}/status"),
        &json!({ "status": "active", "reason": "x" }),
    );
    send(404, "clawback", &format!("/v1/clawbacks/{}", ids[2]), &json!({}));
    let moved = json!({ "from_program": PROGRAM, "to_program": CARD, "reason": "x" });
    let path = format!("/v1/wallets/{}/moves", WALLETS[0]);
    assert_eq!(send(200, "move", &path, &moved)["reason"], "excluded:erased");
}

#[test]
fn every_refusal_is_as_described() {
    let (_server, mut wire, _site) = served();
    let document = document(&mut wire);
    for operation in operations(&document) {
        if operation.body["application/json"].is_object() {
            let answer = operation.send(&document, &mut wire, b"[");
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
        let other = Operation {
            method: "DELETE".to_owned(),
            ..operation
        };
        assert_eq!(other.send(&document, &mut wire, b"").status, 405);
    }
}
