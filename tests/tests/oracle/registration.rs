//! Dates of birth and ages, as the oracle reads them.

use satang_tests::oracle::calendar::Date;
use satang_tests::oracle::registration::{complete_years, is_nationality, read_birth_date};

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

#[test]
fn a_date_of_birth_counts_from_the_last_day_it_can_mean() {
    let last_day = |text: &str| read_birth_date(text).map(|date| date.to_string());
    for (text, day) in [
        ("1990-04-12", "1990-04-12"),
        ("1990-04", "1990-04-30"),
        ("2008-02", "2008-02-29"),
        ("2007-02", "2007-02-28"),
        ("1990", "1990-12-31"),
        ("1850", "1850-12-31"),
        ("2170-12-31", "2170-12-31"),
        ("2008-02-29", "2008-02-29"),
    ] {
        assert_eq!(last_day(text).as_deref(), Some(day), "{text}");
    }
    for wrong in [
        "1849-12-31",
        "2171",
        "2533-04-12",
        "1990-13",
        "1990-00",
        "1990-02-30",
        "1900-02-29",
        "1990-04-00",
        "1990-4-12",
        "1990-04-1",
        "90-04-12",
        "1990-04-12-01",
        "1990-",
        "19900412",
        "1990/04/12",
        "1990-04-12 ",
        "+990",
        "๑๙๙๐",
        "",
    ] {
        assert_eq!(last_day(wrong), None, "{wrong}");
    }
}

#[test]
fn a_year_is_complete_on_the_birthday() {
    let born = date("2008-05-27");
    assert_eq!(complete_years(born, date("2026-05-26")), 17);
    assert_eq!(complete_years(born, date("2026-05-27")), 18);
    let leap = date("2008-02-29");
    assert_eq!(complete_years(leap, date("2026-02-28")), 17);
    assert_eq!(complete_years(leap, date("2026-03-01")), 18);
    assert_eq!(complete_years(leap, date("2028-02-28")), 19);
    assert_eq!(complete_years(leap, date("2028-02-29")), 20);
    assert_eq!(complete_years(date("2040-01-01"), date("2026-05-27")), 0);
}

#[test]
fn a_nationality_is_two_capital_letters() {
    for (text, is_one) in [
        ("TH", true),
        ("LA", true),
        ("ZZ", true),
        ("th", false),
        ("Th", false),
        ("THA", false),
        ("T", false),
        ("T1", false),
        ("", false),
        ("ÄÖ", false),
    ] {
        assert_eq!(is_nationality(text), is_one, "{text}");
    }
}
