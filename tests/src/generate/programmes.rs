//! Programme files: the shipped ones from the repository, and random valid ones that are meaner.

use std::path::Path;

use crate::oracle::calendar::Date;

use super::random::Random;

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
            Some((entry.file_name().into_string().ok()?, text))
        })
        .collect();
    files.sort();
    files
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

/// A valid file about the days around `day`.
pub fn random_file(random: &mut Random, number: usize, day: Date) -> (String, String) {
    let id = format!("{}-{number}", random.pick(&["alpha", "b", "c-0-c", "9"]));
    let mut text =
        format!("id = \"{id}\"\nname_th = \"โครงการ {number}\"\nname_en = \"Programme {number}\"\n");
    if random.percent(25) {
        text += &format!("usable_from = {}\n", day.plus_days(random.between(-5, 6)));
    }
    let mut categories = CATEGORIES.map(String::from);
    random.shuffle(&mut categories);
    let benefits = random.between(1, 3) as usize;
    for index in 0..benefits {
        let count = random.between(1, 2) as usize;
        text += &benefit(random, index, &categories[index * 2..index * 2 + count], day);
    }
    (format!("{id}.toml"), text)
}

fn benefit(random: &mut Random, index: usize, categories: &[String], day: Date) -> String {
    let percent = match random.below(4) {
        0 => *random.pick(&[1, 50, 60, 99, 100]),
        _ => random.between(1, 100),
    };
    let holder = if random.percent(6) { "household" } else { "person" };
    let when_exhausted = if random.percent(40) {
        "citizen_pays"
    } else {
        "decline"
    };
    let mut text = format!(
        "\n[[benefit]]\nid = \"benefit-{index}\"\nstate_percent = {percent}\nholder = \"{holder}\"\n\
         caps = {{ {} }}\nwhen_exhausted = \"{when_exhausted}\"\nmerchant_categories = {}\n",
        caps(random),
        list(categories)
    );
    let mut names = CHANNELS;
    random.shuffle(&mut names);
    for name in &names[..random.between(1, 3) as usize] {
        text += &channel(random, name, categories, day);
    }
    text
}

/// One to four caps; their sizes need not rise with the period.
fn caps(random: &mut Random) -> String {
    let mut scale = random.between(1, 5) as u32;
    let rises = random.percent(60);
    let mut caps: Vec<String> = Vec::new();
    while caps.is_empty() {
        for name in ["day", "month", "quarter", "program"] {
            if random.percent(50) {
                caps.push(format!("{name} = {}", random.any_size(scale)));
                scale += u32::from(rises && random.percent(80));
            }
        }
    }
    // A tie between two caps: the shorter period is the one to be named.
    if caps.len() > 1 && random.percent(30) {
        let size = random.any_size(scale);
        for cap in &mut caps {
            let name = cap
                .split(' ')
                .next()
                .expect("a cap starts with its name")
                .to_owned();
            *cap = format!("{name} = {size}");
        }
    }
    caps.join(", ")
}

fn channel(random: &mut Random, name: &str, categories: &[String], day: Date) -> String {
    let from = day.plus_days(random.between(-60, 3));
    let to = day.plus_days(random.between(0, 150) + random.between(0, 50));
    let hours = match random.below(4) {
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
    };
    let mut text = format!(
        "[[benefit.channel]]\nid = \"{name}\"\nfrom = {from}\nto = {}\nhours = \"{hours}\"\n",
        to.max(from)
    );
    if random.percent(25) {
        text += &format!("merchant_categories = {}\n", list(&categories[..1]));
    }
    text
}

fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::programme::Programme;

    #[test]
    fn every_random_file_can_be_read() {
        let mut random = Random::new(1);
        for number in 0..500 {
            let day = Date::new(2026, random.between(1, 12), 28).unwrap();
            let (name, text) = random_file(&mut random, number, day);
            let programme =
                Programme::read(&text).unwrap_or_else(|reason| panic!("{name}: {reason}\n{text}"));
            assert!(programme.benefits.iter().all(|benefit| !benefit.caps.is_empty()));
        }
    }
}
