//! The English half of the page. Years are C.E.

use super::baht;
use super::story::{self, REVERSALS_TOLD_MAX, Reversal, Story};
use satang_api::{Act, FundingPart, HoldState, Wallet};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::programme::CapPeriod;

/// The half page, line by line.
pub(super) fn lines(story: &Story, wallet: Option<&Wallet>) -> Vec<String> {
    let told = &story.explanation;
    let program = told.program_name_en.as_deref().unwrap_or(&told.program);
    let mut lines = vec![
        format!("Purchase {}", story.txn_id),
        format!("Programme {program}, wallet ending in {}", story.wallet_end()),
        format!(
            "{} {} at merchant {} on {}",
            if story.is_hold() { "Ordered" } else { "Bought" },
            channel(&told.channel),
            told.merchant_id,
            instant(story.decided_at)
        ),
        format!(
            "Bill {} baht, of which the state may share {} baht",
            baht(told.amount),
            baht(told.eligible_amount)
        ),
    ];
    match story.reason {
        Reason::Approved => approved(story, &mut lines),
        _ => {
            lines.push(format!("Result: declined, {}", story.reason.english()));
            lines.push(format!("  {}", declined(story, wallet)));
        }
    }
    hold(story, &mut lines);
    reversals(story, &mut lines);
    if let Some(left) = wallet.and_then(|wallet| story::left_now(wallet, told)) {
        let rooms =
            story::headroom(left).map(|(period, room)| format!("{} baht {}", baht(room), this(period)));
        lines.push(format!(
            "{} at this moment: {}",
            if story.household_end().is_some() {
                "Left for the household"
            } else {
                "Left"
            },
            rooms.collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(version) = story.short_version() {
        let source = told.rule_source.as_deref().unwrap_or("no source given");
        lines.push(format!("Rule: {source} (version {version})"));
    }
    lines
}

fn approved(story: &Story, lines: &mut Vec<String>) {
    let told = &story.explanation;
    let (state, citizen) = (baht(story.state_amount), baht(story.citizen_amount));
    lines.push(match story.is_hold() {
        false => format!("Result: approved. The state paid {state} baht, the citizen {citizen} baht"),
        true => {
            format!("Result: approved and held. Of the state {state} baht, of the citizen {citizen} baht")
        }
    });
    if let (Some(percent), Some(share)) = (told.state_percent.0, told.share_before_caps.0) {
        lines.push(format!(
            "  The state's share is {percent}% of {} baht: {} baht",
            baht(told.eligible_amount),
            baht(share)
        ));
    }
    if let Some(rooms) = &told.room_before.0 {
        let rooms =
            story::headroom(rooms).map(|(period, room)| format!("{} baht {}", baht(room), under(period)));
        let of = story.household_end().map(household).unwrap_or_default();
        lines.push(format!(
            "  Room left before{of}: {}",
            rooms.collect::<Vec<_>>().join(", ")
        ));
    }
    let pays = if story.is_hold() { "pays" } else { "paid" };
    lines.push(match story.limited_by {
        Some(period) => format!(
            "  There was less room {}, so the state {pays} only {state} baht",
            under(period)
        ),
        None => format!("  There was room enough, so the state {pays} its whole share"),
    });
    if !story.funding.is_empty() {
        let source = |source: &FundingPart| format!("{} baht from {}", baht(source.amount), source.source);
        let sources: Vec<String> = story.funding.iter().map(source).collect();
        lines.push(format!("  The state's part came from: {}", sources.join(", ")));
    }
}

fn household(end: &str) -> String {
    format!(" for the household ending in {end}, which shares it")
}

/// What became of a hold.
fn hold(story: &Story, lines: &mut Vec<String>) {
    let Some((state, expires)) = story.hold.zip(story.expires_at) else {
        return;
    };
    let expires = instant(expires);
    lines.push(match state {
        HoldState::Open => format!("Held until {expires}; nothing is paid before it is captured"),
        HoldState::Captured => "The hold was captured: that is when it was paid".to_owned(),
        HoldState::Voided => "The hold was voided: nothing was paid, and the room is free again".to_owned(),
        HoldState::Expired => {
            format!(
                "The hold ended on {expires} without a capture: nothing was paid, and the room is free again"
            )
        }
    });
}

/// Why it was declined, in a sentence.
fn declined(story: &Story, wallet: Option<&Wallet>) -> String {
    let told = &story.explanation;
    match story.reason {
        Reason::Approved => String::new(),
        Reason::ReversedBeforeArrival => {
            "The payment network cancelled this purchase before it reached us; nothing was charged.".into()
        }
        Reason::ProgramUnknown => format!("No programme named {} was in force at that time.", told.program),
        Reason::ProgramSuspended => {
            "The programme was paused at that time; try again once it goes on.".into()
        }
        Reason::MerchantUnknown => "This merchant was not registered at that time.".into(),
        Reason::MerchantSuspended => {
            "This merchant was suspended at that time; another one may be used.".into()
        }
        Reason::MerchantNotInProgram => {
            "This merchant took no part in the programme at that time; one that does may be used.".into()
        }
        Reason::CategoryNotAllowed => "The programme does not cover this kind of merchant.".into(),
        Reason::ChannelNotAllowed => {
            format!(
                "The programme or the merchant takes no purchases {}.",
                channel(&told.channel)
            )
        }
        Reason::NotInSpendingPeriod => match story.spending.first() {
            Some(spending) => format!(
                "It may be used from {} to {}.",
                date(spending.from),
                date(spending.to)
            ),
            None => "It could not be used on that day.".into(),
        },
        Reason::OutsideHours => match story
            .spending
            .first()
            .and_then(|spending| spending.hours.split_once('-'))
        {
            Some((from, to)) => format!("It may be used from {from} until before {to}, every day."),
            None => "It could not be used at that hour.".into(),
        },
        Reason::WalletUnknown => "This wallet was not registered in any programme at that time.".into(),
        Reason::NotRegistered => {
            "This wallet had no entitlement in the programme at that time, or no household for one that households share."
                .into()
        }
        Reason::WalletSuspended => {
            "This wallet was suspended at that time; what is left of its entitlement stays.".into()
        }
        Reason::NotYetUsable => match wallet.and_then(|wallet| story::usable_from(wallet, told)) {
            Some(from) => format!("This entitlement may be used from {} on.", date(from)),
            None => "This entitlement may not be used yet.".into(),
        },
        Reason::EntitlementLapsed => "This entitlement was not used in time and has lapsed.".into(),
        Reason::DrawnElsewhereToday => {
            "Only one of the programmes may be used on one day; tomorrow it may be used again.".into()
        }
        Reason::AmountTooSmall => match told.state_percent.0 {
            Some(percent) => format!(
                "{percent}% of {} baht is less than one satang, so there is nothing to share.",
                baht(told.eligible_amount)
            ),
            None => "The state's share is less than one satang.".into(),
        },
        Reason::DailyCapExhausted => exhausted(story, CapPeriod::Day),
        Reason::MonthlyCapExhausted => exhausted(story, CapPeriod::Month),
        Reason::QuarterlyCapExhausted => exhausted(story, CapPeriod::Quarter),
        Reason::ProgramCapExhausted => exhausted(story, CapPeriod::Program),
    }
}

fn exhausted(story: &Story, period: CapPeriod) -> String {
    let (what, again) = match period {
        CapPeriod::Day => ("daily", "; there is room again the next day"),
        CapPeriod::Month => ("monthly", "; there is room again the next month"),
        CapPeriod::Quarter => ("quarterly", "; there is room again the next quarter"),
        CapPeriod::Program => ("whole", ""),
    };
    let cap = story
        .explanation
        .caps
        .as_ref()
        .and_then(|caps| story::cap(caps, period));
    let cap = cap.map_or_else(String::new, |cap| format!(" of {} baht", baht(cap)));
    format!("The {what} allowance{cap} was used up before this purchase{again}.")
}

fn reversals(story: &Story, lines: &mut Vec<String>) {
    let given = &story.reversals;
    if given.is_empty() {
        return;
    }
    let since = if story.is_hold() {
        "Since then:"
    } else {
        "Given back since:"
    };
    lines.push(since.to_owned());
    if story.has_earlier_reversals || given.len() > REVERSALS_TOLD_MAX {
        lines.push("  (there were earlier ones)".to_owned());
    }
    let told = given.iter().skip(given.len().saturating_sub(REVERSALS_TOLD_MAX));
    lines.extend(told.map(reversal));
    lines.push(format!(
        "  Of the bill, {} baht is not given back",
        baht(story.left)
    ));
}

fn reversal(reversal: &Reversal) -> String {
    let (at, state, citizen) = (
        instant(reversal.decided_at),
        baht(reversal.state_amount),
        baht(reversal.citizen_amount),
    );
    let why = match (reversal.act, reversal.cause) {
        (Act::Capture, _) => {
            let captured = baht(reversal.left);
            return format!("  {at}, captured {captured} baht; of the rest nothing was paid");
        }
        (Act::Void, _) => return format!("  {at}, the hold was voided"),
        (Act::Reversal, Some(ReversalCause::Timeout)) => "the payment network got no answer in time",
        (Act::Reversal, Some(ReversalCause::CustomerRefund)) => "refund to the customer",
        (Act::Reversal, Some(ReversalCause::MerchantError)) => "the merchant's mistake",
        (Act::Reversal, None) => "no cause was given",
    };
    format!("  {at}, {why}: {state} baht to the state, {citizen} baht to the citizen")
}

fn channel(id: &str) -> String {
    match id {
        "store" => "in the shop".to_owned(),
        "delivery" => "through food delivery".to_owned(),
        other => format!("through channel {other}"),
    }
}

/// A cap by its period.
fn under(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "for the day",
        CapPeriod::Month => "for the month",
        CapPeriod::Quarter => "for the quarter",
        CapPeriod::Program => "for the whole programme",
    }
}

/// The running period.
fn this(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "today",
        CapPeriod::Month => "this month",
        CapPeriod::Quarter => "this quarter",
        CapPeriod::Program => "for the whole programme",
    }
}

/// A day, like 15 June 2026.
fn date(date: BusinessDate) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day) = date.ymd();
    format!("{day} {} {year}", MONTHS[month as usize - 1])
}

fn instant(at: Instant) -> String {
    format!("{} at {}", date(at.business_date()), &at.to_string()[11..16])
}
