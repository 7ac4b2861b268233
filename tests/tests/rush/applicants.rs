//! The applicants of a round are those it needs.

use satang_tests::generate::random::Random;
use satang_tests::rush::RushOptions;
use satang_tests::rush::applicants::{Applicants, Application, BATCH, Job};
use std::collections::BTreeSet;
use std::path::Path;

fn draw(seed: u64) -> Applicants {
    let options = RushOptions {
        binary: Path::new(""),
        rounds: 1,
        quota: 20_000,
        last: 1_000,
        applicants: 3_000,
        clients: 64,
        kills_max: 1,
        seed,
    };
    Applicants::draw(&options, &mut Random::new(seed))
}

fn all(jobs: &[Vec<Job>]) -> Vec<&Application> {
    jobs.iter().flatten().flatten().collect()
}

#[test]
fn those_who_come_early_leave_the_last_places_whatever_the_order() {
    let applicants = draw(1);
    let early = all(&applicants.early);
    // Each person's own application, and rivals who share a citizen or a wallet with one of them.
    let own = early.iter().filter(|one| one.citizen == one.wallet).count();
    assert_eq!(own, 19_000);
    assert!(early.len() > own, "somebody has a rival");
    assert!(
        applicants
            .early
            .iter()
            .flatten()
            .all(|batch| batch.len() <= BATCH)
    );
    assert_eq!((applicants.early.len(), applicants.fight.len()), (4, 64));
}

#[test]
fn clients_race_for_citizens_and_for_wallets() {
    let applicants = draw(2);
    let fight = all(&applicants.fight);
    let citizens: BTreeSet<u64> = fight.iter().map(|one| one.citizen).collect();
    let wallets: BTreeSet<u64> = fight.iter().map(|one| one.wallet).collect();
    assert!(citizens.len() > 2_500 && citizens.len() < fight.len());
    assert!(wallets.len() > 2_500 && wallets.len() < fight.len());
}

#[test]
fn no_id_comes_twice_and_nobody_is_younger_than_the_unborn() {
    let applicants = draw(3);
    let mut seen = BTreeSet::new();
    for one in all(&applicants.early).into_iter().chain(all(&applicants.fight)) {
        assert!(seen.insert(&one.registration_id), "{}", one.registration_id);
        assert!(one.citizen < applicants.unborn && one.wallet < applicants.unborn);
    }
}

#[test]
fn a_body_has_exactly_the_fields_of_a_registration() {
    let body = Application::new(7, 8, &mut Random::new(1)).body();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    let expected = [
        "birth_date",
        "citizen_id",
        "nationality",
        "program",
        "registration_id",
        "wallet_id",
    ];
    assert_eq!(keys, expected);
    assert_eq!(body["wallet_id"], "000000000000008");
    assert_eq!(body["citizen_id"].as_str().unwrap().len(), 13);
}
