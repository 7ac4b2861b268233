//! Open files: connections take none that the journal needs.

use crate::BINARY;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

/// A site whose programs may open only so many files.
fn limited(files_max: u32, folder: &tempfile::TempDir) -> Site {
    let program = folder.path().join("satang");
    let script = format!("#!/bin/sh\nulimit -n {files_max}\nexec '{BINARY}' \"$@\"\n");
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made a program");
    Site::new(program.to_str().expect("text"))
}

#[test]
fn silent_connections_leave_the_journal_its_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = limited(256, &folder);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 2);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    // More than the process may open files; those above its own bound are turned away.
    let silent: Vec<_> = (0..400).map(|_| TcpStream::connect(server.addr())).collect();
    assert!(silent.iter().all(Result::is_ok));
    // Each is a page of its own: more than a segment of them, so that the next one is begun.
    (1..=2_500).for_each(|number| drop(buy(&mut wire, number, 1, 100)));
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("at most 128 connections"), "{said}");
}
