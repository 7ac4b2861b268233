//! Everybody registers at once, and the server is killed in the middle. A slice of the campaign that docs/TESTING.md describes.

mod answer;
mod applicants;
mod judge;
mod round;

use satang_tests::generate::random::seed;
use satang_tests::rush::{RushOptions, run};
use std::path::Path;

#[test]
fn every_place_is_given_once_though_the_server_is_killed_in_the_rush() {
    let seed = seed("rush", 7);
    let binary = Path::new(env!("CARGO_BIN_EXE_satang_under_test"));
    let options = RushOptions {
        binary,
        rounds: 1,
        quota: 600,
        last: 200,
        applicants: 600,
        clients: 16,
        kills_max: 1,
        seed,
    };
    let rounds = run(&options, &mut |stats| println!("{stats}"));
    let [round] = rounds.as_slice() else {
        panic!("one round was asked for");
    };
    assert_eq!((round.kills, round.tally.accepted), (2, 600), "{round}");
    assert!(round.tally.quota_full > 0 && round.tally.told > 0, "{round}");
    assert!(
        round.tally.already_registered > 0 && round.tally.wallet_taken > 0,
        "{round}"
    );
}
