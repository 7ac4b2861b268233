//! The command line and its server, from outside: an operator's day. One module for each part of it.

mod access;
mod acquirers;
mod audit;
mod clawbacks;
mod clock;
mod commands;
mod correlation;
mod descriptors;
mod desk;
mod desk_review;
mod erasure;
mod files;
mod folder;
mod holds;
mod households;
mod imports;
mod key_limits;
mod keys;
mod lists;
mod lookup;
mod merchants;
mod metrics;
mod moves;
mod openapi;
mod output;
mod payouts;
mod persons;
mod policy;
mod probes;
mod privacy;
mod progress;
mod quickstart;
mod refusals;
mod registrations;
mod replacements;
mod routes;
mod schema;
mod settings;
mod slips;
mod snapshots;
mod stop;
mod tls;
mod withdrawals;

/// The product, as a program.
const BINARY: &str = env!("CARGO_BIN_EXE_satang_under_test");

/// A refusal is exit 1 and one line, behind the one of the version where a server was to start, that contains all of `words`.
#[track_caller]
fn check_refusal((code, said): (Option<i32>, String), words: &[&str]) {
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line:\n{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}
