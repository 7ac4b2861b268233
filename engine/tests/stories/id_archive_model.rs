//! The story: months go by, dates leave memory, and ids of every kind come once, twice and years later. A naive model says of
//! each what its outcome is, and whether memory or a file has to know it.

use crate::rig::random::Random;
use crate::rig::snapshots::{DAY_MS, restarted};
use crate::rig::workload::v7;
use crate::rig::{Rig, noon, request, reversal};
use satang_core::ids::{ReversalId, TxnId};
use satang_core::outcome::{Reason, ReversalReason};
use satang_core::state::dedup::{HotWindow, TxnState, uuid_v7_ms};
use satang_engine::clock::Clock;
use satang_engine::engine::{Engine, Submitted};
use satang_log::log::ReadLog;
use satang_log::storage::Storage;
use std::collections::BTreeMap;

/// What the engine must know, kept naively.
#[derive(Default)]
struct Model {
    txns: BTreeMap<u128, Known>,
    reversals: BTreeMap<u128, u64>,
}

#[derive(Clone, Copy)]
struct Known {
    /// The authorization's record, once there is one.
    original: Option<u64>,
    /// Reversed before it arrived.
    tombstone: Option<u64>,
    approved: bool,
    left: u64,
}

impl Model {
    fn authorize(&mut self, rig: &Rig, id: u128, submitted: Submitted<satang_core::record::Authorization>) {
        let known = self.txns.get(&id).copied();
        match (known.and_then(|known| known.original), submitted) {
            (Some(sequence), Submitted::Seen { sequence: seen }) => assert_eq!(seen, sequence, "{id:x}"),
            (None, Submitted::Decided { record, sequence }) => {
                let tombstone = known.and_then(|known| known.tombstone);
                let is_late = record.reason() == Reason::ReversedBeforeArrival;
                assert_eq!(is_late, tombstone.is_some(), "{id:x}");
                let approved = record.approved();
                let known = Known {
                    original: Some(sequence),
                    tombstone,
                    approved,
                    left: 500,
                };
                self.txns.insert(id, known);
            }
            (known, other) => panic!("{id:x} on {}: {known:?}, {other:?}", rig.engine.now().unwrap()),
        }
    }

    fn reverse(&mut self, rig: &Rig, reversal_id: u128, id: u128, amount: Option<u64>) {
        let asked = reversal(reversal_id, id, amount);
        match (
            self.reversals.get(&reversal_id).copied(),
            rig.engine.reverse(&asked).unwrap(),
        ) {
            (_, Submitted::Wait { .. }) => {}
            (Some(sequence), Submitted::Seen { sequence: seen }) => assert_eq!(seen, sequence),
            (None, Submitted::Decided { record, sequence }) => {
                self.reversals.insert(reversal_id, sequence);
                let expected = self.expected(id, amount, sequence);
                assert_eq!(
                    (record.approved(), record.reason(), record.left().get()),
                    expected,
                    "{id:x}"
                );
            }
            (known, other) => panic!("{reversal_id:x}: {known:?}, {other:?}"),
        }
    }

    fn expected(&mut self, id: u128, amount: Option<u64>, sequence: u64) -> (bool, ReversalReason, u64) {
        let full = amount.is_none();
        let Some(known) = self.txns.get_mut(&id) else {
            if full {
                let tombstone = Known {
                    original: None,
                    tombstone: Some(sequence),
                    approved: false,
                    left: 0,
                };
                self.txns.insert(id, tombstone);
            }
            return (full, ReversalReason::OriginalNotFound, 0);
        };
        if known.original.is_none() || known.tombstone.is_some() {
            if full && known.original.is_none() {
                known.tombstone = Some(sequence);
            }
            return match (full, known.original) {
                (true, _) | (false, None) => (full, ReversalReason::OriginalNotFound, 0),
                (false, Some(_)) => (false, ReversalReason::OriginalDeclined, 0),
            };
        }
        let part = amount.unwrap_or(known.left);
        if !known.approved {
            (false, ReversalReason::OriginalDeclined, 0)
        } else if known.left == 0 {
            (false, ReversalReason::AlreadyReversed, 0)
        } else if part > known.left {
            (false, ReversalReason::ExceedsOriginal, known.left)
        } else {
            known.left -= part;
            (true, ReversalReason::Approved, known.left)
        }
    }

    /// In memory, or in a file, or new: as the window says, for every id there is and some that are none.
    fn check_window<S: Storage, C: Clock>(&self, rig: &Rig<S, C>, random: &mut Random) {
        let window = rig.engine.id_archive().days().window;
        for (id, known) in &self.txns {
            let (in_memory, in_files) = txn(&rig.engine, *id);
            let sequence = known.original.or(known.tombstone).unwrap();
            let told = |found| match found {
                TOMBSTONE if known.original.is_none() => sequence,
                found => found,
            };
            self.check_one(*id, sequence, window, in_memory.map(told), in_files.map(told));
        }
        for (id, sequence) in &self.reversals {
            let id_of = ReversalId::from_bits(*id);
            let state = rig.engine.state();
            let in_memory = state.ids[state.seed.reversal_shard(id_of)].lock().reversal(id_of);
            let in_files = rig.engine.id_archive().reversal(id_of).unwrap();
            self.check_one(*id, *sequence, window, in_memory, in_files);
        }
        for _ in 0..50 {
            let id = v7(noon().unix_ms() + random.below(90 * 86_400_000) as i64, 1 << 61);
            for id in [id, id ^ (3 << 76), u128::from(random.bits()) << 65] {
                assert_eq!(txn(&rig.engine, id), (None, None), "{id:x} is new");
            }
        }
    }

    fn check_one(
        &self,
        id: u128,
        sequence: u64,
        window: HotWindow,
        in_memory: Option<u64>,
        in_files: Option<u64>,
    ) {
        let young = sequence >= window.from;
        let says_young = window == HotWindow::ALL || uuid_v7_ms(id).is_some_and(|ms| ms >= window.from_ms);
        let expected = (young || says_young).then_some(sequence);
        assert_eq!(in_memory, expected, "{id:x} in memory");
        // A file may have an older tombstone of what is young, and must have whatever is not.
        match young {
            true => assert!(
                in_files.is_none_or(|found| found < window.from || found == sequence),
                "{id:x}"
            ),
            false => assert_eq!(in_files, Some(sequence), "{id:x} in a file"),
        }
    }
}

/// Of a tombstone it is not told where it lies.
const TOMBSTONE: u64 = 1;

/// Where memory says that an id's record lies, and where the files do.
fn txn<R: ReadLog, C: Clock>(engine: &Engine<R, C>, bits: u128) -> (Option<u64>, Option<u64>) {
    let id = TxnId::from_bits(bits);
    let place = |state| match state {
        TxnState::Seen { sequence, .. } => Some(sequence),
        TxnState::Tombstone { .. } => Some(TOMBSTONE),
        TxnState::New => None,
    };
    let state = engine.state();
    let in_memory = place(state.ids[state.seed.txn_shard(id)].lock().txn(id));
    let in_files = place(engine.id_archive().txn(id).unwrap().found);
    (in_memory, in_files)
}

fn random_id(random: &mut Random, now_ms: i64) -> u128 {
    let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
    let ms = match random.below(8) {
        0 => return bits & !(0xF << 76) | 4 << 76,
        1 => return bits,
        2 => now_ms - 3 * DAY_MS,
        3 => now_ms + 3 * DAY_MS,
        4 => 4_102_444_800_000,
        5 => 0,
        _ => now_ms,
    };
    v7(ms, bits >> 68)
}

#[test]
fn every_id_has_the_outcome_a_model_says_over_months() {
    let mut random = Random::printed("every_id_has_the_outcome_a_model_says_over_months");
    for _ in 0..3 {
        let (mut rig, mut model) = (Rig::prepared(), Model::default());
        for round in 0..60 {
            let now_ms = rig.engine.now().unwrap().unix_ms();
            for _ in 0..random.below(25) {
                let known: Vec<u128> = model.txns.keys().copied().collect();
                let any = |random: &mut Random| match known.len() {
                    0 => random_id(random, now_ms),
                    _ if random.percent(50) => random_id(random, now_ms),
                    len => known[random.below(len as u64) as usize],
                };
                match random.below(10) {
                    0..4 => {
                        let id = any(&mut random);
                        let submitted = rig
                            .engine
                            .authorize(&request(id, 1 + random.below(20), 500))
                            .unwrap();
                        model.authorize(&rig, id, submitted);
                    }
                    4..6 => {
                        let ids: Vec<u128> = (0..1 + random.below(12)).map(|_| any(&mut random)).collect();
                        let batch: Vec<_> = ids.iter().map(|id| request(*id, 5, 500)).collect();
                        let results = rig.engine.authorize_batch(&batch).unwrap();
                        for (id, submitted) in ids.into_iter().zip(results) {
                            model.authorize(&rig, id, submitted);
                        }
                    }
                    _ => {
                        let id = any(&mut random);
                        let amount = random.percent(60).then(|| 1 + random.below(300));
                        model.reverse(&rig, random_id(&mut random, now_ms), id, amount);
                    }
                }
            }
            // The content of a repeated reversal is the gateway's to compare.
            let repeated: Vec<u128> = model
                .reversals
                .keys()
                .copied()
                .filter(|_| random.percent(3))
                .collect();
            for reversal_id in repeated {
                model.reverse(&rig, reversal_id, 1, None);
            }
            let days = [0, 0, 1, 1, 1, 2, 3, 40][random.below(8) as usize];
            rig.pass(days * DAY_MS + random.below(3_600_000) as i64);
            rig.authorize((1 << 120) + round, 1, 10);
            match random.below(4) {
                0 => rig = restarted(&mut rig, random.bits()),
                1 => _ = rig.maintenance.tidy_ids().unwrap(),
                _ => {}
            }
            model.check_window(&rig, &mut random);
        }
        assert!(rig.engine.state().check_conservation().is_ok());
    }
}
