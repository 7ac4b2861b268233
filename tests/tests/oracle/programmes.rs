//! The random programme files are programme files.

use satang_tests::generate::programmes::random_files;
use satang_tests::generate::random::Random;
use satang_tests::generate::{ASKS_DESK, ASKS_HOUSEHOLDS, ASKS_MOVES};
use satang_tests::oracle::calendar::Date;
use satang_tests::oracle::programme::Programme;

#[test]
fn every_random_file_can_be_read() {
    let mut random = Random::new(1);
    let (mut registrations, mut tiers, mut returning) = (0, 0, 0);
    let (mut households, mut sources, mut exclusive) = (0, [0; 5], 0);
    let (mut windows, mut coming_back) = (0, 0);
    for _ in 0..200 {
        let day = Date::new(2026, random.between(1, 12), 28).unwrap();
        for (name, text) in random_files(&mut random, 3, day) {
            let programme =
                Programme::read(&text).unwrap_or_else(|reason| panic!("{name}: {reason}\n{text}"));
            assert!(programme.benefits.iter().all(|benefit| !benefit.caps.is_empty()));
            exclusive += usize::from(!programme.exclusive_with.is_empty());
            if let Some(window) = &programme.merchant_registration {
                windows += 1;
                coming_back += usize::from(window.returning_from.is_some());
            }
            for benefit in &programme.benefits {
                households += usize::from(benefit.household);
                sources[benefit.funded_by.len()] += 1;
            }
            let Some(registration) = programme.registration else {
                continue;
            };
            registrations += 1;
            tiers += registration.tiers.len();
            returning += usize::from(registration.returning.is_some());
            assert!(registration.tiers.iter().all(|tier| !tier.caps.is_empty()));
        }
    }
    assert!(registrations > 300 && tiers > 200 && returning > 100);
    assert!(!ASKS_MOVES || exclusive > 200);
    assert!(!ASKS_DESK || windows > 300 && coming_back > 100);
    if ASKS_HOUSEHOLDS {
        assert!(households > 200 && sources.iter().all(|count| *count > 50));
    }
}
