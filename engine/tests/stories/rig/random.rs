//! Random numbers from a seed that is printed and can be given back in `SATANG_SEED`.

use std::hash::{BuildHasher, RandomState};

/// A stream of random numbers, by fastrand: the same on every machine.
#[derive(Clone)]
pub struct Random(fastrand::Rng);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed))
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
        self.0.u64(..)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
