//! Over a thousand malformed requests against one real server: each gets the contract's answer, none leaves a trace, and the
//! server is unharmed. Slow clients have tests of their own beside the listener.

use satang_tests::crash::citizen_id;
use satang_tests::malformed::{Case, SHAPES, Shape, TXN_ID, broken_texts, deep, nested, raw, wrong_fields};
use satang_tests::process::{ServerProcess, ServerSpec, shipped_programs};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};
use std::path::Path;

const PROGRAM: &str = "thai-chuai-thai-plus-6040";
const MERCHANT: &str = "010555012345678";
const WALLET: &str = "000000000000001";
/// An approved purchase that the malformed reversals name.
const ORIGINAL: &str = "0197a1d2-0f6e-7c3a-8b1e-0000000000aa";
/// The server's memory at its highest (I12): one 16 MiB body, its copy, and room for buffers.
const MEMORY_KIB_MAX: u64 = 192 << 10;
/// The data folder at the end: the segment in use, the one prepared, and little else.
const DISK_BYTES_MAX: u64 = 40 << 20;

#[test]
fn a_thousand_malformed_requests_leave_no_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut site = Site::start(folder.path());
    for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
        site.bodies(shape);
    }
    site.deep_bodies();
    site.frames_of_batches();
    site.pairs_that_do_not_fit();
    site.path_ids();
    site.routes_and_methods();
    for shape in SHAPES.iter().filter(|shape| shape.is_line()) {
        site.lines(shape);
    }
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
        site.good("PUT", &format!("/v1/merchants/{MERCHANT}"), &merchant.to_string());
        let line = json!({ "program": PROGRAM, "wallet_id": WALLET, "citizen_id": citizen_id(1) });
        site.good("POST", "/v1/enrollments/import", &line.to_string());
        let original = site.good("POST", "/v1/authorizations", &purchase(ORIGINAL));
        site.sequence = original["sequence"].as_u64().expect("a sequence");
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
        let answer = self.good("POST", "/v1/authorizations", &purchase(&id));
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

    fn bodies(&mut self, shape: &Shape) {
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
    fn elements(&mut self, shape: &Shape) {
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

    fn deep_bodies(&mut self) {
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

    /// The same on a connection of its own, which a large body may end.
    fn refused_alone(&mut self, status: u16, method: &str, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let mut wire = Wire::open(self.server.addr()).expect("the server listens");
        let answer = wire.call(method, path, body).expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        check_problem(&answer);
        answer
    }

    fn frames_of_batches(&mut self) {
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
    fn pairs_that_do_not_fit(&mut self) {
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

    fn path_ids(&mut self) {
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

    fn routes_and_methods(&mut self) {
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

    /// Sends lines with good ones between them; every malformed one is reported under its number, with its field.
    fn lines(&mut self, shape: &Shape) {
        let mut cases = wrong_fields(shape);
        cases.extend(
            broken_texts(shape)
                .into_iter()
                .filter(|case| !case.body.contains(&b'\n')),
        );
        cases.extend(
            deep(shape, 10_000)
                .into_iter()
                .chain(deep(shape, 1_000_000).into_iter().take(1)),
        );
        let good = self.good_line(shape);
        for chunk in cases.chunks(100) {
            let mut body = Vec::new();
            for case in chunk {
                body.extend_from_slice(&case.body);
                body.extend_from_slice(format!("\n{good}\r\n\n").as_bytes());
            }
            let report = self.good(shape.method, shape.path, body);
            let (accepted, rejected) = (report["accepted"].as_u64(), report["rejected"].as_u64());
            assert_eq!(
                (accepted, rejected),
                (Some(chunk.len() as u64), Some(chunk.len() as u64)),
                "{report}"
            );
            let errors = report["errors"].as_array().expect("a list");
            assert_eq!(errors.len(), chunk.len());
            for (number, (case, error)) in chunk.iter().zip(errors).enumerate() {
                assert_eq!(error["line"], json!(3 * number + 1), "{}: {error}", case.what);
                let reason = error["reason"].as_str().expect("a reason");
                assert!(reason.starts_with("malformed: "), "{}: {reason}", case.what);
                for field in case.fields.iter().filter(|field| !field.is_empty()) {
                    assert!(reason.contains(&format!("{field}: ")), "{}: {reason}", case.what);
                }
                assert!(
                    !reason.contains("110170020345"),
                    "a citizen's id is repeated: {reason}"
                );
            }
            self.lines += chunk.len() as u64;
        }
        let unknown = self
            .wire
            .call("GET", "/v1/wallets/000000000000009", b"")
            .expect("an answer");
        assert_eq!(unknown.status, 404, "a malformed line enrolled its wallet");
        self.catch_up();
    }

    /// A line that changes nothing.
    fn good_line(&self, shape: &Shape) -> String {
        match shape.path {
            "/v1/enrollments/import" => {
                json!({ "program": PROGRAM, "wallet_id": WALLET, "citizen_id": citizen_id(1) }).to_string()
            }
            _ => shape.good().replace("suspended", "active"),
        }
    }

    fn long_lines(&mut self) {
        let good = self.good_line(&SHAPES[9]);
        let long = format!("{}{}", " ".repeat(70_000), good);
        let report = self.good(
            "POST",
            "/v1/enrollments/import",
            &format!("{long}\n{good}\n{}\n{good}", "x".repeat(1 << 20)),
        );
        assert_eq!(
            (&report["accepted"], &report["rejected"]),
            (&json!(2), &json!(2)),
            "{report}"
        );
        assert_eq!(
            (&report["errors"][0]["line"], &report["errors"][1]["line"]),
            (&json!(1), &json!(3)),
            "{report}"
        );
        let bad = self.good("POST", "/v1/merchants/import", &"{}\n".repeat(5_000));
        assert_eq!(
            (&bad["rejected"], bad["errors"].as_array().map(Vec::len)),
            (&json!(5_000), Some(100))
        );
        self.lines += 5_002;
        self.catch_up();
    }

    /// Imports journal their good lines; from here on nothing else may be.
    fn catch_up(&mut self) {
        let again = self.good(
            "POST",
            "/v1/authorizations",
            &purchase(&format!("0197a1d2-0f6e-7c3a-8b20-{:012x}", self.lines)),
        );
        self.sequence = again["sequence"].as_u64().expect("a sequence");
    }

    fn transport(&mut self) {
        for raw in raw() {
            self.requests += 1;
            let mut wire = Wire::open(self.server.addr()).expect("the server listens");
            // A server that has refused already may close while it is still being sent to.
            let _ = wire.send(&raw.bytes);
            match wire.read(false) {
                Ok(answer) => {
                    assert!(raw.statuses.contains(&answer.status), "{}: {answer:?}", raw.what);
                    if !answer.body.is_empty() {
                        check_problem(&answer);
                    }
                    let rest = wire
                        .rest()
                        .unwrap_or_else(|error| panic!("{} is not closed: {error}", raw.what));
                    assert!(
                        rest.is_empty(),
                        "{}: {:?}",
                        raw.what,
                        String::from_utf8_lossy(&rest)
                    );
                }
                Err(error) => {
                    assert_ne!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock,
                        "{}: neither answered nor closed",
                        raw.what
                    );
                    wire.rest()
                        .unwrap_or_else(|error| panic!("{} is not closed: {error}", raw.what));
                }
            }
            self.wire.call("GET", "/readyz", b"").expect("the server answers");
        }
        self.still_decides();
    }

    /// 20 MB announced and 20 MB in chunks: the client can read its 413 while it is still sending.
    fn large_bodies(&mut self) {
        const BYTES: usize = 20_000_000;
        let piece = vec![b' '; 100_000];
        for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
            self.requests += 1;
            let mut wire = Wire::open(self.server.addr()).expect("the server listens");
            let head = format!("{} {} HTTP/1.1\r\nhost: a\r\n", shape.method, shape.path);
            wire.send(format!("{head}content-length: {BYTES}\r\n\r\n").as_bytes())
                .expect("sent");
            wire.send(&piece).expect("sent");
            let answer = wire
                .read(false)
                .expect("an answer though the body is not complete");
            assert_eq!(answer.status, 413, "{}", shape.path);
            check_problem(&answer);
            for sent in 1..BYTES / piece.len() {
                wire.send(&piece)
                    .unwrap_or_else(|error| panic!("closed after {sent} pieces: {error}"));
            }
            assert_eq!(wire.rest().expect("the connection ends"), b"");
        }
        self.requests += 1;
        let mut wire = Wire::open(self.server.addr()).expect("the server listens");
        wire.send(b"POST /v1/authorizations HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            .expect("sent");
        send_chunks(&mut wire, &piece, BYTES / piece.len());
        let answer = wire.read(false).expect("an answer");
        assert_eq!(answer.status, 413);
        check_problem(&answer);
        self.still_decides();
    }

    /// An import has no limit: 20 MB in lines of 50,000 bytes, announced and in chunks.
    fn a_long_import(&mut self) {
        let mut line = self.good_line(&SHAPES[8]);
        line.insert_str(1, &" ".repeat(49_999 - line.len()));
        line.push('\n');
        const LINES: usize = 400;
        let head = "POST /v1/merchants/import HTTP/1.1\r\nhost: a\r\n";
        let mut wire = Wire::open(self.server.addr()).expect("the server listens");
        wire.send(format!("{head}content-length: {}\r\n\r\n", LINES * line.len()).as_bytes())
            .expect("sent");
        (0..LINES).for_each(|_| wire.send(line.as_bytes()).expect("sent"));
        let report = wire.read(false).expect("an answer").json();
        assert_eq!(
            (&report["accepted"], &report["rejected"]),
            (&json!(LINES), &json!(0)),
            "{report}"
        );
        wire.send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())
            .expect("sent");
        send_chunks(&mut wire, line.as_bytes(), LINES);
        let report = wire.read(false).expect("an answer").json();
        assert_eq!(
            (&report["accepted"], &report["rejected"]),
            (&json!(LINES), &json!(0)),
            "{report}"
        );
        self.lines += 1;
        self.catch_up();
    }

    /// Every malformed request used these ids; they are as new.
    fn nothing_was_burnt(&mut self) {
        let answer = self.good("POST", "/v1/authorizations", &purchase(TXN_ID));
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
        let answer = self.good("POST", SHAPES[3].path, &SHAPES[3].good());
        assert_eq!(
            (&answer["decision"], &answer["replayed"]),
            (&json!("approved"), &json!(false)),
            "{answer}"
        );
        assert_eq!(answer["left"], 190, "earlier reversals were taken: {answer}");
        self.sequence += 2;
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

/// Sends a body in equal chunks and its end.
fn send_chunks(wire: &mut Wire, piece: &[u8], count: usize) {
    for _ in 0..count {
        let size = format!("{:x}\r\n", piece.len());
        wire.send(&[size.as_bytes(), piece, b"\r\n"].concat())
            .expect("sent");
    }
    wire.send(b"0\r\n\r\n").expect("sent");
}

fn purchase_head(txn_id: &str) -> String {
    format!(
        "{{\"txn_id\":\"{txn_id}\",\"program\":\"{PROGRAM}\",\"wallet_id\":\"{WALLET}\",\"merchant_id\":\"{MERCHANT}\",\"channel\":\"store\""
    )
}

fn purchase(txn_id: &str) -> String {
    format!("{},\"amount\":200}}", purchase_head(txn_id))
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

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok()
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
