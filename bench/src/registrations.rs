//! The rush through the engine: everybody registers in batches, the process starts again from its folder, and those who come too
//! late are told so, for the first time and again.

use crate::machine;
use crate::report::Report;
use crate::rig::{Rig, RigEngine};
use crate::workload::{self, PROGRAM, PROGRAM_FILE, Random};
use anyhow::{Context, Result, bail, ensure};
use satang_core::birth::BirthDate;
use satang_core::calendar::Instant;
use satang_core::ids::{Name, Nationality, RegistrationId};
use satang_core::request::RegistrationRequest;
use satang_engine::clock::Clock;
use satang_engine::engine::SubmitError;
use satang_engine::recovery::open::Expected;
use satang_engine::session::register::Registered;
use satang_log::storage::{FileStorage, Storage};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Eight in the morning of 25 May 2026 in Bangkok, when the programme's registration opens.
const MORNING: Instant = Instant::from_unix_ms(1_779_670_800_000);

/// How people register.
#[derive(Clone, Copy, Debug)]
pub struct Rush {
    /// Places, and people who get one.
    pub people: u64,
    /// People who come after them.
    pub late: u64,
    /// Registrations of one batch.
    pub batch: usize,
    /// Threads that make requests and send them.
    pub threads: usize,
    /// Batches of one thread that may wait for the disk.
    pub in_flight: usize,
}

/// What a run showed.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The places being given.
    pub accepted: Phase,
    /// Bytes resident that came with them, each.
    pub resident_per_person: f64,
    /// Bytes of the account tables, each.
    pub tables_per_person: f64,
    /// Seconds that a snapshot took.
    pub snapshot_seconds: f64,
    /// Bytes of its file.
    pub snapshot_bytes: u64,
    /// Seconds of a start from the snapshot.
    pub start_seconds: f64,
    /// Seconds of a start from the journal alone.
    pub replay_seconds: f64,
    /// Records that it replayed.
    pub replayed: u64,
    /// Rejections that were recorded.
    pub told_first: Phase,
    /// Rejections that were not, because each citizen had been told before.
    pub told_again: Phase,
}

/// What sending to everybody of a phase took.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub people: u64,
    /// Seconds until the last answer was durable.
    pub seconds: f64,
    pub cores: f64,
    /// The share of the threads' time that went into making requests, in percent.
    pub generating_percent: f64,
}

impl Phase {
    /// Answers that became durable per second.
    pub fn per_second(&self) -> f64 {
        self.people as f64 / self.seconds
    }
}

/// Registers everybody in a new engine in `folder`, takes a snapshot, starts again with and without it, and rejects those who
/// come late, twice.
///
/// # Errors
/// When the engine fails, a ticket is missing, or the state after a start is not the state before.
pub fn measure(folder: &Path, rush: &Rush) -> Result<Outcome> {
    let before = machine::resident_bytes();
    let expected = Expected {
        wallets: rush.people as usize,
        ..Expected::default()
    };
    let rig = Rig::open(FileStorage::open_folder(folder)?, expected, MORNING)?;
    let programme = programme(rush.people)?;
    rig.engine
        .activate_programs(&[(format!("{PROGRAM}.toml"), programme)], None)?;
    let maintenance = rig.maintenance().clone();
    let running = rig.start();
    let accepted = send(&running.engine, rush, 0..rush.people, 1, Expect::Tickets)?;
    let resident = machine::resident_bytes().saturating_sub(before);
    let (tables, _) = running.engine.state().memory_bytes();
    let taken = maintenance.snapshot()?;
    check_counters(&running.engine, rush.people)?;
    let (digest, at) = (running.engine.state().digest(), running.engine.now()?);
    drop(maintenance);
    running.stop()?;
    let (rig, start_seconds) = started(folder, digest, at)?;
    check_counters(&rig.engine, rush.people)?;
    drop(rig);
    std::fs::remove_dir_all(folder.join("snapshots"))?;
    let (rig, replay_seconds) = started(folder, digest, at)?;
    check_counters(&rig.engine, rush.people)?;
    let replayed = rig.recovered.records;
    let running = rig.start();
    let late = rush.people..rush.people + rush.late;
    let told_first = send(&running.engine, rush, late.clone(), 2, Expect::Rejected)?;
    let told_again = send(&running.engine, rush, late, 3, Expect::Told)?;
    check_counters(&running.engine, rush.people)?;
    running.stop()?;
    let people = rush.people as f64;
    Ok(Outcome {
        accepted,
        resident_per_person: resident as f64 / people,
        tables_per_person: tables as f64 / people,
        snapshot_seconds: taken.took.as_secs_f64(),
        snapshot_bytes: taken.facts.bytes,
        start_seconds,
        replay_seconds,
        replayed,
        told_first,
        told_again,
    })
}

/// Adds the rows of a run.
pub fn add_rows(report: &mut Report, rush: &Rush, outcome: &Outcome) {
    let Outcome {
        accepted,
        told_first,
        told_again,
        ..
    } = outcome;
    let what = format!("batches of {} from {} threads, durable", rush.batch, rush.threads);
    for (name, phase) in [
        ("places given", accepted),
        ("told for the first time that none is left", told_first),
        ("told again under new ids", told_again),
    ] {
        let name = format!("{} registrations, {name}, {what}", phase.people);
        eprintln!(
            "  making requests took {:.1} % of the senders' time",
            phase.generating_percent
        );
        report.add("P7", name.clone(), vec![phase.per_second()], "/s", "");
        report.add("P7", format!("{name}: time"), vec![phase.seconds], "s", "");
        report.add(
            "P7",
            format!("{name}: processors busy"),
            vec![phase.cores],
            "",
            "",
        );
    }
    let people = rush.people;
    let mut add = |target, what: String, value, unit, goal| report.add(target, what, vec![value], unit, goal);
    let tables = format!("per person of {people} registered, account tables");
    add("P6", tables, outcome.tables_per_person, "B", "");
    let resident = format!("per person of {people} registered, everything resident");
    add("P6", resident, outcome.resident_per_person, "B", "<= 80");
    let snapshot = format!("snapshot of {people} registered");
    add("P8", snapshot.clone(), outcome.snapshot_seconds, "s", "");
    add("P8", snapshot, outcome.snapshot_bytes as f64 / 1e6, "MB", "");
    let start = format!("start from a snapshot of {people} registered");
    add("P8", start, outcome.start_seconds, "s", "");
    let replay = format!("start by replay of {} records", outcome.replayed);
    add("P8", replay, outcome.replay_seconds, "s", "");
}

/// The shipped programme with this quota.
fn programme(quota: u64) -> Result<String> {
    let shipped = "quota = 30_000_000 ";
    ensure!(
        PROGRAM_FILE.contains(shipped),
        "the shipped programme has a quota"
    );
    Ok(PROGRAM_FILE.replace(shipped, &format!("quota = {quota} ")))
}

/// A start, which must give the state of before.
fn started(folder: &Path, digest: u64, at: Instant) -> Result<(Rig<FileStorage>, f64)> {
    let started = std::time::Instant::now();
    let rig = Rig::open(FileStorage::open_folder(folder)?, Expected::default(), at)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        rig.engine.state().digest() == digest,
        "I2: the state after a start is not the state before"
    );
    Ok((rig, seconds))
}

/// Tickets and live rights are as many as there are places.
fn check_counters<S: Storage>(engine: &RigEngine<S>, places: u64) -> Result<()> {
    let view = engine.view()?;
    let rule = &view.directory().rules()[0];
    let (tickets, live) = (view.tickets(rule), view.live_entitlements(rule)?);
    ensure!(
        (tickets, live) == (places, places),
        "{tickets} tickets and {live} live rights for {places} places"
    );
    Ok(())
}

/// What every answer of a phase must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Accepted: all tickets from 1, each once.
    Tickets,
    /// Rejected, with a record.
    Rejected,
    /// Rejected without a record.
    Told,
}

/// Everybody of `people` asks once, under ids of this stream; waited for until the last answer is durable.
fn send<S: Storage>(
    engine: &Arc<RigEngine<S>>,
    rush: &Rush,
    people: Range<u64>,
    stream: u64,
    expect: Expect,
) -> Result<Phase> {
    let count = people.end - people.start;
    let next = AtomicU64::new(people.start);
    let (started, cpu) = (std::time::Instant::now(), machine::cpu_seconds());
    let sent = std::thread::scope(|scope| {
        let (next, end) = (&next, people.end);
        let senders: Vec<_> = (0..rush.threads)
            .map(|thread| {
                let ids = Random::new(stream << 32 | thread as u64);
                scope.spawn(move || Sender::new(engine, rush, ids, expect).run(next, end))
            })
            .collect();
        let ended = senders
            .into_iter()
            .map(|sender| sender.join().ok().context("a sender panicked")?);
        ended.collect::<Result<Vec<Sent>>>()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let answered: u64 = sent.iter().map(|sent| sent.answered).sum();
    ensure!(answered == count, "{answered} of {count} were answered");
    let tickets: u128 = sent.iter().map(|sent| sent.tickets).sum();
    let all = u128::from(count) * (u128::from(count) + 1) / 2;
    ensure!(
        expect != Expect::Tickets || tickets == all,
        "tickets are not 1 to {count}, each once"
    );
    let generating: f64 = sent.iter().map(|sent| sent.generating_seconds).sum();
    Ok(Phase {
        people: count,
        seconds,
        cores: (machine::cpu_seconds() - cpu) / seconds,
        generating_percent: 100.0 * generating / (seconds * rush.threads as f64),
    })
}

/// What one thread sent.
#[derive(Default)]
struct Sent {
    answered: u64,
    /// The sum of its tickets.
    tickets: u128,
    generating_seconds: f64,
}

struct Sender<'e, S: Storage> {
    engine: &'e Arc<RigEngine<S>>,
    rush: &'e Rush,
    ids: Random,
    expect: Expect,
    facts: Facts,
    /// The last sequences of batches that wait for the disk.
    waiting: VecDeque<u64>,
    sent: Sent,
}

/// What everybody's request has in common.
struct Facts {
    program: Name,
    birth: BirthDate,
    nationality: Nationality,
}

impl<'e, S: Storage> Sender<'e, S> {
    fn new(engine: &'e Arc<RigEngine<S>>, rush: &'e Rush, ids: Random, expect: Expect) -> Sender<'e, S> {
        let facts = Facts {
            program: Name::parse(PROGRAM).expect("a shipped programme"),
            birth: BirthDate::parse("1990-04-12").expect("a date"),
            nationality: Nationality::parse("TH").expect("two letters"),
        };
        Sender {
            engine,
            rush,
            ids,
            expect,
            facts,
            waiting: VecDeque::new(),
            sent: Sent::default(),
        }
    }

    /// Takes people from `next` until nobody is left.
    fn run(mut self, next: &AtomicU64, end: u64) -> Result<Sent> {
        let len = self.rush.batch as u64;
        let mut requests = Vec::with_capacity(self.rush.batch);
        loop {
            let first = next.fetch_add(len, Relaxed);
            if first >= end {
                break;
            }
            let started = std::time::Instant::now();
            let at = self.engine.clock().now()?;
            requests.clear();
            requests.extend((first..end.min(first + len)).map(|person| self.request(person, at)));
            self.sent.generating_seconds += started.elapsed().as_secs_f64();
            let answers = self.submit(&requests)?;
            ensure!(answers.len() == requests.len(), "an answer is missing");
            let mut last = None;
            for answer in answers {
                last = last.max(Some(self.count(answer)?));
            }
            self.waiting.push_back(last.context("a batch is never empty")?);
            if self.waiting.len() >= self.rush.in_flight {
                self.wait()?;
            }
        }
        while !self.waiting.is_empty() {
            self.wait()?;
        }
        Ok(self.sent)
    }

    fn request(&mut self, person: u64, at: Instant) -> RegistrationRequest {
        let (high, low) = (self.ids.draw(), self.ids.draw());
        let first = (at.unix_ms() as u64) << 16 | 0x7000 | high & 0x0FFF;
        let second = low >> 2 | 1 << 63;
        RegistrationRequest {
            registration_id: RegistrationId::from_bits(u128::from(first) << 64 | u128::from(second)),
            program: self.facts.program,
            wallet: workload::wallet(person),
            citizen: workload::citizen(person),
            birth: self.facts.birth,
            nationality: self.facts.nationality,
        }
    }

    fn submit(&mut self, requests: &[RegistrationRequest]) -> Result<Vec<Registered>> {
        loop {
            match self.engine.register_batch(requests) {
                Ok(answers) => return Ok(answers),
                Err(SubmitError::Overloaded) if !self.waiting.is_empty() => self.wait()?,
                Err(SubmitError::Overloaded) => std::thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Counts an answer, which must be what is expected; where it lies.
    fn count(&mut self, answer: Registered) -> Result<u64> {
        self.sent.answered += 1;
        match (self.expect, answer) {
            (Expect::Tickets, Registered::Decided { record, sequence }) => {
                let ticket = record.ticket().context("a place was refused")?;
                self.sent.tickets += u128::from(ticket);
                Ok(sequence)
            }
            (Expect::Rejected, Registered::Decided { record, sequence }) => {
                ensure!(!record.accepted(), "a place beyond the quota");
                Ok(sequence)
            }
            (Expect::Told, Registered::QuotaFullNotified { sequence, .. }) => Ok(sequence),
            (expect, answer) => bail!("expected {expect:?}, not {answer:?}"),
        }
    }

    /// Waits until the oldest batch is durable: its last record stands for all.
    fn wait(&mut self) -> Result<()> {
        if let Some(last) = self.waiting.pop_front() {
            self.engine.durable().block_until(last)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_morning_is_on_the_first_day_of_registration() {
        assert_eq!(MORNING.to_string(), "2026-05-25T08:00:00.000+07:00");
        assert!(PROGRAM_FILE.contains("opens = 2026-05-25"));
    }

    #[test]
    fn the_quota_is_what_was_asked_for() {
        assert!(programme(1_234).unwrap().contains("quota = 1234 "));
    }
}
