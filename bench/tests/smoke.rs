//! Every row of `measure` runs, with numbers too small to mean anything; nothing here is timed.

use clap::Parser;
use satang_bench::measure::{Options, measure};

#[test]
fn every_row_is_measured_with_small_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "measure",
        "--wallets=2000",
        "--ladder=500,2000",
        "--merchants=10",
        "--seconds=0.2",
        "--rounds=2",
        "--batches=10,100",
        "--calls=2000",
        "--authorizations=20000",
        "--old-days=2",
        "--per-old-day=10000",
        "--segments=200",
        "--late=500",
        "--ids=v4",
        "--enroll=record",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ];
    let report = measure(&Options::parse_from(arguments)).unwrap();
    for target in ["P1", "P12", "P5", "P6", "P7", "P8", "P9"] {
        let mut of_target = report.figures().iter().filter(|figure| figure.target == target);
        assert!(of_target.next().is_some(), "{target}");
    }
    let per_record = report
        .figures()
        .iter()
        .find(|figure| figure.target == "P12")
        .unwrap();
    assert!(per_record.median() >= 96.0, "a record has 96 bytes");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
