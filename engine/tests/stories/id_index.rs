//! The story: the ids of a day leave memory for a file that is written once. Every fact in it is found again and no other; a
//! damaged, shortened or foreign file is refused or gives the right answer; and neither a loss of power nor a full disk leaves
//! half a file under the day's name.

use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::random::Random;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{ReversalId, TxnId};
use satang_core::money::Satang;
use satang_core::outcome::{ReversalCause, ReversalReason};
use satang_core::record::{ReturnKind, ReversalFacts, ReversalRecord};
use satang_core::state::dedup::{ID_SHARDS, IdEntry, IdFact, IdShard};
use satang_core::state::hash::HashSeed;
use satang_engine::ids::index::{DayFacts, IdIndex, IdIndexError, id_index_name, write_id_index};
use satang_log::log::LogIdentity;
use satang_log::storage::{
    FileStorage, MemoryStorage, PAGE_BYTES, Page, ReadFile as _, ReadStorage as _, Storage, StorageFile,
};
use std::collections::BTreeMap;
use std::io;

const JOURNAL: LogIdentity = LogIdentity {
    journal_id: [7; 16],
    hash_seed: [5; 16],
    citizen_key_check: [0; 32],
    created: Instant::MIN,
};
/// Another journal that happens to have the same seed.
const OTHER_JOURNAL: LogIdentity = LogIdentity {
    journal_id: [8; 16],
    ..JOURNAL
};
const SEED: HashSeed = JOURNAL.seed();
const DAY: BusinessDate = BusinessDate::from_days(20_619);
const NAME: &str = "ids/2026-06-15.ids";
const UNFINISHED: &str = "ids/2026-06-15.ids.tmp";
/// How many entries a full page has.
const ENTRIES_PER_PAGE: usize = 170;

/// What a day has, in the shards that would be in memory and as a list of its own.
struct Day {
    shards: Vec<IdShard>,
    facts: BTreeMap<(u128, u8), u64>,
}

impl Day {
    fn empty() -> Day {
        Day {
            shards: (0..ID_SHARDS).map(|_| IdShard::new(SEED)).collect(),
            facts: BTreeMap::new(),
        }
    }

    /// A day of so many facts, of all kinds.
    fn of(facts: usize, random: &mut Random) -> Day {
        let mut day = Day::empty();
        while day.facts.len() < facts {
            let bits = random_bits(random);
            match random.below(10) {
                0 => day.reversal_id(bits),
                1 => day.tombstone(bits),
                2 => {
                    day.tombstone(bits);
                    day.authorization(bits, true);
                }
                3 if day.facts.len() + 2 <= facts => {
                    day.authorization(bits, false);
                    day.given_back(bits);
                }
                4 if day.facts.len() + 3 <= facts => {
                    // The two kinds of ids are told apart, also when they have the same bits.
                    day.authorization(bits, false);
                    day.given_back(bits);
                    day.reversal_id(bits);
                }
                // Given back today, of an authorization of another day.
                5 => day.given_back(bits),
                _ => day.authorization(bits, false),
            }
        }
        day
    }

    fn next_sequence(&self) -> u64 {
        self.facts.len() as u64 + 1
    }

    fn note(&mut self, bits: u128, fact: IdFact) -> u64 {
        let sequence = self.next_sequence();
        self.facts.insert((bits, fact as u8), sequence);
        sequence
    }

    fn authorization(&mut self, bits: u128, tombstone: bool) {
        let (id, sequence) = (TxnId::from_bits(bits), self.note(bits, IdFact::Txn));
        self.shards[SEED.txn_shard(id)].insert_txn(sequence, id, tombstone);
    }

    fn reversal_id(&mut self, bits: u128) {
        let (id, sequence) = (ReversalId::from_bits(bits), self.note(bits, IdFact::Reversal));
        self.shards[SEED.reversal_shard(id)].insert_reversal(sequence, id);
    }

    fn tombstone(&mut self, bits: u128) {
        let sequence = self.note(bits, IdFact::Txn);
        self.apply(bits, ReversalReason::OriginalNotFound, sequence);
    }

    fn given_back(&mut self, bits: u128) {
        let sequence = self.note(bits, IdFact::Reversed);
        self.apply(bits, ReversalReason::Approved, sequence);
    }

    fn apply(&mut self, bits: u128, reason: ReversalReason, sequence: u64) {
        let txn_id = TxnId::from_bits(bits);
        let facts = ReversalFacts {
            act: ReturnKind::Reversal,
            funding: None,
            voids: false,
            reversal_id: ReversalId::from_bits(1),
            txn_id,
            cause: ReversalCause::Timeout,
            requested: None,
            approved: true,
            reason,
            state: Satang::ZERO,
            citizen: Satang::ZERO,
            left: Satang::ZERO,
            original: None,
            previous: None,
            late: false,
        };
        let record = ReversalRecord::new(Instant::from_unix_ms(0), &facts);
        self.shards[SEED.txn_shard(txn_id)].apply_reversal(&record, sequence);
    }

    fn shard(&self, number: usize) -> Vec<IdEntry> {
        let end = (1 << 48) - 1;
        self.shards[number].facts_between(0, end)
    }

    fn write_as<S: Storage>(
        &self,
        storage: &S,
        journal: &LogIdentity,
        date: BusinessDate,
    ) -> io::Result<DayFacts> {
        write_id_index(storage, journal, date, |number| self.shard(number))
    }

    fn write<S: Storage>(&self, storage: &S) -> io::Result<DayFacts> {
        self.write_as(storage, &JOURNAL, DAY)
    }

    /// The day's file on a disk of its own.
    fn written(&self) -> MemoryStorage {
        let storage = MemoryStorage::default();
        self.write(&storage).unwrap();
        storage
    }

    fn sequence(&self, bits: u128, fact: IdFact) -> Option<u64> {
        self.facts.get(&(bits, fact as u8)).copied()
    }

    /// What the file says of an id must be right, or an error.
    #[track_caller]
    fn check_of(&self, file: &IdIndex, bits: u128, fact: IdFact) -> Result<(), IdIndexError> {
        let found = file.find(bits, fact)?;
        assert_eq!(found.map(|entry| entry.sequence()), self.sequence(bits, fact));
        assert!(found.is_none_or(|entry| entry.bits() == bits && entry.fact() == Some(fact)));
        Ok(())
    }

    /// Everything in the file is right and nothing is missing.
    #[track_caller]
    fn check_all(&self, file: &IdIndex) {
        assert_eq!(file.facts().entries, self.facts.len() as u64);
        let mut entries = Vec::new();
        file.for_each(&mut |entry| entries.push(*entry)).unwrap();
        assert!(entries.is_sorted_by_key(|entry| entry.file_order(&SEED)));
        let read: BTreeMap<(u128, u8), u64> = entries
            .iter()
            .map(|entry| ((entry.bits(), entry.fact().unwrap() as u8), entry.sequence()))
            .collect();
        assert_eq!((entries.len(), &read), (self.facts.len(), &self.facts));
        for (bits, _) in self.facts.keys() {
            assert!(file.may_hold(SEED.id(*bits)), "a false negative");
            for fact in FACTS {
                self.check_of(file, *bits, fact).unwrap();
            }
        }
    }
}

const FACTS: [IdFact; 3] = [IdFact::Txn, IdFact::Reversal, IdFact::Reversed];

fn random_bits(random: &mut Random) -> u128 {
    u128::from(random.bits()) << 64 | u128::from(random.bits())
}

/// An id with the high half `high`: all of one `class` share a hash, as whoever knows the seed can make them.
fn of_class(class: u64, high: u64) -> u128 {
    u128::from(high) << 64 | u128::from(SEED.mixed(high) ^ class)
}

fn open(storage: &MemoryStorage) -> Result<IdIndex, IdIndexError> {
    IdIndex::open(storage, &JOURNAL, DAY)
}

/// Opens the file and reads all of it.
fn open_and_verify(storage: &MemoryStorage) -> Result<IdIndex, IdIndexError> {
    let file = open(storage)?;
    file.for_each(&mut |_| {})?;
    Ok(file)
}

#[test]
fn every_fact_of_a_day_is_found_and_no_other() {
    let mut random = Random::printed("every_fact_of_a_day_is_found_and_no_other");
    for facts in [0, 1, 169, 170, 171, 340, 341, 3000, 90_000] {
        let day = Day::of(facts, &mut random);
        let storage = MemoryStorage::default();
        let written = day.write(&storage).unwrap();
        assert_eq!(storage.names(), [NAME]);
        let file = open(&storage).unwrap();
        assert_eq!((file.facts(), file.date()), (written, DAY));
        assert_eq!((written.date_days, written.entries), (DAY.days(), facts as u64));
        day.check_all(&file);
        for _ in 0..2000 {
            let bits = random_bits(&mut random);
            file.prefetch(SEED.id(bits));
            day.check_of(&file, bits, IdFact::Txn).unwrap();
        }
    }
}

#[test]
fn a_real_folder_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::open_folder(folder.path()).unwrap();
    let day = Day::of(60_000, &mut Random::new(5));
    let written = day.write(&storage).unwrap();
    let file = IdIndex::open(&storage, &JOURNAL, DAY).unwrap();
    assert_eq!(file.facts(), written);
    day.check_all(&file);
    let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
    assert!(
        bytes == day.written().bytes(NAME),
        "a file does not depend on the disk"
    );
    assert_eq!(storage.list("ids").unwrap(), ["2026-06-15.ids"]);
}

#[test]
fn ids_that_share_a_hash_are_told_apart_over_pages() {
    let mut random = Random::printed("ids_that_share_a_hash_are_told_apart_over_pages");
    let mut day = Day::empty();
    // One hash for many, over several pages.
    for _ in 0..3 * ENTRIES_PER_PAGE {
        day.authorization(of_class(0, random.bits()), false);
    }
    // And pairs of one hash, of which about every other page's border parts one.
    for _ in 0..4000 {
        let class = random.bits();
        let pair = [random.bits(), random.bits()].map(|high| of_class(class, high));
        assert_eq!(SEED.id(pair[0]), SEED.id(pair[1]));
        pair.into_iter().for_each(|id| day.authorization(id, false));
    }
    let file = open(&day.written()).unwrap();
    day.check_all(&file);
    for _ in 0..100 {
        day.check_of(&file, of_class(0, random.bits()), IdFact::Txn)
            .unwrap();
    }
}

#[test]
fn an_absent_id_rarely_seems_to_be_there() {
    let mut random = Random::new(2026);
    // Sizes at which every block of the filter is as full as can be.
    for facts in [16_000, 160_000] {
        let file = open(&Day::of(facts, &mut random).written()).unwrap();
        let probes = 200_000;
        let seeming = (0..probes).filter(|_| file.may_hold(random.bits())).count();
        println!("{seeming} of {probes} absent ids seem to be among {facts}");
        assert!(seeming < probes * 3 / 1000 && seeming > 0, "{seeming}");
    }
}

#[test]
fn memory_holds_two_bytes_of_an_id() {
    let file = open(&Day::of(100_000, &mut Random::new(1)).written()).unwrap();
    assert!(
        (200_000..210_000).contains(&file.memory_bytes()),
        "{}",
        file.memory_bytes()
    );
}

/// A day of two pages of entries: five pages in all.
fn small() -> (Day, MemoryStorage) {
    let day = Day::of(200, &mut Random::new(3));
    let storage = day.written();
    assert_eq!(storage.bytes(NAME).len(), 5 * PAGE_BYTES);
    (day, storage)
}

#[test]
fn a_flipped_bit_is_noticed_and_never_gives_a_wrong_answer() {
    let (day, storage) = small();
    let whole = storage.bytes(NAME);
    let mut ids: Vec<u128> = day.facts.keys().map(|(bits, _)| *bits).collect();
    ids.sort_by_key(|bits| SEED.id(*bits));
    let some = [ids[0], ids[60], ids[120], ids[ids.len() - 1]];
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        storage.set_bytes(NAME, bytes);
        let in_entries = (PAGE_BYTES..3 * PAGE_BYTES).contains(&(bit / 8));
        match open(&storage) {
            Err(_) => assert!(!in_entries, "entries are read when they are asked for"),
            Ok(file) => {
                assert!(in_entries, "byte {}, bit {}: not noticed", bit / 8, bit % 8);
                file.for_each(&mut |_| {}).unwrap_err();
                let answers = some.iter().map(|bits| day.check_of(&file, *bits, IdFact::Txn));
                let refused = answers.filter(Result::is_err).count();
                assert!(
                    (1..some.len()).contains(&refused),
                    "one of the two pages is damaged"
                );
            }
        }
    }
}

#[test]
fn a_file_of_another_length_is_refused() {
    let (_, storage) = small();
    let whole = storage.bytes(NAME);
    for len in 0..whole.len() {
        storage.set_bytes(NAME, whole[..len].to_vec());
        open(&storage).err().expect("a shorter file is refused");
    }
    for more in [1, PAGE_BYTES] {
        storage.set_bytes(NAME, [&whole[..], &vec![0; more]].concat());
        open(&storage).err().expect("a longer file is refused");
    }
    let empty = Day::empty().written();
    empty.set_bytes(NAME, vec![0; PAGE_BYTES]);
    open(&empty).err().expect("zeros are no file");
}

#[test]
fn a_page_that_belongs_elsewhere_is_damage() {
    let (day, storage) = small();
    let whole = storage.bytes(NAME);
    let (first, second) = (PAGE_BYTES..2 * PAGE_BYTES, 2 * PAGE_BYTES..3 * PAGE_BYTES);
    let refused = |bytes: Vec<u8>| {
        storage.set_bytes(NAME, bytes);
        let error = open_and_verify(&storage).err().expect("the page is refused");
        assert_eq!(
            error.to_string(),
            format!("{NAME}: offset 4096: damaged page of entries")
        );
    };
    let mut swapped = whole.clone();
    swapped[first.clone()].copy_from_slice(&whole[second.clone()]);
    swapped[second].copy_from_slice(&whole[first.clone()]);
    refused(swapped);
    // The same entries under the same number, but of another day or journal.
    let other = MemoryStorage::default();
    for (journal, date) in [(&JOURNAL, DAY.next()), (&OTHER_JOURNAL, DAY)] {
        day.write_as(&other, journal, date).unwrap();
        let mut mixed = whole.clone();
        mixed[first.clone()].copy_from_slice(&other.bytes(&id_index_name(date))[first.clone()]);
        refused(mixed);
    }
    // The same number, day and journal, but of a file with other entries.
    let mut mixed = whole.clone();
    mixed[first.clone()].copy_from_slice(&Day::of(200, &mut Random::new(4)).written().bytes(NAME)[first]);
    refused(mixed);
}

#[test]
fn pages_of_one_hash_that_changed_places_are_damage() {
    let mut day = Day::empty();
    let mut random = Random::new(9);
    for _ in 0..3 * ENTRIES_PER_PAGE {
        day.authorization(of_class(0, random.bits()), false);
    }
    let storage = day.written();
    // The directory cannot tell them from each other: only their own numbers do.
    let mut bytes = storage.bytes(NAME);
    bytes[PAGE_BYTES..4 * PAGE_BYTES].rotate_left(PAGE_BYTES);
    storage.set_bytes(NAME, bytes);
    let file = open(&storage).unwrap();
    for (bits, _) in day.facts.keys() {
        let error = file.find(*bits, IdFact::Txn).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{NAME}: offset 4096: damaged page of entries")
        );
    }
}

#[test]
fn the_file_of_another_journal_or_seed_or_day_is_refused() {
    let (day, storage) = small();
    let refused = |journal, date| IdIndex::open(&storage, journal, date).err().unwrap().to_string();
    assert_eq!(
        refused(&OTHER_JOURNAL, DAY),
        format!("{NAME}: offset 0: the index of another journal")
    );
    let other_seed = LogIdentity {
        hash_seed: [6; 16],
        ..JOURNAL
    };
    assert_eq!(
        refused(&other_seed, DAY),
        format!("{NAME}: offset 0: ordered by the hashes of another seed")
    );
    storage.set_bytes("ids/2026-06-16.ids", storage.bytes(NAME));
    assert_eq!(
        refused(&JOURNAL, DAY.next()),
        "ids/2026-06-16.ids: offset 0: the index of another day, 2026-06-15"
    );
    assert_eq!(
        refused(&JOURNAL, DAY.next().next()),
        "ids/2026-06-17.ids: offset 0: no file ids/2026-06-17.ids"
    );
    // What identifies a file says which day's and what is in it.
    let other = Day::of(200, &mut Random::new(4));
    let facts = [day.written(), other.written()].map(|storage| open(&storage).unwrap().facts());
    assert_eq!(facts[0], open(&storage).unwrap().facts());
    assert_ne!(facts[0].hash, facts[1].hash);
}

#[test]
fn a_loss_of_power_leaves_the_old_file_or_the_new_one() {
    let mut random = Random::printed("a_loss_of_power_leaves_the_old_file_or_the_new_one");
    let (old, new) = (Day::of(300, &mut random), Day::of(600, &mut random));
    let (mut olds, mut news, mut nones) = (0, 0, 0);
    for round in 0..600 {
        let storage = match round % 2 {
            0 => MemoryStorage::default(),
            _ => old.written(),
        };
        let operations = random.below(10);
        storage.break_after(operations);
        let outcome = new.write(&storage);
        let percent = [0, 30, 70, 100][random.below(4) as usize];
        let left = storage.lose_power(|| random.percent(percent));
        match open_and_verify(&left) {
            Ok(file) if file.facts().entries == 600 => {
                new.check_all(&file);
                news += 1;
            }
            Ok(file) => {
                assert!(outcome.is_err() && round % 2 == 1, "what was written is there");
                old.check_all(&file);
                olds += 1;
            }
            Err(IdIndexError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                assert!(outcome.is_err() && round % 2 == 0, "what was written is there");
                nones += 1;
            }
            Err(error) => panic!("half a file has the name: {error}"),
        }
    }
    println!("{olds} old, {news} new, {nones} none");
    assert!(olds > 40 && news > 40 && nones > 40);
}

#[test]
fn a_full_disk_is_an_error_and_leaves_what_was_there() {
    let (old, new) = (
        Day::of(300, &mut Random::new(1)),
        Day::of(60_000, &mut Random::new(2)),
    );
    let pages = new.written().bytes(NAME).len() / PAGE_BYTES;
    let storage = old.written();
    for room in (0..pages as u64).step_by(7).chain([pages as u64 - 1]) {
        storage.fill_after(room);
        let error = new.write(&storage).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(storage.names(), [NAME], "nothing unfinished is left");
        old.check_all(&open(&storage).unwrap());
    }
    storage.make_room();
    new.write(&storage).unwrap();
    new.check_all(&open(&storage).unwrap());
}

#[test]
fn what_reads_back_otherwise_does_not_get_the_name() {
    let day = Day::of(400, &mut Random::new(6));
    let pages = day.written().bytes(NAME).len() / PAGE_BYTES;
    // Pages of entries are read back behind the first flush, the others behind the second.
    let of_entries = 1..4;
    for page in 0..pages {
        let flush = if of_entries.contains(&page) { 1 } else { 2 };
        let storage = HookedStorage::default();
        let (disk, flushes) = (storage.disk.clone(), std::sync::atomic::AtomicUsize::new(0));
        storage.hook.set(move |operation| {
            let count = || flushes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if operation == Operation::Flush && count() == flush {
                let file = disk.open(UNFINISHED).unwrap();
                let (mut bytes, offset) = (Page::ZERO, (page * PAGE_BYTES) as u64);
                file.read_exact_at(&mut bytes.0, offset).unwrap();
                bytes.0[20] ^= 1;
                file.write_pages_at(&[bytes], offset).unwrap();
            }
        });
        let outcome = day.write(&storage);
        assert_eq!(
            outcome.unwrap_err().kind(),
            io::ErrorKind::InvalidData,
            "page {page}"
        );
        assert!(storage.disk.names().is_empty(), "{:?}", storage.disk.names());
    }
}

#[test]
#[should_panic(expected = "an id of another shard in shard 0")]
fn an_id_in_a_foreign_shard_is_a_bug() {
    let day = Day::of(1000, &mut Random::new(1));
    let _ = write_id_index(&MemoryStorage::default(), &JOURNAL, DAY, |number| {
        day.shard(number ^ 1)
    });
}

#[test]
#[should_panic(expected = "I5: two entries of one id and kind of fact")]
fn one_fact_twice_is_a_bug() {
    let day = Day::of(1000, &mut Random::new(1));
    let twice = |number| [day.shard(number), day.shard(number)].concat();
    let _ = write_id_index(&MemoryStorage::default(), &JOURNAL, DAY, twice);
}
