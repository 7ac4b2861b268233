//! The model held against a pencil: what is voided or reversed before it arrives, and captures that say nothing.

use serde_json::json;

use super::examples::{Desk, id};
use super::examples_holds::{approved, brief, declined};

#[test]
fn a_void_of_an_unknown_id_plants_a_tombstone() {
    let mut desk = Desk::at_noon();
    assert_eq!(desk.capture(1, None), declined("original_not_found", "25", 0));
    let approved_unseen = json!(["original_not_found", "00", 0, 0, 0]);
    assert_eq!(desk.void(1), approved_unseen);
    let again = desk.close(1, "void", &json!({}));
    assert_eq!(
        (&again["decision"], &again["replayed"]),
        (&json!("approved"), &json!(true))
    );
    assert_eq!(desk.capture(1, None), declined("original_not_found", "25", 0));
    assert_eq!(
        desk.refund(2, 1, Some(1)),
        declined("original_not_found", "25", 0)
    );
    assert_eq!(desk.refund(3, 1, None), approved_unseen);
    let late = desk.hold(1, 1_000);
    assert_eq!(
        (&late["reason"], &late["response_code"]),
        (&json!("reversed_before_arrival"), &json!("12"))
    );
    assert_eq!(late["expires_at"], "2026-06-15T12:01:00.123+07:00");
    assert_eq!(desk.room(), json!([20_000, 100_000]));
    assert_eq!(desk.capture(1, None), declined("original_declined", "12", 0));
    desk.after_s(30, 0);
    assert_eq!(
        desk.close(1, "void", &json!({})),
        again,
        "the first answer, as ever"
    );
    assert_eq!(desk.refund(4, 1, None), approved_unseen, "as of any tombstone");
    assert_eq!(desk.close(1, "void", &json!({})), again);
    // A reversal's tombstone stands for a hold, a void's for an authorization.
    assert_eq!(desk.refund(5, 11, None), approved_unseen);
    assert_eq!(desk.hold(11, 1_000)["reason"], "reversed_before_arrival");
    assert_eq!(desk.void(12), approved_unseen);
    assert_eq!(desk.split(12, 1_000).0, "reversed_before_arrival");
}

#[test]
fn the_first_void_of_a_reversals_tombstone_is_decided_and_then_repeated() {
    let unseen = json!(["original_not_found", "00", 0, 0, 0]);
    for comes_late in [false, true] {
        let mut desk = Desk::at_noon();
        assert_eq!(desk.refund(2, 1, None), unseen);
        if comes_late {
            assert_eq!(desk.hold(1, 1_000)["reason"], "reversed_before_arrival");
        }
        desk.after_s(10, 0);
        let first = desk.close(1, "void", &json!({}));
        assert_eq!(
            (brief(&first), &first["replayed"]),
            (unseen.clone(), &json!(false))
        );
        assert_eq!(desk.hold(1, 1_000)["reason"], "reversed_before_arrival");
        assert_eq!(desk.refund(3, 1, None), unseen);
        desk.after_s(20, 0);
        let mut again = first.clone();
        again["replayed"] = json!(true);
        assert_eq!(desk.close(1, "void", &json!({})), again);
    }
}

#[test]
fn a_capture_without_a_body_takes_all() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 10_000);
    let path = format!("/v1/holds/{}/capture", id(1));
    let (status, first) = desk.model.call("POST", &path, "");
    assert_eq!((status, brief(&first)), (200, approved(6_000, 4_000, 10_000)));
    let mut again = first;
    again["replayed"] = json!(true);
    for body in [json!({}), json!({ "amount": 10_000 })] {
        assert_eq!(desk.close(1, "capture", &body), again);
    }
    assert_eq!(
        desk.capture(1, Some(9_999)),
        declined("hold_closed", "12", 10_000)
    );
}
