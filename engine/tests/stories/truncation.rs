//! The story: the end of a file is gone. It was copied while it was short, the file system lost its last blocks, or an operator
//! removed a file. A start finds exactly a prefix of what was answered or refuses and says in which file and where; a file of
//! the wrong length, or one that is missing, is never taken for the end of the journal.

use crate::rig::damage::{Specimen, Verdict};
use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{LAYOUT, Rig, assert_names, refused};
use satang_engine::persons::PERSONS_FILE;
use satang_log::file::segment_name;
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

/// Four segments of every kind of record; the last one is partly full.
fn specimen() -> Specimen {
    let mut rig = Rig::prepared();
    let mut work = Workload::new(Random::new(5));
    work.book.note_state(&rig.engine);
    while !rig.storage.names().contains(&segment_name(4)) {
        work.go_on(&mut rig, 1);
    }
    work.go_on(&mut rig, 8);
    rig.flush();
    Specimen::of(&rig, work.book, LAYOUT)
}

fn start(specimen: &Specimen, disk: MemoryStorage) -> Result<Rig, satang_engine::recovery::open::OpenError> {
    Rig::open(Arc::new(disk), specimen.layout)
}

#[test]
fn a_segment_cut_at_any_byte_is_refused() {
    let specimen = specimen();
    assert_eq!(specimen.last_segment, 4);
    for segment in 1..=4 {
        let file = segment_name(segment);
        let whole = specimen.disk.bytes(&file);
        // Every byte of the last 64 KiB of the journal; some of the others.
        let step = if segment == 4 { 1 } else { 1021 };
        for len in (0..whole.len()).step_by(step) {
            let disk = specimen.disk.copy();
            disk.set_bytes(&file, whole[..len].to_vec());
            let refusal = refused(start(&specimen, disk));
            let says = refusal.to_string();
            assert!(
                says.starts_with(&format!("{file}: offset {len}: ")),
                "{len}: {says}"
            );
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(specimen.start_with(&file, longer).0, Verdict::Refused);
        assert_eq!(specimen.start_with(&file, whole).0, Verdict::SameState);
    }
}

#[test]
fn blocks_lost_from_any_byte_on_leave_an_answered_prefix_or_a_refusal() {
    let specimen = specimen();
    let file = segment_name(4);
    let whole = specimen.disk.bytes(&file);
    let (mut prefixes, mut refusals) = (0, 0);
    let near_a_page = |byte: usize| byte % PAGE_BYTES < 24 || byte % PAGE_BYTES > PAGE_BYTES - 24;
    for byte in (0..specimen.end).filter(|byte| byte % 53 == 0 || near_a_page(*byte)) {
        let mut bytes = whole.clone();
        bytes[byte..].fill(0);
        match specimen.start_with(&file, bytes).0 {
            Verdict::Prefix => prefixes += 1,
            Verdict::Refused => refusals += 1,
            Verdict::SameState => assert!(specimen.end - byte < PAGE_BYTES, "zeros from {byte} on"),
        }
    }
    assert!(
        prefixes > 100 && refusals > 10,
        "{prefixes} prefixes, {refusals} refusals"
    );
}

#[test]
fn blocks_lost_in_front_of_a_later_segment_are_refused() {
    let specimen = specimen();
    for segment in 1..4 {
        let file = segment_name(segment);
        let whole = specimen.disk.bytes(&file);
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
        for byte in (0..used).step_by(499) {
            let mut bytes = whole.clone();
            bytes[byte..].fill(0);
            // In the header only the repaired copy may be concerned, and then there is no frame left.
            assert_eq!(
                specimen.start_with(&file, bytes).0,
                Verdict::Refused,
                "{file}: {byte}"
            );
        }
    }
}

#[test]
fn a_lost_sector_in_front_of_anything_later_is_refused() {
    let specimen = Specimen::small(true);
    for segment in 1..=2 {
        let file = segment_name(segment);
        let whole = specimen.disk.bytes(&file);
        for start in (0..whole.len()).step_by(512) {
            let mut bytes = whole.clone();
            bytes[start..start + 512].fill(0);
            // The other copy of a header is left, and the last frame says nothing but what is durable.
            let says_nothing = segment == 2 && start >= specimen.end - PAGE_BYTES;
            let expected = match bytes == whole || start < 2 * PAGE_BYTES || says_nothing {
                true => Verdict::SameState,
                false => Verdict::Refused,
            };
            assert_eq!(specimen.start_with(&file, bytes).0, expected, "{file}: {start}");
        }
    }
}

#[test]
fn a_segment_of_another_history_of_the_same_journal_is_refused() {
    let rig = Rig::prepared();
    // The journal goes on from here twice, with other amounts, until segment 2 has its header and no frame.
    let histories = [100, 101].map(|amount| {
        let mut rig = Rig::start(rig.storage.copy());
        let mut txn = 0;
        while !rig.storage.names().contains(&segment_name(2)) {
            txn += 1;
            rig.authorize(txn, 1, amount);
            rig.committer.cover().unwrap();
        }
        rig.storage.copy()
    });
    let sequence = |disk: &MemoryStorage| Rig::start(disk.copy()).engine.durable().sequence();
    assert_eq!(sequence(&histories[0]), sequence(&histories[1]));
    let mixed = histories[0].copy();
    mixed.set_bytes(&segment_name(2), histories[1].bytes(&segment_name(2)));
    let refusal = refused(Rig::try_start(mixed));
    let says = refusal.to_string();
    assert!(
        says.starts_with(&format!("{}: offset 0: ", segment_name(2))),
        "{says}"
    );
}

#[test]
fn a_missing_segment_is_refused() {
    let specimen = specimen();
    for segment in 1..=4 {
        let disk = specimen.disk.copy();
        disk.lose_file(&segment_name(segment));
        // The file that is missed, or the one that should not follow a gap.
        let names = segment_name(if segment < 4 { segment + 1 } else { 4 });
        assert_names(&refused(start(&specimen, disk)), &names);
    }
}

#[test]
fn a_missing_journal_is_refused_once_there_are_persons() {
    let specimen = specimen();
    (1..=4).for_each(|segment| specimen.disk.lose_file(&segment_name(segment)));
    assert_names(&refused(start(&specimen, specimen.disk.copy())), "journal");
    specimen.disk.lose_file(PERSONS_FILE);
    assert!(start(&specimen, specimen.disk.copy()).unwrap().recovered.new);
}

#[test]
fn segments_that_changed_places_are_refused() {
    let specimen = specimen();
    let (two, three) = (segment_name(2), segment_name(3));
    let disk = specimen.disk.copy();
    disk.set_bytes(&two, specimen.disk.bytes(&three));
    disk.set_bytes(&three, specimen.disk.bytes(&two));
    assert_names(&refused(start(&specimen, disk)), &two);
    // Another journal's segment is none of ours, in the place of the last one or of a spare: nothing of it is removed.
    let stranger = Specimen::small(true).disk.bytes(&segment_name(2));
    let mut of_our_length = vec![0; LAYOUT.segment_bytes as usize];
    of_our_length[..stranger.len()].copy_from_slice(&stranger);
    for segment in [4, 5] {
        let disk = specimen.disk.copy();
        disk.set_bytes(&segment_name(segment), of_our_length.clone());
        assert_names(&refused(start(&specimen, disk.clone())), &segment_name(segment));
        assert!(disk.bytes(&segment_name(segment)) == of_our_length);
    }
}

#[test]
fn a_person_store_cut_at_any_page_is_refused() {
    let specimen = specimen();
    let whole = specimen.disk.bytes(PERSONS_FILE);
    assert!(whole.len() > PAGE_BYTES);
    for len in (0..whole.len()).step_by(251) {
        let (verdict, _) = specimen.start_with(PERSONS_FILE, whole[..len].to_vec());
        assert_eq!(verdict, Verdict::Refused, "{len}");
    }
}
