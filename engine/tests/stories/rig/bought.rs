//! A journal of several sealed segments, a snapshot behind all of them, and what was answered.

use super::again::{Again, send};
use super::book::{Asked, Entry};
use super::{Rig, request};
use satang_log::storage::MemoryStorage;

/// Purchases in groups of several sizes, over several segments, and a snapshot behind all of them.
pub struct Bought {
    pub rig: Rig,
    pub entries: Vec<Entry>,
}

impl Bought {
    /// Purchases whose ids begin with `front`, on a disk that was prepared.
    pub fn on(disk: MemoryStorage, front: u128) -> Bought {
        let mut rig = Rig::start(disk);
        let mut entries = Vec::new();
        let mut number = 0;
        for len in [1, 30, 1, 2, 45, 7, 60, 1, 1, 9].into_iter().cycle().take(120) {
            let requests: Vec<_> = (0..len)
                .map(|_| {
                    number += 1;
                    request(front << 100 | number, 1 + number as u64 % 20, 10)
                })
                .collect();
            rig.engine.authorize_batch(&requests).unwrap();
            rig.flush();
            entries.extend(requests.into_iter().map(Asked::Authorization));
        }
        rig.snapshot();
        let answered = |asked: Asked| match send(&rig, &asked).unwrap() {
            Again::First(answer) => Entry {
                asked,
                sequence: answer.sequence(),
                answer,
            },
            other => panic!("{other:?}"),
        };
        Bought {
            entries: entries.into_iter().map(answered).collect(),
            rig,
        }
    }

    pub fn prepared() -> Bought {
        let prepared = Rig::prepared();
        assert!(prepared.engine.durable().sequence() > 0);
        Bought::on(prepared.storage.copy(), 1)
    }
}
