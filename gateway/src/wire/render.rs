//! Answers: core records to JSON, shaped by hand. Each is a pure function of its record, so that a replay is the first answer
//! byte for byte but for `replayed`.

use super::problem::Problem;
use satang_api::Remaining;
use satang_core::calendar::Instant;
use satang_core::decide::authorize::Verdict;
use satang_core::ids::{Name, RegistrationId, TxnId};
use satang_core::money::Satang;
use satang_core::outcome::RegistrationReason;
use satang_core::programme::CapPeriod;
use satang_core::record::{Authorization, Closing, Funding, RegistrationRecord, ReversalRecord};
use satang_core::request::Purchase;

/// Room for the longest answer but for a problem, in bytes.
const ANSWER_BYTES_MAX: usize = 1_280;

/// One result of a batch of requests whose outcomes are `O`.
#[derive(Clone, Copy, Debug)]
pub enum BatchResult<'a, O> {
    /// The element was decided, now or before.
    Outcome(O),
    /// The element was malformed or in conflict.
    Problem(&'a Problem),
}

impl<O> BatchResult<'_, O> {
    /// The code of a problem.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            BatchResult::Outcome(_) => None,
            BatchResult::Problem(problem) => Some(problem.kind),
        }
    }
}

/// What an authorization of a batch is answered with.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationAnswer<'a> {
    pub record: &'a Authorization,
    /// Whether it was decided before.
    pub replayed: bool,
}

/// Appends the answer to an authorization or hold. `sources` are the names of the benefit's funding sources, when it has any.
pub fn authorization(record: &Authorization, sources: &[Name], replayed: bool, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"txn_id\":\"");
    text.put(&record.txn_id().ascii());
    text.put(b"\",");
    put_decision(record, sources, &mut text);
    if let Some(expires) = record.extension.expires() {
        text.put(b",\"expires_at\":\"");
        text.put(&expires.ascii());
        text.put(b"\"");
    }
    put_end(record.header.sequence, replayed, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a hold's capture or void.
pub fn closing(record: &ReversalRecord, replayed: bool, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"txn_id\":\"");
    text.put(&record.txn_id().ascii());
    text.put(b"\",");
    let (state, citizen) = record.captured();
    put_return(record, (state, citizen), None, &mut text);
    put_end(record.header.sequence, replayed, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a reversal. `sources` are the names of the benefit's funding sources, when the original has any.
pub fn reversal(record: &ReversalRecord, sources: &[Name], replayed: bool, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"reversal_id\":\"");
    text.put(&record.reversal_id().ascii());
    text.put(b"\",\"txn_id\":\"");
    text.put(&record.txn_id().ascii());
    text.put(b"\",");
    // Nothing was paid of a hold that is voided: only room is given back.
    let voided = record.closes() == Some(Closing::Voided);
    let funding = record.funding().filter(|_| !voided);
    let amounts = match voided {
        true => (Satang::ZERO, Satang::ZERO),
        false => (record.state(), record.citizen()),
    };
    put_return(
        record,
        amounts,
        funding.map(|funding| (funding, sources)),
        &mut text,
    );
    put_end(record.header.sequence, replayed, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// From `decision` to `decided_at`: what answers to reversals, captures and voids have in common.
fn put_return(
    record: &ReversalRecord,
    (state, citizen): (Satang, Satang),
    funding: Option<(Funding, &[Name])>,
    text: &mut Text,
) {
    put_outcome(
        record.approved(),
        record.reason().name(),
        record.reason().response_code(record.approved()),
        text,
    );
    text.put(b",\"state_amount\":");
    text.put_number(state.get());
    text.put(b",\"citizen_amount\":");
    text.put_number(citizen.get());
    text.put(b",\"left\":");
    text.put_number(record.left().get());
    if let Some((funding, sources)) = funding {
        put_funding(&funding, sources, text);
    }
    put_time(record.header.at(), text);
}

/// Who pays the state's part, or gets it back.
fn put_funding(funding: &Funding, sources: &[Name], text: &mut Text) {
    text.put(b",\"funding\":[");
    for (index, (source, amount)) in sources.iter().zip(funding.amounts()).enumerate() {
        text.put(if index == 0 { b"" } else { b"," });
        text.put(b"{\"source\":\"");
        text.put(source.as_str().as_bytes());
        text.put(b"\",\"amount\":");
        text.put_number(u64::from(*amount));
        text.put(b"}");
    }
    text.put(b"]");
}

/// Rooms by the names of their periods.
pub fn remaining(rooms: impl IntoIterator<Item = (CapPeriod, u64)>) -> Remaining {
    let mut remaining = Remaining {
        day: None,
        month: None,
        quarter: None,
        program: None,
    };
    for (period, room) in rooms {
        let place = match period {
            CapPeriod::Day => &mut remaining.day,
            CapPeriod::Month => &mut remaining.month,
            CapPeriod::Quarter => &mut remaining.quarter,
            CapPeriod::Program => &mut remaining.program,
        };
        *place = Some(room);
    }
    remaining
}

/// What a registration is answered with.
#[derive(Clone, Copy, Debug)]
pub enum RegistrationAnswer<'a> {
    /// What was decided, now or before.
    Decided {
        record: &'a RegistrationRecord,
        /// The list that excludes.
        list: Option<Name>,
        /// Whether it was decided before.
        replayed: bool,
    },
    /// The quota is full, as the citizen was told before.
    QuotaFullNotified {
        /// The id that asks now.
        registration_id: RegistrationId,
        /// The sequence of the record that told so.
        sequence: u64,
    },
}

/// Appends the answer to a registration.
pub fn registration(answer: &RegistrationAnswer<'_>, out: &mut Vec<u8>) {
    let mut text = Text::open();
    text.put(b"{\"registration_id\":\"");
    match answer {
        RegistrationAnswer::Decided {
            record,
            list,
            replayed,
        } => {
            text.put(&record.registration_id().ascii());
            put_registration(record, list.as_ref(), &mut text);
            put_end(record.header.sequence, *replayed, &mut text);
        }
        RegistrationAnswer::QuotaFullNotified {
            registration_id,
            sequence,
        } => {
            text.put(&registration_id.ascii());
            text.put(b"\",\"decision\":\"rejected\",\"reason\":\"");
            text.put(RegistrationReason::QuotaFull.name().as_bytes());
            text.put(b"\"");
            put_end(*sequence, false, &mut text);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// From `decision` to `registered_at`.
fn put_registration(record: &RegistrationRecord, list: Option<&Name>, text: &mut Text) {
    text.put(match record.accepted() {
        true => b"\",\"decision\":\"accepted\",\"reason\":\"",
        false => b"\",\"decision\":\"rejected\",\"reason\":\"",
    });
    text.put(record.reason().name().as_bytes());
    if let Some(list) = list {
        text.put(b":");
        text.put(list.as_str().as_bytes());
    }
    text.put(b"\"");
    if let Some(ticket) = record.ticket() {
        text.put(b",\"ticket\":");
        text.put_number(ticket);
        text.put(b",\"registered_at\":\"");
        text.put(&to_seconds(record.header.at()));
        text.put(b"\"");
    }
}

/// An instant as it is kept of a right: without its fraction.
pub fn to_seconds(at: Instant) -> [u8; 25] {
    let ascii = at.ascii();
    let mut text = [0; 25];
    text[..19].copy_from_slice(&ascii[..19]);
    text[19..].copy_from_slice(&ascii[23..]);
    text
}

/// Appends the answer to a quote: an authorization's without id, sequence and `replayed`, and what would still be shared in full.
pub fn quote(verdict: &Verdict, sources: &[Name], at: Instant, purchase: &Purchase, out: &mut Vec<u8>) {
    let record = verdict.record(TxnId::from_bits(0), purchase, at, None);
    let mut text = Text::open();
    text.put(b"{");
    put_decision(&record, sources, &mut text);
    text.put(b",\"fully_subsidised_up_to\":");
    text.put_number(verdict.fully_subsidised_up_to().get());
    text.put(b"}");
    out.extend_from_slice(text.as_bytes());
}

/// Appends the answer to a batch, results in the order of its elements, each outcome by `one`.
pub fn batch<'a, O>(
    results: impl IntoIterator<Item = BatchResult<'a, O>>,
    one: impl Fn(O, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"results\":[");
    for (index, result) in results.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match result {
            BatchResult::Outcome(outcome) => one(outcome, out),
            BatchResult::Problem(problem) => problem.write(out),
        }
    }
    out.extend_from_slice(b"]}");
}

/// From `decision` to `decided_at`: what an authorization and a quote have in common.
fn put_decision(record: &Authorization, sources: &[Name], text: &mut Text) {
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
    if let Some(funding) = record.extension.funding() {
        put_funding(&funding, sources, text);
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

fn put_end(sequence: u64, replayed: bool, text: &mut Text) {
    text.put(b",\"sequence\":");
    text.put_number(sequence);
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
