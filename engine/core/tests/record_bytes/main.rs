//! The bytes of records are a promise to every journal ever written: these must never change.

mod effects;
mod samples;

use samples::{CALLER, Sample, authorization_facts, noon, samples};
use satang_core::calendar::Instant;
use satang_core::money::Satang;
use satang_core::record::{
    AuthorizationFacts, AuthorizationRecord, CutOverRecord, NameNumber, Record, RecordBuf, RecordError,
    RecordKind, same_but_for_caller, set_sequence, split_record,
};
use std::collections::BTreeSet;

const SEQUENCE: u64 = 123_456_789;

fn bytes_of(sample: &Sample) -> Vec<u8> {
    let mut bytes = sample.record.encode(noon(), sample.caller);
    set_sequence(&mut bytes, SEQUENCE);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_record_has_a_golden_case() {
    let sampled: BTreeSet<RecordKind> = samples().iter().map(|sample| sample.record.kind()).collect();
    let all: BTreeSet<RecordKind> = RecordKind::ALL.iter().copied().collect();
    assert_eq!(all.len(), RecordKind::ALL.len());
    assert_eq!(
        all.difference(&sampled).collect::<Vec<_>>(),
        Vec::<&RecordKind>::new(),
        "kinds without a golden case"
    );
}

#[test]
fn the_bytes_of_every_kind_of_record_are_as_they_always_were() {
    let all: String = samples()
        .iter()
        .map(|sample| format!("{}\n{}\n\n", sample.what, hex(&bytes_of(sample))))
        .collect();
    assert_golden("golden.txt", include_str!("golden.txt"), &all);
}

/// Holds what is there now against a file of this folder, or writes it there when asked to.
#[track_caller]
fn assert_golden(file: &str, golden: &str, now: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/record_bytes");
        std::fs::write(format!("{folder}/{file}"), now).unwrap();
    }
    assert_eq!(
        now, golden,
        "a journal written yesterday could not be read tomorrow"
    );
}

#[test]
fn every_kind_is_found_again_by_its_number_and_named_once() {
    let mut names = BTreeSet::new();
    for kind in RecordKind::ALL {
        assert_eq!(RecordKind::from_number(*kind as u8), Some(*kind));
        assert!(names.insert(kind.name()), "{kind:?}");
    }
    let next = RecordKind::ALL.len() as u8 + 1;
    assert_eq!(RecordKind::from_number(0), None);
    assert_eq!(RecordKind::from_number(next), None, "numbers are dense from 1");
}

#[test]
fn every_record_is_read_back_as_it_was_written() {
    for sample in samples() {
        let (what, bytes) = (sample.what, bytes_of(&sample));
        let (header, whole) = split_record(&bytes).unwrap();
        assert_eq!(
            (header.sequence, whole.len(), header.at(), header.caller()),
            (SEQUENCE, bytes.len(), noon(), sample.caller),
            "{what}"
        );
        let record = Record::decode(&header, whole).unwrap();
        assert_eq!(record.kind() as u8, header.kind, "{what}");
        let mut again = record.encode(header.at(), header.caller());
        set_sequence(&mut again, SEQUENCE);
        assert_eq!(again, bytes, "{what}");
    }
}

#[test]
fn the_hot_path_writes_the_same_bytes() {
    let facts = authorization_facts();
    let plain = RecordBuf::of(&AuthorizationRecord::new(noon(), &facts));
    let sample = &samples()[0];
    assert_eq!(plain.as_bytes(), sample.record.encode(noon(), sample.caller));
    assert_eq!(plain.as_bytes().len(), 96);
}

#[test]
fn a_record_differs_by_its_caller_and_says_the_same() {
    let sample = &samples()[0];
    let (nobody, called) = (
        sample.record.encode(noon(), NameNumber::UNKNOWN),
        sample.record.encode(noon(), CALLER),
    );
    assert_ne!(nobody, called);
    assert!(same_but_for_caller(&nobody, &called));
    let later = sample.record.encode(noon().plus_ms(1), CALLER);
    assert!(!same_but_for_caller(&nobody, &later));
}

#[test]
fn a_time_takes_48_bits_and_a_caller_16() {
    let record = Record::CutOver(CutOverRecord::new(noon(), noon().business_date()));
    for (ms, caller) in [
        (0, 1),
        (Instant::MAX.unix_ms(), u16::MAX),
        ((1 << 48) - 1, 0x8001),
    ] {
        let (at, caller) = (Instant::from_unix_ms(ms), NameNumber(caller));
        let bytes = record.encode(at, caller);
        let (header, _) = split_record(&bytes).unwrap();
        assert_eq!((header.at(), header.caller()), (at, caller));
    }
    for ms in [-1, 1 << 48] {
        let encode = || record.encode(Instant::from_unix_ms(ms), CALLER);
        assert!(std::panic::catch_unwind(encode).is_err(), "{ms}");
    }
}

#[test]
fn every_flipped_bit_of_a_record_is_noticed() {
    for sample in samples() {
        let bytes = bytes_of(&sample);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(split_record(&flipped).is_err(), "{}: bit {bit}", sample.what);
        }
    }
}

#[test]
fn a_record_cut_short_anywhere_is_refused() {
    for sample in samples() {
        let bytes = bytes_of(&sample);
        for len in 0..bytes.len() {
            let short = split_record(&bytes[..len]);
            assert!(
                matches!(short, Err(RecordError::Short { .. })),
                "{}: {len} bytes",
                sample.what
            );
        }
    }
}

#[test]
fn a_record_with_a_right_checksum_and_an_impossible_field_is_refused() {
    let facts = authorization_facts();
    let more_than_the_bill = AuthorizationFacts {
        state: Satang::new(23_000),
        headroom_before: [50_000; 4],
        ..facts
    };
    let more_than_the_room = AuthorizationFacts {
        headroom_before: [13_199, 100_000, 0, 0],
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
