//! A line of a list: one citizen's id, as spreadsheets and other systems write it. No reason repeats the id.

use super::encoding::{LOOKS_LIKE_TIS620, LOOKS_LIKE_UTF16, looks_like_tis620};
use super::problem::Problem;
use satang_core::ids::NationalId;

/// The name of a list's column, and the field of its faults.
const COLUMN: &str = "citizen_id";

/// Reads a line of a list: blanks around the cell, quotes around it and empty cells behind it are passed over. `None` of a line
/// without a cell, and of the file's first line when that names the column.
///
/// # Errors
/// The 400 of a malformed line.
pub fn line(line: &[u8], is_first: bool) -> Result<Option<NationalId>, Problem> {
    let fault = |reason: String| Problem::malformed_field(COLUMN, reason);
    let cell = match core::str::from_utf8(line) {
        Ok(text) => cell(text),
        Err(_) if looks_like_tis620(line) => return Err(fault(LOOKS_LIKE_TIS620.into())),
        Err(_) => return Err(fault("is not UTF-8".into())),
    };
    if cell.is_empty() || (is_first && cell.eq_ignore_ascii_case(COLUMN)) {
        return Ok(None);
    }
    citizen(cell).map(Some).map_err(fault)
}

/// Reads a citizen's id.
///
/// # Errors
/// Why it is none, and what may have become of it on its way.
pub(super) fn citizen(text: &str) -> Result<NationalId, String> {
    NationalId::parse(text).map_err(|error| match slip(text) {
        Some(slip) => slip.to_owned(),
        None => error.to_string(),
    })
}

/// The first cell of a line.
fn cell(line: &str) -> &str {
    let is_blank = |c: char| c.is_ascii_whitespace();
    // The cells behind it, all empty.
    let line = line.trim_end_matches(|c| is_blank(c) || c == ',');
    let line = line.trim_start_matches(is_blank);
    let quoted = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or(line, |cell| cell.trim_matches(is_blank))
}

/// What is known to happen to ids on their way into a file.
fn slip(text: &str) -> Option<&'static str> {
    if text.contains('\0') {
        return Some(LOOKS_LIKE_UTF16);
    }
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("has 12 digits: lost its leading zero in a spreadsheet?");
    }
    if is_scientific(text) {
        return Some(
            "is written as a spreadsheet shows large numbers, like 1.1E+12: format the column as text",
        );
    }
    let is_thai_digit = |c: char| ('๐'..='๙').contains(&c);
    text.contains(is_thai_digit)
        .then_some("has Thai digits: write it with the digits 0 to 9")
}

/// Whether it is a number with an exponent, like `1.1E+12`.
fn is_scientific(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    are_digits(whole) && are_digits(fraction) && are_digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1101700203450";

    fn read(text: impl AsRef<[u8]>) -> Option<NationalId> {
        line(text.as_ref(), false).expect("it is read")
    }

    fn reason(text: impl AsRef<[u8]>) -> String {
        let problem = line(text.as_ref(), true).expect_err("it is refused");
        assert_eq!(problem.errors[0].field, "citizen_id");
        let reason = problem.errors[0].reason.clone();
        assert!(!reason.contains("11017"), "the id is repeated: {reason}");
        reason
    }

    #[test]
    fn an_id_is_read_whatever_a_spreadsheet_puts_around_it() {
        let wanted = NationalId::parse(ID).ok();
        assert!(wanted.is_some());
        for text in [
            "1101700203450",
            " 1101700203450\t",
            "\"1101700203450\"",
            " \" 1101700203450 \" ",
            "1101700203450,",
            "1101700203450 , ,\t,",
            "\"1101700203450\",",
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_row_without_a_cell_is_no_line() {
        for text in ["", " ", ",", " , ,", "\"\"", "\" \","] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_first_line_may_name_the_column_in_any_case() {
        for text in ["citizen_id", "CITIZEN_ID", "\"Citizen_Id\",", " citizen_id "] {
            assert_eq!(line(text.as_bytes(), true), Ok(None), "{text:?}");
            assert!(line(text.as_bytes(), false).is_err(), "{text:?} further down");
        }
        for text in ["id", "citizen id", "citizen_id,name", "'citizen_id'"] {
            reason(text);
        }
    }

    #[test]
    fn what_befalls_ids_in_files_is_named() {
        let named: [(&[u8], &str); 13] = [
            (b"110170020345", "leading zero in a spreadsheet?"),
            (b"\"110170020345\",", "leading zero in a spreadsheet?"),
            (b"1.1E+12", "like 1.1E+12"),
            (b"1.10170020345E+12", "like 1.1E+12"),
            (b"1,1e12", "like 1.1E+12"),
            (b"1E12", "like 1.1E+12"),
            ("๑๑๐๑๗๐๐๒๐๓๔๕๐".as_bytes(), "Thai digits"),
            ("1101๗00203450".as_bytes(), "Thai digits"),
            (b"1\x001\x000\x00", "looks like UTF-16"),
            (b"\xf1\xf1\xf0\xf1\xf7\xf0\xf0", "looks like TIS-620"),
            (b"1101700203450,\xca\xc1\xaa\xd2\xc2", "looks like TIS-620"),
            (b"11017002034\xff", "is not UTF-8"),
            (b"1101700203451", "must be 13 digits with a valid check digit"),
        ];
        for (text, wanted) in named {
            let reason = reason(text);
            assert!(reason.contains(wanted), "{text:x?}: {reason}");
        }
    }

    #[test]
    fn what_is_no_slip_anybody_knows_is_refused_in_general() {
        for text in [
            "11017002034500",
            "1e",
            "E12",
            "1.E12",
            "1.1E+",
            "\"1101700203450",
            "1101700203450\"",
            "'1101700203450'",
            "\"1101700203450,\"",
            ",1101700203450",
            "1101700203450,1101700203450",
            "1101700203450;",
        ] {
            assert_eq!(
                reason(text),
                "must be 13 digits with a valid check digit",
                "{text:?}"
            );
        }
    }
}
