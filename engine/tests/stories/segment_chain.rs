//! The story: a segment in front of a snapshot is not the one that was written there, and no start reads what is in it. Two were
//! swapped, one comes from another copy of the folder, or has lost its seal. The start is refused, and says where.

use crate::rig::bought::Bought;
use crate::rig::{LAYOUT, Rig, assert_names, refused};
use satang_log::file::{FIRST_FRAME_OFFSET, FileLogStore, segment_name};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

#[test]
fn two_segments_that_were_swapped_behind_a_snapshot_are_refused() {
    let bought = Bought::prepared();
    let disk = &bought.rig.storage;
    let [two, three] = [2, 3].map(segment_name);
    let (of_two, of_three) = (disk.bytes(&two), disk.bytes(&three));
    let front = FIRST_FRAME_OFFSET as usize;
    // The files, and all of them but their headers.
    let with_header = |of: &[u8], header: &[u8]| [&header[..front], &of[front..]].concat();
    let exchanged = [
        (of_three.clone(), of_two.clone()),
        (with_header(&of_three, &of_two), with_header(&of_two, &of_three)),
    ];
    for (in_two, in_three) in exchanged {
        let disk = disk.copy();
        disk.set_bytes(&two, in_two);
        disk.set_bytes(&three, in_three);
        assert_names(&refused(Rig::try_start(disk)), &two);
    }
}

#[test]
fn a_segment_of_another_copy_of_the_folder_is_refused_behind_a_snapshot() {
    let prepared = Rig::prepared();
    let [bought, other] = [1, 2].map(|front| Bought::on(prepared.storage.copy(), front));
    let (disk, other) = (&bought.rig.storage, &other.rig.storage);
    let headers = |disk: &Arc<MemoryStorage>| FileLogStore::open(disk, LAYOUT).map(drop);
    for segment in 1..4 {
        let file = segment_name(segment);
        let mixed = Arc::new(disk.copy());
        mixed.set_bytes(&file, other.bytes(&file));
        // Number, journal and first sequence are right; what is in it is not.
        assert!(headers(&mixed).is_ok());
        let mixed = Arc::into_inner(mixed).expect("nobody else has it");
        let refusal = refused(Rig::try_start(mixed));
        let next = segment_name(segment + 1);
        // The first segment of both is the same up to where they part: its header is, too.
        let wrong = if segment == 1 { &next } else { &file };
        assert_names(&refusal, wrong);
        assert!(refusal.to_string().contains("does not continue"), "{refusal}");
    }
}

#[test]
fn a_lost_seal_behind_a_snapshot_is_refused() {
    let bought = Bought::prepared();
    let file = segment_name(2);
    let seal = LAYOUT.segment_bytes as usize - PAGE_BYTES;
    for at in [seal, seal + 60, seal + 200, seal + PAGE_BYTES - 1] {
        let disk = bought.rig.storage.copy();
        let mut bytes = disk.bytes(&file);
        bytes[at] ^= 4;
        disk.set_bytes(&file, bytes);
        let text = refused(Rig::try_start(disk)).to_string();
        assert!(text.starts_with(&format!("{file}: offset {seal}: ")), "{text}");
    }
}

#[test]
fn a_damaged_copy_of_a_header_behind_a_snapshot_is_written_again() {
    let bought = Bought::prepared();
    let file = segment_name(2);
    let whole = bought.rig.storage.bytes(&file);
    for copy in [0, PAGE_BYTES] {
        let disk = bought.rig.storage.copy();
        let mut bytes = whole.clone();
        bytes[copy + 20] ^= 1;
        disk.set_bytes(&file, bytes);
        let rig = Rig::try_start(disk).expect("the other copy is whole");
        assert!(rig.storage.bytes(&file) == whole, "copy at {copy}");
    }
}
