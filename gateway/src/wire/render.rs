//! Answers: core records to JSON, shaped by hand. Each is a pure function of its record, so that a replay is the first answer
//! byte for byte but for `replayed`.

use super::problem::Problem;
use satang_core::authorize::Verdict;
use satang_core::calendar::Instant;
use satang_core::ids::TxnId;
use satang_core::policy::CapPeriod;
use satang_core::record::{AuthorizationRecord, RecordHeader, ReversalRecord};
use satang_core::request::Purchase;

/// Room for the longest answer but for a problem, in bytes.
const ANSWER_BYTES_MAX: usize = 640;

/// One result of a batch.
#[derive(Clone, Copy, Debug)]
pub enum BatchResult<'a> {
    /// The element was decided, now or before.
    Authorization {
        /// The outcome.
        record: &'a AuthorizationRecord,
        /// Whether it was decided before.
        replayed: bool,
    },
    /// The element was malformed or in conflict.
    Problem(&'a Problem),
}

/// Appends the answer to an authorization.
pub fn authorization(record: &AuthorizationRecord, replayed: bool, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"txn_id\":\"");
    text.put(&record.txn_id().ascii());
    text.put(b"\",");
    put_decision(record, &mut text);
    put_end(&record.header, replayed, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a reversal.
pub fn reversal(record: &ReversalRecord, replayed: bool, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"reversal_id\":\"");
    text.put(&record.reversal_id().ascii());
    text.put(b"\",\"txn_id\":\"");
    text.put(&record.txn_id().ascii());
    text.put(b"\",");
    put_outcome(
        record.approved(),
        record.reason().name(),
        record.reason().response_code(record.approved()),
        &mut text,
    );
    text.put(b",\"state_amount\":");
    text.put_number(record.state().get());
    text.put(b",\"citizen_amount\":");
    text.put_number(record.citizen().get());
    text.put(b",\"left\":");
    text.put_number(record.left().get());
    put_time(record.header.at(), &mut text);
    put_end(&record.header, replayed, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a quote: an authorization's without id, sequence and `replayed`, and what would still be shared in full.
pub fn quote(verdict: &Verdict, at: Instant, purchase: &Purchase, out: &mut Vec<u8>) {
    let record = verdict.record(TxnId::from_bits(0), purchase, at);
    let mut text = Text::open();
    text.put(b"{");
    put_decision(&record, &mut text);
    text.put(b",\"fully_subsidised_up_to\":");
    text.put_number(verdict.fully_subsidised_up_to().get());
    text.put(b"}");
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a batch, results in the order of its elements.
pub fn batch<'a>(results: impl IntoIterator<Item = BatchResult<'a>>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"results\":[");
    for (index, result) in results.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match result {
            BatchResult::Authorization { record, replayed } => authorization(record, replayed, out),
            BatchResult::Problem(problem) => problem.write(out),
        }
    }
    out.extend_from_slice(b"]}");
}

/// From `decision` to `decided_at`: what an authorization and a quote have in common.
fn put_decision(record: &AuthorizationRecord, text: &mut Text) {
    let reason = record.reason();
    put_outcome(record.approved(), reason.name(), reason.response_code(), text);
    text.put(b",\"state_amount\":");
    text.put_number(record.state().get());
    text.put(b",\"citizen_amount\":");
    text.put_number(record.citizen().get());
    text.put(match record.limited_by() {
        None => b",\"limited_by\":null",
        Some(CapPeriod::Day) => b",\"limited_by\":\"day\"",
        Some(CapPeriod::Month) => b",\"limited_by\":\"month\"",
        Some(CapPeriod::Quarter) => b",\"limited_by\":\"quarter\"",
        Some(CapPeriod::Program) => b",\"limited_by\":\"program\"",
    });
    if reason.shows_remaining() {
        text.put(b",\"remaining\":{");
        let mut separator: &[u8] = b"\"";
        for (period, room) in record.rooms_after() {
            text.put(separator);
            separator = b",\"";
            text.put(period.name().as_bytes());
            text.put(b"\":");
            text.put_number(room.get());
        }
        text.put(b"}");
    }
    put_time(record.header.at(), text);
}

fn put_outcome(approved: bool, reason: &str, response_code: &str, text: &mut Text) {
    text.put(match approved {
        true => b"\"decision\":\"approved\",\"reason\":\"",
        false => b"\"decision\":\"declined\",\"reason\":\"",
    });
    text.put(reason.as_bytes());
    text.put(b"\",\"response_code\":\"");
    text.put(response_code.as_bytes());
    text.put(b"\"");
}

fn put_time(at: Instant, text: &mut Text) {
    let decided_at = at.ascii();
    text.put(b",\"business_date\":\"");
    // Both are the time in Bangkok, so the date is the front of the instant.
    text.put(&decided_at[..10]);
    text.put(b"\",\"decided_at\":\"");
    text.put(&decided_at);
    text.put(b"\"");
}

fn put_end(header: &RecordHeader, replayed: bool, text: &mut Text) {
    text.put(b",\"sequence\":");
    text.put_number(header.sequence);
    text.put(match replayed {
        false => b",\"replayed\":false}",
        true => b",\"replayed\":true}",
    });
}

/// An answer in the making, on the stack: one copy to its reader, and no check for room per piece.
struct Text {
    bytes: [u8; ANSWER_BYTES_MAX],
    len: usize,
}

impl Text {
    fn open() -> Text {
        Text {
            bytes: [0; ANSWER_BYTES_MAX],
            len: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn put(&mut self, piece: &[u8]) {
        self.bytes[self.len..self.len + piece.len()].copy_from_slice(piece);
        self.len += piece.len();
    }

    fn put_number(&mut self, mut number: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(&digits[at..]);
    }
}
