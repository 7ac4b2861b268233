//! Programme files: the shipped ones from the repository, and random valid ones that are meaner.

use std::path::Path;

use crate::oracle::calendar::Date;

use super::random::Random;
use super::{ASKS_DESK, ASKS_HOUSEHOLDS, ASKS_MOVES, ASKS_RELOADS};

/// The files under `programs/`, by name; none when the folder is absent.
pub fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<(String, String)> = entries
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, asked_for(&text)))
        })
        .collect();
    files.sort();
    files
}

/// The text without what is not asked for.
fn asked_for(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        if !ASKS_HOUSEHOLDS && line.starts_with("funded_by") {
            continue;
        }
        if !ASKS_MOVES && line.starts_with("exclusive_with") {
            continue;
        }
        lines.push(match line.strip_prefix("holder = \"household\"") {
            Some(_) if !ASKS_HOUSEHOLDS => "holder = \"person\"",
            _ => line,
        });
    }
    lines.join("\n") + "\n"
}

/// Merchant categories random programmes use; the rest stay unused so that some merchant fits nowhere.
const CATEGORIES: [&str; 8] = [
    "food_drink",
    "general_goods",
    "otop",
    "massage",
    "hair",
    "public_transport",
    "cooking_gas",
    "water",
];

const CHANNELS: [&str; 4] = ["store", "delivery", "assisted", "kiosk-2"];

/// Lists that random programmes keep people out by.
const EXCLUDED: [&str; 2] = ["cards", "suspended"];

/// Lists that random programmes have tiers for.
const TIER_LISTS: [&str; 2] = ["tax-filers", "students"];

/// A list of former holders of a programme without a file.
const FORMER: &str = "old-scheme";

/// A benefit's name and its caps, by name.
type Caps = (String, Vec<&'static str>);

/// Valid files about the days around `day`; people of one programme may come back in another.
pub fn random_files(random: &mut Random, count: usize, day: Date) -> Vec<(String, String)> {
    let ids: Vec<String> = (0..count)
        .map(|number| format!("{}-{number}", random.pick(&["alpha", "b", "c-0-c", "9"])))
        .collect();
    (0..count)
        .map(|number| random_file(random, number, &ids, day))
        .collect()
}

fn random_file(random: &mut Random, number: usize, ids: &[String], day: Date) -> (String, String) {
    let id = &ids[number];
    let mut text =
        format!("id = \"{id}\"\nname_th = \"โครงการ {number}\"\nname_en = \"Programme {number}\"\n");
    if ASKS_MOVES {
        text += &exclusive_with(random, id, ids);
    }
    if random.percent(25) {
        text += &format!("usable_from = {}\n", day.plus_days(random.between(-5, 6)));
    }
    if ASKS_RELOADS && random.percent(12) {
        text += &format!("effective_from = {}\n", day.plus_days(random.between(-20, 3)));
    }
    let mut categories = CATEGORIES.map(String::from);
    random.shuffle(&mut categories);
    let mut benefits = String::new();
    let mut all_caps: Vec<Caps> = Vec::new();
    for index in 0..random.between(1, 3) as usize {
        let count = random.between(1, 2) as usize;
        let caps = caps(random);
        benefits += &benefit(
            random,
            index,
            &caps,
            &categories[index * 2..index * 2 + count],
            day,
        );
        let names = caps.into_iter().map(|(name, _)| name).collect();
        all_caps.push((format!("benefit-{index}"), names));
    }
    let mut from: Vec<&str> = ids
        .iter()
        .filter(|other| *other != id)
        .map(String::as_str)
        .collect();
    from.push(FORMER);
    if ASKS_DESK && random.percent(65) {
        text += &merchant_registration(random, &from, day);
    }
    if random.percent(65) {
        text += &registration(random, &from, &all_caps, day);
    }
    (format!("{id}.toml"), text + &benefits)
}

/// Programmes that this one excludes; one of them may not be there.
fn exclusive_with(random: &mut Random, id: &str, ids: &[String]) -> String {
    let mut others: Vec<String> = ids.iter().filter(|other| *other != id).cloned().collect();
    others.push("not-there".to_owned());
    let others = random.some_of(&others);
    if others.is_empty() || random.percent(30) {
        return String::new();
    }
    format!("exclusive_with = {}\n", list(&others))
}

/// Merchants may join around `day`, with or without first and last days; those of an earlier programme longer or shorter.
fn merchant_registration(random: &mut Random, from: &[&str], day: Date) -> String {
    let mut text = "\n[merchant_registration]\n".to_owned();
    let opens = day.plus_days(random.between(-12, 3));
    if random.percent(70) {
        text += &format!("opens = {opens}\n");
    }
    if random.percent(75) {
        text += &format!("closes = {}\n", opens.plus_days(random.between(0, 20)));
    }
    if random.percent(60) {
        text += &format!("returning_closes = {}\n", opens.plus_days(random.between(0, 30)));
    }
    if random.percent(50) {
        text += &format!("returning_from = \"{}\"\n", random.pick(from));
    }
    text
}

/// People may register around `day`. Quotas are small, so that they fill.
fn registration(random: &mut Random, from: &[&str], benefits: &[Caps], day: Date) -> String {
    let opens = day.plus_days(random.between(-12, 3));
    let mut text = format!(
        "\n[registration]\nopens = {opens}\nhours = \"{}\"\n",
        hours(random)
    );
    if random.percent(60) {
        text += &format!("closes = {}\n", opens.plus_days(random.between(0, 25)));
    }
    if random.percent(75) {
        text += &format!("quota = {}\n", random.between(1, 8));
    }
    if random.percent(60) {
        text += &format!("min_age = {}\n", random.pick(&[0, 18, 18, 18, 20, 60, 150]));
    }
    let excluded = random.some_of(&EXCLUDED.map(String::from));
    if !excluded.is_empty() {
        text += &format!("excluded_lists = {}\n", list(&excluded));
    }
    if random.percent(60) {
        let time = *random.pick(&["00:00:00", "12:00:00", "23:00:00", "23:59:59", "06:30:01"]);
        text += &format!(
            "first_use_by = {}T{time}\n",
            day.plus_days(random.between(-3, 12))
        );
    }
    if random.percent(45) {
        text += &format!(
            "[registration.returning]\nfrom_program = \"{}\"\nopens = {}\nusable_from = {}\n",
            random.pick(from),
            opens.plus_days(random.between(-6, 2)),
            day.plus_days(random.between(-8, 6))
        );
    }
    let mut lists = TIER_LISTS;
    random.shuffle(&mut lists);
    for list in &lists[..random.between(0, 2) as usize] {
        text += &tier(random, list, benefits);
    }
    text
}

/// Smaller or larger caps in place of some of one benefit's, or of two.
fn tier(random: &mut Random, list: &str, benefits: &[Caps]) -> String {
    let mut text = format!(
        "[[registration.tier]]\nid = \"of-{list}\"\nrequired_list = \"{list}\"\n[registration.tier.caps]\n"
    );
    let first = random.below(benefits.len() as u64) as usize;
    for (benefit, names) in &benefits[first..benefits.len().min(first + 2)] {
        let mut replaced = random.some_of(names);
        if replaced.is_empty() {
            replaced.push(names[0]);
        }
        let caps: Vec<String> = replaced
            .iter()
            .map(|name| format!("{name} = {}", random.any_size(5)))
            .collect();
        text += &format!("{benefit} = {{ {} }}\n", caps.join(", "));
    }
    text
}

fn benefit(
    random: &mut Random,
    index: usize,
    caps: &[(&'static str, u64)],
    categories: &[String],
    day: Date,
) -> String {
    let caps: Vec<String> = caps
        .iter()
        .map(|(name, size)| format!("{name} = {size}"))
        .collect();
    let percent = match random.below(4) {
        0 => *random.pick(&[1, 50, 60, 99, 100]),
        _ => random.between(1, 100),
    };
    let holder = if ASKS_HOUSEHOLDS && random.percent(30) {
        "household"
    } else {
        "person"
    };
    let when_exhausted = if random.percent(40) {
        "citizen_pays"
    } else {
        "decline"
    };
    let mut text = format!(
        "\n[[benefit]]\nid = \"benefit-{index}\"\nstate_percent = {percent}\nholder = \"{holder}\"\n\
         caps = {{ {} }}\nwhen_exhausted = \"{when_exhausted}\"\nmerchant_categories = {}\n",
        caps.join(", "),
        list(categories)
    );
    if ASKS_HOUSEHOLDS && random.percent(40) {
        text += &funded_by(random);
    }
    let mut names = CHANNELS;
    random.shuffle(&mut names);
    for name in &names[..random.between(1, 3) as usize] {
        text += &channel(random, name, categories, day);
    }
    text
}

/// One to four sources, mostly small, so that a few purchases use up one after another.
fn funded_by(random: &mut Random) -> String {
    let count = random.between(1, 4) as usize;
    let mut names = ["base", "top-up", "z", "9-a"];
    random.shuffle(&mut names);
    let mut sources = Vec::new();
    for name in &names[1..count] {
        let up_to = random.any_size(4);
        sources.push(format!("{{ source = \"{name}\", up_to = {up_to} }}"));
    }
    sources.push(format!("{{ source = \"{}\" }}", names[0]));
    format!("funded_by = [{}]\n", sources.join(", "))
}

/// One to four caps and their sizes in satang, which need not rise with the period.
fn caps(random: &mut Random) -> Vec<(&'static str, u64)> {
    let mut scale = random.between(1, 5) as u32;
    let rises = random.percent(60);
    let mut caps = Vec::new();
    while caps.is_empty() {
        for name in ["day", "month", "quarter", "program"] {
            if random.percent(50) {
                caps.push((name, random.any_size(scale)));
                scale += u32::from(rises && random.percent(80));
            }
        }
    }
    // A tie between two caps: the shorter period is the one to be named.
    if caps.len() > 1 && random.percent(30) {
        let size = random.any_size(scale);
        for cap in &mut caps {
            cap.1 = size;
        }
    }
    caps
}

fn channel(random: &mut Random, name: &str, categories: &[String], day: Date) -> String {
    let from = day.plus_days(random.between(-60, 3));
    let to = day.plus_days(random.between(0, 150) + random.between(0, 50));
    let hours = hours(random);
    let mut text = format!(
        "[[benefit.channel]]\nid = \"{name}\"\nfrom = {from}\nto = {}\nhours = \"{hours}\"\n",
        to.max(from)
    );
    if random.percent(25) {
        text += &format!("merchant_categories = {}\n", list(&categories[..1]));
    }
    text
}

fn hours(random: &mut Random) -> String {
    match random.below(4) {
        0 => "00:00-24:00".to_owned(),
        1 => "06:00-23:00".to_owned(),
        2 => "06:00-21:00".to_owned(),
        _ => {
            let opens = random.between(0, 12 * 60);
            let closes = random.between(opens + 1, 24 * 60);
            format!(
                "{:02}:{:02}-{:02}:{:02}",
                opens / 60,
                opens % 60,
                closes / 60,
                closes % 60
            )
        }
    }
}

fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
