//! Wrong programme files are refused with file, line, key and reason. One right file; each case breaks one thing in it.

use super::*;

/// A right file that uses every key of the schema.
const RIGHT: &str = r#"id = "fair"
name_th = "งานวัด"
name_en = "Fair"
exclusive_with = ["card", "other"]
usable_from = 2026-06-01
effective_from = 2026-06-01
source = "letter 7"
[merchant_registration]
opens = 2026-05-01
closes = 2026-07-31
returning_closes = 2026-09-30
returning_from = "fair-2024"
[registration]
opens = 2026-05-25
closes = 2026-05-29
hours = "06:00-22:00"
quota = 30_000_000
min_age = 18
excluded_lists = ["card", "suspended"]
first_use_by = 2026-06-11T23:00:00
[registration.returning]
from_program = "fair-2025"
opens = 2026-05-01
usable_from = 2026-06-01
[[registration.tier]]
id = "tax-filer"
required_list = "tax-filers"
caps = { co-pay = { month = 240_000 } }
[[registration.tier]]
id = "student"
required_list = "students"
caps = { co-pay = { day = 5_000 } }
[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = { day = 20_000, month = 100_000 }
when_exhausted = "decline"
merchant_categories = ["food_drink", "otop"]
funded_by = [{ source = "base", up_to = 300 }, { source = "mid", up_to = 400 }, { source = "rest" }]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
[[benefit.channel]]
id = "delivery"
from = 2026-06-15
to = 2026-09-30
hours = "06:00-21:00"
merchant_categories = ["food_drink"]
[[benefit]]
id = "water"
state_percent = 100
holder = "household"
caps = { quarter = 10_000, program = 50_000 }
when_exhausted = "citizen_pays"
merchant_categories = ["water"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "00:00-24:00"
"#;

#[test]
fn the_right_file_loads_and_keeps_every_key() {
    let program = Program::load("p.toml", RIGHT).unwrap();
    let registration = program.registration.as_ref().unwrap();
    assert_eq!(
        registration.first_use_by,
        Some(Instant::parse("2026-06-11T23:00:00+07:00").unwrap())
    );
    assert_eq!(registration.quota, Some(30_000_000));
    assert_eq!(
        registration.tiers[1].caps[0].1.get(CapPeriod::Day),
        Some(Satang::from_baht(50))
    );
    assert_eq!(
        program.lists().map(Name::as_str).collect::<Vec<_>>(),
        ["card", "suspended", "tax-filers", "students"]
    );
    assert_eq!(program.benefits[0].funded_by[1].up_to, Some(Satang::from_baht(4)));
    assert_eq!(program.benefits[1].when_exhausted, WhenExhausted::CitizenPays);
    assert_eq!(program.hash, *blake3::hash(RIGHT.as_bytes()).as_bytes());
    assert_eq!(program.text, RIGHT);
}

#[test]
fn optional_keys_may_be_left_out_and_other_spellings_of_toml_are_the_same() {
    for (right, other) in [
        ("exclusive_with = [\"card\", \"other\"]\n", ""),
        ("usable_from = 2026-06-01\n", ""),
        ("effective_from = 2026-06-01\n", ""),
        ("source = \"letter 7\"\n", ""),
        ("closes = 2026-07-31\n", ""),
        ("returning_closes = 2026-09-30\n", ""),
        (
            "opens = 2026-05-01\ncloses = 2026-07-31\nreturning_closes = 2026-09-30\n",
            "",
        ),
        ("closes = 2026-05-29\n", ""),
        ("quota = 30_000_000\n", ""),
        ("min_age = 18\n", ""),
        ("excluded_lists = [\"card\", \"suspended\"]\n", ""),
        ("first_use_by = 2026-06-11T23:00:00\n", ""),
        (
            "[registration.returning]\nfrom_program = \"fair-2025\"\nopens = 2026-05-01\nusable_from = 2026-06-01\n",
            "",
        ),
        ("merchant_categories = [\"food_drink\"]\n", ""),
        (
            "caps = { day = 20_000, month = 100_000 }",
            "caps.day = 20000\ncaps.month = 0x186A0",
        ),
        (
            "caps = { co-pay = { day = 5_000 } }",
            "[registration.tier.caps.co-pay]\nday = 5_000",
        ),
        ("to = 2026-09-30", "to = 2400-12-31"),
        ("state_percent = 60", "state_percent = 1"),
        ("up_to = 300", "up_to = 4_294_967_295"),
        ("id = \"fair\"\n", "id = \"fair\" # พัด\r\n"),
    ] {
        assert!(RIGHT.contains(right), "no such text in the right file: {right}");
        let program = Program::load("p.toml", &RIGHT.replacen(right, other, 1));
        assert!(
            program.is_ok(),
            "{right:?} -> {other:?}: {}",
            program.unwrap_err()
        );
    }
}

#[test]
fn a_broken_file_is_refused_with_its_line_key_and_reason() {
    let is_case = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let lines: Vec<&str> = include_str!("refused.txt")
        .lines()
        .map(str::trim)
        .filter(is_case)
        .collect();
    let mut wrong = String::new();
    for case in lines.chunks(2) {
        let (right, broken) = case[0].split_once("=>").expect("right => broken");
        let (right, broken) = (right.trim().replace('⏎', "\n"), broken.trim().replace('⏎', "\n"));
        assert!(RIGHT.contains(&right), "no such text in the right file: {right}");
        let got = match Program::load("p.toml", &RIGHT.replacen(&right, &broken, 1)) {
            Ok(_) => "loads".to_owned(),
            Err(error) => error.to_string(),
        };
        if got != case[1] {
            wrong.push_str(&format!("\n{}\n    {got}", case[0]));
        }
    }
    assert!(wrong.is_empty(), "these read otherwise:{wrong}");
    assert!(lines.len() / 2 >= 120, "cases were lost: {}", lines.len() / 2);
}

#[test]
fn a_file_without_benefit_or_with_too_many_of_anything_is_refused() {
    let check = |text: &str, refusal: &str| {
        assert_eq!(Program::load("p.toml", text).unwrap_err().to_string(), refusal);
    };
    let head = "id = \"x\"\nname_th = \"x\"\nname_en = \"x\"\n";
    check("", "p.toml:1: id: missing; this key is required");
    check(
        head,
        "p.toml:1: benefit: missing; a programme has at least one [[benefit]]",
    );
    check(
        &format!("{head}benefit = []\n"),
        "p.toml:4: benefit: a programme has at least one [[benefit]]",
    );
    let single = "p.toml:4: benefit: write [[benefit]] in double brackets: there may be several";
    check(&format!("{head}[benefit]\n"), single);

    let benefits: String = (0..=BENEFITS_MAX)
        .map(|n| format!("[[benefit]]\nid = \"b{n}\"\n"))
        .collect();
    check(
        &format!("{head}{benefits}"),
        "p.toml:34: benefit[15]: one too many: there may be at most 15",
    );
    let channels: String = (1..CHANNELS_MAX)
        .map(|n| format!("[[benefit.channel]]\nid = \"c{n}\"\n"))
        .collect();
    let text = RIGHT.replacen(
        "[[benefit.channel]]\n",
        &format!("{channels}[[benefit.channel]]\n"),
        1,
    );
    check(
        &text,
        "p.toml:76: benefit[0].channel[16]: one too many: there may be at most 16",
    );
    let names: Vec<_> = (0..=ENTRIES_MAX).map(|n| format!("\"n{n}\"")).collect();
    let text = format!("{head}exclusive_with = [{}]\n", names.join(","));
    check(
        &text,
        "p.toml:4: exclusive_with[64]: one too many: there may be at most 64",
    );
    let text = "#".repeat(TEXT_BYTES_MAX + 1);
    check(&text, "p.toml:1: (file): must be at most 65536 bytes, not 65537");
}

/// A hostile or garbled file is refused too: never a panic, whatever is cut off or overwritten.
#[test]
fn a_right_file_cut_or_overwritten_anywhere_never_panics() {
    for (at, _) in RIGHT.char_indices() {
        let _ = Program::load("p.toml", &RIGHT[..at]);
        for byte in ["\0", "[", "]", "\"", "=", "\n", "{", ".", "-", "9", "\u{e01}"] {
            let end = at + RIGHT[at..].chars().next().map_or(0, char::len_utf8);
            if let Err(error) = Program::load("p.toml", &format!("{}{byte}{}", &RIGHT[..at], &RIGHT[end..])) {
                assert!(
                    !error.key.is_empty() && error.line <= 1 + RIGHT.lines().count(),
                    "{error}"
                );
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    for nested in ["[".repeat(60_000), "{a=".repeat(20_000), "a.".repeat(30_000)] {
        assert!(Program::load("p.toml", &format!("a = {nested}")).is_err());
        assert!(Program::load("p.toml", &format!("{nested}a = 1")).is_err());
    }
}
