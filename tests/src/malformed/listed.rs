//! Lines of lists that are no citizen's id.

use super::Case;

/// What a line may be that is no citizen; an empty one is no line.
const WRONG: [&str; 30] = [
    "x",
    "citizen_id",
    "CITIZEN_ID",
    "citizen_id,name",
    "1101700203451",
    "110170020345",
    "\"110170020345\",",
    "11017002034500",
    ",1101700203450",
    "1101700203450,1101700203450",
    "1101700203450;1101700203450",
    "1101700203450;",
    "\"1101700203450",
    "1101700203450\"",
    "\"1101700203450,\"",
    "\"\"1101700203450\"\"",
    "'1101700203450",
    "=\"1101700203450\"",
    "1-1017-00203-45-0",
    "1 1017 00203 45 0",
    "1101700203450.0",
    "1.10170020345E+12",
    "1,10170020345e12",
    "1.1E+12",
    "\u{feff}1101700203450",
    "\u{a0}1101700203450",
    "๑๑๐๑๗๐๐๒๐๓๔๕๐",
    "1๑01700203450",
    "{\"citizen_id\":\"1101700203450\"}",
    "PK\u{3}\u{4}1101700203450",
];

/// Lines of a list that are refused, each without its newline.
pub fn wrong_listed() -> Vec<Case> {
    let fields = &["citizen_id"];
    let mut cases: Vec<Case> = WRONG
        .iter()
        .map(|line| Case::new(format!("{line:?}"), *line, fields))
        .collect();
    for broken in [
        &b"\xff"[..],
        b"110170020345\xff",
        b"\0",
        b"1101700203450\0",
        b"\xc2\xa0",
        b"1\x001\x000\x001\x007\x00",
        b"\xff\xfe1\x001\x00",
        b"\xf1\xf1\xf0\xf1\xf7\xf0\xf0\xf2\xf0\xf3\xf4\xf5\xf0",
        b"1101700203450,\xca\xc1\xaa\xd2\xc2",
        b"\x1f\x8b\x08",
    ] {
        cases.push(Case::new(format!("{broken:x?}"), broken, fields));
    }
    for len in [14, 1_000, 60_000] {
        cases.push(Case::new(format!("{len} digits"), "1".repeat(len), fields));
    }
    cases
}
