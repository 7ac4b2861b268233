//! When requests are due.
//!
//! An open loop has a schedule fixed before the run; a late answer makes later requests late, never fewer, and
//! each keeps its **intended** instant. Time is an argument (ns since the run began), so the accounting is tested
//! in virtual time.

use crate::random::Random;

/// The shape of an open loop's schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly spaced.
    Fixed,
    /// Independent arrivals: exponential gaps, as many separate shops make them. Bursts belong to it.
    Poisson,
}

/// What makes the next request due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// A schedule that answers cannot move.
    Open {
        /// Requests per second over all threads.
        rate: f64,
        /// Shape of the schedule.
        arrivals: Arrivals,
    },
    /// Every connection sends again as soon as it was answered. Measures throughput; its latencies hide queueing.
    Closed,
}

/// What the sender does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send a request that was due at this instant (now or in the past).
    Send {
        /// The instant latency is counted from, ns since the run began.
        intended_ns: u64,
    },
    /// Nothing is due before this instant.
    WaitUntil {
        /// When the next request is due, ns since the run began.
        at_ns: u64,
    },
    /// The schedule is over.
    Finished,
}

/// One sender thread's part of the load: every `threads`-th request of a fixed schedule, or a Poisson schedule of
/// its own at its share of the rate (together they are a Poisson schedule again).
#[derive(Clone, Debug)]
pub struct Pacer {
    load: Load,
    duration_ns: u64,
    next_index: u64,
    threads: u64,
    next_ns: u64,
    poisson_ns: f64,
    random: Random,
}

impl Pacer {
    /// The part of thread `thread` among `threads`. `seed` matters for Poisson only.
    pub fn new(load: Load, duration_ns: u64, thread: u64, threads: u64, seed: u64) -> Self {
        let mut pacer = Pacer {
            load,
            duration_ns,
            next_index: thread,
            threads: threads.max(1),
            next_ns: 0,
            poisson_ns: 0.0,
            random: Random::new(seed ^ 0x5ced_u64, thread),
        };
        pacer.draw();
        pacer
    }

    /// Takes the next request of the schedule when it is due at `now_ns`.
    pub fn next(&mut self, now_ns: u64) -> Next {
        match self.load {
            Load::Closed if now_ns < self.duration_ns => Next::Send { intended_ns: now_ns },
            Load::Closed => Next::Finished,
            Load::Open { .. } if self.next_ns >= self.duration_ns => Next::Finished,
            Load::Open { .. } if self.next_ns > now_ns => Next::WaitUntil { at_ns: self.next_ns },
            Load::Open { .. } => {
                let intended_ns = self.next_ns;
                self.next_index += self.threads;
                self.draw();
                Next::Send { intended_ns }
            }
        }
    }

    fn draw(&mut self) {
        match self.load {
            Load::Closed => {}
            // From the index, not by adding gaps: no rounding error gathers over a long run.
            Load::Open {
                rate,
                arrivals: Arrivals::Fixed,
            } => {
                self.next_ns = (self.next_index as f64 * 1e9 / rate) as u64;
            }
            Load::Open {
                rate,
                arrivals: Arrivals::Poisson,
            } => {
                let gap_s = -(1.0 - self.random.unit()).ln() * self.threads as f64 / rate;
                self.poisson_ns += gap_s * 1e9;
                self.next_ns = self.poisson_ns as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Answered, Stats};
    use crate::workload::Kind;

    const SECOND: u64 = 1_000_000_000;

    fn all(pacer: &mut Pacer) -> Vec<u64> {
        std::iter::from_fn(|| match pacer.next(u64::MAX) {
            Next::Send { intended_ns } => Some(intended_ns),
            Next::WaitUntil { .. } | Next::Finished => None,
        })
        .collect()
    }

    #[test]
    fn a_fixed_schedule_is_even_and_threads_share_it_without_overlap() {
        let load = Load::Open {
            rate: 1_000.0,
            arrivals: Arrivals::Fixed,
        };
        let mut due: Vec<u64> = (0..3)
            .flat_map(|t| all(&mut Pacer::new(load, 2 * SECOND, t, 3, 1)))
            .collect();
        due.sort_unstable();
        assert_eq!(due, (0..2_000).map(|n| n * 1_000_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_poisson_schedule_has_the_rate_and_the_spread_of_one_and_is_reproducible() {
        let load = Load::Open {
            rate: 10_000.0,
            arrivals: Arrivals::Poisson,
        };
        let draw = |seed| -> Vec<u64> {
            let mut due: Vec<u64> = (0..2)
                .flat_map(|t| all(&mut Pacer::new(load, 20 * SECOND, t, 2, seed)))
                .collect();
            due.sort_unstable();
            due
        };
        let due = draw(7);
        assert!((198_000..202_000).contains(&due.len()), "{}", due.len());
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Of an exponential distribution the standard deviation equals the mean.
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.02,
            "{}",
            variance.sqrt() / mean
        );
        assert_eq!(due, draw(7));
    }

    #[test]
    fn a_request_is_never_early_and_waiting_takes_nothing_from_the_schedule() {
        let mut pacer = Pacer::new(
            Load::Open {
                rate: 10.0,
                arrivals: Arrivals::Fixed,
            },
            SECOND,
            0,
            1,
            1,
        );
        assert_eq!(pacer.next(0), Next::Send { intended_ns: 0 });
        assert_eq!(pacer.next(99_999_999), Next::WaitUntil { at_ns: 100_000_000 });
        assert_eq!(
            pacer.next(350_000_000),
            Next::Send {
                intended_ns: 100_000_000
            }
        );
        assert_eq!(
            pacer.next(350_000_000),
            Next::Send {
                intended_ns: 200_000_000
            }
        );
    }

    /// Drives one connection against a server that takes 100 µs, but stands still from 2 s to 3 s.
    fn one_connection_against_a_stall(load: Load) -> Stats {
        let mut pacer = Pacer::new(load, 10 * SECOND, 0, 1, 1);
        let mut stats = Stats::new();
        let mut now_ns = 0;
        loop {
            match pacer.next(now_ns) {
                Next::WaitUntil { at_ns } => now_ns = at_ns,
                Next::Finished => return stats,
                Next::Send { intended_ns } => {
                    let sent_ns = now_ns;
                    let stalled = (2 * SECOND..3 * SECOND).contains(&now_ns);
                    now_ns = if stalled { 3 * SECOND } else { now_ns } + 100_000;
                    let times = Answered {
                        intended_ns,
                        sent_ns,
                        done_ns: now_ns,
                    };
                    stats.answered(Kind::Authorization, times, 200);
                }
            }
        }
    }

    #[test]
    fn a_stall_shows_in_the_percentiles_from_the_intended_instant() {
        let stats = one_connection_against_a_stall(Load::Open {
            rate: 1_000.0,
            arrivals: Arrivals::Fixed,
        });
        // A tenth of the requests were due during the stall: they waited 1 s at most, half of them over 500 ms.
        let p99_ns = stats.latency.value_at_quantile(0.99);
        assert!((850_000_000..1_050_000_000).contains(&p99_ns), "{p99_ns}");
        assert!(stats.latency.value_at_quantile(0.90) > 50_000_000);
        // The service time alone would have hidden it: one request of 10,000 saw the stall.
        assert!(stats.service.value_at_quantile(0.999) < 200_000);
        assert!(stats.service.max() >= 990_000_000);
        assert_eq!(stats.latency.len(), 10_000);
    }

    #[test]
    fn a_closed_loop_hides_the_same_stall_which_is_why_its_report_says_so() {
        let stats = one_connection_against_a_stall(Load::Closed);
        assert!(stats.latency.value_at_quantile(0.999) < 200_000);
    }
}
