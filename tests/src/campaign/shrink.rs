//! Cutting a failing episode down: first whole steps (ddmin), then parts of steps, then programme files.

use crate::generate::Step;
use crate::generate::reloads::without_file;

use super::failure::{Failure, Mismatch};
use super::{MakeSystem, World, play};

/// How many fresh runs one shrink may cost.
const RUNS_MAX: u32 = 3000;

/// A smaller failure that still ends in a disagreement.
pub fn shrink(failure: Failure, make_system: MakeSystem<'_>) -> Failure {
    let Failure {
        seed,
        episode,
        world,
        steps,
        mismatch,
    } = failure;
    let mut shrinker = Shrinker {
        make_system,
        world,
        steps,
        mismatch,
        runs_left: RUNS_MAX,
    };
    loop {
        let before = shrinker.size();
        shrinker.drop_steps();
        shrinker.drop_parts();
        shrinker.drop_programmes();
        if shrinker.size() == before || shrinker.runs_left == 0 {
            let Shrinker {
                world,
                steps,
                mismatch,
                ..
            } = shrinker;
            return Failure {
                seed,
                episode,
                world,
                steps,
                mismatch,
            };
        }
    }
}

struct Shrinker<'a> {
    make_system: MakeSystem<'a>,
    world: World,
    steps: Vec<Step>,
    mismatch: Box<Mismatch>,
    runs_left: u32,
}

impl Shrinker<'_> {
    fn size(&self) -> usize {
        let steps: usize = self.steps.iter().map(|step| step.to_string().len()).sum();
        steps + self.world.programmes.len()
    }

    /// Keeps the candidate if it still fails, up to the step that fails.
    fn try_steps(&mut self, candidate: Vec<Step>) -> bool {
        self.try_in(self.world.clone(), candidate)
    }

    fn try_in(&mut self, world: World, candidate: Vec<Step>) -> bool {
        if self.runs_left == 0 {
            return false;
        }
        self.runs_left -= 1;
        match play(&world, &candidate, self.make_system) {
            Some((index, mismatch)) => {
                self.world = world;
                self.steps = candidate;
                self.steps.truncate(index + 1);
                *self.mismatch = mismatch;
                true
            }
            None => false,
        }
    }

    /// Leaves out ever smaller runs of steps.
    fn drop_steps(&mut self) {
        let mut chunk = self.steps.len().div_ceil(2);
        while chunk > 0 {
            let mut end = self.steps.len();
            while end > 0 {
                let start = end.saturating_sub(chunk);
                let candidate = [&self.steps[..start], &self.steps[end..]].concat();
                self.try_steps(candidate);
                end = start.min(self.steps.len());
            }
            chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
        }
    }

    /// Leaves out lines of imports and elements of batches.
    fn drop_parts(&mut self) {
        let mut at = 0;
        while at < self.steps.len() {
            let mut part = 0;
            while let Some(smaller) = self.steps.get(at).and_then(|step| without_part(step, part)) {
                let mut candidate = self.steps.clone();
                candidate[at] = smaller;
                if !self.try_steps(candidate) {
                    part += 1;
                }
            }
            at += 1;
        }
    }

    /// Leaves out programme files.
    fn drop_programmes(&mut self) {
        let mut at = 0;
        while self.world.programmes.len() > 1 && at < self.world.programmes.len() {
            let mut world = self.world.clone();
            let (name, _) = world.programmes.remove(at);
            let steps = self.steps.iter().map(|step| step_without(step, &name)).collect();
            if !self.try_in(world, steps) {
                at += 1;
            }
        }
    }
}

/// The step without a programme file.
fn step_without(step: &Step, name: &str) -> Step {
    match step {
        Step::Reload(programmes) => Step::Reload(without_file(programmes, name)),
        Step::Down { programmes, now } => Step::Down {
            programmes: without_file(programmes, name),
            now: *now,
        },
        Step::Call { .. } | Step::Restart => step.clone(),
    }
}

/// The step without its `part`-th line or element; nothing when it has no such part or only one.
fn without_part(step: &Step, part: usize) -> Option<Step> {
    let Step::Call { method, path, body } = step else {
        return None;
    };
    let body = if path.ends_with("/import") {
        let mut lines: Vec<&str> = body.split('\n').collect();
        if lines.len() < 2 || part >= lines.len() {
            return None;
        }
        lines.remove(part);
        lines.join("\n")
    } else if path.ends_with("/batch") {
        let mut value: serde_json::Value = serde_json::from_str(body).ok()?;
        let field = ["authorizations", "registrations"]
            .into_iter()
            .find(|field| value.get(field).is_some())?;
        let elements = value.get_mut(field)?.as_array_mut()?;
        if elements.len() < 2 || part >= elements.len() {
            return None;
        }
        elements.remove(part);
        value.to_string()
    } else {
        return None;
    };
    Some(Step::call(method, path, body))
}
