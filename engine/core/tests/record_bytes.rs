//! The bytes of records are a promise to every journal ever written: these must never change.

use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{
    CaseId, HouseholdId, MerchantId, Name, Nationality, PaymentId, PersonId, RegistrationId, ReversalId,
    TxnId, WalletId,
};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, RegistrationReason, ReversalCause, ReversalReason};
use satang_core::policy::{CapPeriod, Category};
use satang_core::record::{
    Act, AdminRecord, Authorization, AuthorizationFacts, AuthorizationRecord, BenefitNumber, CarriedRight,
    CutOverRecord, Debtor, DeskRecord, Earlier, EnrollmentFacts, EnrollmentRecord, Extra, Funding,
    ListedRecord, Merchant, Moved, NameNumber, OriginalFacts, Payout, Record, RecordBuf, RecordError,
    RegistrationFacts, RegistrationRecord, Replacement, ReversalFacts, ReversalRecord, Status, set_sequence,
    split_record,
};

fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00.123+07:00").unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn authorization_facts() -> AuthorizationFacts {
    AuthorizationFacts {
        txn_id: TxnId::parse("0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10").unwrap(),
        wallet: WalletId::parse("004999912345678").unwrap(),
        merchant: MerchantId::parse("010555012345678").unwrap(),
        amount: Satang::new(25_000),
        eligible: Satang::new(22_000),
        state: Satang::new(13_200),
        room_before: [20_000, 100_000, 0, 0],
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

/// A record of each kind, with sequence 123,456,789.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let facts = authorization_facts();
    let authorization = AuthorizationRecord::new(noon(), &facts);
    let declined = AuthorizationFacts {
        reason: Reason::ProgramUnknown,
        state: Satang::ZERO,
        caps: 0,
        tier: 0,
        room_before: [0; 4],
        rule: 0,
        program: NameNumber::UNKNOWN,
        benefit: BenefitNumber::NONE,
        ..facts
    };
    let unknown = AuthorizationRecord::new(noon(), &declined);
    let limited = AuthorizationFacts {
        limited_by: Some(CapPeriod::Day),
        ..facts
    };
    let of_a_tier = AuthorizationFacts { tier: 2, ..facts };
    let mut read_back = authorization;
    read_back.header.sequence = 0x0100_0200;
    let held = Authorization {
        record: read_back,
        extra: Extra::NONE
            .of_household(Some(HouseholdId::from_number(123_456_789_012_345)))
            .of_sources(Some(Funding {
                paid: [13_000, 200, 0, 0],
                len: 2,
                period: CapPeriod::Month,
            }))
            .until(Some(noon().plus_ms(1_800_000))),
    };
    let elsewhere = Authorization {
        extra: held.extra.of_home(Some(WalletId::from_number(4_999_900_000_001))),
        ..held
    };
    let reversal = ReversalFacts {
        act: Act::Reversal,
        funding: held.extra.funding(),
        voids: false,
        reversal_id: ReversalId::from_bits(0xABCD),
        txn_id: facts.txn_id,
        cause: ReversalCause::CustomerRefund,
        requested: Some(Satang::new(10_000)),
        approved: true,
        reason: ReversalReason::Approved,
        state: Satang::new(5_280),
        citizen: Satang::new(4_720),
        left: Satang::new(15_000),
        original: OriginalFacts::of(&held),
        previous: Some(0x0100_0100),
        late: false,
    };
    let person = PersonId::from_number(0x1122_3344_5566_7788).unwrap();
    let date = BusinessDate::parse("2026-06-15").unwrap();
    let enrolled = EnrollmentFacts {
        wallet: facts.wallet,
        person,
        program: NameNumber(1),
        benefit: BenefitNumber(3),
        household: Some(HouseholdId::from_number(123_456_789_012_345)),
        tier: NameNumber(9),
        usable_from: Some(date),
        granted: true,
        returning: true,
        earlier: Some(Earlier::Used {
            home: WalletId::from_number(7),
        }),
        several: true,
        linked: Some(WalletId::from_number(8)),
        by: NameNumber(5),
    };
    let enrollment = EnrollmentRecord::new(noon(), &enrolled);
    let registered = RegistrationFacts {
        registration_id: RegistrationId::from_bits(0xDCBA),
        content: 0x0102_0304_0506_0708,
        wallet: facts.wallet,
        person: Some(person),
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
        usable_from: Some(date),
        earlier: Some(Earlier::Lapsed(WalletId::from_number(7))),
        several: true,
        linked: Some(WalletId::from_number(8)),
    };
    let excluded = RegistrationFacts {
        reason: RegistrationReason::Excluded,
        ticket: 0,
        list: NameNumber(11),
        tier: NameNumber::UNKNOWN,
        returning: false,
        usable_from: None,
        earlier: None,
        several: false,
        linked: None,
        ..registered
    };
    let listed = ListedRecord::new(noon(), NameNumber(11), person, NameNumber(5));
    let merchant = AdminRecord::Merchant(Merchant {
        id: facts.merchant,
        category: Category::FoodDrink,
        status: Status::Active,
        programs: vec![NameNumber(1)],
        channels: vec![NameNumber(2), NameNumber(4)],
        name: "ร้านป้าแดง".into(),
        province: Some("ตาก".into()),
        bank_account: None,
        account_name: Some("แดง".into()),
    });
    let version = AdminRecord::RuleVersion {
        number: 7,
        program: NameNumber(1),
        benefits: vec![BenefitNumber(3)],
        file: "a.toml".into(),
        text: "id = 1".into(),
    };
    let paused = AdminRecord::ProgramStatus {
        program: NameNumber(1),
        status: Status::Suspended,
        reason: "fraud".into(),
    };
    let wallet = AdminRecord::WalletStatus {
        wallet: facts.wallet,
        status: Status::Active,
        reason: String::new(),
    };
    let (mut tail, mut hold) = (RecordBuf::EMPTY, RecordBuf::EMPTY);
    tail.put_authorization(&unknown, &Extra::NONE, Some(&name("no-such-programme")), None);
    hold.put_authorization(&authorization, &held.extra, None, None);
    let mut at_home = RecordBuf::EMPTY;
    at_home.put_authorization(&authorization, &elsewhere.extra, None, None);
    let returned_home = ReversalFacts {
        original: OriginalFacts::of(&elsewhere),
        ..reversal
    };
    let capture = ReversalFacts {
        act: Act::Capture,
        reversal_id: ReversalId::from_bits(0),
        ..reversal
    };
    let moved = AdminRecord::Moved(Moved {
        wallet: facts.wallet,
        person,
        from: NameNumber(1),
        from_benefit: BenefitNumber(3),
        to: NameNumber(2),
        to_benefit: BenefitNumber(4),
        household: Some(HouseholdId::from_number(123_456_789_012_345)),
        tier: NameNumber(9),
        usable_from: Some(date),
        earlier: Some(Earlier::Lapsed(WalletId::from_number(7))),
        at: noon(),
        reason: "ย้าย".into(),
    });
    let replacement = AdminRecord::Replacement(Replacement {
        wallet: facts.wallet,
        new_wallet: WalletId::from_number(7),
        person,
        several: true,
        suspended: false,
        rights: vec![CarriedRight {
            benefit: BenefitNumber(3),
            registered_unix_s: 1_781_499_600,
            usable_from: Some(date),
            returning: true,
            tier: NameNumber(9),
            household: Some(HouseholdId::from_number(123_456_789_012_345)),
            ended: false,
            used: true,
            home: Some(facts.wallet),
        }],
        reason: "เครื่องใหม่".into(),
    });
    let mut samples = vec![
        ("hold of a household", hold.as_bytes().to_vec()),
        (
            "capture",
            RecordBuf::of(&ReversalRecord::new(noon(), &capture))
                .as_bytes()
                .to_vec(),
        ),
        ("moved", moved.encode(noon(), None)),
        ("replacement", replacement.encode(noon(), Some(&name("nok")))),
        ("hold through another wallet", at_home.as_bytes().to_vec()),
        (
            "reversal, to the home wallet",
            RecordBuf::of(&ReversalRecord::new(noon(), &returned_home))
                .as_bytes()
                .to_vec(),
        ),
        (
            "authorization, of a tier",
            RecordBuf::of(&AuthorizationRecord::new(noon(), &of_a_tier))
                .as_bytes()
                .to_vec(),
        ),
        ("authorization", RecordBuf::of(&authorization).as_bytes().to_vec()),
        (
            "authorization, limited",
            RecordBuf::of(&AuthorizationRecord::new(noon(), &limited))
                .as_bytes()
                .to_vec(),
        ),
        ("authorization, unknown programme", tail.as_bytes().to_vec()),
        (
            "reversal",
            RecordBuf::of(&ReversalRecord::new(noon(), &reversal))
                .as_bytes()
                .to_vec(),
        ),
        (
            "cut-over",
            RecordBuf::of(&CutOverRecord::new(noon(), date))
                .as_bytes()
                .to_vec(),
        ),
        ("enrollment", RecordBuf::of(&enrollment).as_bytes().to_vec()),
        (
            "registration",
            RecordBuf::of(&RegistrationRecord::new(noon(), &registered))
                .as_bytes()
                .to_vec(),
        ),
        (
            "registration, excluded",
            RecordBuf::of(&RegistrationRecord::new(noon(), &excluded))
                .as_bytes()
                .to_vec(),
        ),
        ("listed", RecordBuf::of(&listed).as_bytes().to_vec()),
        (
            "name",
            AdminRecord::Name {
                number: NameNumber(1),
                name: name("store"),
            }
            .encode(noon(), None),
        ),
        ("rule version", version.encode(noon(), None)),
        (
            "rules in force",
            AdminRecord::RulesInForce(vec![(NameNumber(1), vec![6, 7])]).encode(noon(), None),
        ),
        ("merchant", merchant.encode(noon(), Some(&name("nok")))),
        ("wallet status", wallet.encode(noon(), None)),
        ("programme status", paused.encode(noon(), None)),
    ];
    let desk = desk_records(&facts).map(|(what, record)| {
        let record = AdminRecord::Desk(record);
        (what, record.encode(noon(), Some(&name("nok"))))
    });
    samples.extend(desk);
    samples
        .iter_mut()
        .for_each(|(_, bytes)| set_sequence(bytes, 123_456_789));
    samples
}

/// One of each decision of the desk.
fn desk_records(facts: &AuthorizationFacts) -> [(&'static str, DeskRecord); 13] {
    let person = PersonId::from_number(0x1122_3344_5566_7788).unwrap();
    let (merchant, case) = (facts.merchant, CaseId::from_bits(0xC1));
    let letter = noon().business_date();
    let (owed, reason) = (Satang::new(1_234_567_890_123), "ตามหนังสือ".to_owned());
    let wallets = vec![facts.wallet, WalletId::from_number(7)];
    let opened = |debtor| DeskRecord::CaseOpened {
        case,
        debtor,
        owed,
        letter,
        reason: "ตามหนังสือ".to_owned(),
    };
    [
        (
            "merchant status",
            DeskRecord::MerchantStatus {
                merchant,
                status: Status::Suspended,
                reason: reason.clone(),
            },
        ),
        (
            "merchant joined",
            DeskRecord::Joined {
                merchant,
                program: NameNumber(1),
                returning: true,
            },
        ),
        (
            "platform",
            DeskRecord::Platform {
                merchant,
                platform: NameNumber(8),
                bound: true,
                reason: reason.clone(),
            },
        ),
        (
            "merchant payout",
            DeskRecord::MerchantPayout {
                merchant,
                payout: Payout::Frozen,
                reason: reason.clone(),
            },
        ),
        (
            "authorization payout",
            DeskRecord::AuthorizationPayout {
                txn_id: facts.txn_id,
                payout: Payout::Active,
                reason: reason.clone(),
            },
        ),
        (
            "person status",
            DeskRecord::PersonStatus {
                person,
                wallets: wallets.clone(),
                status: Status::Suspended,
                reason: reason.clone(),
            },
        ),
        ("case of a person", opened(Debtor::Person(person))),
        ("case of a merchant", opened(Debtor::Merchant(merchant))),
        (
            "case paid",
            DeskRecord::CasePaid {
                case,
                payment: PaymentId::from_bits(0xA2),
                amount: owed,
                reason: reason.clone(),
            },
        ),
        (
            "case closed",
            DeskRecord::CaseClosed {
                case,
                reason: reason.clone(),
            },
        ),
        (
            "consent withdrawn",
            DeskRecord::ConsentWithdrawn {
                merchant,
                case,
                letter,
                reason: reason.clone(),
            },
        ),
        ("case counted", DeskRecord::CaseCounted { case, owed }),
        (
            "erased",
            DeskRecord::Erased {
                person,
                wallets,
                reason,
            },
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_bytes_of_every_kind_of_record_are_as_they_always_were() {
    let all: String = samples()
        .iter()
        .map(|(what, bytes)| format!("{what}\n{}\n\n", hex(bytes)))
        .collect();
    let golden = include_str!("record_bytes.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/record_bytes.golden");
        std::fs::write(path, &all).unwrap();
    }
    assert_eq!(
        all, golden,
        "a journal written yesterday could not be read tomorrow"
    );
}

#[test]
fn every_record_is_read_back_as_it_was_written() {
    for (what, bytes) in samples() {
        let (header, whole) = split_record(&bytes).unwrap();
        assert_eq!(
            (header.sequence, whole.len(), header.at()),
            (123_456_789, bytes.len(), noon()),
            "{what}"
        );
        let record = Record::decode(&header, whole).unwrap();
        if let Record::Admin { by, record } = &record {
            let desk = matches!(record, AdminRecord::Desk(_));
            let by_name = desk || matches!(what, "merchant" | "replacement");
            assert_eq!(by.is_some(), by_name, "{what}");
            let mut again = record.encode(noon(), by.as_ref());
            set_sequence(&mut again, 123_456_789);
            assert_eq!(again, bytes, "{what}");
        }
        if let Record::Authorization {
            record,
            program,
            channel,
        } = &record
        {
            assert_eq!(record.amount(), Satang::new(25_000));
            assert_eq!(program.is_some(), what.contains("unknown"));
            assert_eq!(*channel, None);
            assert_eq!(
                record.limited_by(),
                what.contains("limited").then_some(CapPeriod::Day)
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_a_record_is_noticed() {
    for (what, bytes) in samples() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(split_record(&flipped).is_err(), "{what}: bit {bit}");
        }
    }
}

#[test]
fn a_record_cut_short_anywhere_is_refused() {
    for (what, bytes) in samples() {
        for len in 0..bytes.len() {
            let short = split_record(&bytes[..len]);
            assert!(
                matches!(short, Err(RecordError::Short { .. })),
                "{what}: {len} bytes"
            );
        }
    }
}

#[test]
fn a_record_with_a_right_checksum_and_an_impossible_field_is_refused() {
    let facts = authorization_facts();
    let more_than_the_bill = AuthorizationFacts {
        state: Satang::new(23_000),
        room_before: [50_000; 4],
        ..facts
    };
    let more_than_the_room = AuthorizationFacts {
        room_before: [13_199, 100_000, 0, 0],
        ..facts
    };
    for facts in [more_than_the_bill, more_than_the_room] {
        let bytes = RecordBuf::of(&AuthorizationRecord::new(noon(), &facts));
        let (header, whole) = split_record(bytes.as_bytes()).unwrap();
        assert!(matches!(
            Record::decode(&header, whole),
            Err(RecordError::Field { .. })
        ));
    }
}
