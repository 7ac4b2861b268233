//! Whether requests are decided, and if not, why: the answer of `/readyz`.

use super::{Failure, Ready, text};
use crate::server::Response;
use satang_engine::engine::SubmitError;
use satang_log::durable::StorageFailed;
use satang_log::storage::Storage;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// How far the process is in its life.
#[derive(Default)]
pub(super) struct Progress {
    /// Of the journal that a start reads; 0 as long as nothing is known of it.
    replayed_percent: AtomicU8,
    stopping: AtomicBool,
}

impl Progress {
    /// So many of so many bytes were read.
    pub(super) fn replayed(&self, bytes: u64, all_bytes: u64) {
        // A percentage, not bytes: whoever probes needs no key, and how much is journaled is nobody's business.
        let percent = bytes.saturating_mul(100).checked_div(all_bytes).unwrap_or(0);
        self.replayed_percent.store(percent.min(100) as u8, Relaxed);
    }

    pub(super) fn replayed_percent(&self) -> u8 {
        self.replayed_percent.load(Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }
}

impl<S: Storage> Ready<S> {
    /// 200 while decisions are made, though some may be refused for want of room or for too many at a time: the text says so. Elsewhere
    /// they would have to be repeated, and are answered here.
    pub(super) async fn readiness(&self) -> Result<Response, Failure> {
        if self.progress.stopping.load(Relaxed) {
            return Err(Failure::Stopping);
        }
        self.engine.now().map_err(SubmitError::from)?;
        if self.engine.durable().has_failed() {
            return Err(StorageFailed.into());
        }
        Ok(text(match self.engine.lacks() {
            None => "ready\n".to_owned(),
            Some(lack) => {
                let why = lack.to_string();
                let answer = Failure::Submit(lack).response();
                let code = answer.code.unwrap_or_default();
                format!("ready, but not for everything\n{code}: {why}\n")
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_snapshots::Service;
    use super::super::{Api, App, Metrics, WholeBody};
    use crate::programs::ProgramSource;
    use http::{HeaderMap, Method};
    use satang_log::storage::{MemoryStorage, Storage};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};
    use std::time::{Duration, Instant};

    fn probe<S: Storage>(api: &Api<S>) -> (u16, String) {
        let headers = HeaderMap::new();
        let mut answer = pin!(api.respond(&Method::GET, "/readyz", &headers, WholeBody(None)));
        let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a probe waits for nothing");
        };
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.status.as_u16(), text)
    }

    #[test]
    fn a_start_says_how_far_it_is() {
        let metrics = Arc::new(Metrics::new());
        let programs = Arc::new(ProgramSource::new(|| Ok(Vec::new())));
        let app: Arc<App<MemoryStorage>> = App::starting(metrics, programs);
        let api = Api::new(app.clone(), |_| {});
        assert!(probe(&api).1.contains(r#""detail":"recovery is not done yet; "#));
        app.replayed(3 << 50, 8 << 50);
        let (status, said) = probe(&api);
        assert_eq!(status, 503);
        assert!(
            said.contains(r#""code":"not_ready""#) && said.contains("37 % of the journal is read"),
            "{said}"
        );
    }

    #[test]
    fn a_full_disk_is_told_though_the_server_is_ready() {
        let service = Service::start();
        assert_eq!(probe(&service.api), (200, "ready\n".into()));
        service.storage.fill_after(0);
        let upkeep = service.opened.upkeep.clone();
        let zeroing = std::thread::spawn(move || upkeep.run_until_stopped());
        let begun = Instant::now();
        let mut said = probe(&service.api);
        while said.1 == "ready\n" && begun.elapsed() < Duration::from_secs(60) {
            std::thread::yield_now();
            said = probe(&service.api);
        }
        service.opened.upkeep.stop();
        zeroing.join().unwrap();
        let expected =
            "ready, but not for everything\ndisk_full: the disk is full; reversals are still taken: false\n";
        assert_eq!(said, (200, expected.into()));
    }
}
