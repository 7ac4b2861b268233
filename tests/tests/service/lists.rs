//! Imported lists of citizens: what a line may be, that they only grow, and the warning while one is missing.

use crate::BINARY;
use crate::registrations::{durable_sequence, open};
use satang_tests::crash::citizen_id;
use satang_tests::process::ServerProcess;
use satang_tests::site::{NOON, PROGRAM, Site};
use satang_tests::wire::Wire;
use serde_json::{Value, json};

fn import(wire: &mut Wire, list: &str, text: impl AsRef<[u8]>) -> Value {
    let answer = wire.call("POST", &format!("/v1/lists/{list}/import"), text.as_ref());
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn shown(wire: &mut Wire, list: &str) -> Value {
    let answer = wire.call("GET", &format!("/v1/programs/{PROGRAM}"), b"");
    let lists = answer.expect("an answer").json()["lists"].take();
    let of_it = |shown: &&Value| shown["list"] == list;
    let found = lists.as_array().and_then(|lists| lists.iter().find(of_it));
    found.expect("the programme names it").clone()
}

#[test]
fn a_list_is_taken_with_or_without_its_heading_and_with_any_line_end() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    assert_eq!(
        shown(&mut wire, "suspended"),
        json!({ "list": "suspended", "imported": false, "citizens": 0 })
    );
    let [one, two, three] = [1, 2, 3].map(citizen_id);
    let texts = [
        (format!("{one}\n{two}\n"), 2),
        (format!("citizen_id\n{one}\n"), 1),
        (format!("citizen_id\r\n{one}\r\n\r\n{three}"), 2),
        ("citizen_id".to_owned(), 0),
        (String::new(), 0),
    ];
    for (text, accepted) in texts {
        let report = import(&mut wire, "suspended", &text);
        assert_eq!(
            report,
            json!({ "accepted": accepted, "rejected": 0, "errors": [] }),
            "{text:?}"
        );
    }
    assert_eq!(
        shown(&mut wire, "suspended"),
        json!({ "list": "suspended", "imported": true, "citizens": 3 })
    );
}

#[test]
fn a_list_that_was_sent_before_writes_nothing_and_is_there_after_a_restart() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    let text: String = (1..=1_000).map(|citizen| citizen_id(citizen) + "\n").collect();
    assert_eq!(import(&mut wire, "suspended", &text)["accepted"], 1_000);
    let before = durable_sequence(&mut wire);
    assert_eq!(import(&mut wire, "suspended", &text)["accepted"], 1_000);
    assert_eq!(durable_sequence(&mut wire), before, "a record was written");
    server.kill();
    let server = site.serve(&["--clock", NOON]);
    assert_eq!(shown(&mut open(&server), "suspended")["citizens"], 1_000);
}

#[test]
fn a_wrong_line_is_named_and_never_repeated() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    let (good, wrong) = (citizen_id(1), "1101700203451");
    let text = format!("{good}\n{wrong}\n\ncitizen_id\n{wrong},{good}\n{good}\n");
    let report = import(&mut wire, "suspended", text);
    let reason = "malformed: citizen_id: must be 13 digits with a valid check digit";
    let error = |line: u64| json!({ "line": line, "reason": reason });
    let wanted = json!({ "accepted": 2, "rejected": 3, "errors": [error(2), error(4), error(5)] });
    assert_eq!(report, wanted);
    assert_eq!(shown(&mut wire, "suspended")["citizens"], 1);
    let many = import(&mut wire, "suspended", format!("{wrong}\n").repeat(1_000));
    assert_eq!(
        (&many["rejected"], many["errors"].as_array().map(Vec::len)),
        (&json!(1_000), Some(100))
    );
}

#[test]
fn a_file_of_nothing_but_malformed_lines_leaves_no_trace() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    let before = durable_sequence(&mut wire);
    for (number, text) in ["x\n", "citizen_id\n1101700203451"].into_iter().enumerate() {
        let report = import(&mut wire, &format!("of-nobody-{number}"), text);
        assert_eq!(report["accepted"], 0, "{text:?}");
    }
    import(&mut wire, "suspended", "x");
    assert_eq!(
        durable_sequence(&mut wire),
        before,
        "the list's name took a number"
    );
    assert_eq!(shown(&mut wire, "suspended")["imported"], false);
}

#[test]
fn a_file_without_a_citizen_confirms_that_its_list_is_rightly_empty() {
    for text in ["", "\n", "\u{feff}Citizen_ID,\r\n"] {
        let site = Site::new(BINARY);
        let server = site.serve(&["--clock", NOON]);
        let mut wire = open(&server);
        let confirmed = json!({ "list": "suspended", "imported": true, "citizens": 0 });
        for _ in 0..2 {
            let report = import(&mut wire, "suspended", text);
            assert_eq!(
                report,
                json!({ "accepted": 0, "rejected": 0, "errors": [] }),
                "{text:?}"
            );
            assert_eq!(shown(&mut wire, "suspended"), confirmed);
        }
        let once = durable_sequence(&mut wire);
        import(&mut wire, "suspended", text);
        assert_eq!(durable_sequence(&mut wire), once, "it is recorded once");
        // A name that no file has is confirmed, too, and warned of.
        let slip = import(&mut wire, "suspnded", text);
        let warnings = json!([{ "line": 1, "reason": "unknown_list: suspnded" }]);
        assert_eq!(slip["warnings"], warnings);
        let lists = wire.call("GET", "/v1/lists", b"").expect("an answer").json();
        let named = |name: &str| json!({ "list": name, "imported": true, "citizens": 0, "programs": [] });
        let lists = lists["lists"].as_array().expect("lists").clone();
        assert!(lists.contains(&named("suspnded")), "{lists:?}");
        server.kill();
        // From the journal, then from a snapshot.
        let server = site.serve(&["--clock", NOON]);
        let mut wire = open(&server);
        assert_eq!(shown(&mut wire, "suspended"), confirmed);
        let taken = wire.call("POST", "/v1/snapshots", b"").expect("an answer");
        assert_eq!(taken.status, 200, "{}", taken.text());
        server.kill();
        let server = site.serve(&["--clock", NOON]);
        assert_eq!(shown(&mut open(&server), "suspended"), confirmed);
        server.kill();
        let verified = site.run(&["verify", "--data-dir", site.data_dir().to_str().expect("text")]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// The lists that a start says were never imported.
fn warned_of(server: &mut ServerProcess, import_meanwhile: &str) -> Vec<String> {
    let mut words = server.follow();
    words.until("listening on");
    if !import_meanwhile.is_empty() {
        import(&mut open(server), import_meanwhile, citizen_id(1));
    }
    server.terminate();
    let said = words.all();
    let warnings = said
        .lines()
        .filter(|line| line.contains("the list was never imported"));
    let mut lists: Vec<String> = warnings
        .filter(|line| line.contains(PROGRAM))
        .filter_map(|line| line.split("list=").nth(1))
        .map(str::to_owned)
        .collect();
    lists.sort();
    lists
}

#[test]
fn a_list_that_was_never_imported_is_told_at_every_start_until_it_is() {
    let site = Site::new(BINARY);
    let start = |import_meanwhile: &str| {
        let mut server = site.spawn(&["--clock", NOON]);
        let lists = warned_of(&mut server, import_meanwhile);
        assert_eq!(server.wait_for_code(), Some(0));
        lists
    };
    // Its other list is the name of a programme that is loaded, but a list all the same.
    let both = ["state-welfare-card", "suspended"];
    assert_eq!(start(""), both);
    assert_eq!(start("suspended"), both);
    assert_eq!(start("state-welfare-card"), both[..1]);
    assert_eq!(start(""), [""; 0]);
}

#[test]
fn a_list_that_was_confirmed_as_empty_is_not_told_of() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    import(&mut open(&server), "suspended", "citizen_id\n");
    server.kill();
    let mut server = site.spawn(&["--clock", NOON]);
    assert_eq!(warned_of(&mut server, ""), ["state-welfare-card"]);
    assert_eq!(server.wait_for_code(), Some(0));
}

#[test]
fn a_name_that_no_programme_file_has_is_warned_of_and_shown() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    let report = import(&mut wire, "suspnded", citizen_id(1));
    let warnings = json!([{ "line": 1, "reason": "unknown_list: suspnded" }]);
    assert_eq!(
        report,
        json!({ "accepted": 1, "rejected": 0, "errors": [], "warnings": warnings })
    );
    import(
        &mut wire,
        "suspended",
        format!("{}\n{}", citizen_id(1), citizen_id(2)),
    );

    let answer = wire.call("GET", "/v1/lists", b"").expect("an answer").json();
    let lists = answer["lists"].as_array().expect("a list of lists");
    let named = |list: &str| {
        lists
            .iter()
            .find(|shown| shown["list"] == list)
            .expect("it is shown")
    };
    assert_eq!(
        *named("suspnded"),
        json!({ "list": "suspnded", "imported": true, "citizens": 1, "programs": [] })
    );
    assert_eq!(named("suspended")["citizens"], 2);
    let users = named("suspended")["programs"].as_array().expect("programmes");
    assert!(users.contains(&json!(PROGRAM)), "{users:?}");
    assert_eq!(named("state-welfare-card")["imported"], false);
}

#[test]
fn merchants_that_name_what_no_file_has_are_taken_with_a_warning_for_each_name() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = open(&server);
    let line = |number: u64, program: &str, channel: &str| {
        json!({
            "merchant_id": format!("{number:015}"), "name": "shop", "category": "food_drink", "status": "active",
            "programs": [program], "channels": [channel],
        })
    };
    let lines = [
        line(1, PROGRAM, "store"),
        line(2, "thai-chuai-thai", "store"),
        line(3, "thai-chuai-thai", "strore"),
    ];
    let text = lines.map(|line| format!("{line}\n")).concat();
    let answer = wire.call("POST", "/v1/merchants/import", text.as_bytes());
    assert_eq!(
        answer.expect("an answer").json(),
        json!({ "accepted": 3, "rejected": 0, "errors": [], "warnings": [
            { "line": 2, "reason": "unknown_program: thai-chuai-thai" },
            { "line": 3, "reason": "unknown_channel: strore" },
        ] })
    );
}
