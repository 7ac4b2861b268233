//! The model held against a pencil: deadlines that change with the files, and lapses that stay.

use serde_json::{Value, json};

use super::examples_registration::{FAIR, OLD_FAIR, Office, wallet};
use satang_tests::oracle::Model;
use satang_tests::oracle::calendar::Instant;

/// Two rights in `fair`, registered until the end of the year, to be used before this instant.
fn fair(first_use_by: Option<&str>, more: &str) -> String {
    let line = first_use_by.map_or(String::new(), |by| format!("first_use_by = {by}\n"));
    FAIR.replace("first_use_by = 2026-06-10T23:00:00\n", &line)
        .replace("closes = 2026-05-29\n", "")
        .replace("quota = 3", "quota = 2")
        .replace("usable_from = 2026-06-03\n", more)
}

const JUNE: Option<&str> = Some("2026-06-10T12:00:00");
const JULY: Option<&str> = Some("2026-07-10T12:00:00");

impl Office {
    /// Two rights in `fair`, of which the first has been used.
    fn of_two() -> Office {
        let mut office = Office::open(&[&fair(JUNE, "")], "2026-06-05T12:00:00+07:00");
        for person in [1, 2] {
            assert_eq!(office.told(person, json!({})), "accepted");
        }
        assert_eq!(office.buys(1, 1, "fair"), "approved");
        office
    }

    fn reload(&mut self, texts: &[&str]) -> Value {
        let files: Vec<(String, String)> = texts
            .iter()
            .map(|text| ("some.toml".into(), (*text).into()))
            .collect();
        self.model.reload(&files).unwrap()["$subset"].clone()
    }

    /// What person 2 is told who never bought anything, and how many rights live.
    fn second(&mut self, number: u32) -> Value {
        json!([self.buys(number, 2, "fair"), self.registered("fair")])
    }
}

#[test]
fn a_deadline_that_is_put_off_or_removed_wakes_nobody() {
    for later in [JULY, None] {
        let mut office = Office::of_two();
        office.clock("2026-06-10T12:00:00+07:00");
        assert_eq!(office.second(2), json!(["entitlement_lapsed", 1]));
        assert_eq!(office.told(3, json!({})), "accepted");
        office.reload(&[&fair(later, "")]);
        assert_eq!(office.second(3), json!(["entitlement_lapsed", 2]));
        assert_eq!(office.told(4, json!({})), "quota_full");
        assert_eq!(office.told(2, json!({})), "quota_full");
        office.clock("2026-07-11T12:00:00+07:00");
        assert_eq!(office.buys(4, 1, "fair"), "approved");
        assert_eq!(
            office.buys(5, 3, "fair"),
            if later == JULY {
                "entitlement_lapsed"
            } else {
                "approved"
            },
            "the third is one of those who were registered before"
        );
    }
}

#[test]
fn a_deadline_that_is_put_off_in_time_helps() {
    let mut office = Office::of_two();
    office.clock("2026-06-10T11:59:59.999+07:00");
    office.reload(&[&fair(JULY, "")]);
    office.clock("2026-06-10T12:00:00+07:00");
    assert_eq!(office.held(2)[0]["first_use_by"], "2026-07-10T12:00:00+07:00");
    assert_eq!(office.second(2), json!(["approved", 2]));
}

#[test]
fn a_deadline_that_is_brought_forward_strikes_at_once() {
    let mut office = Office::of_two();
    office.clock("2026-06-06T12:00:00+07:00");
    office.reload(&[&fair(Some("2026-06-05T12:00:00"), "")]);
    assert_eq!(
        office.second(2),
        json!(["approved", 2]),
        "it was registered at that very instant"
    );
    let mut office = Office::of_two();
    office.clock("2026-06-06T12:00:00+07:00");
    office.reload(&[&fair(Some("2026-06-05T12:00:01"), "")]);
    assert_eq!(office.second(2), json!(["entitlement_lapsed", 1]));
    assert_eq!(office.told(3, json!({})), "accepted");
    assert_eq!(office.held(3)[0]["first_use_by"], Value::Null);
    assert_eq!(office.buys(3, 1, "fair"), "approved");
    office.reload(&[&fair(None, "")]);
    assert_eq!(office.second(4), json!(["entitlement_lapsed", 2]));
}

#[test]
fn a_deadline_counts_from_the_day_its_version_does() {
    let coming = fair(Some("2026-06-06T00:00:00"), "effective_from = 2026-06-08\n");
    let mut office = Office::of_two();
    let told = office.reload(&[&coming]);
    assert_eq!(
        told,
        json!({
            "programs": [{ "id": "fair", "changed": true, "effective_from": "2026-06-08" }], "removed": [],
        })
    );
    office.clock("2026-06-07T23:59:59.999+07:00");
    assert_eq!(office.registered("fair"), 2);
    office.clock("2026-06-08T00:00:00+07:00");
    assert_eq!(office.second(2), json!(["outside_hours", 1]));
    office.clock("2026-06-08T12:00:00+07:00");
    assert_eq!(office.second(3), json!(["entitlement_lapsed", 1]));
    // Until then the earlier version counts, with its deadline.
    let mut office = Office::of_two();
    office.reload(&[&fair(None, "effective_from = 2026-06-12\n")]);
    office.clock("2026-06-13T12:00:00+07:00");
    assert_eq!(office.second(2), json!(["entitlement_lapsed", 1]));
    // A version that is superseded before its day never counts.
    let mut office = Office::of_two();
    office.reload(&[&coming]);
    office.reload(&[&fair(JULY, "")]);
    office.clock("2026-06-13T12:00:00+07:00");
    assert_eq!(office.second(2), json!(["approved", 2]));
}

#[test]
fn a_file_that_changed_while_the_server_was_down_wakes_nobody() {
    let texts = vec![("some.toml".to_owned(), fair(JULY, ""))];
    let mut office = Office::of_two();
    // The start is after the deadline: until then the earlier version was in force.
    office
        .model
        .pass_time(Instant::parse("2026-06-11T12:00:00+07:00").unwrap());
    office.model.reload(&texts).unwrap();
    assert_eq!(office.second(2), json!(["entitlement_lapsed", 1]));
    let mut office = Office::of_two();
    office
        .model
        .pass_time(Instant::parse("2026-06-10T11:00:00+07:00").unwrap());
    office.model.reload(&texts).unwrap();
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.second(2), json!(["approved", 2]));
}

#[test]
fn a_file_that_vanishes_and_comes_back_keeps_the_lapses() {
    let mut office = Office::of_two();
    office.clock("2026-06-11T12:00:00+07:00");
    let told = office.reload(&[OLD_FAIR]);
    assert_eq!(told["removed"], json!(["fair"]));
    assert_eq!(office.buys(2, 1, "fair"), "program_unknown");
    assert_eq!(office.held(1), json!([]));
    assert_eq!(office.look("/v1/programs/fair"), json!({ "$problem": 404 }));
    office.reload(&[&fair(JULY, ""), OLD_FAIR]);
    assert_eq!(office.second(3), json!(["entitlement_lapsed", 1]));
    assert_eq!(office.buys(4, 1, "fair"), "approved");
    // While the file is away no deadline strikes; it does when it comes back.
    let mut office = Office::of_two();
    office.reload(&[OLD_FAIR]);
    office.clock("2026-06-11T12:00:00+07:00");
    office.reload(&[&fair(JULY, "")]);
    assert_eq!(office.second(2), json!(["approved", 2]));
    let mut office = Office::of_two();
    office.reload(&[OLD_FAIR]);
    office.clock("2026-06-11T12:00:00+07:00");
    office.reload(&[&fair(JUNE, "")]);
    assert_eq!(office.second(2), json!(["entitlement_lapsed", 1]));
}

#[test]
fn a_programme_that_is_to_come_is_shown_and_not_open() {
    let coming = fair(None, "effective_from = 2026-06-06\n");
    let mut office = Office::open(&[&coming], "2026-06-05T12:00:00+07:00");
    assert_eq!(office.told(1, json!({})), "program_unknown");
    assert_eq!(
        office.look("/v1/programs/fair")["$subset"]["registration"]["open"],
        false
    );
    // Who is imported is there before it begins.
    assert_eq!(office.enroll(2, json!({})), "accepted");
    assert_eq!(office.buys(1, 2, "fair"), "program_unknown");
    office.clock("2026-06-06T12:00:00+07:00");
    assert_eq!(
        office.look("/v1/programs/fair")["$subset"]["registration"]["open"],
        true
    );
    assert_eq!(office.told(1, json!({})), "accepted");
    assert_eq!(office.second(3), json!(["approved", 2]));
    // It is full and still open: who asks now is told so.
    assert_eq!(
        office.look("/v1/programs/fair")["$subset"]["registration"]["open"],
        true
    );
    assert_eq!(office.told(3, json!({})), "quota_full");
}

#[test]
fn who_held_a_programme_whose_file_is_gone_comes_back_from_it() {
    let mut office = Office::open(&[FAIR, OLD_FAIR], "2026-05-22T12:00:00+07:00");
    assert_eq!(office.enroll(1, json!({ "program": "old-fair" })), "accepted");
    office.reload(&[FAIR]);
    assert_eq!(office.told(1, json!({})), "accepted");
    assert_eq!(office.told(2, json!({})), "registration_closed");
    let held = office.look(&format!("/v1/wallets/{}", wallet(1)))["programs"].clone();
    assert_eq!(held[0]["usable_from"], "2026-06-01");
    // A line says nothing of the day: who came back keeps the returning date.
    assert_eq!(office.enroll(1, json!({ "tier": "student" })), "accepted");
    let held = office.look(&format!("/v1/wallets/{}", wallet(1)))["programs"].clone();
    assert_eq!(
        [held[0]["usable_from"].clone(), held[0]["tier"].clone()],
        ["2026-06-01", "student"]
    );
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let mut model = Model::new(
        &[("fair.toml".into(), fair(JUNE, ""))],
        "2026-06-05T12:00:00+07:00",
    );
    let wrong = [
        ("fair.toml".to_owned(), fair(None, "")),
        ("wrong.toml".to_owned(), "id = ".to_owned()),
    ];
    assert!(model.reload(&wrong).is_err());
    assert_eq!(model.programmes().next().unwrap().text, fair(JUNE, ""));
}
