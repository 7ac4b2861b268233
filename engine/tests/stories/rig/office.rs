//! Casework at work: what its tests have in common.

use super::*;
use satang_core::birth::BirthDate;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{CaseId, Nationality, PaymentId, RegistrationId};
use satang_core::outcome::RegistrationReason;
use satang_core::record::{CasePaid, MerchantStatus, NameNumber};
use satang_core::request::RegistrationRequest;
use satang_core::state::casework::{Block, Case, CaseworkRefusal};
use satang_engine::session::casework::{CaseworkOutcome, DebtorInput, Decision};
use satang_engine::session::register::Registered;

/// The fair, with dates for merchants who join by themselves.
pub const JOINED: &str = "[merchant_registration]\nopens = 2026-06-10\ncloses = 2026-06-20\nreturning_closes = 2026-06-25\n\
                      returning_from = \"rush\"\n[[benefit]]";

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub fn shop() -> MerchantId {
    MerchantId::from_number(10)
}

pub fn case(number: u128) -> CaseId {
    CaseId::from_bits(number)
}

pub fn today() -> BusinessDate {
    noon().business_date()
}

/// The fair, the card and the rush; one shop and one utility.
pub fn started() -> Rig {
    let mut rig = Rig::start(satang_log::storage::MemoryStorage::default());
    let files = [
        ("fair.toml", PROGRAM.replace("[[benefit]]", JOINED)),
        ("rush.toml", RUSH.to_owned()),
        ("card.toml", CARD.to_owned()),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), text));
    rig.engine.activate_programs(&files, None).unwrap();
    let merchants = [merchant(Category::FoodDrink), utility()];
    rig.engine.put_merchants(&merchants, None).unwrap();
    let (outcomes, _) = rig.engine.enroll(&[enrollment(1), enrollment(2)], None).unwrap();
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    rig.flush();
    rig
}

pub fn registration(id: u128, number: u64) -> RegistrationRequest {
    RegistrationRequest {
        registration_id: RegistrationId::from_bits(id),
        program: name("rush"),
        wallet: WalletId::from_number(number),
        citizen: citizen(number),
        birth: BirthDate::parse("1990").unwrap(),
        nationality: Nationality::THAI,
    }
}

pub fn register(rig: &Rig, id: u128, number: u64) -> (RegistrationReason, NameNumber) {
    match rig.engine.register(&registration(id, number)).unwrap() {
        Registered::Decided { record, .. } => (record.reason(), record.list()),
        other => panic!("{other:?}"),
    }
}

pub fn excluded(rig: &Rig, block: Block) -> (RegistrationReason, NameNumber) {
    let list = rig.engine.state().directory.read().number_of(&block.list());
    assert_ne!(list, NameNumber::UNKNOWN);
    (RegistrationReason::Excluded, list)
}

pub fn decide(rig: &mut Rig, record: impl Decision) -> CaseworkOutcome {
    let outcome = rig.engine.decide_casework(&record, Some(&name("nok"))).unwrap();
    rig.flush();
    outcome
}

pub fn refusal_of(rig: &mut Rig, record: impl Decision) -> CaseworkRefusal {
    match decide(rig, record) {
        CaseworkOutcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

pub fn status_of(rig: &mut Rig, merchant: MerchantId, status: Status) -> CaseworkOutcome {
    let reason = "ตรวจสอบ".to_owned();
    decide(
        rig,
        MerchantStatus {
            merchant,
            status,
            reason,
        },
    )
}

pub fn case_of(rig: &Rig, id: u128) -> Case {
    let directory = rig.engine.state().directory.read();
    directory.casework().case(case(id)).expect("a case").clone()
}

pub fn pays(rig: &mut Rig, id: u128, payment: u128, amount: u64) -> CaseworkOutcome {
    decide(
        rig,
        CasePaid {
            case: case(id),
            payment: PaymentId::from_bits(payment),
            amount: Satang::new(amount),
            reason: "โอน".into(),
        },
    )
}

pub fn open(rig: &mut Rig, id: u128, debtor: DebtorInput, owed: u64) -> CaseworkOutcome {
    let owed = Satang::new(owed);
    let outcome = rig
        .engine
        .open_case(case(id), debtor, owed, today(), "เรียกคืน", None);
    rig.flush();
    outcome.unwrap()
}

#[track_caller]
pub fn assert_recorded(outcome: CaseworkOutcome) {
    assert!(matches!(outcome, CaseworkOutcome::Recorded { .. }), "{outcome:?}");
}

/// A start, from the journal alone and from a snapshot, gives the state that was.
#[track_caller]
pub fn assert_survives(rig: &mut Rig) {
    rig.flush();
    let digest = rig.digest();
    assert_eq!(
        Rig::start(rig.storage.copy()).digest(),
        digest,
        "from the journal"
    );
    rig.snapshot();
    let restarted = Rig::start(rig.storage.copy());
    assert!(restarted.recovered.snapshot.is_some());
    assert_eq!(restarted.digest(), digest, "from a snapshot");
}
