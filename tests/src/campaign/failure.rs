//! A disagreement, printed so that anybody can see it and run it again.

use std::fmt;

use crate::generate::Step;

use super::World;

/// The two answers that differ.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// What is wrong with the answer, in words.
    pub why: String,
    /// The model's status and answer.
    pub expected: String,
    /// The system's status and answer.
    pub got: String,
}

/// A shrunk case: after these steps in this world the last answer is wrong.
#[derive(Debug)]
pub struct Failure {
    /// The campaign's seed.
    pub seed: u64,
    /// Which of its episodes failed.
    pub episode: u64,
    /// Programmes and start of the clock.
    pub world: World,
    /// What is left of the episode's steps; the last one is answered wrongly.
    pub steps: Vec<Step>,
    /// The wrong answer.
    pub mismatch: Box<Mismatch>,
}

impl Failure {
    /// The command that plays the episode again.
    pub fn replay_command(&self) -> String {
        format!(
            "cargo run --release -p satang-tests --bin campaign -- --seed {} --episode {}",
            self.seed, self.episode
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "The oracle disagrees: seed {}, episode {}.",
            self.seed, self.episode
        )?;
        for (name, text) in &self.world.programmes {
            writeln!(f, "\n--- {name}\n{}", text.trim_end())?;
        }
        writeln!(f, "\n--- clock starts at {}\n", self.world.start)?;
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:4}. {step}", index + 1)?;
        }
        writeln!(f, "\n{}", self.mismatch.why)?;
        writeln!(f, "expected: {}", self.mismatch.expected)?;
        writeln!(f, "got:      {}", self.mismatch.got)?;
        write!(f, "\nreplay:   {}", self.replay_command())
    }
}

impl std::error::Error for Failure {}
