//! The cold store: every record once whoever is killed when, the same bytes each time, and the journal's own sums.

use satang_audit::verify::{Derived, VerifyOptions, verify_storage};
use satang_cold::columns::{Columns, Data};
use satang_cold::follower::{FollowError, Follower};
use satang_cold::manifest::{MANIFEST, Manifest};
use satang_cold::parquet_file::TableReader;
use satang_cold::tables::{COMMON_COLUMNS, ColumnType, Table};
use satang_core::record::{Record, RecordKind};
use satang_log::file::{FileCursor, FileLogStore, Layout};
use satang_log::log::{Bound, Cursor as _};
use satang_log::storage::MemoryStorage;
use satang_tests::cold::{MemoryStore, journal};
use satang_tests::generate::random::{Random, seed};
use satang_tests::repository::root;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const BINARY: &str = env!("CARGO_BIN_EXE_satang_under_test");

type MemoryFollower = Follower<FileCursor<MemoryStorage>, MemoryStore>;

/// Opens a follower of a journal.
fn open(disk: &Arc<MemoryStorage>, store: &MemoryStore) -> Result<MemoryFollower, FollowError> {
    let log = FileLogStore::open(disk, Layout::DEFAULT).expect("the journal is good");
    let journal_id = log.first_header().expect("a journal").journal_id;
    let cursor = log.file_cursor(Bound::All).expect("the journal is good");
    Follower::open(cursor, journal_id, store.clone())
}

/// The store of a whole journal, made in one go.
fn made(disk: &Arc<MemoryStorage>) -> MemoryStore {
    let store = MemoryStore::default();
    let mut follower = open(disk, &store).expect("a new store");
    follower.catch_up().expect("memory takes it");
    store
}

fn manifest(store: &MemoryStore) -> Manifest {
    Manifest::read(store)
        .expect("it can be read")
        .expect("there is one")
}

/// The rows of a table over all dates, in order, and whatever its parts are.
fn rows(store: &MemoryStore, table: Table) -> Columns {
    let files = store.files();
    let mut rows = Columns::new(table);
    for date in manifest(store).dates.values() {
        for file in date.tables.get(table.name()).iter().flat_map(|of| &of.files) {
            let bytes = files
                .get(&file.path)
                .unwrap_or_else(|| panic!("{} is not there", file.path));
            let mut reader = TableReader::open(bytes.clone(), table, table.columns().len()).expect("a table");
            while reader.read(&mut rows, usize::MAX).expect("whole") {}
        }
    }
    rows
}

/// How many records of each kind a journal has.
fn counted(disk: &Arc<MemoryStorage>) -> BTreeMap<RecordKind, usize> {
    let log = FileLogStore::open(disk, Layout::DEFAULT).expect("the journal is good");
    let mut cursor = log.file_cursor(Bound::All).expect("the journal is good");
    let mut counted = BTreeMap::new();
    while let Some(frame) = cursor.next_frame().expect("the journal is good") {
        for (_, header, bytes) in frame.records() {
            let record = Record::decode(&header, bytes).expect("the journal is good");
            *counted.entry(record.kind()).or_default() += 1;
        }
    }
    counted
}

#[test]
fn every_record_is_one_row() {
    let disk = Arc::new(journal(seed("cold_rows", 1)));
    let (store, counted) = (made(&disk), counted(&disk));
    let of = |kinds: &[RecordKind]| {
        kinds
            .iter()
            .map(|kind| counted.get(kind).unwrap_or(&0))
            .sum::<usize>()
    };
    use RecordKind as Kind;
    let wanted = [
        (Table::Authorizations, of(&[Kind::Authorization])),
        (Table::Returns, of(&[Kind::Reversal, Kind::Capture, Kind::Void])),
        (Table::Registrations, of(&[Kind::Registration])),
        (
            Table::Rights,
            of(&[Kind::Enrollment, Kind::ProgrammeTransfer, Kind::Replacement]),
        ),
        (Table::Merchants, of(&[Kind::Merchant, Kind::MerchantJoined])),
        (Table::Rules, of(&[Kind::RuleVersion, Kind::RulesInForce])),
        (Table::Cutovers, of(&[Kind::CutOver])),
    ];
    for (table, wanted) in wanted {
        let rows = rows(&store, table);
        assert_eq!(rows.rows, wanted, "{}", table.name());
        assert!(
            rows.sequences().is_sorted_by(|one, next| one < next),
            "{}",
            table.name()
        );
    }
    assert!(counted[&Kind::Authorization] > 100, "{counted:?}");
    let listed: i64 = rows(&store, Table::Lists)
        .ints("added")
        .expect("a column")
        .iter()
        .sum();
    assert_eq!(listed as usize, of(&[Kind::Listed]));
}

#[test]
fn a_store_that_is_killed_anywhere_holds_every_row_once() {
    let seed = seed("cold_killed", 2);
    let disk = Arc::new(journal(seed));
    let reference = made(&disk);
    let mut random = Random::new(seed);
    let (store, mut killed) = (MemoryStore::default(), 0);
    loop {
        let patience = random.between(0, 40) as u64;
        store.kill_after(Some(patience), random.bits() & 1 == 0);
        match follow_for_a_while(&disk, &store, &mut random) {
            Ok(()) => break,
            Err(FollowError::Store(_)) => killed += 1,
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    store.kill_after(None, false);
    // As the next start leaves it.
    let mut follower = open(&disk, &store).expect("it goes on");
    follower.catch_up().expect("memory takes it");
    assert!(killed > 5, "seed {seed}: killed {killed} times");
    for table in Table::ALL {
        assert_eq!(
            rows(&store, *table),
            rows(&reference, *table),
            "seed {seed}: {}",
            table.name()
        );
    }
    let sealed = |store: &MemoryStore| {
        let files = store.files().into_iter();
        files
            .filter(|(name, _)| name.contains("/date=") && !name.starts_with('_'))
            .collect::<BTreeMap<_, _>>()
    };
    assert!(sealed(&reference).len() > 10);
    assert!(
        sealed(&store) == sealed(&reference),
        "seed {seed}: a sealed file has other bytes"
    );
    let named: Vec<String> = manifest(&store).files().map(|file| file.path.clone()).collect();
    let files = store.files();
    let unnamed: Vec<&String> = files
        .keys()
        .filter(|name| *name != MANIFEST && !named.contains(name))
        .collect();
    assert!(unnamed.is_empty(), "seed {seed}: {unnamed:?}");
}

/// Follows to the journal's end, writing now and then, unless it is killed.
fn follow_for_a_while(
    disk: &Arc<MemoryStorage>,
    store: &MemoryStore,
    random: &mut Random,
) -> Result<(), FollowError> {
    let mut follower = open(disk, store)?;
    while follower.step()? {
        if random.between(0, 30) == 0 {
            follower.write()?;
        }
    }
    follower.write()
}

#[test]
fn the_sums_are_those_of_a_verification() {
    let disk = Arc::new(journal(seed("cold_sums", 3)));
    let store = made(&disk);
    let derived = Derived::list(&*disk).expect("memory");
    let work = MemoryStorage::default();
    let report = verify_storage(&disk, &derived, &work, &VerifyOptions::default(), &mut |_, _| {});
    let report = report.expect("there is a journal");
    let sums = |table, column: &str| {
        let rows = rows(&store, table);
        let programs = texts(&rows, "program");
        let mut sums: BTreeMap<String, (u64, u128)> = BTreeMap::new();
        for (program, amount) in programs.into_iter().zip(rows.ints(column).expect("a column")) {
            let sum = sums.entry(program.unwrap_or_default()).or_default();
            *sum = (sum.0 + 1, sum.1 + *amount as u128);
        }
        sums
    };
    let (taken, given_back) = (
        sums(Table::Authorizations, "state_amount"),
        sums(Table::Returns, "state_amount"),
    );
    let mut seen = 0;
    for program in report
        .programs
        .iter()
        .filter(|program| program.program != "(unknown)")
    {
        let (decided, authorised) = taken.get(&program.program).copied().unwrap_or_default();
        assert_eq!(authorised, program.authorised, "{}", program.program);
        assert_eq!(
            decided,
            program.approved + program.declined,
            "{}",
            program.program
        );
        let back = given_back.get(&program.program).copied().unwrap_or_default().1;
        assert_eq!(back, program.given_back, "{}", program.program);
        seen += decided;
    }
    assert!(seen > 100, "{seen} decisions");
}

/// The values of a column of text by row.
fn texts(rows: &Columns, name: &str) -> Vec<Option<String>> {
    let at = rows
        .table
        .columns()
        .iter()
        .position(|column| column.name == name)
        .expect("a column");
    let values = &rows.columns[at];
    let Data::Text(texts) = &values.data else {
        panic!("{name} is no text");
    };
    let mut texts = texts
        .iter()
        .map(|text| String::from_utf8(text.to_vec()).expect("text"));
    let always = vec![1; rows.rows];
    let present = if values.present.is_empty() {
        &always
    } else {
        &values.present
    };
    present
        .iter()
        .map(|present| (*present == 1).then(|| texts.next().expect("a value")))
        .collect()
}

#[test]
fn a_store_of_another_history_is_refused_by_name() {
    let disk = Arc::new(journal(seed("cold_foreign", 4)));
    let store = made(&disk);
    let refused = |store: &MemoryStore| match open(&disk, store) {
        Err(FollowError::Foreign(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    };
    let good = manifest(&store);
    let with = |change: &dyn Fn(&mut Manifest)| {
        let (changed, mut manifest) = (MemoryStore::default(), good.clone());
        store
            .files()
            .into_iter()
            .for_each(|(name, bytes)| changed.put(&name, bytes));
        change(&mut manifest);
        manifest.write(&changed).expect("memory takes it");
        refused(&changed)
    };
    let other_hash = with(&|manifest| manifest.watermark.frame_hash = "00".repeat(32));
    assert!(other_hash.contains("another history"), "{other_hash}");
    let other_journal = with(&|manifest| manifest.journal_id = "00".repeat(16));
    assert!(other_journal.contains("journal"), "{other_journal}");
    let other_writer = with(&|manifest| manifest.writer = "satang-cold version 0".into());
    assert!(other_writer.contains("version 0"), "{other_writer}");
    let checkpoint = good.checkpoint.as_ref().expect("a checkpoint").path.clone();
    store.put(&checkpoint, vec![1, 2, 3].into());
    let damaged = refused(&store);
    assert!(damaged.contains(&checkpoint), "{damaged}");
    let without = MemoryStore::default();
    store
        .files()
        .into_iter()
        .filter(|(name, _)| name != MANIFEST)
        .for_each(|(name, bytes)| without.put(&name, bytes));
    let no_manifest = refused(&without);
    assert!(no_manifest.contains(MANIFEST), "{no_manifest}");
}

#[test]
fn a_running_servers_journal_is_followed_and_told_of() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 4);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    (1..=6).for_each(|number| drop(buy(&mut wire, number, 1 + number % 4, 100)));
    let data_dir = site.data_dir();
    let data_dir = data_dir.to_str().expect("text");
    let follow = || site.run(&["cold", "follow", "--once", "--data-dir", data_dir]);
    let status = || {
        let ended = site.run(&["cold", "status", "--json", "--data-dir", data_dir]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).expect("JSON")
    };
    let first = follow();
    assert_eq!(first.code, Some(0), "{first:?}");
    (7..=9).for_each(|number| drop(buy(&mut wire, number, 1, 100)));
    server.terminate();
    assert_eq!(server.wait().0, Some(0));
    let behind = status();
    assert!(
        behind["records_behind"]
            .as_u64()
            .is_some_and(|records| records >= 3),
        "{behind}"
    );
    let second = follow();
    assert_eq!(second.code, Some(0), "{second:?}");
    let told = status();
    let authorizations = &told["manifest"]["dates"]["2026-06-15"]["tables"]["authorizations"];
    assert_eq!(
        (&told["records_behind"], &authorizations["rows"]),
        (&0.into(), &9.into()),
        "{told}"
    );
    let lines = site.run(&["cold", "status", "--data-dir", data_dir]);
    assert!(
        lines.stdout.contains("2026-06-15 open   authorizations 9"),
        "{}",
        lines.stdout
    );
}

#[test]
fn the_document_has_every_column_of_every_table() {
    let document = std::fs::read_to_string(root().join("docs/COLD.md")).expect("the document");
    for table in Table::ALL {
        let title = format!("### `{}`", table.name());
        let (_, section) = document
            .split_once(&title)
            .unwrap_or_else(|| panic!("{title} is not there"));
        let section = section.split("\n##").next().expect("a section");
        let rows = section.lines().filter(|line| line.starts_with("| `")).count();
        let own = &table.columns()[COMMON_COLUMNS..];
        assert_eq!(rows, own.len(), "{title}");
        for column in own {
            let of = match column.of {
                ColumnType::Int => "BIGINT",
                ColumnType::Instant => "TIMESTAMPTZ",
                ColumnType::Date => "DATE",
                ColumnType::Text => "VARCHAR",
                ColumnType::Flag => "BOOLEAN",
            };
            let null = if column.nullable { ", may be null" } else { "" };
            let line = format!("| `{}` | {of}{null} | {} |", column.name, column.about);
            assert!(section.contains(&line), "{title}: {line}");
        }
    }
}

#[test]
fn a_data_folder_without_a_journal_or_a_store_is_named() {
    let site = Site::new(BINARY);
    let nothing = site.path("nothing");
    std::fs::create_dir(&nothing).expect("a temporary folder");
    let nothing = nothing.to_str().expect("text");
    for command in ["follow", "status"] {
        let ended = site.run(&["cold", command, "--data-dir", nothing]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(nothing), "{ended:?}");
        assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
    }
}
