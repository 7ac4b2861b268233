//! The English half of the page. Years are C.E.

use super::baht;
use super::story::{REVERSALS_TOLD_MAX, Reversal, Story, Wallet};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::policy::CapPeriod;

/// The half page, line by line.
pub(super) fn lines(story: &Story, wallet: Option<&Wallet>) -> Vec<String> {
    let told = &story.explanation;
    let program = told.program_name_en.as_deref().unwrap_or(&told.program);
    let mut lines = vec![
        format!("Purchase {}", story.txn_id),
        format!("Programme {program}, wallet ending in {}", story.wallet_end()),
        format!(
            "Bought {} at merchant {} on {}",
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
    reversals(story, &mut lines);
    if let Some(left) = wallet.and_then(|wallet| wallet.remaining(told)) {
        let rooms = left
            .iter()
            .map(|(period, room)| format!("{} baht {}", baht(room), this(period)));
        lines.push(format!(
            "Left at this moment: {}",
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
    lines.push(format!(
        "Result: approved. The state paid {} baht, the citizen {} baht",
        baht(story.state_amount),
        baht(story.citizen_amount)
    ));
    if let (Some(percent), Some(share)) = (told.state_percent, told.share_before_caps) {
        lines.push(format!(
            "  The state's share is {percent}% of {} baht: {} baht",
            baht(told.eligible_amount),
            baht(share)
        ));
    }
    if let Some(rooms) = &told.room_before {
        let rooms = rooms
            .iter()
            .map(|(period, room)| format!("{} baht {}", baht(room), under(period)));
        lines.push(format!(
            "  Room left before: {}",
            rooms.collect::<Vec<_>>().join(", ")
        ));
    }
    match story.limited_by {
        Some(period) => lines.push(format!(
            "  There was less room {}, so the state paid only {} baht",
            under(period),
            baht(story.state_amount)
        )),
        None => lines.push("  There was room enough, so the state paid its whole share".to_owned()),
    }
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
        Reason::NotInSpendingPeriod => match told.spending.first() {
            Some(spending) => format!(
                "It may be used from {} to {}.",
                date(spending.from),
                date(spending.to)
            ),
            None => "It could not be used on that day.".into(),
        },
        Reason::OutsideHours => match told
            .spending
            .first()
            .and_then(|spending| spending.hours.split_once('-'))
        {
            Some((from, to)) => format!("It may be used from {from} until before {to}, every day."),
            None => "It could not be used at that hour.".into(),
        },
        Reason::WalletUnknown => "This wallet was not registered in any programme at that time.".into(),
        Reason::NotRegistered => "This wallet had no entitlement in the programme at that time.".into(),
        Reason::WalletSuspended => {
            "This wallet was suspended at that time; what is left of its entitlement stays.".into()
        }
        Reason::NotYetUsable => match wallet.and_then(|wallet| wallet.usable_from(told)) {
            Some(from) => format!("This entitlement may be used from {} on.", date(from)),
            None => "This entitlement may not be used yet.".into(),
        },
        Reason::EntitlementLapsed => "This entitlement was not used in time and has lapsed.".into(),
        Reason::DrawnElsewhereToday => {
            "Only one of the programmes may be used on one day; tomorrow it may be used again.".into()
        }
        Reason::AmountTooSmall => match told.state_percent {
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
    let cap = story.explanation.caps.as_ref().and_then(|caps| caps.get(period));
    let cap = cap.map_or_else(String::new, |cap| format!(" of {} baht", baht(cap)));
    format!("The {what} allowance{cap} was used up before this purchase{again}.")
}

fn reversals(story: &Story, lines: &mut Vec<String>) {
    let given = &story.reversals;
    if given.is_empty() {
        return;
    }
    lines.push("Given back since:".to_owned());
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
    let why = match reversal.cause {
        ReversalCause::Timeout => "the payment network got no answer in time",
        ReversalCause::CustomerRefund => "refund to the customer",
        ReversalCause::MerchantError => "the merchant's mistake",
    };
    format!(
        "  {}, {why}: {} baht to the state, {} baht to the citizen",
        instant(reversal.decided_at),
        baht(reversal.state_amount),
        baht(reversal.citizen_amount)
    )
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
