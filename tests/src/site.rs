//! The command line from outside: a data folder, servers on it, and commands that end by themselves.

use crate::crash::{citizen_id, wallet_id};
use crate::process::{ServerProcess, ServerSpec, shipped_programs, wait_for};
use crate::wire::Wire;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The programme of every request here.
pub const PROGRAM: &str = "thai-chuai-thai-plus-6040";
/// The merchant of every request here.
pub const MERCHANT: &str = "010555012345678";
/// Noon of a day on which the programme is used.
pub const NOON: &str = "simulated:2026-06-15T12:00:00+07:00";

/// A temporary folder with a data folder in it.
pub struct Site {
    binary: PathBuf,
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words.
    pub stderr: String,
}

impl Site {
    /// A site without a data folder yet.
    ///
    /// # Panics
    /// When there is no temporary folder.
    pub fn new(binary: &str) -> Site {
        Site {
            binary: PathBuf::from(binary),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// A path in the temporary folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// A file in the temporary folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Starts a server at noon, with small segments and these further arguments, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub fn serve(&self, args: &[&str]) -> ServerProcess {
        self.with_spec(args, ServerProcess::start)
            .expect("the server starts")
    }

    /// Starts a server on another data folder and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub fn serve_folder(&self, data_dir: &Path, args: &[&str]) -> ServerProcess {
        let spec = ServerSpec {
            binary: &self.binary,
            data_dir,
            programs: &shipped_programs(),
            args,
        };
        ServerProcess::start(&spec).expect("the server starts")
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts a server and waits for nothing.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn spawn(&self, args: &[&str]) -> ServerProcess {
        self.with_spec(args, ServerProcess::spawn)
            .expect("the program is there")
    }

    /// The same at another address than 127.0.0.1.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn spawn_at(&self, address: &str, args: &[&str]) -> ServerProcess {
        let start = |spec: &ServerSpec<'_>| ServerProcess::spawn_at(address, spec);
        self.with_spec(args, start).expect("the program is there")
    }

    /// Starts a server that must refuse; its exit code and words.
    pub fn refused(&self, args: &[&str]) -> (Option<i32>, String) {
        self.spawn(args).wait_for_refusal()
    }

    fn with_spec<T>(&self, args: &[&str], start: impl FnOnce(&ServerSpec<'_>) -> T) -> T {
        let (data_dir, shipped) = (self.data_dir(), shipped_programs());
        // A later flag of the same name would be refused: the caller's programmes replace the shipped ones.
        let (own, rest): (Vec<&str>, Vec<&str>) = args.iter().partition(|arg| arg.starts_with("programs="));
        let programs = own
            .first()
            .map_or(shipped, |own| PathBuf::from(&own["programs=".len()..]));
        let mut all = vec!["--segment-mib", "8"];
        all.extend(rest);
        start(&ServerSpec {
            binary: &self.binary,
            data_dir: &data_dir,
            programs: &programs,
            args: &all,
        })
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Ended {
        self.run_with(&[], args)
    }

    /// The same with these environment variables.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn run_with<A: AsRef<OsStr>>(&self, variables: &[(&str, &str)], args: &[A]) -> Ended {
        self.run_on(Stdio::null(), variables, args)
    }

    /// Runs a command to its end that reads a file from its standard input.
    ///
    /// # Panics
    /// When there is no such program, or no such file.
    pub fn run_from<A: AsRef<OsStr>>(&self, file: &Path, args: &[A]) -> Ended {
        self.run_on(File::open(file).expect("a file").into(), &[], args)
    }

    fn run_on<A: AsRef<OsStr>>(&self, stdin: Stdio, variables: &[(&str, &str)], args: &[A]) -> Ended {
        let (mut stdout, mut stderr) = (captured(), captured());
        let handle = |file: &File| Stdio::from(file.try_clone().expect("a file"));
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env_remove("SATANG_KEY")
            .envs(variables.iter().copied())
            .stdin(stdin)
            .stdout(handle(&stdout))
            .stderr(handle(&stderr));
        let mut running = Running(command.spawn().expect("the program is there"));
        let code = wait_for(&mut running.0, || {}).code();
        let text = |file: &mut File| {
            let mut text = String::new();
            file.rewind()
                .and_then(|()| file.read_to_string(&mut text))
                .expect("it writes text");
            text
        };
        Ended {
            code,
            stdout: text(&mut stdout),
            stderr: text(&mut stderr),
        }
    }

    /// A copy of the data folder, as a site of its own.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn copy(&self) -> Site {
        let copy = Site {
            binary: self.binary.clone(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        copy_folder(&self.data_dir(), &copy.data_dir());
        copy
    }

    /// The segment files, in order.
    ///
    /// # Panics
    /// When there is no journal.
    pub fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data_dir().join("journal")).expect("a journal");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        paths.sort();
        paths
    }
}

/// A command that is not left behind when its test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Usually it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file to write to, so that nobody has to read while the command runs.
fn captured() -> File {
    tempfile::tempfile().expect("a temporary file")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let mode = fs::metadata(from).expect("a folder").permissions();
    fs::set_permissions(to, mode).expect("ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

/// Registers the merchant and enrolls wallets 1 to `wallets`.
///
/// # Panics
/// When the server refuses.
pub fn prepare(server: &ServerProcess, wallets: u64) {
    let mut wire = Wire::open(server.addr()).expect("the server listens");
    let answer = wire.call(
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        merchant().to_string().as_bytes(),
    );
    assert_eq!(answer.expect("an answer").status, 200);
    let lines: String = (1..=wallets).map(enrollment).collect();
    let report = wire
        .call("POST", "/v1/enrollments/import", lines.as_bytes())
        .expect("an answer")
        .json();
    assert_eq!(report["accepted"], json!(wallets), "{report}");
}

/// A merchant's body.
pub fn merchant() -> Value {
    json!({
        "name": "ร้านทดสอบ", "category": "general_goods", "status": "active", "programs": [PROGRAM], "channels": ["store"],
    })
}

/// The line that enrolls a wallet, with its newline.
pub fn enrollment(wallet: u64) -> String {
    let line =
        json!({ "program": PROGRAM, "wallet_id": wallet_id(wallet), "citizen_id": citizen_id(wallet) });
    line.to_string() + "\n"
}

/// A purchase of `amount` satang with its own id.
pub fn purchase(number: u64, wallet: u64, amount: u64) -> String {
    let body = json!({
        "txn_id": format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}"), "program": PROGRAM, "wallet_id": wallet_id(wallet),
        "merchant_id": MERCHANT, "channel": "store", "amount": amount,
    });
    body.to_string()
}

/// Sends a purchase, which must be answered 200; the answer as text.
///
/// # Panics
/// When it is not.
pub fn buy(wire: &mut Wire, number: u64, wallet: u64, amount: u64) -> String {
    let answer = wire
        .call(
            "POST",
            "/v1/authorizations",
            purchase(number, wallet, amount).as_bytes(),
        )
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}
