//! Starting and stopping a server: the listener first, then recovery, then the threads of the journal.

use crate::app::{Api, App, Metrics, Probes, catch_up};
use crate::audit::AuditLog;
use crate::data_folder::DataFolder;
use crate::engine::{GatewayEngine, GatewayMaintenance};
use crate::keys::KeyRing;
use crate::programs::{ProgramSource, load_programs, reload, warn_about_programs};
use crate::scrubber::Scrubber;
use crate::server::{Server, ServerHandle, ServerOptions};
use crate::time_daemon;
use anyhow::{Context, anyhow, bail};
use satang_core::calendar::Instant;
use satang_engine::clock::{AnyClock, SimulatedClock, SystemClock};
use satang_engine::engine::SubmitError;
use satang_engine::maintenance::{KeepError, SnapshotRule, Taken};
use satang_engine::probes::ProbeWatch;
use satang_engine::recovery::open::{EngineOptions, Expected, Opened, Recovered, open};
use satang_engine::scrub::Pace;
use satang_engine::snapshot::snapshot_name;
use satang_log::commit::CommitError;
use satang_log::commit::{Appender, Pacing};
use satang_log::file::Layout;
use satang_log::log::Upkeep;
use satang_log::storage::FileStorage;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// A port of its own for probes and scrapes: in the clear, and with few connections, of which the oldest makes room.
    pub health_listen: Option<SocketAddr>,
    /// Who may call; without, every caller has every role, and only this machine may call.
    pub keys: Option<Arc<KeyRing>>,
    /// Where a simulated clock begins; `None` for the real one.
    pub simulated_clock: Option<Instant>,
    /// An operator confirms a clock that is behind the journal.
    pub accept_clock: Option<Instant>,
    /// Refuse to start under a real clock that the kernel does not call synchronized.
    pub require_synced_clock: bool,
    /// Of a new journal.
    pub layout: Layout,
    /// When the journal's writer waits for more records.
    pub pacing: Pacing,
    /// Wallets and ids the tables have room for at start.
    pub expected: Expected,
    /// When a snapshot is taken by itself.
    pub snapshots: SnapshotRule,
    /// How fast files are read once more, to find damage; `None` for not at all.
    pub scrub: Option<Pace>,
}

/// A server that answers.
pub struct Running {
    handle: ServerHandle,
    health: Option<ServerHandle>,
    audit: Arc<AuditLog>,
    engine: Arc<GatewayEngine<FileStorage>>,
    programs: Arc<ProgramSource>,
    upkeep: Arc<dyn Upkeep>,
    threads: Vec<JoinHandle<()>>,
    writer: JoinHandle<Result<(), CommitError>>,
    maintenance: Arc<GatewayMaintenance<FileStorage>>,
    storage: Arc<FileStorage>,
    stop: Vec<mpsc::Sender<()>>,
    app: Arc<App<FileStorage>>,
    /// What the start found.
    pub recovered: Recovered,
    /// Whether the file system refused direct I/O.
    pub direct_refused: bool,
}

/// What a simulated clock may be ahead of the flag without a word: it ran since the flag was read.
const CLOCK_SLACK_MS: i64 = 1_000;

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
        let has_keys = options.keys.is_some();
        refuse_foreign_address("--listen", options.server.listen, has_keys)?;
        if let Some(listen) = options.health_listen {
            refuse_foreign_address("--health-listen", listen, has_keys)?;
        }
        let unkept = match options.simulated_clock {
            Some(_) => None,
            None => time_daemon::check(time_daemon::keeps_the_clock(), options.require_synced_clock)?,
        };
        let source = Arc::new(options.programs);
        let files = source.read()?;
        let programs = load_programs(&files)?;
        let DataFolder {
            storage,
            citizen_key,
            warnings,
        } = DataFolder::open(&options.data_dir)?;
        let clock = match options.simulated_clock {
            Some(from) => AnyClock::Simulated(SimulatedClock::running_from(from)),
            None => AnyClock::System(SystemClock::start()),
        };
        let metrics = Arc::new(Metrics::new());
        let app = App::guarded(metrics.clone(), source.clone(), options.keys.clone());
        let audit = AuditLog::start(&options.data_dir, metrics.audit().clone())?;
        app.audit_to(audit.clone());
        // First, so that a start is seen to be one.
        let health = options.health_listen.map(|listen| serve_probes(listen, &app));
        let health = health.transpose()?;
        let for_threads = app.clone();
        let listen = options.server.listen;
        let handle = Server::start(options.server, move |_| api_of_thread(&for_threads))
            .map_err(|error| named_listener("--listen", listen, error))?;
        metrics.listens(handle.counters().clone());
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
        let mut replayed = |bytes, all_bytes| {
            app.replayed(bytes, all_bytes);
            progress(bytes, all_bytes);
        };
        let opened = open(&storage, clock, engine_options, &mut replayed)
            .with_context(|| options.data_dir.display().to_string())?;
        count_recovered(&metrics, &opened.recovered, &storage, started.elapsed());
        let mut running = Running::with_threads((handle, health, audit), opened, &storage, source, &app);
        running.activate_programs(&files)?;
        // Only now: a refusal to start is one line.
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        unkept.into_iter().for_each(|unkept| tracing::warn!("{unkept}"));
        running.warn_about_clock(options.simulated_clock, started.elapsed());
        warn_about_programs(&programs, &running.engine);
        if running.has_lost_folder() {
            return Err(running.stop_without_folder().expect_err("it says so"));
        }
        before_ready();
        running.answer(options.scrub);
        Ok(running)
    }

    /// Says so when a simulated clock does not begin where the flag asks for.
    fn warn_about_clock(&self, asked: Option<Instant>, since: Duration) {
        if let (Some(from), Ok(now)) = (asked, self.engine.now())
            && now.unix_ms() - from.unix_ms() > since.as_millis() as i64 + CLOCK_SLACK_MS
        {
            tracing::warn!(
                "--clock: the journal's last record is later than {from}: the clock goes on from {now}"
            );
        }
    }

    /// From here on requests are answered, and done what can be done beside them.
    fn answer(&mut self, scrub: Option<Pace>) {
        self.app.ready(self.engine.clone(), self.maintenance.clone());
        let maintenance = self.maintenance.clone();
        self.threads.push(spawn("desk", move || catch_up(&*maintenance)));
        if let Some(pace) = scrub {
            self.scrub(pace);
        }
    }

    /// Starts the thread that reads files once more.
    fn scrub(&mut self, pace: Pace) {
        let (stop, stopped) = mpsc::channel();
        let maintenance = self.maintenance.clone();
        let scrubber = Scrubber::new(pace, stopped, self.app.metrics().clone());
        self.threads
            .push(spawn("scrubber", move || scrubber.run(&maintenance)));
        self.stop.push(stop);
    }

    fn with_threads(
        (handle, health, audit): (ServerHandle, Option<ServerHandle>, Arc<AuditLog>),
        opened: Opened<FileStorage, AnyClock>,
        storage: &Arc<FileStorage>,
        programs: Arc<ProgramSource>,
        app: &Arc<App<FileStorage>>,
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
        let watch = Watch {
            engine: engine.clone(),
            maintenance: maintenance.clone(),
            folder: storage.clone(),
            metrics: app.metrics().clone(),
        };
        // Once before anybody asks.
        watch_disk(storage, app.metrics());
        let (stop_ticking, stopped) = mpsc::channel();
        let watch_of_thread = watch.clone();
        let ticking = spawn("cut-over", move || watch_of_thread.tick(&stopped));
        let (stop_keeping, stopped) = mpsc::channel();
        let keeping = spawn("keeper", move || watch.keep(&stopped));
        let writer = spawn("journal", move || committer.run());
        let direct_refused = storage.direct_refused();
        let threads = vec![zeroing, ticking, keeping];
        Running {
            handle,
            health,
            audit,
            engine,
            programs,
            upkeep,
            threads,
            writer,
            maintenance,
            storage: storage.clone(),
            stop: vec![stop_ticking, stop_keeping],
            app: app.clone(),
            recovered,
            direct_refused,
        }
    }

    fn activate_programs(&self, programs: &[(String, String)]) -> anyhow::Result<()> {
        if self.engine.now().is_err() {
            // Look-ups go on by the rules of the journal; the files are installed once an operator confirmed the clock.
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

    /// The address of its probes.
    pub fn health_addr(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(ServerHandle::addr)
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
            health,
            audit,
            engine,
            upkeep,
            ..
        } = self;
        self.app.stopping();
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
        if let Some(health) = health {
            health.stop();
        }
        audit.finish();
        outcome.context("the journal failed")
    }
}

/// The app on the calling I/O thread.
fn api_of_thread(app: &Arc<App<FileStorage>>) -> Api<FileStorage> {
    Api::new(app.clone(), |waits| {
        tokio::task::spawn_local(async move { waits.dispatch().await });
    })
}

/// Probes and scrapes that are served at once.
const PROBES_MAX: usize = 64;

fn serve_probes(listen: SocketAddr, app: &Arc<App<FileStorage>>) -> anyhow::Result<ServerHandle> {
    let patience = Duration::from_secs(5);
    let options = ServerOptions {
        listen,
        io_threads: 1,
        connections_max: PROBES_MAX,
        strangers_max: Some(PROBES_MAX),
        header_timeout: patience,
        body_timeout: patience,
        shutdown_deadline: Duration::from_secs(1),
        ..ServerOptions::default()
    };
    let app = app.clone();
    Server::start(options, move |_| Probes(api_of_thread(&app)))
        .map_err(|error| named_listener("--health-listen", listen, error))
}

/// Why a port is not listened on, and what to do when somebody has it.
fn named_listener(flag: &str, listen: SocketAddr, error: io::Error) -> anyhow::Error {
    let next = SocketAddr::new(listen.ip(), listen.port().checked_add(1).unwrap_or(8080));
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!(
                "{flag} {listen}: another process listens there: stop it, or take another port, such as {next}"
            )
        }
        io::ErrorKind::PermissionDenied => {
            anyhow!("{flag} {listen}: {error}: ports below 1024 are root's, take one above")
        }
        _ => anyhow!("{flag} {listen}: {error}"),
    }
}

/// What the threads look after that do something every second.
#[derive(Clone)]
struct Watch {
    engine: Arc<GatewayEngine<FileStorage>>,
    maintenance: Arc<GatewayMaintenance<FileStorage>>,
    folder: Arc<FileStorage>,
    metrics: Arc<Metrics>,
}

impl Watch {
    /// Watches clock and disk, and ends business dates that no request ends.
    fn tick(&self, stopped: &mpsc::Receiver<()>) {
        let mut room_lacks = false;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
            watch_clock(&self.maintenance);
            watch_disk(&self.folder, &self.metrics);
            room_lacks = watch_room(&self.maintenance, room_lacks);
            let ticked = self.engine.cut_over();
            if let Err(error) = ticked.and_then(|()| self.engine.count_all_lapses()) {
                tracing::warn!(%error, "business dates are not cut over");
            }
        }
        // A jump of the last second.
        if self.folder.is_ours() {
            watch_clock(&self.maintenance);
        }
    }

    /// Takes snapshots and archives ids, and looks at the tables.
    fn keep(&self, stopped: &mpsc::Receiver<()>) {
        let mut probes = ProbeWatch::default();
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
            report_kept(self.maintenance.keep(), &self.metrics);
            let count = || self.engine.state().long_probes();
            report_long_probes(probes.look(std::time::Instant::now(), count));
        }
    }
}

fn watch_clock(maintenance: &GatewayMaintenance<FileStorage>) {
    if let Err(error) = maintenance.watch_clock() {
        tracing::error!(%error, "it cannot be written down that the clock jumped");
    }
}

/// What room the disk has, for metrics. A file system that does not say is asked again.
fn watch_disk(storage: &FileStorage, metrics: &Metrics) {
    if let Ok(room) = storage.room() {
        metrics.disk_room(room);
    }
}

/// What the start did, and when the snapshot that it read was written, as its file says.
fn count_recovered(metrics: &Metrics, found: &Recovered, storage: &FileStorage, took: Duration) {
    metrics.upkeep().recovered(found, took);
    let file = found
        .snapshot
        .map(|sequence| storage.folder().join(snapshot_name(sequence)));
    let written = file.and_then(|file| std::fs::metadata(file).ok()?.modified().ok());
    if let Some(at) = written {
        metrics.snapshot_found(at);
    }
}

/// Reserves room for new citizens; whether it lacks. Says so once.
fn watch_room(maintenance: &GatewayMaintenance<FileStorage>, lacked: bool) -> bool {
    let reserved = maintenance.reserve_room();
    if let (Err(error), false) = (&reserved, lacked) {
        tracing::error!(%error, "no room can be reserved in persons.db: new citizens are refused when what is left is used up");
    }
    reserved.is_err()
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
pub(crate) fn refuse_foreign_address(option: &str, listen: SocketAddr, has_keys: bool) -> anyhow::Result<()> {
    if !has_keys && !listen.ip().is_loopback() {
        bail!(
            "{option} {listen}: callers are not authenticated without --keys, so only loopback addresses are served"
        );
    }
    Ok(())
}
