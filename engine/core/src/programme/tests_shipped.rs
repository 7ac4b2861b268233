//! The four programme files that ship say what the letters say.

use super::*;

/// Every shipped file, by name.
const SHIPPED: [(&str, &str); 4] = [
    (
        "khon-la-khrueng-4.toml",
        include_str!("../../../../programs/khon-la-khrueng-4.toml"),
    ),
    (
        "khon-la-khrueng-plus.toml",
        include_str!("../../../../programs/khon-la-khrueng-plus.toml"),
    ),
    (
        "state-welfare-card.toml",
        include_str!("../../../../programs/state-welfare-card.toml"),
    ),
    (
        "thai-chuai-thai-plus-6040.toml",
        include_str!("../../../../programs/thai-chuai-thai-plus-6040.toml"),
    ),
];

fn load(id: &str) -> Program {
    let (file, text) = SHIPPED
        .iter()
        .find(|(file, _)| file.strip_suffix(".toml") == Some(id))
        .unwrap();
    Program::load(file, text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn date(text: &str) -> BusinessDate {
    BusinessDate::parse(text).unwrap()
}

fn caps(benefit: &Benefit) -> Vec<(&'static str, u64)> {
    benefit
        .caps
        .iter()
        .map(|(period, cap)| (period.name(), cap.get()))
        .collect()
}

fn spending(benefit: &Benefit, channel: &str) -> String {
    let channel = benefit.channel(&name(channel)).unwrap();
    let categories: Vec<_> = channel.merchant_categories.iter().map(Category::name).collect();
    format!(
        "{} to {}, {}: {}",
        channel.from,
        channel.to,
        channel.hours,
        categories.join(" ")
    )
}

#[test]
fn every_shipped_file_loads_under_its_own_name() {
    for (file, text) in SHIPPED {
        let program = Program::load(file, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{}.toml", program.id), file);
        assert_eq!(program.hash, *blake3::hash(text.as_bytes()).as_bytes());
        assert!(program.source.is_some(), "{file}");
    }
}

#[test]
fn thai_chuai_thai_plus_6040_says_what_letter_c_says() {
    let program = load("thai-chuai-thai-plus-6040");
    let co_pay = &program.benefits[0];
    assert_eq!(
        (program.benefits.len(), co_pay.state_percent, co_pay.holder),
        (1, 60, Holder::Person)
    );
    assert_eq!(caps(co_pay), [("day", 20_000), ("month", 100_000)]);
    assert_eq!(co_pay.when_exhausted, WhenExhausted::Decline);
    assert_eq!(
        spending(co_pay, "store"),
        "2026-06-01 to 2026-09-30, 06:00-23:00: food_drink general_goods otop village_fund \
         community_enterprise blue_flag public_transport mass_transit unlicensed_transport"
    );
    assert_eq!(
        spending(co_pay, "delivery"),
        "2026-06-15 to 2026-09-30, 06:00-21:00: food_drink"
    );
    for barred in [Category::Massage, Category::Spa, Category::Hair, Category::Nails] {
        assert!(program.benefit_for(barred).is_none(), "{}", barred.name());
    }
    assert_eq!(program.exclusive_with, [name("state-welfare-card")]);

    let registration = program.registration.as_ref().unwrap();
    assert_eq!(
        (registration.opens, registration.closes),
        (date("2026-05-25"), Some(date("2026-05-29")))
    );
    assert_eq!(registration.hours, Hours::parse("06:00-22:00").unwrap());
    assert_eq!(
        (registration.quota, registration.min_age),
        (Some(30_000_000), Some(18))
    );
    assert_eq!(
        registration.excluded_lists,
        [name("state-welfare-card"), name("suspended")]
    );
    assert_eq!(registration.first_use_by, None);
    let merchants = program.merchant_registration.as_ref().unwrap();
    assert_eq!(
        (merchants.opens, merchants.closes),
        (Some(date("2026-05-25")), Some(date("2026-07-31")))
    );
    assert_eq!(merchants.returning_closes, Some(date("2026-09-30")));
    assert_eq!(
        merchants.returning_from,
        Some(Name::parse("khon-la-khrueng-plus").unwrap())
    );
}

#[test]
fn khon_la_khrueng_4_says_what_letter_b_says() {
    let program = load("khon-la-khrueng-4");
    let co_pay = &program.benefits[0];
    assert_eq!(
        (co_pay.state_percent, caps(co_pay)),
        (50, vec![("day", 15_000), ("program", 120_000)])
    );
    assert_eq!(
        spending(co_pay, "delivery"),
        "2022-02-01 to 2022-04-30, 06:00-23:00: food_drink"
    );
    assert!(program.benefit_for(Category::Massage).is_some());
    assert!(program.benefit_for(Category::Otop).is_some());
    assert!(program.benefit_for(Category::CookingGas).is_none());
    assert_eq!(program.usable_from, Some(date("2022-02-17")));
    let merchants = program.merchant_registration.as_ref().unwrap();
    assert_eq!(
        (merchants.opens, merchants.closes, merchants.returning_closes),
        (Some(date("2022-02-01")), None, None)
    );

    let registration = program.registration.as_ref().unwrap();
    assert_eq!(
        (registration.opens, registration.closes),
        (date("2022-02-10"), None)
    );
    assert_eq!((registration.quota, registration.min_age), (None, Some(18)));
    assert_eq!(registration.first_use_by, Some(date("2022-02-28").next().start()));
    let returning = registration.returning.as_ref().unwrap();
    assert_eq!(returning.from_program, name("khon-la-khrueng-3"));
    assert_eq!(
        (returning.opens, returning.usable_from),
        (date("2022-02-01"), date("2022-02-01"))
    );
}

#[test]
fn khon_la_khrueng_plus_has_a_larger_cap_for_tax_filers() {
    let program = load("khon-la-khrueng-plus");
    let co_pay = &program.benefits[0];
    assert_eq!(
        (co_pay.state_percent, caps(co_pay)),
        (50, vec![("day", 20_000), ("program", 200_000)])
    );
    assert_eq!(
        spending(co_pay, "delivery"),
        "2025-11-07 to 2025-12-31, 06:00-21:00: food_drink"
    );

    let registration = program.registration.as_ref().unwrap();
    assert_eq!(
        (registration.opens, registration.closes),
        (date("2025-10-20"), Some(date("2025-10-26")))
    );
    assert_eq!(registration.quota, Some(20_000_000));
    assert_eq!(
        registration.first_use_by,
        Some(Instant::parse("2025-11-11T23:00:00+07:00").unwrap())
    );
    let [tier] = &registration.tiers[..] else {
        panic!("one tier")
    };
    assert_eq!(
        (tier.id, tier.required_list),
        (name("tax-filer"), name("tax-filers"))
    );
    let (benefit, tier_caps) = &tier.caps[0];
    assert_eq!(
        (*benefit, tier_caps.get(CapPeriod::Program)),
        (co_pay.id, Some(Satang::from_baht(2_400)))
    );
    assert_eq!(tier_caps.get(CapPeriod::Day), None);
}

#[test]
fn the_state_welfare_card_pays_five_benefits_in_full() {
    let program = load("state-welfare-card");
    let said: Vec<String> = program
        .benefits
        .iter()
        .map(|benefit| {
            let categories: Vec<_> = benefit.merchant_categories.iter().map(Category::name).collect();
            let (id, percent, holder) = (benefit.id, benefit.state_percent, benefit.holder.name());
            format!(
                "{id} {percent}% {holder} {:?} {}",
                caps(benefit),
                categories.join(" ")
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            r#"goods 100% person [("month", 100000)] blue_flag"#,
            r#"gas 100% person [("quarter", 8000)] cooking_gas"#,
            r#"transport 100% person [("month", 75000)] public_transport mass_transit"#,
            r#"electricity 100% household [("month", 31500)] electricity"#,
            r#"water 100% household [("month", 10000)] water"#,
        ]
    );
    let funded: Vec<_> = program.benefits[0]
        .funded_by
        .iter()
        .map(|f| (f.source.as_str(), f.up_to))
        .collect();
    assert_eq!(funded, [("base", Some(Satang::from_baht(300))), ("top-up", None)]);
    assert_eq!(
        spending(&program.benefits[0], "store"),
        "2026-06-01 to 2026-09-30, 00:00-24:00: blue_flag"
    );
    assert!(program.registration.is_none());
    assert_eq!(program.lists().count(), 0);
}

#[test]
fn names_and_numbers_of_periods_and_categories_are_fixed() {
    for (number, period) in CapPeriod::ALL.into_iter().enumerate() {
        assert_eq!(
            (period as usize, CapPeriod::parse(period.name())),
            (number, Some(period))
        );
    }
    let mut all = CategorySet::EMPTY;
    for (number, category) in Category::ALL.into_iter().enumerate() {
        assert_eq!(
            (category as usize, Category::parse(category.name())),
            (number, Some(category))
        );
        assert!(!all.contains(category) && all.insert(category) && !all.insert(category));
    }
    assert!(all.iter().eq(Category::ALL));
    assert!(CategorySet::EMPTY.is_subset(all) && !all.is_subset(CategorySet::EMPTY));
}
