//! A journal in memory, as an auditor is told of it.

#![allow(dead_code, reason = "each test file uses its part of it")]

use satang_audit::verify::{Derived, Report, VerifyError, VerifyOptions, verify_storage};
use satang_log::storage::MemoryStorage;
use std::sync::Arc;

/// What verification says, and the disk it worked on.
pub fn audit(
    storage: &MemoryStorage,
    options: &VerifyOptions,
) -> (Result<Report, VerifyError>, MemoryStorage) {
    let derived = Derived::list(storage).unwrap();
    let storage = Arc::new(storage.copy());
    let work = MemoryStorage::default();
    let report = verify_storage(&storage, &derived, &work, options, &mut |_, _| {});
    assert_eq!(storage.operations(), 0, "nothing is written");
    (report, work)
}

pub fn verify_with(storage: &MemoryStorage, options: &VerifyOptions) -> Report {
    audit(storage, options).0.unwrap()
}

pub fn verify(storage: &MemoryStorage) -> Report {
    verify_with(storage, &VerifyOptions::default())
}

/// What the report says against the journal.
pub fn told(report: &Report) -> Vec<String> {
    report.mismatches.iter().map(ToString::to_string).collect()
}
