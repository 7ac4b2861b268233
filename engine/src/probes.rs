//! Long probes in the tables, told now and then: they harm nobody by themselves, but ids that nobody chose have none (adr/0023).

use std::time::{Duration, Instant as Moment};

/// How often they are counted, and so told of at most.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What was told of long probes.
#[derive(Debug, Default)]
pub struct ProbeWatch {
    told: u64,
    not_before: Option<Moment>,
}

impl ProbeWatch {
    /// How many long probes there were since the last look, if any; `count` says how many in all, and is asked once a minute at most.
    pub fn look(&mut self, now: Moment, count: impl FnOnce() -> u64) -> Option<u64> {
        if self.not_before.is_some_and(|moment| now < moment) {
            return None;
        }
        self.not_before = Some(now + LOOK_EVERY);
        let count = count();
        let new = count - std::mem::replace(&mut self.told, count);
        (new > 0).then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_probes_are_told_once_and_once_a_minute() {
        let (mut watch, start) = (ProbeWatch::default(), Moment::now());
        let mut at = |seconds, count| watch.look(start + Duration::from_secs(seconds), || count);
        assert_eq!(at(0, 0), None);
        assert_eq!(at(59, 7), None, "within the minute");
        assert_eq!(at(60, 9), Some(9));
        assert_eq!(at(119, 12), None, "within the minute");
        assert_eq!(at(120, 12), Some(3));
        assert_eq!(at(180, 12), None, "told before");
    }
}
