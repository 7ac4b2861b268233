//! Who applies, in which order, and against whom.

use super::{MORNING_MS, PROGRAM, RushOptions};
use crate::crash::{citizen_id, wallet_id};
use crate::generate::random::Random;
use serde_json::{Value, json};

/// Applications of one batch.
pub const BATCH: usize = 1_000;
/// Connections that send batches.
const EARLY_CLIENTS: usize = 4;
/// Of so many people who come early, one has a rival.
const EARLY_PER_RIVAL: u64 = 200;

/// One application: its id, and the numbers of citizen and wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub registration_id: String,
    /// Number of the citizen.
    pub citizen: u64,
    /// Number of the wallet.
    pub wallet: u64,
}

/// What is sent at once: one application by itself, several as a batch.
pub type Job = Vec<Application>;

/// Everybody of one round.
pub struct Applicants {
    /// For each connection its batches, which leave the last places.
    pub early: Vec<Vec<Job>>,
    /// For each connection its applications, one by one.
    pub fight: Vec<Vec<Job>>,
    /// The first number of a person who has not applied.
    pub unborn: u64,
}

impl Application {
    /// One with an id of its own: of version 7 by the morning's clock, or anything.
    pub fn new(citizen: u64, wallet: u64, random: &mut Random) -> Application {
        let registration_id = match random.percent(70) {
            true => {
                let ms = MORNING_MS + random.below(600_000) as i64;
                random.uuid_at(ms)
            }
            false => random.uuid(),
        };
        Application {
            registration_id,
            citizen,
            wallet,
        }
    }

    /// Its body.
    pub fn body(&self) -> Value {
        // The year of birth must not matter here, but it is content: the same person always has the same.
        let birth_date = match self.citizen % 3 {
            0 => "1990-04-12",
            1 => "1990-04",
            _ => "1990",
        };
        json!({
            "registration_id": self.registration_id, "program": PROGRAM, "wallet_id": wallet_id(self.wallet),
            "citizen_id": citizen_id(self.citizen), "birth_date": birth_date, "nationality": "TH",
        })
    }
}

impl Applicants {
    /// Draws them.
    pub fn draw(options: &RushOptions<'_>, random: &mut Random) -> Applicants {
        let mut next_person = 1;
        let early = early(options.quota - options.last, &mut next_person, random);
        let per_client = options.applicants.div_ceil(options.clients as u64);
        let mut fight = Vec::new();
        for _ in 0..options.clients.div_ceil(2) {
            fight.extend(pair(per_client, &mut next_person, random));
        }
        fight.truncate(options.clients);
        let by_itself = |client: Vec<Application>| client.into_iter().map(|one| vec![one]).collect();
        Applicants {
            early,
            fight: fight.into_iter().map(by_itself).collect(),
            unborn: next_person,
        }
    }
}

/// Batches that take exactly `places`, shared out over the connections.
fn early(places: u64, next_person: &mut u64, random: &mut Random) -> Vec<Vec<Job>> {
    let mut applications = Vec::new();
    for _ in 0..places {
        let person = take(next_person);
        applications.push(Application::new(person, person, random));
        if random.below(EARLY_PER_RIVAL) == 0 {
            applications.push(rival(person, next_person, random));
        }
    }
    let batch_len = applications.len().div_ceil(2 * EARLY_CLIENTS).clamp(1, BATCH);
    let mut clients = vec![Vec::new(); EARLY_CLIENTS];
    for (index, batch) in applications.chunks(batch_len).enumerate() {
        clients[index % EARLY_CLIENTS].push(batch.to_vec());
    }
    clients
}

/// Two connections that race each other for some citizens and some wallets.
fn pair(per_client: u64, next_person: &mut u64, random: &mut Random) -> [Vec<Application>; 2] {
    let mut both = [Vec::new(), Vec::new()];
    for _ in 0..per_client {
        let one = take(next_person);
        if random.percent(16) {
            both[0].push(Application::new(one, one, random));
            both[1].push(rival(one, next_person, random));
            continue;
        }
        let other = take(next_person);
        for (applications, person) in both.iter_mut().zip([one, other]) {
            applications.push(Application::new(person, person, random));
            if random.percent(8) {
                // The same person once more, who does not trust the first answer.
                let wallet = if random.percent(50) {
                    person
                } else {
                    take(next_person)
                };
                applications.push(Application::new(person, wallet, random));
            }
        }
    }
    both
}

/// The same citizen with another wallet, or another citizen with the same wallet: of the two at most one is accepted.
fn rival(person: u64, next_person: &mut u64, random: &mut Random) -> Application {
    let stranger = take(next_person);
    match random.percent(50) {
        true => Application::new(person, stranger, random),
        false => Application::new(stranger, person, random),
    }
}

fn take(next_person: &mut u64) -> u64 {
    *next_person += 1;
    *next_person - 1
}
