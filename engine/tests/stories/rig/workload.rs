//! A random day at the engine, written down in a [`Book`].

use super::book::{Answer, Asked, Book, Entry};
use super::casework;
use super::random::Random;
use super::{
    CARD, CARDS, PROGRAM, RUSH, Rig, card, citizen, enrollment, merchant, noon, request, reversal, utility,
    with_card,
};
use satang_core::birth::BirthDate;
use satang_core::ids::{HouseholdId, Name, Nationality, RegistrationId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::programme::Category;
use satang_core::record::{ReturnKind, Status};
use satang_core::request::{
    AuthorizationRequest, ClosingRequest, HoldRequest, RegistrationRequest, ReversalRequest,
};
use satang_engine::engine::{SubmitError, Submitted};
use satang_engine::session::activation::ActivationError;
use satang_engine::session::enroll::EnrollmentInput;
use satang_engine::session::programme_transfer::TransferInput;
use satang_engine::session::register::Registered;
use satang_log::storage::Storage;
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
    /// Whether people register, move, share and hold as well.
    pub rights: bool,
    /// Whether there are holders of cards.
    cards: bool,
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
            rights: true,
            cards: false,
        }
    }

    /// Asks one random thing. Everything but a commit happens in memory.
    pub fn ask<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        match self.random.below(100) {
            40..46 if self.rights => self.hold(rig)?,
            46..50 if self.rights => self.close(rig)?,
            76..83 if self.rights => self.register(rig)?,
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
            93..96 if self.rights => casework::decide(self, rig)?,
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
        let amount = 1 + self.random.below(9_000);
        if !self.cards {
            return request((self.id)(number), wallet, amount);
        }
        match self.random.percent(15) {
            true => {
                let card = CARDS.start + self.random.below(CARDS.end - CARDS.start);
                with_card(request((self.id)(number), card, amount / 4 + 1))
            }
            false => {
                // Holders of cards have a right at the fair, too.
                let wallet = if self.random.percent(10) {
                    CARDS.start + self.random.below(CARDS.end - CARDS.start)
                } else {
                    wallet
                };
                request((self.id)(number), wallet, amount)
            }
        }
    }

    /// A hold from a second to two days.
    fn hold<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        let order = self.request(None);
        let asked = HoldRequest {
            txn_id: order.txn_id,
            purchase: order.purchase,
            expires_in_s: [1, 1_800, 172_800][self.random.below(3) as usize],
        };
        match rig.engine.hold(&asked)? {
            Submitted::Decided { record, sequence } => self.book.entries.push(Entry {
                asked: Asked::Hold(asked),
                sequence,
                answer: Answer::authorization(&record),
            }),
            other => panic!("a new id was seen: {other:?}"),
        }
        Ok(())
    }

    /// A capture or void of one of the last orders: mostly a hold.
    fn close<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        let recent = self.book.entries.iter().rev().take(60);
        let holds: Vec<TxnId> = recent
            .filter_map(|entry| match entry.asked {
                Asked::Hold(request) => Some(request.txn_id),
                _ => None,
            })
            .collect();
        let some = 1 + u128::from(self.random.bits()) % self.next_id;
        let txn_id = match holds.as_slice() {
            [] => TxnId::from_bits((self.id)(some)),
            holds => holds[self.random.below(holds.len() as u64) as usize],
        };
        let act = [ReturnKind::Capture, ReturnKind::Void][self.random.below(2) as usize];
        let amount =
            (act == ReturnKind::Capture && self.random.percent(60)).then(|| 1 + self.random.below(4_000));
        let asked = ClosingRequest {
            txn_id,
            act,
            amount: amount.map(Satang::new),
        };
        if let Submitted::Decided { record, sequence } = rig.engine.close(&asked)? {
            let number = record.txn_id().bits();
            if record.is_tombstone() && holds.is_empty() && !self.arrived_late.contains(&some) {
                assert_eq!(number, (self.id)(some));
                self.late.insert(some);
            }
            if record.closes().is_some() {
                self.book.entries.push(Entry {
                    asked: Asked::Closing(asked),
                    sequence,
                    answer: Answer::reversal(&record),
                });
            }
        }
        Ok(())
    }

    fn note_authorization(
        &mut self,
        asked: AuthorizationRequest,
        submitted: Submitted<satang_core::record::Authorization>,
    ) {
        let Submitted::Decided { record, sequence } = submitted else {
            panic!("a new id was seen: {submitted:?}")
        };
        let (asked, answer) = (Asked::Authorization(asked), Answer::authorization(&record));
        self.book.entries.push(Entry {
            asked,
            sequence,
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
                Submitted::Seen { sequence } => sequence,
                other => panic!("{other:?}"),
            },
            Asked::Reversal(request) => match rig.engine.reverse(&request)? {
                Submitted::Seen { sequence } => sequence,
                Submitted::Wait { .. } => return Ok(()),
                other => panic!("{other:?}"),
            },
            Asked::Hold(request) => match rig.engine.hold(&request)? {
                Submitted::Seen { sequence } => sequence,
                other => panic!("{other:?}"),
            },
            Asked::Closing(request) => match rig.engine.close(&request)? {
                Submitted::Seen { sequence } => sequence,
                Submitted::Wait { .. } => return Ok(()),
                other => panic!("{other:?}"),
            },
            Asked::Registration(request) => match rig.engine.register(&request)? {
                Registered::Seen { sequence } => sequence,
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(seen, entry.sequence);
        Ok(())
    }

    fn batch<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        // A record of a card is half as long again.
        let len_max = match self.cards {
            true => self.batch_len_max * 2 / 3 + 1,
            false => self.batch_len_max,
        };
        let len = self.random.below(len_max) + 1;
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
            Submitted::Decided { record, sequence } => {
                if record.is_tombstone() && !self.arrived_late.contains(&txn) {
                    self.late.insert(txn);
                }
                let (asked, answer) = (Asked::Reversal(asked), Answer::reversal(&record));
                self.book.entries.push(Entry {
                    asked,
                    sequence,
                    answer,
                });
            }
            Submitted::Wait { .. } => {}
            Submitted::Seen { .. } => panic!("a new id was seen"),
        }
        Ok(())
    }

    /// People register, one by one or many at once, or are put on the list that keeps them out.
    fn register<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        if rig.engine.state().directory.read().rules().len() < 2 {
            return self.add_programmes(rig);
        }
        if self.random.percent(15) {
            return self.move_somebody(rig);
        }
        if self.random.percent(20) {
            let listed = [citizen(10_000 + self.random.below(40))];
            let list = Name::parse("kept-out").unwrap();
            return rig.engine.import_list(&list, &listed, None).map(drop);
        }
        let len = if self.random.percent(70) {
            1
        } else {
            // Their records are a sixth longer than authorizations.
            self.random.below(self.batch_len_max * 3 / 4 + 1) + 1
        };
        let requests: Vec<RegistrationRequest> = (0..len).map(|_| self.registration()).collect();
        let registered = rig.engine.register_batch(&requests)?;
        for (asked, registered) in requests.into_iter().zip(registered) {
            let Registered::Decided { record, sequence } = registered else {
                assert!(
                    matches!(registered, Registered::QuotaFullNotified { .. }),
                    "a new id was seen"
                );
                continue;
            };
            self.book.entries.push(Entry {
                asked: Asked::Registration(asked),
                sequence,
                answer: Answer::registration(&record),
            });
        }
        Ok(())
    }

    /// Two more programmes, and holders of cards, who have a right at the fair as well.
    fn add_programmes<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        let files = [("fair.toml", PROGRAM), ("rush.toml", RUSH), ("card.toml", CARD)];
        let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
        // The files are good: whatever is wrong is the disk.
        match rig.engine.activate_programs(&files, None) {
            Ok(_) => {}
            Err(ActivationError::Submit(error)) => return Err(error),
            Err(error) => panic!("{error}"),
        }
        self.book.note_state(&rig.engine);
        rig.engine.put_merchants(&[utility()], None)?;
        let lines: Vec<EnrollmentInput> = CARDS
            .flat_map(|wallet| [enrollment(wallet), card(wallet)])
            .collect();
        let (outcomes, _) = rig.engine.enroll(&lines, None)?;
        assert!(outcomes.iter().all(|outcome| outcome.is_ok()));
        self.cards = true;
        Ok(())
    }

    /// Somebody moves from the fair to the card or back, or into another household.
    fn move_somebody<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        let wallet = CARDS.start + self.random.below(CARDS.end - CARDS.start);
        let household = Some(HouseholdId::from_number(CARDS.start / 3 + self.random.below(3)));
        if self.random.percent(50) {
            let line = EnrollmentInput {
                household,
                ..card(wallet)
            };
            return rig.engine.enroll(&[line], None).map(drop);
        }
        let mut programs = ["fair", "card"].map(|name| Name::parse(name).unwrap());
        if self.random.percent(50) {
            programs.reverse();
        }
        let input = TransferInput {
            wallet: WalletId::from_number(wallet),
            from: programs[0],
            to: programs[1],
            household,
            tier: None,
            usable_from: None,
            reason: "ย้าย".into(),
        };
        rig.engine.transfer_person(&input, None).map(drop)
    }

    fn registration(&mut self) -> RegistrationRequest {
        self.next_id += 1;
        let born = ["1990-04-12", "2010", "2008-06"][self.random.below(3) as usize];
        RegistrationRequest {
            registration_id: RegistrationId::from_bits((self.id)(self.next_id)),
            program: Name::parse("rush").unwrap(),
            wallet: WalletId::from_number(10_000 + self.random.below(40)),
            citizen: citizen(10_000 + self.random.below(40)),
            birth: BirthDate::parse(born).unwrap(),
            nationality: Nationality::THAI,
        }
    }

    fn enroll<S: Storage>(&mut self, rig: &Rig<S>) -> Result<(), SubmitError> {
        self.next_wallet += 1;
        let (outcomes, _) = rig.engine.enroll(&[enrollment(self.next_wallet)], None)?;
        assert_eq!(outcomes, [Ok(())]);
        Ok(())
    }
}
