//! A malformed body is refused under the name of the field that is wrong. The bodies are generated: every field of every
//! kind of body, with every kind of fault.

use super::batch::BATCH_LEN_MAX;
use super::problem::Problem;
use super::tests_shapes::{
    BatchShape, MERCHANT, PURCHASES, REGISTRATIONS, SHAPES, TXN_ID, nested, object, pairs, plain,
    read_element, refused,
};
use super::{listed, parse};

/// The names of the fields a reading complains of.
fn faults(read: Result<(), Problem>) -> Vec<String> {
    match read {
        Ok(()) => Vec::new(),
        Err(problem) => {
            assert_eq!((problem.status, problem.kind), (400, "malformed"));
            problem.errors.into_iter().map(|error| error.field).collect()
        }
    }
}

#[test]
fn the_plain_bodies_are_well_formed() {
    for shape in &SHAPES {
        assert_eq!(
            faults((shape.read)(plain(shape).as_bytes())),
            [""; 0],
            "{}",
            shape.name
        );
    }
}

#[test]
fn a_fault_in_a_field_is_told_under_its_name() {
    let mut checked = 0;
    for shape in &SHAPES {
        for (at, field) in shape.fields.iter().enumerate() {
            let mut check = |pairs: &[(String, String)], wanted: &[&str]| {
                let body = object(pairs);
                assert_eq!(
                    faults((shape.read)(body.as_bytes())),
                    wanted,
                    "{}: {body}",
                    shape.name
                );
                checked += 1;
            };
            let mut without = pairs(shape);
            without.remove(at);
            check(&without, &[field.0][..usize::from(field.2)]);
            let mut twice = pairs(shape);
            twice.push(twice[at].clone());
            check(&twice, &[field.0]);
            let mut escaped = pairs(shape);
            let escaped_key = format!("\\u{:04x}{}", field.0.as_bytes()[0], &field.0[1..]);
            escaped.push((escaped_key, field.1.to_owned()));
            check(&escaped, &[field.0]);
            for value in refused(field) {
                let mut wrong = pairs(shape);
                wrong[at].1 = value;
                check(&wrong, &[field.0]);
            }
            // A repeated key is told once, also when the second value is wrong; the first one counts.
            let mut other = pairs(shape);
            other.push((field.0.to_owned(), "null".to_owned()));
            check(&other, &[field.0]);
        }
    }
    assert!(checked >= 1_000, "{checked} bodies");
}

#[test]
fn an_unknown_field_is_told_under_its_own_name() {
    for shape in &SHAPES {
        for key in [
            "extra", "Amount", "amount ", "txnId", "wallet", "", "\\u0000", "ก",
        ] {
            let mut more = pairs(shape);
            more.push((key.to_owned(), "1".to_owned()));
            let wanted = key.replace("\\u0000", "\0");
            assert_eq!(
                faults((shape.read)(object(&more).as_bytes())),
                [wanted],
                "{}",
                shape.name
            );
        }
    }
    let mut more = pairs(&SHAPES[2]);
    more.insert(0, (TXN_ID.0.to_owned(), TXN_ID.1.to_owned()));
    assert_eq!(
        faults((SHAPES[2].read)(object(&more).as_bytes())),
        ["txn_id"],
        "a quote has no id"
    );
    let mut more = pairs(&SHAPES[4]);
    more.push((MERCHANT.0.to_owned(), MERCHANT.1.to_owned()));
    assert_eq!(
        faults((SHAPES[4].read)(object(&more).as_bytes())),
        ["merchant_id"],
        "it stands in the path"
    );
}

#[test]
fn no_answer_repeats_what_may_be_somebodys_id_or_is_long() {
    let line = plain(&SHAPES[6]).replace("1101700203450", "1101700203451");
    let problem = parse::enrollment(line.as_bytes()).unwrap_err();
    assert_eq!(problem.errors[0].field, "citizen_id");
    assert!(!String::from_utf8(problem.to_json()).unwrap().contains("110170"));
    for wrong in ["1101700203451", "110170020345", "11017002034500"] {
        for shape in &SHAPES[9..11] {
            let problem = (shape.read)(plain(shape).replace("1101700203450", wrong).as_bytes()).unwrap_err();
            assert_eq!(problem.errors[0].field, "citizen_id", "{}", shape.name);
            assert!(!String::from_utf8(problem.to_json()).unwrap().contains("110170"));
        }
        let problem = listed::line(wrong.as_bytes(), true).unwrap_err();
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains("110170"));
    }
    let long = "k".repeat(65);
    for key in ["1101700203450", "1-1017-00203-45-0", &long] {
        let body = format!("{{\"status\":\"active\",\"reason\":\"x\",\"{key}\":\"1101700203450\"}}");
        let problem = parse::status(body.as_bytes()).unwrap_err();
        assert_eq!(problem.errors[0].field, "");
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains(key));
    }
}

#[test]
fn a_problem_names_a_bounded_number_of_fields() {
    let keys: Vec<String> = (0..100_000).map(|number| format!("\"k{number}\":1")).collect();
    let problem = parse::status(format!("{{{}}}", keys.join(",")).as_bytes()).unwrap_err();
    assert_eq!(problem.errors.len(), super::problem::ERRORS_MAX);
    assert!(problem.to_json().len() < 2_000);
}

#[test]
fn every_fault_of_a_body_is_told() {
    let body =
        br#"{"program":"X","wallet_id":null,"extra":1,"channel":"store","amount":5,"eligible_amount":6}"#;
    assert_eq!(
        faults(parse::authorization(body).map(|_| ())),
        [
            "extra",
            "txn_id",
            "program",
            "wallet_id",
            "merchant_id",
            "eligible_amount"
        ]
    );
}

#[test]
fn what_is_no_json_object_names_no_field() {
    for shape in SHAPES.iter().filter(|shape| !shape.is_element()) {
        let good = plain(shape);
        let mut bodies: Vec<Vec<u8>> = [
            "",
            " ",
            "\n\t\r ",
            "null",
            "true",
            "5",
            "\"x\"",
            "[]",
            "[{}]",
            "{",
            "}",
            "nul",
            "{,}",
            "\u{feff}{}",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        bodies.push(format!("\u{feff}{good}").into_bytes());
        bodies.push(format!("[{good}]").into_bytes());
        for trailing in ["x", "{}", ",", "]", " 1", "\u{0}", "}", "//", "\u{a0}", "\u{b}"] {
            bodies.push(format!("{good}{trailing}").into_bytes());
        }
        for (from, to) in [
            ("{", "{,"),
            ("}", ",}"),
            (",", ",,"),
            (",", " "),
            (":", "="),
            (":", " "),
            (":", "::"),
            ("\"", "'"),
            ("\"", ""),
            ("{", "{\"\\ud800\":1,"),
            ("{", "{\"\\udc00\":1,"),
            ("{", "{\"\\ud800\\u0041\":1,"),
            ("{", "{\"\\ud800x\":1,"),
            ("{", "{\"\\x\":1,"),
            ("{", "{\"\\u00\":1,"),
            ("{", "{\"\\u00zz\":1,"),
            ("{", "{\"\\U0041\":1,"),
            ("{", "{\"\t\":1,"),
            ("{", "{\"\0\":1,"),
            ("{", "{\"a\n\":1,"),
            ("{", "{\"a\":01,"),
            ("{", "{\"a\":-,"),
            ("{", "{\"a\":+1,"),
            ("{", "{\"a\":1.,"),
            ("{", "{\"a\":.5,"),
            ("{", "{\"a\":1e,"),
            ("{", "{\"a\":1e+,"),
            ("{", "{\"a\":00,"),
            ("{", "{\"a\":0x1,"),
            ("{", "{\"a\":NaN,"),
            ("{", "{\"a\":Infinity,"),
            ("{", "{\"a\":True,"),
            ("{", "{\"a\":nulll,"),
            ("{", "{\"a\":[1,],"),
            ("{", "{\"a\":[,1],"),
            ("{", "{\"a\":[1 2],"),
            ("{", "{\"a\":[1},"),
            ("{", "{\"a\":{\"b\"},"),
            ("{", "{\"a\":{1:2},"),
            ("{", "{\"a\":{\"b\":1,},"),
            ("{", "{a:1,"),
            ("{", "{1:1,"),
            ("{", "{null:1,"),
            ("{", "{/**/"),
            ("{", "{{"),
            ("{", "{\"a\":"),
            ("{", "{\"a\","),
            ("{", "{\"a\":1"),
        ] {
            bodies.extend(
                good.contains(from)
                    .then(|| good.replacen(from, to, 1).into_bytes()),
            );
        }
        bodies.retain(|body| !body.is_empty() || !shape.may_be_absent());
        for body in bodies {
            let shown = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(faults((shape.read)(&body)), [""], "{}: {shown}", shape.name);
        }
    }
}

#[test]
fn a_body_cut_short_anywhere_names_no_field() {
    for shape in SHAPES.iter().filter(|shape| !shape.is_element()) {
        let good = plain(shape);
        for end in usize::from(shape.may_be_absent())..good.len() {
            assert_eq!(
                faults((shape.read)(&good.as_bytes()[..end])),
                [""],
                "{} cut at {end}",
                shape.name
            );
        }
    }
}

#[test]
fn a_body_that_is_no_utf8_anywhere_names_no_field() {
    for shape in &SHAPES {
        let good = plain(shape);
        for at in 0..good.len() {
            for broken in [0xFF, 0xC0] {
                let mut body = good.clone().into_bytes();
                body[at] = broken;
                assert_eq!(faults((shape.read)(&body)), [""], "{} broken at {at}", shape.name);
                let mut body = good.clone().into_bytes();
                body.insert(at, broken);
                assert_eq!(faults((shape.read)(&body)), [""], "{} broken at {at}", shape.name);
            }
        }
    }
}

#[test]
fn a_body_is_nested_sixteen_levels_at_most() {
    for shape in SHAPES.iter().filter(|shape| !shape.is_element()) {
        let at = |inner: String| format!("{{\"extra\":{inner},{}", &plain(shape)[1..]);
        assert_eq!(
            faults((shape.read)(at(nested(15)).as_bytes())),
            ["extra"],
            "{}",
            shape.name
        );
        assert_eq!(
            faults((shape.read)(at(nested(16)).as_bytes())),
            [""],
            "{}",
            shape.name
        );
        let objects = format!("{}1{}", "{\"a\":".repeat(16), "}".repeat(16));
        assert_eq!(
            faults((shape.read)(at(objects).as_bytes())),
            [""],
            "{}",
            shape.name
        );
        for open in [
            "[",
            "{\"a\":",
            "{\"amount\":",
            "{\"authorizations\":[",
            "[{\"a\":[",
        ] {
            let deep = open.repeat(16 << 20 >> open.len().ilog2());
            let deep = &deep.as_bytes()[..16 << 20];
            assert_eq!(faults((shape.read)(deep)), [""], "{} {open}", shape.name);
            assert_eq!(
                faults((shape.read)(at(open.repeat(100_000)).as_bytes())),
                [""],
                "{}",
                shape.name
            );
        }
    }
}

#[test]
fn a_reversal_by_timeout_has_no_amount() {
    let path = "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10";
    let body = |amount: &str| format!("{{\"reversal_id\":\"{path}\",\"reason\":\"timeout\"{amount}}}");
    assert!(parse::reversal(path, body("").as_bytes()).is_ok());
    for amount in [",\"amount\":1", ",\"amount\":null", ",\"amount\":0"] {
        assert_eq!(
            faults(parse::reversal(path, body(amount).as_bytes()).map(|_| ())),
            ["amount"]
        );
    }
    assert_eq!(
        faults(parse::reversal("x", body("").as_bytes()).map(|_| ())),
        ["txn_id"]
    );
    assert_eq!(faults(parse::reversal("x", b"").map(|_| ())), ["txn_id"]);
    let more = body(&format!(",\"txn_id\":\"{path}\""));
    assert_eq!(
        faults(parse::reversal(path, more.as_bytes()).map(|_| ())),
        ["txn_id"]
    );
}

/// Batches whose frame is wrong, and the field that is told.
fn wrong_frames(batch: &BatchShape) -> Vec<(String, &'static str)> {
    let (key, good) = (batch.key, plain(batch.element));
    let framed = |inner: &str| format!("{{\"{key}\":[{inner}]}}");
    let list = |len: usize| framed(&vec![good.as_str(); len].join(","));
    let mut cases = vec![(list(0), key), (list(BATCH_LEN_MAX + 1), key)];
    for value in ["null", "{}", "5", "\"x\"", "true"] {
        cases.push((format!("{{\"{key}\":{value}}}"), key));
    }
    cases.push(("{}".to_owned(), key));
    cases.push((format!("{{\"{key}\":[{good}],\"{key}\":[{good}]}}"), key));
    cases.push((format!("{{\"{key}\":[{good}],\"extra\":1}}"), "extra"));
    cases.push((format!("{{\"extra\":1,\"{key}\":[{good}]}}"), "extra"));
    for wrong in ["x", "{}", ",", "]", "\u{0}"] {
        cases.push((format!("{}{wrong}", list(2)), ""));
    }
    cases.push((format!("[{good}]"), ""));
    cases.push((framed(&format!("{good},")), ""));
    cases.push((framed(&format!("{good} {good}")), ""));
    cases.push((framed(&format!("{good},{}", &good[1..])), ""));
    cases.push((framed(&format!("{good},{{\"a\":{}}}", nested(14))), ""));
    cases
}

#[test]
fn a_batch_is_refused_as_a_whole_when_its_frame_is_wrong() {
    for batch in [&PURCHASES, &REGISTRATIONS] {
        let good = plain(batch.element);
        let list = |len: usize| format!("{{\"{}\":[{}]}}", batch.key, vec![good.as_str(); len].join(","));
        let longest = (batch.read)(list(BATCH_LEN_MAX).as_bytes()).unwrap();
        assert_eq!(longest.len(), 10_000);
        for (body, wanted) in wrong_frames(batch) {
            assert_eq!(
                faults((batch.read)(body.as_bytes()).map(|_| ())),
                [wanted],
                "{body:.200}"
            );
        }
        let whole = list(2);
        for end in 0..whole.len() {
            let cut = (batch.read)(&whole.as_bytes()[..end]);
            assert_eq!(faults(cut.map(|_| ())), [""], "cut at {end}");
        }
    }
    let of_the_other = format!("{{\"authorizations\":[{}]}}", plain(REGISTRATIONS.element));
    assert_eq!(
        faults(parse::registrations(of_the_other.as_bytes()).map(|_| ())),
        ["authorizations", "registrations"]
    );
}

#[test]
fn an_element_that_is_no_object_is_a_problem_in_its_place() {
    for batch in [&PURCHASES, &REGISTRATIONS] {
        for element in ["null", "5", "[]", "\"x\"", "true", "[[{}]]"] {
            assert_eq!(faults(read_element(batch, element.as_bytes())), [""], "{element}");
        }
    }
}
