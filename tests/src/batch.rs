//! The binary batch from a client's side: the same elements as bytes and as JSON, and an answer's bytes as the JSON they stand
//! for. Written from the description of the format, shares no code with the product.

use crate::generate::random::Random;
use crate::oracle::calendar::{Date, Instant};
use crate::oracle::forms::uuid_text;
use serde_json::{Map, Value, json};

/// The content type of the binary form.
pub const CONTENT_TYPE: &str = "application/vnd.satang.batch";
/// The route of both forms.
pub const PATH: &str = "/v1/authorizations/batch";

/// Bytes of either header.
const HEADER_BYTES: usize = 16;
/// Bytes of one element of a request.
pub const ELEMENT_BYTES: usize = 48;
const ANSWER_BYTES: usize = 64;

const REASONS: [&str; 22] = [
    "approved",
    "reversed_before_arrival",
    "program_unknown",
    "program_suspended",
    "merchant_unknown",
    "merchant_suspended",
    "merchant_not_in_program",
    "category_not_allowed",
    "channel_not_allowed",
    "not_in_spending_period",
    "outside_hours",
    "wallet_unknown",
    "not_registered",
    "wallet_suspended",
    "not_yet_usable",
    "entitlement_lapsed",
    "drawn_elsewhere_today",
    "amount_too_small",
    "daily_cap_exhausted",
    "monthly_cap_exhausted",
    "quarterly_cap_exhausted",
    "program_cap_exhausted",
];
const PERIODS: [&str; 4] = ["day", "month", "quarter", "program"];

/// One element, with values that may be out of their bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The id.
    pub txn_id: u128,
    /// The wallet's digits as a number.
    pub wallet: u64,
    /// The merchant's.
    pub merchant: u64,
    /// Satang.
    pub amount: u32,
    /// Satang; 0 is all of it.
    pub eligible: u32,
    /// Index of a name.
    pub program: u16,
    /// Index of a name.
    pub channel: u16,
    /// Must be 0.
    pub reserved: u32,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Names of programmes and channels.
    pub names: Vec<String>,
    /// Elements.
    pub elements: Vec<Element>,
}

impl Request {
    /// The binary form.
    pub fn bytes(&self) -> Vec<u8> {
        let mut table = Vec::new();
        for name in &self.names {
            table.push(name.len() as u8);
            table.extend_from_slice(name.as_bytes());
        }
        table.resize(table.len().next_multiple_of(8), 0);
        let mut out = b"SATB\x01\x00".to_vec();
        out.extend_from_slice(&(self.names.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.elements.len() as u32).to_le_bytes());
        out.extend_from_slice(&(table.len() as u32).to_le_bytes());
        out.extend_from_slice(&table);
        for element in &self.elements {
            out.extend_from_slice(&element.bytes());
        }
        out
    }

    /// The batch that these bytes are, when they are one.
    pub fn read(bytes: &[u8]) -> Option<Request> {
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if bytes.get(..6)? != b"SATB\x01\x00" {
            return None;
        }
        let (names, count, table_len) = (word(4)? >> 16, word(8)? as usize, word(12)? as usize);
        let fits = (1..=10_000).contains(&count) && names <= 20_000;
        if !fits || bytes.len() != HEADER_BYTES + table_len + count * ELEMENT_BYTES {
            return None;
        }
        let (mut table, elements) = bytes[HEADER_BYTES..].split_at(table_len);
        let mut read = Request {
            names: Vec::new(),
            elements: elements.chunks(ELEMENT_BYTES).map(Element::read).collect(),
        };
        for _ in 0..names {
            let (len, rest) = table.split_first()?;
            let (name, rest) = rest.split_at_checked(usize::from(*len))?;
            let allowed = |c: &u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-');
            if !(1..=64).contains(&name.len()) || !name.iter().all(allowed) {
                return None;
            }
            read.names.push(String::from_utf8(name.to_vec()).ok()?);
            table = rest;
        }
        // What is left fills up the last eight bytes, no more.
        let padding_len = (table_len - table.len()).next_multiple_of(8) - (table_len - table.len());
        (table.len() == padding_len && table.iter().all(|byte| *byte == 0)).then_some(read)
    }

    /// The JSON form. An index without a name becomes a name that cannot be, and a reserved field that is not 0 a field that
    /// nobody knows: both are malformed in the same field.
    pub fn json(&self) -> String {
        let elements: Vec<Value> = self
            .elements
            .iter()
            .map(|element| element.json(&self.names))
            .collect();
        json!({ "authorizations": elements }).to_string()
    }
}

impl Element {
    fn bytes(&self) -> [u8; ELEMENT_BYTES] {
        let mut bytes = [0; ELEMENT_BYTES];
        bytes[..16].copy_from_slice(&self.txn_id.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.wallet.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.merchant.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.amount.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.eligible.to_le_bytes());
        bytes[40..42].copy_from_slice(&self.program.to_le_bytes());
        bytes[42..44].copy_from_slice(&self.channel.to_le_bytes());
        bytes[44..].copy_from_slice(&self.reserved.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Element {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Element {
            txn_id: u128::from_be_bytes(bytes[..16].try_into().expect("sixteen bytes")),
            wallet: long(16),
            merchant: long(24),
            amount: word(32),
            eligible: word(36),
            program: word(40) as u16,
            channel: (word(40) >> 16) as u16,
            reserved: word(44),
        }
    }

    /// The element as a single authorization's body.
    pub fn json(&self, names: &[String]) -> Value {
        let name = |index: u16| names.get(usize::from(index)).map_or("NO NAME", String::as_str);
        let mut body = json!({
            "txn_id": uuid_text(self.txn_id), "program": name(self.program), "channel": name(self.channel),
            "wallet_id": format!("{:015}", self.wallet), "merchant_id": format!("{:015}", self.merchant),
            "amount": self.amount,
        });
        if self.eligible != 0 {
            body["eligible_amount"] = self.eligible.into();
        }
        if self.reserved != 0 {
            body["reserved"] = self.reserved.into();
        }
        body
    }
}

/// The results of a binary answer as those of a JSON one, but for the `txn_id`, which only the latter repeats.
///
/// # Panics
/// When the answer is not what the description says.
pub fn results(answer: &[u8]) -> Vec<Value> {
    let word =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(answer[..8], *b"SATA\x01\x00\x00\x00");
    let count = word(answer, 8) as usize;
    let (elements, tail) = answer[HEADER_BYTES..].split_at(count * ANSWER_BYTES);
    assert_eq!(tail.len(), word(answer, 12) as usize);
    let mut told = 0;
    let results = elements
        .chunks(ANSWER_BYTES)
        .map(|element| {
            let status = word(element, 52) as u16;
            if status == 0 {
                return decision(element);
            }
            let (offset, len) = (word(element, 44) as usize, word(element, 48) as usize);
            assert_eq!(offset, told, "problems lie one after another");
            told = offset + len;
            let zeros = element[..44].iter().chain(&element[54..]);
            assert!(zeros.into_iter().all(|byte| *byte == 0), "{element:?}");
            let problem: Value = serde_json::from_slice(&tail[offset..told]).expect("a problem is JSON");
            assert_eq!(problem["status"], json!(status), "{problem}");
            problem
        })
        .collect();
    assert_eq!(told, tail.len(), "the tail has nothing but the problems");
    results
}

fn decision(element: &[u8]) -> Value {
    let word = |at: usize| u32::from_le_bytes(element[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_le_bytes(element[at..at + 8].try_into().expect("eight bytes"));
    let (reason, flags, limited_by, caps) = (element[56], element[57], element[58], element[59]);
    assert_eq!(flags & !3, 0, "unknown flags");
    assert_eq!(
        [word(44), word(48), word(60)],
        [0; 3],
        "no problem, nothing reserved"
    );
    let code = core::str::from_utf8(&element[54..56]).expect("a response code is text");
    let date = Date::from_day_number(i64::from(word(16)));
    let decided_at = Instant(long(8) as i64);
    let mut result = json!({
        "decision": if flags & 1 != 0 { "approved" } else { "declined" },
        "reason": REASONS[usize::from(reason)], "response_code": code,
        "state_amount": word(20), "citizen_amount": word(24),
        "limited_by": limited_by.checked_sub(1).map(|period| PERIODS[usize::from(period)]),
        "business_date": date.to_string(), "decided_at": decided_at.to_milliseconds_text(),
        "sequence": long(0), "replayed": flags & 2 != 0,
    });
    let rooms = |n: usize| (caps >> n & 1 != 0).then(|| (PERIODS[n].to_owned(), word(28 + 4 * n).into()));
    let remaining: Map<String, Value> = (0..4).filter_map(rooms).collect();
    let unused = (0..4).filter(|n| caps >> n & 1 == 0);
    assert!(unused.into_iter().all(|n| word(28 + 4 * n) == 0));
    if caps != 0 {
        result["remaining"] = remaining.into();
    }
    result
}

/// A random batch: small populations, so that rooms are used up and ids come again, and now and then a value out of bounds.
pub fn random_request(random: &mut Random, names: &[&str], ids: &mut Vec<Element>) -> Request {
    let len = match random.below(4) {
        0 => 1,
        _ => 1 + random.below(200) as usize,
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut elements = Vec::with_capacity(len);
    for _ in 0..len {
        let again = !ids.is_empty() && random.percent(15);
        let mut element = match again {
            true => random.pick(ids).clone(),
            false => {
                let element = random_element(random, names.len() as u64);
                ids.push(element.clone());
                element
            }
        };
        if random.percent(6) {
            spoil(random, &mut element);
        }
        elements.push(element);
    }
    Request { names, elements }
}

fn random_element(random: &mut Random, names: u64) -> Element {
    let amount = random.any_size(6) as u32;
    // Mostly the first two names: the programme and the channel there are.
    let name = |random: &mut Random, usual: u64| match random.percent(90) {
        true => usual as u16,
        false => random.below(names) as u16,
    };
    Element {
        txn_id: u128::from(random.bits()) << 64 | u128::from(random.bits()),
        wallet: 1 + random.below(40),
        merchant: match random.percent(95) {
            true => 10_555_012_345_678,
            false => random.below(1_000_000_000_000_000),
        },
        amount,
        eligible: match random.percent(30) {
            true => 1 + random.below(u64::from(amount)) as u32,
            false => 0,
        },
        program: name(random, 0),
        channel: name(random, 1),
        reserved: 0,
    }
}

/// Changes one field, often to what it cannot be.
fn spoil(random: &mut Random, element: &mut Element) {
    match random.below(8) {
        0 => element.wallet = random.bits(),
        1 => element.merchant = random.bits(),
        2 => element.amount = *random.pick(&[0, 1, 100_000_000, 100_000_001, u32::MAX]),
        3 => element.eligible = *random.pick(&[1, element.amount, u32::MAX, 100_000_001]),
        4 => element.program = random.bits() as u16,
        5 => element.channel = random.bits() as u16,
        6 => element.reserved = 1 << random.below(32),
        _ => element.txn_id ^= 1 << random.below(128),
    }
}
