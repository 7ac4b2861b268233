//! Malformed lines of imports, and imports of any length.

use crate::transport::send_chunks;
use crate::{PROGRAM, Site, WALLET};
use satang_tests::crash::citizen_id;
use satang_tests::malformed::{Case, SHAPES, Shape, broken_texts, deep, wrong_fields, wrong_listed};
use satang_tests::wire::Wire;
use serde_json::json;

impl Site {
    /// Sends lines with good ones between them; every malformed one is reported under its number, with its field.
    pub(crate) fn lines(&mut self, shape: &Shape) {
        let mut cases = wrong_fields(shape);
        cases.extend(
            broken_texts(shape)
                .into_iter()
                .filter(|case| !case.body.iter().any(|byte| matches!(byte, b'\n' | b'\r'))),
        );
        cases.extend(
            deep(shape, 10_000)
                .into_iter()
                .chain(deep(shape, 1_000_000).into_iter().take(1)),
        );
        let good = self.good_line(shape);
        self.wrong_lines(shape.path, &cases, &good);
        let unknown = self
            .wire
            .call("GET", "/v1/wallets/000000000000009", b"")
            .expect("an answer");
        assert_eq!(unknown.status, 404, "a malformed line enrolled its wallet");
        self.catch_up();
    }

    /// The same with the lines of a list. Of what stands in front of a citizen's id nothing is repeated.
    pub(crate) fn list_lines(&mut self) {
        self.wrong_lines("/v1/lists/suspended/import", &wrong_listed(), &citizen_id(1));
        let path = format!("/v1/programs/{PROGRAM}");
        let lists = self.good("GET", &path, "")["lists"].take();
        let suspended = json!({ "list": "suspended", "imported": true, "citizens": 1 });
        assert!(
            lists.as_array().is_some_and(|lists| lists.contains(&suspended)),
            "a malformed line is on the list: {lists}"
        );
        self.catch_up();
    }

    fn wrong_lines(&mut self, path: &str, cases: &[Case], good: &str) {
        for chunk in cases.chunks(100) {
            let mut body = Vec::new();
            for case in chunk {
                body.extend_from_slice(&case.body);
                body.extend_from_slice(format!("\n{good}\r\n\n").as_bytes());
            }
            let report = self.good("POST", path, body);
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
    }

    /// A line that changes nothing.
    pub(crate) fn good_line(&self, shape: &Shape) -> String {
        match shape.path {
            "/v1/enrollments/import" => {
                json!({ "program": PROGRAM, "wallet_id": WALLET, "citizen_id": citizen_id(1) }).to_string()
            }
            _ => shape.good().replace("suspended", "active"),
        }
    }

    pub(crate) fn long_lines(&mut self) {
        let good = self.good_line(&SHAPES[9]);
        let long = format!("{}{}", " ".repeat(70_000), good);
        let report = self.good(
            "POST",
            "/v1/enrollments/import",
            format!("{long}\n{good}\n{}\n{good}", "x".repeat(1 << 20)),
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
        let bad = self.good("POST", "/v1/merchants/import", "{}\n".repeat(5_000));
        assert_eq!(
            (&bad["rejected"], bad["errors"].as_array().map(Vec::len)),
            (&json!(5_000), Some(100))
        );
        self.lines += 5_002;
        self.catch_up();
    }

    /// An import has no limit: 20 MB in lines of 50,000 bytes, announced and in chunks.
    pub(crate) fn a_long_import(&mut self) {
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
}
