//! Where an attack takes place: a temporary folder, and servers in it.

use crate::process::{ServerProcess, ServerSpec, shipped_programs};
use crate::wire::Wire;
use anyhow::{Context as _, ensure};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// What every attack is told.
pub struct Orders {
    /// The program that serves.
    pub server: PathBuf,
    /// How long an attack lasts; of one beside a switch, the three parts together.
    pub seconds: Duration,
    /// How often an attack beside a switch is made; the medians count.
    pub rounds: u32,
    /// Fewer of everything, for a machine that is busy and a server that is not optimised.
    pub short: bool,
}

impl Orders {
    /// The default: fifteen seconds, once.
    pub fn of(server: PathBuf) -> Orders {
        Orders {
            server,
            seconds: Duration::from_secs(15),
            rounds: 1,
            short: false,
        }
    }

    /// The one number or, in the short form, the other.
    pub fn long_or_short<T>(&self, long: T, short: T) -> T {
        if self.short { short } else { long }
    }
}

/// Callers' keys, and the file the server knows them from.
pub struct Keys {
    /// For `--keys`.
    pub file: PathBuf,
    /// Of roles with the same names.
    pub admin: String,
    pub registrar: String,
    pub switch: String,
}

/// A temporary folder.
pub struct Ground {
    folder: TempDir,
    server: PathBuf,
}

impl Ground {
    /// An empty one.
    ///
    /// # Errors
    /// When there is no temporary folder.
    pub fn new(orders: &Orders) -> anyhow::Result<Ground> {
        Ok(Ground {
            folder: tempfile::tempdir().context("a temporary folder")?,
            server: orders.server.clone(),
        })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the server's data, unless said otherwise.
    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// The server started by these words of a shell, `"$@"` being the program and its arguments.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn wrapped(&self, name: &str, words: &str) -> anyhow::Result<PathBuf> {
        let program = self.path(name);
        let server = self.server.to_str().context("the server's path is text")?;
        let script = format!("#!/bin/sh\nset -- '{server}' \"$@\"\n{words}\n");
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(program)
    }

    /// The server, which may open only so many files.
    ///
    /// # Errors
    /// When its script cannot be written.
    pub fn with_files_max(&self, files_max: u32) -> anyhow::Result<PathBuf> {
        self.wrapped("few-files", &format!("ulimit -n {files_max}\nexec \"$@\""))
    }

    /// Starts the server on its data folder and waits until it is ready.
    ///
    /// # Errors
    /// When it ends first: what it said.
    pub fn serve(&self, args: &[&str]) -> anyhow::Result<ServerProcess> {
        self.serve_by(&self.server, &self.data_dir(), args)
    }

    /// The same by another program, on another folder.
    ///
    /// # Errors
    /// When it ends first: what it said.
    pub fn serve_by(&self, program: &Path, data_dir: &Path, args: &[&str]) -> anyhow::Result<ServerProcess> {
        let start = |spec: &ServerSpec<'_>| ServerProcess::start(spec);
        Ok(start_with(program, data_dir, args, start)?)
    }

    /// The same, and waits for nothing.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn spawn_by(&self, program: &Path, data_dir: &Path, args: &[&str]) -> anyhow::Result<ServerProcess> {
        let spawn = |spec: &ServerSpec<'_>| ServerProcess::spawn(spec);
        Ok(start_with(program, data_dir, args, spawn)?)
    }

    /// The program.
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// Whether the server has such a flag: older ones have fewer.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn has_flag(&self, flag: &str) -> anyhow::Result<bool> {
        let help = Command::new(&self.server)
            .args(["serve", "--help"])
            .output()
            .with_context(|| self.server.display().to_string())?;
        Ok(String::from_utf8_lossy(&help.stdout).contains(flag))
    }

    /// Makes keys.
    ///
    /// # Errors
    /// When the program does not make them.
    pub fn keys(&self) -> anyhow::Result<Keys> {
        let file = self.path("keys.toml");
        let make = |role: &str| -> anyhow::Result<String> {
            let made = Command::new(&self.server)
                .args([
                    "keys",
                    "new",
                    "--name",
                    &format!("{role}-1"),
                    "--role",
                    role,
                    "--file",
                ])
                .arg(&file)
                .output()?;
            ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            Ok(String::from_utf8(made.stdout)?.trim_end().to_owned())
        };
        Ok(Keys {
            admin: make("admin")?,
            registrar: make("registrar")?,
            switch: make("switch")?,
            file,
        })
    }
}

fn start_with<T>(
    program: &Path,
    data_dir: &Path,
    args: &[&str],
    start: impl FnOnce(&ServerSpec<'_>) -> T,
) -> T {
    let mut all = vec!["--segment-mib", "8"];
    all.extend(args);
    start(&ServerSpec {
        binary: program,
        data_dir,
        programs: &shipped_programs(),
        args: &all,
    })
}

/// A free address of this machine.
///
/// # Errors
/// Of the operating system.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Stops a server in order; what it said.
///
/// # Errors
/// When it does not exit with 0.
pub fn stop(server: ServerProcess) -> anyhow::Result<String> {
    server.terminate();
    let (code, said) = server.wait();
    ensure!(
        code == Some(0),
        "after SIGTERM the server ended with {code:?}: {said}"
    );
    Ok(said)
}

/// Whether `/healthz` answers 200 at an address, on a connection of its own.
pub fn is_healthy(addr: SocketAddr) -> bool {
    let asked = Wire::open(addr).and_then(|mut wire| wire.call("GET", "/healthz", b""));
    asked.is_ok_and(|answer| answer.status == 200)
}

/// Bytes of memory that a process has now, and had at most.
///
/// # Errors
/// When it is gone.
pub fn memory(pid: u32) -> anyhow::Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    };
    let (now, most) = (of("VmRSS:"), of("VmHWM:"));
    now.zip(most).context("a process has its memory in its status")
}
