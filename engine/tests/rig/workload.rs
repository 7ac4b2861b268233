//! A random day at the engine, written down in a [`Book`].

use super::book::{Answer, Asked, Book, Entry};
use super::random::Random;
use super::{Rig, enrollment, merchant, noon, request, reversal};
use satang_core::policy::Category;
use satang_core::record::Status;
use satang_core::request::{AuthorizationRequest, ReversalRequest};
use satang_engine::engine::{SubmitError, Submitted};
use satang_engine::storage::Storage;
use std::collections::BTreeSet;

pub struct Workload {
    pub random: Random,
    pub book: Book,
    next_id: u128,
    next_wallet: u64,
    /// Ids that were reversed before their original arrived.
    late: BTreeSet<u128>,
    arrived_late: BTreeSet<u128>,
    /// The most elements of a batch; smaller where groups are.
    pub batch_len_max: u64,
    /// Which bits a numbered id has.
    pub id: fn(u128) -> u128,
}

/// Ids of every kind: of no version, of version 7 from three days before the first day to six weeks behind it, from the year
/// 2100, and from 1970.
pub fn id_of_any_kind(number: u128) -> u128 {
    let time_ms = match number % 4 {
        0 => return number,
        1 => noon().unix_ms() + ((number * 7_919 % 1_080) as i64 - 72) * 3_600_000,
        2 => 4_102_444_800_000,
        _ => 0,
    };
    v7(time_ms, number)
}

/// An id of version 7.
pub fn v7(time_ms: i64, number: u128) -> u128 {
    (time_ms as u128) << 80 | 7 << 76 | 0b10 << 62 | number
}

impl Workload {
    pub fn new(random: Random) -> Workload {
        Workload {
            random,
            book: Book::default(),
            next_id: 1,
            next_wallet: 21,
            late: BTreeSet::new(),
            arrived_late: BTreeSet::new(),
            batch_len_max: 40,
            id: |number| number,
        }
    }

    /// Asks one random thing. Everything but a commit happens in memory, except that an enrollment writes the person store.
    pub fn ask<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        match self.random.below(100) {
            0..50 => self.authorize(rig, None)?,
            50..55 => self.authorize_again(rig)?,
            55..63 => self.batch(rig)?,
            63..83 => self.reverse(rig)?,
            83..87 => self.enroll(rig)?,
            87..90 => {
                let sells = if self.random.percent(20) {
                    Category::Otop
                } else {
                    Category::FoodDrink
                };
                rig.engine.put_merchants(&[merchant(sells)], None).map(drop)?;
            }
            90..93 => {
                let wallet = request(0, 1 + self.random.below(20), 1).purchase.wallet;
                let status = [Status::Active, Status::Suspended][self.random.below(2) as usize];
                rig.engine
                    .set_wallet_status(wallet, status, "ทดสอบ", None)
                    .map(drop)?;
            }
            93..98 => rig.pass(self.random.below(3_600_000) as i64),
            _ => rig.pass(self.random.below(3 * 86_400_000) as i64),
        }
        self.book.note_state(&rig.engine);
        Ok(())
    }

    /// Asks, and now and then writes or vouches.
    pub fn go_on<S: Storage>(&mut self, rig: &mut Rig<S>, count: u64) {
        for _ in 0..count {
            self.ask(rig).unwrap();
            match self.random.below(12) {
                0..4 => drop(rig.committer.step().unwrap()),
                4 => rig.flush(),
                5 => {
                    rig.flush();
                    rig.committer.cover().unwrap();
                }
                _ => {}
            }
        }
    }

    /// A new authorization, of a wallet or a random one.
    pub fn authorize<S: Storage>(&mut self, rig: &Rig<S>, wallet: Option<u64>) -> Result<(), SubmitError> {
        let asked = self.request(wallet);
        let submitted = rig.engine.authorize(&asked)?;
        self.note_authorization(asked, submitted);
        Ok(())
    }

    fn request(&mut self, wallet: Option<u64>) -> AuthorizationRequest {
        let wallet = wallet.unwrap_or(1 + self.random.below(22));
        self.next_id += 1;
        let late = if self.random.percent(8) {
            self.late.pop_first()
        } else {
            None
        };
        self.arrived_late.extend(late);
        let number = late.unwrap_or(self.next_id);
        request((self.id)(number), wallet, 1 + self.random.below(9_000))
    }

    fn note_authorization(
        &mut self,
        asked: AuthorizationRequest,
        submitted: Submitted<satang_core::record::AuthorizationRecord>,
    ) {
        let Submitted::Decided { record, position } = submitted else {
            panic!("a new id was seen: {submitted:?}")
        };
        let (asked, answer) = (Asked::Authorization(asked), Answer::authorization(&record));
        self.book.entries.push(Entry {
            asked,
            position,
            answer,
        });
    }

    fn authorize_again<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        if self.book.entries.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.book.entries.len() as u64) as usize;
        let entry = &self.book.entries[at];
        let seen = match entry.asked {
            Asked::Authorization(request) => match rig.engine.authorize(&request)? {
                Submitted::Seen { position } => position,
                other => panic!("{other:?}"),
            },
            Asked::Reversal(request) => match rig.engine.reverse(&request)? {
                Submitted::Seen { position } => position,
                Submitted::Wait { .. } => return Ok(()),
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(seen, entry.position);
        Ok(())
    }

    fn batch<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        let len = self.random.below(self.batch_len_max) + 1;
        let requests: Vec<AuthorizationRequest> = (0..len).map(|_| self.request(None)).collect();
        let results = rig.engine.authorize_batch(&requests)?;
        for (asked, submitted) in requests.into_iter().zip(results) {
            self.note_authorization(asked, submitted);
        }
        Ok(())
    }

    /// A whole or partial refund of something known, a tombstone, or a tombstone's late original.
    fn reverse<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        self.next_id += 2;
        let txn = match self.random.below(10) {
            0 => self.next_id - 1,
            _ => 1 + u128::from(self.random.bits()) % self.next_id,
        };
        let amount = self.random.percent(60).then(|| 1 + self.random.below(4_000));
        let asked: ReversalRequest = reversal((self.id)(self.next_id), (self.id)(txn), amount);
        match rig.engine.reverse(&asked)? {
            Submitted::Decided { record, position } => {
                if record.is_tombstone() && !self.arrived_late.contains(&txn) {
                    self.late.insert(txn);
                }
                let (asked, answer) = (Asked::Reversal(asked), Answer::reversal(&record));
                self.book.entries.push(Entry {
                    asked,
                    position,
                    answer,
                });
            }
            Submitted::Wait { .. } => {}
            Submitted::Seen { .. } => panic!("a new id was seen"),
        }
        Ok(())
    }

    fn enroll<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        self.next_wallet += 1;
        let (outcomes, _) = rig.engine.enroll(&[enrollment(self.next_wallet)], None)?;
        assert_eq!(outcomes, [Ok(())]);
        Ok(())
    }
}
