//! Thai national ids for made-up people: 13 digits, the last one a mod-11 check digit.

/// The check digit of twelve leading digits: weights 13 … 2, `(11 − Σ mod 11) mod 10`.
pub fn check_digit(digits: &[u8; 12]) -> u8 {
    let sum: u32 = digits
        .iter()
        .zip((2..=13).rev())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    ((11 - sum % 11) % 10) as u8
}

/// The citizen id (ASCII) of the made-up person number `n`: `1`, eleven digits of `n`, check digit.
///
/// Different numbers below 10¹¹ give different ids.
pub fn citizen_id(n: u64) -> [u8; 13] {
    let mut digits = [0u8; 12];
    digits[0] = 1;
    let mut rest = n;
    for digit in digits[1..].iter_mut().rev() {
        *digit = (rest % 10) as u8;
        rest /= 10;
    }
    let mut id = [0u8; 13];
    for (ascii, digit) in id.iter_mut().zip(digits) {
        *ascii = b'0' + digit;
    }
    id[12] = b'0' + check_digit(&digits);
    id
}

#[cfg(test)]
mod tests {
    use super::{check_digit, citizen_id};

    #[test]
    fn the_check_digit_agrees_with_published_examples() {
        assert_eq!(check_digit(&[1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 7, 8]), 1);
        assert_eq!(check_digit(&[0; 12]), 1);
        assert_eq!(check_digit(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 9);
    }

    #[test]
    fn every_generated_id_is_valid_and_belongs_to_one_number() {
        let mut seen = std::collections::HashSet::new();
        for n in (0..1_000).chain(99_999_999_000..99_999_999_999) {
            let id = citizen_id(n);
            // The rule in its other form: the weighted sum of 12 digits plus the check digit is 0 or 10 mod 11.
            let sum: u32 = (0..12).map(|i| u32::from(id[i] - b'0') * (13 - i as u32)).sum();
            assert_eq!(u32::from(id[12] - b'0'), (11 - sum % 11) % 10);
            assert!(seen.insert(id), "number {n} repeats an id");
        }
    }
}
