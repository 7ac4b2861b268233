//! Where the clock goes: onto the edges of hours, days, months, quarters and programmes, one millisecond
//! before, on, and after.

use crate::oracle::Model;
use crate::oracle::calendar::{Date, Instant, days_in_month};
use crate::oracle::programme::Channel;

use super::body::Body;
use super::{Generator, Step};

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
        let channels: Vec<&Channel> = model
            .programmes()
            .flat_map(|programme| &programme.benefits)
            .flat_map(|benefit| &benefit.channels)
            .collect();
        let time = now.millisecond_of_day();
        let is_open = channels
            .iter()
            .any(|channel| (channel.opens_ms..channel.closes_ms).contains(&time));
        let shake = self.random.between(-1, 1);
        let edge = match self.random.below(100) {
            0..60 if !is_open => next(now, self.random.pick(&channels).opens_ms),
            0..30 => return Instant(now.0 + self.random.any_size(6) as i64),
            30..33 => return now,
            33..68 => {
                let channel = *self.random.pick(&channels);
                let time = if self.random.percent(50) {
                    channel.opens_ms
                } else {
                    channel.closes_ms
                };
                next(now, time)
            }
            68..84 => next(now, 12 * HOUR_MS),
            84..88 => next(now, 0),
            // Days later at the same time: ids leave memory, and come again.
            88..91 => Instant(now.0 + self.random.between(2, 5) * DAY_MS),
            91..95 => after_month(now.date(), 1),
            95..97 => after_month(now.date(), 3),
            _ => self.date_edge(model, &channels),
        };
        Instant((edge.0 + shake).max(now.0))
    }

    /// A day on which something begins or has just ended, if one is ahead.
    fn date_edge(&mut self, model: &Model, channels: &[&Channel]) -> Instant {
        let now = model.now();
        let mut days: Vec<Date> = channels
            .iter()
            .flat_map(|channel| [channel.from, channel.to.plus_days(1)])
            .collect();
        days.extend(model.programmes().filter_map(|programme| programme.usable_from));
        days.extend(
            model
                .enrollments
                .values()
                .filter_map(|enrollment| enrollment.usable_from),
        );
        let mut ahead: Vec<Instant> = days
            .into_iter()
            .map(Date::midnight)
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
