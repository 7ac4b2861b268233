//! The settings as a whole: each has its flag, variable and key, and the example in `ops/` has them all.

use super::file::{Entry, load};
use super::layers::{settings_of, variable};
use super::{parse_address, whole};
use crate::cli;
use clap::Arg;
use satang_core::programme::reader::Source;
use std::collections::BTreeMap;
use std::path::Path;

/// The settings of a server that a file may have.
fn in_file() -> Vec<Arg> {
    let mut settings = settings_of(cli::command(), Some("serve"));
    settings.retain(|arg| arg.get_id() != "config");
    settings
}

fn loaded(text: &str) -> Result<BTreeMap<String, Entry>, String> {
    let settings = in_file();
    let known: Vec<&Arg> = settings.iter().collect();
    let source = Source {
        file: "satang.toml",
        text,
    };
    load(&source, Path::new("/etc/satang"), &known).map_err(|error| error.to_string())
}

#[test]
fn every_flag_of_the_server_has_its_variable_and_its_key() {
    let mut all = cli::command();
    all.build();
    let serve = all.find_subcommand("serve").expect("a command");
    let mut count = 0;
    for arg in serve.get_arguments().filter(|arg| arg.get_id() != "help") {
        let id = arg.get_id().as_str();
        assert_eq!(arg.get_long(), Some(id.replace('_', "-").as_str()));
        let wanted = format!("SATANG_{}", id.to_uppercase());
        assert_eq!(arg.get_env(), Some(wanted.as_ref()), "{id}");
        assert!(
            arg.is_hide_env_values_set(),
            "a manual shows nobody's environment: {id}"
        );
        count += 1;
    }
    assert_eq!(count, in_file().len() + 1, "all but --config");
    // `satang config` reads the same ones.
    let ids = |command: &str| -> Vec<String> {
        let settings = settings_of(cli::command(), Some(command));
        settings.iter().map(|arg| arg.get_id().to_string()).collect()
    };
    assert_eq!(ids("serve"), ids("config"));
    assert_eq!(ids("backup"), ["log_format", "log_level"]);
    assert_eq!(variable("log_format"), "SATANG_LOG_FORMAT");
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/satang.toml");
    let text = std::fs::read_to_string(path).expect("it is shipped");
    let as_shipped = loaded(&text).expect("a server takes it");
    let keys: Vec<&str> = as_shipped.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["data_dir", "health_listen", "programs"],
        "the rest is left to the defaults"
    );
    assert_eq!(as_shipped["programs"].value, "/etc/satang/programs");
    // A line of a key that is left out: `# key = value`.
    let is_key = |rest: &str| {
        let key = rest.split(" = ").next().unwrap_or_default();
        rest.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| is_key(rest))
                .unwrap_or(line)
        })
        .collect();
    let all = loaded(&uncommented.join("\n")).expect("every value is good");
    for arg in in_file() {
        let id = arg.get_id().as_str();
        let entry = all.get(id).unwrap_or_else(|| panic!("ops/satang.toml: {id}"));
        if let [default] = arg.get_default_values() {
            assert_eq!(entry.value, *default, "ops/satang.toml: {id}");
        }
    }
}

/// Files, the line and key by which each is refused, and why.
const WRONG: [(&str, usize, &str, &str); 16] = [
    (
        "liste = \"x\"",
        1,
        "liste",
        "unknown key; the keys here are data_dir, programs, listen",
    ),
    ("config = \"other.toml\"", 1, "config", "unknown key"),
    (
        "# nothing\nlisten = 8080",
        2,
        "listen",
        "must be a text in quotes, not a whole number",
    ),
    (
        "listen = \"nowhere\"",
        1,
        "listen",
        "must be like 127.0.0.1:8080, localhost:8080 or 8080, not \"nowhere\"",
    ),
    ("keys = \"\"", 1, "keys", "must not be empty"),
    (
        "segment_mib = \"8\"",
        1,
        "segment_mib",
        "must be a whole number, without quotes, not a text in quotes",
    ),
    (
        "segment_mib = 7",
        1,
        "segment_mib",
        "must be a whole number, 8 to 256 MiB, not 7",
    ),
    (
        "segment_mib = -8",
        1,
        "segment_mib",
        "must be a whole number, 8 to 256 MiB, not -8",
    ),
    (
        "segment_mib = 8.0",
        1,
        "segment_mib",
        "must be a whole number, without quotes, not a number with a fraction",
    ),
    (
        "io_threads = 0",
        1,
        "io_threads",
        "must be a whole number, 1 to 4096 threads, not 0",
    ),
    (
        "require_synced_clock = \"true\"",
        1,
        "require_synced_clock",
        "must be true or false, without quotes",
    ),
    (
        "log_level = \"loud\"",
        1,
        "log_level",
        "must be error or warn or info or debug, not \"loud\"",
    ),
    (
        "clock = \"2026-06-15\"",
        1,
        "clock",
        "must be like simulated:2026-06-15T12:00:00+07:00",
    ),
    ("[serve]\nlisten = \"8080\"", 1, "serve", "unknown key"),
    ("keys = keys.toml", 1, "keys", "texts stand in quotes"),
    ("keys = \"a\"\nkeys = \"b\"", 2, "keys", "given twice"),
];

#[test]
fn a_file_is_refused_by_line_and_key() {
    for (text, line, key, reason) in WRONG {
        let said = loaded(text)
            .err()
            .unwrap_or_else(|| panic!("it is taken: {text}"));
        let place = format!("satang.toml:{line}: {key}: ");
        assert!(
            said.starts_with(&place) && said.contains(reason),
            "{text}: {said}"
        );
    }
}

#[test]
fn a_relative_path_counts_from_the_folder_of_the_file() {
    let read = loaded("data_dir = \"data\"\nkeys = \"/srv/keys.toml\"\nsegment_mib = 0x10").expect("good");
    assert_eq!(read["data_dir"].value, "/etc/satang/data");
    assert_eq!(read["keys"].value, "/srv/keys.toml");
    assert_eq!(
        (&*read["segment_mib"].value, read["segment_mib"].line),
        ("16".as_ref(), 3)
    );
}

#[test]
fn an_address_may_be_a_name_or_a_port_alone() {
    let parsed = |text| parse_address(text).map(|address| address.to_string());
    for text in ["8080", ":8080", "localhost:8080", "127.0.0.1:8080"] {
        assert_eq!(parsed(text).as_deref(), Ok("127.0.0.1:8080"), "{text}");
    }
    assert_eq!(parsed("[::1]:80").as_deref(), Ok("[::1]:80"));
    for text in [
        "",
        "localhost",
        "80800",
        "127.0.0.1",
        "http://127.0.0.1:8080/",
        "no.such.name.invalid:80",
    ] {
        let refused = parsed(text).unwrap_err();
        assert!(
            refused.starts_with("must be like 127.0.0.1:8080"),
            "{text}: {refused}"
        );
    }
}

#[test]
fn a_number_is_digits_and_in_its_range() {
    let parse = whole::<u32>(8..=256, " MiB");
    assert_eq!((parse("8"), parse("256")), (Ok(8), Ok(256)));
    for text in [
        "7",
        "257",
        "",
        "+8",
        "-8",
        " 8",
        "8.0",
        "1e2",
        "99999999999999999999",
    ] {
        assert_eq!(
            parse(text).unwrap_err(),
            "must be a whole number, 8 to 256 MiB",
            "{text}"
        );
    }
}
