//! The story: a bit of a file turns while the engine is stopped. A start finds every answered record or refuses and says
//! where; it never starts with another balance, with fewer answers, or with a panic. One copy of a header is repaired from
//! the other, and bits behind the end of the journal are zeroed.

use crate::rig::book::Book;
use crate::rig::damage::{Specimen, Verdict};
use crate::rig::{Rig, Survivors, assert_names, refused, request};
use satang_core::record::RecordKind;
use satang_engine::persons::PERSONS_FILE;
use satang_log::file::{FRAME_HEADER_BYTES, Layout, segment_name};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Every 149th bit, and every third of what stands at the front of a page: a segment's header, a frame's. All of them are flipped by
/// the campaign of damaged journals.
fn sampled_bits(segment_bytes: u32) -> impl Iterator<Item = usize> {
    let in_front = |bit: usize| bit / 8 % PAGE_BYTES < FRAME_HEADER_BYTES;
    (0..segment_bytes as usize * 8).filter(move |bit| bit % 149 == 0 || bit % 3 == 0 && in_front(*bit))
}

fn flip_in_every_segment(specimen: &Specimen) {
    for segment in 1..=specimen.last_segment {
        let file = segment_name(segment);
        for bit in sampled_bits(specimen.layout.segment_bytes) {
            assert_eq!(
                specimen.flip(&file, bit),
                specimen.expected(segment, bit),
                "{file}: byte {}, bit {}",
                bit / 8,
                bit % 8
            );
        }
    }
}

#[test]
fn the_specimen_has_every_kind_of_record_that_moves_money_or_rights() {
    let specimen = Specimen::small(true);
    let records = Survivors::of(&Arc::new(specimen.disk.clone())).records;
    let kinds: BTreeSet<u8> = records.iter().map(|(header, ..)| header.kind).collect();
    use RecordKind::{Authorization, CutOver, Enrollment, Merchant, Reversal, WalletStatus};
    for kind in [
        Authorization,
        Reversal,
        CutOver,
        Enrollment,
        Merchant,
        WalletStatus,
    ] {
        assert!(kinds.contains(&(kind as u8)), "{kind:?} is missing");
    }
    assert_eq!(specimen.last_segment, 2);
    assert_eq!(specimen.end, 5 * PAGE_BYTES, "two groups and a watermark");
}

#[test]
fn a_flipped_bit_is_repaired_or_refused() {
    flip_in_every_segment(&Specimen::small(true));
}

#[test]
fn a_flipped_bit_in_a_last_group_that_nothing_vouches_for_is_refused_too() {
    let specimen = Specimen::small(false);
    assert_eq!(specimen.end, 4 * PAGE_BYTES);
    let file = segment_name(2);
    let last_group = (3 * PAGE_BYTES * 8..4 * PAGE_BYTES * 8).step_by(19);
    for bit in last_group {
        assert_eq!(specimen.flip(&file, bit), Verdict::Refused, "byte {}", bit / 8);
    }
}

#[test]
fn a_damaged_copy_of_a_header_is_written_again() {
    let specimen = Specimen::small(true);
    for segment in 1..=2 {
        let file = segment_name(segment);
        let right = specimen.disk.bytes(&file);
        for byte in [0, 9, 20, 143, 144, 4095, 4096, 4105, 4250, 8191] {
            let mut bytes = right.clone();
            bytes[byte] ^= 0x10;
            let (verdict, rig) = specimen.start_with(&file, bytes);
            assert_eq!(verdict, Verdict::SameState);
            assert_eq!(rig.unwrap().storage.bytes(&file), right, "byte {byte}");
        }
        let mut bytes = right;
        bytes[20] ^= 1;
        bytes[PAGE_BYTES + 20] ^= 1;
        assert_eq!(
            specimen.start_with(&file, bytes).0,
            Verdict::Refused,
            "both copies"
        );
    }
}

#[test]
fn bits_behind_the_end_are_zeroed_and_work_goes_on() {
    let specimen = Specimen::small(true);
    let file = segment_name(2);
    let right = specimen.disk.bytes(&file);
    for byte in [specimen.end, specimen.end + 700, right.len() - 1] {
        let mut bytes = right.clone();
        bytes[byte] = 0xFF;
        let (verdict, rig) = specimen.start_with(&file, bytes);
        // A first sector that is not zero was written: no write that never finished leaves it without a frame's header.
        if byte == specimen.end {
            assert_eq!(verdict, Verdict::Refused);
            continue;
        }
        let mut rig = rig.unwrap();
        assert!(rig.recovered.torn_bytes > 0);
        assert_eq!(rig.storage.bytes(&file), right, "byte {byte}");
        rig.authorize(1 << 100, 1, 100);
        let digest = rig.digest();
        let again = Rig::open(Arc::new(rig.storage.copy()), specimen.layout).unwrap();
        assert_eq!(again.digest(), digest);
    }
}

#[test]
fn a_damaged_person_store_is_refused_when_the_journal_names_who_is_missing() {
    let specimen = Specimen::small(true);
    let bits = specimen.disk.bytes(PERSONS_FILE).len() * 8;
    for bit in (0..bits).filter(|bit| bit % 149 == 0 || bit % 3 == 0 && bit / 8 % PAGE_BYTES < 128) {
        assert_eq!(
            specimen.flip(PERSONS_FILE, bit),
            Verdict::Refused,
            "byte {}",
            bit / 8
        );
    }
    specimen.disk.lose_file(PERSONS_FILE);
    let without = Rig::open(Arc::new(specimen.disk.copy()), specimen.layout);
    assert_names(&refused(without), PERSONS_FILE);
}

#[test]
fn a_spare_full_of_garbage_is_thrown_away() {
    let specimen = Specimen::small(true);
    let garbage: Vec<u8> = (0..specimen.layout.segment_bytes)
        .map(|n| (n * 7 + 1) as u8)
        .collect();
    let (verdict, rig) = specimen.start_with(&segment_name(3), garbage);
    assert_eq!(verdict, Verdict::SameState);
    let mut rig = rig.unwrap();
    // On into the segment that the garbage stood for.
    (0..200).for_each(|txn| assert!(rig.authorize(1 << 100 | txn, 1, 100).header.sequence > txn as u64));
    let digest = rig.digest();
    let again = Rig::open(Arc::new(rig.storage.copy()), specimen.layout).unwrap();
    assert_eq!(again.digest(), digest);
}

#[test]
fn bits_between_the_last_group_and_the_index_are_refused() {
    // A group of two pages does not fit the one that is left: the index and the seal stand behind a page of zeros.
    let layout = Layout {
        segment_bytes: 8 * PAGE_BYTES as u32,
        group_bytes_max: 2 * PAGE_BYTES as u32,
    };
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
    rig.prepare(3);
    (1..3).for_each(|txn| assert_eq!(rig.authorize(txn, 1, 100).header.sequence, 8 + txn as u64));
    let batch: Vec<_> = (10..90).map(|txn| request(txn, 1, 100)).collect();
    rig.engine.authorize_batch(&batch).unwrap();
    rig.flush();
    let specimen = Specimen::of(&rig, Book::default(), layout);
    assert_eq!(specimen.last_segment, 2);
    let file = segment_name(1);
    let whole = specimen.disk.bytes(&file);
    let (zeros, index) = (5 * PAGE_BYTES, 6 * PAGE_BYTES);
    assert!(whole[zeros..index].iter().all(|byte| *byte == 0));
    assert!(
        [zeros - PAGE_BYTES, index, index + PAGE_BYTES]
            .iter()
            .all(|page| whole[*page] != 0)
    );
    for byte in (zeros..index).step_by(301) {
        let mut bytes = whole.clone();
        bytes[byte] = 4;
        let disk = specimen.disk.copy();
        disk.set_bytes(&file, bytes);
        let says = refused(Rig::open(Arc::new(disk), layout)).to_string();
        assert!(says.starts_with(&format!("{file}: offset {zeros}: ")), "{says}");
    }
}
