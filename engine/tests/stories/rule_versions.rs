//! Rules change under running wallets: versions come, are withdrawn, and add caps to what was counted without one.

use crate::rig::{Rig, enrollment, merchant, request, reversal};
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_core::money::Satang;
use satang_core::outcome::Reason;
use satang_core::programme::Category;
use satang_engine::engine::Submitted;
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::enroll::EnrollmentInput;
use satang_log::storage::MemoryStorage;

const OPEN_ENDED: &str = r#"
id = "open-ended"
name_th = "ไม่จำกัด"
name_en = "Open-ended"
[[benefit]]
id = "all"
state_percent = 100
holder = "person"
caps = { day = 4_294_967_295 }
when_exhausted = "decline"
merchant_categories = ["food_drink"]
[[benefit.channel]]
id = "store"
from = 2026-01-01
to = 2027-12-31
hours = "00:00-24:00"
"#;

/// Registers the merchant and wallet 1 in the open-ended programme.
fn register(rig: &Rig) -> Name {
    let program = Name::parse("open-ended").unwrap();
    rig.engine
        .put_merchants(
            &[MerchantInput {
                programs: vec![program],
                ..merchant(Category::FoodDrink)
            }],
            None,
        )
        .unwrap();
    rig.engine
        .enroll(
            &[EnrollmentInput {
                program,
                ..enrollment(1)
            }],
            None,
        )
        .unwrap();
    program
}

/// A wallet draws more than a bucket counts in a programme that has no cap for the whole of it; then the server restarts, and a
/// later version adds such a cap.
#[test]
fn a_bucket_without_a_cap_may_overflow_and_the_money_still_adds_up() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.engine
        .activate_programs(&[("open-ended.toml".into(), OPEN_ENDED.into())], None)
        .unwrap();
    let program = register(&rig);
    let bill = |txn| {
        let mut request = request(txn, 1, 100_000_000);
        request.purchase.program = program;
        request
    };
    for txn in 0..60 {
        if txn == 40 {
            rig.engine
                .clock()
                .set(rig.engine.now().unwrap().plus_ms(86_400_000))
                .unwrap();
        }
        let Submitted::Decided { record, .. } = rig.engine.authorize(&bill(txn)).unwrap() else {
            panic!()
        };
        assert_eq!(record.state(), Satang::BILL_MAX, "bill {txn}");
        rig.flush();
    }
    rig.engine.reverse(&reversal(1, 0, None)).unwrap();
    rig.flush();
    let mut again = Rig::start(rig.storage.copy());
    assert_eq!(again.digest(), rig.digest());
    let capped = OPEN_ENDED.replace(
        "day = 4_294_967_295",
        "day = 4_294_967_295, program = 4_294_967_295",
    );
    again
        .engine
        .activate_programs(&[("open-ended.toml".into(), capped)], None)
        .unwrap();
    let Submitted::Decided { record, .. } = again.engine.authorize(&bill(100)).unwrap() else {
        panic!()
    };
    again.flush();
    assert_eq!(record.reason(), Reason::ProgramCapExhausted);
}

/// Tomorrow's rule is loaded today, then replaced by one that comes later: the first never counts.
#[test]
fn a_version_that_was_withdrawn_before_it_came_into_force_never_counts() {
    let mut rig = Rig::start(MemoryStorage::default());
    let file = |percent: &str, from: &str| {
        let text = OPEN_ENDED.replace("state_percent = 100", &format!("state_percent = {percent}"));
        let text = text.replace("name_en", &format!("{from}\nname_en"));
        rig_file(text)
    };
    rig.engine.activate_programs(&file("10", ""), None).unwrap();
    rig.engine
        .activate_programs(&file("20", "effective_from = 2026-07-01"), None)
        .unwrap();
    rig.engine
        .activate_programs(&file("30", "effective_from = 2026-08-01"), None)
        .unwrap();
    let program = register(&rig);
    let dates = [
        ("2026-06-30", 100),
        ("2026-07-01", 100),
        ("2026-07-31", 100),
        ("2026-08-01", 300),
    ];
    for (txn, (date, state)) in (1..).zip(dates) {
        rig.engine
            .clock()
            .set(Instant::parse(&format!("{date}T12:00:00+07:00")).unwrap())
            .unwrap();
        let mut request = request(txn, 1, 1_000);
        request.purchase.program = program;
        let Submitted::Decided { record, .. } = rig.engine.authorize(&request).unwrap() else {
            panic!()
        };
        rig.flush();
        assert_eq!(record.state(), Satang::new(state), "{date}");
    }
}

fn rig_file(text: String) -> [(String, String); 1] {
    [("folder/open-ended.toml".into(), text)]
}
