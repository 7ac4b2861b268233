//! The story: the power goes while the engine works, at any moment, also in the middle of a write and in the middle of the
//! recovery from the loss before. The disk keeps any part of what was not flushed: single sectors of a group, one copy of a
//! header, a name without its file. After the restart every answer that could have left is there as it was given, nothing is
//! half there, sequences are dense, and work goes on.

use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{LAYOUT, Rig, enrollment, request};
use satang_engine::engine::Submitted;
use satang_engine::recovery::open::OpenError;
use satang_log::file::Layout;
use satang_log::storage::MemoryStorage;
use std::sync::Arc;

/// How much of what was not flushed survives a loss, in percent: also all and nothing of it.
fn survival(random: &mut Random) -> u64 {
    [0, 5, 30, 50, 70, 95, 100][random.below(7) as usize]
}

fn lose_power(storage: &MemoryStorage, random: &mut Random) -> MemoryStorage {
    let percent = survival(random);
    storage.lose_power(|| random.percent(percent))
}

/// Starts, losing power a few times before the start is done.
fn recover(mut storage: MemoryStorage, layout: Layout, random: &mut Random) -> Rig {
    for _ in 0..random.below(4) {
        storage.break_after(random.below(40));
        match Rig::open(Arc::new(storage.clone()), layout) {
            Ok(rig) => {
                storage.mend();
                return rig;
            }
            Err(OpenError::Io { .. }) => storage = lose_power(&storage, random),
            Err(refused) => panic!("{refused}"),
        }
    }
    storage.mend();
    Rig::open(Arc::new(storage), layout).unwrap_or_else(|refused| panic!("{refused}"))
}

/// Works until the power goes in the middle of something; says how many answers were durable by then.
fn work_until_the_power_goes(work: &mut Workload, rig: &mut Rig) -> usize {
    let rounds = work.random.below(80);
    work.go_on(rig, rounds);
    rig.storage.break_after(work.random.below(12));
    for _ in 0..30 {
        if work.ask(rig).is_err() {
            break;
        }
        if work.random.percent(40) && (rig.committer.step().is_err() || rig.committer.cover().is_err()) {
            break;
        }
    }
    work.book.durable(&rig.engine)
}

/// Answers that were kept, and that were lost before they were durable.
fn many_losses(seed: Random, layout: Layout, losses: usize) -> (usize, usize) {
    let mut work = Workload::new(seed);
    work.batch_len_max = u64::from(layout.group_bytes_max) / 4096 * 30;
    let mut rig = recover(MemoryStorage::default(), layout, &mut work.random);
    rig.prepare(20);
    work.book.note_state(&rig.engine);
    let (mut kept, mut lost) = (0, 0);
    for _ in 0..losses {
        let durable = work_until_the_power_goes(&mut work, &mut rig);
        let asked = work.book.entries.len();
        let disk = lose_power(&rig.storage, &mut work.random);
        rig = recover(disk, layout, &mut work.random);
        let there = work.book.check(&rig, durable);
        (kept, lost) = (there, lost + asked - there);
        work.book.note_state(&rig.engine);
    }
    (kept, lost)
}

/// Several journals of twenty losses each: a longer one is mostly replayed.
fn many_journals(mut seeds: Random, layout: Layout, journals: usize) {
    let runs = (0..journals).map(|_| many_losses(Random::new(seeds.bits()), layout, 20));
    let (kept, lost) = runs.fold((0, 0), |(kept, lost), run| (kept + run.0, lost + run.1));
    println!("{kept} answers kept, {lost} lost before they were durable");
    let losses = 20 * journals;
    assert!(kept > 10 * losses && lost > losses, "{kept} kept, {lost} lost");
}

#[test]
fn every_published_answer_survives_any_loss_of_power() {
    let seeds = Random::printed("every_published_answer_survives_any_loss_of_power");
    many_journals(seeds, LAYOUT, 6);
}

#[test]
fn segments_of_one_group_survive_it_too() {
    let smallest = Layout {
        segment_bytes: 20 << 10,
        group_bytes_max: 4 << 10,
    };
    let seeds = Random::printed("segments_of_one_group_survive_it_too");
    many_journals(seeds, smallest, 5);
}

#[test]
fn a_killed_process_leaves_the_last_group_in_the_page_cache_and_the_next_start_flushes_it() {
    let mut rig = Rig::prepared();
    let Submitted::Decided { sequence, .. } = rig.engine.authorize(&request(1, 1, 1_000)).unwrap() else {
        panic!()
    };
    // The write lands, its flush does not: nobody is answered, and the process dies.
    rig.storage.break_after(1);
    assert!(rig.committer.step().is_err());
    rig.storage.mend();
    let rig = Rig::open(rig.storage.clone(), LAYOUT).unwrap();
    assert_eq!(rig.engine.durable().check(sequence), Ok(true));
    let after = rig.storage.lose_power(|| false);
    let again = Rig::start(after);
    assert_eq!(again.engine.durable().check(sequence), Ok(true));
    assert_eq!(again.digest(), rig.digest());
}

#[test]
fn a_killed_process_leaves_persons_in_the_page_cache_and_the_next_start_flushes_them() {
    let mut rig = Rig::prepared();
    rig.engine.enroll(&[enrollment(77)], None).unwrap();
    rig.storage.break_after(1);
    assert!(rig.committer.step().is_err());
    rig.storage.mend();
    // The person is known to the page cache alone; the record that names it must not outlive it.
    let mut rig = Rig::open(rig.storage.clone(), LAYOUT).unwrap();
    assert!(rig.engine.persons().find(enrollment(77).citizen).is_some());
    rig.engine.enroll(&[enrollment(77)], None).unwrap();
    rig.flush();
    let again = Rig::start(rig.storage.lose_power(|| false));
    assert_eq!(again.digest(), rig.digest());
}

#[test]
fn a_loss_while_the_first_segment_is_made_leaves_a_folder_that_starts() {
    for operations in 0..40 {
        for kept in [0, 50, 100] {
            let mut random = Random::new(operations);
            let storage = MemoryStorage::default();
            storage.break_after(operations);
            let started = Rig::open(Arc::new(storage.clone()), LAYOUT);
            let mut rig = Rig::start(storage.lose_power(|| random.percent(kept)));
            rig.prepare(3);
            let digest = rig.digest();
            assert_eq!(Rig::start(rig.storage.copy()).digest(), digest);
            if started.is_ok() {
                assert!(
                    operations > 5,
                    "creating a journal takes more than {operations} operations"
                );
                assert!(!rig.recovered.new, "a journal that was opened is durable");
                return;
            }
        }
    }
    panic!("creating a journal takes fewer operations");
}

#[test]
fn spares_that_are_left_over_go_without_leaving_a_gap() {
    let mut seeds = Random::printed("spares_that_are_left_over_go_without_leaving_a_gap");
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 500);
    let digest = rig.digest();
    let name = satang_log::file::segment_name;
    let spare = vec![0; LAYOUT.segment_bytes as usize];
    (2..6).for_each(|segment| rig.storage.set_bytes(&name(segment), spare.clone()));
    for operations in 0..20 {
        let storage = rig.storage.copy();
        storage.break_after(operations);
        let _ = Rig::open(Arc::new(storage.clone()), LAYOUT);
        for _ in 0..10 {
            let mut random = Random::new(seeds.bits());
            let again = Rig::start(lose_power(&storage, &mut random));
            assert_eq!(again.digest(), digest);
            assert!(
                !again.storage.names().contains(&name(2)),
                "unused spares are gone"
            );
        }
    }
}

#[test]
fn a_torn_group_is_cut_and_stays_cut_when_the_power_goes_while_it_is_zeroed() {
    let mut seeds = Random::printed("a_torn_group_is_cut_and_stays_cut");
    let mut rig = Rig::prepared();
    let requests: Vec<_> = (1..120)
        .map(|txn| request(txn, 1 + txn as u64 % 20, 700))
        .collect();
    let before = rig.engine.durable().sequence();
    rig.engine.authorize_batch(&requests).unwrap();
    rig.storage.break_after(1);
    assert!(rig.committer.step().is_err());
    let mut torn = 0;
    for _ in 0..200 {
        let mut random = Random::new(seeds.bits());
        let disk = rig.storage.lose_power(|| random.percent(80));
        let rig = recover(disk, LAYOUT, &mut random);
        torn += u32::from(rig.recovered.torn_bytes > 0);
        let end = rig.engine.durable().sequence();
        let of_group = end - before;
        assert!(
            [0, 119].contains(&of_group),
            "all of the group or nothing of it: {of_group}"
        );
    }
    assert!(torn > 20, "{torn} tails were torn");
}
