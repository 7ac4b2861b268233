//! What a round is made of.

use satang_core::programme::Program;
use satang_tests::generate::random::Random;
use satang_tests::rush::applicants::Applicants;
use satang_tests::rush::{RushOptions, kill_moments, programme};
use std::path::Path;

#[test]
fn the_programme_of_a_round_is_a_programme() {
    Program::load("rush.toml", &programme(100_000)).unwrap();
}

#[test]
fn the_server_is_killed_in_the_middle_and_as_often_as_asked() {
    let options = RushOptions {
        binary: Path::new(""),
        rounds: 1,
        quota: 600,
        last: 200,
        applicants: 600,
        clients: 16,
        kills_max: 1,
        seed: 1,
    };
    let mut random = Random::new(1);
    let fight = Applicants::draw(&options, &mut random).fight;
    let all = fight.iter().flatten().count() as u64;
    for _ in 0..100 {
        let moments = kill_moments(4, &fight, &mut random);
        assert!(moments.len() == 4 && moments.is_sorted());
        assert!(moments.iter().all(|moment| (all / 20..all).contains(moment)));
    }
}
