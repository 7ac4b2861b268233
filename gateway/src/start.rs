//! Starting and stopping a server: the listener first, then recovery, then the threads of the journal.

use crate::app::{Api, App, Metrics, catch_up};
use crate::engine::{GatewayEngine, GatewayMaintenance};
use crate::keys::KeyRing;
use crate::programs::{ProgramSource, load_programs, reload, warn_about_programs};
use crate::server::{Server, ServerHandle, ServerOptions};
use anyhow::{Context, bail};
use satang_core::calendar::Instant;
use satang_engine::clock::{AnyClock, SimulatedClock, SystemClock};
use satang_engine::engine::SubmitError;
use satang_engine::maintenance::{KeepError, SnapshotRule, Taken};
use satang_engine::persons::CitizenKey;
use satang_engine::probes::ProbeWatch;
use satang_engine::recovery::open::{EngineOptions, Expected, Opened, Recovered, open};
use satang_log::commit::CommitError;
use satang_log::commit::{Appender, Pacing};
use satang_log::file::Layout;
use satang_log::log::Upkeep;
use satang_log::storage::{FileStorage, ReadStorage as _, Storage as _};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How a server is started.
pub struct StartOptions {
    /// The data folder; created when absent.
    pub data_dir: PathBuf,
    /// Where programme files are read, now and at every reload.
    pub programs: ProgramSource,
    pub server: ServerOptions,
    /// Who may call; without, every caller has every role, and only this machine may call.
    pub keys: Option<Arc<KeyRing>>,
    /// Where a simulated clock begins; `None` for the real one.
    pub simulated_clock: Option<Instant>,
    /// An operator confirms a clock that is behind the journal.
    pub accept_clock: Option<Instant>,
    /// Of a new journal.
    pub layout: Layout,
    /// When the journal's writer waits for more records.
    pub pacing: Pacing,
    /// Wallets and ids the tables have room for at start.
    pub expected: Expected,
    /// When a snapshot is taken by itself.
    pub snapshots: SnapshotRule,
}

/// A server that answers.
pub struct Running {
    handle: ServerHandle,
    engine: Arc<GatewayEngine<FileStorage>>,
    programs: Arc<ProgramSource>,
    upkeep: Arc<dyn Upkeep>,
    threads: Vec<JoinHandle<()>>,
    writer: JoinHandle<Result<(), CommitError>>,
    maintenance: Arc<GatewayMaintenance<FileStorage>>,
    storage: Arc<FileStorage>,
    stop: [mpsc::Sender<()>; 2],
    /// What the start found.
    pub recovered: Recovered,
    /// Whether the file system refused direct I/O.
    pub direct_refused: bool,
}

/// How often the end of a business date is looked for when no request does.
const TICK: Duration = Duration::from_secs(1);

impl Running {
    /// Starts a server. `progress` is told the bytes of journal read and the bytes there are; `before_ready` is called when
    /// all is read, and before anybody is told that the server is ready.
    ///
    /// # Errors
    /// One line that names the file (or option) and what is wrong with it.
    pub fn start(
        options: StartOptions,
        progress: &mut dyn FnMut(u64, u64),
        before_ready: impl FnOnce(),
    ) -> anyhow::Result<Running> {
        refuse_foreign_address(options.server.listen, options.keys.is_some())?;
        let source = Arc::new(options.programs);
        let files = source.read()?;
        let programs = load_programs(&files)?;
        let storage = open_folder(&options.data_dir)?;
        let citizen_key = load_citizen_key(&storage, &options.data_dir)?;
        let clock = match options.simulated_clock {
            Some(from) => AnyClock::Simulated(SimulatedClock::running_from(from)),
            None => AnyClock::System(SystemClock::start()),
        };
        let metrics = Arc::new(Metrics::new());
        let app = App::guarded(metrics.clone(), source.clone(), options.keys.clone());
        let for_threads = app.clone();
        let listen = options.server.listen;
        let handle = Server::start(options.server, move |_| {
            Api::new(for_threads.clone(), |waits| {
                tokio::task::spawn_local(async move { waits.dispatch().await });
            })
        })
        .with_context(|| format!("--listen {listen}"))?;
        let started = std::time::Instant::now();
        let engine_options = EngineOptions {
            layout: options.layout,
            citizen_key,
            pacing: options.pacing,
            accept_clock: options.accept_clock,
            expected: options.expected,
            snapshots: options.snapshots,
            hash_seed: None,
            observer: metrics.clone(),
        };
        let opened = open(&storage, clock, engine_options, progress)
            .with_context(|| options.data_dir.display().to_string())?;
        metrics.recovered(&opened.recovered, started.elapsed());
        let mut running = Running::with_threads(handle, opened, &storage, source, metrics);
        running.activate_programs(&files)?;
        // Only now: a refusal to start is one line.
        warn_about_programs(&programs, &running.engine);
        if !storage.is_ours() {
            return Err(running.stop_without_folder().expect_err("it says so"));
        }
        before_ready();
        app.ready(running.engine.clone(), running.maintenance.clone());
        let maintenance = running.maintenance.clone();
        running
            .threads
            .push(spawn("desk", move || catch_up(&*maintenance)));
        Ok(running)
    }

    fn with_threads(
        handle: ServerHandle,
        opened: Opened<FileStorage, AnyClock>,
        storage: &Arc<FileStorage>,
        programs: Arc<ProgramSource>,
        metrics: Arc<Metrics>,
    ) -> Running {
        let Opened {
            engine,
            committer,
            upkeep,
            maintenance,
            recovered,
        } = opened;
        let upkeep_of_thread = upkeep.clone();
        let zeroing = spawn("zeroing", move || upkeep_of_thread.run_until_stopped());
        let (stop_ticking, stopped) = mpsc::channel();
        let engine_of_thread = engine.clone();
        let (watcher, folder) = (maintenance.clone(), storage.clone());
        let ticking = spawn("cut-over", move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                watch_clock(&watcher);
                let ticked = engine_of_thread
                    .cut_over()
                    .and_then(|()| engine_of_thread.count_all_lapses());
                if let Err(error) = ticked {
                    tracing::warn!(%error, "business dates are not cut over");
                }
            }
            // A jump of the last second.
            if folder.is_ours() {
                watch_clock(&watcher);
            }
        });
        let (stop_keeping, stopped) = mpsc::channel();
        let (keeper_of_thread, engine_of_thread) = (maintenance.clone(), engine.clone());
        let keeping = spawn("keeper", move || {
            let mut probes = ProbeWatch::default();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                report_kept(keeper_of_thread.keep(), &metrics);
                let count = || engine_of_thread.state().long_probes();
                report_long_probes(probes.look(std::time::Instant::now(), count));
            }
        });
        let writer = spawn("journal", move || committer.run());
        let direct_refused = storage.direct_refused();
        let threads = vec![zeroing, ticking, keeping];
        Running {
            handle,
            engine,
            programs,
            upkeep,
            threads,
            writer,
            maintenance,
            storage: storage.clone(),
            stop: [stop_ticking, stop_keeping],
            recovered,
            direct_refused,
        }
    }

    fn activate_programs(&self, programs: &[(String, String)]) -> anyhow::Result<()> {
        if let Err(error) = self.engine.now() {
            // Look-ups go on by the rules of the journal; the files are installed once an operator confirmed the clock.
            tracing::error!(%error, "nothing is decided, and the programme files are not installed");
            return Ok(());
        }
        self.engine.activate_programs(programs, None)?;
        let last = self.engine.appender().last_sequence();
        self.engine.durable().block_until(last)?;
        Ok(())
    }

    /// Reads the programme files again, and says in one line what became of it.
    pub fn reload_programs(&self) {
        let durable = |sequence| {
            self.engine
                .durable()
                .block_until(sequence)
                .map_err(SubmitError::from)
        };
        let reloaded =
            reload(&self.engine, &self.programs, None).and_then(|installed| Ok(durable(installed.sequence)?));
        if let Err(error) = reloaded {
            tracing::error!(%error, "the programme files were not read again; nothing was changed");
        }
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.handle.addr()
    }

    /// The engine it serves.
    pub fn engine(&self) -> &Arc<GatewayEngine<FileStorage>> {
        &self.engine
    }

    /// What takes snapshots and archives ids.
    pub fn maintenance(&self) -> &Arc<GatewayMaintenance<FileStorage>> {
        &self.maintenance
    }

    /// The open group, to which decided records are appended.
    pub fn appender(&self) -> &Appender {
        self.engine.appender()
    }

    /// Whether the journal's thread has ended: it failed, unless the server was stopped.
    pub fn has_failed(&self) -> bool {
        self.writer.is_finished()
    }

    /// Whether the data folder, or its `lock`, was removed or replaced: another process may use what stands there now.
    pub fn has_lost_folder(&self) -> bool {
        !self.storage.is_ours()
    }

    /// Stops at once to decide and to answer: what is written now may be nobody's.
    ///
    /// # Errors
    /// Always, and says so.
    pub(crate) fn stop_without_folder(self) -> anyhow::Result<()> {
        self.engine.durable().fail();
        let lock = self.storage.folder().join("lock");
        // What it says of the journal is of no use any more.
        let _ = self.stop();
        bail!("{}: was removed or replaced while the server ran", lock.display())
    }

    /// Stops: no new connections, requests in progress are answered, the journal is flushed.
    ///
    /// # Errors
    /// When the journal failed: what was not answered is unknown.
    pub fn stop(self) -> anyhow::Result<()> {
        let Running {
            handle,
            engine,
            upkeep,
            ..
        } = self;
        handle.stop();
        engine.appender().stop();
        // Before the writer is waited for: with a full disk it would wait for a spare that never comes.
        upkeep.stop();
        // The other side is gone only when the thread has ended already.
        for thread in &self.stop {
            let _ = thread.send(());
        }
        let outcome = self
            .writer
            .join()
            .expect("the journal's thread does not panic: panics abort");
        for thread in self.threads {
            thread
                .join()
                .expect("a thread of the engine does not panic: panics abort");
        }
        outcome.context("the journal failed")
    }
}

fn watch_clock(maintenance: &GatewayMaintenance<FileStorage>) {
    if let Err(error) = maintenance.watch_clock() {
        tracing::error!(%error, "it cannot be written down that the clock jumped");
    }
}

/// Says what was done beside answering.
fn report_kept(kept: Result<Option<Taken>, KeepError>, metrics: &Metrics) {
    let Some(outcome) = kept.transpose() else { return };
    metrics.count_snapshot(&outcome);
    match outcome {
        Ok(Taken { facts, took }) => tracing::info!(
            "a snapshot through sequence {} was taken in {:.2} s: {} ({} MiB)",
            facts.sequence,
            took.as_secs_f64(),
            facts.file,
            facts.bytes >> 20
        ),
        Err(error) => tracing::warn!(%error, "no snapshot was taken; it is tried again in a minute"),
    }
}

/// Ids that nobody chose have no long probe. They are served all the same.
fn report_long_probes(new: Option<u64>) {
    if let Some(count) = new {
        tracing::warn!(
            count,
            "ids of callers lie together in the tables: somebody may know the seed of this journal's hashes"
        );
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .expect("the system has threads")
}

/// Without keys every caller has every role: only this machine may call.
fn refuse_foreign_address(listen: SocketAddr, has_keys: bool) -> anyhow::Result<()> {
    if !has_keys && !listen.ip().is_loopback() {
        bail!(
            "--listen {listen}: callers are not authenticated without --keys, so only loopback addresses are served"
        );
    }
    Ok(())
}

fn open_folder(folder: &Path) -> anyhow::Result<Arc<FileStorage>> {
    match FileStorage::open_folder(folder) {
        Ok(storage) => Ok(Arc::new(storage)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            bail!(
                "{}: offset 0: another process uses this data folder",
                folder.join("lock").display()
            )
        }
        Err(error) => Err(error).with_context(|| folder.display().to_string()),
    }
}

/// The name of the secret's file in the data folder.
const CITIZEN_KEY_FILE: &str = "citizen.key";

/// Reads the secret, or makes it on the very first start.
fn load_citizen_key(storage: &FileStorage, folder: &Path) -> anyhow::Result<CitizenKey> {
    let path = folder.join(CITIZEN_KEY_FILE);
    let named = || path.display().to_string();
    match fs::File::open(&path) {
        Ok(mut file) => {
            let mode = file.metadata().with_context(named)?.permissions().mode();
            if mode & 0o077 != 0 {
                bail!(
                    "{}: offset 0: others may read it (mode {:o}); make it 0600",
                    named(),
                    mode & 0o777
                );
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).with_context(named)?;
            let len = bytes.len();
            match bytes.try_into() {
                Ok(bytes) => Ok(CitizenKey::from_bytes(bytes)),
                Err(_) => bail!("{}: offset {len}: {len} bytes, a key has 32", named()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let begun = storage
                .list("journal")
                .with_context(named)?
                .iter()
                .any(|name| name.ends_with(".seg"));
            if begun {
                bail!(
                    "{}: offset 0: missing, but the journal was begun with one; put it back",
                    named()
                );
            }
            make_citizen_key(storage, &path).with_context(named)
        }
        Err(error) => Err(error).with_context(named),
    }
}

fn make_citizen_key(storage: &FileStorage, path: &Path) -> anyhow::Result<CitizenKey> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let unfinished = path.with_extension("key.tmp");
    let mut file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    storage.sync_folder("")?;
    Ok(CitizenKey::from_bytes(bytes))
}
