//! Standard output and error are no dependency: whoever reads them may go, stop reading, or have a full disk.

use crate::BINARY;
use satang_tests::process::ServerProcess;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// A site whose server is started by these words of a shell, `"$@"` being the server and its arguments.
fn started_by(words: &str, folder: &tempfile::TempDir) -> Site {
    let program = folder.path().join("satang");
    fs::write(
        &program,
        format!("#!/bin/sh\nset -- '{BINARY}' \"$@\"\n{words}\n"),
    )
    .expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made a program");
    Site::new(program.to_str().expect("text"))
}

/// The server decides, reads its files again, which it says in a line, and ends in order.
fn assert_serves(server: ServerProcess) {
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    drop(buy(&mut wire, 1, 1, 100));
    server.hang_up();
    drop(buy(&mut wire, 2, 1, 100));
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_server_needs_no_standard_error() {
    for words in [
        // Nothing there, a full disk, and a reader that has gone.
        "exec \"$@\" 2>&-",
        "exec \"$@\" 2>/dev/full",
        "mkfifo \"$0.fifo\"; true <\"$0.fifo\" & exec \"$@\" 2>\"$0.fifo\"",
        // A pipe that is full already, and that nobody empties before the server has ended.
        "head -c 65536 /dev/zero >&2; exec \"$@\"",
    ] {
        println!("{words}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = started_by(words, &folder);
        assert_serves(site.serve(&["--clock", NOON]));
    }
}

/// A folder with a purchase in it.
fn used() -> Site {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    drop(buy(
        &mut Wire::open(server.addr()).expect("it listens"),
        1,
        1,
        100,
    ));
    server.terminate();
    assert_eq!(server.wait().0, Some(0));
    site
}

#[test]
fn a_closed_standard_output_ends_what_a_command_prints_and_a_full_one_is_a_failure() {
    let site = used();
    let verify = || {
        let mut command = Command::new(BINARY);
        command
            .arg("verify")
            .arg("--data-dir")
            .arg(site.data_dir())
            .stderr(Stdio::piped());
        command
    };
    let mut closed = verify().stdout(Stdio::piped()).spawn().expect("it starts");
    drop(closed.stdout.take());
    let ended = closed.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("decided again"), "{said}");

    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("there is one");
    let ended = verify().stdout(full).output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.contains("satang: standard output: No space left on device"),
        "{said}"
    );
}
