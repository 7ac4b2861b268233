//! Deadlines for first use (`first_use_by`), and when each strikes: what makes a lapse final.
//!
//! A deadline counts with the rule version it stands in, while that version is in force. It strikes at its own instant, or when its
//! version comes into force after that. Whoever was registered before it and has used nothing by then has lapsed, whatever later
//! versions say: the place may be somebody else's.

use crate::calendar::Instant;
use crate::programme::Program;
use crate::state::export;
use crate::state::hash::hash_pair;

/// The deadlines of one programme in the order in which they strike, each later than the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strikes(Vec<Strike>);

/// A deadline, and when it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strike {
    at: Instant,
    deadline: Instant,
}

impl Strikes {
    /// From `at` on these versions are in force, oldest first, and none that was in force before. What has struck by then has
    /// struck for good; what had not is forgotten.
    pub(crate) fn put_in_force<'p>(&mut self, versions: impl Iterator<Item = &'p Program>, at: Instant) {
        self.0.retain(|strike| strike.at <= at);
        let versions: Vec<&Program> = versions.collect();
        let begins = |version: &&Program| version.effective_from.map_or(at, |date| date.start().max(at));
        let mut coming = Vec::new();
        for (index, version) in versions.iter().enumerate() {
            // The newest version that is effective counts.
            let ends = versions[index + 1..].iter().map(begins).min();
            let deadline = version.registration.as_ref().and_then(|r| r.first_use_by);
            let strike = deadline.map(|deadline| Strike {
                at: begins(version).max(deadline),
                deadline,
            });
            coming.extend(strike.filter(|strike| ends.is_none_or(|ends| strike.at < ends)));
        }
        coming.sort_by_key(|strike| (strike.at, strike.deadline));
        for strike in coming {
            // An earlier deadline finds nobody who has not lapsed at a later one.
            if self.0.last().is_none_or(|last| last.deadline < strike.deadline) {
                self.0.push(strike);
            }
        }
    }

    /// The last deadline that has struck by `at`.
    #[inline]
    pub(crate) fn last(&self, at: Instant) -> Option<Instant> {
        let struck = self.0.iter().rev().find(|strike| strike.at <= at);
        struck.map(|strike| strike.deadline)
    }

    /// The deadlines that have struck by `at`, the first one first.
    pub(crate) fn by(&self, at: Instant) -> impl Iterator<Item = Instant> {
        let struck = self.0.iter().take_while(move |strike| strike.at <= at);
        struck.map(|strike| strike.deadline)
    }

    pub(crate) fn digest(&self) -> u64 {
        let of = |strike: &Strike| hash_pair(strike.at.unix_ms() as u64, strike.deadline.unix_ms() as u64);
        self.0.iter().map(of).fold(self.0.len() as u64, hash_pair)
    }

    /// Appends them to a snapshot.
    pub(crate) fn export(&self, to: &mut Vec<u8>) {
        export::number(to, self.0.len() as u64);
        for strike in &self.0 {
            export::number(to, strike.at.unix_ms() as u64);
            export::number(to, strike.deadline.unix_ms() as u64);
        }
    }

    /// What [`Strikes::export`] wrote; `None` when the bytes are none.
    pub(crate) fn import(from: &mut &[u8]) -> Option<Strikes> {
        let len = export::take_number(from)?;
        let mut instant = || Some(Instant::from_unix_ms(export::take_number(from)? as i64));
        let strikes = (0..len).map(|_| {
            Some(Strike {
                at: instant()?,
                deadline: instant()?,
            })
        });
        strikes.collect::<Option<Vec<_>>>().map(Strikes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(effective_from: Option<&str>, first_use_by: Option<&str>) -> Program {
        let text = "id = \"p\"\nname_th = \"ก\"\nname_en = \"P\"\nEFFECTIVE\n[registration]\nopens = 2026-06-01\n\
            hours = \"06:00-22:00\"\nDEADLINE\n[[benefit]]\nid = \"b\"\nstate_percent = 50\nholder = \"person\"\n\
            caps = { day = 100 }\nwhen_exhausted = \"decline\"\nmerchant_categories = [\"food_drink\"]\n\
            [[benefit.channel]]\nid = \"store\"\nfrom = 2026-06-01\nto = 2026-09-30\nhours = \"06:00-23:00\"\n";
        let key = |name: &str, value: Option<&str>| value.map_or(String::new(), |v| format!("{name} = {v}"));
        let text = text.replace("EFFECTIVE", &key("effective_from", effective_from));
        let text = text.replace("DEADLINE", &key("first_use_by", first_use_by));
        Program::load("p.toml", &text).unwrap()
    }

    fn at(text: &str) -> Instant {
        Instant::parse(&format!("{text}:00+07:00")).unwrap()
    }

    fn strikes(reloads: &[(&str, &[&Program])]) -> Strikes {
        let mut strikes = Strikes::default();
        for (when, versions) in reloads {
            strikes.put_in_force(versions.iter().copied(), at(when));
        }
        strikes
    }

    #[test]
    fn a_deadline_strikes_once_and_no_later_file_takes_it_back() {
        let (first, later, none) = (
            version(None, Some("2026-06-10T12:00:00")),
            version(None, Some("2026-06-20T12:00:00")),
            version(None, None),
        );
        for after in [&[&later][..], &[&none], &[]] {
            let strikes = strikes(&[("2026-06-01T08:00", &[&first]), ("2026-06-10T12:00", after)]);
            assert_eq!(strikes.last(at("2026-06-10T11:59")), None);
            assert_eq!(strikes.last(at("2026-06-11T00:00")), Some(at("2026-06-10T12:00")));
        }
    }

    #[test]
    fn a_deadline_that_is_put_off_in_time_strikes_later() {
        let (first, later) = (
            version(None, Some("2026-06-10T12:00:00")),
            version(None, Some("2026-06-20T12:00:00")),
        );
        let strikes = strikes(&[("2026-06-01T08:00", &[&first]), ("2026-06-10T11:59", &[&later])]);
        assert_eq!(strikes.last(at("2026-06-20T11:59")), None);
        assert_eq!(strikes.last(at("2026-06-20T12:00")), Some(at("2026-06-20T12:00")));
    }

    #[test]
    fn a_deadline_counts_from_the_date_on_which_its_version_does() {
        let (first, tomorrow) = (
            version(None, Some("2026-06-20T12:00:00")),
            version(Some("2026-06-15"), Some("2026-06-10T12:00:00")),
        );
        let strikes = strikes(&[("2026-06-12T08:00", &[&first, &tomorrow])]);
        assert_eq!(strikes.last(at("2026-06-14T23:59")), None);
        assert_eq!(strikes.last(at("2026-06-15T00:00")), Some(at("2026-06-10T12:00")));
        // The first version is over by then.
        assert_eq!(strikes.last(at("2026-07-01T00:00")), Some(at("2026-06-10T12:00")));
    }

    #[test]
    fn a_snapshot_keeps_what_struck() {
        let first = version(None, Some("2026-06-10T12:00:00"));
        let strikes = strikes(&[("2026-06-01T08:00", &[&first]), ("2026-06-11T00:00", &[])]);
        let mut bytes = Vec::new();
        strikes.export(&mut bytes);
        assert_eq!(Strikes::import(&mut &bytes[..]), Some(strikes.clone()));
        assert_ne!(strikes.digest(), Strikes::default().digest());
    }
}
