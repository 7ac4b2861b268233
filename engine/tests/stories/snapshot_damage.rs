//! The story: a snapshot is damaged anywhere, shortened, another journal's or of a version to come. It is refused, and the one
//! before it, or the whole journal, gives the same state. A journal that lost what a snapshot holds is refused itself.

use crate::rig::random::Random;
use crate::rig::snapshots::{assert_every_start_gives, files_in, with_two_snapshots};
use crate::rig::{LAYOUT, Rig, assert_names, refused};
use satang_core::calendar::BusinessDate;
use satang_engine::ids::index::write_id_index;
use satang_engine::snapshot::{load, names};
use satang_log::file::{FileLogStore, segment_name};
use satang_log::log::LogIdentity;
use satang_log::storage::{MemoryStorage, PAGE_BYTES};

/// The newest snapshot and the one before it.
fn two_names(rig: &Rig) -> [String; 2] {
    names(&*rig.storage).unwrap().try_into().unwrap()
}

/// Starts with other bytes in the newest snapshot, then also in the one before it.
#[track_caller]
fn assert_falls_back(rig: &Rig, digest: u64, damage: &dyn Fn(Vec<u8>) -> Vec<u8>) {
    let disk = rig.storage.copy();
    let [newest, before] = two_names(rig);
    disk.set_bytes(&newest, damage(disk.bytes(&newest)));
    let started = Rig::start(disk.copy());
    assert_eq!(started.recovered.snapshots_refused, 1);
    let through: u64 = before["snapshots/".len()..][..20].parse().unwrap();
    assert_eq!(started.recovered.snapshot, Some(through));
    assert_eq!(started.digest(), digest);
    disk.set_bytes(&before, damage(disk.bytes(&before)));
    let started = Rig::start(disk);
    assert_eq!(started.recovered.snapshots_refused, 2);
    assert_eq!(started.recovered.snapshot, None);
    assert_eq!(started.digest(), digest);
}

#[test]
fn a_snapshot_damaged_on_any_page_is_refused() {
    let mut random = Random::printed("a_snapshot_damaged_on_any_page_is_refused");
    let rig = with_two_snapshots();
    let [newest, _] = two_names(&rig);
    let whole = rig.storage.bytes(&newest);
    let journal = identity(&rig);
    assert!(load(&*rig.storage, &newest, &journal, Default::default(), &|_| 0).is_ok());
    let disk = MemoryStorage::default();
    for name in files_in(&rig.storage, "ids") {
        disk.set_bytes(&name, rig.storage.bytes(&name));
    }
    for page in 0..whole.len() / PAGE_BYTES {
        let mut bytes = whole.clone();
        // Padding counts as well.
        bytes[page * PAGE_BYTES + random.below(PAGE_BYTES as u64) as usize] ^= 1 << random.below(8);
        disk.set_bytes(&newest, bytes);
        let Err(refusal) = load(&disk, &newest, &journal, Default::default(), &|_| 0) else {
            panic!("page {page} of {}", whole.len() / PAGE_BYTES);
        };
        assert!(
            refusal.to_string().starts_with(&format!("{newest}: offset ")),
            "{refusal}"
        );
    }
    for len in (0..whole.len())
        .step_by(3 * PAGE_BYTES)
        .chain([1, 4_095, whole.len() - 1])
    {
        disk.set_bytes(&newest, whole[..len].to_vec());
        assert!(
            load(&disk, &newest, &journal, Default::default(), &|_| 0).is_err(),
            "cut to {len} bytes"
        );
    }
    let longer = [&whole[..], &[0; PAGE_BYTES]].concat();
    disk.set_bytes(&newest, longer);
    assert!(
        load(&disk, &newest, &journal, Default::default(), &|_| 0).is_err(),
        "a page longer"
    );
    disk.set_bytes(&newest, whole);
    let why = |journal: &LogIdentity| {
        let loaded = load(&disk, &newest, journal, Default::default(), &|_| 0);
        loaded.err().unwrap().to_string()
    };
    let other_journal = LogIdentity {
        journal_id: [3; 16],
        ..journal
    };
    let other_seed = LogIdentity {
        hash_seed: [3; 16],
        ..journal
    };
    assert_eq!(
        why(&other_journal),
        format!("{newest}: offset 0: it belongs to another journal")
    );
    assert_eq!(
        why(&other_seed),
        format!("{newest}: offset 0: its shards were chosen by the hashes of another seed")
    );
    assert!(
        load(&disk, &newest, &journal, Default::default(), &|_| 0).is_ok(),
        "nothing is wrong"
    );
}

#[test]
fn a_start_goes_back_to_the_snapshot_before_and_then_to_the_journal() {
    let rig = with_two_snapshots();
    let digest = rig.digest();
    assert_every_start_gives(&rig);
    let flipped = |at: fn(usize) -> usize| {
        move |mut bytes: Vec<u8>| {
            let at = at(bytes.len());
            bytes[at] ^= 0x20;
            bytes
        }
    };
    assert_falls_back(&rig, digest, &flipped(|_| 0));
    assert_falls_back(&rig, digest, &flipped(|_| 100));
    assert_falls_back(&rig, digest, &flipped(|_| PAGE_BYTES + 3));
    assert_falls_back(&rig, digest, &flipped(|len| len / 2 / PAGE_BYTES * PAGE_BYTES));
    assert_falls_back(&rig, digest, &flipped(|len| len - 2 * PAGE_BYTES));
    assert_falls_back(&rig, digest, &|_| Vec::new());
    assert_falls_back(&rig, digest, &|bytes| bytes[..bytes.len() / 2].to_vec());
    assert_falls_back(&rig, digest, &|bytes| vec![0; bytes.len()]);
    assert_falls_back(&rig, digest, &|bytes| with_header(bytes, 16, &9u32.to_le_bytes()));
    assert_falls_back(&rig, digest, &|bytes| with_header(bytes, 24, &[9; 16]));
    assert_falls_back(&rig, digest, &|bytes| with_header(bytes, 168, &[9; 16]));
}

/// The snapshot with other bytes in its header, whose check is right.
fn with_header(mut bytes: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    bytes[at..at + field.len()].copy_from_slice(field);
    let check = blake3::hash(&bytes[16..PAGE_BYTES]);
    bytes[8..16].copy_from_slice(&check.as_bytes()[..8]);
    bytes
}

fn identity(rig: &Rig) -> LogIdentity {
    let log = FileLogStore::open(&rig.storage, LAYOUT).unwrap();
    log.first_header().unwrap().identity()
}

/// A file of the right name, journal and date that holds other ids than the snapshot was taken with.
#[test]
fn a_snapshot_with_another_index_than_it_was_taken_with_is_refused() {
    let rig = with_two_snapshots();
    // Before more dates leave, which no snapshot knows of.
    let files = files_in(&rig.storage, "ids");
    let digest = rig.digest();
    assert!(!files.is_empty());
    for file in files {
        let date = BusinessDate::parse(&file["ids/".len()..][..10]).unwrap();
        let disk = rig.storage.copy();
        write_id_index(&disk, &identity(&rig), date, |_| Vec::new()).unwrap();
        let started = Rig::start(disk);
        assert!(started.recovered.snapshots_refused >= 1, "{file}");
        assert_eq!(started.digest(), digest);
    }
}

/// After a damaged snapshot two that can be read are kept again, and the damaged one goes.
#[test]
fn a_damaged_snapshot_is_no_generation() {
    let rig = with_two_snapshots();
    let [newest, before] = two_names(&rig);
    let mut bytes = rig.storage.bytes(&newest);
    bytes[PAGE_BYTES] ^= 1;
    rig.storage.set_bytes(&newest, bytes);
    let mut rig = Rig::start(rig.storage.copy());
    rig.authorize(77 << 40, 1, 100);
    let next = rig.snapshot().file;
    assert_eq!(two_names(&rig), [next.clone(), before]);
    rig.storage.lose_file(&next);
    let again = Rig::start(rig.storage.copy());
    assert!(again.recovered.snapshot.is_some());
    assert_eq!(again.digest(), rig.digest());
}

#[test]
fn a_snapshot_over_a_damaged_one_of_the_same_sequence_stays() {
    let mut rig = Rig::prepared();
    let name = rig.snapshot().file;
    rig.storage.set_bytes(&name, vec![1; 5_000]);
    let mut rig = Rig::start(rig.storage.copy());
    assert_eq!(rig.recovered.snapshots_refused, 1);
    assert_eq!(rig.snapshot().file, name);
    let again = Rig::start(rig.storage.copy());
    assert!(again.recovered.snapshot.is_some());
}

/// The last group of the journal is lost, which the journal alone takes for a clean end.
#[test]
fn a_journal_that_lost_what_a_snapshot_holds_is_refused() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    rig.snapshot();
    let lost_from = rig.engine.durable().sequence() + 1;
    let segment = segment_name(1);
    let shorter = rig.storage.bytes(&segment);
    rig.authorize(2, 1, 100);
    let newest = rig.snapshot().file;
    rig.storage.set_bytes(&segment, shorter);
    let sequence = format!("(sequence {lost_from})");
    let refusal = refused(Rig::try_start(rig.storage.copy()));
    assert_names(&refusal, &segment);
    let text = refusal.to_string();
    assert!(text.contains(&newest) && text.contains(&sequence), "{text}");
    // Also when the snapshot itself is damaged behind its header: the one before it would hide the loss.
    let mut bytes = rig.storage.bytes(&newest);
    bytes[PAGE_BYTES] ^= 1;
    rig.storage.set_bytes(&newest, bytes);
    let refusal = refused(Rig::try_start(rig.storage.copy()));
    assert_names(&refusal, &segment);
    assert!(refusal.to_string().contains(&sequence), "{refusal}");
}

/// Whatever is in its file, a snapshot got its name once the journal was durable so far; but not one of another journal.
#[test]
fn a_snapshot_whose_header_cannot_be_read_vouches_by_its_name() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    rig.snapshot();
    let segment = segment_name(1);
    let shorter = rig.storage.bytes(&segment);
    let lost_from = rig.engine.durable().sequence() + 1;
    rig.authorize(2, 1, 100);
    let newest = rig.snapshot().file;
    let whole = rig.storage.bytes(&newest);
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    let unreadable = [
        flipped,
        Vec::new(),
        whole[..600].to_vec(),
        vec![0; whole.len()],
        with_header(whole.clone(), 16, &9u32.to_le_bytes()),
    ];
    for bytes in unreadable {
        let disk = rig.storage.copy();
        disk.set_bytes(&newest, bytes);
        assert!(Rig::try_start(disk.copy()).is_ok(), "the journal is whole");
        disk.set_bytes(&segment, shorter.clone());
        let refusal = refused(Rig::try_start(disk));
        assert_names(&refusal, &segment);
        let (text, sequence) = (refusal.to_string(), format!("(sequence {lost_from})"));
        assert!(text.contains(&newest) && text.contains(&sequence), "{text}");
    }
    for (name, bytes) in [
        (newest.clone(), with_header(whole.clone(), 24, &[5; 16])),
        ("snapshots/old.snap".to_owned(), Vec::new()),
        ("snapshots/99999.snap".to_owned(), Vec::new()),
    ] {
        let disk = rig.storage.copy();
        disk.lose_file(&newest);
        disk.set_bytes(&name, bytes);
        disk.set_bytes(&segment, shorter.clone());
        assert!(Rig::try_start(disk).is_ok(), "{name}");
    }
}

#[test]
fn a_journal_without_the_segment_a_snapshot_goes_on_from_is_refused() {
    let mut rig = Rig::prepared();
    for txn in 1..800 {
        rig.authorize(txn, 1 + txn as u64 % 20, 10);
    }
    rig.snapshot();
    let segments = files_in(&rig.storage, "journal");
    let last = segments.last().unwrap();
    for zeros in [false, true] {
        let disk = rig.storage.copy();
        match zeros {
            true => disk.set_bytes(last, vec![0; LAYOUT.segment_bytes as usize]),
            false => disk.lose_file(last),
        }
        let refusal = refused(Rig::try_start(disk));
        assert_names(&refusal, last);
        assert!(!refusal.to_string().contains("(sequence 1)"), "{refusal}");
    }
}
