//! What a server is told: by flags, by variables of the environment, by a file; and what `satang config` says of it.

use crate::{BINARY, check_refusal};
use satang_tests::site::{NOON, Site};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// A site with a file of settings in a folder of its own; and the file.
fn with_file(text: &str) -> (Site, String) {
    let site = Site::new(BINARY);
    fs::create_dir(site.path("etc")).expect("a folder");
    let file = site.write("etc/satang.toml", text);
    let file = file.to_str().expect("text").to_owned();
    (site, file)
}

/// What `satang config --json` says of a setting.
fn of<'a>(shown: &'a Value, setting: &str) -> &'a Value {
    let all = shown.as_array().expect("a list");
    all.iter()
        .find(|shown| shown["setting"] == setting)
        .unwrap_or_else(|| panic!("{setting}: {shown}"))
}

#[test]
fn a_flag_counts_before_a_variable_a_variable_before_the_file_and_the_file_before_the_default() {
    let (site, file) = with_file(
        "data_dir = \"data\"\nprograms = \"/srv/programs\"\nsegment_mib = 8\nsnapshot_mib = 9\n\
         scrub_mib_per_s = 10\nlog_level = \"warn\"\n",
    );
    let variables = [
        ("SATANG_CONFIG", file.as_str()),
        ("SATANG_SEGMENT_MIB", "16"),
        ("SATANG_SNAPSHOT_MIB", "17"),
        ("SATANG_REQUIRE_SYNCED_CLOCK", "true"),
    ];
    let flags = ["config", "--segment-mib", "32", "--listen", "8099"];
    let ended = site.run_with(&variables, &[&flags[..], &["--json"]].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let shown: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let folder = file.strip_suffix("/satang.toml").expect("its name");
    let in_file = |setting: &str, value: Value, line: u32| json!({ "setting": setting, "value": value, "from": "file", "name": file, "line": line });
    let expected = [
        json!({ "setting": "config", "value": file, "from": "environment", "name": "SATANG_CONFIG" }),
        in_file("data_dir", format!("{folder}/data").into(), 1),
        in_file("programs", "/srv/programs".into(), 2),
        json!({ "setting": "segment_mib", "value": 32, "from": "flag", "name": "--segment-mib" }),
        json!({ "setting": "snapshot_mib", "value": 17, "from": "environment", "name": "SATANG_SNAPSHOT_MIB" }),
        in_file("scrub_mib_per_s", 10.into(), 5),
        in_file("log_level", "warn".into(), 6),
        json!({ "setting": "listen", "value": "127.0.0.1:8099", "from": "flag", "name": "--listen" }),
        json!({ "setting": "require_synced_clock", "value": true, "from": "environment", "name": "SATANG_REQUIRE_SYNCED_CLOCK" }),
        json!({ "setting": "group_wait_us", "value": 200, "from": "default" }),
        json!({ "setting": "keys", "value": null, "from": "default" }),
    ];
    for wanted in expected {
        assert_eq!(*of(&shown, wanted["setting"].as_str().expect("a name")), wanted);
    }
    // A flag takes back what a variable turned on, and the table says the same in columns.
    let ended = site.run_with(
        &variables,
        &[&flags[..], &["--require-synced-clock=false"]].concat(),
    );
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let begin = lines[0].find("value").expect("a heading");
    let from = lines[0].find("from").expect("a heading");
    let row = |setting: &str| {
        let line = lines.iter().find(|line| line.split(' ').next() == Some(setting));
        let line = line.unwrap_or_else(|| panic!("{setting}: {}", ended.stdout));
        (line[begin..from].trim(), &line[from..])
    };
    assert_eq!(
        row("require_synced_clock"),
        ("false", "flag --require-synced-clock")
    );
    assert_eq!(row("keys"), ("-", "default"));
    assert_eq!(row("log_level"), ("warn", format!("file {file} line 6").as_str()));
}

/// Holds that `serve` and `config` refuse what they are told, in one line with all of `words`.
#[track_caller]
fn refused(site: &Site, variables: &[(&str, &str)], more: &[&str], words: &[&str]) {
    for command in ["serve", "config"] {
        let ended = site.run_with(variables, &[&[command], more].concat());
        assert!(ended.stderr.starts_with("satang: "), "{ended:?}");
        check_refusal((ended.code, ended.stderr), words);
    }
}

#[test]
fn a_wrong_file_or_variable_is_refused_by_name_and_touches_nothing() {
    let (site, file) = with_file("data_dir = \"data\"\nprograms = \"p\"\nsegment_mib = 7\n");
    let by_file = ["--config", file.as_str()];
    let place = |rest: &str| format!("satang: {file}:{rest}");
    refused(
        &site,
        &[],
        &by_file,
        &[&place(
            "3: segment_mib: must be a whole number, 8 to 256 MiB, not 7",
        )],
    );
    // Also where a flag would count.
    refused(
        &site,
        &[],
        &["--config", &file, "--segment-mib", "8"],
        &[&place("3: segment_mib: ")],
    );
    refused(
        &site,
        &[],
        &["--config", "/nowhere/satang.toml"],
        &["/nowhere/satang.toml: No such file"],
    );
    refused(
        &site,
        &[("SATANG_CONFIG", "/nowhere/satang.toml")],
        &[],
        &["/nowhere/satang.toml: No such file"],
    );
    refused(
        &site,
        &[("SATANG_CLIENT_CA", "")],
        &by_file,
        &["SATANG_CLIENT_CA: is empty: give it a value"],
    );
    refused(
        &site,
        &[("SATANG_LISTEN", "nowhere")],
        &by_file,
        &["SATANG_LISTEN: must be like 127.0.0.1:8080", "not \"nowhere\""],
    );
    let mode = fs::Permissions::from_mode(0o646);
    fs::set_permissions(&file, mode).expect("ours");
    refused(
        &site,
        &[],
        &by_file,
        &["satang.toml: offset 0: others may change it", "chmod o-w"],
    );
    // What nobody says, in every way that it may be said.
    let ended = site.run(&["serve", "--programs", "p"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("--data-dir, SATANG_DATA_DIR, or data_dir in the file"),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("SATANG_PROGRAMS"), "{ended:?}");
    assert!(!site.path("etc/data").exists(), "nothing was touched");
}

#[test]
fn settings_that_do_not_go_together_are_refused_as_they_were_given() {
    let (site, file) = with_file("data_dir = \"data\"\nprograms = \"p\"\ntls_cert = \"c\"\n");
    let needs_key = format!("satang: {file}:3: tls_cert: needs tls_key");
    refused(&site, &[], &["--config", &file], &[&needs_key]);
    refused(
        &site,
        &[("SATANG_TLS_KEY", "k")],
        &["--data-dir", "d", "--programs", "p"],
        &["SATANG_TLS_KEY: needs tls_cert"],
    );
    refused(
        &site,
        &[],
        &["--data-dir", "d", "--programs", "p", "--client-ca", "c"],
        &["--client-ca: needs tls_cert"],
    );
    for flag in ["--listen", "--health-listen"] {
        let given = ["--data-dir", "d", "--programs", "p", flag, "0.0.0.0:8081"];
        let named = format!("{flag} 0.0.0.0:8081: callers are not authenticated without --keys");
        refused(&site, &[], &given, &[&named]);
    }
    let same = ["--data-dir", "d", "--programs", "p", "--health-listen", "8080"];
    let named = "--health-listen: is the address of --listen, too";
    refused(&site, &[], &same, &[named]);
    let clocks = [
        "--data-dir",
        "d",
        "--programs",
        "p",
        "--require-synced-clock",
        "--clock",
        NOON,
    ];
    refused(
        &site,
        &[],
        &clocks,
        &["--require-synced-clock: does not go with --clock"],
    );
}

#[test]
fn a_variable_that_is_no_setting_is_named() {
    let (site, file) = with_file("data_dir = \"data\"\nprograms = \"p\"\n");
    let run = |variables: &[(&str, &str)]| site.run_with(variables, &["config", "--config", file.as_str()]);
    let ended = run(&[
        ("SATANG_LISTN", "8080"),
        ("SATANG_ARGS", ""),
        ("SATANG_KEY", "satang_x"),
        ("SATANG_SEED", "1"),
    ]);
    assert_eq!(
        (ended.code, ended.stderr.lines().count()),
        (Some(0), 1),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains(" WARN no settings, and not read: SATANG_ARGS, SATANG_LISTN; "),
        "{ended:?}"
    );
    assert_eq!(run(&[("SATANG_KEY", "satang_x")]).stderr, "");
}

#[test]
fn a_server_logs_json_where_it_is_told_to() {
    let (site, file) = with_file("log_format = \"json\"\nlog_level = \"info\"\nio_threads = 1\n");
    let server = site.serve(&["--config", &file, "--clock", NOON]);
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let mut messages = lines.iter().filter_map(|line| line["message"].as_str());
    let version = messages
        .find(|said| said.starts_with("satang 0."))
        .expect("a version");
    assert!(version.contains("(commit "), "{version}");
    let of_list = lines
        .iter()
        .find(|line| line["list"] == "suspended")
        .expect("a warning of a list");
    let mut fields: Vec<&str> = of_list
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort();
    assert_eq!(fields, ["level", "list", "message", "program", "timestamp"]);
    assert_eq!(of_list["level"], "WARN");
    let timestamp = of_list["timestamp"].as_str().expect("text");
    assert!(
        timestamp.len() == 29 && timestamp.ends_with("+07:00"),
        "{timestamp}"
    );
    // Less is said where less is asked for.
    let quiet = site.serve(&["--clock", NOON, "--log-level", "error"]);
    quiet.terminate();
    assert_eq!(quiet.wait(), (Some(0), String::new()));
}

#[test]
fn what_ends_a_process_is_json_too_where_that_is_asked_for() {
    let site = Site::new(BINARY);
    // A refusal, whether the log has begun or not; and words that are no log.
    for (variable, wanted) in [
        ("SATANG_LISTEN", "satang: SATANG_LISTEN: must be"),
        ("SATANG_KEYS", "satang: /nowhere: No such file"),
    ] {
        let arguments = [
            "serve",
            "--log-format",
            "json",
            "--data-dir",
            "d",
            "--programs",
            "p",
        ];
        let ended = site.run_with(&[(variable, "/nowhere")], &arguments);
        let last: Value = serde_json::from_str(ended.stderr.lines().last().expect("a line")).expect("JSON");
        assert_eq!(
            (ended.code, &last["level"]),
            (Some(1), &json!("ERROR")),
            "{ended:?}"
        );
        assert!(
            last["message"].as_str().expect("text").starts_with(wanted),
            "{last}"
        );
    }
    let ended = site.run_with(
        &[("SATANG_LOG_FORMAT", "json")],
        &["keys", "new", "--name", "a", "--role", "viewer"],
    );
    let said: Value = serde_json::from_str(ended.stderr.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&said["level"], ended.stdout.starts_with("satang_")),
        (&json!("INFO"), true),
        "{ended:?}"
    );
}

#[test]
fn the_version_names_the_commit_and_its_day() {
    let ended = Site::new(BINARY).run(&["--version"]);
    assert_eq!(ended.code, Some(0));
    let rest = ended
        .stdout
        .strip_prefix("satang 0.1.0 (commit ")
        .expect("the version");
    let (commit, date) = rest
        .trim_end()
        .strip_suffix(')')
        .and_then(|rest| rest.split_once(", "))
        .expect("both");
    let is_hash = commit.len() == 10 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hash || commit == "unknown", "{commit}");
    assert!(date.len() == 10 || date == "unknown", "{date}");
}
