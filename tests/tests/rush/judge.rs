//! The judge against answers that are made up: right ones, and each kind of wrong one.

use satang_tests::rush::judge::{Answer, Application, Asked, Tally, judge};

/// An application of `citizen` through `wallet`, and its answer: the reason, the sequence, and the ticket when accepted.
fn asked(id: u64, citizen: u64, wallet: u64, reason: &str, sequence: u64, ticket: u64) -> Asked {
    let registration_id = format!("0197a1d2-0f6e-7c3a-8b1e-{id:012x}");
    let accepted = reason == "accepted";
    let first = Answer {
        registration_id: registration_id.clone(),
        decision: if accepted { "accepted" } else { "rejected" }.to_owned(),
        reason: reason.to_owned(),
        ticket: accepted.then_some(ticket),
        registered_at: accepted.then(|| format!("2026-05-25T08:00:{:02}+07:00", sequence / 10)),
        sequence,
        replayed: false,
    };
    let again = Answer {
        replayed: true,
        ..first.clone()
    };
    Asked {
        application: Application {
            registration_id,
            citizen,
            wallet,
        },
        first,
        repeated: false,
        again,
    }
}

/// The same, told without a record.
fn told(id: u64, citizen: u64, wallet: u64, sequence: u64) -> Asked {
    let mut asked = asked(id, citizen, wallet, "quota_full", sequence, 0);
    asked.again.replayed = false;
    asked
}

/// Three places, and everything that can happen around them; in no order.
fn right() -> Vec<Asked> {
    let mut answers = vec![
        told(9, 7, 7, 15),
        asked(1, 1, 1, "accepted", 10, 1),
        asked(4, 4, 4, "accepted", 14, 3),
        asked(2, 1, 2, "already_registered", 11, 0),
        asked(3, 3, 1, "wallet_taken", 13, 0),
        asked(5, 5, 5, "accepted", 12, 2),
        asked(7, 7, 7, "quota_full", 15, 0),
        asked(8, 8, 4, "wallet_taken", 16, 0),
        asked(10, 4, 10, "already_registered", 18, 0),
        told(11, 7, 11, 15),
    ];
    // This one was in flight at a kill, and turned out to be durable.
    answers[5].repeated = true;
    answers[5].first.replayed = true;
    answers
}

#[track_caller]
fn is_wrong(asked: &[Asked], words: &str) {
    let wrong = judge(3, asked).unwrap_err();
    assert!(wrong.contains(words), "{wrong}");
}

#[track_caller]
fn with(change: impl FnOnce(&mut Vec<Asked>), words: &str) {
    let mut asked = right();
    change(&mut asked);
    is_wrong(&asked, words);
}

#[test]
fn a_right_morning_is_right_in_any_order() {
    let tally = Tally {
        accepted: 3,
        already_registered: 2,
        wallet_taken: 2,
        quota_full: 1,
        told: 2,
    };
    assert_eq!(judge(3, &right()), Ok(tally));
    let mut backwards = right();
    backwards.reverse();
    assert_eq!(judge(3, &backwards), Ok(tally));
}

#[test]
fn a_place_that_nobody_got_is_found() {
    with(
        |asked| asked.retain(|one| one.first.ticket != Some(3)),
        "must be accepted after",
    );
    // Nobody came after: only the count shows it.
    let two: Vec<Asked> = right()
        .into_iter()
        .filter(|one| matches!(one.first.ticket, Some(1 | 2)))
        .collect();
    is_wrong(&two, "2 were accepted, there are 3 places");
}

#[test]
fn one_place_more_than_there_are_is_found() {
    with(
        |asked| asked.push(asked_late(6, "accepted")),
        "must be quota_full after",
    );
}

fn asked_late(id: u64, reason: &str) -> Asked {
    asked(id, id, id, reason, 40, 4)
}

#[test]
fn a_ticket_given_twice_or_out_of_order_is_found() {
    let set = |asked: &mut Vec<Asked>, at: usize, ticket: u64| {
        asked[at].first.ticket = Some(ticket);
        asked[at].again.ticket = Some(ticket);
    };
    with(|asked| set(asked, 2, 2), "ticket 3 is missing");
    with(
        |asked| {
            set(asked, 2, 2);
            set(asked, 5, 3);
        },
        "ticket 2 is missing",
    );
}

#[test]
fn a_citizen_or_a_wallet_with_two_places_is_found() {
    with(
        |asked| asked[5].application.citizen = 1,
        "must be already_registered",
    );
    with(|asked| asked[5].application.wallet = 1, "must be wallet_taken");
}

#[test]
fn an_answer_that_changes_is_found() {
    with(|asked| asked[1].again.sequence = 99, "first Answer");
    with(|asked| asked[1].again.ticket = Some(2), "first Answer");
    with(|asked| asked[1].again.replayed = false, "decided anew");
    with(
        |asked| asked[4].again.reason = "quota_full".to_owned(),
        "first Answer",
    );
}

#[test]
fn a_replay_of_what_nobody_asked_is_found() {
    with(|asked| asked[5].repeated = false, "nobody had asked before");
}

#[test]
fn a_refusal_that_is_recorded_twice_or_told_with_another_sequence_is_found() {
    with(|asked| asked[0].again.replayed = true, "two ids have one record");
    let recorded = |asked: &mut Vec<Asked>| {
        asked[0].again.replayed = true;
        asked[0].first.sequence = 17;
        asked[0].again.sequence = 17;
    };
    with(recorded, "recorded twice for one citizen");
    let elsewhere = |asked: &mut Vec<Asked>| {
        asked[0].first.sequence = 16;
        asked[0].again.sequence = 16;
    };
    with(elsewhere, "was told at 15 first");
    with(
        |asked| asked[0].application.citizen = 77,
        "never told with a record",
    );
}

#[test]
fn an_answer_of_another_shape_is_found() {
    with(
        |asked| asked[1].first.registration_id = "another".to_owned(),
        "is no answer",
    );
    with(
        |asked| asked[3].first.decision = "accepted".to_owned(),
        "is no answer",
    );
    with(|asked| asked[3].first.ticket = Some(9), "is no answer");
    with(|asked| asked[1].first.registered_at = None, "is no answer");
}

#[test]
fn a_time_that_goes_back_is_found() {
    let late = |asked: &mut Vec<Asked>| {
        let time = Some("2026-05-25T08:00:59+07:00".to_owned());
        asked[1].first.registered_at = time.clone();
        asked[1].again.registered_at = time;
    };
    with(late, "after 2026-05-25T08:00:59+07:00");
}
