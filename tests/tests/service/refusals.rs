//! A server that cannot be trusted does not start, and says why in one line.

use crate::{BINARY, check_refusal};
use satang_tests::process::shipped_programs;
use satang_tests::site::{NOON, Site};
use std::fs;

#[test]
fn only_loopback_addresses_are_served() {
    let site = Site::new(BINARY);
    let programs = shipped_programs();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080", "10.0.0.1:80"] {
        let data_dir = site.data_dir();
        let args = [
            "serve",
            "--listen",
            address,
            "--data-dir",
            data_dir.to_str().expect("text"),
            "--programs",
        ];
        let ended = site.run(&[&args[..], &[programs.to_str().expect("text")]].concat());
        check_refusal((ended.code, ended.stderr), &["--listen", address, "loopback"]);
    }
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let site = Site::new(BINARY);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, programs, data_dir) = (
        taken.local_addr().expect("it has one").to_string(),
        shipped_programs(),
        site.data_dir(),
    );
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let args = [
        "serve",
        "--listen",
        &address,
        "--data-dir",
        &text(&data_dir),
        "--programs",
        &text(&programs),
    ]
    .map(str::to_owned);
    let ended = site.run(&args);
    check_refusal((ended.code, ended.stderr), &["--listen", &address]);
}

#[test]
fn a_folder_without_programmes_is_refused() {
    let site = Site::new(BINARY);
    let missing = site.path("nowhere");
    check_refusal(
        site.refused(&[&format!("programs={}", missing.display())]),
        &["--programs", "nowhere"],
    );
    let empty = site.path("empty");
    fs::create_dir(&empty).expect("a folder");
    check_refusal(
        site.refused(&[&format!("programs={}", empty.display())]),
        &["--programs", "empty"],
    );
    site.write("empty/read.me", "not a programme");
    check_refusal(
        site.refused(&[&format!("programs={}", empty.display())]),
        &["--programs", "empty"],
    );
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn a_wrong_programme_is_refused_with_file_line_and_key() {
    let shipped =
        fs::read_to_string(shipped_programs().join("thai-chuai-thai-plus-6040.toml")).expect("it is shipped");
    let without_comments: String = shipped
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim_end().to_owned() + "\n")
        .collect();
    let cases = [
        ("id = \"co-pay\"", "id = \"co-pay\"\ncolour = \"red\"", "colour"),
        ("holder = \"person\"", "", "holder"),
        ("state_percent = 60", "state_percent = 0", "state_percent"),
        ("state_percent = 60", "state_percent = 101", "state_percent"),
        ("day = 20_000", "day = 0", "caps.day"),
        ("day = 20_000", "week = 20_000", "caps.week"),
        ("day = 20_000", "day = 200.00", "caps.day"),
        ("from = 2026-06-01", "from = 2026-10-01", "from"),
        ("from = 2026-06-01", "from = 2569-06-01", "from"),
        ("from = 2026-06-01", "from = 26-06-01", ""),
        ("hours = \"06:00-23:00\"", "hours = \"23:00-06:00\"", "hours"),
        ("id = \"delivery\"", "id = \"store\"", "id"),
        ("\"otop\",", "\"food_drink\",", "merchant_categories"),
        ("\"otop\",", "\"gold\",", "merchant_categories"),
        (
            "when_exhausted = \"decline\"",
            "when_exhausted = \"maybe\"",
            "when_exhausted",
        ),
        ("id = \"thai-chuai-thai-plus-6040\"", "id = \"Thai\"", "id"),
        ("closes = 2026-05-29", "closes = 2026-05-24", "closes"),
        ("[registration]", "[registration", ""),
    ];
    let site = Site::new(BINARY);
    for (right, wrong, key) in cases {
        assert!(without_comments.contains(right), "{right}");
        let text = without_comments.replacen(right, wrong, 1);
        let file = site.write("wrong/programme.toml", &text);
        let (code, said) = site.refused(&[&format!(
            "programs={}",
            file.parent().expect("a folder").display()
        )]);
        check_refusal((code, said.clone()), &[key]);
        let named = format!("{}:", file.display());
        let rest = said
            .split(&named)
            .nth(1)
            .unwrap_or_else(|| panic!("no {named} in: {said}"));
        let line: usize = rest
            .split(':')
            .next()
            .and_then(|line| line.parse().ok())
            .unwrap_or_else(|| panic!("no line: {said}"));
        assert!(line >= 1 && line <= text.lines().count(), "{said}");
        // What is refused for another line's sake, or for being absent, is told at that line.
        let last = wrong.lines().last().unwrap_or_default();
        if !last.is_empty() && key != "merchant_categories" {
            let is_it = |(at, text): (usize, &str)| text.contains(last) && line.abs_diff(at + 1) <= 1;
            assert!(
                text.lines().enumerate().any(is_it),
                "{last} stands in another line: {said}"
            );
        }
    }
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn what_is_no_programme_file_is_passed_over_when_hidden_and_refused_by_name_otherwise() {
    let site = Site::new(BINARY);
    let folder = site.path("programs");
    fs::create_dir(&folder).expect("made");
    for entry in fs::read_dir(shipped_programs()).expect("there are some") {
        let from = entry.expect("an entry").path();
        fs::copy(&from, folder.join(from.file_name().expect("a name"))).expect("copied");
    }
    // What an editor leaves while it edits, and what another system leaves beside a file.
    std::os::unix::fs::symlink("someone@somewhere.1:2", folder.join(".#p.toml")).expect("linked");
    fs::write(folder.join("._p.toml"), [0, 5, 22, 7]).expect("written");
    let programs = format!("programs={}", folder.display());
    site.serve(&[&programs, "--clock", NOON]).kill();

    let odd = folder.join("odd.toml");
    let fifo = || {
        let made = std::process::Command::new("mkfifo")
            .arg(&odd)
            .status()
            .expect("it runs");
        assert!(made.success());
    };
    let makers: [&dyn Fn(); 3] = [&fifo, &|| fs::create_dir(&odd).expect("made"), &|| {
        std::os::unix::fs::symlink("nowhere.toml", &odd).expect("linked")
    }];
    for make in makers {
        make();
        check_refusal(site.refused(&[&programs]), &["odd.toml"]);
        fs::remove_file(&odd)
            .or_else(|_| fs::remove_dir(&odd))
            .expect("removed");
    }
}
