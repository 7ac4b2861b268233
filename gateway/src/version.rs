//! Which program this is.

/// The version, and the commit it was built from with its date: `0.1.0 (commit 49b855c6f1, 2026-11-30)`.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SATANG_BUILT_COMMIT"),
    ", ",
    env!("SATANG_BUILT_COMMIT_DATE"),
    ")"
);
