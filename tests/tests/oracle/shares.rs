//! The state's share of a bill.

use satang_tests::oracle::forms::BILL_MAX;
use satang_tests::oracle::purchase::{fully_subsidised_up_to, share};

#[test]
fn the_largest_fully_subsidised_bill_is_the_last_whose_share_fits() {
    for percent in 1..=100 {
        for room in [0, 1, 2, 3, 59, 60, 61, 99, 100, 101, 19_999, 20_000] {
            let bill = fully_subsidised_up_to(room, percent);
            assert!(share(bill, percent) <= room, "{percent} % of {bill}, room {room}");
            assert!(
                share(bill + 1, percent) > room,
                "{percent} % of {bill} + 1, room {room}"
            );
        }
    }
    assert_eq!(
        fully_subsidised_up_to(20_000, 60),
        33_334,
        "333.34 baht still gets 200.00"
    );
    assert_eq!(fully_subsidised_up_to(100_000_000, 1), BILL_MAX);
}
