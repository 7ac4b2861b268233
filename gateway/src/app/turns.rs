//! Work that may take long, kept from the requests that wait for the same I/O thread: large bodies are read on a thread of
//! their own, imports go on in slices.

use super::Failure;
use crate::wire::problem::Problem;
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Span;

/// A body up to this size is read where it came in: that takes less than the hand-over.
const READ_AT_ONCE_BYTES: usize = 64 << 10;

/// How long imports work before everything else on their thread has its turn.
const SLICE: Duration = Duration::from_micros(500);

/// Reads a body: a large one on another thread, of which each I/O thread has one.
///
/// # Errors
/// Those of `parse`.
pub(super) async fn read<T: Send + 'static>(
    body: Bytes,
    parse: impl FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Failure> {
    match body.len() > READ_AT_ONCE_BYTES {
        true => Ok(elsewhere(move || parse(&body)).await?),
        false => Ok(parse(&body)?),
    }
}

/// Does on another thread what may take long or wait for a file; at once where there is no runtime.
pub(super) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // What it logs belongs to the same request.
    let span = Span::current();
    match Handle::try_current() {
        Ok(runtime) => {
            let done = runtime.spawn_blocking(move || span.in_scope(work)).await;
            done.expect("it does not panic: panics abort")
        }
        Err(_) => work(),
    }
}

/// The turns of the imports of one I/O thread.
pub(super) struct Turns {
    one_at_a_time: Semaphore,
}

impl Turns {
    pub(super) fn new() -> Turns {
        Turns {
            one_at_a_time: Semaphore::new(1),
        }
    }

    /// Waits for a turn: however many imports there are, one slice of one of them comes between two rounds of everything else.
    pub(super) async fn take(&self) -> Turn<'_> {
        let permit = self.one_at_a_time.acquire().await;
        tokio::task::yield_now().await;
        Turn {
            _permit: permit.expect("it is never closed"),
            since: Instant::now(),
        }
    }
}

/// A turn; it ends when it is dropped, which must be before the import waits for anything else.
pub(super) struct Turn<'t> {
    _permit: SemaphorePermit<'t>,
    since: Instant,
}

impl Turn<'_> {
    /// Whether it has been long enough.
    pub(super) fn is_over(&self) -> bool {
        self.since.elapsed() >= SLICE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use tokio::runtime::{Builder, LocalOptions};

    #[test]
    fn one_slice_of_all_imports_comes_between_two_rounds_of_the_others() {
        let runtime = Builder::new_current_thread()
            .build_local(LocalOptions::default())
            .unwrap();
        runtime.block_on(async {
            let (turns, slices) = (Rc::new(Turns::new()), Rc::new(Cell::new(0)));
            for _ in 0..50 {
                let (turns, slices) = (turns.clone(), slices.clone());
                tokio::task::spawn_local(async move {
                    loop {
                        let turn = turns.take().await;
                        slices.set(slices.get() + 1);
                        drop(turn);
                    }
                });
            }
            // A request that needs a hundred rounds of the thread.
            for round in 0..100 {
                tokio::task::yield_now().await;
                assert!(
                    slices.get() <= round + 1,
                    "{} slices in {round} rounds",
                    slices.get()
                );
            }
            assert!(slices.get() > 10, "imports go on");
        });
    }

    #[test]
    fn a_large_body_is_read_on_another_thread() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let of = |bytes: usize| {
            let body = Bytes::from(vec![b' '; bytes]);
            let thread = read(body, |_| Ok(std::thread::current().id()));
            runtime.block_on(thread).unwrap()
        };
        assert_eq!(of(READ_AT_ONCE_BYTES), std::thread::current().id());
        assert_ne!(of(READ_AT_ONCE_BYTES + 1), std::thread::current().id());
    }
}
