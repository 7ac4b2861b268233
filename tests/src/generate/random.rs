//! Random numbers from a seed, by fastrand: the same on every machine, for one version of that crate.

use crate::oracle::forms::{check_digit, uuid_text};

/// The seed of `SATANG_SEED`, else the usual one of this test target; prints how to play it again.
///
/// # Panics
/// When `SATANG_SEED` is no number.
pub fn seed(target: &str, usual: u64) -> u64 {
    let given = std::env::var("SATANG_SEED").ok();
    let seed = given.map_or(usual, |seed| {
        seed.parse().expect("SATANG_SEED is a decimal number")
    });
    println!("SATANG_SEED={seed} cargo test -p satang-tests --test {target}");
    seed
}

/// A stream of random numbers.
pub struct Random(fastrand::Rng);

impl Random {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high)
    }

    /// True that many times out of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.0.usize(..items.len())]
    }

    /// Some of the items, in their order, perhaps none.
    pub fn some_of<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        items.iter().filter(|_| self.percent(50)).cloned().collect()
    }

    /// Changes the order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// A number whose size in digits is evenly spread, from 1 to about 10^`digits`.
    pub fn any_size(&mut self, digits: u32) -> u64 {
        let exponent = self.below(u64::from(digits)) as u32;
        let low = 10_u64.pow(exponent);
        low + self.below(9 * low)
    }

    /// A UUID of version 7 or 4, or with any bits at all.
    pub fn uuid(&mut self) -> String {
        let bits = self.0.u128(..);
        let version = match self.below(3) {
            0 => Some(7),
            1 => Some(4),
            _ => None,
        };
        let bits = match version {
            Some(version) => {
                let cleared = bits & !(0xf_u128 << 76) & !(0b11_u128 << 62);
                cleared | (version << 76) | (0b10 << 62)
            }
            None => bits,
        };
        uuid_text(bits)
    }

    /// A UUID of version 7 by a clock that shows this instant, in milliseconds since 1970.
    pub fn uuid_at(&mut self, ms: i64) -> String {
        let bits =
            u128::from(self.bits()) & !(0b11 << 62) | 0b10 << 62 | u128::from(self.below(0x1000)) << 64;
        uuid_text((ms as u128 & 0xffff_ffff_ffff) << 80 | 7 << 76 | bits)
    }

    /// A national id with a fitting check digit.
    pub fn citizen_id(&mut self) -> String {
        let twelve = format!("{}{:011}", self.between(1, 8), self.below(100_000_000_000));
        let digit = check_digit(&twelve);
        format!("{twelve}{digit}")
    }
}
