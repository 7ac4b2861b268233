//! The binary batch: its bytes never change, every fault has its field, and no bytes at all are too odd to be refused.

use super::batch::Batch;
use super::binary::{self, CONTENT_TYPE_BATCH};
use super::parse;
use super::problem::Problem;
use super::render::{AuthorizationAnswer, BatchResult};
use super::tests_render::{approved, declined, record};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use satang_core::ids::{MerchantId, Name, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::Reason;
use satang_core::programme::CapPeriod;
use satang_core::request::{AuthorizationRequest, Purchase};

const ID: &str = "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10";

/// Where the elements begin in [`body`], and what each field is called there.
const ELEMENTS_AT: usize = 16 + 48;
const ELEMENT_BYTES: usize = 48;

/// Two elements and a table of three names: 28 + 6 + 9 bytes and five of zeros.
fn body() -> Vec<u8> {
    let mut out = b"SATB\x01\0\x03\0\x02\0\0\0\x30\0\0\0".to_vec();
    for name in ["thai-chuai-thai-plus-6040", "store", "delivery"] {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    }
    out.resize(ELEMENTS_AT, 0);
    for (low, eligible, channel) in [(0x10u8, 22_000u32, 1u16), (0x11, 0, 2)] {
        let id = TxnId::parse(ID).unwrap().bits() & !0xff | u128::from(low);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&4_999_912_345_678u64.to_le_bytes());
        out.extend_from_slice(&10_555_012_345_678u64.to_le_bytes());
        out.extend_from_slice(&25_000u32.to_le_bytes());
        out.extend_from_slice(&eligible.to_le_bytes());
        out.extend_from_slice(&0u16.to_le_bytes());
        out.extend_from_slice(&channel.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
    }
    out
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn wanted(id: &str, eligible: u64, channel: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        txn_id: TxnId::parse(id).unwrap(),
        purchase: Purchase {
            program: name("thai-chuai-thai-plus-6040"),
            wallet: WalletId::parse("004999912345678").unwrap(),
            merchant: MerchantId::parse("010555012345678").unwrap(),
            channel: name(channel),
            amount: Satang::new(25_000),
            eligible: Satang::new(eligible),
        },
    }
}

fn wanted_batch() -> Batch<AuthorizationRequest> {
    let second = ID.replace("7e10", "7e11");
    [
        Ok(wanted(ID, 22_000, "store")),
        Ok(wanted(&second, 25_000, "delivery")),
    ]
    .into_iter()
    .collect()
}

/// The body with these bytes from `at` on.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut body = body();
    body[at..at + bytes.len()].copy_from_slice(bytes);
    body
}

/// An answer of every kind of element.
fn answer() -> Vec<u8> {
    let limited = satang_core::decide::authorize::Verdict {
        state: Satang::new(13_000),
        limited_by: Some(CapPeriod::Quarter),
        headroom_before: [0, 100_000, 13_000, 50_000],
        caps: 0b1110,
        ..approved()
    };
    let records = [
        record(&approved()),
        record(&limited),
        record(&declined(Reason::DailyCapExhausted)),
        record(&declined(Reason::MerchantUnknown)),
    ];
    let malformed = Problem::malformed_field("amount", "must be 1 to 100000000");
    let conflict = Problem::txn_id_conflict();
    let decided = |record, replayed| BatchResult::Outcome(AuthorizationAnswer { record, replayed });
    let results = [
        decided(&records[0], false),
        decided(&records[1], true),
        BatchResult::Problem(&malformed),
        decided(&records[2], false),
        BatchResult::Problem(&conflict),
        decided(&records[3], false),
    ];
    binary::answer(results.len(), results)
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_bytes_of_a_request_and_an_answer_are_as_they_always_were() {
    let all = format!("request\n{}\n\nanswer\n{}\n", hex(&body()), hex(&answer()));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/tests_binary.golden");
        std::fs::write(path, &all).unwrap();
    }
    assert_eq!(
        all,
        include_str!("tests_binary.golden"),
        "a client written yesterday would not be understood"
    );
    // The request's bytes are the test's own; what they mean is the product's.
    assert_eq!(binary::batch(&body()), Ok(wanted_batch()));
}

#[test]
fn only_its_own_content_type_is_a_binary_batch() {
    let is_batch = |value: &str| {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
        binary::is_batch(&headers)
    };
    for value in [
        CONTENT_TYPE_BATCH,
        "Application/VND.Satang.Batch",
        "application/vnd.satang.batch; version=1",
        " application/vnd.satang.batch ;",
    ] {
        assert!(is_batch(value), "{value:?}");
    }
    for value in [
        "application/json",
        "",
        "application/octet-stream",
        "application/vnd.satang.batch2",
        "application/vnd.satang.batch+json",
        "text/plain; application/vnd.satang.batch",
    ] {
        assert!(!is_batch(value), "{value:?}");
    }
    assert!(!binary::is_batch(&HeaderMap::new()));
}

/// The fields of the one problem that the whole body has.
fn fields(body: &[u8]) -> Vec<String> {
    let problem = binary::batch(body).expect_err("the batch is malformed");
    assert_eq!((problem.status, problem.kind), (400, "malformed"), "{problem:?}");
    problem.errors.into_iter().map(|error| error.field).collect()
}

#[test]
fn a_batch_cut_short_anywhere_or_too_long_is_refused() {
    let body = body();
    for len in 0..body.len() {
        assert_eq!(fields(&body[..len]), [""], "{len} bytes");
    }
    for more in [1, 8, 48] {
        assert_eq!(fields(&[&body[..], &vec![0; more]].concat()), [""]);
    }
    assert_eq!(fields(b"{\"authorizations\":[]}"), ["magic"]);
}

#[test]
fn a_header_that_cannot_be_names_its_field() {
    let check =
        |at: usize, bytes: &[u8], field: &str| assert_eq!(fields(&with(at, bytes)), [field], "at {at}");
    for at in 0..4 {
        check(at, b"X", "magic");
    }
    check(0, b"SATA", "magic");
    for version in [0u16, 2, 0x0100, u16::MAX] {
        check(4, &version.to_le_bytes(), "version");
    }
    for count in [0u32, 10_001, u32::MAX] {
        check(8, &count.to_le_bytes(), "count");
    }
    // Possible counts and lengths that are not those of the body.
    for count in [1u32, 3, 10_000] {
        check(8, &count.to_le_bytes(), "");
    }
    for names_bytes in [0u32, 40, 47, 49, 96, u32::MAX] {
        check(12, &names_bytes.to_le_bytes(), "");
    }
    for names in [20_001u16, u16::MAX] {
        check(6, &names.to_le_bytes(), "names");
    }
    // Two names do not fill the table; a fourth is taken from the zeros behind the third.
    check(6, &2u16.to_le_bytes(), "names_bytes");
    check(6, &4u16.to_le_bytes(), "names");
}

#[test]
fn a_name_table_is_names_and_zeros_and_nothing_else() {
    for length in [0u8, 65, 255] {
        let read = fields(&with(16, &[length]));
        assert!(read == ["names"] || read == ["names_bytes"], "{length}: {read:?}");
    }
    for byte in [b'A', b'_', b' ', 0, 0x80, 0xff] {
        assert_eq!(fields(&with(17, &[byte])), ["names"], "{byte:#x}");
    }
    for at in 16 + 41..ELEMENTS_AT {
        assert_eq!(fields(&with(at, &[1])), ["names"], "at {at}");
    }
    // A whole unit of zeros too many, with the header to match.
    let mut longer = with(12, &56u32.to_le_bytes());
    longer.splice(ELEMENTS_AT..ELEMENTS_AT, [0; 8]);
    assert_eq!(fields(&longer), ["names_bytes"]);
}

#[test]
fn as_many_names_as_two_for_each_element_are_read() {
    let table: Vec<u8> = (0..binary::NAMES_LEN_MAX).flat_map(|_| *b"\x01a").collect();
    let header = |names: u16, count: u32, names_bytes: usize| {
        let mut header = b"SATB\x01\0".to_vec();
        header.extend_from_slice(&names.to_le_bytes());
        header.extend_from_slice(&count.to_le_bytes());
        header.extend_from_slice(&(names_bytes as u32).to_le_bytes());
        header
    };
    let mut element = body()[ELEMENTS_AT..ELEMENTS_AT + ELEMENT_BYTES].to_vec();
    element[40..44].copy_from_slice(&[0x1f, 0x4e, 0x1f, 0x4e]);
    let body = [header(20_000, 10_000, table.len()), table, element.repeat(10_000)].concat();
    let batch = binary::batch(&body).unwrap();
    assert_eq!(batch.requests().len(), 10_000);
    assert_eq!(batch.requests()[9_999].purchase.channel, name("a"));
    // One more is refused, however well-formed.
    let names = b"\x01a".repeat(20_001);
    let mut one_more = [header(20_001, 1, 40_008), names, vec![0; 6]].concat();
    one_more.extend_from_slice(&element);
    assert_eq!(fields(&one_more), ["names"]);
    // Without any name no element can have one: each is malformed, not the batch.
    let nameless = [header(0, 1, 0), element].concat();
    assert!(binary::batch(&nameless).unwrap().requests().is_empty());
}

/// The problems of a batch's elements by their place.
fn problems(batch: &Batch<AuthorizationRequest>) -> Vec<Option<&Problem>> {
    batch
        .in_order(batch.requests().iter().map(|_| None), Some)
        .collect()
}

#[test]
fn a_malformed_element_names_its_field_and_leaves_the_others_alone() {
    let cases: [(usize, &[u8], &str); 12] = [
        (16, &1_000_000_000_000_000u64.to_le_bytes(), "wallet_id"),
        (16, &u64::MAX.to_le_bytes(), "wallet_id"),
        (24, &1_000_000_000_000_000u64.to_le_bytes(), "merchant_id"),
        (32, &0u32.to_le_bytes(), "amount"),
        (32, &100_000_001u32.to_le_bytes(), "amount"),
        (36, &25_001u32.to_le_bytes(), "eligible_amount"),
        (36, &u32::MAX.to_le_bytes(), "eligible_amount"),
        (40, &3u16.to_le_bytes(), "program"),
        (40, &u16::MAX.to_le_bytes(), "program"),
        (42, &3u16.to_le_bytes(), "channel"),
        (44, &1u32.to_le_bytes(), "reserved"),
        (44, &(1u32 << 31).to_le_bytes(), "reserved"),
    ];
    for (at, bytes, field) in cases {
        for index in 0..2 {
            let batch = binary::batch(&with(ELEMENTS_AT + index * ELEMENT_BYTES + at, bytes)).unwrap();
            assert_eq!(batch.requests(), [wanted_batch().requests()[1 - index]]);
            let problem = problems(&batch)[index].expect("it is malformed");
            let named: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!((problem.status, named), (400, vec![field]), "{bytes:?} at {at}");
        }
    }
    let all = binary::batch(&with(ELEMENTS_AT + 16, &[0xff; 32])).unwrap();
    let named: Vec<&str> = problems(&all)[0]
        .unwrap()
        .errors
        .iter()
        .map(|error| error.field.as_str())
        .collect();
    let each = [
        "program",
        "wallet_id",
        "merchant_id",
        "channel",
        "amount",
        "eligible_amount",
        "reserved",
    ];
    assert_eq!(named, each);
}

#[test]
fn values_at_their_bounds_are_taken() {
    let taken = |at: usize, bytes: &[u8]| {
        let batch = binary::batch(&with(ELEMENTS_AT + at, bytes)).unwrap();
        assert_eq!(batch.requests().len(), 2, "{bytes:?} at {at}");
        batch.requests()[0]
    };
    taken(0, &[0; 16]);
    taken(0, &[0xff; 16]);
    taken(16, &999_999_999_999_999u64.to_le_bytes());
    taken(24, &0u64.to_le_bytes());
    taken(32, &100_000_000u32.to_le_bytes());
    assert_eq!(taken(36, &1u32.to_le_bytes()).purchase.eligible, Satang::new(1));
    assert_eq!(
        taken(36, &25_000u32.to_le_bytes()).purchase.eligible,
        Satang::new(25_000)
    );
    assert_eq!(
        taken(36, &0u32.to_le_bytes()).purchase.eligible,
        Satang::new(25_000)
    );
    taken(42, &2u16.to_le_bytes());
}

#[test]
fn a_fault_that_json_can_have_too_is_told_in_the_same_words() {
    let told = |wallet: &str, amount: u32, eligible: u32| {
        let json = format!(
            r#"{{"authorizations":[{{"txn_id":"{ID}","program":"thai-chuai-thai-plus-6040","wallet_id":"{wallet}",
            "merchant_id":"010555012345678","channel":"store","amount":{amount},"eligible_amount":{eligible}}}]}}"#
        );
        let in_json = parse::batch(json.as_bytes()).unwrap().remove(0).unwrap_err();
        let mut body = with(ELEMENTS_AT + 16, &wallet.parse::<u64>().unwrap().to_le_bytes());
        body[ELEMENTS_AT + 32..ELEMENTS_AT + 36].copy_from_slice(&amount.to_le_bytes());
        body[ELEMENTS_AT + 36..ELEMENTS_AT + 40].copy_from_slice(&eligible.to_le_bytes());
        let batch = binary::batch(&body).unwrap();
        assert_eq!(problems(&batch)[0], Some(&in_json));
    };
    told("1000000000000000", 25_000, 22_000);
    told("004999912345678", 0, 22_000);
    told("004999912345678", 100_000_001, 22_000);
    told("004999912345678", 25_000, 25_001);
    told("004999912345678", 0, 100_000_001);
    told("1000000000000000", 100_000_001, 100_000_001);
}
