//! What casework decided, counted.

use crate::app::exposition::counters;
use prometheus::{IntCounter, Registry};
use satang_engine::session::casework::CaseworkOutcome;

/// What casework was asked to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum CaseworkKind {
    MerchantRegistration,
    MerchantStatus,
    Platform,
    MerchantPayout,
    AuthorizationPayout,
    ConsentWithdrawal,
    PersonStatus,
    Erasure,
    Clawback,
    Payment,
    Closing,
}

impl CaseworkKind {
    /// The names in the metrics, in the order of the variants.
    const NAMES: [&'static str; 11] = [
        "merchant_registration",
        "merchant_status",
        "platform",
        "merchant_payout",
        "authorization_payout",
        "consent_withdrawal",
        "person_status",
        "erasure",
        "clawback",
        "clawback_payment",
        "clawback_close",
    ];
}

const OUTCOMES: [&str; 3] = ["recorded", "unchanged", "refused"];

/// Decisions by kind and outcome.
pub(in crate::app) struct CaseworkCounts([[IntCounter; OUTCOMES.len()]; CaseworkKind::NAMES.len()]);

impl CaseworkCounts {
    /// Nothing counted yet.
    pub(in crate::app) fn new(registry: &Registry) -> CaseworkCounts {
        let help = "Decisions of the desk, by kind and outcome.";
        let counts = counters(registry, "satang_desk_total", help, &["kind", "outcome"]);
        CaseworkCounts(
            CaseworkKind::NAMES
                .map(|kind| OUTCOMES.map(|outcome| counts.with_label_values(&[kind, outcome]))),
        )
    }

    pub(in crate::app) fn count(&self, kind: CaseworkKind, outcome: CaseworkOutcome) {
        let outcome = match outcome {
            CaseworkOutcome::Recorded { .. } => 0,
            CaseworkOutcome::Unchanged => 1,
            CaseworkOutcome::Refused(_) | CaseworkOutcome::NobodyKnown => 2,
        };
        self.0[kind as usize][outcome].inc();
    }
}
