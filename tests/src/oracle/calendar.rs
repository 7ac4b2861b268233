//! Days and instants, counted on the fingers: Bangkok is seven hours ahead of UTC and has no summer time.

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const BANGKOK_MS: i64 = 7 * 60 * 60 * 1000;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year C.E.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub i64);

/// What one cap counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// One day.
    Day(Date),
    /// Year and month.
    Month(i64, i64),
    /// Year and calendar quarter, 1 to 4.
    Quarter(i64, i64),
    /// The programme's whole life.
    Programme,
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

/// How many days the month has.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Date {
    /// The day, if the calendar has it; years 1970 to 9999.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Date> {
        let exists = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        exists.then_some(Date { year, month, day })
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        Date::new(
            digits(&bytes[0..4])?,
            digits(&bytes[5..7])?,
            digits(&bytes[8..10])?,
        )
    }

    /// Days since 1970-01-01.
    pub fn day_number(self) -> i64 {
        let years: i64 = (1970..self.year).map(days_in_year).sum();
        let months: i64 = (1..self.month).map(|month| days_in_month(self.year, month)).sum();
        years + months + self.day - 1
    }

    /// The day that many days after 1970-01-01.
    pub fn from_day_number(mut days: i64) -> Date {
        assert!(days >= 0, "no day before 1970 is ever asked for");
        let mut year = 1970;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        Date {
            year,
            month,
            day: days + 1,
        }
    }

    /// The day after `days` more days.
    pub fn plus_days(self, days: i64) -> Date {
        Date::from_day_number(self.day_number() + days)
    }

    /// 1 to 4: January to March is 1.
    pub fn quarter(self) -> i64 {
        (self.month - 1) / 3 + 1
    }

    /// The first instant of the day in Bangkok.
    pub fn midnight(self) -> Instant {
        Instant(self.day_number() * DAY_MS - BANGKOK_MS)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Instant {
    /// Reads RFC 3339 with an offset (`Z` or `±HH:MM`); below a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Instant> {
        let date = Date::parse(text.get(0..10)?)?;
        let bytes = text.as_bytes();
        if bytes.len() < 20 || bytes[10] != b'T' || bytes[13] != b':' || bytes[16] != b':' {
            return None;
        }
        let (hour, minute, second) = (
            digits(&bytes[11..13])?,
            digits(&bytes[14..16])?,
            digits(&bytes[17..19])?,
        );
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut rest = &bytes[19..];
        let mut millisecond = 0;
        if rest[0] == b'.' {
            let count = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 {
                return None;
            }
            let three: Vec<u8> = rest[1..=count].iter().copied().chain(*b"000").take(3).collect();
            millisecond = digits(&three)?;
            rest = &rest[1 + count..];
        }
        let offset_ms = offset(rest)?;
        let local = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
        Some(Instant(date.day_number() * DAY_MS + local - offset_ms))
    }

    fn local(self) -> i64 {
        self.0 + BANGKOK_MS
    }

    /// The business date: the day in Bangkok.
    pub fn date(self) -> Date {
        Date::from_day_number(self.local() / DAY_MS)
    }

    /// Milliseconds since the last midnight in Bangkok.
    pub fn millisecond_of_day(self) -> i64 {
        self.local() % DAY_MS
    }

    /// `2026-06-15T12:00:00+07:00`, what is below a second cut off.
    pub fn to_seconds_text(self) -> String {
        format!("{}+07:00", self.clock_text())
    }

    /// `2026-06-15T12:00:00.123+07:00`.
    pub fn to_milliseconds_text(self) -> String {
        format!("{}.{:03}+07:00", self.clock_text(), self.local() % 1000)
    }

    fn clock_text(self) -> String {
        let second = self.millisecond_of_day() / 1000;
        format!(
            "{}T{:02}:{:02}:{:02}",
            self.date(),
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// `Z`, `+HH:MM` or `-HH:MM` in milliseconds.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let size = (hours * 60 + minutes) * 60_000;
            (minutes < 60 && hours * 60 + minutes <= 18 * 60).then_some(if *sign == b'+' {
                size
            } else {
                -size
            })
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}
