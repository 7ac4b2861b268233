//! Which parts of the state a record changes is the same for ever: a journal of yesterday makes the state of yesterday.

use super::assert_golden;
use crate::samples::{Sample, noon, samples};
use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::record::RecordKind;
use satang_core::state::account::WalletShard;
use satang_core::state::apply::{IdKey, Shards, apply, changes_shards};
use satang_core::state::dedup::IdShard;
use satang_core::state::directory::{AuditStamp, Directory};
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_core::state::quota::Quotas;
use std::collections::BTreeSet;

/// Keeps nothing, and notes what it was asked for.
#[derive(Default)]
struct Asked {
    parts: Vec<String>,
    a_shard: bool,
}

impl Asked {
    fn shard(&mut self, part: String) {
        self.parts.push(part);
        self.a_shard = true;
    }
}

impl Shards for Asked {
    fn ids(&mut self, id: IdKey, _: impl FnOnce(&mut IdShard)) {
        self.shard(match id {
            IdKey::Txn(id) => format!("ids: authorization {id}"),
            IdKey::Reversal(id) => format!("ids: reversal {id}"),
            IdKey::Registration(id) => format!("ids: registration {id}"),
        });
    }

    fn citizen(&mut self, person: PersonId, _: impl FnOnce(&mut PersonShard)) {
        self.shard(format!("citizen {:016x}", person.number()));
    }

    fn household(&mut self, household: HouseholdId, _: impl FnOnce(&mut HouseholdShard)) {
        self.shard(format!("household {}", household.number()));
    }

    fn wallet(&mut self, wallet: WalletId, _: impl FnOnce(&mut WalletShard)) {
        self.shard(format!("wallet {}", wallet.number()));
    }

    fn quotas<T>(&mut self, _: impl FnOnce(&mut Quotas) -> T) -> Option<T> {
        self.parts.push("quotas".into());
        None
    }

    fn directory<T>(&mut self, _: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        self.parts.push("directory".into());
        None
    }
}

fn asked(sample: &Sample) -> Asked {
    let made = AuditStamp {
        sequence: 1,
        at: noon(),
        caller: sample.caller,
    };
    let mut asked = Asked::default();
    apply(&sample.record, &made, &mut asked).unwrap();
    asked
}

#[test]
fn what_a_record_changes_is_as_it_always_was() {
    let lines = |sample: &Sample| {
        let parts = asked(sample).parts;
        let parts: String = parts.iter().map(|part| format!("  {part}\n")).collect();
        format!("{}\n{parts}\n", sample.what)
    };
    let all: String = samples().iter().map(lines).collect();
    assert_golden("effects.txt", include_str!("effects.txt"), &all);
}

#[test]
fn who_keeps_shards_alone_misses_no_record_that_changes_one() {
    let samples = samples();
    let changing = samples.iter().filter(|sample| asked(sample).a_shard);
    let changing: BTreeSet<RecordKind> = changing.map(|sample| sample.record.kind()).collect();
    let said = RecordKind::ALL
        .iter()
        .copied()
        .filter(|kind| changes_shards(*kind));
    assert_eq!(changing, said.collect());
}
