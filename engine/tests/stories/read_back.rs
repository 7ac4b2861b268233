//! The story: a disk returns whole records, but not the ones that were asked for: pages were swapped in front of a snapshot, or an
//! index leads to another's record. Each id gets its own first answer or none. Nobody is told of a conflict that there is not, nothing
//! is decided by another's record, and the process goes on.

use crate::rig::again::{Again, send, send_batch};
use crate::rig::book::{Asked, Entry};
use crate::rig::bought::Bought;
use crate::rig::random::Random;
use crate::rig::snapshots::DAY_MS;
use crate::rig::workload::{Workload, id_of_any_kind};
use crate::rig::{LAYOUT, Rig, reversal};
use satang_core::calendar::BusinessDate;
use satang_core::ids::TxnId;
use satang_core::state::dedup::IdEntry;
use satang_engine::engine::SubmitError;
use satang_log::file::{FIRST_FRAME_OFFSET, FileLogStore, segment_name};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sends everything again, and reversals of the purchases: says how many got no answer. The others got their own.
fn unanswered(rig: &Rig, entries: &[Entry]) -> usize {
    let mut unanswered = 0;
    for entry in entries {
        match send(rig, &entry.asked) {
            Ok(again) => assert_eq!(again, Again::First(entry.answer.clone()), "{entry:?}"),
            Err(error) => {
                assert_says_where(&error);
                unanswered += 1;
                if let Asked::Authorization(asked) = entry.asked {
                    assert_not_reversed(rig, asked.txn_id);
                }
            }
        }
    }
    unanswered
}

/// Whoever wants the money back of a purchase that cannot be read gets no answer either, nor does whoever looks it up.
fn assert_not_reversed(rig: &Rig, txn: TxnId) {
    let asked = Asked::Reversal(reversal(1 << 120 | txn.bits(), txn.bits(), Some(1)));
    assert_says_where(&send(rig, &asked).unwrap_err());
    assert_says_where(&rig.engine.find_authorization(txn).unwrap_err());
}

#[track_caller]
fn assert_says_where(error: &SubmitError) {
    assert!(
        matches!(error, SubmitError::Misplaced(_) | SubmitError::Read(_)),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains(".seg: offset "), "{text}");
}

/// The bytes of a segment with two of its pages swapped.
fn swapped(mut bytes: Vec<u8>, one: usize, other: usize) -> Vec<u8> {
    let (front, back) = bytes.split_at_mut(one.max(other) * PAGE_BYTES);
    let one = one.min(other) * PAGE_BYTES;
    front[one..one + PAGE_BYTES].swap_with_slice(&mut back[..PAGE_BYTES]);
    bytes
}

#[test]
fn whichever_two_pages_of_a_sealed_segment_are_swapped_each_id_gets_its_own_answer_or_none() {
    let bought = Bought::prepared();
    let file = segment_name(2);
    let whole = bought.rig.storage.bytes(&file);
    let first = FIRST_FRAME_OFFSET as usize / PAGE_BYTES;
    let seal = LAYOUT.segment_bytes as usize / PAGE_BYTES - 1;
    let (mut unreadable, mut read) = (0, 0);
    for one in first..seal {
        for other in one + 1..seal {
            let disk = bought.rig.storage.copy();
            disk.set_bytes(&file, swapped(whole.clone(), one, other));
            let rig = Rig::start(disk);
            assert!(rig.recovered.snapshot.is_some());
            let lost = unanswered(&rig, &bought.entries);
            unreadable += lost;
            read += bought.entries.len() - lost;
        }
    }
    assert!(unreadable > 1_000 && read > 1_000, "{unreadable} and {read}");
}

#[test]
fn pages_that_two_segments_exchanged_give_nobody_anothers_answer() {
    let bought = Bought::prepared();
    let [two, three] = [2, 3].map(segment_name);
    for page in (FIRST_FRAME_OFFSET as usize / PAGE_BYTES..).take(8) {
        let disk = bought.rig.storage.copy();
        let (mut in_two, mut in_three) = (disk.bytes(&two), disk.bytes(&three));
        let within = page * PAGE_BYTES..(page + 1) * PAGE_BYTES;
        in_two[within.clone()].swap_with_slice(&mut in_three[within]);
        disk.set_bytes(&two, in_two);
        disk.set_bytes(&three, in_three);
        assert!(unanswered(&Rig::start(disk), &bought.entries) > 0, "page {page}");
    }
}

/// A disk whose last snapshot counts on index files of old dates, and everything that was answered before it.
fn with_old_dates() -> (MemoryStorage, Vec<Entry>) {
    let mut rig = Rig::prepared();
    let mut work = Workload::new(Random::new(23));
    work.id = id_of_any_kind;
    for _ in 0..6 {
        work.go_on(&mut rig, 120);
        rig.flush();
        rig.pass(DAY_MS);
    }
    rig.pass(3 * DAY_MS);
    rig.authorize(1 << 110, 1, 10);
    rig.snapshot();
    (rig.storage.copy(), work.book.entries)
}

/// An index file in which every two entries of one kind, one behind the other, have exchanged their sequences; the checks of its
/// pages are right.
fn exchange_entries(bytes: &mut [u8], key: &[u8; 32]) {
    let pages = u32::from_le_bytes(bytes[48..52].try_into().unwrap()) as usize;
    for page in bytes[PAGE_BYTES..].chunks_mut(PAGE_BYTES).take(pages) {
        let count = u32::from_le_bytes(page[12..16].try_into().unwrap()) as usize;
        let at = |entry: usize| 16 + entry * size_of::<IdEntry>();
        let value = |page: &[u8], entry| u64::from_le_bytes(page[at(entry) + 16..][..8].try_into().unwrap());
        let mut waiting: BTreeMap<u64, usize> = BTreeMap::new();
        for entry in 0..count {
            let kind = value(page, entry) & 0xFFFF;
            let Some(before) = waiting.remove(&kind) else {
                waiting.insert(kind, entry);
                continue;
            };
            let (one, other) = (value(page, before), value(page, entry));
            page[at(before) + 16..][..8].copy_from_slice(&other.to_le_bytes());
            page[at(entry) + 16..][..8].copy_from_slice(&one.to_le_bytes());
        }
        let check = blake3::keyed_hash(key, &page[8..]);
        page[..8].copy_from_slice(&check.as_bytes()[..8]);
    }
}

/// The key of an index file's pages, as FORMAT.md says.
fn page_key(journal_id: &[u8; 16], date: BusinessDate) -> [u8; 32] {
    let material = [&journal_id[..], &date.days().to_le_bytes()].concat();
    blake3::derive_key("Satang 2026 day ids page", &material)
}

#[test]
fn an_id_that_its_index_leads_to_anothers_record_gets_no_answer() {
    let (disk, entries) = with_old_dates();
    let log = FileLogStore::open(&Arc::new(disk.clone()), LAYOUT).unwrap();
    let journal_id = log.first_header().unwrap().journal_id;
    for file in disk.names().iter().filter(|name| name.ends_with(".ids")) {
        let date = BusinessDate::parse(&file["ids/".len()..][..10]).unwrap();
        let mut bytes = disk.bytes(file);
        exchange_entries(&mut bytes, &page_key(&journal_id, date));
        disk.set_bytes(file, bytes);
    }
    let rig = Rig::start(disk);
    assert_eq!(rig.recovered.snapshots_refused, 0);
    let mut refused = BTreeMap::new();
    for entry in &entries {
        match send(&rig, &entry.asked) {
            Ok(again) => assert_eq!(again, Again::First(entry.answer.clone()), "{entry:?}"),
            Err(error) => {
                assert_misplaced(&error);
                *refused.entry(kind_of(&entry.asked)).or_insert(0) += 1;
                if let Asked::Authorization(asked) = entry.asked {
                    assert_misplaced(&rig.engine.find_authorization(asked.txn_id).unwrap_err());
                    assert_misplaced(&send_batch(&rig, &[asked]).unwrap_err());
                }
            }
        }
    }
    assert_eq!(refused.len(), 5, "a kind of request is missing: {refused:?}");
}

#[track_caller]
fn assert_misplaced(error: &SubmitError) {
    assert!(matches!(error, SubmitError::Misplaced(_)), "{error:?}");
    assert_says_where(error);
}

fn kind_of(asked: &Asked) -> &'static str {
    match asked {
        Asked::Authorization(_) => "authorization",
        Asked::Hold(_) => "hold",
        Asked::Closing(_) => "capture or void",
        Asked::Reversal(_) => "reversal",
        Asked::Registration(_) => "registration",
    }
}
