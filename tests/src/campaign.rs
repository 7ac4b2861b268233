//! The campaign: model and system in lock-step over random episodes, and a failure cut down to a short case.

pub mod compare;
pub mod failure;
pub mod shrink;
pub mod tally;

use serde_json::{Value, json};

use crate::generate::random::Random;
use crate::generate::{Files, Generator, Step, programmes};
use crate::oracle::Model;
use crate::oracle::calendar::{Date, Instant};
use crate::oracle::programme::Registration;

use self::compare::Comparer;
pub use self::failure::Failure;
use self::failure::Mismatch;
pub use self::tally::Stats;
use self::tally::{count, count_kept_lapses, count_old_replays, count_wanderers};

/// How many more steps an episode goes on after the last programme's end.
const AFTER_THE_END: u64 = 40;

/// What is under test: anything that answers requests like the product, on a clock that stands still.
pub trait System {
    /// Answers one request: the status and the body as it went out.
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String);

    /// Stops and starts again on the same data, at the same instant.
    fn restart(&mut self);

    /// Changes the programme files and reads them again: the status and the body.
    fn reload(&mut self, programmes: &[(String, String)]) -> (u16, String);

    /// Stops, and starts again on the same data with these programme files when the clock shows `now`.
    fn restart_with(&mut self, programmes: &[(String, String)], now: Instant);
}

/// Makes a system with fresh state over these programme files (`(file name, text)`) at this instant.
pub type MakeSystem<'a> = &'a mut dyn FnMut(&[(String, String)], &str) -> Box<dyn System>;

/// The world one episode plays in.
#[derive(Clone, Debug)]
pub struct World {
    /// Programme files: name and text.
    pub programmes: Files,
    /// Where the clock stands first.
    pub start: String,
}

/// Runs whole episodes until at least `steps` steps are done, or to the first disagreement, which is shrunk.
pub fn run(seed: u64, steps: u64, make_system: MakeSystem<'_>) -> Result<Stats, Failure> {
    let mut stats = Stats::default();
    let mut episode = 0;
    while stats.steps < steps {
        run_episode(seed, episode, make_system, &mut stats)?;
        episode += 1;
    }
    Ok(stats)
}

/// Runs one episode of a seed, which needs none of those before it.
pub fn run_episode(
    seed: u64,
    episode: u64,
    make_system: MakeSystem<'_>,
    stats: &mut Stats,
) -> Result<(), Failure> {
    let mut random = Random::new(Random::new(seed).bits() ^ episode.wrapping_mul(0xd134_2543_de82_ef95));
    let world = random_world(&mut random);
    let mut steps = random.between(300, 2000) as u64;
    let mut run = LockStep::new(&world, make_system);
    let mut generator = Generator::new(random.bits(), &world.programmes);
    let mut taken = Vec::new();
    let mut planned = generator.opening(&run.model);
    stats.episodes += 1;
    let mut number = 0;
    while number < steps {
        number += 1;
        if number == steps {
            planned.extend(generator.closing(&run.model));
        } else if number > 1 {
            planned.push(generator.step(&mut run.model));
        }
        if Generator::is_over(&run.model) {
            // Little happens after the end of everything: look at it for a while.
            steps = steps.min(number + AFTER_THE_END);
        }
        for step in planned.drain(..) {
            stats.steps += 1;
            taken.push(step.clone());
            if let Err(mismatch) = run.step(&step, stats) {
                let failure = Failure {
                    seed,
                    episode,
                    world,
                    steps: taken,
                    mismatch: Box::new(mismatch),
                };
                return Err(shrink::shrink(failure, make_system));
            }
        }
    }
    Ok(())
}

/// Plays finished steps on fresh state and says where model and system first disagree.
pub fn play(world: &World, steps: &[Step], make_system: MakeSystem<'_>) -> Option<(usize, Mismatch)> {
    let mut run = LockStep::new(world, make_system);
    let mut stats = Stats::default();
    for (index, step) in steps.iter().enumerate() {
        if let Err(mismatch) = run.step(step, &mut stats) {
            return Some((index, mismatch));
        }
    }
    None
}

/// A model and a system that have been told the same so far.
struct LockStep {
    model: Model,
    system: Box<dyn System>,
    comparer: Comparer,
}

impl LockStep {
    fn new(world: &World, make_system: MakeSystem<'_>) -> LockStep {
        LockStep {
            model: Model::new(&world.programmes, &world.start),
            system: make_system(&world.programmes, &world.start),
            comparer: Comparer::default(),
        }
    }

    fn step(&mut self, step: &Step, stats: &mut Stats) -> Result<(), Mismatch> {
        match step {
            Step::Call { method, path, body } => self.call(method, path, body, stats),
            Step::Restart => {
                stats.restarts += 1;
                self.system.restart();
                self.set_clock()
            }
            Step::Reload(programmes) => {
                stats.reloads += 1;
                let expected = self.model.reload(programmes).map_err(unreadable)?;
                count_kept_lapses(stats, "reload", &self.model);
                let got = self.system.reload(programmes);
                self.compare((200, expected), got)
            }
            Step::Down { programmes, now } => {
                stats.restarts += 1;
                stats.reloads += 1;
                // Until the start the files counted that were read last.
                self.model.pass_time(*now);
                self.model.reload(programmes).map_err(unreadable)?;
                count_kept_lapses(stats, "start", &self.model);
                self.system.restart_with(programmes, *now);
                self.set_clock()
            }
        }
    }

    /// The contract promises no more than the time of the last record: after a start the clock is set again.
    fn set_clock(&mut self) -> Result<(), Mismatch> {
        let now = json!({ "now": self.model.now().to_milliseconds_text() });
        self.call("PUT", "/v1/clock", &now.to_string(), &mut Stats::default())
    }

    fn call(&mut self, method: &str, path: &str, body: &str, stats: &mut Stats) -> Result<(), Mismatch> {
        let (expected_status, expected) = self.model.call(method, path, body);
        let (got_status, got) = self.system.call(method, path, body);
        let yesterday = self.model.now().date().plus_days(-1).to_string();
        count(stats, path, expected_status, &expected);
        count_wanderers(stats, path, &expected, &self.model);
        stats.old_replays += count_old_replays(&expected, &yesterday);
        self.compare((expected_status, expected), (got_status, got))
    }

    fn compare(&mut self, expected: (u16, Value), got: (u16, String)) -> Result<(), Mismatch> {
        let ((expected_status, expected), (got_status, got)) = (expected, got);
        self.comparer
            .check(expected_status, &expected, got_status, &got)
            .map_err(|why| Mismatch {
                why,
                expected: format!("{expected_status} {expected}"),
                got: format!("{got_status} {got}"),
            })
    }
}

/// Every file was made to be read.
fn unreadable(why: String) -> Mismatch {
    Mismatch {
        why,
        expected: "files that can be read".to_owned(),
        got: String::new(),
    }
}

/// The shipped programmes or random ones, and a moment when some of them are open.
fn random_world(random: &mut Random) -> World {
    let mut programmes = programmes::shipped();
    if programmes.is_empty() || random.percent(60) {
        let day = Date::from_day_number(random.between(20_400, 21_200));
        let count = random.between(1, 3) as usize;
        programmes = programmes::random_files(random, count, day);
    }
    let start = start_of(random, &programmes);
    World { programmes, start }
}

/// The days of registration, or some days into one of the channels; in the hours or just before they begin.
fn start_of(random: &mut Random, programmes: &[(String, String)]) -> String {
    let model = Model::new(programmes, "2022-01-01T00:00:00Z");
    let registrations: Vec<_> = model
        .programmes()
        .filter_map(|programme| programme.registration.as_ref())
        .collect();
    if !registrations.is_empty() && random.percent(55) {
        let registration = *random.pick(&registrations);
        return start_of_registration(random, registration);
    }
    let channels: Vec<_> = model
        .programmes()
        .flat_map(|programme| &programme.benefits)
        .flat_map(|benefit| &benefit.channels)
        .collect();
    let channel = *random.pick(&channels);
    let days = channel.to.day_number() - channel.from.day_number();
    let day = channel.from.plus_days(random.between(0, days.min(40)));
    moment(random, day, channel.opens_ms, channel.closes_ms)
}

/// About the first days on which people register, those who come back or all.
fn start_of_registration(random: &mut Random, registration: &Registration) -> String {
    let first = match &registration.returning {
        Some(returning) if random.percent(50) => returning.opens,
        _ => registration.opens,
    };
    let day = first.plus_days(random.between(-1, 4));
    moment(random, day, registration.opens_ms, registration.closes_ms)
}

/// Within the hours, or just before they begin.
fn moment(random: &mut Random, day: Date, opens_ms: i64, closes_ms: i64) -> String {
    let time = match random.below(10) {
        0 => opens_ms - 1,
        1 => opens_ms,
        2 => closes_ms - 1,
        _ => random.between(opens_ms, closes_ms - 1),
    };
    Instant(day.midnight().0 + time).to_milliseconds_text()
}
