//! The story: the files of a journal that is being written are copied. What is read is what a crash could have left, and what is
//! copied is what no power loss takes from its source.

use satang_audit::backup::{BackupError, CITIZEN_KEY_FILE, backup, restore};
use satang_audit::folder::Folder;
use satang_core::calendar::Instant;
use satang_core::ids::{NationalId, WalletId};
use satang_core::record::{NameNumber, Record, Status, WalletStatus};
use satang_engine::persons::{CitizenKey, PERSONS_FILE, PersonStore};
use satang_log::commit::FlushedBefore as _;
use satang_log::file::{FileLog, FileLogStore, Layout, segment_name};
use satang_log::group::Group;
use satang_log::log::{Bound, Log as _, LogIdentity, LogStore as _};
use satang_log::storage::{FileStorage, PAGE_BYTES};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

const LAYOUT: Layout = Layout {
    segment_bytes: 4 << 20,
    group_bytes_max: 64 << 10,
};
const KEY: [u8; 32] = [7; 32];

fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00+07:00").unwrap()
}

/// A data folder with a journal that is written by hand.
struct Written {
    folder: TempDir,
    storage: Arc<FileStorage>,
    log: FileLog<FileStorage>,
}

impl Written {
    fn new(layout: Layout) -> Written {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(FileStorage::open_folder(&folder.path().join("data")).unwrap());
        let key = CitizenKey::from_bytes(KEY);
        fs::write(folder.path().join("data").join(CITIZEN_KEY_FILE), KEY).unwrap();
        let identity = LogIdentity {
            journal_id: [3; 16],
            hash_seed: [4; 16],
            citizen_key_check: key.check_value(),
            created: noon(),
        };
        let store = FileLogStore::open(&storage, layout).unwrap();
        let log = store.create(identity).unwrap();
        Written { folder, storage, log }
    }

    /// How many segments were begun.
    fn segments(&self) -> usize {
        let names = fs::read_dir(self.data().join("journal")).unwrap();
        let begun = |path: &Path| fs::read(path).unwrap()[0] != 0;
        names
            .filter(|entry| begun(&entry.as_ref().unwrap().path()))
            .count()
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn to(&self) -> std::path::PathBuf {
        self.folder.path().join("backup")
    }

    /// One durable group of so many records.
    fn append(&mut self, records: usize) {
        let record = Record::WalletStatus(WalletStatus {
            wallet: WalletId::from_number(1),
            status: Status::Active,
            reason: "ทดสอบ".into(),
        });
        let mut group = Group::allocate(self.log.group_bytes_max());
        group.open(self.log.next_sequence());
        for _ in 0..records {
            group.push(&record.encode(noon(), NameNumber::UNKNOWN), noon());
        }
        self.log.submit(group).unwrap();
        self.log.complete().unwrap();
    }

    fn back_up(&self) -> Result<satang_audit::backup::BackedUp, BackupError> {
        backup(&self.data(), &self.to(), noon(), &mut |_| {})
    }

    /// Restores; the last sequence of the restored journal.
    fn restored(&self, name: &str) -> u64 {
        let folder = self.folder.path().join(name);
        restore(&self.to(), &folder, &mut |_, _| {}).unwrap();
        last_sequence(&folder)
    }
}

fn last_sequence(folder: &Path) -> u64 {
    let folder = Folder::at(folder).and_then(Folder::read_end).unwrap();
    let log = FileLogStore::open(&Arc::new(folder), LAYOUT).unwrap();
    let mut cursor = log.file_cursor(Bound::All).unwrap();
    while cursor.next_file_frame().unwrap().is_some() {}
    cursor.classify_end().unwrap().read.next_sequence - 1
}

#[test]
fn only_what_a_later_frame_vouches_for_is_copied() {
    let mut written = Written::new(LAYOUT);
    let none = written.back_up().unwrap();
    assert_eq!((none.manifest.last_sequence, none.left_out), (0, 0));
    assert_eq!(written.restored("none"), 0);
    written.append(5);
    let first = written.back_up().unwrap();
    assert_eq!((first.manifest.last_sequence, first.left_out), (0, 5));
    written.append(3);
    let second = written.back_up().unwrap();
    assert_eq!((second.manifest.last_sequence, second.left_out), (5, 3));
    assert_eq!(written.restored("second"), 5);
    written.log.cover().unwrap();
    let third = written.back_up().unwrap();
    assert_eq!((third.manifest.last_sequence, third.left_out), (8, 0));
    assert_eq!(third.copied, [segment_name(1)]);
    assert_eq!(written.restored("third"), 8);
    assert_eq!(written.back_up().unwrap().copied, Vec::<String>::new());
}

#[test]
fn segments_are_copied_once_over_every_border() {
    let small = Layout {
        segment_bytes: 32 << 10,
        group_bytes_max: 8 << 10,
    };
    let mut written = Written::new(small);
    let mut copied = Vec::new();
    for round in 0..20 {
        written.append(1 + round % 50);
        if round % 3 == 0 {
            written.log.cover().unwrap();
        }
        let done = written.back_up().unwrap();
        let sealed = done.copied.iter().filter(|path| {
            done.manifest
                .files
                .iter()
                .any(|file| file.path == **path && file.stored == **path)
        });
        copied.extend(sealed.cloned());
        let name = format!("restored-{round}");
        assert_eq!(
            written.restored(&name),
            done.manifest.last_sequence,
            "round {round}"
        );
        // The restored folder can be written on.
        let storage = FileStorage::open_folder(&written.folder.path().join(name)).unwrap();
        let log = FileLogStore::open(&Arc::new(storage), LAYOUT).unwrap();
        let mut cursor = log.file_cursor(Bound::All).unwrap();
        while cursor.next_file_frame().unwrap().is_some() {}
        let read = log.end(cursor).unwrap();
        assert_eq!(read.torn_bytes, 0);
        log.resume(read).unwrap();
    }
    let last = written.segments();
    assert!(last > 3);
    let mut once = copied.clone();
    once.dedup();
    assert_eq!(
        (copied.len(), once.len()),
        (copied.len(), copied.len()),
        "{copied:?}"
    );
    assert!(copied.len() >= last - 2, "{copied:?}");
}

#[test]
fn a_sealed_segment_whose_next_was_not_begun_is_restored_with_one_of_zeros() {
    let small = Layout {
        segment_bytes: 32 << 10,
        group_bytes_max: 8 << 10,
    };
    let mut written = Written::new(small);
    while written.segments() == 1 {
        written.append(20);
        written.log.cover().unwrap();
    }
    // The crash came between the seal and the next segment's header.
    let next = written.data().join(segment_name(2));
    fs::write(&next, vec![0; small.segment_bytes as usize]).unwrap();
    let before = last_sequence(&written.data());
    let done = written.back_up().unwrap();
    assert_eq!((done.manifest.last_sequence, done.manifest.sealed), (before, 1));
    assert_eq!(written.restored("copy"), before);
    assert_eq!(written.back_up().unwrap().copied, Vec::<String>::new());
}

#[test]
fn a_new_file_system_is_restored_to_and_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut written = Written::new(LAYOUT);
    written.append(1);
    written.append(1);
    written.back_up().unwrap();
    let mount = written.folder.path().join("mount");
    fs::create_dir_all(mount.join("lost+found")).unwrap();
    assert_eq!(written.restored("mount"), 1);
    assert!(!mount.join(".restoring").exists());
    assert!(
        restore(&written.to(), &mount, &mut |_, _| {}).is_err(),
        "it is not empty any more"
    );
    written.restored("folder");
    for folder in ["folder", "folder/journal", "mount/journal"] {
        let mode = fs::metadata(written.folder.path().join(folder))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

#[test]
fn only_whole_pages_of_the_person_store_are_copied() {
    let mut written = Written::new(LAYOUT);
    written.append(1);
    written.append(1);
    let mut store = PersonStore::open(&written.storage, CitizenKey::from_bytes(KEY)).unwrap();
    store.prepare().unwrap();
    let citizen = (0..10).find_map(|check| NationalId::parse(&format!("000000000001{check}")).ok());
    let person = store.persons().resolve(citizen.unwrap()).unwrap();
    store.flush().unwrap();
    let path = written.data().join(PERSONS_FILE);
    let whole = fs::read(&path).unwrap();
    // A write that has not finished, and one of which only a part is there.
    fs::write(&path, [&whole[..], &[9; PAGE_BYTES], &[1; 100]].concat()).unwrap();
    written.back_up().unwrap();
    written.restored("copy");
    let copy = written.folder.path().join("copy");
    assert!(fs::read(copy.join(PERSONS_FILE)).unwrap() == whole);
    let copy = Arc::new(FileStorage::open_folder(&copy).unwrap());
    let store = PersonStore::open(&copy, CitizenKey::from_bytes(KEY)).unwrap();
    assert_eq!(store.persons().find(citizen.unwrap()), Some(person));
}

/// A person that is lost is registered twice: the backup may be all that is left of it.
#[test]
fn a_person_store_that_was_damaged_since_replaces_no_backup() {
    let mut written = Written::new(LAYOUT);
    written.append(1);
    let mut store = PersonStore::open(&written.storage, CitizenKey::from_bytes(KEY)).unwrap();
    store.prepare().unwrap();
    let path = written.data().join(PERSONS_FILE);
    for number in 1..=3 {
        let citizen =
            (0..10).find_map(|check| NationalId::parse(&format!("00000000000{number}{check}")).ok());
        store.persons().resolve(citizen.unwrap()).unwrap();
        store.flush().unwrap();
    }
    let whole = fs::read(&path).unwrap();
    let cut_off = [&whole[..], &[9; PAGE_BYTES]].concat();
    fs::write(&path, &cut_off).unwrap();
    let done = written.back_up().unwrap();
    assert_eq!(done.persons_unreadable, 1);

    let mut damaged = [&cut_off[..], &whole[..PAGE_BYTES]].concat();
    damaged[PAGE_BYTES + 100] ^= 1;
    for (bytes, offset, pages) in [
        (&damaged[..], PAGE_BYTES, 2),
        (&whole[..PAGE_BYTES], PAGE_BYTES, 3),
    ] {
        fs::write(&path, bytes).unwrap();
        let refused = written.back_up().unwrap_err().to_string();
        let expected = format!("persons.db: offset {offset}: {pages} pages cannot be read, 1 could not when");
        assert!(refused.contains(&expected), "{refused}");
        written.restored("copy");
        let copy = written.folder.path().join("copy");
        assert!(fs::read(copy.join(PERSONS_FILE)).unwrap() == whole);
        fs::remove_dir_all(copy).unwrap();
    }
    fs::remove_file(&path).unwrap();
    let refused = written.back_up().unwrap_err().to_string();
    assert!(refused.contains("persons.db: offset 0: it is gone"), "{refused}");
    written.restored("copy");
    // Nothing that was there is lost: the write that was cut off is no more.
    fs::write(&path, [&whole[..], &whole[..PAGE_BYTES]].concat()).unwrap();
    assert_eq!(written.back_up().unwrap().persons_unreadable, 0);
}

#[test]
fn nothing_is_restored_to_a_link() {
    let mut written = Written::new(LAYOUT);
    written.append(1);
    written.back_up().unwrap();
    let link = written.folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let refused = restore(&written.to(), &link, &mut |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(
        refused.ends_with("it is a link: name the folder itself"),
        "{refused}"
    );
    assert!(!written.folder.path().join("link.restoring").exists());
}

#[test]
fn a_backup_lies_outside_of_what_it_copies() {
    let mut written = Written::new(LAYOUT);
    written.append(1);
    let link = written.folder.path().join("link");
    std::os::unix::fs::symlink(written.data(), &link).unwrap();
    for to in [written.data().join("journal/x"), written.data(), link.join("b")] {
        let refused = backup(&written.data(), &to, noon(), &mut |_| {}).unwrap_err();
        assert!(
            refused.to_string().ends_with("it lies inside the data folder"),
            "{refused}"
        );
        assert!(!to.join("backup.lock").exists());
    }
}

#[test]
fn a_backup_is_for_its_owner_alone_and_needs_the_right_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut written = Written::new(LAYOUT);
    written.append(1);
    let key = written.data().join(CITIZEN_KEY_FILE);
    fs::write(&key, [8; 32]).unwrap();
    let refused = written.back_up().unwrap_err().to_string();
    assert!(
        refused.contains("citizen.key: offset 0: not the key"),
        "{refused}"
    );
    fs::write(&key, KEY).unwrap();
    let done = written.back_up().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&written.to()), 0o700);
    for file in &done.manifest.files {
        assert_eq!(mode(&written.to().join(&file.stored)), 0o600, "{}", file.stored);
    }
    written.restored("copy");
    assert_eq!(
        mode(&written.folder.path().join("copy").join(CITIZEN_KEY_FILE)),
        0o600
    );
}

/// As a backup leaves it that was killed before its manifest: files without a manifest that names them.
#[test]
fn what_a_killed_backup_left_is_neither_used_nor_kept() {
    let mut written = Written::new(LAYOUT);
    written.append(1);
    written.append(1);
    let done = written.back_up().unwrap();
    let to = written.to();
    let leftovers = [
        "journal/0000000001.seg",
        "journal/0000000001.seg.tmp",
        "persons-0.db",
        "backup.json.tmp",
    ];
    for name in leftovers {
        fs::write(to.join(name), b"half").unwrap();
    }
    assert_eq!(written.restored("before"), done.manifest.last_sequence);
    written.append(1);
    written.back_up().unwrap();
    for name in leftovers {
        assert!(!to.join(name).exists(), "{name} is left");
    }
    assert_eq!(written.restored("after"), 2);
}

#[test]
fn a_folder_that_is_being_written_is_read_like_one_after_a_crash() {
    let mut written = Written::new(LAYOUT);
    let data = written.data();
    let done = AtomicBool::new(false);
    let (mut before, mut reads) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1_500 {
                written.append(20);
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            let last = last_sequence(&data);
            assert!(last >= before, "{last} after {before}");
            (before, reads) = (last, reads + 1);
        }
    });
    assert!(reads > 1, "{reads} reads");
    assert_eq!(last_sequence(&data), 30_000);
}
