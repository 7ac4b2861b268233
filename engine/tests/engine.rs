//! The engine on a virtual disk, stepped by hand: what is answered, what survives.

use satang_core::calendar::Instant;
use satang_core::ids::{CitizenId, MerchantId, Name, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalCause, ReversalReason};
use satang_core::policy::Category;
use satang_core::record::{AuthorizationRecord, Record, Status};
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};
use satang_engine::admin::{EnrollmentInput, MerchantInput};
use satang_engine::clock::{Clock, SimulatedClock};
use satang_engine::commit::{Committer, Pacing, Unobserved};
use satang_engine::engine::{Engine, Submitted};
use satang_engine::journal::{FileJournal, JournalReader, Layout};
use satang_engine::open::{EngineOptions, Expected, OpenError, open};
use satang_engine::persons::CitizenKey;
use satang_engine::storage::MemoryStorage;
use std::sync::Arc;

const LAYOUT: Layout = Layout {
    segment_bytes: 64 << 10,
    group_bytes_max: 16 << 10,
};
const PROGRAM: &str = include_str!("../../programs/thai-chuai-thai-plus-6040.toml");

struct Rig {
    storage: Arc<MemoryStorage>,
    engine: Arc<Engine<JournalReader<MemoryStorage>, SimulatedClock>>,
    committer: Committer<FileJournal<MemoryStorage>>,
}

fn options() -> EngineOptions {
    EngineOptions {
        layout: LAYOUT,
        citizen_key: CitizenKey::from_bytes([1; 32]),
        pacing: Pacing::DEFAULT,
        accept_clock: false,
        expected: Expected::default(),
        observer: Arc::new(Unobserved),
    }
}

impl Rig {
    fn start(storage: MemoryStorage) -> Rig {
        Rig::try_start(storage).unwrap()
    }

    fn try_start(storage: MemoryStorage) -> Result<Rig, OpenError> {
        let storage = Arc::new(storage);
        let clock = SimulatedClock::standing_at(Instant::parse("2026-06-15T12:00:00+07:00").unwrap());
        let opened = open(&storage, clock, options(), &mut |_, _| {})?;
        Ok(Rig {
            storage,
            engine: opened.engine,
            committer: opened.committer,
        })
    }

    fn prepared() -> Rig {
        let mut rig = Rig::start(MemoryStorage::default());
        rig.engine
            .install_programs(&[("6040.toml".into(), PROGRAM.into())])
            .unwrap();
        rig.engine.put_merchants(&[merchant()]).unwrap();
        let wallets: Vec<EnrollmentInput> = (1..=20).map(enrollment).collect();
        let (outcomes, _) = rig.engine.enroll(&wallets).unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.is_ok()));
        rig.flush();
        rig
    }

    fn flush(&mut self) {
        while self.committer.step().unwrap() {}
    }

    fn authorize(&mut self, txn: u128, wallet: u64, amount: u64) -> AuthorizationRecord {
        match self.engine.authorize(&request(txn, wallet, amount)).unwrap() {
            Submitted::Decided { record, .. } => {
                self.flush();
                record
            }
            Submitted::Seen { position } => match self.engine.read(position).unwrap() {
                Record::Authorization { record, .. } => record,
                other => panic!("{other:?}"),
            },
            Submitted::Wait { .. } => panic!("an authorization waits for nothing"),
        }
    }
}

fn merchant() -> MerchantInput {
    MerchantInput {
        id: MerchantId::from_number(10),
        name: "ร้านป้าแดง".into(),
        category: Category::FoodDrink,
        status: Status::Active,
        programs: vec![Name::parse("thai-chuai-thai-plus-6040").unwrap()],
        channels: vec![Name::parse("store").unwrap()],
        province: None,
        bank_account: Some("0123456789".into()),
        account_name: None,
    }
}

fn enrollment(wallet: u64) -> EnrollmentInput {
    let citizen = (0..10)
        .find_map(|check| CitizenId::parse(&format!("{wallet:012}{check}")).ok())
        .unwrap();
    EnrollmentInput {
        program: Name::parse("thai-chuai-thai-plus-6040").unwrap(),
        wallet: WalletId::from_number(wallet),
        citizen,
        usable_from: None,
        household_or_tier: false,
    }
}

fn request(txn: u128, wallet: u64, amount: u64) -> AuthorizationRequest {
    AuthorizationRequest {
        txn_id: TxnId::from_bits(txn),
        purchase: Purchase {
            program: Name::parse("thai-chuai-thai-plus-6040").unwrap(),
            wallet: WalletId::from_number(wallet),
            merchant: MerchantId::from_number(10),
            channel: Name::parse("store").unwrap(),
            amount: Satang::new(amount),
            eligible: Satang::new(amount),
        },
    }
}

fn reversal(id: u128, txn: u128, amount: Option<u64>) -> ReversalRequest {
    ReversalRequest {
        reversal_id: ReversalId::from_bits(id),
        txn_id: TxnId::from_bits(txn),
        amount: amount.map(Satang::new),
        cause: ReversalCause::CustomerRefund,
    }
}

#[test]
fn a_purchase_is_split_and_capped() {
    let mut rig = Rig::prepared();
    let record = rig.authorize(1, 1, 22_000);
    assert_eq!(
        (record.reason(), record.state()),
        (Reason::Approved, Satang::new(13_200))
    );
    let record = rig.authorize(2, 1, 22_000);
    assert_eq!(
        (record.reason(), record.state()),
        (Reason::Approved, Satang::new(6_800))
    );
    assert_eq!(rig.authorize(3, 1, 22_000).reason(), Reason::DailyCapExhausted);
}

#[test]
fn the_state_after_a_restart_is_the_state_before() {
    let mut rig = Rig::prepared();
    for txn in 0..2_000u128 {
        rig.authorize(txn, txn as u64 % 20 + 1, 1_000 + txn as u64);
        if txn % 50 == 0 {
            rig.engine
                .clock()
                .set(rig.engine.now().unwrap().plus_ms(7_200_000))
                .unwrap();
        }
    }
    for txn in 0..200u128 {
        rig.engine.reverse(&reversal(txn, txn, Some(500))).unwrap();
        rig.engine
            .reverse(&reversal(1_000 + txn, 5_000 + txn, None))
            .unwrap();
    }
    rig.flush();
    let digest = rig.engine.state().digest();
    let last = rig.authorize(7, 8, 1_007);
    let mut again = Rig::start(rig.storage.copy());
    assert_eq!(again.engine.state().digest(), digest);
    let replayed = again.authorize(7, 8, 1_007);
    assert_eq!(
        (replayed.header.sequence, replayed.state()),
        (last.header.sequence, last.state())
    );
}

#[test]
fn a_late_original_of_a_reversal_is_declined_and_stays_declined() {
    let mut rig = Rig::prepared();
    let Submitted::Decided { record, .. } = rig.engine.reverse(&reversal(1, 77, None)).unwrap() else {
        panic!()
    };
    assert_eq!(
        (record.approved(), record.reason()),
        (true, ReversalReason::OriginalNotFound)
    );
    rig.flush();
    assert_eq!(
        rig.authorize(77, 1, 1_000).reason(),
        Reason::ReversedBeforeArrival
    );
    let Submitted::Decided { record, .. } = rig.engine.reverse(&reversal(2, 77, Some(5))).unwrap() else {
        panic!()
    };
    assert_eq!(
        (record.approved(), record.reason()),
        (false, ReversalReason::OriginalDeclined)
    );
}

#[test]
fn a_batch_is_one_group_and_equals_its_elements_one_by_one() {
    let mut batched = Rig::prepared();
    let mut single = Rig::prepared();
    let requests: Vec<AuthorizationRequest> = (0..100u128)
        .map(|txn| request(txn, txn as u64 % 7 + 1, 5_000 + txn as u64))
        .collect();
    let results = batched.engine.authorize_batch(&requests).unwrap();
    assert!(batched.committer.step().unwrap());
    assert!(!batched.committer.step().unwrap());
    for (request, result) in requests.iter().zip(results) {
        let Submitted::Decided { record, .. } = result else {
            panic!()
        };
        let amount = request.purchase.amount.get();
        let alone = single.authorize(request.txn_id.bits(), request.purchase.wallet.number(), amount);
        assert_eq!((record.reason(), record.state()), (alone.reason(), alone.state()));
        assert_eq!(record.header.sequence, alone.header.sequence);
    }
    assert_eq!(
        batched.engine.state().digest() != 0,
        single.engine.state().digest() != 0
    );
}

#[test]
fn another_key_of_citizens_is_refused() {
    let rig = Rig::prepared();
    let storage = Arc::new(rig.storage.copy());
    let other = EngineOptions {
        citizen_key: CitizenKey::from_bytes([2; 32]),
        ..options()
    };
    let clock = SimulatedClock::standing_at(Instant::parse("2026-06-15T12:00:00+07:00").unwrap());
    assert!(matches!(
        open(&storage, clock, other, &mut |_, _| {}),
        Err(OpenError::WrongKey)
    ));
}

#[test]
fn a_broken_disk_stops_everything_and_approves_nothing() {
    let mut rig = Rig::prepared();
    rig.storage.break_after(0);
    let Submitted::Decided { position, .. } = rig.engine.authorize(&request(1, 1, 1_000)).unwrap() else {
        panic!()
    };
    assert!(rig.committer.step().is_err());
    assert!(rig.engine.durable().check(position).is_err());
    assert!(rig.engine.authorize(&request(2, 1, 1_000)).is_err());
}
