//! The two servers of a comparison, as child processes that end with the value.

use crate::client::Client;
use crate::target::Target;
use anyhow::{Context, bail};
use std::fs::DirBuilder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it is ready.
const READY_WAIT_MAX: Duration = Duration::from_secs(60);
/// Ticks per second in `/proc/PID/stat`, on every Linux that matters.
const TICKS_PER_S: f64 = 100.0;

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub target: Target,
    /// Whether it is the one of fixed answers.
    pub is_bare: bool,
}

impl Server {
    /// Starts the bare server out of this very binary.
    pub fn bare(threads: usize) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "bare",
                "--listen",
                "127.0.0.1:0",
                "--threads",
                &threads.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the bare server")?;
        let stdout = child.stdout.take().expect("stdout was piped");
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        match Target::parse(url.trim(), &[]) {
            Ok(target) => Ok(Server {
                child,
                target,
                is_bare: true,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("the bare server printed no address: {error}");
            }
        }
    }

    /// Starts `satang serve` on a free port and waits for its readiness. Its words go to `serve.log` in `dir`.
    pub fn satang(binary: &Path, programs: &Path, dir: &Path, more: &[String]) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = dir.join("serve.log");
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(dir.join("data"))
            .arg("--programs")
            .arg(programs)
            .args(["--listen", &address.to_string()])
            .args(["--clock", "simulated:2026-06-15T12:00:00+07:00"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let target = Target::parse(&format!("http://{address}"), &[]).map_err(anyhow::Error::msg)?;
        let mut server = Server {
            child,
            target,
            is_bare: false,
        };
        server.wait_ready().with_context(|| {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            let mut last: Vec<_> = words.lines().rev().take(5).collect();
            last.push("its last words");
            last.reverse();
            format!("{} serve ({})", binary.display(), last.join(" | "))
        })?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status} before it was ready");
            }
            let ready = Client::connect(&self.target).and_then(|mut client| client.get("/readyz"));
            if ready.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            if begin.elapsed() > READY_WAIT_MAX {
                bail!("/readyz was not 200 within {READY_WAIT_MAX:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// CPU seconds the server has used, user and system.
    pub fn cpu_s(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name in parentheses may hold spaces; fields are counted after it.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        Some((ticks()? + ticks()?) / TICKS_PER_S)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is removed with the value.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes an empty folder of this process in `parent`.
    pub fn new_in(parent: &Path) -> anyhow::Result<Self> {
        let path = parent.join(format!("satang-compare-{}", std::process::id()));
        // A server takes no data folder that others may use.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(TempDir(path))
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
