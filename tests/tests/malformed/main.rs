//! Over a thousand malformed requests against one real server: each gets the contract's answer, none leaves a trace, and the
//! server is unharmed. Slow clients have tests of their own beside the listener.

mod bodies;
mod lines;
mod transport;

use satang_tests::crash::citizen_id;
use satang_tests::malformed::{REGISTRATION_ID, SHAPES, TXN_ID};
use satang_tests::process::{ServerProcess, ServerSpec, shipped_programs};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};
use std::path::Path;

const PROGRAM: &str = "thai-chuai-thai-plus-6040";
const MERCHANT: &str = "010555012345678";
const WALLET: &str = "000000000000001";
/// An approved purchase that the malformed reversals name.
const ORIGINAL: &str = "0197a1d2-0f6e-7c3a-8b1e-0000000000aa";
/// An approved hold that the malformed captures and voids name.
const HELD: &str = "0197a1d2-0f6e-7c3a-8b1e-0000000000cc";
/// A registration that the batches of malformed ones repeat.
const REGISTERED: &str = "0197a1d2-0f6e-7c3a-8b1e-0000000000bb";
/// The server's memory at its highest (I12): one 16 MiB body, its copy, and room for buffers.
const MEMORY_KIB_MAX: u64 = 192 << 10;
/// The data folder at the end: the segment in use, the one prepared, and little else.
const DISK_BYTES_MAX: u64 = 40 << 20;

#[test]
fn a_thousand_malformed_requests_leave_no_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut site = Site::start(&folder.path().join("data"));
    for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
        site.bodies(shape);
    }
    site.deep_bodies();
    site.frames_of_batches();
    site.pairs_that_do_not_fit();
    site.voids();
    site.path_ids();
    site.routes_and_methods();
    for shape in SHAPES.iter().filter(|shape| shape.is_line()) {
        site.lines(shape);
    }
    site.list_lines();
    site.long_lines();
    site.transport();
    site.large_bodies();
    site.a_long_import();
    site.nothing_was_burnt();
    site.unharmed(folder.path());
    println!(
        "{} malformed requests and {} malformed lines",
        site.requests, site.lines
    );
    assert!(
        site.requests >= 1_000,
        "only {} malformed requests",
        site.requests
    );
    assert!(site.lines >= 300, "only {} malformed lines", site.lines);
}

/// A server, one connection that is kept, and what was counted.
struct Site {
    server: ServerProcess,
    wire: Wire,
    requests: u64,
    lines: u64,
    /// Of the last record.
    sequence: u64,
}

impl Site {
    fn start(data_dir: &Path) -> Site {
        let programs = shipped_programs();
        let args = [
            "--clock",
            "simulated:2026-06-15T12:00:00+07:00",
            "--segment-mib",
            "8",
        ];
        let binary = Path::new(env!("CARGO_BIN_EXE_satang_under_test"));
        let server = ServerProcess::start(&ServerSpec {
            binary,
            data_dir,
            programs: &programs,
            args: &args,
        });
        let server = server.expect("the server starts");
        let wire = Wire::open(server.addr()).expect("it listens");
        let mut site = Site {
            server,
            wire,
            requests: 0,
            lines: 0,
            sequence: 0,
        };
        let merchant = json!({
            "name": "ร้านทดสอบ", "category": "food_drink", "status": "active", "programs": [PROGRAM], "channels": ["store"],
        });
        site.good("PUT", &format!("/v1/merchants/{MERCHANT}"), merchant.to_string());
        let line = json!({ "program": PROGRAM, "wallet_id": WALLET, "citizen_id": citizen_id(1) });
        site.good("POST", "/v1/enrollments/import", line.to_string());
        site.good("POST", "/v1/registrations", registration(REGISTERED));
        site.good("POST", "/v1/authorizations", purchase(ORIGINAL));
        let held = purchase(HELD).replacen('{', "{\"expires_in_s\":604800,", 1);
        let last = site.good("POST", "/v1/holds", held);
        site.sequence = last["sequence"].as_u64().expect("a sequence");
        site
    }

    fn good(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Value {
        let body = body.as_ref();
        let answer = self.wire.call(method, path, body).expect("the server answers");
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]);
        assert_eq!(answer.status, 200, "{method} {path} {shown}: {}", answer.text());
        answer.json()
    }

    /// The server still decides, and nothing was journaled since it last did.
    fn still_decides(&mut self) {
        let id = format!("0197a1d2-0f6e-7c3a-8b1f-{:012x}", self.sequence);
        let answer = self.good("POST", "/v1/authorizations", purchase(&id));
        assert_eq!(
            (&answer["decision"], &answer["replayed"]),
            (&json!("approved"), &json!(false))
        );
        self.sequence += 1;
        assert_eq!(
            answer["sequence"],
            json!(self.sequence),
            "a malformed request was journaled"
        );
    }

    /// Sends a malformed request on the kept connection; its answer must be a problem of this status.
    #[track_caller]
    fn refused(&mut self, status: u16, method: &str, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let what = || format!("{method} {path} {:.200}", String::from_utf8_lossy(body));
        let answer = self
            .wire
            .call(method, path, body)
            .unwrap_or_else(|error| panic!("{}: {error}", what()));
        assert_eq!(answer.status, status, "{}: {}", what(), answer.text());
        check_problem(&answer);
        answer
    }

    /// The same on a connection of its own, which a large body may end.
    fn refused_alone(&mut self, status: u16, method: &str, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let mut wire = Wire::open(self.server.addr()).expect("the server listens");
        let answer = wire.call(method, path, body).expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        check_problem(&answer);
        answer
    }

    /// Imports journal their good lines; from here on nothing else may be.
    fn catch_up(&mut self) {
        let again = self.good(
            "POST",
            "/v1/authorizations",
            purchase(&format!("0197a1d2-0f6e-7c3a-8b20-{:012x}", self.lines)),
        );
        self.sequence = again["sequence"].as_u64().expect("a sequence");
    }

    /// Every malformed request used these ids; they are as new.
    fn nothing_was_burnt(&mut self) {
        let answer = self.good("POST", "/v1/authorizations", purchase(TXN_ID));
        assert_eq!(
            (&answer["decision"], &answer["replayed"]),
            (&json!("approved"), &json!(false)),
            "{answer}"
        );
        let decided_at = answer["decided_at"].as_str().expect("an instant");
        assert!(
            decided_at < "2026-06-15T13:00",
            "a malformed request set the clock: {decided_at}"
        );
        let answer = self.good("POST", SHAPES[3].path, SHAPES[3].good());
        assert_eq!(
            (&answer["decision"], &answer["replayed"]),
            (&json!("approved"), &json!(false)),
            "{answer}"
        );
        assert_eq!(answer["left"], 190, "earlier reversals were taken: {answer}");
        let captured = self.good("POST", &format!("/v1/holds/{HELD}/capture"), "{}");
        assert_eq!(
            (&captured["reason"], &captured["left"], &captured["replayed"]),
            (&json!("approved"), &json!(200), &json!(false)),
            "an earlier capture or void was taken: {captured}"
        );
        let answer = self.good("POST", "/v1/registrations", registration(REGISTRATION_ID));
        assert_eq!(
            (&answer["reason"], &answer["replayed"]),
            (&json!("registration_closed"), &json!(false)),
            "{answer}"
        );
        self.sequence += 4;
        self.still_decides();
    }

    fn unharmed(&mut self, data_dir: &Path) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.pid())).expect("it runs");
        let kib = |key: &str| -> u64 {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .expect("the kernel says so");
            line.trim_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .expect("a number")
        };
        let (now, highest) = (kib("VmRSS:"), kib("VmHWM:"));
        let disk: u64 = file_lens(data_dir).into_iter().sum();
        println!(
            "memory {} MiB, at its highest {} MiB; data folder {} MiB",
            now >> 10,
            highest >> 10,
            disk >> 20
        );
        assert!(highest <= MEMORY_KIB_MAX, "{highest} KiB of memory were used");
        assert!(disk <= DISK_BYTES_MAX, "the data folder has {disk} bytes");
    }
}

fn purchase_head(txn_id: &str) -> String {
    format!(
        "{{\"txn_id\":\"{txn_id}\",\"program\":\"{PROGRAM}\",\"wallet_id\":\"{WALLET}\",\"merchant_id\":\"{MERCHANT}\",\"channel\":\"store\""
    )
}

fn purchase(txn_id: &str) -> String {
    format!("{},\"amount\":200}}", purchase_head(txn_id))
}

/// It comes weeks too late, so it is rejected: an answer like any other.
fn registration(registration_id: &str) -> String {
    json!({
        "registration_id": registration_id, "program": PROGRAM, "wallet_id": "000000000000002", "citizen_id": citizen_id(2),
        "birth_date": "1990", "nationality": "TH",
    })
    .to_string()
}

#[track_caller]
fn check_problem(answer: &Answer) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], json!(answer.status), "{problem}");
    assert!(
        problem["type"].is_string() && problem["title"].is_string(),
        "{problem}"
    );
    let errors = problem["errors"].as_array().map_or(0, Vec::len);
    assert_eq!(
        answer.status == 400 && errors == 0,
        answer.status == 400 && problem["code"] == "bad_request",
        "{problem}"
    );
}

/// The fields that a problem names, sorted.
fn fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let mut fields: Vec<String> = errors
        .map(|error| error["field"].as_str().unwrap_or("no field").to_owned())
        .collect();
    fields.sort();
    fields
}

fn file_lens(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => file_lens(&path),
                false => vec![path.metadata().map_or(0, |facts| facts.len())],
            }
        })
        .collect()
}
