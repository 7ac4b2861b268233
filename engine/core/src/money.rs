//! Money: whole satang, checked, never a float.

use core::fmt::{self, Write as _};

/// An amount of money in satang (1/100 baht). Never negative, never a fraction.
///
/// There is no `Default` and no operator that could wrap: sums and differences are the checked methods below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Satang(u64);

impl Satang {
    /// No money.
    pub const ZERO: Satang = Satang(0);
    /// The largest bill the contract allows: 1,000,000 baht.
    pub const BILL_MAX: Satang = Satang(100_000_000);
    /// The largest cap a programme file may name: what a 32-bit bucket of an account slot can count.
    pub const CAP_MAX: Satang = Satang(u32::MAX as u64);

    /// `satang` satang.
    pub const fn new(satang: u64) -> Satang {
        Satang(satang)
    }

    /// `baht` whole baht.
    pub const fn from_baht(baht: u64) -> Satang {
        Satang(baht * 100)
    }

    /// The number of satang.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of satang as the 32-bit field of a record or slot.
    ///
    /// # Panics
    /// When the amount is above [`Satang::CAP_MAX`]; bills and caps are bounded on entry.
    pub const fn get_u32(self) -> u32 {
        assert!(
            self.0 <= u32::MAX as u64,
            "bills and caps are bounded where they enter"
        );
        self.0 as u32
    }

    /// `self + other`, or `None` past 2^64.
    pub const fn checked_add(self, other: Satang) -> Option<Satang> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Satang(sum)),
            None => None,
        }
    }

    /// `self - other`, or `None` when that would be negative.
    pub const fn checked_sub(self, other: Satang) -> Option<Satang> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Satang(rest)),
            None => None,
        }
    }

    /// What is left of `self` after `other`, zero when `other` is larger. The room under a lowered cap is 0, never negative.
    pub const fn room_after(self, other: Satang) -> Satang {
        Satang(self.0.saturating_sub(other.0))
    }

    /// `floor(self × percent / 100)`: the state's share before caps.
    pub const fn percent_floor(self, percent: u8) -> Satang {
        Satang((self.0 as u128 * percent as u128 / 100) as u64)
    }

    /// `floor(self × part / whole)`: what the state has got back after `part` of a bill of `whole` was given back.
    ///
    /// # Panics
    /// When `whole` is zero; a bill is at least 1 satang.
    pub const fn proportion_floor(self, part: Satang, whole: Satang) -> Satang {
        Satang((self.0 as u128 * part.0 as u128 / whole.0 as u128) as u64)
    }
}

impl fmt::Display for Satang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} THB", self.0 / 100, self.0 % 100)
    }
}

impl fmt::Debug for Satang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A whole number as people read it, its thousands apart: `1,234,567`.
pub struct Grouped(pub u128);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// So many satang as people read them, in baht: `1,234,567.50`. Wide enough for totals.
pub struct Baht(pub u128);

impl fmt::Display for Baht {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", Grouped(self.0 / 100), self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_floored() {
        assert_eq!(Satang::new(33_333).percent_floor(60), Satang::new(19_999));
        assert_eq!(Satang::new(1).percent_floor(60), Satang::ZERO);
        assert_eq!(Satang::BILL_MAX.percent_floor(100), Satang::BILL_MAX);
    }

    #[test]
    fn baht_are_printed_with_two_decimals() {
        assert_eq!(Satang::from_baht(200).to_string(), "200.00 THB");
        assert_eq!(Satang::new(5).to_string(), "0.05 THB");
    }

    #[test]
    fn thousands_of_baht_stand_apart() {
        let check = |satang, text: &str| assert_eq!(Baht(satang).to_string(), text);
        check(0, "0.00");
        check(99_999, "999.99");
        check(100_000, "1,000.00");
        check(123_456_750, "1,234,567.50");
        check(u128::MAX, "3,402,823,669,209,384,634,633,746,074,317,682,114.55");
    }

    #[test]
    fn a_difference_below_zero_is_none_and_room_is_zero() {
        assert_eq!(Satang::new(1).checked_sub(Satang::new(2)), None);
        assert_eq!(Satang::new(1).room_after(Satang::new(2)), Satang::ZERO);
    }
}
