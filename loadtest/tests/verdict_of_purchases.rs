//! Runs that did not get what they should say FAILED and why, and nothing else does.

mod fake;

use fake::{Reply, approve, fake, problem, purchase, run};
use serde_json::{Value, json};

/// Every purchase is declined for this reason.
fn declining(reason: &'static str) -> String {
    fake(None, move |asked| Reply::Say(200, purchase(&asked.body, reason)))
}

#[test]
fn a_run_in_which_everything_is_approved_passes_one_by_one_and_in_batches() {
    let url = fake(None, approve);
    let ran = run(&url, &["--rate", "1000"]).passed();
    ran.shows("right answers            100\n");
    ran.shows("at least 95 (95.00 %) approved");
    let ran = run(&url, &["--rate", "100", "--batch", "7"]).passed();
    ran.shows("right answers            10\n");
    ran.shows("approved                           70 100.00 %");
}

#[test]
fn a_run_in_which_every_merchant_is_unknown_fails() {
    run(&declining("merchant_unknown"), &["--rate", "1000"]).failed(&[
        "all 100 authorizations were declined merchant_unknown: is the merchant imported?",
        "0 of 100 authorizations approved, expected at least 95",
    ]);
}

#[test]
fn a_decline_that_the_workload_does_not_earn_fails_however_rare_it_is() {
    for (reason, hint) in [
        ("program_unknown", "--program"),
        ("outside_hours", "opening hours"),
        ("wallet_suspended", "suspended"),
        ("not_registered", "enrolled"),
    ] {
        let url = fake(None, move |asked| match asked.number {
            42 => Reply::Say(200, purchase(&asked.body, reason)),
            _ => approve(asked),
        });
        let words = format!("1 of 100 authorizations were declined {reason}: ");
        run(&url, &["--rate", "1000"]).failed(&[&words, hint]);
    }
}

#[test]
fn wallets_without_room_fail_and_the_reason_says_what_to_do() {
    run(&declining("daily_cap_exhausted"), &["--rate", "1000"]).failed(&[
        "0 of 100 authorizations approved",
        "100 daily_cap_exhausted",
        "a later date, or --approved-min",
    ]);
    run(
        &declining("daily_cap_exhausted"),
        &["--rate", "1000", "--approved-min", "0"],
    )
    .passed();
}

#[test]
fn a_share_that_was_asked_for_is_held_against_in_both_directions() {
    let url = fake(None, |asked| match asked.number % 2 {
        0 => approve(asked),
        _ => Reply::Say(200, purchase(&asked.body, "outside_hours")),
    });
    let with = |more: &[&str]| {
        let allowed = ["--rate", "1000", "--allow-reason", "outside_hours"];
        run(&url, &[&allowed[..], more].concat())
    };
    with(&["--approved-min", "0.5"]).passed();
    with(&["--approved-max", "0.5"]).passed();
    with(&["--approved-min", "0.4", "--approved-max", "0.6"]).passed();
    with(&[]).failed(&["50 of 100 authorizations approved, expected at least 95"]);
    with(&["--approved-min", "0.51"]).failed(&["expected at least 51 (asked for)"]);
    with(&["--approved-max", "0.49"]).failed(&["expected at most 49 (asked for)"]);
    // The share alone does not make a fault of the run's own a virtue.
    run(&url, &["--rate", "1000", "--approved-min", "0.5"])
        .failed(&["50 of 100 authorizations were declined outside_hours"]);
}

#[test]
fn a_full_disk_fails_and_is_no_overload() {
    let url = fake(None, |_| problem(503, "disk_full"));
    for more in [
        &["--rate", "1000"][..],
        &["--rate", "1000", "--overload-max", "1"],
    ] {
        let ran = run(&url, more).failed(&[
            "none of 100 answers was right",
            "all 100 answers were 503 disk_full: free room on the disk",
        ]);
        ran.shows("right answers            0\n");
        assert!(
            ran.words.contains("first odd answer: status 503"),
            "{}",
            ran.words
        );
    }
}

#[test]
fn overload_fails_unless_a_share_of_it_was_allowed() {
    let url = fake(None, |asked| match asked.number % 4 {
        0 => problem(503, "overloaded"),
        _ => approve(asked),
    });
    let with = |share| run(&url, &["--rate", "1000", "--overload-max", share]);
    run(&url, &["--rate", "1000"]).failed(&["25 of 100 answers were 503 overloaded", "--overload-max"]);
    with("0.24").failed(&["25 of 100 answers were 503 overloaded, allowed is a share of 0.24"]);
    let ran = with("0.25").passed();
    // What was refused is no achievement.
    ran.shows("right answers            75\n");
}

#[test]
fn a_wrong_key_and_every_other_status_fail() {
    for (status, hint) in [
        (401, "--key-file"),
        (403, "role"),
        (409, "--id-seed"),
        (500, "log"),
    ] {
        let url = fake(None, move |asked| match asked.number {
            7 => problem(status, "x"),
            _ => approve(asked),
        });
        run(&url, &["--rate", "1000"]).failed(&[&format!("1 of 100 answers were {status} x: "), hint]);
    }
}

#[test]
fn a_server_that_dies_leaves_few_requests_lost_and_the_others_not_sent() {
    let url = fake(None, |asked| match asked.number {
        40 => Reply::Die,
        _ => approve(asked),
    });
    let file = std::env::temp_dir().join(format!("satang-loadtest-killed-{}.json", std::process::id()));
    let json = file.to_str().unwrap();
    let ran = run(&url, &["--rate", "1000", "--drain-s", "0.1", "--json", json]).failed(&[
        "1 of 41 requests were not answered",
        "; 59 requests that were due were not sent",
        "connections could not be opened: the server was away",
    ]);
    ran.shows("right answers            40\n");
    ran.shows("not answered             1\n");
    ran.shows("not sent                 59 ");
    let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        (&report["verdict"], &report["not_sent"]),
        (&json!("failed"), &json!(59))
    );
    assert_eq!(
        report["kinds"][0],
        json!({ "kind": "authorization", "sent": 41, "answered": 40, "right": 40 })
    );
    assert!(report["reasons"][0].as_str().unwrap().contains("not answered"));
}

#[test]
fn a_closed_loop_against_a_server_that_dies_fails_too() {
    let url = fake(None, |asked| match asked.number {
        40 => Reply::Die,
        _ => approve(asked),
    });
    run(&url, &["--closed", "--drain-s", "0.1"]).failed(&["1 of 41 requests were not answered", "away"]);
}

#[test]
fn a_request_without_an_answer_fails_though_the_next_ones_are_answered() {
    let url = fake(None, |asked| match asked.number {
        3 => Reply::Hang,
        _ => approve(asked),
    });
    run(&url, &["--rate", "1000"]).failed(&["1 of 100 requests were not answered"]);
}

#[test]
fn answers_in_the_warm_up_alone_are_no_answers_and_its_losses_are_losses() {
    let warm = ["--rate", "1000", "--warmup-s", "0.05"];
    let url = fake(None, |asked| match asked.number {
        ..50 => approve(asked),
        _ => problem(500, ""),
    });
    run(&url, &warm).failed(&["none of 50 answers was right (the warm-up had 50 right answers)"]);
    let lost = fake(None, |asked| match asked.number {
        3 => Reply::Hang,
        _ => approve(asked),
    });
    run(&lost, &warm).failed(&["in the warm-up: 1 of 50 requests were not answered"]);
}

#[test]
fn garbage_and_another_purchases_answer_fail() {
    let garbage = fake(None, |_| Reply::Say(200, "<html>it works</html>".to_owned()));
    run(&garbage, &["--rate", "1000"]).failed(&[
        "none of 100 answers was right",
        "100 of 100 answers broke a promise: a 200 answer has a decision and a reason",
    ]);
    let maybe = fake(None, |asked| {
        Reply::Say(
            200,
            purchase(&asked.body, "approved").replace("approved", "maybe"),
        )
    });
    run(&maybe, &["--rate", "1000"]).failed(&["a decision is approved or declined"]);
    let swapped = fake(None, |asked| {
        let elements = asked.body["authorizations"].as_array().unwrap().iter();
        let results: Vec<String> = elements.rev().map(|one| purchase(one, "approved")).collect();
        Reply::Say(200, format!("{{\"results\":[{}]}}", results.join(",")))
    });
    run(&swapped, &["--rate", "100", "--batch", "3"])
        .failed(&["none of 10 answers was right", "the request's ids in their order"]);
}

#[test]
fn a_reversal_of_a_purchase_that_the_server_has_forgotten_fails() {
    let url = fake(None, |asked| match asked.path.contains("/reversals") {
        true => {
            let id = &asked.body["reversal_id"];
            let answer = json!({ "reversal_id": id, "decision": "approved", "reason": "original_not_found" });
            Reply::Say(200, answer.to_string())
        }
        false => approve(asked),
    });
    run(&url, &["--rate", "1000", "--reversals", "30"])
        .failed(&["approved original_not_found: the server does not know a purchase that it approved"]);
}

#[test]
fn a_report_that_cannot_be_written_fails() {
    let url = fake(None, approve);
    run(&url, &["--rate", "1000", "--json", "/no/such/folder/report.json"]).failed(&["cannot write"]);
}
