//! What the engine answered, and what the state was after each answer: the judge of every recovery.

use super::{Rig, Survivors};
use satang_core::calendar::BusinessDate;
use satang_core::ids::MerchantId;
use satang_core::programme::Category;
use satang_core::record::{AuthorizationRecord, Record, RegistrationRecord, ReversalRecord, Status};
use satang_core::request::{
    AuthorizationRequest, ClosingRequest, HoldRequest, RegistrationRequest, ReversalRequest,
};
use satang_core::state::dedup::TxnState;
use satang_engine::clock::Clock;
use satang_engine::engine::Engine;
use satang_log::log::ReadLog;
use satang_log::storage::Storage;
use std::collections::BTreeMap;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Entry {
    pub asked: Asked,
    pub sequence: u64,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug)]
pub enum Asked {
    Authorization(AuthorizationRequest),
    Reversal(ReversalRequest),
    Registration(RegistrationRequest),
    Hold(HoldRequest),
    /// The capture or void that closed a hold.
    Closing(ClosingRequest),
}

/// What an answer says, whether just decided or read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    sequence: u64,
    at_ms: i64,
    approved: bool,
    reason: String,
    state: u64,
    citizen: u64,
}

impl Answer {
    pub fn authorization(record: &AuthorizationRecord) -> Answer {
        Answer {
            sequence: record.header.sequence,
            at_ms: record.header.at().unix_ms(),
            approved: record.approved(),
            reason: format!("{:?}", record.reason()),
            state: record.state().get(),
            citizen: record.citizen().get(),
        }
    }

    pub fn reversal(record: &ReversalRecord) -> Answer {
        Answer {
            sequence: record.header.sequence,
            at_ms: record.header.at().unix_ms(),
            approved: record.approved(),
            reason: format!("{:?}", record.reason()),
            state: record.state().get(),
            citizen: record.citizen().get(),
        }
    }

    /// `state` stands for the ticket.
    pub fn registration(record: &RegistrationRecord) -> Answer {
        Answer {
            sequence: record.header.sequence,
            at_ms: record.header.at().unix_ms(),
            approved: record.accepted(),
            reason: format!("{:?}", record.reason()),
            state: record.ticket().unwrap_or(0),
            citizen: record.content(),
        }
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn is_approved(&self) -> bool {
        self.approved
    }

    fn of(record: &Record) -> Answer {
        match record {
            Record::Registration(record) => Answer::registration(record),
            Record::Authorization(found) => Answer::authorization(&found.record),
            Record::Reversal(record) | Record::Capture(record) | Record::Void(record) => {
                Answer::reversal(record)
            }
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// The state in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    accounts: u64,
    money: Vec<(u128, u128)>,
    merchant: Option<(Category, Status)>,
    rules: usize,
}

impl Fingerprint {
    pub fn of<R: ReadLog, C: Clock>(engine: &Engine<R, C>) -> Fingerprint {
        let state = engine.state();
        let directory = state.directory.read();
        let totals = state.totals(BusinessDate::from_days(0));
        Fingerprint {
            accounts: state.accounts_digest(),
            money: totals.iter().map(|of| (of.all, of.given_back)).collect(),
            merchant: directory
                .merchant(MerchantId::from_number(10))
                .map(|entry| (entry.category, entry.status)),
            rules: directory.rules().len(),
        }
    }
}

/// Everything that was asked and answered, in order.
#[derive(Clone, Default)]
pub struct Book {
    pub entries: Vec<Entry>,
    /// The state once everything up to a sequence was applied. Cut-overs change nothing, and whatever else comes between two
    /// sequences is in one group.
    states: BTreeMap<u64, Fingerprint>,
}

impl Book {
    /// Takes down the state behind the last record.
    pub fn note_state<R: ReadLog, C: Clock>(&mut self, engine: &Engine<R, C>) {
        let at = engine.appender().last_sequence();
        self.states.insert(at, Fingerprint::of(engine));
    }

    /// The entries whose sequence was published as durable.
    pub fn durable<R: ReadLog, C: Clock>(&self, engine: &Engine<R, C>) -> usize {
        let durable = |entry: &Entry| engine.durable().check(entry.sequence) == Ok(true);
        let count = self.entries.partition_point(durable);
        assert!(
            !self.entries[count..].iter().any(durable),
            "what is durable is a prefix"
        );
        count
    }

    /// Asserts that a restarted engine holds exactly a prefix of the answers, at least the first `durable` of them, and
    /// forgets the others; says how many are left.
    #[track_caller]
    pub fn check<S: Storage, C: Clock>(&mut self, rig: &Rig<S, C>, durable: usize) -> usize {
        let survivors = Survivors::of(&rig.storage);
        for (at, (header, ..)) in survivors.records.iter().enumerate() {
            assert_eq!(header.sequence, at as u64 + 1, "sequences are dense (I9)");
        }
        assert_eq!(rig.engine.durable().sequence(), survivors.records.len() as u64);
        let end = survivors.last_sequence().unwrap_or(0);
        let kept = self.entries.partition_point(|entry| entry.sequence <= end);
        assert!(
            kept >= durable,
            "{durable} answers were durable, {kept} are there"
        );
        for (at, entry) in self.entries.iter().enumerate() {
            assert_eq!(
                seen(rig, &entry.asked),
                (at < kept).then_some(entry.sequence),
                "{entry:?}"
            );
            if at < kept {
                let record = rig.engine.read(entry.sequence).unwrap();
                assert_eq!(Answer::of(&record), entry.answer);
            }
        }
        let state = self.states.range(..=end).next_back().map(|(_, state)| state);
        let found = Fingerprint::of(&rig.engine);
        assert!(
            state.is_none_or(|state| *state == found),
            "state {found:?}, was {state:?}"
        );
        assert!(state.is_some() || end == 0 || self.states.is_empty());
        self.entries.truncate(kept);
        self.states.retain(|at, _| *at <= end);
        kept
    }

    /// How many records' states were taken down.
    pub fn states_len(&self) -> usize {
        self.states.len()
    }
}

/// Where the id's outcome lies, when it has one.
fn seen<S: Storage, C: Clock>(rig: &Rig<S, C>, asked: &Asked) -> Option<u64> {
    let (state, old) = (rig.engine.state(), rig.engine.id_archive());
    let (ids, seed) = (&state.ids, &state.seed);
    match asked {
        Asked::Closing(request) => {
            let id = request.txn_id;
            let known = ids[seed.txn_shard(id)].lock().closing(id);
            let known = known.or_else(|| old.closing(id).unwrap());
            known.map(|(_, sequence)| sequence)
        }
        Asked::Authorization(AuthorizationRequest { txn_id, .. })
        | Asked::Hold(HoldRequest { txn_id, .. }) => {
            let id = *txn_id;
            let known = match ids[seed.txn_shard(id)].lock().txn(id) {
                TxnState::New => old.txn(id).unwrap().found,
                known => known,
            };
            match known {
                TxnState::Seen { sequence, .. } => Some(sequence),
                TxnState::New | TxnState::Tombstone { .. } => None,
            }
        }
        Asked::Reversal(request) => {
            let id = request.reversal_id;
            let known = ids[seed.reversal_shard(id)].lock().reversal(id);
            known.or_else(|| old.reversal(id).unwrap())
        }
        Asked::Registration(request) => {
            let id = request.registration_id;
            let known = ids[seed.registration_shard(id)].lock().registration(id);
            let found = || old.registrations([id].into_iter()).unwrap().found;
            known.or_else(|| found().first().map(|(_, sequence)| *sequence))
        }
    }
}
