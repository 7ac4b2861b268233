//! What the desk decided, counted.

use crate::app::exposition::{heading, line};
use satang_core::desk::Desk;
use satang_engine::desk::DeskOutcome;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the desk was asked to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum DeskKind {
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

impl DeskKind {
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
pub(in crate::app) struct DeskCounts {
    counts: [[AtomicU64; OUTCOMES.len()]; DeskKind::NAMES.len()],
}

impl DeskCounts {
    pub(in crate::app) fn count(&self, kind: DeskKind, outcome: DeskOutcome) {
        let outcome = match outcome {
            DeskOutcome::Recorded { .. } => 0,
            DeskOutcome::Unchanged => 1,
            DeskOutcome::Refused(_) | DeskOutcome::NobodyKnown => 2,
        };
        self.counts[kind as usize][outcome].fetch_add(1, Relaxed);
    }

    /// Appends what was counted, and how the desk stands.
    pub(in crate::app) fn write(&self, desk: &Desk, out: &mut String) {
        let name = "satang_desk_total";
        heading(
            out,
            name,
            "counter",
            "Decisions of the desk, by kind and outcome.",
        );
        for (kind, counts) in DeskKind::NAMES.iter().zip(&self.counts) {
            for (outcome, count) in OUTCOMES.iter().zip(counts) {
                let labels = format!("kind=\"{kind}\",outcome=\"{outcome}\"");
                line(out, name, &labels, count.load(Relaxed));
            }
        }
        let name = "satang_clawbacks_open";
        heading(out, name, "gauge", "Clawback cases with something left.");
        line(out, name, "", desk.cases_open());
        let name = "satang_payouts_frozen";
        heading(
            out,
            name,
            "gauge",
            "Merchants and authorizations whose money is held back.",
        );
        line(out, name, "of=\"merchant\"", desk.merchants_frozen());
        line(
            out,
            name,
            "of=\"authorization\"",
            desk.frozen_authorizations().len(),
        );
    }
}
