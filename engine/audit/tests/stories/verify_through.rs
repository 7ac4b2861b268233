//! The story: an auditor compares a copy with its source up to the copy's last record, and a journal with a head that was kept.

use crate::verified::{audit, verify, verify_with};
use crate::verify::{assert_clean, buy, served, the_record};
use satang_audit::verify::{Finding, Head, VerifyError, VerifyOptions};

#[test]
fn no_journal_is_decided_through_a_record_that_it_does_not_have() {
    let rig = served();
    let last = verify(&rig.storage).records;
    let through = |through| VerifyOptions {
        through: Some(through),
        ..VerifyOptions::default()
    };
    let all = verify_with(&rig.storage, &through(last));
    assert_clean(&all);
    assert_eq!(all.records, last);
    for beyond in [last + 1, u64::MAX] {
        let refused = audit(&rig.storage, &through(beyond)).0.unwrap_err();
        let VerifyError::ThroughBeyondEnd { through, last: end } = refused else {
            panic!("{refused}");
        };
        assert_eq!((through, end), (beyond, last));
    }
    // Where a journal ends whose end is damaged is not known, so that the damage is what is told.
    let damaged = rig.storage.copy();
    let record = the_record(&rig.storage, |record| record.sequence == last - 1);
    let (file, _) = record.place.split_once(':').unwrap();
    let mut bytes = damaged.bytes(file);
    bytes[record.offset() + 8] ^= 1;
    damaged.set_bytes(file, bytes);
    let report = verify_with(&damaged, &through(u64::MAX));
    assert!(report.damage.is_some());
}

#[test]
fn a_copy_through_a_sequence_is_compared_with_its_source_and_a_kept_head_is_met() {
    let mut rig = served();
    let kept = verify(&rig.storage);
    for number in 200..220 {
        buy(&mut rig, number, 5, 100);
    }
    let through = VerifyOptions {
        through: Some(kept.head.sequence),
        head: Some(kept.head),
        ..VerifyOptions::default()
    };
    let now = verify_with(&rig.storage, &through);
    assert_clean(&now);
    assert_eq!(
        (now.digest, now.head, now.records),
        (kept.digest, kept.head, kept.records)
    );
    assert_ne!(verify(&rig.storage).digest, kept.digest);
    // Read back from what was printed; another hash, or the right one at another sequence, is not met.
    assert_eq!(Head::parse(&kept.head.to_string()), Ok(kept.head));
    let mut other = kept.head;
    other.hash[31] ^= 1;
    let later = Head {
        sequence: kept.head.sequence + 1,
        ..kept.head
    };
    for head in [other, later] {
        let report = verify_with(
            &rig.storage,
            &VerifyOptions {
                head: Some(head),
                ..VerifyOptions::default()
            },
        );
        assert_eq!(report.mismatches_count, 1);
        assert_eq!(report.mismatches[0].what, Finding::ChainElsewhere(head));
    }
}
