//! What lies in `ops/` names only what there is: metrics, headings, flags. Whether it works, `ops/check` tries, and docs/records/ tells.

use satang_tests::repository::root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metrics that a server without programmes shows, as the gateway's own test has them.
fn scraped() -> BTreeSet<String> {
    let scrape = read("gateway/src/app/tests_metrics.txt");
    let types = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
        .collect()
}

/// The metrics of the table in docs/OPERATIONS.md.
fn explained() -> BTreeSet<String> {
    let operations = read("docs/OPERATIONS.md");
    let rows = operations.lines().filter(|line| line.starts_with("| `satang_"));
    let columns = rows.filter_map(|row| row.split('|').nth(1));
    columns
        .flat_map(|column| named(column).into_iter().map(str::to_owned))
        .collect()
}

/// Words that are names of metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c| !is_name(c))
        .filter(|word| word.starts_with("satang_"))
        .collect()
}

#[test]
fn alerts_and_panels_ask_for_metrics_that_there_are() {
    let metrics = explained();
    for path in [
        "ops/prometheus/alerts.yml",
        "ops/prometheus/alerts_test.yml",
        "ops/prometheus/alerts_test_days.yml",
        "ops/grafana/satang.json",
    ] {
        let text = read(path);
        let names = named(&text);
        assert!(names.len() > 5, "{path} asks for {names:?}");
        for name in names {
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            assert!(
                metrics.contains(name) || of_histogram.is_some_and(|name| metrics.contains(name)),
                "{path}: {name}"
            );
        }
    }
}

#[test]
fn every_metric_is_explained_and_shown() {
    let (explained, shown) = (explained(), read("ops/grafana/satang.json"));
    for metric in scraped() {
        assert!(explained.contains(&metric), "docs/OPERATIONS.md: {metric}");
    }
    for metric in explained {
        assert!(shown.contains(&metric), "ops/grafana/satang.json: {metric}");
    }
}

#[test]
fn alerts_send_people_to_headings_that_there_are() {
    let operations = read("docs/OPERATIONS.md");
    let headings: BTreeSet<&str> = operations
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
        .collect();
    let alerts = read("ops/prometheus/alerts.yml");
    let sent = alerts.split("docs/OPERATIONS.md, ").skip(1);
    let mut count = 0;
    for rest in sent {
        let named = rest.split([':', ';', '"', '\n']).next().unwrap_or_default();
        assert!(headings.contains(named), "no heading {named:?}");
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn a_panel_says_what_it_shows() {
    let dashboard: Value = serde_json::from_str(&read("ops/grafana/satang.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "two panels have one id: {panel}"
        );
        assert!(!panel["title"].as_str().unwrap_or_default().is_empty(), "{panel}");
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().unwrap_or_default();
            assert!(
                query.contains("instance=~\"$instance\""),
                "of one server: {query}"
            );
        }
    }
}

#[test]
fn units_and_images_say_what_there_is_to_say() {
    let (operations, example) = (read("docs/OPERATIONS.md"), read("ops/satang.toml"));
    let unit = read("ops/systemd/satang.service");
    let start = unit.lines().find(|line| line.starts_with("ExecStart="));
    let flags = start
        .expect("it starts")
        .split(' ')
        .filter(|word| word.starts_with("--"));
    let flags: Vec<&str> = flags.collect();
    assert_eq!(flags, ["--config"]);
    assert!(operations.contains("`--config FILE`"));
    let image = read("ops/container/Containerfile");
    let told = image
        .lines()
        .find_map(|line| line.strip_prefix("ENV "))
        .expect("it is told");
    let mut count = 0;
    for (variable, _) in told.split(' ').filter_map(|word| word.split_once('=')) {
        let key = variable
            .strip_prefix("SATANG_")
            .expect("a setting")
            .to_lowercase();
        assert!(example.contains(&format!("{key} = ")), "{variable}");
        count += 1;
    }
    assert_eq!(count, 5, "{told}");
}

/// `deny.toml` says it to whoever runs cargo deny; here everybody is told at once.
#[test]
fn every_dependency_comes_from_one_registry_with_a_checksum() {
    let lock = read("Cargo.lock");
    let mut count = 0;
    // Packages of this repository have no source.
    let foreign = lock
        .split("[[package]]")
        .filter(|package| package.contains("\nsource = "));
    for package in foreign {
        let source = "\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"";
        assert!(package.contains(source), "{package}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}
