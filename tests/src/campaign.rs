//! The campaign: model and system in lock-step over random episodes, and a failure cut down to a short case.

pub mod compare;
pub mod failure;
pub mod shrink;

#[cfg(test)]
mod mutants;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::generate::random::Random;
use crate::generate::{Generator, Step, programmes};
use crate::oracle::Model;
use crate::oracle::calendar::{Date, Instant};
use crate::oracle::programme::Registration;

use self::compare::Comparer;
pub use self::failure::Failure;
use self::failure::Mismatch;

/// How many more steps an episode goes on after the last programme's end.
const AFTER_THE_END: u64 = 40;

/// What is under test: anything that answers requests like the product, on a clock that stands still.
pub trait System {
    /// Answers one request: the status and the body as it went out.
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String);

    /// Stops and starts again on the same data, at the same instant.
    fn restart(&mut self);
}

/// Makes a system with fresh state over these programme files (`(file name, text)`) at this instant.
pub type MakeSystem<'a> = &'a mut dyn FnMut(&[(String, String)], &str) -> Box<dyn System>;

/// What a campaign has seen: a campaign that never met a reason has not tested it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Steps taken, restarts included.
    pub steps: u64,
    /// Fresh starts.
    pub episodes: u64,
    /// Restarts on the same data.
    pub restarts: u64,
    /// Answers of each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by kind (`purchase`, `reversal`, `quote`, `registration`, `move`, `hold`, `capture`, `void`, `line`, `list
    /// line`, and those of the desk), decision and reason, or what somebody or something is since; batch elements one by
    /// one.
    pub reasons: BTreeMap<String, u64>,
    /// Answers that repeated a first one.
    pub replays: u64,
    /// Of those, answers of a date before yesterday: their ids may have left memory.
    pub old_replays: u64,
    /// Approvals that a cap cut.
    pub limited: u64,
    /// Approvals and refunds that more than one source shared.
    pub split: u64,
}

/// The world one episode plays in.
#[derive(Clone, Debug)]
pub struct World {
    /// Programme files: name and text.
    pub programmes: Vec<(String, String)>,
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
    let mut generator = Generator::new(random.bits());
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
                // The contract promises no more than the time of the last record; the clock is set again.
                let now = format!("{{\"now\":\"{}\"}}", self.model.now().to_milliseconds_text());
                self.call("PUT", "/v1/clock", &now, &mut Stats::default())
            }
        }
    }

    fn call(&mut self, method: &str, path: &str, body: &str, stats: &mut Stats) -> Result<(), Mismatch> {
        let (expected_status, expected) = self.model.call(method, path, body);
        let (got_status, got) = self.system.call(method, path, body);
        let yesterday = self.model.now().date().plus_days(-1).to_string();
        count(stats, path, expected_status, &expected);
        stats.old_replays += count_old_replays(&expected, &yesterday);
        self.comparer
            .check(expected_status, &expected, got_status, &got)
            .map_err(|why| Mismatch {
                why,
                expected: format!("{expected_status} {expected}"),
                got: format!("{got_status} {got}"),
            })
    }
}

/// Replays among the answers of dates before `yesterday`.
fn count_old_replays(answer: &Value, yesterday: &str) -> u64 {
    let is_old = |answer: &Value| {
        let registered = answer["registered_at"].as_str().and_then(|at| at.get(..10));
        let date = answer["business_date"].as_str().or(registered);
        answer["replayed"] == true && date.is_some_and(|date| date < yesterday)
    };
    let results = answer.get("results").and_then(Value::as_array);
    let of_batch = results.into_iter().flatten().filter(|result| is_old(result));
    of_batch.count() as u64 + u64::from(is_old(answer))
}

fn count(stats: &mut Stats, path: &str, status: u16, answer: &Value) {
    *stats.statuses.entry(status).or_default() += 1;
    if let Some(Value::Array(errors)) = answer.get("errors") {
        for error in errors {
            let reason = error["reason"].as_str().unwrap_or_default();
            add(stats, format!("{} rejected {reason}", kind_of(path)));
        }
    } else if let Some(Value::Array(results)) = answer.get("results") {
        for result in results {
            count_one(stats, path, result);
        }
    } else {
        count_one(stats, path, answer);
    }
}

/// What is counted under this path.
fn kind_of(path: &str) -> &'static str {
    if let Some(kind) = kind_of_desk(path) {
        return kind;
    }
    match path {
        "/v1/quotes" => "quote",
        _ if path.starts_with("/v1/registrations") => "registration",
        _ if path.starts_with("/v1/lists/") => "list line",
        _ if path.ends_with("/import") => "line",
        _ if path.ends_with("/reversals") => "reversal",
        _ if path.ends_with("/moves") => "move",
        "/v1/holds" => "hold",
        _ if path.ends_with("/capture") => "capture",
        _ if path.ends_with("/void") => "void",
        _ => "purchase",
    }
}

/// What is counted under this path, if it is one of the desk.
fn kind_of_desk(path: &str) -> Option<&'static str> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    Some(match segments.as_slice() {
        ["v1", "merchants", _, "registrations"] => "joining",
        ["v1", "merchants", _, "status"] => "merchant status",
        ["v1", "merchants", _, "platform"] => "platform",
        ["v1", "merchants", _, "payout"] => "payout of a merchant",
        ["v1", "authorizations", _, "payout"] => "payout",
        ["v1", "merchants", _, "consent-withdrawal"] => "withdrawal",
        ["v1", "merchants", id] if *id != "import" => "merchant",
        ["v1", "persons", "status"] => "person status",
        ["v1", "persons", "erase"] => "erasure",
        ["v1", "clawbacks"] | ["v1", "clawbacks", _] => "case",
        ["v1", "clawbacks", _, "payments"] => "payment",
        ["v1", "clawbacks", _, "close"] => "closing",
        _ => return None,
    })
}

fn add(stats: &mut Stats, what: String) {
    *stats.reasons.entry(what).or_default() += 1;
}

fn count_one(stats: &mut Stats, path: &str, answer: &Value) {
    let kind = kind_of(path);
    if answer["replayed"] == true {
        stats.replays += 1;
    } else if let (Some(decision), Some(reason)) = (answer["decision"].as_str(), answer["reason"].as_str()) {
        let is_move_again = decision == "accepted" && answer["changed"] == false;
        let again = if is_move_again || answer.get("$sequence_of").is_some() {
            " again"
        } else if answer["returning"] == true {
            " returning"
        } else {
            ""
        };
        add(stats, format!("{kind} {decision} {reason}{again}"));
        if answer.get("limited_by").is_some_and(Value::is_string) {
            stats.limited += 1;
        }
        let parts = answer["funding"].as_array().into_iter().flatten();
        stats.split += u64::from(parts.filter(|part| part["amount"] != 0).count() > 1);
    } else if let Some(code) = answer["code"].as_str() {
        add(stats, format!("{kind} refused {code}"));
    } else if kind_of_desk(path).is_some()
        && let Some(is) = ["state", "status", "payout"]
            .iter()
            .find_map(|key| answer[key].as_str())
    {
        add(stats, format!("{kind} {is}"));
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
