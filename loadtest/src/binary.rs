//! A batch as bytes, the second form of the batch route: written from purchases, and its answer read.
//!
//! Written from the description of the format alone, so that it also checks the server's side of it.

use crate::workload::{Purchase, Workload, merchant_number, wallet_number};

/// Content type of the request and the answer.
pub const CONTENT_TYPE: &str = "application/vnd.satang.batch";

const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = 48;
const ANSWER_BYTES: usize = 64;

/// The reasons by their numbers.
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

/// Appends the body of a batch; the name table has the programme, then the channel.
pub fn push_batch(out: &mut Vec<u8>, workload: &Workload, purchases: &[Purchase]) {
    let start = out.len();
    out.extend_from_slice(b"SATB");
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&2u16.to_le_bytes());
    out.extend_from_slice(&(purchases.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for name in [&workload.program, &workload.channel] {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    }
    let names_bytes = (out.len() - start - HEADER_BYTES).next_multiple_of(8);
    out.resize(start + HEADER_BYTES + names_bytes, 0);
    out[start + 12..start + 16].copy_from_slice(&(names_bytes as u32).to_le_bytes());
    out.reserve(purchases.len() * REQUEST_BYTES);
    for purchase in purchases {
        out.extend_from_slice(&element(purchase));
    }
}

fn element(purchase: &Purchase) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    let eligible = match purchase.eligible_amount == purchase.amount {
        true => 0,
        false => purchase.eligible_amount,
    };
    bytes[..16].copy_from_slice(purchase.txn_id.as_bytes());
    bytes[16..24].copy_from_slice(&wallet_number(purchase.wallet).to_le_bytes());
    bytes[24..32].copy_from_slice(&merchant_number(purchase.merchant).to_le_bytes());
    bytes[32..36].copy_from_slice(&(purchase.amount as u32).to_le_bytes());
    bytes[36..40].copy_from_slice(&(eligible as u32).to_le_bytes());
    // The programme is name 0, which the zeros say already; the channel is name 1.
    bytes[42..44].copy_from_slice(&1u16.to_le_bytes());
    bytes
}

/// What an answer tells, by reason: how many were decided so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Index: a reason's number.
    pub reasons: [u64; REASONS.len()],
    /// Decided now or before.
    pub decided: u64,
    /// Answered with a problem.
    pub problems: u64,
}

impl Tally {
    /// Counts the elements of an answer.
    ///
    /// # Errors
    /// The promise that the answer breaks.
    pub fn read(answer: &[u8]) -> Result<Tally, &'static str> {
        let word = |at: usize| u32::from_le_bytes(answer[at..at + 4].try_into().expect("four bytes"));
        if answer.len() < HEADER_BYTES || answer[..8] != *b"SATA\x01\0\0\0" {
            return Err("a batch answer begins with SATA, version 1 and zeros");
        }
        let (count, tail_bytes) = (word(8) as usize, word(12) as usize);
        if answer.len() != HEADER_BYTES + count * ANSWER_BYTES + tail_bytes {
            return Err("a batch answer has the length its header tells");
        }
        let mut tally = Tally {
            reasons: [0; REASONS.len()],
            decided: 0,
            problems: 0,
        };
        let mut sequence_before = 0;
        let elements = &answer[HEADER_BYTES..HEADER_BYTES + count * ANSWER_BYTES];
        for element in elements.chunks_exact(ANSWER_BYTES) {
            let (status, flags) = (u16::from_le_bytes([element[52], element[53]]), element[57]);
            if status != 0 {
                tally.problems += 1;
                continue;
            }
            let reason = tally.reasons.get_mut(usize::from(element[56]));
            *reason.ok_or("a reason has a known number")? += 1;
            tally.decided += 1;
            if (flags & 1 != 0) != (element[56] == 0) {
                return Err("an element is approved exactly when its reason is 0");
            }
            let sequence = u64::from_le_bytes(element[..8].try_into().expect("eight bytes"));
            let is_replayed = flags & 2 != 0;
            if !is_replayed && sequence <= sequence_before {
                return Err("sequences rise with the index");
            }
            sequence_before = if is_replayed { sequence_before } else { sequence };
        }
        Ok(tally)
    }

    /// Decision, reason and count of what was decided.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + use<> {
        let counted = REASONS.into_iter().zip(self.reasons).enumerate();
        counted
            .filter(|(_, (_, count))| *count > 0)
            .map(|(number, (reason, count))| {
                let decision = if number == 0 { "approved" } else { "declined" };
                (decision, reason, count)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn workload() -> Workload {
        Workload {
            program: "thai-chuai-thai-plus-6040".into(),
            channel: "store".into(),
            wallets: 1,
            merchants: 1,
        }
    }

    #[test]
    fn a_batch_has_its_header_its_names_and_its_elements() {
        let purchase = Purchase {
            txn_id: Uuid::parse_str("0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10").unwrap(),
            wallet: 12_345,
            merchant: 7,
            amount: 25_000,
            eligible_amount: 22_000,
        };
        let mut out = b"before".to_vec();
        push_batch(&mut out, &workload(), &[purchase, purchase]);
        let body = &out[6..];
        assert_eq!(body.len(), 16 + 32 + 2 * 48);
        assert_eq!(body[..16], *b"SATB\x01\0\x02\0\x02\0\0\0\x20\0\0\0");
        assert_eq!(body[16..48], *b"\x19thai-chuai-thai-plus-6040\x05store");
        let element = &body[48..96];
        assert_eq!(element[..4], [0x01, 0x97, 0xa1, 0xd2]);
        assert_eq!(element[16..24], 4_999_000_012_345u64.to_le_bytes());
        assert_eq!(element[24..32], 10_555_000_000_007u64.to_le_bytes());
        assert_eq!(element[32..40], [0xa8, 0x61, 0, 0, 0xf0, 0x55, 0, 0]);
        assert_eq!(element[40..], [0, 0, 1, 0, 0, 0, 0, 0]);
    }

    /// An answer of elements with these sequences, reasons and flags.
    fn answer(elements: &[(u64, u16, u8, u8)]) -> Vec<u8> {
        let mut out = b"SATA\x01\0\0\0".to_vec();
        out.extend_from_slice(&(elements.len() as u32).to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        for (sequence, status, reason, flags) in elements {
            let mut element = [0; ANSWER_BYTES];
            element[..8].copy_from_slice(&sequence.to_le_bytes());
            element[52..54].copy_from_slice(&status.to_le_bytes());
            (element[56], element[57]) = (*reason, *flags);
            out.extend_from_slice(&element);
        }
        out
    }

    #[test]
    fn an_answer_is_counted_by_reason() {
        let elements = [
            (5, 0, 0, 1),
            (0, 409, 0, 0),
            (3, 0, 0, 3),
            (6, 0, 18, 0),
            (7, 0, 0, 1),
        ];
        let tally = Tally::read(&answer(&elements)).unwrap();
        assert_eq!((tally.decided, tally.problems), (4, 1));
        let outcomes: Vec<_> = tally.outcomes().collect();
        assert_eq!(
            outcomes,
            [
                ("approved", "approved", 3),
                ("declined", "daily_cap_exhausted", 1)
            ]
        );
    }

    #[test]
    fn an_answer_that_breaks_a_promise_is_named() {
        let check = |answer: &[u8], promise: &str| {
            let error = Tally::read(answer).unwrap_err();
            assert!(error.contains(promise), "{error}");
        };
        let good = answer(&[(5, 0, 0, 1)]);
        for len in 0..good.len() {
            check(&good[..len], if len < 16 { "begins" } else { "length" });
        }
        check(&[&good[..], &[0]].concat(), "length");
        check(b"{\"results\":[]}      ", "begins");
        check(&answer(&[(5, 0, 0, 1), (5, 0, 0, 1)]), "rise");
        check(&answer(&[(5, 0, 22, 0)]), "known number");
        check(&answer(&[(5, 0, 18, 1)]), "approved");
        check(&answer(&[(5, 0, 0, 0)]), "approved");
    }
}
