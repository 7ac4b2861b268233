//! The story: a bit turns in a file that nobody reads, and a citizen finds it years later. The scrubber reads sealed segments, index
//! files and snapshots once more and says where, each damage once in a pass, while the engine goes on; it stops when it is told to.

use crate::rig::random::Random;
use crate::rig::snapshots::{files_in, with_two_snapshots};
use crate::rig::{LAYOUT, Rig, request};
use satang_engine::scrub::{Pace, ScrubFinding, ScrubMonitor};
use satang_log::file::segment_name;
use satang_log::storage::PAGE_BYTES;
use std::ops::ControlFlow;
use std::time::Duration;

/// Writes down what is told; its clock goes on while it pauses.
struct Notes {
    pace: Pace,
    now: Duration,
    bytes: u64,
    /// Stops once so many were read.
    bytes_max: u64,
    /// Bytes of the largest piece.
    largest: u64,
    found: Vec<ScrubFinding>,
}

impl Notes {
    fn new() -> Notes {
        Notes {
            pace: Pace::of(8).unwrap(),
            now: Duration::ZERO,
            bytes: 0,
            bytes_max: u64::MAX,
            largest: 0,
            found: Vec::new(),
        }
    }

    /// Of a whole pass.
    fn of(rig: &Rig) -> Notes {
        let mut notes = Notes::new();
        assert!(rig.maintenance.scrub(&mut notes).is_continue());
        notes
    }
}

impl ScrubMonitor for Notes {
    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        self.now += self.pace.pause_behind(bytes, self.now);
        match self.bytes >= self.bytes_max {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn found(&mut self, finding: ScrubFinding) {
        self.found.push(finding);
    }
}

/// The files that a pass reads: every one but the segment in use and the spares.
fn scrubbed_files(rig: &Rig) -> Vec<String> {
    let sealed = |name: &String| {
        let bytes = rig.storage.bytes(name);
        bytes[bytes.len() - PAGE_BYTES..].iter().any(|byte| *byte != 0)
    };
    let segments = files_in(&rig.storage, "journal").into_iter().filter(sealed);
    let others = ["ids", "snapshots"]
        .into_iter()
        .flat_map(|folder| files_in(&rig.storage, folder));
    segments.chain(others).collect()
}

#[test]
fn a_whole_folder_is_read_to_its_last_byte_and_nothing_is_found() {
    let rig = with_two_snapshots();
    let notes = Notes::of(&rig);
    assert_eq!(notes.found, []);
    let files = scrubbed_files(&rig);
    for folder in ["journal/", "ids/", "snapshots/"] {
        assert!(files.iter().filter(|name| name.starts_with(folder)).count() > 1);
    }
    let bytes_of = |front: &str| -> u64 {
        let of_kind = files.iter().filter(|name| name.starts_with(front));
        of_kind.map(|name| rig.storage.bytes(name).len() as u64).sum()
    };
    // What pads a snapshot's small parts to whole pages holds nothing, and is not read.
    let (all, least) = (bytes_of(""), bytes_of("journal/") + bytes_of("ids/"));
    assert!(
        (least..=all).contains(&notes.bytes),
        "{} of {least} to {all}",
        notes.bytes
    );
    let seconds = notes.bytes as f64 / f64::from(8 << 20);
    assert!((notes.now.as_secs_f64() - seconds).abs() < 0.01 * seconds);
    assert!(
        notes.largest <= 1 << 20,
        "{} bytes without a pause",
        notes.largest
    );
    let again = Notes::of(&rig);
    assert_eq!(again.bytes, notes.bytes, "a pass begins with the oldest again");
}

#[test]
fn a_flipped_bit_is_found_in_every_kind_of_file_and_told_once_in_a_pass() {
    let mut random = Random::printed("a_flipped_bit_is_found_in_every_kind_of_file_and_told_once_in_a_pass");
    let mut rig = with_two_snapshots();
    for file in scrubbed_files(&rig) {
        let whole = rig.storage.bytes(&file);
        // A snapshot has a page for each of a thousand small parts.
        let step = if file.starts_with("snapshots/") { 37 } else { 1 };
        for page in (0..whole.len() / PAGE_BYTES).step_by(step) {
            // What stands in front of a page is in use; all of a segment's is, and zeros, too.
            let within = match file.starts_with("journal/") {
                true => PAGE_BYTES,
                false => 8,
            };
            let at = page * PAGE_BYTES + random.below(within as u64) as usize;
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << random.below(8);
            rig.storage.set_bytes(&file, bytes);
            for _pass in 0..2 {
                let found = Notes::of(&rig).found;
                assert_eq!(found.len(), 1, "{file}: byte {at}: {found:?}");
                assert_eq!(found[0].file, file);
                assert!(found[0].offset <= at as u64, "byte {at}: {found:?}");
                let is_exact = !file.starts_with("snapshots/") && page > 1;
                let near = (found[0].offset + 20 * PAGE_BYTES as u64) > at as u64;
                assert!(near || !is_exact, "byte {at}: {found:?}");
            }
        }
        rig.storage.set_bytes(&file, whole);
    }
    assert_eq!(Notes::of(&rig).found, []);
    // It never touches what is served.
    assert!(rig.authorize(1 << 100, 1, 100).header.sequence > 0);
}

/// The snapshot as another version of the program writes its header.
fn of_another_version(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[16..20].copy_from_slice(&99u32.to_le_bytes());
    let check = blake3::hash(&bytes[16..PAGE_BYTES]);
    bytes[8..16].copy_from_slice(&check.as_bytes()[..8]);
    bytes
}

#[test]
fn a_snapshot_of_another_version_is_no_damage() {
    let rig = with_two_snapshots();
    let mut snapshots = files_in(&rig.storage, "snapshots");
    let file = snapshots.pop().expect("two of them");
    let other = of_another_version(rig.storage.bytes(&file));
    rig.storage.set_bytes(&file, other);
    assert_eq!(Notes::of(&rig).found, []);
}

#[test]
fn files_that_are_cut_gone_or_unreadable_are_found_and_the_others_read_all_the_same() {
    let rig = with_two_snapshots();
    let files = scrubbed_files(&rig);
    for file in &files {
        let whole = rig.storage.bytes(file);
        rig.storage.set_bytes(file, whole[..PAGE_BYTES + 100].to_vec());
        let found = Notes::of(&rig).found;
        assert_eq!(found.iter().map(|found| &found.file).collect::<Vec<_>>(), [file]);
        rig.storage.set_bytes(file, whole);
    }
    // All of them at once: each is told of.
    let flip = |file: &String| {
        let mut bytes = rig.storage.bytes(file);
        bytes[2 * PAGE_BYTES + 20] ^= 1;
        rig.storage.set_bytes(file, bytes);
    };
    files.iter().for_each(flip);
    let mut found: Vec<String> = Notes::of(&rig)
        .found
        .into_iter()
        .map(|found| found.file)
        .collect();
    found.sort();
    let mut wanted = files.clone();
    wanted.sort();
    assert_eq!(found, wanted);
    files.iter().for_each(flip);
    let ids = files.iter().find(|name| name.starts_with("ids/")).unwrap();
    rig.storage.lose_file(ids);
    let found = Notes::of(&rig).found;
    assert_eq!(found.iter().map(|found| &found.file).collect::<Vec<_>>(), [ids]);
}

#[test]
fn it_stops_at_the_piece_it_is_told_to_stop_at() {
    let rig = with_two_snapshots();
    let whole = Notes::of(&rig).bytes;
    for bytes_max in (1..whole).step_by(150_000) {
        let mut notes = Notes {
            bytes_max,
            ..Notes::new()
        };
        assert!(rig.maintenance.scrub(&mut notes).is_break(), "{bytes_max}");
        assert!(notes.bytes < bytes_max + (1 << 20));
    }
}

/// The journal grows from segment to segment under a pass, and between two: what is sealed is whole, what is not is left alone.
#[test]
fn a_journal_that_is_being_written_is_whole() {
    struct Writing<'r> {
        rig: &'r mut Rig,
        number: u128,
        pieces: u32,
        found: Vec<ScrubFinding>,
    }
    impl ScrubMonitor for Writing<'_> {
        fn read(&mut self, _bytes: u64) -> ControlFlow<()> {
            self.pieces += 1;
            let requests: Vec<_> = (0..1 + self.number % 60)
                .map(|n| request(self.number << 64 | n, 1 + n as u64 % 20, 10))
                .collect();
            self.number += 1;
            self.rig.engine.authorize_batch(&requests).unwrap();
            // Sometimes a segment is begun and nothing in it is durable.
            if self.number.is_multiple_of(3) {
                self.rig.committer.cover().unwrap();
            }
            if self.number.is_multiple_of(2) {
                self.rig.flush();
            }
            match self.pieces < 600 {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        }

        fn found(&mut self, finding: ScrubFinding) {
            self.found.push(finding);
        }
    }
    let mut rig = Rig::prepared();
    for number in 0..200 {
        rig.authorize(1 << 110 | number, 1, 10);
    }
    let maintenance = rig.maintenance.clone();
    let mut writing = Writing {
        rig: &mut rig,
        number: 1,
        pieces: 0,
        found: Vec::new(),
    };
    for _ in 0..8 {
        if maintenance.scrub(&mut writing).is_break() {
            break;
        }
    }
    assert_eq!((writing.found, writing.pieces), (vec![], 600));
    assert!(rig.storage.names().contains(&segment_name(20)), "{LAYOUT:?}");
}
