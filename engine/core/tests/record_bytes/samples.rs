//! A record of each kind, and more than one where a kind has parts that few have.

use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{
    CaseId, HouseholdId, MerchantId, Name, Nationality, PaymentId, PersonId, RegistrationId, ReversalId,
    TxnId, WalletId,
};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, RegistrationReason, ReversalCause, ReversalReason};
use satang_core::programme::{CapPeriod, Category};
use satang_core::record::*;

/// The caller of every record that names one.
pub const CALLER: NameNumber = NameNumber(5);
const NOBODY: NameNumber = NameNumber::UNKNOWN;

/// A record with its name in the golden file.
pub struct Sample {
    pub what: &'static str,
    pub caller: NameNumber,
    pub record: Record,
}

fn of(what: &'static str, caller: NameNumber, record: Record) -> Sample {
    Sample { what, caller, record }
}

pub fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00.123+07:00").unwrap()
}

fn today() -> BusinessDate {
    noon().business_date()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn wallet() -> WalletId {
    WalletId::parse("004999912345678").unwrap()
}

fn merchant() -> MerchantId {
    MerchantId::parse("010555012345678").unwrap()
}

fn person() -> PersonId {
    PersonId::from_number(0x1122_3344_5566_7788).unwrap()
}

fn household() -> HouseholdId {
    HouseholdId::from_number(123_456_789_012_345)
}

fn txn() -> TxnId {
    TxnId::parse("0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10").unwrap()
}

fn reason() -> String {
    "ตามหนังสือ".to_owned()
}

pub fn authorization_facts() -> AuthorizationFacts {
    AuthorizationFacts {
        txn_id: txn(),
        wallet: wallet(),
        merchant: merchant(),
        amount: Satang::new(25_000),
        eligible: Satang::new(22_000),
        state: Satang::new(13_200),
        headroom_before: [20_000, 100_000, 0, 0],
        caps: 0b0011,
        tier: 0,
        rule: 7,
        program: NameNumber(1),
        channel: NameNumber(2),
        benefit: BenefitNumber(3),
        reason: Reason::Approved,
        limited_by: None,
        looked_beyond: false,
    }
}

/// Every sample.
pub fn samples() -> Vec<Sample> {
    let groups = [
        authorizations(),
        reversals(),
        rights(),
        rules(),
        casework(),
        cases(),
    ];
    groups.into_iter().flatten().collect()
}

fn authorization(facts: &AuthorizationFacts, extension: Extension, program: Option<Name>) -> Record {
    let record = AuthorizationRecord::new(noon(), facts);
    Record::Authorization(NamedAuthorization {
        record: Authorization { record, extension },
        program,
        channel: None,
    })
}

fn held() -> Extension {
    Extension::NONE
        .of_household(Some(household()))
        .of_sources(Some(Funding {
            paid: [13_000, 200, 0, 0],
            len: 2,
            period: CapPeriod::Month,
        }))
        .until(Some(noon().plus_ms(1_800_000)))
}

fn held_elsewhere() -> Extension {
    held().of_home(Some(WalletId::from_number(4_999_900_000_001)))
}

fn authorizations() -> Vec<Sample> {
    let facts = authorization_facts();
    let unknown = AuthorizationFacts {
        reason: Reason::ProgramUnknown,
        state: Satang::ZERO,
        caps: 0,
        headroom_before: [0; 4],
        rule: 0,
        program: NameNumber::UNKNOWN,
        benefit: BenefitNumber::NONE,
        ..facts
    };
    let limited = AuthorizationFacts {
        limited_by: Some(CapPeriod::Day),
        ..facts
    };
    let of_a_tier = AuthorizationFacts { tier: 2, ..facts };
    let none = Extension::NONE;
    vec![
        of("authorization", NOBODY, authorization(&facts, none, None)),
        of("authorization, called", CALLER, authorization(&facts, none, None)),
        of(
            "authorization, limited",
            NOBODY,
            authorization(&limited, none, None),
        ),
        of(
            "authorization, of a tier",
            NOBODY,
            authorization(&of_a_tier, none, None),
        ),
        of(
            "authorization, unknown programme",
            NOBODY,
            authorization(&unknown, none, Some(name("no-such-programme"))),
        ),
        of("hold of a household", NOBODY, authorization(&facts, held(), None)),
        of(
            "hold through another wallet",
            NOBODY,
            authorization(&facts, held_elsewhere(), None),
        ),
    ]
}

fn reversal_facts(extension: Extension) -> ReversalFacts {
    let mut record = AuthorizationRecord::new(noon(), &authorization_facts());
    record.header.sequence = 0x0100_0200;
    let original = Authorization { record, extension };
    ReversalFacts {
        act: ReturnKind::Reversal,
        funding: extension.funding(),
        voids: false,
        reversal_id: ReversalId::from_bits(0xABCD),
        txn_id: txn(),
        cause: ReversalCause::CustomerRefund,
        requested: Some(Satang::new(10_000)),
        approved: true,
        reason: ReversalReason::Approved,
        state: Satang::new(5_280),
        citizen: Satang::new(4_720),
        left: Satang::new(15_000),
        original: OriginalFacts::of(&original),
        previous: Some(0x0100_0100),
        late: false,
    }
}

fn reversals() -> Vec<Sample> {
    let closing = |act| {
        let facts = ReversalFacts {
            act,
            reversal_id: ReversalId::from_bits(0),
            ..reversal_facts(held())
        };
        ReversalRecord::new(noon(), &facts)
    };
    let reversal = |extension| Record::Reversal(ReversalRecord::new(noon(), &reversal_facts(extension)));
    vec![
        of("reversal", NOBODY, reversal(held())),
        of("reversal, to the home wallet", NOBODY, reversal(held_elsewhere())),
        of("capture", NOBODY, Record::Capture(closing(ReturnKind::Capture))),
        of("void", NOBODY, Record::Void(closing(ReturnKind::Void))),
        of(
            "cut-over",
            NOBODY,
            Record::CutOver(CutOverRecord::new(noon(), today())),
        ),
    ]
}

fn registered() -> RegistrationFacts {
    RegistrationFacts {
        registration_id: RegistrationId::from_bits(0xDCBA),
        content: 0x0102_0304_0506_0708,
        wallet: wallet(),
        person: Some(person()),
        age: 36,
        nationality: Nationality::THAI,
        reason: RegistrationReason::Accepted,
        ticket: 30_000_000,
        program: NameNumber(1),
        rule: 7,
        benefit: BenefitNumber(3),
        list: NameNumber::UNKNOWN,
        tier: NameNumber(9),
        returning: true,
        usable_from: Some(today()),
        earlier: Some(Earlier::Lapsed(WalletId::from_number(7))),
        several: true,
        linked: Some(WalletId::from_number(8)),
    }
}

fn excluded() -> RegistrationFacts {
    RegistrationFacts {
        reason: RegistrationReason::Excluded,
        ticket: 0,
        list: NameNumber(11),
        tier: NameNumber::UNKNOWN,
        returning: false,
        usable_from: None,
        earlier: None,
        several: false,
        linked: None,
        ..registered()
    }
}

fn enrolled() -> EnrollmentFacts {
    EnrollmentFacts {
        wallet: wallet(),
        person: person(),
        program: NameNumber(1),
        benefit: BenefitNumber(3),
        household: Some(household()),
        tier: NameNumber(9),
        usable_from: Some(today()),
        granted: true,
        returning: true,
        earlier: Some(Earlier::Used {
            home: WalletId::from_number(7),
        }),
        several: true,
        linked: Some(WalletId::from_number(8)),
    }
}

fn moved() -> ProgrammeTransfer {
    ProgrammeTransfer {
        wallet: wallet(),
        person: person(),
        from: NameNumber(1),
        from_benefit: BenefitNumber(3),
        to: NameNumber(2),
        to_benefit: BenefitNumber(4),
        household: Some(household()),
        tier: NameNumber(9),
        usable_from: Some(today()),
        earlier: Some(Earlier::Lapsed(WalletId::from_number(7))),
        at: noon(),
        reason: "ย้าย".into(),
    }
}

fn replacement() -> Replacement {
    Replacement {
        wallet: wallet(),
        new_wallet: WalletId::from_number(7),
        person: person(),
        several: true,
        suspended: false,
        rights: vec![CarriedEntitlement {
            benefit: BenefitNumber(3),
            registered_unix_s: 1_781_499_600,
            usable_from: Some(today()),
            returning: true,
            tier: NameNumber(9),
            household: Some(household()),
            ended: false,
            used: true,
            home: Some(wallet()),
        }],
        reason: "เครื่องใหม่".into(),
    }
}

fn rights() -> Vec<Sample> {
    let registration = |facts| Record::Registration(RegistrationRecord::new(noon(), facts));
    let enrollment = EnrollmentRecord::new(noon(), CALLER, &enrolled());
    let listed = ListedRecord::new(noon(), CALLER, NameNumber(11), person());
    let status = WalletStatus {
        wallet: wallet(),
        status: Status::Active,
        reason: String::new(),
    };
    vec![
        of("registration", NOBODY, registration(&registered())),
        of("registration, excluded", NOBODY, registration(&excluded())),
        of("enrollment", CALLER, Record::Enrollment(enrollment)),
        of("listed", CALLER, Record::Listed(listed)),
        of("moved", CALLER, Record::ProgrammeTransfer(moved())),
        of("replacement", CALLER, Record::Replacement(replacement())),
        of("wallet status", CALLER, Record::WalletStatus(status)),
    ]
}

fn rules() -> Vec<Sample> {
    let named = NameRecord {
        number: NameNumber(1),
        name: name("store"),
    };
    let version = RuleVersion {
        number: 7,
        program: NameNumber(1),
        benefits: vec![BenefitNumber(3)],
        file: "a.toml".into(),
        text: "id = 1".into(),
    };
    let in_force = RulesInForce {
        programs: vec![(NameNumber(1), vec![6, 7])],
    };
    let registered = Merchant {
        id: merchant(),
        category: Category::FoodDrink,
        status: Status::Active,
        programs: vec![NameNumber(1)],
        channels: vec![NameNumber(2), NameNumber(4)],
        name: "ร้านป้าแดง".into(),
        province: Some("ตาก".into()),
        bank_account: None,
        account_name: Some("แดง".into()),
    };
    let paused = ProgramStatus {
        program: NameNumber(1),
        status: Status::Suspended,
        reason: "fraud".into(),
    };
    let imported = ListImported { list: NameNumber(11) };
    let of_key = |acquirer| KeyAcquirer {
        key: CALLER,
        acquirer,
    };
    vec![
        of("name", NOBODY, Record::Name(named)),
        of("rule version", NOBODY, Record::RuleVersion(version)),
        of("rules in force", CALLER, Record::RulesInForce(in_force)),
        of("merchant", CALLER, Record::Merchant(registered)),
        of("programme status", CALLER, Record::ProgramStatus(paused)),
        of("list imported", CALLER, Record::ListImported(imported)),
        of(
            "key acquirer",
            NOBODY,
            Record::KeyAcquirer(of_key(NameNumber(12))),
        ),
        of(
            "key acquirer, none any more",
            NOBODY,
            Record::KeyAcquirer(of_key(NOBODY)),
        ),
    ]
}

fn casework() -> Vec<Sample> {
    let status = MerchantStatus {
        merchant: merchant(),
        status: Status::Suspended,
        reason: reason(),
    };
    let joined = MerchantJoined {
        merchant: merchant(),
        program: NameNumber(1),
        returning: true,
    };
    let bound = PlatformBinding {
        merchant: merchant(),
        platform: NameNumber(8),
        bound: true,
        reason: reason(),
    };
    let merchants = MerchantPayout {
        merchant: merchant(),
        payout: Payout::Frozen,
        reason: reason(),
    };
    let authorizations = AuthorizationPayout {
        txn_id: txn(),
        payout: Payout::Active,
        reason: reason(),
    };
    let suspended = PersonStatus {
        person: person(),
        wallets: vec![wallet(), WalletId::from_number(7)],
        status: Status::Suspended,
        reason: reason(),
    };
    let erased = Erased {
        person: person(),
        wallets: vec![wallet(), WalletId::from_number(7)],
        reason: reason(),
    };
    vec![
        of("merchant status", CALLER, Record::MerchantStatus(status)),
        of("merchant joined", CALLER, Record::MerchantJoined(joined)),
        of("platform binding", CALLER, Record::PlatformBinding(bound)),
        of("merchant payout", CALLER, Record::MerchantPayout(merchants)),
        of(
            "authorization payout",
            CALLER,
            Record::AuthorizationPayout(authorizations),
        ),
        of("person status", CALLER, Record::PersonStatus(suspended)),
        of("erased", CALLER, Record::Erased(erased)),
    ]
}

fn cases() -> Vec<Sample> {
    let (case, owed) = (CaseId::from_bits(0xC1), Satang::new(1_234_567_890_123));
    let opened = |debtor| {
        Record::CaseOpened(CaseOpened {
            case,
            debtor,
            owed,
            letter: today(),
            reason: reason(),
        })
    };
    let paid = CasePaid {
        case,
        payment: PaymentId::from_bits(0xA2),
        amount: owed,
        reason: reason(),
    };
    let closed = CaseClosed {
        case,
        reason: reason(),
    };
    let withdrawn = ConsentWithdrawn {
        merchant: merchant(),
        case,
        letter: today(),
        reason: reason(),
    };
    vec![
        of("case of a person", CALLER, opened(Debtor::Person(person()))),
        of("case of a merchant", CALLER, opened(Debtor::Merchant(merchant()))),
        of("case paid", CALLER, Record::CasePaid(paid)),
        of("case closed", CALLER, Record::CaseClosed(closed)),
        of(
            "case counted",
            NOBODY,
            Record::CaseCounted(CaseCounted { case, owed }),
        ),
        of("consent withdrawn", CALLER, Record::ConsentWithdrawn(withdrawn)),
    ]
}
