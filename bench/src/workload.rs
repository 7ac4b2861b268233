//! Requests with uniformly random wallets and merchants, the same for the same seed.

use satang_core::calendar::Instant;
use satang_core::ids::{MerchantId, Name, NationalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::request::{AuthorizationRequest, Purchase};
use satang_engine::session::enroll::EnrollmentInput;

/// The programme every request draws on.
pub const PROGRAM: &str = "thai-chuai-thai-plus-6040";
/// Its file, as shipped.
pub const PROGRAM_FILE: &str = include_str!("../../programs/thai-chuai-thai-plus-6040.toml");
/// A programme that it excludes, and that has benefits of households.
pub const CARD: &str = "state-welfare-card";
/// Its file, as shipped.
pub const CARD_FILE: &str = include_str!("../../programs/state-welfare-card.toml");
/// The channel every request comes through.
pub const CHANNEL: &str = "store";

/// The first wallet; the others follow it.
const FIRST_WALLET: u64 = 4_999_900_000_000;
/// The first merchant; the others follow it.
const FIRST_MERCHANT: u64 = 300_000_000_000;

/// How ids are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Ids {
    /// Time-ordered: 48 bits of milliseconds, the rest random (RFC 9562, section 5.7).
    V7,
    /// Random (section 5.4).
    V4,
}

/// A stream of pseudo-random numbers: SplitMix64, which costs about a nanosecond.
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    #[inline]
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// The next number below `end`.
    #[inline]
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.draw() as u128 * end as u128) >> 64) as u64
    }
}

/// A source of authorization requests.
pub struct Workload {
    random: Random,
    ids: Ids,
    wallets: u64,
    merchants: u64,
    program: Name,
    channel: Name,
}

impl Workload {
    /// Requests over the first `wallets` wallets and `merchants` merchants. Two streams of different seeds share no id but by
    /// chance.
    pub fn new(seed: u64, ids: Ids, wallets: u64, merchants: u64) -> Workload {
        Workload {
            random: Random::new(seed),
            ids,
            wallets,
            merchants,
            program: name(PROGRAM),
            channel: name(CHANNEL),
        }
    }

    /// The next request, made at `at`: 20 to 500 baht, all of it eligible.
    #[inline]
    pub fn next(&mut self, at: Instant) -> AuthorizationRequest {
        let (high, low) = (self.random.draw(), self.random.draw());
        let first = match self.ids {
            Ids::V7 => (at.unix_ms() as u64) << 16 | 0x7000 | high & 0x0FFF,
            Ids::V4 => high & !0xF000 | 0x4000,
        };
        let second = low >> 2 | 1 << 63;
        let amount = Satang::new(2_000 + self.random.below(48_001));
        AuthorizationRequest {
            txn_id: TxnId::from_bits(u128::from(first) << 64 | u128::from(second)),
            purchase: Purchase {
                program: self.program,
                wallet: wallet(self.random.below(self.wallets)),
                merchant: merchant(self.random.below(self.merchants)),
                channel: self.channel,
                amount,
                eligible: amount,
            },
        }
    }

    /// Replaces the contents of `into` by the next `len` requests.
    pub fn fill(&mut self, into: &mut Vec<AuthorizationRequest>, len: usize, at: Instant) {
        into.clear();
        into.extend((0..len).map(|_| self.next(at)));
    }
}

/// The wallet of this index.
pub const fn wallet(index: u64) -> WalletId {
    WalletId::from_number(FIRST_WALLET + index)
}

/// The merchant of this index.
pub const fn merchant(index: u64) -> MerchantId {
    MerchantId::from_number(FIRST_MERCHANT + index)
}

/// The line that enrolls the wallet of this index, for a citizen of its own.
pub fn enrollment(index: u64) -> EnrollmentInput {
    EnrollmentInput {
        program: name(PROGRAM),
        wallet: wallet(index),
        citizen: citizen(index),
        usable_from: None,
        household: None,
        tier: None,
    }
}

/// The citizen of this index, with the right check digit.
pub fn citizen(index: u64) -> NationalId {
    let mut text = *b"1000000000000";
    let mut rest = index;
    for digit in text[1..12].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let weighted: u64 = text[..12]
        .iter()
        .zip((2..=13).rev())
        .map(|(d, weight)| u64::from(d - b'0') * weight)
        .sum();
    text[12] = b'0' + ((11 - weighted % 11) % 10) as u8;
    let text = core::str::from_utf8(&text).expect("digits are ASCII");
    NationalId::parse(text).expect("the check digit is computed above")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name of a shipped programme")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wallet_gets_a_citizen_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for index in (0..10_000).chain(42_990_000..43_000_000) {
            assert!(seen.insert(citizen(index).to_hash_input()), "{index}");
        }
    }

    #[test]
    fn ids_carry_their_version_and_are_all_different() {
        let at = Instant::from_unix_ms(1_781_499_600_000);
        for (ids, version) in [(Ids::V7, '7'), (Ids::V4, '4')] {
            let mut workload = Workload::new(1, ids, 10, 10);
            let mut seen = std::collections::HashSet::new();
            for _ in 0..10_000 {
                let id = workload.next(at).txn_id;
                assert!(seen.insert(id));
                assert_eq!(id.to_string().chars().nth(14), Some(version));
            }
        }
    }
}
