//! Every answer that is written by hand is of its shape: read into it and written from it, its bytes are the same. So no field lacks,
//! none is too much, and they stand in the shape's order.

use super::problem::Problem;
use super::render::{self, AuthorizationAnswer, BatchResult, RegistrationAnswer};
use super::tests_holds::{ended, funding, held, original};
use super::tests_registration;
use super::tests_render::{approved, at, purchase, record, with_extra};
use satang_api as api;
use satang_core::decide::authorize::Verdict;
use satang_core::ids::{Name, RegistrationId};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, RegistrationReason, ReversalReason};
use satang_core::programme::CapPeriod;
use satang_core::record::{Extension, ReturnKind, ReversalRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[track_caller]
fn check<T: Serialize + DeserializeOwned>(write: impl FnOnce(&mut Vec<u8>)) {
    let mut written = Vec::new();
    write(&mut written);
    let text = String::from_utf8(written).unwrap();
    let shape: T = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    assert_eq!(serde_json::to_string(&shape).unwrap(), text);
}

fn sources() -> [Name; 4] {
    ["base", "top-up", "c", "d"].map(|name| Name::parse(name).unwrap())
}

/// Every reason under every set of caps, each cap as the one that limits, with and without sources.
fn verdicts() -> Vec<Verdict> {
    let mut all = Vec::new();
    let limits = CapPeriod::ALL.map(Some).into_iter().chain([None]);
    for (limited_by, caps) in limits.flat_map(|limit| (1..16).map(move |caps| (limit, caps))) {
        for len in 0..=4 {
            all.push(Verdict {
                caps,
                limited_by,
                headroom_before: [u32::MAX; 4],
                funding: (len > 0).then(|| funding([10_000, 3_200, 0, 0], len)),
                ..approved()
            });
        }
        let declined = Reason::ALL
            .into_iter()
            .filter(|reason| *reason != Reason::Approved);
        all.extend(declined.map(|reason| Verdict {
            reason,
            caps,
            state: Satang::ZERO,
            ..approved()
        }));
    }
    all
}

/// Every reason of what follows a purchase, approved and declined, voiding or not, with and without sources.
fn returns(act: ReturnKind) -> Vec<ReversalRecord> {
    let mut all = Vec::new();
    for reason in ReversalReason::ALL {
        for approved in [false, true] {
            all.push(ended(act, reason, approved, [5_280, 4_720, 15_000]));
        }
    }
    all
}

#[test]
fn authorizations_holds_and_quotes_are_of_their_shapes() {
    for verdict in verdicts() {
        let funded = Extension::NONE.of_sources(verdict.funding);
        for (extension, replayed) in [
            (funded, false),
            (funded, true),
            (held().of_sources(verdict.funding), false),
            (held().of_sources(verdict.funding), true),
        ] {
            let record = with_extra(&verdict, extension);
            check::<api::Authorization>(|out| render::authorization(&record, &sources(), replayed, out));
        }
        check::<api::Quote>(|out| render::quote(&verdict, &sources(), at(), &purchase(), out));
    }
}

#[test]
fn what_follows_a_purchase_is_of_its_shape() {
    for replayed in [false, true] {
        for record in returns(ReturnKind::Reversal) {
            check::<api::Reversal>(|out| render::reversal(&record, &[], replayed, out));
        }
        for record in returns(ReturnKind::Capture)
            .into_iter()
            .chain(returns(ReturnKind::Void))
        {
            check::<api::Closing>(|out| render::closing(&record, replayed, out));
        }
        for (voids, len) in [(false, 1), (false, 2), (false, 3), (false, 4), (true, 2)] {
            let record =
                super::tests_holds::refund(Some(funding([1_000, 5_000, 0, 0], len)), voids, original());
            check::<api::Reversal>(|out| render::reversal(&record, &sources(), replayed, out));
        }
    }
}

#[test]
fn registrations_are_of_their_shape() {
    let list = Name::parse("state-welfare-card").unwrap();
    for reason in RegistrationReason::ALL {
        let ticket = u64::from(reason == RegistrationReason::Accepted) * 77;
        let record = tests_registration::record(reason, ticket, 56);
        for replayed in [false, true] {
            let decided = RegistrationAnswer::Decided {
                record: &record,
                list: (reason == RegistrationReason::Excluded).then_some(list),
                replayed,
            };
            check::<api::RegistrationAnswer>(|out| render::registration(&decided, out));
        }
    }
    let told = RegistrationAnswer::QuotaFullNotified {
        registration_id: RegistrationId::from_bits(0xAB),
        sequence: 56,
    };
    check::<api::RegistrationAnswer>(|out| render::registration(&told, out));
    let problem = Problem::registration_id_conflict();
    let results = [BatchResult::Outcome(told), BatchResult::Problem(&problem)];
    let one = |answer: RegistrationAnswer<'_>, out: &mut Vec<u8>| render::registration(&answer, out);
    check::<api::RegistrationBatch>(|out| render::batch(results, one, out));
}

#[test]
fn batches_and_problems_are_of_their_shapes() {
    let record = record(&approved());
    let decided = AuthorizationAnswer {
        record: &record,
        replayed: false,
    };
    let malformed = Problem::malformed_field("amount", "must be 1 to 100000000");
    let results = [BatchResult::Outcome(decided), BatchResult::Problem(&malformed)];
    let one = |answer: AuthorizationAnswer<'_>, out: &mut Vec<u8>| {
        render::authorization(answer.record, &[], answer.replayed, out);
    };
    check::<api::Batch>(|out| render::batch(results, one, out));
    for problem in [
        malformed,
        Problem::overloaded(),
        Problem::new(400, "malformed", "The request is malformed.", ""),
    ] {
        check::<api::Problem>(|out| problem.write(out));
    }
}
