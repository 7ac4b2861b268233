//! Values that a field refuses, every one valid JSON.

use super::Takes;

/// Values of no kind that any field takes.
const OF_NO_KIND: [&str; 9] = [
    "null",
    "true",
    "false",
    "{}",
    r#"{"a":1}"#,
    "[1]",
    "[null]",
    "[[[]]]",
    r#"[{"a":[]}]"#,
];

const NUMBERS: [&str; 4] = ["5", "-1", "1.5", "1e400"];

/// What no amount is, and no number of seconds.
const AMOUNTS: [&str; 31] = [
    "0",
    "-0",
    "-1",
    "-200",
    "0.0",
    "200.0",
    "1.5",
    "1e2",
    "1E2",
    "1e-2",
    "2.0e2",
    "1e400",
    "1e999999999999",
    "100000001",
    "2147483648",
    "4294967296",
    "4294967297",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551816",
    "340282366920938463463374607431768211656",
    "0.00000000000000000000000000000001",
    "100.00000000000000000001",
    "\"200\"",
    "\"\"",
    "[]",
    "[200]",
];

/// The most that is claimed back at once.
const CLAIM_MAX: u64 = 1_000_000_000_000_000;

pub(super) fn refused(takes: Takes) -> Vec<String> {
    let more: Vec<String> = match takes {
        Takes::Amount => own(&AMOUNTS),
        Takes::Claim => {
            let is_claim = |value: &&str| value.parse().is_ok_and(|value| (1..=CLAIM_MAX).contains(&value));
            let mut values: Vec<String> = own(&AMOUNTS);
            values.retain(|value| !is_claim(&value.as_str()));
            values.push((CLAIM_MAX + 1).to_string());
            values
        }
        Takes::Seconds(most) => {
            let mut values = own(&AMOUNTS);
            values.push((most + 1).to_string());
            values
        }
        Takes::Uuid => own(&[
            "\"\"",
            "\"0197a1d20f6e7c3a8b1e000000000001\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-00000000001\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-0000000000011\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-00000000000g\"",
            "\"0197a1d20-f6e-7c3a-8b1e-000000000001\"",
            "\"{0197a1d2-0f6e-7c3a-8b1e-000000000001}\"",
            "\"urn:uuid:0197a1d2-0f6e-7c3a-8b1e-000000000001\"",
            "\" 0197a1d2-0f6e-7c3a-8b1e-000000000001\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-000000000001\\n\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-00000000000\\u0000\"",
            "\"๐197a1d2-0f6e-7c3a-8b1e-000000000001\"",
        ]),
        Takes::Digits(count) => {
            let digits = "000000000000000001";
            let exact = &digits[digits.len() - count..];
            let mut values = own(&["\"\"", "\"๐๐๐๐๐\"", "1", "\"1\""]);
            values.push(format!("\"{}\"", &exact[1..]));
            values.push(format!("\"0{exact}\""));
            for (front, back) in [
                ("", "x"),
                (" ", ""),
                ("", " "),
                ("+", ""),
                ("-", ""),
                ("", "."),
                ("๑", ""),
            ] {
                let kept = count - front.chars().count() - back.len();
                values.push(format!("\"{front}{}{back}\"", &exact[..kept]));
            }
            values
        }
        Takes::Name => {
            let mut values = own(&[
                "\"\"",
                "\"Store\"",
                "\"a_b\"",
                "\"a b\"",
                "\"ร้าน\"",
                "\"a\\u0000\"",
                "\"a.\"",
                "\"a/b\"",
                "\"é\"",
            ]);
            values.push(format!("\"{}\"", "a".repeat(65)));
            values
        }
        Takes::Citizen => own(&[
            "1101700203450",
            "\"\"",
            "\"1101700203451\"",
            "\"110170020345\"",
            "\"11017002034500\"",
            "\"1-1017-00203-45-0\"",
            "\"๑๑๐๑๗๐๐๒๐๓๔๕๐\"",
            "\"1101700203450 \"",
            "\"110170020345x\"",
        ]),
        Takes::Word => own(&[
            "\"\"",
            "\"Active\"",
            "\"active \"",
            "\"closed\"",
            "\"FOOD_DRINK\"",
            "\"TIMEOUT\"",
            "\"time_out\"",
        ]),
        Takes::Reason => {
            let mut values = refused(Takes::Text(500));
            values.extend(own(&["\"\"", "\"a\\nb\"", "\"\\u0000\"", "\"\\u0085\""]));
            values
        }
        Takes::Text(most) => vec![
            format!("\"{}\"", "ก".repeat(most + 1)),
            "[]".to_owned(),
            "\"of ๑-1017 00203-45-0\"".to_owned(),
        ],
        Takes::Names(most) => {
            let names: Vec<String> = (0..=most).map(|number| format!("\"n{number}\"")).collect();
            let mut values = own(&[
                "\"\"",
                "\"store\"",
                "[\"Store\"]",
                "[\"\"]",
                "[\"store\",5]",
                "{\"store\":true}",
            ]);
            values.push(format!("[{}]", names.join(",")));
            values
        }
        Takes::Date => own(&[
            "20260615",
            "\"\"",
            "\"2569-06-15\"",
            "\"26-06-15\"",
            "\"2026-6-15\"",
            "\"2026-02-29\"",
            "\"2026-13-01\"",
            "\"2026-06-31\"",
            "\"2026-06-15T00:00:00+07:00\"",
            "\"2026/06/15\"",
            "\"15-06-2026\"",
            "\"-2026-06-15\"",
        ]),
        Takes::Instant => own(&[
            "1781500000000",
            "\"\"",
            "\"2026-06-15\"",
            "\"2026-06-15T13:00:00\"",
            "\"2569-06-15T13:00:00+07:00\"",
            "\"2026-06-15T25:00:00+07:00\"",
            "\"2026-06-31T13:00:00+07:00\"",
            "\"2026-06-15T13:00:00+99:00\"",
            "\"now\"",
            "\"13:00\"",
            "\"ก026-06-15T13:00:00+07:00\"",
        ]),
        Takes::Birth => own(&[
            "1990",
            "\"\"",
            "\"90\"",
            "\"199\"",
            "\"19900412\"",
            "\"1990-\"",
            "\"1990-4\"",
            "\"1990-13\"",
            "\"1990-00\"",
            "\"1990-04-31\"",
            "\"1990-02-29\"",
            "\"1990-4-12\"",
            "\"1990/04/12\"",
            "\"12-04-1990\"",
            "\"-1990\"",
            "\"๑๙๙๐\"",
            "\"1849\"",
            "\"1849-12-31\"",
            "\"2171\"",
            "\"2533\"",
            "\"2533-04\"",
            "\"2533-04-12\"",
            "\"1990-04-12T00:00:00Z\"",
        ]),
        Takes::Nationality => own(&[
            "\"\"",
            "\"T\"",
            "\"th\"",
            "\"tH\"",
            "\"THA\"",
            "\"764\"",
            "\"T \"",
            "\"ไทย\"",
            "\"TH\\u0000\"",
        ]),
    };
    let common = OF_NO_KIND.iter().chain(
        NUMBERS
            .iter()
            .filter(|_| !matches!(takes, Takes::Amount | Takes::Claim | Takes::Seconds(_))),
    );
    let mut values: Vec<String> = common.map(|value| (*value).to_owned()).collect();
    values.extend(more);
    values
}

fn own(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
