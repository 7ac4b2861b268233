//! How far the registration of a programme is, and when it will be full: for the page that everybody reloads.

use super::lookup::{View, seconds};
use super::{Failure, Ready, sorted};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use satang_api as api;
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_core::programme::Registration;
use satang_log::storage::Storage;

/// How long a cache may answer by itself.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// The seconds over which the rate is a mean.
const RATE_SECONDS: usize = 10;
/// The seconds the forecast looks back on.
const LOOK_BACK_SECONDS: usize = 60;
/// How far the forecast looks ahead when the registration has no last date.
const DAYS_AHEAD_MAX: usize = 366;

/// A registration as its counters stand.
struct Progress {
    open: bool,
    quota: Option<u64>,
    registered: u64,
    tickets: u64,
    /// Accepted in each of the last seconds, the oldest first.
    accepted: Vec<u64>,
}

/// When the quota will be full if people go on arriving as they did in the last minute.
#[derive(Debug, PartialEq, Eq)]
enum Forecast {
    /// It has no quota.
    NoQuota,
    Full,
    /// Nobody can register any more, or nobody knows when.
    Closed,
    /// Too few seconds have passed since the first arrival to tell.
    TooEarly,
    /// Nobody arrived in the last minute.
    NoArrivals,
    /// At the rate of the last minute it will not be full before it closes.
    ClosesFirst,
    /// At the rate of the last minute; the earliest and latest by its fastest and slowest ten seconds, the latest open when those
    /// would not fill it.
    Fills {
        at: Instant,
        earliest: Instant,
        latest: Option<Instant>,
    },
}

impl<S: Storage> Ready<S> {
    pub(super) async fn registration_progress(
        &self,
        id: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let id = parse::path_name("id", id)?;
        let shown = self.session.view(|view| progress_of(view, &id))?;
        Ok(cacheable(&shown.durable().await??, headers))
    }
}

fn progress_of<S: Storage>(view: &View<'_, S>, id: &Name) -> Result<api::Progress, Failure> {
    let (directory, at) = (view.directory(), view.at());
    let number = directory.number_of(id);
    let Some(rule) = directory.rule_on_or_first(number, view.today()) else {
        return Err(Problem::not_found("no programme of that id is in force").into());
    };
    let registration = rule.policy.registration.as_ref();
    let paused = directory.paused(number).is_some();
    let progress = Progress {
        open: view.is_open(rule),
        quota: rule.quota(),
        registered: view.live_entitlements(rule)?,
        tickets: view.tickets(rule),
        accepted: view.accepted_lately(rule, LOOK_BACK_SECONDS),
    };
    Ok(progress.shown(id, registration.filter(|_| !paused), at))
}

/// The answer with its tag, or 304 when the caller has it.
fn cacheable(shown: &api::Progress, headers: &HeaderMap) -> Response {
    let body = sorted(shown);
    let hash = blake3::hash(body.as_bytes()).to_hex();
    let tag = format!("\"{}\"", &hash[..16]);
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.into_iter()
            .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    });
    let response = match known {
        true => Response::new(StatusCode::NOT_MODIFIED, "application/json", Bytes::new()),
        false => Response::json(StatusCode::OK, body),
    };
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits");
    response.with_header(ETAG, tag).with_header(CACHE_CONTROL, CACHE)
}

impl Progress {
    fn shown(&self, program: &Name, registration: Option<&Registration>, at: Instant) -> api::Progress {
        let recent: u64 = self.accepted[self.accepted.len() - RATE_SECONDS..].iter().sum();
        let forecast = self.forecast(registration, at);
        let (full_at, earliest, latest) = match &forecast {
            Forecast::Fills { at, earliest, latest } => (Some(*at), Some(*earliest), *latest),
            _ => (None, None, None),
        };
        api::Progress {
            program: api::Name::of(program),
            open: self.open,
            quota: self.quota.into(),
            registered: self.registered,
            remaining: self.remaining().into(),
            tickets: self.tickets,
            accepted_per_second: recent as f64 / RATE_SECONDS as f64,
            forecast: forecast.kind(),
            full_at: full_at.map(seconds).into(),
            full_at_earliest: earliest.map(seconds).into(),
            full_at_latest: latest.map(seconds).into(),
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.quota.map(|quota| quota.saturating_sub(self.registered))
    }

    fn forecast(&self, registration: Option<&Registration>, at: Instant) -> Forecast {
        let Some(remaining) = self.remaining() else {
            return Forecast::NoQuota;
        };
        if remaining == 0 {
            return Forecast::Full;
        }
        let Some(registration) = registration else {
            return Forecast::Closed;
        };
        if after_open_time(registration, at, 0).is_none() {
            return Forecast::Closed;
        }
        // Seconds before the first arrival say nothing about the rate.
        let arrived = self.accepted.iter().position(|accepted| *accepted > 0);
        let since = match arrived {
            Some(first) => &self.accepted[first..],
            None if self.open => return Forecast::NoArrivals,
            None => return Forecast::Closed,
        };
        if since.len() < RATE_SECONDS {
            return Forecast::TooEarly;
        }
        let tens = || {
            since
                .rchunks_exact(RATE_SECONDS)
                .map(|ten| ten.iter().sum::<u64>())
        };
        let all: u64 = since.iter().sum();
        let fills = |accepted: u64, in_seconds: usize| {
            let needed_ms = u128::from(remaining) * in_seconds as u128 * 1_000;
            let needed_ms = needed_ms.checked_div(u128::from(accepted))?;
            after_open_time(registration, at, i64::try_from(needed_ms).ok()?)
        };
        let (fastest, slowest) = (tens().max().unwrap_or(0), tens().min().unwrap_or(0));
        match (fills(all, since.len()), fills(fastest, RATE_SECONDS)) {
            (Some(full_at), Some(earliest)) => Forecast::Fills {
                at: full_at,
                earliest: earliest.min(full_at),
                latest: fills(slowest, RATE_SECONDS).map(|latest| latest.max(full_at)),
            },
            _ => Forecast::ClosesFirst,
        }
    }
}

/// The instant by which the registration will have been open for so long from `at` on; `None` when it closes before.
fn after_open_time(registration: &Registration, at: Instant, mut open_ms: i64) -> Option<Instant> {
    let mut date = at.business_date().max(registration.opens);
    for _ in 0..DAYS_AHEAD_MAX {
        if registration.closes.is_some_and(|closes| closes < date) {
            return None;
        }
        let day = date.start().unix_ms();
        let (opens, closes) = registration.hours.in_ms();
        let from = (day + opens).max(at.unix_ms());
        let left = (day + closes - from).max(0);
        if open_ms < left {
            return Some(Instant::from_unix_ms(from + open_ms));
        }
        open_ms -= left;
        date = date.next();
    }
    None
}

impl Forecast {
    const fn kind(&self) -> api::ForecastKind {
        match self {
            Forecast::NoQuota => api::ForecastKind::NoQuota,
            Forecast::Full => api::ForecastKind::Full,
            Forecast::Closed => api::ForecastKind::Closed,
            Forecast::TooEarly => api::ForecastKind::TooEarly,
            Forecast::NoArrivals => api::ForecastKind::NoArrivals,
            Forecast::ClosesFirst => api::ForecastKind::ClosesFirst,
            Forecast::Fills { .. } => api::ForecastKind::Fills,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use satang_core::programme::Program;

    fn registration() -> Registration {
        let text = include_str!("../../../programs/thai-chuai-thai-plus-6040.toml");
        let program = Program::load("programs/6040.toml", text).unwrap();
        program.registration.unwrap()
    }

    fn progress(registered: u64, accepted: impl Fn(usize) -> u64) -> Progress {
        Progress {
            open: true,
            quota: Some(30_000_000),
            registered,
            tickets: registered,
            accepted: (0..LOOK_BACK_SECONDS).map(accepted).collect(),
        }
    }

    fn forecast(progress: &Progress, at: &str) -> Forecast {
        progress.forecast(Some(&registration()), Instant::parse(at).unwrap())
    }

    fn instant(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn a_steady_rush_fills_the_quota_when_it_says() {
        let steady = progress(29_640_000, |_| 100);
        let at = instant("2026-05-25T11:00:00+07:00");
        let wanted = Forecast::Fills {
            at,
            earliest: at,
            latest: Some(at),
        };
        assert_eq!(forecast(&steady, "2026-05-25T10:00:00+07:00"), wanted);
    }

    #[test]
    fn nights_do_not_count_and_a_rush_that_is_too_slow_closes_first() {
        let evening = progress(29_640_000, |_| 100);
        let next_day = instant("2026-05-26T06:30:00+07:00");
        let Forecast::Fills { at, .. } = forecast(&evening, "2026-05-25T21:30:00+07:00") else {
            panic!("it fills");
        };
        assert_eq!(at, next_day);
        assert_eq!(
            forecast(&evening, "2026-05-29T21:30:00+07:00"),
            Forecast::ClosesFirst
        );
    }

    #[test]
    fn an_uneven_rush_has_an_earliest_and_a_latest() {
        let slowing = progress(29_999_000, |second| if second < 50 { 10 } else { 1 });
        let Forecast::Fills { at, earliest, latest } = forecast(&slowing, "2026-05-25T10:00:00+07:00") else {
            panic!("it fills");
        };
        assert_eq!(earliest, instant("2026-05-25T10:01:40+07:00"));
        assert_eq!(latest, Some(instant("2026-05-25T10:16:40+07:00")));
        assert!(earliest < at && Some(at) < latest);
    }

    #[test]
    fn nothing_is_forecast_that_nobody_can_know() {
        let noon = "2026-05-25T12:00:00+07:00";
        let last_evening = progress(29_640_000, |_| 100);
        assert_eq!(
            forecast(&last_evening, "2026-05-29T22:00:00+07:00"),
            Forecast::Closed
        );
        let just_begun = progress(500, |second| u64::from(second > 51) * 50);
        assert_eq!(forecast(&just_begun, noon), Forecast::TooEarly);
        assert_eq!(forecast(&progress(500, |_| 0), noon), Forecast::NoArrivals);
        assert_eq!(forecast(&progress(30_000_000, |_| 9), noon), Forecast::Full);
        let without = Progress {
            quota: None,
            ..progress(1, |_| 9)
        };
        assert_eq!(forecast(&without, noon), Forecast::NoQuota);
    }
}
