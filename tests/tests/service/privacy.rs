//! National ids go in and never come out: not in an answer, a file, a log line or a metric, whatever was wrong with the request
//! they came in.

use crate::BINARY;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::{MERCHANT, PROGRAM, Site};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The first day of the registration, which the programme's holders spend from a week later.
const OPEN: &str = "simulated:2026-05-25T12:00:00+07:00";
/// Citizens whom nobody else has the numbers of.
const CANARIES: core::ops::Range<u64> = 777_000_111_222..777_000_111_234;

/// The wallet of the first of them: no number of theirs is in it.
const FIRST_WALLET: u64 = 888_555_333_100;

/// Everything that came out of the server.
struct Heard {
    wire: Wire,
    answers: Vec<(String, Vec<u8>)>,
}

impl Heard {
    /// Sends a request that must be answered with `status`.
    #[track_caller]
    fn send(&mut self, status: u16, method: &str, path: &str, body: &str) -> Value {
        let answer = self.wire.call(method, path, body.as_bytes()).expect("an answer");
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        let headers: String = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let whole = [headers.into_bytes(), answer.body.clone()].concat();
        self.answers.push((format!("{method} {path}"), whole));
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }
}

fn canary(number: u64) -> String {
    citizen_id(CANARIES.start + number)
}

fn wallet(number: u64) -> String {
    wallet_id(FIRST_WALLET + number)
}

fn uuid(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1d-{number:012x}")
}

fn registration(number: u64) -> Value {
    json!({
        "registration_id": uuid(number), "program": PROGRAM, "wallet_id": wallet(number), "citizen_id": canary(number),
        "birth_date": "1987-03-19", "nationality": "TH",
    })
}

/// How a number may stand in bytes: its digits, and eight bytes either way round.
fn forms(id: &str) -> Vec<Vec<u8>> {
    let number: u64 = id.parse().expect("digits");
    vec![
        id.as_bytes().to_vec(),
        id.as_bytes()[..12].to_vec(),
        number.to_le_bytes().to_vec(),
        number.to_be_bytes().to_vec(),
        (number / 10).to_le_bytes().to_vec(),
    ]
}

#[track_caller]
fn assert_lacks(what: &str, bytes: &[u8], forms: &[Vec<u8>]) {
    for form in forms {
        let found = bytes.windows(form.len()).position(|window| window == form);
        assert_eq!(found, None, "{what} has {:?}", String::from_utf8_lossy(form));
    }
}

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn good_requests(heard: &mut Heard) {
    for number in 0..3 {
        let accepted = heard.send(
            200,
            "POST",
            "/v1/registrations",
            &registration(number).to_string(),
        );
        assert_eq!(accepted["decision"], "accepted", "{accepted}");
    }
    heard.send(200, "POST", "/v1/registrations", &registration(0).to_string());
    let mut young = registration(3);
    young["birth_date"] = json!("2020-01-01");
    let batch = json!({ "registrations": [young, registration(4), { "citizen_id": canary(5) }] });
    heard.send(200, "POST", "/v1/registrations/batch", &batch.to_string());
    let mut conflict = registration(0);
    conflict["citizen_id"] = json!(canary(6));
    heard.send(409, "POST", "/v1/registrations", &conflict.to_string());
    let csv = format!("citizen_id\n{}\n{},x\n \n{}\n", canary(6), canary(7), canary(8));
    heard.send(200, "POST", "/v1/lists/suspended/import", &csv);
    let lines = format!(
        "{}\n{}\n{{\"citizen_id\":\"{}\"\n",
        json!({ "program": PROGRAM, "wallet_id": wallet(7), "citizen_id": canary(7) }),
        json!({ "program": PROGRAM, "wallet_id": wallet(0), "citizen_id": canary(7) }),
        canary(8),
    );
    heard.send(200, "POST", "/v1/enrollments/import", &lines);
}

/// Ids where they do not belong, and bodies that are none.
fn bad_requests(heard: &mut Heard) {
    let id = canary(9);
    let mut spoilt: Vec<Value> = Vec::new();
    for key in [
        "registration_id",
        "program",
        "wallet_id",
        "citizen_id",
        "birth_date",
        "nationality",
        "unknown",
    ] {
        for value in [
            json!(id),
            json!(id.parse::<u64>().expect("digits")),
            json!([id]),
            json!({ &id: &id }),
        ] {
            let mut body = registration(9);
            body["citizen_id"] = json!(id);
            body[key] = value;
            spoilt.push(body);
        }
    }
    // A good id in its place is a good request; a wrong check digit is none.
    spoilt.retain(|body| {
        body["citizen_id"] != json!(id) || body["birth_date"] != "1987-03-19" || body.get("unknown").is_some()
    });
    let mut wrong_digit = registration(9);
    let last = (id.as_bytes()[12] - b'0' + 1) % 10;
    wrong_digit["citizen_id"] = json!(format!("{}{last}", &id[..12]));
    spoilt.push(wrong_digit);
    for body in &spoilt {
        heard.send(400, "POST", "/v1/registrations", &body.to_string());
        heard.send(400, "PUT", "/v1/persons/status", &body.to_string());
        heard.send(400, "POST", "/v1/clawbacks", &body.to_string());
    }
    let whole = registration(9).to_string();
    for cut in (1..whole.len()).step_by(7) {
        heard.send(400, "POST", "/v1/registrations", &whole[..cut]);
    }
    heard.send(400, "POST", "/v1/registrations", &format!("{whole}{id}"));
    heard.send(400, "POST", "/v1/registrations", &id);
    heard.send(400, "GET", &format!("/v1/wallets/{id}"), "");
    heard.send(400, "GET", &format!("/v1/programs/{id}"), "");
    heard.send(404, "GET", &format!("/v1/citizens/{id}"), "");
    heard.send(400, "GET", &format!("/v1/authorizations/{id}"), "");
}

/// What the desk decides about citizens.
fn desk_requests(heard: &mut Heard) {
    let body = json!({ "citizen_id": canary(0), "status": "suspended", "reason": "ตรวจสอบ" });
    heard.send(200, "PUT", "/v1/persons/status", &body.to_string());
    let body = json!({ "citizen_id": canary(1), "status": "active", "reason": "ตรวจสอบ" });
    heard.send(200, "PUT", "/v1/persons/status", &body.to_string());
    let case = json!({ "case_id": uuid(1_000), "citizen_id": canary(1), "amount": 500, "letter_date": "2026-05-20",
        "reason": "หนังสือ" });
    heard.send(200, "POST", "/v1/clawbacks", &case.to_string());
    for number in [2, 10] {
        let body = json!({ "citizen_id": canary(number), "reason": "ขอลบ" });
        heard.send(200, "POST", "/v1/persons/erase", &body.to_string());
    }
    let again = heard.send(
        200,
        "POST",
        "/v1/registrations",
        &{
            let mut again = registration(2);
            again["registration_id"] = json!(uuid(2_000));
            again
        }
        .to_string(),
    );
    assert_eq!(again["reason"], "excluded:erased", "{again}");
}

#[test]
fn a_national_id_is_in_no_answer_no_file_and_no_word() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut heard = Heard {
        wire: Wire::open(server.addr()).expect("it listens"),
        answers: Vec::new(),
    };
    let merchant = json!({ "name": "ร้าน", "category": "food_drink", "status": "active", "programs": [PROGRAM],
        "channels": ["store"] });
    heard.send(
        200,
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant.to_string(),
    );
    good_requests(&mut heard);
    bad_requests(&mut heard);
    desk_requests(&mut heard);
    for path in [
        "/metrics",
        "/openapi.json",
        "/v1/programs",
        "/v1/clawbacks",
        "/v1/payouts",
    ] {
        heard.send(200, "GET", path, "");
    }
    heard.send(200, "GET", &format!("/v1/wallets/{}", wallet(0)), "");
    heard.send(200, "POST", "/v1/snapshots", "");
    let data_dir = site.data_dir();
    let data_dir = data_dir.to_str().expect("a path");
    let backup = site.path("backup");
    let erased = site.write("erased.txt", format!("{}\n", canary(7)));
    let url = format!("http://{}", server.addr());
    let commands: [&[&str]; 3] = [
        &[
            "erase",
            erased.to_str().expect("a path"),
            "--server",
            &url,
            "--reason",
            "ขอลบ",
        ],
        &["verify", "--data-dir", data_dir],
        &[
            "backup",
            "--data-dir",
            data_dir,
            "--to",
            backup.to_str().expect("a path"),
        ],
    ];
    let mut said = Vec::new();
    for arguments in commands {
        let ended = site.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        said.push((arguments.join(" "), ended.stdout, ended.stderr));
    }
    server.terminate();
    let (code, words) = server.wait();
    assert_eq!(code, Some(0), "{words}");
    fs::remove_file(erased).expect("it was written");
    for number in 0..CANARIES.end - CANARIES.start {
        let forms = forms(&canary(number));
        for (request, answer) in &heard.answers {
            assert_lacks(request, answer, &forms);
        }
        for (command, stdout, stderr) in &said {
            assert_lacks(command, stdout.as_bytes(), &forms);
            assert_lacks(command, stderr.as_bytes(), &forms);
        }
        assert_lacks("the log", words.as_bytes(), &forms);
        assert_lacks("the log", words.as_bytes(), &[wallet(number).into_bytes()]);
    }
    let everything = files(&site.path("data")).into_iter().chain(files(&backup));
    let mut bytes = 0;
    for file in everything {
        let contents = fs::read(&file).expect("a file");
        bytes += contents.len();
        // The zeros of spare segments take long to look through, and have nothing in them.
        let written = contents
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        for number in 0..CANARIES.end - CANARIES.start {
            assert_lacks(
                &file.display().to_string(),
                &contents[..written],
                &forms(&canary(number)),
            );
        }
        assert_lacks(
            &file.display().to_string(),
            &contents[..written],
            &[b"1987-03-19".to_vec()],
        );
    }
    assert!(bytes > 0, "there are files");
}
