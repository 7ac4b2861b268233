//! What a campaign must meet: one that never met a reason has not tested it.

use satang_tests::generate::{ASKS_DESK, ASKS_HOLDS, ASKS_MOVES, ASKS_RELOADS, ASKS_REPLACEMENTS};

/// Every answer and situation that a campaign of some length comes across, as the tally names it.
pub(super) fn wanted() -> Vec<String> {
    let declines = ["purchase", "quote"].into_iter().flat_map(|kind| {
        let named = OF_PURCHASES.iter();
        named.map(move |reason| format!("{kind} declined {reason}"))
    });
    let parts = [
        (true, &OF_EVERY_CAMPAIGN[..]),
        (ASKS_MOVES, &OF_MOVES[..]),
        (ASKS_HOLDS, &OF_HOLDS[..]),
        (ASKS_REPLACEMENTS, &OF_REPLACEMENTS[..]),
        (ASKS_RELOADS, &OF_RELOADS[..]),
        (ASKS_DESK, &OF_THE_DESK[..]),
    ];
    let asked = parts.into_iter().filter(|(is_asked, _)| *is_asked);
    let named = asked.flat_map(|(_, part)| part.iter().map(|reason| (*reason).to_owned()));
    declines.chain(named).collect()
}

/// Why purchases and quotes are declined.
const OF_PURCHASES: [&str; 19] = [
    "program_unknown",
    "program_suspended",
    "merchant_unknown",
    "merchant_suspended",
    "merchant_not_in_program",
    "category_not_allowed",
    "channel_not_allowed",
    "not_in_spending_period",
    "outside_hours",
    "wallet_unknown",
    "not_registered",
    "wallet_suspended",
    "not_yet_usable",
    "entitlement_lapsed",
    "amount_too_small",
    "daily_cap_exhausted",
    "monthly_cap_exhausted",
    "quarterly_cap_exhausted",
    "program_cap_exhausted",
];

/// What must be met in any case.
const OF_EVERY_CAMPAIGN: [&str; 35] = [
    "purchase approved approved",
    "purchase declined reversed_before_arrival",
    "purchase refused txn_id_conflict",
    "reversal approved approved",
    "reversal approved original_not_found",
    "reversal declined original_not_found",
    "reversal declined original_declined",
    "reversal declined already_reversed",
    "reversal declined exceeds_original",
    "reversal refused reversal_id_conflict",
    "line rejected malformed",
    "line rejected program_unknown",
    "line rejected tier_unknown",
    "line rejected quota_full",
    "list line rejected malformed: citizen_id: must be 13 digits with a valid check digit",
    "list line rejected malformed: citizen_id: has 12 digits: lost its leading zero in a spreadsheet?",
    "list line rejected malformed: citizen_id: is written as a spreadsheet shows large numbers, like 1.1E+12: format the column as text",
    "list line rejected malformed: citizen_id: has Thai digits: write it with the digits 0 to 9",
    "list line rejected malformed: citizen_id: looks like UTF-16: save the file as UTF-8",
    "registration accepted accepted",
    "registration rejected program_unknown",
    "registration rejected program_suspended",
    "registration rejected registration_closed",
    "registration rejected outside_hours",
    "registration rejected not_thai",
    "registration rejected under_age",
    "registration rejected excluded:cards",
    "registration rejected excluded:suspended",
    "registration rejected already_registered",
    "registration rejected wallet_taken",
    "registration rejected quota_full",
    "registration rejected quota_full again",
    "registration refused registration_id_conflict",
    "line rejected wallet_taken",
    "line rejected already_registered",
];

/// What must be met where people move.
const OF_MOVES: [&str; 10] = [
    "purchase declined drawn_elsewhere_today",
    "quote declined drawn_elsewhere_today",
    "move accepted accepted",
    "move accepted accepted again",
    "move rejected program_unknown",
    "move rejected tier_unknown",
    "move rejected wallet_unknown",
    "move rejected not_registered",
    "move rejected already_registered",
    "move rejected quota_full",
];

/// What must be met where holds are taken.
const OF_HOLDS: [&str; 28] = [
    "void approved original_not_found again",
    "hold approved approved",
    "hold declined daily_cap_exhausted",
    "hold declined not_registered",
    "hold declined wallet_unknown",
    "hold declined merchant_unknown",
    "hold declined reversed_before_arrival",
    "hold refused txn_id_conflict",
    "purchase refused txn_id_conflict",
    "capture approved approved",
    "capture declined original_not_found",
    "capture declined original_declined",
    "capture declined hold_closed",
    "capture declined hold_expired",
    "capture declined exceeds_original",
    "void approved approved",
    "void approved original_not_found",
    "void declined original_declined",
    "void declined hold_closed",
    "void declined hold_expired",
    "reversal approved approved",
    "reversal approved original_not_found",
    "reversal declined hold_open",
    "reversal declined already_reversed",
    "reversal declined exceeds_original",
    "reversal declined original_declined",
    "reversal declined original_not_found",
    "purchase declined reversed_before_arrival",
];

/// What must be met where wallets take the place of others.
const OF_REPLACEMENTS: [&str; 9] = [
    "replacement accepted accepted",
    "replacement accepted accepted again",
    "replacement rejected wallet_unknown",
    "replacement rejected not_registered",
    "replacement rejected wallet_taken",
    "purchase cut by the use of another wallet",
    "reversal approved after the right has gone",
    "capture approved after the right has gone",
    "void approved after the right has gone",
];

/// What must be met where programme files change.
const OF_RELOADS: [&str; 2] = ["lapse kept by a reload", "lapse kept by a start"];

/// What must be met where the desk is asked for.
const OF_THE_DESK: [&str; 57] = [
    "joining accepted accepted",
    "joining accepted accepted again",
    "joining accepted accepted returning",
    "joining rejected program_unknown",
    "joining rejected program_suspended",
    "joining rejected merchant_unknown",
    "joining rejected consent_withdrawn",
    "joining rejected merchant_suspended",
    "joining rejected category_not_allowed",
    "joining rejected clawback_open",
    "joining rejected registration_closed",
    "platform accepted accepted",
    "platform accepted accepted again",
    "platform rejected merchant_unknown",
    "platform rejected consent_withdrawn",
    "platform rejected merchant_suspended",
    "platform rejected platform_bound",
    "platform rejected platform_not_bound",
    "line rejected consent_withdrawn",
    "line rejected clawback_open",
    "merchant refused consent_withdrawn",
    "merchant refused clawback_open",
    "merchant status refused consent_withdrawn",
    "payout of a merchant frozen",
    "payout frozen",
    "payout refused nothing_to_pay",
    "withdrawal suspended",
    "withdrawal refused consent_withdrawn",
    "withdrawal refused case_id_conflict",
    "person status suspended",
    "person status active",
    "person status refused person_erased",
    "registration rejected excluded:clawback",
    "registration rejected excluded:erased",
    "line rejected excluded:suspended",
    "line rejected excluded:clawback",
    "line rejected excluded:erased",
    "move rejected excluded:suspended",
    "move rejected excluded:clawback",
    "move rejected excluded:erased",
    "case open",
    "case paid",
    "case refused case_id_conflict",
    "case refused person_erased",
    "payment open",
    "payment paid",
    "payment closed",
    "payment refused case_closed",
    "payment refused exceeds_owed",
    "payment refused payment_id_conflict",
    "closing closed",
    "closing paid",
    "erasure accepted accepted",
    "erasure accepted accepted again",
    "erasure rejected citizen_unknown",
    "erasure rejected wallet_unknown",
    "erasure rejected clawback_open",
];
