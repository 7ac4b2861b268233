//! Serves authorizations by one of two hand-off designs, to be driven by `satang-loadtest run --closed` (docs/adr/0002-hand-off.md).
//!
//! `direct`: the I/O thread that parsed a request takes the shards and decides. `queue`: it posts the request to the thread
//! that owns the wallet's shards and waits for the decision to come back. Parsing, decision, journal, wake-up on durability and
//! rendering are the product's own in both.

use anyhow::Context;
use clap::{Parser, ValueEnum};
use satang_bench::rig::HASH_SEED;
use satang_core::calendar::Instant;
use satang_core::record::Authorization;
use satang_core::request::AuthorizationRequest;
use satang_engine::clock::{AnyClock, SimulatedClock};
use satang_engine::engine::{SubmitError, Submitted};
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, Expected, open};
use satang_gateway::app::{Api, App, Metrics};
use satang_gateway::engine::GatewayEngine;
use satang_gateway::programs::ProgramSource;
use satang_gateway::server::{Handler, Request, Response, Server, ServerOptions};
use satang_gateway::wire::{parse, render};
use satang_log::commit::Pacing;
use satang_log::durable::DurableWaits;
use satang_log::file::Layout;
use satang_log::storage::FileStorage;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serve by one of two hand-off designs until killed.
#[derive(Parser)]
struct Args {
    /// Who decides.
    #[arg(long)]
    variant: Variant,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    /// A new data folder.
    #[arg(long)]
    data_dir: PathBuf,
    /// Folder of programme files.
    #[arg(long, default_value = "programs")]
    programs: PathBuf,
    /// Threads that own shards, for `queue`.
    #[arg(long, default_value_t = 2)]
    deciders: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Variant {
    Direct,
    Queue,
}

type Engine = GatewayEngine<FileStorage>;
type Decided = Result<Submitted<Authorization>, SubmitError>;
type Post = (AuthorizationRequest, oneshot::Sender<Decided>);

/// The product's handler, but for the one route that is compared.
struct Posting {
    api: Api<FileStorage>,
    engine: Arc<Engine>,
    waits: DurableWaits,
    deciders: Vec<mpsc::Sender<Post>>,
}

impl Posting {
    async fn authorize(&self, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let request = parse::authorization(body).map_err(|problem| anyhow::anyhow!(problem.detail))?;
        let owner = self.engine.state().seed.wallet_shard(request.purchase.wallet) % self.deciders.len();
        let (answer, decided) = oneshot::channel();
        self.deciders[owner]
            .send((request, answer))
            .context("the owner runs")?;
        let Submitted::Decided { record, sequence } = decided.await?? else {
            anyhow::bail!("the load sends each id once");
        };
        let mut out = Vec::with_capacity(512);
        render::authorization(&record, &[], false, &mut out);
        self.waits.wait(sequence).await?;
        Ok(out)
    }
}

impl Handler for Posting {
    async fn handle(&self, request: Request) -> Response {
        if self.deciders.is_empty() || request.path() != "/v1/authorizations" {
            return self.api.handle(request).await;
        }
        let requests = self.engine.appender().requests();
        requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = request.body.collect(usize::MAX).await.unwrap_or_default();
        let answer = self.authorize(&body).await;
        requests.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        match answer {
            Ok(answer) => Response::json(http::StatusCode::OK, answer),
            Err(error) => Response::problem(http::StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let storage = Arc::new(FileStorage::open_folder(&args.data_dir)?);
    let noon = Instant::parse("2026-06-15T12:00:00+07:00")?;
    let metrics = Arc::new(Metrics::new());
    let options = EngineOptions {
        layout: Layout::DEFAULT,
        citizen_key: CitizenKey::from_bytes([7; 32]),
        pacing: Pacing::DEFAULT,
        accept_clock: None,
        expected: Expected::default(),
        snapshots: satang_engine::maintenance::SnapshotRule::DEFAULT,
        hash_seed: Some(HASH_SEED),
        observer: metrics.clone(),
    };
    let clock = AnyClock::Simulated(SimulatedClock::running_from(noon));
    let opened = open(&storage, clock, options, &mut |_, _| {})?;
    let (engine, upkeep, committer) = (opened.engine, opened.upkeep, opened.committer);
    std::thread::spawn(move || upkeep.run_until_stopped());
    std::thread::spawn(move || committer.run().expect("the disk works"));
    let programs = ProgramSource::folder(args.programs);
    engine.activate_programs(&programs.read()?, None)?;
    let deciders = match args.variant {
        Variant::Direct => Vec::new(),
        Variant::Queue => (0..args.deciders).map(|_| own_shards(engine.clone())).collect(),
    };
    let app = App::starting(metrics, Arc::new(programs));
    app.ready(engine.clone(), opened.maintenance);
    let server = ServerOptions {
        listen: args.listen,
        ..ServerOptions::default()
    };
    let handle = Server::start(server, move |_| {
        let waits = DurableWaits::subscribe(engine.durable());
        let dispatched = waits.clone();
        tokio::task::spawn_local(async move { dispatched.dispatch().await });
        let api = Api::new(app.clone(), |waits| {
            tokio::task::spawn_local(async move { waits.dispatch().await });
        });
        Posting {
            api,
            engine: engine.clone(),
            waits,
            deciders: deciders.clone(),
        }
    })?;
    println!("http://{}", handle.addr());
    loop {
        std::thread::park();
    }
}

/// A thread that decides what is posted to it, one request after another.
fn own_shards(engine: Arc<Engine>) -> mpsc::Sender<Post> {
    let (post, posted) = mpsc::channel::<Post>();
    std::thread::spawn(move || {
        for (request, answer) in posted {
            // The asker may be gone; its decision stands all the same.
            let _ = answer.send(engine.authorize(&request));
        }
    });
    post
}
