use super::*;
use crate::calendar::Instant;
use crate::record::{EnrollmentFacts, EnrollmentRecord};

#[test]
fn a_suspension_reaches_every_slot_whether_it_came_before_or_after() {
    let (wallet, person) = (WalletId::from_number(7), PersonId::from_number(1).unwrap());
    let at = Instant::parse("2026-06-15T12:00:00+07:00").unwrap();
    let enrollment = |benefit| {
        let facts = EnrollmentFacts {
            wallet,
            person,
            program: NameNumber(1),
            benefit: BenefitNumber(benefit),
            household: None,
            tier: NameNumber::UNKNOWN,
            usable_from: None,
            granted: true,
            earlier: None,
            returning: false,
            several: false,
            linked: None,
        };
        EnrollmentRecord::new(at, NameNumber::UNKNOWN, &facts)
    };
    let mut shard = WalletShard::new(HashSeed::from_bytes([7; 16]));
    let status = |shard: &WalletShard, benefit| {
        let standing = shard.standing(wallet, BenefitNumber(benefit));
        standing.map(|standing| (standing.status, standing.entitlement.is_some()))
    };
    assert_eq!(status(&shard, 1), None);
    shard.apply_enrollment(&enrollment(1));
    assert_eq!(status(&shard, 1), Some((Status::Active, true)));
    shard.apply_status(wallet, Status::Suspended);
    shard.apply_enrollment(&enrollment(5));
    for (benefit, enrolled) in [(1, true), (5, true), (3, false)] {
        assert_eq!(status(&shard, benefit), Some((Status::Suspended, enrolled)));
    }
    shard.apply_status(wallet, Status::Active);
    for benefit in [1, 5] {
        assert_eq!(status(&shard, benefit), Some((Status::Active, true)));
    }
}
