//! What casework decided, counted.

use crate::app::exposition::{heading, line};
use satang_core::state::casework::Casework;
use satang_engine::session::casework::CaseworkOutcome;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
#[derive(Default)]
pub(in crate::app) struct CaseworkCounts {
    counts: [[AtomicU64; OUTCOMES.len()]; CaseworkKind::NAMES.len()],
}

impl CaseworkCounts {
    pub(in crate::app) fn count(&self, kind: CaseworkKind, outcome: CaseworkOutcome) {
        let outcome = match outcome {
            CaseworkOutcome::Recorded { .. } => 0,
            CaseworkOutcome::Unchanged => 1,
            CaseworkOutcome::Refused(_) | CaseworkOutcome::NobodyKnown => 2,
        };
        self.counts[kind as usize][outcome].fetch_add(1, Relaxed);
    }

    /// Appends what was counted, and how casework stands.
    pub(in crate::app) fn write(&self, casework: &Casework, out: &mut String) {
        let name = "satang_desk_total";
        heading(
            out,
            name,
            "counter",
            "Decisions of the desk, by kind and outcome.",
        );
        for (kind, counts) in CaseworkKind::NAMES.iter().zip(&self.counts) {
            for (outcome, count) in OUTCOMES.iter().zip(counts) {
                let labels = format!("kind=\"{kind}\",outcome=\"{outcome}\"");
                line(out, name, &labels, count.load(Relaxed));
            }
        }
        let name = "satang_clawbacks_open";
        heading(out, name, "gauge", "Clawback cases with something left.");
        line(out, name, "", casework.cases_open());
        let name = "satang_payouts_frozen";
        heading(
            out,
            name,
            "gauge",
            "Merchants and authorizations whose money is held back.",
        );
        line(out, name, "of=\"merchant\"", casework.merchants_frozen());
        line(
            out,
            name,
            "of=\"authorization\"",
            casework.frozen_authorizations().len(),
        );
    }
}
