//! Arrows between the packages point one way: `core ← log ← engine ← audit ← gateway`, and `api ← gateway`; the load generator knows
//! only the wire and the shapes of its answers.

use satang_tests::repository::{files, root};
use std::collections::BTreeMap;
use std::fs;
use toml::de::{DeTable, DeValue};

/// Each package of the workspace and the ones it may use.
const ARROWS: [(&str, &[&str]); 10] = [
    ("satang-api", &[]),
    ("satang-core", &[]),
    ("satang-log", &["satang-core"]),
    ("satang-engine", &["satang-core", "satang-log"]),
    ("satang-audit", &["satang-core", "satang-log", "satang-engine"]),
    ("satang-cold", &["satang-core", "satang-log"]),
    (
        "satang",
        &[
            "satang-api",
            "satang-core",
            "satang-log",
            "satang-engine",
            "satang-audit",
            "satang-cold",
        ],
    ),
    ("satang-loadtest", &["satang-api"]),
    (
        "satang-bench",
        // The gateway to compare who decides, behind the product's own listener (docs/adr/0002-hand-off.md), and to count what a
        // body costs from its bytes to its answer's.
        &[
            "satang-core",
            "satang-log",
            "satang-engine",
            "satang-audit",
            "satang-cold",
            "satang",
            "satang-loadtest",
        ],
    ),
    (
        "satang-tests",
        &[
            "satang-api",
            "satang-core",
            "satang-log",
            "satang-engine",
            "satang-audit",
            "satang-cold",
            "satang",
            "satang-loadtest",
        ],
    ),
];

/// Libraries that only some packages may use: by name, or by the beginning of it.
const CONFINED: [(&str, &[&str]); 10] = [
    ("tokio", &["satang", "satang-loadtest", "satang-bench"]),
    ("hyper", &["satang", "satang-loadtest"]),
    ("rustls", &["satang", "satang-tests"]),
    ("aws-lc", &["satang"]),
    ("flate2", &["satang", "satang-tests"]),
    ("parquet", &["satang-cold"]),
    ("rkyv", &["satang-cold"]),
    ("criterion", &["satang-bench"]),
    ("gungraun", &["satang-bench"]),
    (
        "mimalloc",
        &["satang", "satang-loadtest", "satang-bench", "satang-tests"],
    ),
];

/// What the core must not touch (I7): a file, a socket, a thread, a clock, randomness, or an order that changes by the run.
const NOT_IN_CORE: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::io",
    "std::env",
    "std::process",
    "std::sync::mpsc",
    "SystemTime",
    "Instant::now",
    "Zoned::now",
    "Timestamp::now",
    "RandomState",
    "getrandom",
];

/// One manifest of a member.
struct Package {
    name: String,
    manifest: String,
    /// Every dependency of every kind: name in the manifest, package it stands for, and whether the workspace pins it.
    dependencies: Vec<(String, String, bool)>,
}

#[test]
fn packages_use_only_those_below_them() {
    let names: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for package in packages() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            wrong.push(format!(
                "{}: the package {} has no place in the layers",
                package.manifest, package.name
            ));
            continue;
        };
        for (_, used, _) in &package.dependencies {
            if names.contains(&used.as_str()) && !allowed.contains(&used.as_str()) {
                wrong.push(format!(
                    "{}: {} must not use {used}",
                    package.manifest, package.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_member_of_the_workspace_is_looked_at() {
    let mut found: Vec<String> = packages().into_iter().map(|package| package.name).collect();
    let mut known: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn network_allocator_and_bench_libraries_stay_in_their_layers() {
    let mut wrong = Vec::new();
    for package in packages() {
        for (_, used, _) in &package.dependencies {
            for (library, allowed) in CONFINED {
                let is_it = used == library || used.starts_with(&format!("{library}-"));
                if is_it && !allowed.contains(&package.name.as_str()) {
                    wrong.push(format!("{}: {used} belongs in {allowed:?}", package.manifest));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_library_chooses_no_allocator() {
    for file in files(&[".rs"])
        .iter()
        .filter(|file| file.text.contains("#[global_allocator]"))
    {
        let in_folder = ["/src/bin/", "/benches/"]
            .iter()
            .any(|folder| file.path.contains(folder));
        let is_program = file.path.ends_with("/src/main.rs") || in_folder;
        let is_this = file.path == "tests/tests/layers.rs";
        assert!(
            is_program || is_this,
            "{}: only a program chooses its allocator",
            file.path
        );
    }
}

#[test]
fn versions_are_pinned_in_the_root_manifest_only() {
    let mut wrong = Vec::new();
    for package in packages() {
        for (name, _, by_workspace) in &package.dependencies {
            if !by_workspace {
                wrong.push(format!("{}: {name} needs `workspace = true`", package.manifest));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let table = parse(&text);
    let pinned =
        table_at(&table, &["workspace", "dependencies"]).expect("the workspace pins its dependencies");
    for (name, value) in pinned {
        let inner = value.get_ref();
        let version = string(inner, "version").or_else(|| inner.as_str().map(str::to_owned));
        let path = string(inner, "path");
        assert!(
            path.is_some() || version.is_some_and(|v| v != "*"),
            "Cargo.toml: {} has no version",
            name.get_ref()
        );
    }
}

#[test]
fn the_core_touches_no_file_clock_thread_or_chance() {
    let mut wrong = Vec::new();
    for file in files(&[".rs"])
        .iter()
        .filter(|file| file.path.starts_with("engine/core/src/"))
    {
        for (number, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in NOT_IN_CORE.iter().filter(|word| mentions(code, word)) {
                wrong.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "I7: {wrong:#?}");
}

/// Whether code names a path, also in a group like `use std::{fs, io}`.
fn mentions(code: &str, word: &str) -> bool {
    let grouped = |rest: &str, last: &str| {
        let names = rest.split(['{', '}', ',']).map(str::trim);
        names
            .into_iter()
            .any(|name| name == last || name.starts_with(&format!("{last}::")))
    };
    let in_group = word.rsplit_once("::").is_some_and(|(parent, last)| {
        code.split_once(&format!("{parent}::{{"))
            .is_some_and(|(_, rest)| grouped(rest, last))
    });
    in_group || code.contains(word)
}

#[test]
fn a_group_of_imports_hides_nothing() {
    assert!(mentions("use std::{fmt, fs};", "std::fs"));
    assert!(mentions("use std::{io::{self, Read}, fmt};", "std::io"));
    assert!(mentions("let now = std::time::Instant::now();", "std::time"));
    assert!(!mentions("use std::{fmt, ops};", "std::fs"));
}

fn packages() -> Vec<Package> {
    let root_text = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let table = parse(&root_text);
    let workspace = table_at(&table, &["workspace"]).expect("a workspace");
    let members = workspace
        .get("members")
        .and_then(|members| members.get_ref().as_array())
        .expect("members");
    let mut found: Vec<Package> = members
        .iter()
        .map(|member| {
            package(&format!(
                "{}/Cargo.toml",
                member.get_ref().as_str().expect("a folder")
            ))
        })
        .collect();
    // A manifest that is no member would escape every rule.
    let listed: Vec<String> = found.iter().map(|package| package.manifest.clone()).collect();
    for file in files(&["Cargo.toml"])
        .iter()
        .filter(|file| file.path != "Cargo.toml")
    {
        assert!(
            listed.contains(&file.path),
            "{}: no member of the workspace",
            file.path
        );
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn package(manifest: &str) -> Package {
    let text =
        fs::read_to_string(root().join(manifest)).unwrap_or_else(|error| panic!("{manifest}: {error}"));
    let table = parse(&text);
    let named = table_at(&table, &["package"]).expect("a package");
    let name = named
        .get("name")
        .and_then(|name| name.get_ref().as_str())
        .expect("a name")
        .to_owned();
    let renamed = aliases();
    let mut dependencies = Vec::new();
    for table in dependency_tables(&table) {
        for (key, value) in table {
            let key = key.get_ref().to_string();
            let value = value.get_ref();
            let by_workspace = value.as_table().is_some_and(|inner| {
                inner
                    .get("workspace")
                    .is_some_and(|set| set.get_ref().as_bool() == Some(true))
                    && ["version", "path", "git"]
                        .iter()
                        .all(|pin| !inner.contains_key(*pin))
            });
            let stands_for = string(value, "package")
                .or_else(|| renamed.get(&key).cloned())
                .unwrap_or_else(|| key.clone());
            dependencies.push((key, stands_for, by_workspace));
        }
    }
    Package {
        name,
        manifest: manifest.to_owned(),
        dependencies,
    }
}

/// Dependencies that the root manifest gives another name than their package has.
fn aliases() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let table = parse(&text);
    let pinned =
        table_at(&table, &["workspace", "dependencies"]).expect("the workspace pins its dependencies");
    let renamed = pinned
        .iter()
        .filter_map(|(key, value)| Some((key.get_ref().to_string(), string(value.get_ref(), "package")?)));
    renamed.collect()
}

/// The tables of dependencies of every kind, those of single targets too.
fn dependency_tables<'t, 'a>(table: &'t DeTable<'a>) -> Vec<&'t DeTable<'a>> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut tables: Vec<&DeTable<'a>> = KINDS
        .iter()
        .filter_map(|kind| table_at(table, &[*kind]))
        .collect();
    for (_, target) in table_at(table, &["target"]).into_iter().flatten() {
        let of_target = target.get_ref().as_table();
        tables.extend(
            of_target
                .into_iter()
                .flat_map(|of| KINDS.iter().filter_map(|kind| table_at(of, &[*kind]))),
        );
    }
    tables
}

fn parse(text: &str) -> DeTable<'_> {
    DeTable::parse(text).expect("a manifest is TOML").into_inner()
}

fn table_at<'t, 'a>(table: &'t DeTable<'a>, path: &[&str]) -> Option<&'t DeTable<'a>> {
    path.iter()
        .try_fold(table, |table, key| table.get(*key)?.get_ref().as_table())
}

fn string(value: &DeValue<'_>, key: &str) -> Option<String> {
    value.as_table()?.get(key)?.get_ref().as_str().map(str::to_owned)
}
