//! The product and the oracle agree: a slice of the campaign that docs/TESTING.md records.

use satang_tests::campaign::{System, run};
use satang_tests::system::InProcess;

/// `SATANG_SEED` plays another campaign than the usual one.
fn seed() -> u64 {
    std::env::var("SATANG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_260_601)
}

#[test]
fn the_product_agrees_with_the_oracle() {
    let seed = seed();
    println!("SATANG_SEED={seed} cargo test -p satang-tests --test oracle");
    let mut make = |programmes: &[(String, String)], start: &str| {
        Box::new(InProcess::new(programmes, start)) as Box<dyn System>
    };
    match run(seed, 60_000, &mut make) {
        Ok(stats) => assert!(
            stats.steps >= 60_000 && stats.restarts > 100 && stats.replays > 1_000 && stats.old_replays > 500,
            "{stats:?}"
        ),
        Err(failure) => panic!("{failure}"),
    }
}
