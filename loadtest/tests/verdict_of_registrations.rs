//! A rush that did not get what it should says FAILED and why; what it should get, the places say.

mod fake;

use fake::{Asked, Ran, Reply, approve, fake, loadtest, registration};
use serde_json::json;

fn register(url: &str, more: &[&str]) -> Ran {
    let fixed = [
        "register",
        "--server",
        url,
        "--closed",
        "--connections",
        "1",
        "--drain-s",
        "0.1",
        "--people",
        "100",
    ];
    loadtest(&[&fixed, more].concat())
}

/// Accepts the first so many people and tells the others this reason.
fn accepting(places: u64, reason: &'static str) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked| match asked.number < places {
        true => approve(asked),
        false => Reply::Say(200, registration(&asked.body, reason, None)),
    }
}

#[test]
fn everybody_is_accepted_while_places_are_left() {
    for remaining in [None, Some(100), Some(30_000_000)] {
        let ran = register(&fake(remaining, approve), &[]).passed();
        ran.shows("exactly 100 (100.00 %) accepted");
    }
}

#[test]
fn a_closed_registration_fails() {
    register(&fake(Some(30_000_000), accepting(0, "registration_closed")), &[]).failed(&[
        "all 100 registrations were rejected registration_closed: is the registration open",
        "0 of 100 registrations accepted, expected at least 100 (30,000,000 places were left)",
    ]);
}

#[test]
fn as_many_are_accepted_as_there_are_places() {
    register(&fake(Some(30), accepting(30, "quota_full")), &[]).passed();
    register(&fake(Some(31), accepting(30, "quota_full")), &[]).failed(&[
        "30 of 100 registrations accepted, expected at least 31",
        "70 quota_full",
    ]);
    register(&fake(Some(29), accepting(30, "quota_full")), &[])
        .failed(&["30 of 100 registrations accepted, expected at most 29"]);
}

#[test]
fn people_of_an_earlier_run_are_named() {
    register(&fake(Some(1_000), accepting(40, "already_registered")), &[]).failed(&[
        "60 of 100 registrations were rejected already_registered",
        "--first-person",
    ]);
    let url = fake(Some(1_000), accepting(40, "already_registered"));
    register(
        &url,
        &["--accepted-min", "0.4", "--allow-reason", "already_registered"],
    )
    .passed();
}

#[test]
fn the_late_are_held_against_the_places_and_those_who_ask_again_against_their_rights() {
    // The counters of this server never move: 150 places before each phase.
    let url = fake(Some(150), accepting(150, "already_registered"));
    let ran = register(&url, &["--late", "50", "--again", "1"]).passed();
    assert_eq!(ran.table.matches("phase  ").count(), 3, "{}", ran.table);
    let url = fake(Some(150), accepting(120, "quota_full"));
    register(&url, &["--late", "50"])
        .failed(&["late, told for the first time: 20 of 50 registrations accepted, expected at least 50"]);
}

#[test]
fn a_server_that_dies_ends_the_phases_and_those_who_did_not_ask_are_not_lost() {
    let url = fake(Some(1_000), |asked| match asked.number {
        40 => Reply::Die,
        _ => approve(asked),
    });
    let ran = register(&url, &["--late", "50", "--duration-s", "0.2"]).failed(&[
        "registering: 1 of 41 requests were not answered",
        "registering: ",
        "the server was away",
        "no answer from http://",
    ]);
    ran.shows("not answered             1\n");
    ran.shows("not sent                 59 people");
    assert!(
        !ran.table.contains("late, told for the first time\n"),
        "{}",
        ran.table
    );
}

#[test]
fn of_a_schedule_only_people_who_are_left_are_not_sent() {
    let url = fake(Some(1_000), |asked| match asked.number {
        40 => Reply::Die,
        _ => approve(asked),
    });
    // The schedule has room for 200 requests, but the people are 100.
    let fixed = [
        "register",
        "--server",
        &url,
        "--connections",
        "1",
        "--rate",
        "1000",
    ];
    let more = ["--people", "100", "--duration-s", "0.2", "--drain-s", "0.1"];
    loadtest(&[&fixed[..], &more].concat()).failed(&[
        "1 of 41 requests were not answered",
        "; 59 requests that were due were not sent",
    ]);
}

#[test]
fn batches_of_registrations_are_held_against_their_ids() {
    let url = fake(Some(1_000), |asked| {
        let elements = asked.body["registrations"].as_array().unwrap();
        let of = |(index, one)| registration(one, "accepted", Some(asked.number * 30 + index as u64 + 1));
        let results: Vec<String> = elements.iter().enumerate().map(of).collect();
        Reply::Say(200, format!("{{\"results\":[{}]}}", results.join(",")))
    });
    let ran = register(&url, &["--batch", "30"]).passed();
    ran.shows("100, 1 … 100, each once");
}

#[test]
fn another_persons_answer_and_a_place_without_a_ticket_fail() {
    let other = fake(Some(1_000), |_| {
        let other = json!({ "registration_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10" });
        Reply::Say(200, registration(&other, "accepted", Some(1)))
    });
    register(&other, &[]).failed(&["none of 100 answers was right", "the request's registration_id"]);
    let ticketless = fake(Some(1_000), |asked| {
        Reply::Say(200, registration(&asked.body, "accepted", None))
    });
    register(&ticketless, &[]).failed(&["none of 100 answers was right", "gets a ticket, and nobody else"]);
}
