//! A line of a list, held against what people write there.

use super::forms;
use super::json::Json;

/// What a line says.
pub(crate) enum Cell {
    Citizen(String),
    /// Nothing: it is empty, or the name of the column.
    Nobody,
}

const WRONG: &str = "malformed: citizen_id: must be 13 digits with a valid check digit";
const UTF_16: &str = "malformed: citizen_id: looks like UTF-16: save the file as UTF-8";
const LOST_ZERO: &str = "malformed: citizen_id: has 12 digits: lost its leading zero in a spreadsheet?";
const LARGE_NUMBER: &str = "malformed: citizen_id: is written as a spreadsheet shows large numbers, like 1.1E+12: format the column as text";
const THAI_DIGITS: &str = "malformed: citizen_id: has Thai digits: write it with the digits 0 to 9";

/// Reads a line. The cells behind the first one are empty, or the line is wrong.
pub(crate) fn read_cell(line: &str, is_first: bool) -> Result<Cell, &'static str> {
    let mut row: Vec<char> = line.chars().collect();
    while row
        .last()
        .is_some_and(|last| *last == ',' || last.is_ascii_whitespace())
    {
        row.pop();
    }
    let mut cell: String = row.into_iter().collect::<String>().trim_ascii().to_owned();
    if cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"') {
        cell = cell[1..cell.len() - 1].trim_ascii().to_owned();
    }
    if cell.is_empty() || (is_first && cell.eq_ignore_ascii_case("citizen_id")) {
        return Ok(Cell::Nobody);
    }
    match forms::citizen(&Json::Text(cell.clone())) {
        Some(_) => Ok(Cell::Citizen(cell)),
        None => Err(why(&cell)),
    }
}

fn why(cell: &str) -> &'static str {
    if cell.contains('\0') {
        return UTF_16;
    }
    if cell.len() == 12 && cell.chars().all(|c| c.is_ascii_digit()) {
        return LOST_ZERO;
    }
    if is_large_number(cell) {
        return LARGE_NUMBER;
    }
    match cell.chars().any(|c| "๐๑๒๓๔๕๖๗๘๙".contains(c)) {
        true => THAI_DIGITS,
        false => WRONG,
    }
}

/// Digits, perhaps a point or comma and digits, an E, perhaps a sign, digits.
fn is_large_number(cell: &str) -> bool {
    let mut rest = cell;
    let digits = |rest: &mut &str| {
        let left = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let some = left.len() < rest.len();
        *rest = left;
        some
    };
    let mut good = digits(&mut rest);
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        rest = fraction;
        good &= digits(&mut rest);
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return false;
    };
    rest = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    good &= digits(&mut rest);
    good && rest.is_empty()
}
