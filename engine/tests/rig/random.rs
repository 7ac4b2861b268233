//! Random numbers from a seed that is printed and can be given back in `SATANG_SEED`.

use std::hash::{BuildHasher, RandomState};

/// A stream of random numbers: splitmix64, the same on every machine.
#[derive(Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The stream of the seed in the environment, else of a new one; says which.
    pub fn printed(test: &str) -> Random {
        let seed = match std::env::var("SATANG_SEED") {
            Ok(text) => text.parse().expect("SATANG_SEED is a decimal number"),
            Err(_) => RandomState::new().hash_one(test),
        };
        println!("replay with: SATANG_SEED={seed} cargo test -p satang-engine {test}");
        Random::new(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
