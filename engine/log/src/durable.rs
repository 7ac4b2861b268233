//! What is durable, and who waits for it (I1).
//!
//! The journal's thread publishes; threads that block wait on a condition, and each I/O thread keeps its own queue of waiting
//! tasks and is woken once per publication, not once per answer: a wake-up across threads costs more than a decision.

use atomic_waker::AtomicWaker;
use parking_lot::{Condvar, Mutex};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant as Moment};

/// The journal's disk failed: what was not durable by then is unknown and never will be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal's disk failed; the outcome is unknown: retry with the same id")]
pub struct StorageFailed;

/// How far the journal is durable.
pub struct Durable {
    /// Records up to this one are durable.
    sequence: AtomicU64,
    failed: AtomicBool,
    blocked: Mutex<()>,
    unblock: Condvar,
    blocked_count: AtomicUsize,
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
}

/// One I/O thread's standing order to be woken.
struct Subscriber {
    /// The lowest sequence a task of the thread waits for; `u64::MAX` for none.
    lowest: AtomicU64,
    waker: AtomicWaker,
}

impl Durable {
    /// Every record up to `sequence` is durable.
    pub fn new(sequence: u64) -> Arc<Durable> {
        Arc::new(Durable {
            sequence: AtomicU64::new(sequence),
            failed: AtomicBool::new(false),
            blocked: Mutex::new(()),
            unblock: Condvar::new(),
            blocked_count: AtomicUsize::new(0),
            subscribers: Mutex::new(Vec::new()),
        })
    }

    /// The highest durable sequence.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(SeqCst)
    }

    /// Whether the journal failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(SeqCst)
    }

    /// Whether the record of this sequence is durable.
    ///
    /// # Errors
    /// [`StorageFailed`] when it is not and never will be.
    pub fn check(&self, sequence: u64) -> Result<bool, StorageFailed> {
        if sequence <= self.sequence() {
            Ok(true)
        } else if self.has_failed() {
            Err(StorageFailed)
        } else {
            Ok(false)
        }
    }

    /// Blocks the thread until the record of this sequence is durable.
    pub fn block_until(&self, sequence: u64) -> Result<(), StorageFailed> {
        self.block(sequence, None).map(drop)
    }

    /// Blocks the thread until the record of this sequence is durable, at most so long; says whether it is.
    pub fn block_at_most(&self, sequence: u64, at_most: Duration) -> bool {
        self.block(sequence, Some(Moment::now() + at_most)) == Ok(true)
    }

    fn block(&self, sequence: u64, until: Option<Moment>) -> Result<bool, StorageFailed> {
        self.blocked_count.fetch_add(1, SeqCst);
        let mut blocked = self.blocked.lock();
        let outcome = loop {
            match (self.check(sequence), until) {
                (Ok(false), None) => self.unblock.wait(&mut blocked),
                (Ok(false), Some(until)) if Moment::now() < until => {
                    self.unblock.wait_until(&mut blocked, until);
                }
                (checked, _) => break checked,
            }
        };
        self.blocked_count.fetch_sub(1, SeqCst);
        outcome
    }

    /// Every record up to `sequence` is durable now.
    pub fn publish(&self, sequence: u64) {
        self.sequence.store(sequence, SeqCst);
        self.wake(sequence);
    }

    /// Nothing more will become durable.
    pub fn fail(&self) {
        self.failed.store(true, SeqCst);
        self.wake(u64::MAX);
    }

    fn wake(&self, sequence: u64) {
        for subscriber in self.subscribers.lock().iter() {
            if subscriber.lowest.load(SeqCst) <= sequence {
                subscriber.waker.wake();
            }
        }
        if self.blocked_count.load(SeqCst) > 0 {
            drop(self.blocked.lock());
            self.unblock.notify_all();
        }
    }
}

/// The waiting tasks of one I/O thread; never leaves it.
#[derive(Clone)]
pub struct DurableWaits {
    inner: Rc<Inner>,
}

struct Inner {
    durable: Arc<Durable>,
    subscriber: Arc<Subscriber>,
    /// In the order of their sequences.
    queue: RefCell<VecDeque<(u64, Waker)>>,
}

impl DurableWaits {
    /// A queue for the calling thread. Its runtime must run [`DurableWaits::dispatch`].
    pub fn subscribe(durable: &Arc<Durable>) -> DurableWaits {
        let subscriber = Arc::new(Subscriber {
            lowest: AtomicU64::new(u64::MAX),
            waker: AtomicWaker::new(),
        });
        durable.subscribers.lock().push(subscriber.clone());
        let queue = RefCell::default();
        DurableWaits {
            inner: Rc::new(Inner {
                durable: durable.clone(),
                subscriber,
                queue,
            }),
        }
    }

    /// Waits until the record of this sequence is durable.
    pub async fn wait(&self, sequence: u64) -> Result<(), StorageFailed> {
        let mut registered = None;
        poll_fn(|cx| self.inner.poll_wait(sequence, &mut registered, cx)).await
    }

    /// Wakes the thread's tasks as their records become durable; runs for ever, as a task of the thread's runtime.
    pub async fn dispatch(&self) {
        poll_fn(|cx| self.inner.poll_dispatch(cx)).await
    }
}

impl Inner {
    /// `registered` is the waker that is in the queue already: a task that is polled for another reason stands in it once.
    fn poll_wait(
        &self,
        sequence: u64,
        registered: &mut Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StorageFailed>> {
        if let Some(outcome) = self.outcome(sequence) {
            return Poll::Ready(outcome);
        }
        if registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            return Poll::Pending;
        }
        *registered = Some(cx.waker().clone());
        let mut queue = self.queue.borrow_mut();
        let at = queue.partition_point(|(waiting, _)| *waiting <= sequence);
        queue.insert(at, (sequence, cx.waker().clone()));
        self.subscriber.lowest.store(queue[0].0, SeqCst);
        drop(queue);
        // Published between the check and the order: nobody else would wake this task.
        self.outcome(sequence).map_or(Poll::Pending, Poll::Ready)
    }

    fn outcome(&self, sequence: u64) -> Option<Result<(), StorageFailed>> {
        match self.durable.check(sequence) {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(failed) => Some(Err(failed)),
        }
    }

    fn poll_dispatch(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.subscriber.waker.register(cx.waker());
        let durable = self.settled();
        let mut queue = self.queue.borrow_mut();
        while let Some((_, waker)) = queue.pop_front_if(|(waiting, _)| *waiting <= durable) {
            waker.wake();
        }
        self.subscriber
            .lowest
            .store(queue.front().map_or(u64::MAX, |(waiting, _)| *waiting), SeqCst);
        drop(queue);
        // Published while the order was renewed: look again.
        if self.settled() != durable {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whoever waits for this sequence or an earlier one has an outcome.
    fn settled(&self) -> u64 {
        match self.durable.has_failed() {
            true => u64::MAX,
            false => self.durable.sequence(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[test]
    fn a_task_is_woken_once_its_record_is_durable_and_not_before() {
        let durable = Durable::new(9);
        let waits = DurableWaits::subscribe(&durable);
        let mut cx = Context::from_waker(Waker::noop());
        let mut dispatch = pin!(waits.dispatch());
        let mut early = pin!(waits.wait(9));
        let mut late = pin!(waits.wait(20));
        assert_eq!(early.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(late.as_mut().poll(&mut cx), Poll::Pending);
        durable.publish(19);
        assert!(dispatch.as_mut().poll(&mut cx).is_pending());
        assert_eq!(late.as_mut().poll(&mut cx), Poll::Pending);
        durable.publish(20);
        assert_eq!(late.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    }

    #[test]
    fn a_failed_journal_ends_every_wait_with_an_error() {
        let durable = Durable::new(9);
        let waits = DurableWaits::subscribe(&durable);
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = pin!(waits.wait(10));
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        durable.fail();
        assert_eq!(wait.as_mut().poll(&mut cx), Poll::Ready(Err(StorageFailed)));
        assert_eq!(durable.block_until(10), Err(StorageFailed));
        assert_eq!(durable.block_until(9), Ok(()));
    }
}
