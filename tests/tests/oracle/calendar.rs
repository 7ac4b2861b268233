//! The oracle's own calendar: days, quarters, and instants as they are shown.

use satang_tests::oracle::calendar::{Date, Instant};

#[test]
fn known_days_have_their_known_numbers() {
    assert_eq!(Date::parse("1970-01-01").unwrap().day_number(), 0);
    assert_eq!(Date::parse("2000-03-01").unwrap().day_number(), 11_017);
    assert_eq!(Date::parse("2026-06-15").unwrap().day_number(), 20_619);
    for number in (0..40_000).step_by(7) {
        assert_eq!(Date::from_day_number(number).day_number(), number);
    }
    for text in [
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-06-31",
        "26-06-15",
        "2026-6-15",
        "2100-02-29",
    ] {
        assert_eq!(Date::parse(text), None, "{text}");
    }
}

#[test]
fn an_instant_is_shown_in_bangkok() {
    let noon = Instant::parse("2026-06-15T12:00:00.123+07:00").unwrap();
    assert_eq!(noon, Instant::parse("2026-06-15T05:00:00.123Z").unwrap());
    assert_eq!(noon, Instant::parse("2026-06-14T23:30:00.123-05:30").unwrap());
    assert_eq!(noon.0, 1_781_499_600_123);
    assert_eq!(noon.to_milliseconds_text(), "2026-06-15T12:00:00.123+07:00");
    assert_eq!(noon.to_seconds_text(), "2026-06-15T12:00:00+07:00");
    let late = Instant::parse("2026-06-15T16:59:59.999Z").unwrap();
    assert_eq!(late.date().to_string(), "2026-06-15");
    assert_eq!(Instant(late.0 + 1).date().to_string(), "2026-06-16");
    assert_eq!(Instant(late.0 + 1).millisecond_of_day(), 0);
    assert_eq!(Date::parse("2026-06-16").unwrap().midnight(), Instant(late.0 + 1));
}

#[test]
fn a_quarter_is_three_calendar_months() {
    let quarters: Vec<i64> = (1..=12)
        .map(|month| Date::new(2026, month, 1).unwrap().quarter())
        .collect();
    assert_eq!(quarters, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
}
