//! What the answers of a morning must be, from nothing but the answers: a model of the registration that is played in the
//! order of the sequences, and what every client may rely on.

pub use super::answer::Answer;
pub use super::applicants::Application;
use std::collections::BTreeMap;

/// One application, the answer its client got, and the answer to the same id afterwards.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was asked.
    pub application: Application,
    /// The first answer that arrived.
    pub first: Answer,
    /// Whether a request before it was left without an answer.
    pub repeated: bool,
    /// The answer to the same id afterwards.
    pub again: Answer,
}

/// Answers by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Places given.
    pub accepted: u64,
    /// The citizen had a place.
    pub already_registered: u64,
    /// The wallet was another citizen's.
    pub wallet_taken: u64,
    /// No place was left; recorded.
    pub quota_full: u64,
    /// No place was left, which this citizen had been told before; not recorded.
    pub told: u64,
}

/// Holds the answers of everybody who ever asked against the rules.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn judge(quota: u64, asked: &[Asked]) -> Result<Tally, String> {
    for one in asked {
        check_shape(&one.first, &one.application)?;
        check_again(one)?;
    }
    let (told, mut records): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|one| !one.again.replayed);
    records.sort_by_key(|one| one.first.sequence);
    let mut morning = Morning::new(quota);
    for pair in records.windows(2) {
        let (one, other) = (&pair[0].first, &pair[1].first);
        if one.sequence == other.sequence {
            return Err(format!("two ids have one record: {one:?} and {other:?}"));
        }
    }
    for one in records {
        morning.play(one)?;
    }
    for one in told {
        morning.check_told(one)?;
    }
    if morning.tally.accepted != quota {
        return Err(format!(
            "{} were accepted, there are {quota} places",
            morning.tally.accepted
        ));
    }
    Ok(morning.tally)
}

/// What one answer alone must be.
fn check_shape(answer: &Answer, application: &Application) -> Result<(), String> {
    let accepted = answer.reason == "accepted";
    let decision = if accepted { "accepted" } else { "rejected" };
    let right = answer.registration_id == application.registration_id
        && answer.decision == decision
        && answer.ticket.is_some() == accepted
        && answer.registered_at.is_some() == accepted;
    match right {
        true => Ok(()),
        false => Err(format!("{answer:?} is no answer to {application:?}")),
    }
}

/// An id has one answer; only one that was told that no place is left may be told so again.
fn check_again(one: &Asked) -> Result<(), String> {
    let Asked {
        first,
        repeated,
        again,
        ..
    } = one;
    let expected = Answer {
        replayed: again.replayed,
        ..first.clone()
    };
    if *again != expected {
        return Err(format!("first {first:?}, then {again:?}"));
    }
    if first.replayed && !repeated {
        return Err(format!("replayed, but nobody had asked before: {first:?}"));
    }
    if !again.replayed && (first.replayed || first.reason != "quota_full") {
        return Err(format!("the same id is decided anew: {first:?}, then {again:?}"));
    }
    Ok(())
}

/// The programme as it stands after some records.
struct Morning {
    quota: u64,
    tally: Tally,
    /// By citizen who has a place: the sequence.
    placed: BTreeMap<u64, u64>,
    /// By wallet: the citizen who has it.
    owners: BTreeMap<u64, u64>,
    /// By citizen who was told that no place is left: the sequence.
    refused: BTreeMap<u64, u64>,
    /// When the last place was given.
    last_registered_at: String,
}

impl Morning {
    fn new(quota: u64) -> Morning {
        Morning {
            quota,
            tally: Tally::default(),
            placed: BTreeMap::new(),
            owners: BTreeMap::new(),
            refused: BTreeMap::new(),
            last_registered_at: String::new(),
        }
    }

    /// The next record must be what the rules say.
    fn play(&mut self, one: &Asked) -> Result<(), String> {
        let (application, answer) = (&one.application, &one.first);
        let expected = self.reason(application);
        if answer.reason != expected {
            return Err(format!(
                "{application:?} must be {expected} after {:?}: {answer:?}",
                self.tally
            ));
        }
        match expected {
            "accepted" => self.place(application, answer)?,
            "already_registered" => self.tally.already_registered += 1,
            "wallet_taken" => self.tally.wallet_taken += 1,
            _ => {
                self.tally.quota_full += 1;
                if let Some(before) = self.refused.insert(application.citizen, answer.sequence) {
                    return Err(format!(
                        "quota_full was recorded twice for one citizen, at {before} and: {answer:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn reason(&self, application: &Application) -> &'static str {
        let owner = self.owners.get(&application.wallet);
        if self.placed.contains_key(&application.citizen) {
            "already_registered"
        } else if owner.is_some_and(|owner| *owner != application.citizen) {
            "wallet_taken"
        } else if self.tally.accepted == self.quota {
            "quota_full"
        } else {
            "accepted"
        }
    }

    fn place(&mut self, application: &Application, answer: &Answer) -> Result<(), String> {
        self.tally.accepted += 1;
        if answer.ticket != Some(self.tally.accepted) {
            return Err(format!(
                "ticket {} is missing, in its place: {answer:?}",
                self.tally.accepted
            ));
        }
        self.placed.insert(application.citizen, answer.sequence);
        self.owners.insert(application.wallet, application.citizen);
        // All of them are written with the same offset, so text has the order of time.
        let registered_at = answer.registered_at.clone().unwrap_or_default();
        if !registered_at.ends_with("+07:00") || registered_at < self.last_registered_at {
            return Err(format!("after {}: {answer:?}", self.last_registered_at));
        }
        self.last_registered_at = registered_at;
        Ok(())
    }

    /// Who was told without a record had a record of an earlier id, and was told its sequence.
    fn check_told(&mut self, one: &Asked) -> Result<(), String> {
        self.tally.told += 1;
        match self.refused.get(&one.application.citizen) {
            Some(sequence) if *sequence == one.first.sequence => Ok(()),
            Some(sequence) => Err(format!("was told at {sequence} first, not at: {:?}", one.first)),
            None => Err(format!("was never told with a record: {:?}", one.first)),
        }
    }
}
