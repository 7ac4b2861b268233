//! Ids that all have the same hash, for a hash whose seed is known: each makes the look-up of the next one longer.

use super::beside::{Field, Report, Until, beside};
use super::ground::Orders;
use super::traffic::{connect, declined, send_batch};
use super::{Attack, Verdict};
use crate::wire::Wire;
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "hash-flooding",
    what: "batches of 1,000 purchases whose txn_ids collide under the hash of before it had a seed of its own",
    run: |orders: &Orders| -> anyhow::Result<Verdict> { beside(orders, None, attack) },
};

const BATCH_LEN: u64 = 1_000;
const BATCH_EVERY: Duration = Duration::from_millis(25);
/// How much longer the last batches may take than the first, and how long in any case.
const TIMES_MAX: f64 = 10.0;
const BATCH_MS_MAX: f64 = 250.0;

/// What all ids here are hashed to.
const TARGET: u64 = 0x7A11_0FA1_1E9A_1FED;

/// The word that the hash without a seed made of the first half of an id, before it took the second half.
fn first_half(high: u64) -> u64 {
    let product = u128::from(high ^ 0x1319_8A2E_0370_7344) * 0xE703_7ED1_A0B4_28DB;
    (product >> 64) as u64 ^ product as u64 ^ 0xA409_3822_299F_31D0
}

/// One of the 2^64 ids of that hash.
fn colliding(number: u64) -> u128 {
    u128::from(number) << 64 | u128::from(first_half(number) ^ TARGET)
}

fn attack(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    let mut took_ms = Vec::new();
    let mut wire = Wire::over(connect(field.server.addr())?);
    loop {
        let first = 1 + took_ms.len() as u64 * BATCH_LEN;
        let batch = declined((first..first + BATCH_LEN).map(colliding));
        let sent = Instant::now();
        match send_batch(&mut wire, Some(&field.keys.switch), &batch) {
            Ok(_) => {}
            // A batch that takes longer than a second has said enough.
            Err(error) => {
                let took = sent.elapsed().as_secs_f64() * 1e3;
                return Ok(Report {
                    did: format!("{first} ids; then {error:#} after {took:.0} ms"),
                    wrong: Some(format!("a batch was not answered after {first} colliding ids")),
                });
            }
        }
        took_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        if until.wait(BATCH_EVERY.saturating_sub(sent.elapsed())) {
            break;
        }
    }
    let (first, last) = first_and_last(&took_ms);
    Ok(Report {
        did: format!(
            "{} ids; a batch took {first:.1} ms at first, {last:.1} ms at last",
            took_ms.len() as u64 * BATCH_LEN
        ),
        wrong: (last > (first * TIMES_MAX).max(BATCH_MS_MAX))
            .then(|| format!("a batch took {first:.1} ms at first and {last:.1} ms at last")),
    })
}

/// The medians of the first and of the last tenth.
fn first_and_last(took_ms: &[f64]) -> (f64, f64) {
    let tenth = (took_ms.len() / 10).max(1);
    let median = |part: &[f64]| {
        let mut part = part.to_vec();
        part.sort_unstable_by(f64::total_cmp);
        part[part.len() / 2]
    };
    (
        median(&took_ms[..tenth]),
        median(&took_ms[took_ms.len() - tenth..]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole hash, as it was.
    fn hash(id: u128) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            let mixed = (product >> 64) as u64 ^ product as u64;
            let again = u128::from(mixed ^ (mixed >> 32)) * 0xD6E8_FEB8_6659_FD93;
            (again >> 64) as u64 ^ again as u64
        };
        fold(first_half((id >> 64) as u64) ^ id as u64, 0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn all_ids_have_one_hash_and_are_different() {
        let ids: Vec<u128> = (1..1_000).map(colliding).collect();
        assert!(ids.iter().all(|id| hash(*id) == hash(ids[0])));
        assert_ne!(hash(ids[0] + 1), hash(ids[0]));
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_last_tenth_is_held_against_the_first() {
        let took: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(first_and_last(&took), (5.0, 95.0));
        assert_eq!(first_and_last(&[3.0]), (3.0, 3.0));
    }
}
