//! Bytes that were changed at random: the product never falls over, takes exactly what the description says is well-formed, and
//! burns no id of what it refused.

use crate::{NAMES, product, seed, send_binary};
use satang_tests::batch::{Element, Request, random_request};
use satang_tests::campaign::System;
use satang_tests::generate::random::Random;
use satang_tests::system::InProcess;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an element asks for, with its names and defaults; the content that its id stands for once it was decided.
type Content = (String, String, u64, u64, u32, u32);

const ID_END: u64 = 1_000_000_000_000_000;

/// The content of a well-formed element.
fn content(element: &Element, names: &[String]) -> Option<Content> {
    let (program, channel) = (
        names.get(usize::from(element.program))?,
        names.get(usize::from(element.channel))?,
    );
    let amount = element.amount;
    let eligible = if element.eligible == 0 {
        amount
    } else {
        element.eligible
    };
    let is_bounded = element.wallet < ID_END
        && element.merchant < ID_END
        && (1..=100_000_000).contains(&amount)
        && eligible <= amount
        && element.reserved == 0;
    let content = (
        program.clone(),
        channel.clone(),
        element.wallet,
        element.merchant,
        amount,
        eligible,
    );
    is_bounded.then_some(content)
}

/// Changes a few bytes, or the length.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        // Mostly in the header and the table, which are small but decide over everything.
        let end = if random.percent(40) {
            64.min(bytes.len())
        } else {
            bytes.len()
        };
        let at = random.below(end as u64) as usize;
        match random.below(5) {
            0 => bytes[at] = random.bits() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            3 => bytes[at] = bytes[at].wrapping_add(1),
            _ if random.percent(80) => {
                let from = random.below(bytes.len() as u64) as usize;
                bytes[at] = bytes[from];
            }
            _ if random.percent(50) => bytes.truncate(at.max(1)),
            _ => bytes.insert(at, 0),
        }
    }
}

/// Sends one body and holds the answer against what the description says; `decided` is every id with an outcome.
fn check(product: &mut InProcess, bytes: &[u8], decided: &mut BTreeMap<u128, Content>) -> bool {
    let answer = send_binary(product, bytes);
    let Some(request) = Request::read(bytes) else {
        let problem = answer.expect_err("no batch by the description");
        assert_eq!(problem["code"], "malformed", "{problem}");
        assert!(problem["errors"][0]["reason"].is_string(), "{problem}");
        return false;
    };
    let results = answer.unwrap_or_else(|problem| panic!("a batch by the description: {problem}"));
    assert_eq!(results.len(), request.elements.len());
    for (element, result) in request.elements.iter().zip(results) {
        let Some(content) = content(element, &request.names) else {
            assert_eq!(result["code"], "malformed", "{element:?}: {result}");
            continue;
        };
        match decided.get(&element.txn_id) {
            None => {
                assert_eq!(
                    result["replayed"], false,
                    "an id was burnt before: {element:?}: {result}"
                );
                decided.insert(element.txn_id, content);
            }
            Some(first) if *first == content => assert_eq!(result["replayed"], true, "{element:?}: {result}"),
            Some(_) => assert_eq!(result["code"], "txn_id_conflict", "{element:?}: {result}"),
        }
    }
    true
}

#[test]
fn changed_bytes_are_refused_or_decided_and_never_burn_an_id() {
    let mut random = Random::new(seed());
    let mut product = product();
    let (mut ids, mut decided) = (Vec::new(), BTreeMap::new());
    let (mut batches, mut refused) = (0, 0);
    for round in 0..1_500 {
        let mut request = random_request(&mut random, &NAMES, &mut ids);
        request.elements.truncate(12);
        let mut bytes = request.bytes();
        mutate(&mut random, &mut bytes);
        match check(&mut product, &bytes, &mut decided) {
            true => batches += 1,
            false => refused += 1,
        }
        // Whatever was refused: the same elements as they were meant are new, unless they were decided.
        if round % 5 == 0 {
            check(&mut product, &request.bytes(), &mut decided);
        }
    }
    assert!(
        batches > 300 && refused > 300,
        "{batches} batches, {refused} refused"
    );
}

#[test]
fn a_batch_cut_short_anywhere_changes_nothing() {
    let mut random = Random::new(seed());
    let mut product = product();
    let mut request = random_request(&mut random, &NAMES, &mut Vec::new());
    request.elements.truncate(3);
    let bytes = request.bytes();
    for len in 0..bytes.len() {
        let problem = send_binary(&mut product, &bytes[..len]).expect_err("it is cut short");
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&Value::from(400), &Value::from("malformed"))
        );
    }
    check(&mut product, &bytes, &mut BTreeMap::new());
    // A JSON batch of the same ids finds them decided.
    let (_, answer) = product.call("POST", satang_tests::batch::PATH, &request.json());
    assert!(!answer.contains("\"replayed\":false"), "{answer}");
}

#[test]
fn noise_is_refused() {
    let mut random = Random::new(seed());
    let mut product = product();
    for _ in 0..500 {
        let len = random.below(300) as usize;
        let noise: Vec<u8> = (0..len).map(|_| random.bits() as u8).collect();
        check(&mut product, &noise, &mut BTreeMap::new());
        let behind_a_header = [&b"SATB\x01\x00"[..], &noise].concat();
        check(&mut product, &behind_a_header, &mut BTreeMap::new());
    }
}
