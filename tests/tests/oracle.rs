//! The product and the oracle agree: a slice of the campaign that docs/TESTING.md records.

use satang_tests::campaign::{System, run};
use satang_tests::generate::random::seed;
use satang_tests::system::InProcess;

#[test]
fn the_product_agrees_with_the_oracle() {
    let seed = seed("oracle", 20_260_601);
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
