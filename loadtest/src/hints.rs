//! What to look at first when a server declines or refuses: the question a colleague would ask.

use crate::workload::Kind;

/// About a decline (a rejection) for this reason.
pub fn of_reason(kind: Kind, reason: &str) -> &'static str {
    match reason {
        "program_unknown" => "is --program one of the server's programmes?",
        "program_suspended" => "the programme is paused",
        "merchant_unknown" => "is the merchant imported? (`prepare`, --merchants)",
        "merchant_suspended" => "the merchant is suspended",
        "merchant_not_in_program" | "category_not_allowed" => {
            "were the merchants imported for this programme? (`prepare`)"
        }
        "channel_not_allowed" => "is --channel one of the programme's?",
        "not_in_spending_period" => "the server's date is outside the channel's dates",
        "registration_closed" => "is the registration open on the server's date?",
        "outside_hours" => "the server's clock is outside the opening hours",
        "wallet_unknown" | "not_registered" => "is the wallet enrolled? (`prepare`, --wallets)",
        "wallet_suspended" => "the wallet or its holder is suspended",
        "not_yet_usable" => "the right is usable from a later date on",
        "entitlement_lapsed" => "the right was not used in time",
        "drawn_elsewhere_today" => "the person has drawn on another programme today",
        "daily_cap_exhausted"
        | "monthly_cap_exhausted"
        | "quarterly_cap_exhausted"
        | "program_cap_exhausted" => {
            "the wallets' room is used up, maybe by an earlier run: more --wallets, a later date, or --approved-min"
        }
        "original_not_found" if kind == Kind::Reversal => {
            "the server does not know a purchase that it approved"
        }
        "already_registered" => "did these people register in an earlier run? (--first-person)",
        "wallet_taken" => "the wallet is another citizen's",
        "quota_full" => "no place was left",
        reason if reason.starts_with("excluded:") => "the people are on a list that excludes them",
        _ => "the contract's list of reasons says what it means",
    }
}

/// About an answer of this status with the code of its problem, which may be empty.
pub fn of_status(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (400, _) => "the server finds the request malformed: the first odd answer says where",
        (401, _) => "no key, or one that the server does not know: --key-file",
        (403, _) => {
            "the key has another role: a switch's buys, a registrar's registers, an administrator's prepares"
        }
        (404, _) => "is this a Satang server of this version, with this programme?",
        (409, _) => "the ids came before with other content: another --id-seed",
        (413, _) => "the server takes no body this large: a smaller --batch",
        (503, "disk_full") => "free room on the disk of the server's data folder",
        (503, "storage_failed") => "the server cannot write its journal: its log says why",
        (503, "not_ready") => "wait until /readyz answers 200",
        (503, "overloaded" | "") => {
            "more than the server takes: less --rate or --connections, or allow a share with --overload-max"
        }
        _ => "the server's log says why",
    }
}
