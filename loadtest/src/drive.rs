//! A run: one plan, several sender threads, one set of counts.

use crate::answer::decided_at_unix_ms;
use crate::client::Client;
use crate::ids::{IdSource, IdVersion};
use crate::plan::Plan;
use crate::stats::Seen;
use crate::target::Target;
use crate::worker::Worker;
use crate::workload::{Generator, Mix, Request, Workload};
use anyhow::{Context, bail};
use std::sync::atomic::AtomicU64;
use std::sync::{Barrier, OnceLock};
use std::time::Instant;

/// Drives the plan's load and returns what all threads saw. Blocks until the last answer or the end of the
/// drain.
pub fn drive(plan: &Plan) -> anyhow::Result<Seen> {
    plan.check()?;
    let (connected, started) = (Barrier::new(plan.threads), OnceLock::new());
    let next_person = AtomicU64::new(plan.people.map_or(0, |people| people.first));
    let run_thread = |thread| {
        let worker =
            Worker::new(plan, thread, &next_person).and_then(|mut worker| worker.connect().map(|()| worker));
        // Waited for on failure too, or the other threads would wait for ever.
        connected.wait();
        worker?.run(*started.get_or_init(Instant::now))
    };
    let run_thread = &run_thread;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads)
            .map(|thread| scope.spawn(move || run_thread(thread)))
            .collect();
        let mut total = Seen::default();
        for thread in threads {
            let seen = thread
                .join()
                .expect("a sender thread panicked")
                .context("sender thread")?;
            total.merge(seen);
        }
        Ok(total)
    })
}

/// Asks the server for one quote: proves that it answers, and returns its clock in ms since 1970.
pub fn server_clock_unix_ms(target: &Target, workload: &Workload) -> anyhow::Result<u64> {
    let mut generator = Generator::new(
        workload.clone(),
        Mix::default(),
        0,
        0,
        IdSource::new(IdVersion::V4, 0, 0),
    );
    let (mut path, mut body) = (Vec::new(), Vec::new());
    let quote = Request::Quote(generator.purchase(0));
    generator.write(&quote, &mut path, &mut body);
    let reply = Client::connect(target)
        .and_then(|mut client| client.post_json("/v1/quotes", &body))
        .with_context(|| format!("no answer from {}", target.url))?;
    if reply.status != 200 {
        bail!("{} answered a quote with {}", target.url, reply.refusal());
    }
    decided_at_unix_ms(&reply.body)
        .with_context(|| format!("a quote's answer has no decided_at: {}", reply.excerpt()))
}
