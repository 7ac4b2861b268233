//! What a household shares is shared by all its members and by nobody else; who pays the state's part is kept and given back.

use crate::desk::{CARD, Desk, POWER, SHOP, purchase};
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";
const HOME: &str = "000000000000042";
/// Electricity: 315 baht a month for a household.
const CAP: u64 = 31_500;
const BILL: u64 = 1_300;
const THREADS: u64 = 16;
const BILLS: u64 = 20;

/// Each thread pays its bills with one of the two wallets; what the state paid of each.
fn race(desk: &Desk) -> Vec<u64> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mut wire = desk.wire();
                scope.spawn(move || {
                    let pay = |bill| {
                        let number = 1_000 * (thread + 1) + bill;
                        let body = purchase(number, CARD, 1 + thread % 2, POWER, BILL).to_string();
                        let answer = wire.call("POST", "/v1/authorizations", body.as_bytes());
                        let answer = answer.expect("an answer").json();
                        match answer["decision"] == "approved" {
                            true => answer["state_amount"].as_u64().expect("an amount"),
                            false => {
                                assert_eq!(answer["reason"], "monthly_cap_exhausted", "{answer}");
                                0
                            }
                        }
                    };
                    (0..BILLS).map(pay).collect::<Vec<u64>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("it ends"))
            .collect()
    })
}

#[test]
fn two_members_at_once_never_draw_more_than_their_household_has() {
    let mut desk = Desk::open(NOON);
    for wallet in [1, 2] {
        desk.enroll(CARD, wallet, Some(HOME));
    }
    desk.enroll(CARD, 3, Some("000000000000043"));
    let paid = race(&desk);
    assert_eq!(paid.iter().sum::<u64>(), CAP, "{paid:?}");
    let whole = paid.iter().filter(|paid| **paid == BILL).count() as u64;
    assert_eq!(whole, CAP / BILL, "one bill found less room than it asked for");
    for wallet in [1, 2] {
        let left = desk.benefit(wallet, CARD, "electricity").expect("it is shown");
        assert_eq!(left["remaining"], json!({ "month": 0 }));
        let goods = desk.benefit(wallet, CARD, "goods").expect("it is shown");
        assert_eq!(
            goods["remaining"],
            json!({ "month": 100_000 }),
            "goods are a person's"
        );
    }
    let neighbour = desk.buy(1, CARD, 3, POWER, BILL);
    assert_eq!(
        (&neighbour["state_amount"], &neighbour["limited_by"]),
        (&json!(BILL), &Value::Null)
    );
    desk.close(&[1, 2, 3]);
}

#[test]
fn what_one_member_gets_back_another_may_use_and_a_stranger_may_not() {
    let mut desk = Desk::open(NOON);
    desk.enroll(CARD, 1, Some(HOME));
    desk.enroll(CARD, 2, Some(HOME));
    desk.enroll(CARD, 3, None);
    assert_eq!(
        desk.buy(1, CARD, 1, POWER, 30_000)["remaining"],
        json!({ "month": 1_500 })
    );
    let limited = desk.buy(2, CARD, 2, POWER, 2_000);
    assert_eq!(
        (&limited["state_amount"], &limited["citizen_amount"]),
        (&json!(1_500), &json!(500))
    );
    assert_eq!(
        desk.buy(3, CARD, 2, POWER, 100)["reason"],
        "monthly_cap_exhausted"
    );
    let alone = desk.buy(4, CARD, 3, POWER, 100);
    assert_eq!(
        (&alone["reason"], &alone["response_code"]),
        (&json!("not_registered"), &json!("56"))
    );
    assert!(
        desk.benefit(3, CARD, "electricity").is_none(),
        "without a household there is none"
    );
    // The member moves out; what comes back of the bill comes back to the household it was drawn on.
    desk.enroll(CARD, 1, Some("000000000000044"));
    let back = desk.refund(1, 1, Some(10_000));
    assert_eq!(
        (&back["state_amount"], back.get("funding")),
        (&json!(10_000), None)
    );
    let left = |desk: &mut Desk, wallet| {
        desk.benefit(wallet, CARD, "electricity").expect("it is shown")["remaining"].take()
    };
    assert_eq!(left(&mut desk, 2), json!({ "month": 10_000 }));
    assert_eq!(left(&mut desk, 1), json!({ "month": CAP }));
    desk.close(&[1, 2, 3]);
}

fn parts(answer: &Value) -> Vec<u64> {
    let parts = answer["funding"].as_array().expect("it is shown").iter();
    let parts = parts.zip(["base", "top-up"]).map(|(part, name)| {
        assert_eq!(part["source"], name);
        let amount = part.get("amount").unwrap_or(&part["used"]);
        amount.as_u64().expect("an amount")
    });
    parts.collect()
}

#[test]
fn goods_are_paid_from_the_base_first_and_given_back_to_the_top_up_first() {
    let mut desk = Desk::open(NOON);
    desk.enroll(CARD, 1, None);
    let used = |desk: &mut Desk| parts(&desk.benefit(1, CARD, "goods").expect("it is shown"));
    assert_eq!(used(&mut desk), [0, 0]);
    assert_eq!(parts(&desk.buy(1, CARD, 1, SHOP, 35_000)), [30_000, 5_000]);
    assert_eq!(used(&mut desk), [30_000, 5_000]);
    let rest = desk.buy(2, CARD, 1, SHOP, 80_000);
    assert_eq!(
        (&rest["state_amount"], &rest["limited_by"]),
        (&json!(65_000), &json!("month"))
    );
    assert_eq!(
        parts(&rest),
        [0, 65_000],
        "a source that pays nothing is shown as well"
    );
    let declined = desk.buy(3, CARD, 1, SHOP, 100);
    assert_eq!(
        (&declined["reason"], declined.get("funding")),
        (&json!("monthly_cap_exhausted"), None)
    );
    assert_eq!(parts(&desk.refund(1, 1, Some(3_000))), [0, 3_000]);
    assert_eq!(parts(&desk.refund(1, 2, Some(6_000))), [4_000, 2_000]);
    assert_eq!(used(&mut desk), [26_000, 65_000]);
    let mut body = purchase(9, CARD, 1, SHOP, 9_000);
    body.as_object_mut().expect("an object").remove("txn_id");
    assert_eq!(parts(&desk.call("POST", "/v1/quotes", &body)), [4_000, 5_000]);
    assert_eq!(parts(&desk.buy(4, CARD, 1, SHOP, 9_000)), [4_000, 5_000]);
    desk.restart(&[]);
    assert_eq!(used(&mut desk), [30_000, 70_000]);

    // A new month: a refund of June gives nothing back to July.
    desk.set_clock("2026-07-01T09:00:00+07:00");
    assert_eq!(used(&mut desk), [0, 0]);
    assert_eq!(parts(&desk.buy(5, CARD, 1, SHOP, 100)), [100, 0]);
    assert_eq!(parts(&desk.refund(2, 3, None)), [0, 65_000]);
    assert_eq!(used(&mut desk), [100, 0]);
    let shown = desk.look_up(1);
    assert_eq!(
        (parts(&shown), &shown["left"]),
        (vec![30_000, 5_000], &json!(26_000))
    );
    desk.close(&[1]);
}
