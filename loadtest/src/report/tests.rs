use super::*;
use crate::ids::IdVersion;
use crate::registration::People;
use crate::stats::Answered;
use crate::target::Target;
use crate::workload::{Mix, Workload};
use std::time::Duration;

fn plan(people: Option<People>) -> Plan {
    Plan {
        target: Target::parse("http://127.0.0.1:9", &[]).unwrap(),
        load: Load::Closed,
        duration: Duration::from_secs(10),
        warmup: Duration::from_secs(2),
        drain: Duration::ZERO,
        connections: 1,
        threads: 1,
        people,
        workload: Workload {
            program: "p".into(),
            channel: "store".into(),
            wallets: 1,
            merchants: 1,
        },
        mix: Mix::default(),
        batch_len: 10,
        wire: WireForm::Json,
        ids: IdVersion::V4,
        seed: 1,
        id_seed: 1,
        id_base_unix_ms: 0,
        check_answers: true,
    }
}

/// Batches of ten, of which some were answered rightly, the last of them at this second.
fn seen(answered: u64, right: u64, last_done_s: u64) -> Seen {
    let mut seen = Seen::default();
    for index in 0..answered {
        let times = Answered {
            intended_ns: 0,
            sent_ns: 0,
            done_ns: last_done_s * 1_000_000_000,
        };
        seen.counted.sent(Kind::Registration, 10);
        seen.counted.answered(Kind::Registration, times, 200);
        if index < right {
            seen.counted.right(Kind::Registration, 10);
        }
    }
    seen
}

fn rates(people: Option<People>, seen: &Seen) -> (f64, f64, u64) {
    let report = Report::new(&plan(people), seen, &Expected::default());
    (report.requests_per_s, report.elements_per_s, report.not_asked)
}

#[test]
fn only_right_answers_are_an_achievement() {
    assert_eq!(rates(None, &seen(80, 80, 10)), (10.0, 100.0, 0));
    assert_eq!(rates(None, &seen(80, 40, 10)), (5.0, 50.0, 0));
    assert_eq!(rates(None, &seen(80, 0, 10)), (0.0, 0.0, 0));
}

#[test]
fn a_server_that_answers_for_half_of_the_time_has_achieved_half() {
    assert_eq!(rates(None, &seen(40, 40, 6)), (5.0, 50.0, 0));
}

#[test]
fn a_rush_lasts_until_everybody_has_asked() {
    let of = |count| Some(People { first: 0, count });
    assert_eq!(rates(of(400), &seen(40, 40, 6)), (10.0, 100.0, 0));
    assert_eq!(rates(of(500), &seen(40, 40, 6)), (5.0, 50.0, 100));
}
