//! The house rules that a machine can check.

use satang_tests::repository::{SourceFile, files, root};
use std::path::Path;

/// The longest file, in lines. Ask why long before.
const LINES_MAX: usize = 600;

/// Files that may be longer, because they are one table or one document.
const LONG: [&str; 2] = ["gateway/openapi.json", "gateway/api/openapi.overlay.json"];

/// Files that may contain unsafe code.
const UNSAFE: [&str; 2] = [
    "engine/core/src/state/table.rs",
    // What the kernel says of its clock has no call in the standard library or in rustix.
    "gateway/src/time_daemon.rs",
];

/// Files that may let a thread sleep: those that make load or wait between measurements, and one client whose slowness is the
/// story. No test waits for something to happen by sleeping.
const SLEEPING: [&str; 6] = [
    "bench/src/batches.rs",
    "bench/src/stall.rs",
    // Another process writes the journal: nobody tells when it has grown.
    "engine/log/src/file/cursor.rs",
    // What ran out may be given back in a moment.
    "engine/log/src/storage/file.rs",
    "gateway/tests/server/server_timeouts.rs",
    "loadtest/src/process.rs",
];

/// Words that say that something is not done. Split, or this file would break its own rule.
const UNDONE: [&str; 8] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("#[ign", "ore"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("HA", "CK"),
    concat!("for ", "now"),
];

/// Words of how the repository came about, which is nobody's business who reads it.
const FOREIGN: [&str; 10] = [
    concat!("sha", "red/"),
    concat!("/wo", "rk/"),
    concat!("contract", ".md"),
    concat!("house-style", ".md"),
    concat!("scheme-rules", ".md"),
    concat!("targets", ".md"),
    concat!("/design", ".md"),
    concat!("this se", "ssion"),
    concat!("se", "ssions"),
    concat!("sub", "agent"),
];

fn sources() -> Vec<SourceFile> {
    files(&[".rs"])
}

/// Everything people write.
fn texts() -> Vec<SourceFile> {
    files(&[
        ".rs",
        ".md",
        ".toml",
        ".json",
        ".txt",
        "/run",
        "/schemathesis",
        "/clients",
        ".py",
        ".yml",
        ".yaml",
        ".sh",
        "/check",
        "/try-queries",
        "/postinst",
        "/postrm",
        ".service",
        "Containerfile",
        "LICENSE",
    ])
}

#[track_caller]
fn none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

/// Every line of these files that `is_wrong`.
fn lines_that(files: &[SourceFile], is_wrong: impl Fn(&SourceFile, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if is_wrong(file, line) {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    wrong
}

#[test]
fn no_file_is_too_long() {
    let long =
        |file: &&SourceFile| file.text.lines().count() > LINES_MAX && !LONG.contains(&file.path.as_str());
    let texts = texts();
    let wrong: Vec<String> = texts
        .iter()
        .filter(long)
        .map(|file| format!("{}: {} lines", file.path, file.text.lines().count()))
        .collect();
    none(&format!("a file has at most {LINES_MAX} lines"), &wrong);
}

/// Public things that need a doc comment; a field or variant whose name says what it is needs none.
const DOCUMENTED: [&str; 9] = [
    "pub fn ",
    "pub async fn ",
    "pub const fn ",
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub type ",
    "pub const ",
    "pub static ",
];

fn is_product(path: &str) -> bool {
    path.contains("/src/") && !path.starts_with("tests/")
}

#[test]
fn public_items_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| is_product(&file.path)) {
        let lines: Vec<&str> = file.text.lines().map(str::trim_start).collect();
        for (index, line) in lines.iter().enumerate() {
            let is_item = DOCUMENTED.iter().any(|item| line.starts_with(item));
            // What a macro makes is documented where it is called.
            if !is_item || line.contains('$') {
                continue;
            }
            let before = lines[..index].iter().rev();
            let is_attribute =
                |line: &&&str| line.starts_with('#') || line.starts_with(')') || line.ends_with(',');
            let above = before.clone().find(|line| !is_attribute(line));
            if !above.is_some_and(|line| line.starts_with("///")) {
                wrong.push(format!("{}:{}: {line}", file.path, index + 1));
            }
        }
    }
    none("a public item has a doc comment", &wrong);
}

#[test]
fn nothing_is_left_undone() {
    let wrong = lines_that(&texts(), |file, line| {
        file.path != "tests/tests/tidy.rs"
            && file.path != "LICENSE"
            && UNDONE.iter().any(|word| line.contains(word))
    });
    none("finish it or leave it out", &wrong);
}

#[test]
fn nothing_sleeps_but_what_makes_load() {
    let word = concat!("thread::", "sleep");
    let wrong = lines_that(&sources(), |file, line| {
        line.contains(word) && !SLEEPING.contains(&file.path.as_str())
    });
    none("wait for an event with a deadline", &wrong);
    // A file that sleeps no more leaves the list.
    for path in SLEEPING {
        assert!(
            sources()
                .iter()
                .any(|file| file.path == path && file.text.contains(word)),
            "{path} does not sleep"
        );
    }
}

#[test]
fn unsafe_code_is_listed_and_argued() {
    let mut used = Vec::new();
    let mut wrong = Vec::new();
    for file in sources() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let is_unsafe = words(code).any(|word| word == "unsafe") && !code.contains('"');
            if !is_unsafe {
                continue;
            }
            used.push(file.path.clone());
            let argued = lines[..at]
                .iter()
                .rev()
                .take_while(|above| above.trim_start().starts_with("//"));
            if !UNSAFE.contains(&file.path.as_str()) {
                wrong.push(format!("{}:{}: not in the list of this test", file.path, at + 1));
            } else if !argued.into_iter().any(|above| above.contains("// SAFETY:")) {
                wrong.push(format!("{}:{}: no // SAFETY: above it", file.path, at + 1));
            }
        }
    }
    none("unsafe is absent, or local and argued", &wrong);
    for path in UNSAFE {
        assert!(
            used.iter().any(|file| file == path),
            "{path} has no unsafe code: take it off the list"
        );
    }
}

#[test]
fn unwrap_is_for_tests() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| !is_test(&file.path)) {
        let product = file
            .text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(concat!(".unw", "rap()")) {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("impossible is expect(\"the reason\")", &wrong);
}

/// Whether a file is only built for tests.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let in_tests = path.starts_with("tests/") || path.contains("/tests/") || path.contains("/benches/");
    in_tests || name.starts_with("tests_") || name == "tests.rs"
}

#[test]
fn every_number_of_a_programme_has_its_source_beside_it() {
    let programmes: Vec<SourceFile> = files(&[".toml"])
        .into_iter()
        .filter(|file| file.path.starts_with("programs/"))
        .collect();
    assert!(programmes.len() >= 4, "the shipped programmes are there");
    let mut wrong = Vec::new();
    for file in &programmes {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((key, value)) = line
                .split_once('=')
                .filter(|_| !line.trim_start().starts_with('#'))
            else {
                continue;
            };
            let (key, has_number) = (
                key.trim(),
                value.split('#').next().is_some_and(|value| value.contains(digit)),
            );
            // The source of everything is a sentence, not a number.
            let explained = key == "source"
                || line.contains('#')
                || at > 0 && lines[at - 1].starts_with('#')
                || is_said_once(&lines, key);
            if has_number && !explained {
                wrong.push(format!("{}:{}: {line}", file.path, at + 1));
            }
        }
    }
    none(
        "a number names where it comes from: beside it, above it, or once at the head of the file",
        &wrong,
    );
}

/// Whether the comment at the head of a file speaks of a key, alone or in a list: `#   from, to   letter C …`.
fn is_said_once(lines: &[&str], key: &str) -> bool {
    let head = lines.iter().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix("#   ")).any(|line| {
        let keys = line.split("  ").next().unwrap_or_default();
        keys.split(", ").any(|named| named == key)
    })
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[test]
fn documents_name_only_what_exists() {
    let root = root();
    let mut wrong = Vec::new();
    for file in files(&[".md"]) {
        let folder = root
            .join(&file.path)
            .parent()
            .expect("a file has a folder")
            .to_owned();
        for link in links(&file.text) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty()
                && !target.contains("://")
                && !target.starts_with("mailto:")
                && !folder.join(target).exists()
            {
                wrong.push(format!("{}: the link {link}", file.path));
            }
        }
        for path in file
            .text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| is_path(quoted))
        {
            if !exists(&root, path) && !folder.join(path).exists() && !root.join("docs").join(path).exists() {
                wrong.push(format!("{}: `{path}`", file.path));
            }
        }
    }
    // Comments and messages of the sources send people to documents, too.
    for file in texts().iter().filter(|file| file.path != "tests/tests/tidy.rs") {
        let mut rest = file.text.as_str();
        while let Some(at) = rest.find("docs/") {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            let path: String = rest[at..].chars().take_while(|c| is_name(*c)).collect();
            rest = &rest[at + 5..];
            let path = path.trim_end_matches(['.', '/']);
            if path.contains(".md") && !root.join(path).exists() {
                wrong.push(format!("{}: {path}", file.path));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    none("these do not exist", &wrong);
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// Whether quoted text is a path of this repository: it begins with one of its folders, or is a file in the root.
fn is_path(quoted: &str) -> bool {
    const FOLDERS: [&str; 9] = [
        "bench/",
        "docs/",
        "engine/",
        "gateway/",
        "loadtest/",
        "ops/",
        "programs/",
        "tests/",
        ".ci/",
    ];
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/._-:*".contains(c);
    let in_root = !quoted.contains('/') && quoted.ends_with(".md");
    (in_root || FOLDERS.iter().any(|folder| quoted.starts_with(folder))) && quoted.chars().all(is_name)
}

/// Whether a path exists; `:12` behind it is a line, `*` stands for any name of a folder that has one.
fn exists(root: &Path, path: &str) -> bool {
    let path = path.split(':').next().unwrap_or_default();
    match path.split_once('*') {
        None => root.join(path).exists(),
        Some((front, back)) => {
            let (folder, start) = front.rsplit_once('/').unwrap_or(("", front));
            let back = back.trim_start_matches(['*', '/']);
            let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
            let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.any(|name| name.starts_with(start) && name.ends_with(back))
        }
    }
}

#[test]
fn the_repository_speaks_of_itself_only() {
    let wrong = lines_that(&texts(), |file, line| {
        let lower = line.to_ascii_lowercase();
        file.path != "tests/tests/tidy.rs" && FOREIGN.iter().any(|word| lower.contains(word))
    });
    none("these are not of this repository", &wrong);
}

#[test]
fn the_readme_has_two_commands_to_begin_with() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let cargo: Vec<&str> = blocks(&readme)
        .into_iter()
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| line.starts_with("cargo "))
        .collect();
    assert_eq!(cargo, ["cargo run --release -- demo", "cargo test --workspace"]);
    let first = blocks(&readme)
        .into_iter()
        .find(|block| block.contains("cargo "))
        .expect("a block");
    assert_eq!(
        first.lines().filter(|line| !line.trim().is_empty()).count(),
        2,
        "nothing else is to be done:\n{first}"
    );
    let ci = std::fs::read_to_string(root().join(".ci/run")).expect("there is a CI script");
    assert!(
        ci.lines().any(|line| line.starts_with("cargo test --workspace")),
        "CI runs the README's test command"
    );
}

/// The contents of fenced blocks.
fn blocks(text: &str) -> Vec<&str> {
    let fenced = text.split("```").skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').map_or("", |(_, body)| body))
        .collect()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}
