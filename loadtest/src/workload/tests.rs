use super::*;
use crate::ids::IdVersion;

fn workload() -> Workload {
    Workload {
        program: "thai-chuai-thai-plus-6040".into(),
        channel: "store".into(),
        wallets: 50,
        merchants: 7,
    }
}

fn generator(mix: Mix, seed: u64, id_seed: u64) -> Generator {
    Generator::new(workload(), mix, seed, 0, IdSource::new(IdVersion::V7, id_seed, 0))
}

#[test]
fn the_same_seed_draws_the_same_purchases_under_other_ids() {
    let draw = |seed, id_seed| -> Vec<_> {
        let mut generator = generator(Mix::default(), seed, id_seed);
        (0..100).map(|_| generator.purchase(1)).collect()
    };
    let facts = |purchases: &[Purchase]| -> Vec<_> {
        purchases
            .iter()
            .map(|p| (p.wallet, p.merchant, p.amount, p.eligible_amount))
            .collect()
    };
    assert_eq!(draw(1, 1), draw(1, 1));
    assert_eq!(facts(&draw(1, 1)), facts(&draw(1, 2)));
    assert_ne!(draw(1, 1)[0].txn_id, draw(1, 2)[0].txn_id);
    assert_ne!(facts(&draw(1, 1)), facts(&draw(2, 1)));
}

#[test]
fn every_body_is_json_of_the_contracts_shape() {
    let mix = Mix {
        quotes_percent: 25.0,
        reversals_percent: 25.0,
        retries_percent: 25.0,
    };
    let mut generator = generator(mix, 3, 3);
    let (mut path, mut body) = (Vec::new(), Vec::new());
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let request = generator.request(0x0197_a1d2_0f6e);
        generator.write(&request, &mut path, &mut body);
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let path = std::str::from_utf8(&path).unwrap();
        match request {
            Request::Authorization(purchase) | Request::Retry(purchase) => {
                assert_eq!(path, "/v1/authorizations");
                assert_eq!(json["txn_id"], purchase.txn_id.to_string());
                assert_eq!(json["amount"], purchase.amount);
                assert!((1..=100_000_000).contains(&purchase.amount));
                assert!((1..=purchase.amount).contains(&purchase.eligible_amount));
                assert_eq!(json["wallet_id"].as_str().unwrap().len(), 15);
                generator.remember(purchase);
                kinds.insert("authorization");
            }
            Request::Quote(_) => {
                assert_eq!((path, json.get("txn_id")), ("/v1/quotes", None));
                kinds.insert("quote");
            }
            Request::Reversal { original, amount, .. } => {
                assert_eq!(path, format!("/v1/authorizations/{}/reversals", original.txn_id));
                assert_eq!(json["reason"] == "timeout", amount.is_none());
                assert!(amount.unwrap_or(1) <= original.amount);
                kinds.insert("reversal");
            }
            Request::Registration(_) => panic!("nobody registers among purchases"),
        }
    }
    assert_eq!(kinds.len(), 3);
}

#[test]
fn import_lines_are_json_and_batches_hold_every_purchase() {
    let mut line = Vec::new();
    workload().push_merchant_line(&mut line, 12);
    let merchant: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(merchant["merchant_id"], "010555000000012");
    assert_eq!(merchant["category"], "food_drink");

    line.clear();
    workload().push_enrollment_line(&mut line, 999_999_999);
    let enrollment: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(enrollment["wallet_id"], "004999999999999");
    assert_eq!(enrollment["citizen_id"].as_str().unwrap().len(), 13);

    let mut generator = generator(Mix::default(), 1, 1);
    let purchases: Vec<_> = (0..10).map(|_| generator.purchase(5)).collect();
    let mut body = Vec::new();
    workload().push_batch(&mut body, &purchases);
    let batch: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(batch["authorizations"].as_array().unwrap().len(), 10);
}

#[test]
fn a_mix_above_a_hundred_percent_is_refused() {
    assert!(
        Mix {
            quotes_percent: 60.0,
            reversals_percent: 50.0,
            ..Mix::default()
        }
        .check()
        .is_err()
    );
    assert!(
        Mix {
            retries_percent: -1.0,
            ..Mix::default()
        }
        .check()
        .is_err()
    );
    assert!(
        Mix {
            quotes_percent: 50.0,
            reversals_percent: 30.0,
            retries_percent: 20.0
        }
        .check()
        .is_ok()
    );
}

#[test]
fn an_id_is_the_same_as_digits_and_as_a_number() {
    for n in [0, 7, 123_456_789, 999_999_999] {
        let number = |digits: [u8; 15]| std::str::from_utf8(&digits).unwrap().parse::<u64>().unwrap();
        assert_eq!(number(wallet_id(n)), wallet_number(n));
        assert_eq!(number(merchant_id(n)), merchant_number(n));
    }
}
