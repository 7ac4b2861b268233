//! Time. The only module that turns an instant into a business date (house rule 4).
//!
//! All schemes run on Asia/Bangkok, which has been +07:00 without daylight saving since 1920, so the local calendar is
//! a constant offset away. Dates are C.E.; a B.E. year (2569) is refused where it enters.

use core::fmt;

/// Milliseconds by which Asia/Bangkok is ahead of UTC.
const BANGKOK_MS: i64 = 7 * 3_600_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The seconds, since the Unix epoch, that a leap second followed since 2000 (IERS, Bulletin C). No other minute has a second 60.
const LEAP_SECONDS_AFTER: [i64; 5] = [
    1_136_073_599,
    1_230_767_999,
    1_341_100_799,
    1_435_708_799,
    1_483_228_799,
];
/// No place on earth is further from UTC, in minutes; clocks of computers allow this much.
const OFFSET_MINUTES_MAX: u32 = 18 * 60;

/// Why a text is no instant, date or range of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not RFC 3339 with an offset.
    #[error("must be RFC 3339 with an offset, like 2026-06-15T12:00:00+07:00")]
    NotInstant,
    /// Outside the years the engine keeps accounts for.
    #[error("must lie between the years 2000 and 2170 C.E.")]
    InstantOutOfRange,
    /// Not `YYYY-MM-DD`.
    #[error("must be a date, YYYY-MM-DD (C.E.)")]
    NotDate,
    /// A year above 2400.
    #[error("year is above 2400: write C.E., not B.E.")]
    BuddhistYear,
    /// Not `HH:MM-HH:MM` with the end after the begin.
    #[error("must be hours like 06:00-23:00, the end after the begin, 24:00 at most")]
    NotHours,
}

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Written in `+07:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The first instant the engine keeps accounts for: 2000-01-01 in Bangkok.
    pub const MIN: Instant = Instant(946_684_800_000 - BANGKOK_MS);
    /// The last one: the end of 2170-12-31 in Bangkok. A slot counts days since 2000 in 16 bits.
    pub const MAX: Instant = Instant(6_342_969_600_000 - BANGKOK_MS - 1);

    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_unix_ms(ms: i64) -> Instant {
        Instant(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 with an offset; fractions below a millisecond are dropped.
    ///
    /// # Errors
    /// [`CalendarError::NotInstant`], or [`CalendarError::InstantOutOfRange`] outside the years 2000 to 2170.
    pub fn parse(text: &str) -> Result<Instant, CalendarError> {
        if !is_rfc_3339(text.as_bytes()) {
            return Err(CalendarError::NotInstant);
        }
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| CalendarError::NotInstant)?;
        if &text[17..19] == "60" && !LEAP_SECONDS_AFTER.contains(&timestamp.as_second()) {
            return Err(CalendarError::NotInstant);
        }
        let instant = Instant(timestamp.as_millisecond());
        if (Instant::MIN..=Instant::MAX).contains(&instant) {
            Ok(instant)
        } else {
            Err(CalendarError::InstantOutOfRange)
        }
    }

    /// `ms` milliseconds later.
    pub const fn plus_ms(self, ms: i64) -> Instant {
        Instant(self.0 + ms)
    }

    /// The calendar day in Bangkok.
    pub const fn business_date(self) -> BusinessDate {
        BusinessDate((self.0 + BANGKOK_MS).div_euclid(DAY_MS) as i32)
    }

    /// Milliseconds since midnight in Bangkok.
    pub const fn time_of_day_ms(self) -> u32 {
        (self.0 + BANGKOK_MS).rem_euclid(DAY_MS) as u32
    }

    /// The 29 characters `2026-06-15T12:00:00.123+07:00`.
    pub fn ascii(self) -> [u8; 29] {
        let mut text = *b"0000-00-00T00:00:00.000+07:00";
        text[..10].copy_from_slice(&self.business_date().ascii());
        let ms = self.time_of_day_ms();
        put_digits(&mut text[11..13], ms / 3_600_000);
        put_digits(&mut text[14..16], ms / 60_000 % 60);
        put_digits(&mut text[17..19], ms / 1_000 % 60);
        put_digits(&mut text[20..23], ms % 1_000);
        text
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.ascii()).expect("digits are ASCII"))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A calendar day in Asia/Bangkok, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDate(i32);

impl BusinessDate {
    /// The day `days` days after 1970-01-01.
    pub const fn from_days(days: i32) -> BusinessDate {
        BusinessDate(days)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The day of year, month (1 to 12) and day (1 to 31), or `None` when there is no such day.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<BusinessDate> {
        let date = BusinessDate(days_from_civil(year, month, day));
        ((1..=12).contains(&month) && (1..=31).contains(&day) && date.ymd() == (year, month, day))
            .then_some(date)
    }

    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`CalendarError::NotDate`], or [`CalendarError::BuddhistYear`] for a year above 2400.
    pub fn parse(text: &str) -> Result<BusinessDate, CalendarError> {
        let bytes: &[u8; 10] = text.as_bytes().try_into().map_err(|_| CalendarError::NotDate)?;
        let digits = |range: core::ops::Range<usize>| {
            bytes[range].iter().try_fold(0u32, |n, b| {
                b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0'))
            })
        };
        let (Some(year), b'-', Some(month), b'-', Some(day)) =
            (digits(0..4), bytes[4], digits(5..7), bytes[7], digits(8..10))
        else {
            return Err(CalendarError::NotDate);
        };
        let date = BusinessDate::from_ymd(year as i32, month, day).ok_or(CalendarError::NotDate)?;
        if year > 2400 {
            Err(CalendarError::BuddhistYear)
        } else {
            Ok(date)
        }
    }

    /// Year, month (1 to 12) and day (1 to 31).
    pub const fn ymd(self) -> (i32, u32, u32) {
        civil_from_days(self.0)
    }

    /// The calendar month, counted from year 0.
    pub const fn month(self) -> Month {
        let (year, month, _) = self.ymd();
        Month(year as u32 * 12 + month - 1)
    }

    /// The first instant of the day.
    pub const fn start(self) -> Instant {
        Instant(self.0 as i64 * DAY_MS - BANGKOK_MS)
    }

    /// The day before.
    pub const fn previous(self) -> BusinessDate {
        BusinessDate(self.0 - 1)
    }

    /// The day after.
    pub const fn next(self) -> BusinessDate {
        BusinessDate(self.0 + 1)
    }

    /// The 10 characters `2026-06-15`.
    pub fn ascii(self) -> [u8; 10] {
        let (year, month, day) = self.ymd();
        let mut text = *b"0000-00-00";
        put_digits(&mut text[..4], year as u32);
        put_digits(&mut text[5..7], month);
        put_digits(&mut text[8..10], day);
        text
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.ascii()).expect("digits are ASCII"))
    }
}

impl fmt::Debug for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A calendar month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(u32);

impl Month {
    /// The calendar quarter the month lies in (our decision: the welfare card's "3 months" are calendar quarters).
    pub const fn quarter(self) -> u32 {
        self.0 / 3
    }
}

/// A half-open range of the day: `06:00-23:00` allows 06:00:00.000 and refuses 23:00:00.000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    from_minute: u16,
    to_minute: u16,
}

impl Hours {
    /// Parses `HH:MM-HH:MM`; `00:00-24:00` is the whole day.
    ///
    /// # Errors
    /// [`CalendarError::NotHours`] for another shape, an end not after the begin, or a time past 24:00.
    pub fn parse(text: &str) -> Result<Hours, CalendarError> {
        let (from, to) = text.split_once('-').ok_or(CalendarError::NotHours)?;
        let hours = Hours {
            from_minute: parse_minute(from)?,
            to_minute: parse_minute(to)?,
        };
        if hours.from_minute < hours.to_minute {
            Ok(hours)
        } else {
            Err(CalendarError::NotHours)
        }
    }

    /// The first millisecond of the day that lies within, and the first behind it that does not.
    pub const fn in_ms(self) -> (i64, i64) {
        (self.from_minute as i64 * 60_000, self.to_minute as i64 * 60_000)
    }

    /// Whether the time of day lies within.
    pub const fn contains(self, time_of_day_ms: u32) -> bool {
        self.from_minute as u32 * 60_000 <= time_of_day_ms && time_of_day_ms < self.to_minute as u32 * 60_000
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_minute, self.to_minute);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

fn parse_minute(text: &str) -> Result<u16, CalendarError> {
    let bytes: &[u8; 5] = text.as_bytes().try_into().map_err(|_| CalendarError::NotHours)?;
    let all_digits = [bytes[0], bytes[1], bytes[3], bytes[4]]
        .iter()
        .all(u8::is_ascii_digit);
    if bytes[2] != b':' || !all_digits {
        return Err(CalendarError::NotHours);
    }
    let two = |high: u8, low: u8| u16::from(high - b'0') * 10 + u16::from(low - b'0');
    let (hour, minute) = (two(bytes[0], bytes[1]), two(bytes[3], bytes[4]));
    if minute < 60 && hour * 60 + minute <= 24 * 60 {
        Ok(hour * 60 + minute)
    } else {
        Err(CalendarError::NotHours)
    }
}

/// Whether the text has the shape of RFC 3339 section 5.6; the library takes more (zone names in brackets, no seconds).
fn is_rfc_3339(text: &[u8]) -> bool {
    let Some((local, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        other => byte == other,
    };
    let fraction = match rest {
        [b'.', digits @ ..] => 1 + digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let offset = &rest[fraction..];
    let is_offset = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hours @ .., b':', _, _] => {
            let digits = offset.iter().filter(|byte| byte.is_ascii_digit());
            let number = digits
                .clone()
                .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
            let minutes = number / 100 * 60 + number % 100;
            hours.len() == 2 && digits.count() == 4 && number % 100 < 60 && minutes <= OFFSET_MINUTES_MAX
        }
        _ => false,
    };
    local.iter().zip(shape).all(fits) && fraction != 1 && is_offset
}

fn put_digits(into: &mut [u8], mut number: u32) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    } as u32;
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_agrees_with_a_library_on_every_day_the_engine_knows() {
        let mut date = jiff::civil::date(2000, 1, 1);
        let mut days = BusinessDate::from_ymd(2000, 1, 1).unwrap();
        while date.year() <= 2171 {
            let (year, month, day) = (i32::from(date.year()), date.month() as u32, date.day() as u32);
            assert_eq!(days.ymd(), (year, month, day));
            assert_eq!(BusinessDate::from_ymd(year, month, day), Some(days));
            date = date.tomorrow().unwrap();
            days = days.next();
        }
        assert_eq!(Instant::MIN.to_string(), "2000-01-01T00:00:00.000+07:00");
        assert_eq!(Instant::MAX.to_string(), "2170-12-31T23:59:59.999+07:00");
    }

    #[test]
    fn an_instant_is_answered_in_bangkok_time() {
        let instant = Instant::parse("2026-06-15T05:00:00.1239Z").unwrap();
        assert_eq!(instant.to_string(), "2026-06-15T12:00:00.123+07:00");
        assert_eq!(
            Instant::parse("2026-06-14T17:00:00Z")
                .unwrap()
                .business_date()
                .to_string(),
            "2026-06-15"
        );
        assert_eq!(
            Instant::parse("2026-06-14T16:59:59.999Z")
                .unwrap()
                .business_date()
                .to_string(),
            "2026-06-14"
        );
    }

    #[test]
    fn an_instant_without_offset_or_out_of_range_is_refused() {
        for text in [
            "",
            "2026-06-15",
            "2026-06-15T12:00:00",
            "20260615T120000+0700",
            "noon",
            "2026-06-15T12:00:00+18:01",
            "2026-06-15T12:00:00-23:00",
            "2026-06-15T12:00:00+07:60",
            "2026-06-15T12:00:60+07:00",
            "2026-06-30T23:59:60Z",
        ] {
            assert_eq!(Instant::parse(text), Err(CalendarError::NotInstant), "{text}");
        }
        assert_eq!(
            Instant::parse("2569-06-15T12:00:00+07:00"),
            Err(CalendarError::InstantOutOfRange)
        );
    }

    #[test]
    fn a_leap_second_is_the_second_before_it() {
        for (leap, before) in [
            ("2017-01-01T06:59:60+07:00", "2017-01-01T06:59:59.000+07:00"),
            ("2016-12-31T23:59:60.5Z", "2017-01-01T06:59:59.500+07:00"),
            ("2026-06-15T05:00:00+18:00", "2026-06-14T18:00:00.000+07:00"),
        ] {
            let read = Instant::parse(leap).map(|instant| instant.to_string());
            assert_eq!(read.as_deref(), Ok(before), "{leap}");
        }
    }

    #[test]
    fn dates_that_do_not_exist_or_are_written_in_b_e_are_refused() {
        assert_eq!(BusinessDate::parse("2026-02-29"), Err(CalendarError::NotDate));
        assert_eq!(BusinessDate::parse("26-02-28"), Err(CalendarError::NotDate));
        assert_eq!(BusinessDate::parse("2026-13-01"), Err(CalendarError::NotDate));
        assert_eq!(
            BusinessDate::parse("2569-06-01"),
            Err(CalendarError::BuddhistYear)
        );
        assert!(BusinessDate::parse("2024-02-29").is_ok());
    }

    #[test]
    fn hours_are_half_open() {
        let hours = Hours::parse("06:00-23:00").unwrap();
        let ms = |text: &str| Instant::parse(text).unwrap().time_of_day_ms();
        assert!(!hours.contains(ms("2026-06-15T05:59:59.999+07:00")));
        assert!(hours.contains(ms("2026-06-15T06:00:00+07:00")));
        assert!(hours.contains(ms("2026-06-15T22:59:59.999+07:00")));
        assert!(!hours.contains(ms("2026-06-15T23:00:00+07:00")));
        assert!(
            Hours::parse("00:00-24:00")
                .unwrap()
                .contains(ms("2026-06-15T23:59:59.999+07:00"))
        );
    }

    #[test]
    fn hours_of_another_shape_are_refused() {
        for text in [
            "",
            "06:00",
            "6:00-23:00",
            "06:00-24:01",
            "23:00-06:00",
            "06:00-06:00",
            "06:60-07:00",
            "a6:00-07:00",
        ] {
            assert_eq!(Hours::parse(text), Err(CalendarError::NotHours), "{text}");
        }
    }

    #[test]
    fn quarters_are_calendar_quarters() {
        let quarter = |text: &str| BusinessDate::parse(text).unwrap().month().quarter();
        assert_eq!(quarter("2026-04-01"), quarter("2026-06-30"));
        assert_ne!(quarter("2026-06-30"), quarter("2026-07-01"));
    }
}
