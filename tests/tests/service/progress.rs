//! `GET /v1/programs/{id}/registration`: the page that everybody reloads while a registration is open.

use crate::BINARY;
use crate::registrations::{OPEN, open, register, registration, serve_with_quota};
use satang_tests::site::{PROGRAM, Site};
use satang_tests::wire::{Answer, Wire, request_with};
use serde_json::{Value, json};

fn path() -> String {
    format!("/v1/programs/{PROGRAM}/registration")
}

fn progress(wire: &mut Wire) -> Answer {
    wire.call("GET", &path(), b"").expect("an answer")
}

/// Asks with `If-None-Match`.
fn unless(wire: &mut Wire, tags: &str) -> Answer {
    let fields = format!("if-none-match: {tags}\r\n");
    wire.send(&request_with("GET", &path(), &fields, b""))
        .expect("it is open");
    wire.read(false).expect("an answer")
}

#[test]
fn who_has_the_page_already_is_told_so_without_it() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let first = progress(&mut wire);
    assert_eq!(first.status, 200);
    let tag = first.header("etag").expect("a tag").to_owned();
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2,
        "{tag}"
    );
    assert_eq!(first.header("cache-control"), Some("public, max-age=1"));
    let known = [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"other\", {tag}"),
        "*".to_owned(),
    ];
    for tags in known {
        let same = unless(&mut wire, &tags);
        assert_eq!((same.status, same.body.len()), (304, 0), "{tags}: {same:?}");
        assert_eq!(same.header("etag"), Some(tag.as_str()), "{tags}");
        assert_eq!(same.header("cache-control"), Some("public, max-age=1"), "{tags}");
    }
    for tags in ["\"other\"", "", &tag[1..tag.len() - 1]] {
        let whole = unless(&mut wire, tags);
        assert_eq!((whole.status, &whole.body), (200, &first.body), "{tags}");
    }
    register(&mut wire, &registration(1, 1));
    let changed = unless(&mut wire, &tag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[test]
fn a_head_has_the_headers_of_the_page_and_no_body() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let get = progress(&mut wire);
    let head = wire.call("HEAD", &path(), b"").expect("an answer");
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["etag", "cache-control", "content-type", "content-length"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(get.header(name).is_some(), "{name}");
    }
}

#[test]
fn the_page_counts_who_is_in_and_says_when_nobody_is_let_in() {
    let site = Site::new(BINARY);
    let server = serve_with_quota(&site, 2);
    let mut wire = open(&server);
    let standing = |wire: &mut Wire| {
        let shown = progress(wire).json();
        let keys = ["open", "quota", "registered", "remaining", "tickets", "forecast"];
        json!(keys.map(|key| shown[key].clone()))
    };
    assert_eq!(standing(&mut wire), json!([true, 2, 0, 2, 0, "no_arrivals"]));
    register(&mut wire, &registration(1, 1));
    register(&mut wire, &registration(2, 2));
    assert_eq!(standing(&mut wire), json!([true, 2, 2, 0, 2, "full"]));
    let full = register(&mut wire, &registration(3, 3)).json();
    assert_eq!(full["reason"], "quota_full");
    assert_eq!(
        standing(&mut wire),
        json!([true, 2, 2, 0, 2, "full"]),
        "a rejection counts nowhere"
    );
    let counted = progress(&mut wire).json();
    let counted_elsewhere = wire.call("GET", &format!("/v1/programs/{PROGRAM}"), b"");
    let registration = counted_elsewhere.expect("an answer").json()["registration"].take();
    for key in ["open", "quota", "registered", "remaining"] {
        assert_eq!(registration[key], counted[key], "{key}");
    }
    let unknown = wire
        .call("GET", "/v1/programs/nope/registration", b"")
        .expect("an answer");
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (404, &json!("not_found"))
    );
}

#[test]
fn a_programme_that_is_paused_or_past_its_dates_is_not_open() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let is_open = |wire: &mut Wire| -> Value { progress(wire).json()["open"].take() };
    assert_eq!(is_open(&mut wire), true);
    for (status, wanted) in [("suspended", false), ("active", true)] {
        let body = json!({ "status": status, "reason": "" }).to_string();
        let paused = wire.call("PUT", &format!("/v1/programs/{PROGRAM}/status"), body.as_bytes());
        assert_eq!(paused.expect("an answer").status, 200);
        assert_eq!(is_open(&mut wire), wanted, "{status}");
    }
    for (now, wanted) in [
        ("2026-05-25T22:00:00+07:00", false),
        ("2026-05-29T21:59:00+07:00", true),
        ("2026-05-30T12:00:00+07:00", false),
    ] {
        let body = json!({ "now": now }).to_string();
        let set = wire.call("PUT", "/v1/clock", body.as_bytes());
        assert_eq!(set.expect("an answer").status, 200);
        assert_eq!(is_open(&mut wire), wanted, "{now}");
    }
}
