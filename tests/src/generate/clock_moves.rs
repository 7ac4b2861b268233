//! Where the clock goes: onto the edges of hours, days, months, quarters and programmes, one millisecond
//! before, on, and after.

use crate::oracle::Model;
use crate::oracle::calendar::{Date, Instant, days_in_month};

use super::body::Body;
use super::{ASKS_HOLDS, Generator, Step};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

const NO_INSTANTS: [&str; 4] = [
    "2026-06-15",
    "",
    "2026-06-15T12:00:00",
    "2026-06-31T12:00:00+07:00",
];

impl Generator {
    pub(crate) fn move_clock(&mut self, model: &Model) -> Step {
        let body = match self.random.below(100) {
            0..4 => Body::new().text("now", &self.spelt(Instant(model.now().0 - 1))),
            4..6 => {
                let index = self.random.below(4) as usize;
                Body::new().text("now", NO_INSTANTS[index])
            }
            _ => {
                let target = self.target(model);
                Body::new().text("now", &self.spelt(target))
            }
        };
        Step::call("PUT", "/v1/clock", self.send(&body))
    }

    /// Whether every channel of every programme has closed for good.
    pub fn is_over(model: &Model) -> bool {
        let today = model.now().date();
        model
            .programmes()
            .flat_map(|programme| &programme.benefits)
            .flat_map(|benefit| &benefit.channels)
            .all(|channel| channel.to < today)
    }

    fn target(&mut self, model: &Model) -> Instant {
        let now = model.now();
        let hours = hours(model);
        let time = now.millisecond_of_day();
        let is_open = hours
            .iter()
            .any(|(opens, closes)| (*opens..*closes).contains(&time));
        let shake = self.random.between(-1, 1);
        if ASKS_HOLDS
            && self.random.percent(15)
            && let Some(expires_at) = next_expiry(model)
        {
            return Instant((expires_at.0 + shake).max(now.0));
        }
        let edge = match self.random.below(100) {
            0..60 if !is_open => next(now, self.random.pick(&hours).0),
            0..30 => return Instant(now.0 + self.random.any_size(6) as i64),
            30..33 => return now,
            33..68 => {
                let (opens, closes) = *self.random.pick(&hours);
                next(now, if self.random.percent(50) { opens } else { closes })
            }
            68..84 => next(now, 12 * HOUR_MS),
            84..88 => next(now, 0),
            // Days later at the same time: ids leave memory, and come again.
            88..91 => Instant(now.0 + self.random.between(2, 5) * DAY_MS),
            91..94 => after_month(now.date(), 1),
            94..95 => after_month(now.date(), 3),
            _ => self.edge(model),
        };
        Instant((edge.0 + shake).max(now.0))
    }

    /// An instant at which something begins, has just ended or lapses, if one is ahead.
    fn edge(&mut self, model: &Model) -> Instant {
        let now = model.now();
        let mut days: Vec<Date> = Vec::new();
        let mut deadlines: Vec<Instant> = Vec::new();
        days.extend(model.coming().filter_map(|programme| programme.effective_from));
        for programme in model.programmes().chain(model.coming()) {
            let channels = programme.benefits.iter().flat_map(|benefit| &benefit.channels);
            days.extend(channels.flat_map(|channel| [channel.from, channel.to.plus_days(1)]));
            days.extend(programme.usable_from);
            if let Some(window) = &programme.merchant_registration {
                let last = [window.closes, window.returning_closes];
                days.extend(window.opens);
                days.extend(last.into_iter().flatten().map(|day| day.plus_days(1)));
            }
            let Some(registration) = &programme.registration else {
                continue;
            };
            days.push(registration.opens);
            days.extend(registration.closes.map(|closes| closes.plus_days(1)));
            let returning = registration.returning.iter();
            days.extend(returning.flat_map(|returning| [returning.opens, returning.usable_from]));
            deadlines.extend(registration.first_use_by);
        }
        days.extend(model.rights.values().filter_map(|right| right.usable_from));
        let open = model.cases.iter().filter(|case| case.is_open());
        days.extend(open.map(|case| case.due_date().plus_days(1)));
        let mut ahead: Vec<Instant> = days
            .into_iter()
            .map(Date::midnight)
            .chain(deadlines)
            .filter(|instant| *instant > now)
            .collect();
        ahead.sort();
        // The nearest one mostly, so that an episode does not rush past everything.
        match ahead.len() {
            0 => next(now, 0),
            _ if self.random.percent(80) => ahead[0],
            _ => *self.random.pick(&ahead),
        }
    }

    fn spelt(&mut self, instant: Instant) -> String {
        let (offset_ms, suffix) = match self.random.below(10) {
            0 => (0, "Z"),
            1 => (5 * HOUR_MS + HOUR_MS / 2, "+05:30"),
            2 => (-3 * HOUR_MS, "-03:00"),
            _ => return instant.to_milliseconds_text(),
        };
        let shifted = Instant(instant.0 + offset_ms - 7 * HOUR_MS);
        shifted.to_milliseconds_text().replace("+07:00", suffix)
    }
}

/// When the first of the open holds expires.
fn next_expiry(model: &Model) -> Option<Instant> {
    let open = model.holds.values().filter(|hold| hold.is_open(model.now()));
    open.map(|hold| hold.expires_at).min()
}

/// When each channel and each registration opens and closes, in milliseconds of the day.
fn hours(model: &Model) -> Vec<(i64, i64)> {
    let mut hours = Vec::new();
    for programme in model.programmes() {
        let channels = programme.benefits.iter().flat_map(|benefit| &benefit.channels);
        hours.extend(channels.map(|channel| (channel.opens_ms, channel.closes_ms)));
        let registration = programme.registration.iter();
        hours.extend(registration.map(|registration| (registration.opens_ms, registration.closes_ms)));
    }
    hours
}

/// The next time the clock in Bangkok shows that millisecond of the day.
fn next(now: Instant, millisecond_of_day: i64) -> Instant {
    let today = Instant(now.date().midnight().0 + millisecond_of_day);
    if today > now {
        today
    } else {
        Instant(today.0 + DAY_MS)
    }
}

/// The first instant after the month, or after the last month of the quarter.
fn after_month(date: Date, months: i64) -> Instant {
    let month = (date.month - 1) / months * months + months;
    let last = Date {
        year: date.year,
        month,
        day: days_in_month(date.year, month),
    };
    last.plus_days(1).midnight()
}
