//! An engine on a virtual disk, stepped by hand, for the tests of this folder.

#![allow(dead_code, reason = "each test file uses its part of the rig")]

pub mod again;
pub mod book;
pub mod bought;
pub mod damage;
pub mod casework;
pub mod hooked;
pub mod office;
pub mod random;
pub mod snapshots;
pub mod workload;

use satang_core::calendar::Instant;
use satang_core::ids::{HouseholdId, MerchantId, Name, NationalId, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::ReversalCause;
use satang_core::programme::Category;
use satang_core::record::{Authorization, Record, RecordHeader, Status};
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};
use satang_engine::clock::{Clock, SimulatedClock};
use satang_engine::engine::{Engine, Submitted};
use satang_engine::maintenance::{Maintenance, SnapshotRule};
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, Expected, OpenError, Recovered, open};
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::enroll::EnrollmentInput;
use satang_engine::snapshot::SnapshotFacts;
use satang_log::commit::{Committer, Pacing, Unobserved};
use satang_log::file::{FileLog, FileLogStore, FileReader, Layout};
use satang_log::log::{Bound, Cursor as _, Upkeep};
use satang_log::storage::{MemoryStorage, ReadStorage as _, Storage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Small enough that a few hundred records fill several segments.
pub const LAYOUT: Layout = Layout {
    segment_bytes: 64 << 10,
    group_bytes_max: 16 << 10,
};

/// A programme that fits a frame of one page.
pub const PROGRAM: &str = r#"id = "fair"
name_th = "งานวัด"
name_en = "Fair"
[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = { day = 20_000, month = 100_000 }
when_exhausted = "decline"
merchant_categories = ["food_drink"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
"#;

/// A programme that people register for: a small quota, and rights that lapse.
pub const RUSH: &str = r#"id = "rush"
name_th = "ลงทะเบียน"
name_en = "Rush"
[registration]
opens = 2026-06-01
hours = "00:00-24:00"
quota = 12
min_age = 18
excluded_lists = ["kept-out"]
first_use_by = 2026-06-17T12:00:00
[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = { day = 20_000 }
when_exhausted = "decline"
merchant_categories = ["otop"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
"#;

/// A card with a household's benefit that two sources pay; nobody draws on it and on the fair on one date.
pub const CARD: &str = r#"id = "card"
name_th = "บัตร"
name_en = "Card"
exclusive_with = ["fair"]
[[benefit]]
id = "electricity"
state_percent = 100
holder = "household"
caps = { month = 6_000 }
when_exhausted = "decline"
merchant_categories = ["electricity"]
funded_by = [{ source = "base", up_to = 2_000 }, { source = "top-up" }]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "00:00-24:00"
"#;

/// The wallets that hold cards: three to a household.
pub const CARDS: core::ops::Range<u64> = 20_000..20_009;

pub struct Rig<S: Storage = MemoryStorage, C: Clock = SimulatedClock> {
    pub storage: Arc<S>,
    pub engine: Arc<Engine<FileReader<S>, C>>,
    pub committer: Committer<FileLog<S>>,
    pub upkeep: Arc<dyn Upkeep>,
    pub maintenance: Arc<Maintenance<S, FileLogStore<S>, C>>,
    pub recovered: Recovered,
}

pub fn options(layout: Layout) -> EngineOptions {
    EngineOptions {
        layout,
        citizen_key: CitizenKey::from_bytes([1; 32]),
        pacing: Pacing::DEFAULT,
        accept_clock: None,
        expected: Expected::default(),
        snapshots: SnapshotRule::DEFAULT,
        hash_seed: Some([5; 16]),
        observer: Arc::new(Unobserved),
    }
}

pub fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00+07:00").unwrap()
}

impl Rig {
    pub fn start(storage: MemoryStorage) -> Rig {
        Rig::try_start(storage).unwrap()
    }

    pub fn try_start(storage: MemoryStorage) -> Result<Rig, OpenError> {
        Rig::open(Arc::new(storage), LAYOUT)
    }

    pub fn prepared() -> Rig {
        let mut rig = Rig::start(MemoryStorage::default());
        rig.prepare(20);
        rig
    }
}

impl<S: Storage> Rig<S> {
    pub fn open(storage: Arc<S>, layout: Layout) -> Result<Rig<S>, OpenError> {
        Rig::open_at(storage, SimulatedClock::standing_at(noon()), options(layout))
    }

    /// Moves the clock on.
    pub fn pass(&self, ms: i64) {
        let later = self.engine.now().unwrap().plus_ms(ms);
        self.engine.clock().set(later).unwrap();
    }
}

impl<S: Storage, C: Clock> Rig<S, C> {
    pub fn open_at(storage: Arc<S>, clock: C, options: EngineOptions) -> Result<Rig<S, C>, OpenError> {
        let opened = open(&storage, clock, options, &mut |_, _| {})?;
        Ok(Rig {
            storage,
            engine: opened.engine,
            committer: opened.committer,
            upkeep: opened.upkeep,
            maintenance: opened.maintenance,
            recovered: opened.recovered,
        })
    }

    /// Programme, merchant and wallets 1 to `wallets`, durable.
    pub fn prepare(&mut self, wallets: u64) {
        self.engine
            .activate_programs(&[("fair.toml".into(), PROGRAM.into())], None)
            .unwrap();
        self.engine
            .put_merchants(&[merchant(Category::FoodDrink)], None)
            .unwrap();
        let wallets: Vec<EnrollmentInput> = (1..=wallets).map(enrollment).collect();
        let (outcomes, _) = self.engine.enroll(&wallets, None).unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.is_ok()));
        self.flush();
    }

    /// The state's digest, as a start would give it: the ids of old dates have left memory.
    pub fn digest(&self) -> u64 {
        self.maintenance.tidy_ids().unwrap();
        self.engine.state().digest()
    }

    /// Takes a snapshot of what is made durable first.
    pub fn snapshot(&mut self) -> SnapshotFacts {
        self.flush();
        self.maintenance.snapshot().unwrap().facts
    }

    pub fn flush(&mut self) {
        while self.committer.step().unwrap() {}
    }

    pub fn authorize(&mut self, txn: u128, wallet: u64, amount: u64) -> Authorization {
        match self.engine.authorize(&request(txn, wallet, amount)).unwrap() {
            Submitted::Decided { record, .. } => {
                self.flush();
                record
            }
            Submitted::Seen { sequence } => match self.engine.read(sequence).unwrap() {
                Record::Authorization(found) => found.record,
                other => panic!("{other:?}"),
            },
            Submitted::Wait { .. } => panic!("an authorization waits for nothing"),
        }
    }
}

/// Sets its flag when a test ends or fails, so that the threads that wait for it end as well.
pub struct Done<'a>(pub &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An independent copy of a disk that lacks the files of a folder.
pub fn without(disk: &MemoryStorage, folder: &str) -> MemoryStorage {
    let copy = disk.copy();
    for name in copy.list(folder).unwrap() {
        copy.lose_file(&format!("{folder}/{name}"));
    }
    copy
}

pub fn merchant(category: Category) -> MerchantInput {
    MerchantInput {
        id: MerchantId::from_number(10),
        name: "ร้านป้าแดง".into(),
        category,
        status: Status::Active,
        programs: vec![Name::parse("fair").unwrap()],
        channels: vec![Name::parse("store").unwrap()],
        province: None,
        bank_account: Some("0123456789".into()),
        account_name: None,
    }
}

/// A citizen by a number of their own.
pub fn citizen(number: u64) -> NationalId {
    (0..10)
        .find_map(|check| NationalId::parse(&format!("{number:012}{check}")).ok())
        .unwrap()
}

pub fn enrollment(wallet: u64) -> EnrollmentInput {
    EnrollmentInput {
        program: Name::parse("fair").unwrap(),
        wallet: WalletId::from_number(wallet),
        citizen: citizen(wallet),
        usable_from: None,
        household: None,
        tier: None,
    }
}

/// The utility that cards are used at.
pub fn utility() -> MerchantInput {
    MerchantInput {
        id: MerchantId::from_number(11),
        programs: vec![Name::parse("card").unwrap()],
        ..merchant(Category::Electricity)
    }
}

/// A card of a household; the citizen's own wallet is the one of the same number.
pub fn card(wallet: u64) -> EnrollmentInput {
    EnrollmentInput {
        program: Name::parse("card").unwrap(),
        household: Some(HouseholdId::from_number(wallet / 3)),
        ..enrollment(wallet)
    }
}

/// A purchase with a card.
pub fn with_card(mut request: AuthorizationRequest) -> AuthorizationRequest {
    request.purchase.program = Name::parse("card").unwrap();
    request.purchase.merchant = MerchantId::from_number(11);
    request
}

pub fn request(txn: u128, wallet: u64, amount: u64) -> AuthorizationRequest {
    AuthorizationRequest {
        txn_id: TxnId::from_bits(txn),
        purchase: Purchase {
            program: Name::parse("fair").unwrap(),
            wallet: WalletId::from_number(wallet),
            merchant: MerchantId::from_number(10),
            channel: Name::parse("store").unwrap(),
            amount: Satang::new(amount),
            eligible: Satang::new(amount),
        },
    }
}

pub fn reversal(id: u128, txn: u128, amount: Option<u64>) -> ReversalRequest {
    ReversalRequest {
        reversal_id: ReversalId::from_bits(id),
        txn_id: TxnId::from_bits(txn),
        amount: amount.map(Satang::new),
        cause: ReversalCause::CustomerRefund,
    }
}

/// The records in a journal, read past the engine.
pub struct Survivors {
    pub records: Vec<(RecordHeader, Record)>,
}

impl Survivors {
    pub fn of<S: Storage>(storage: &Arc<S>) -> Survivors {
        let log = FileLogStore::open(storage, LAYOUT).unwrap();
        let mut records = Vec::new();
        if log.first_header().is_some() {
            let mut cursor = log.file_cursor(Bound::All).unwrap();
            while let Some(frame) = cursor.next_frame().unwrap() {
                for (_, header, bytes) in frame.records() {
                    records.push((header, Record::decode(&header, bytes).unwrap()));
                }
            }
        }
        Survivors { records }
    }

    pub fn last_sequence(&self) -> Option<u64> {
        self.records.last().map(|(header, _)| header.sequence)
    }
}

/// Asserts that a refusal to start names the file and the place in it.
#[track_caller]
pub fn assert_names(refusal: &OpenError, file: &str) {
    let text = refusal.to_string();
    assert!(text.starts_with(&format!("{file}: offset ")), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

/// The error of a start that must be refused.
#[track_caller]
pub fn refused<S: Storage, C: Clock>(started: Result<Rig<S, C>, OpenError>) -> OpenError {
    match started {
        Ok(rig) => panic!("started with {:?}", rig.recovered),
        Err(refusal) => refusal,
    }
}
