//! When somebody was born, as precisely as their card says.

use crate::calendar::{BusinessDate, CalendarError};
use core::fmt;

/// The first year of birth that is no mistake.
const YEAR_MIN: i32 = 1850;
/// The last year the calendar knows.
const YEAR_MAX: i32 = 2170;

/// Why a text is no date of birth. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BirthDateError {
    /// Not one of the three forms, or no such day.
    #[error("must be a date of birth: YYYY-MM-DD, YYYY-MM or YYYY (C.E.)")]
    NotBirthDate,
    /// A year above 2400.
    #[error("year is above 2400: write C.E., not B.E.")]
    BuddhistYear,
    /// A year that nobody is born in.
    #[error("year must lie between 1850 and 2170 C.E.")]
    YearOutOfRange,
}

/// How much of a date of birth is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Year,
    Month,
    Day,
}

/// A date of birth. Older cards give the year alone, or year and month: it counts from the last day it can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate {
    last_possible: BusinessDate,
    precision: Precision,
}

impl BirthDate {
    /// Parses `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.
    pub fn parse(text: &str) -> Result<BirthDate, BirthDateError> {
        if !text.is_ascii() {
            return Err(BirthDateError::NotBirthDate);
        }
        let date = |text: &str| {
            BusinessDate::parse(text).map_err(|error| match error {
                CalendarError::BuddhistYear => BirthDateError::BuddhistYear,
                _ => BirthDateError::NotBirthDate,
            })
        };
        let (last_possible, precision) = match text.len() {
            4 => (date(&format!("{text}-12-31"))?, Precision::Year),
            7 => (last_of_month(date(&format!("{text}-01"))?), Precision::Month),
            10 => (date(text)?, Precision::Day),
            _ => return Err(BirthDateError::NotBirthDate),
        };
        match last_possible.ymd() {
            (YEAR_MIN..=YEAR_MAX, ..) => Ok(BirthDate {
                last_possible,
                precision,
            }),
            _ => Err(BirthDateError::YearOutOfRange),
        }
    }

    /// Complete years on `day`, 0 before birth. Whoever was born on 29 February is a year older on 1 March of a common year.
    pub fn years_on(self, day: BusinessDate) -> u8 {
        let (born_year, born_month, born_day) = self.last_possible.ymd();
        let (year, month, day) = day.ymd();
        let had_birthday = (month, day) >= (born_month, born_day);
        let years = year - born_year - i32::from(!had_birthday);
        u8::try_from(years.clamp(0, 255)).expect("clamped")
    }

    /// What tells two dates of birth apart, as bytes: the text in the form it was given.
    pub fn content(self) -> [u8; 10] {
        let mut text = self.last_possible.ascii();
        match self.precision {
            Precision::Year => text[4..].fill(0),
            Precision::Month => text[7..].fill(0),
            Precision::Day => {}
        }
        text
    }
}

impl fmt::Debug for BirthDate {
    /// Nothing of it: a date of birth is personal (house rule 24).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(hidden)")
    }
}

fn last_of_month(first: BusinessDate) -> BusinessDate {
    let (year, month, _) = first.ymd();
    let next = match month {
        12 => BusinessDate::from_ymd(year + 1, 1, 1),
        _ => BusinessDate::from_ymd(year, month + 1, 1),
    };
    next.expect("every month begins").previous()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(born: &str, day: &str) -> u8 {
        BirthDate::parse(born)
            .unwrap()
            .years_on(BusinessDate::parse(day).unwrap())
    }

    #[test]
    fn age_is_complete_years_to_the_day() {
        assert_eq!(age("2008-05-25", "2026-05-24"), 17);
        assert_eq!(age("2008-05-25", "2026-05-25"), 18);
        assert_eq!(age("2026-05-26", "2026-05-25"), 0);
        assert_eq!(age("1850-01-01", "2170-01-01"), 255);
    }

    #[test]
    fn born_on_29_february_is_18_on_1_march_of_a_common_year() {
        assert_eq!(age("2004-02-29", "2022-02-28"), 17);
        assert_eq!(age("2004-02-29", "2022-03-01"), 18);
        assert_eq!(age("2004-02-29", "2024-02-29"), 20);
    }

    #[test]
    fn what_is_not_known_counts_from_the_last_day_it_can_be() {
        assert_eq!((age("2008", "2026-12-30"), age("2008", "2026-12-31")), (17, 18));
        assert_eq!(
            (age("2008-02", "2026-02-28"), age("2008-02", "2026-03-01")),
            (17, 18)
        );
        assert_eq!(
            (age("2007-12", "2025-12-30"), age("2007-12", "2025-12-31")),
            (17, 18)
        );
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "1990-04-31",
            "1990-13",
            "90-04-12",
            "1990/04/12",
            "19900412",
            "1990-4-1",
            "๑๙๙๐",
        ] {
            assert_eq!(
                BirthDate::parse(text),
                Err(BirthDateError::NotBirthDate),
                "{text}"
            );
        }
        assert_eq!(BirthDate::parse("2533-04-12"), Err(BirthDateError::BuddhistYear));
        assert_eq!(BirthDate::parse("2533"), Err(BirthDateError::BuddhistYear));
        assert_eq!(BirthDate::parse("1849"), Err(BirthDateError::YearOutOfRange));
    }

    #[test]
    fn two_forms_of_one_day_are_different_content() {
        let content = |text| BirthDate::parse(text).unwrap().content();
        assert_ne!(content("1990"), content("1990-12-31"));
        assert_ne!(content("1990-12"), content("1990-12-31"));
        assert_eq!(content("1990-12"), content("1990-12"));
    }
}
