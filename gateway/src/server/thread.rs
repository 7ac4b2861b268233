//! Starting the I/O threads, accepting on each, and stopping them all.

use super::counters::ServerCounters;
use super::door::{Door, Entry, Place};
use super::options::ServerOptions;
use super::watch::ThreadState;
use super::{Handler, ThreadContext, connection, listen};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::watch;

/// Told to a client that comes when every connection is taken.
const FULL_ANSWER: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Pause after the kernel refused to accept, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long a thread waits for blocking work that a handler has started, after everything else has ended.
const BLOCKING_WAIT: Duration = Duration::from_secs(1);

/// Starts listeners.
pub struct Server;

impl Server {
    /// Listens on `options.listen` and answers with the handlers that `factory` makes, one on each I/O thread, inside
    /// that thread's runtime. Returns when all threads accept.
    pub fn start<F, H>(options: ServerOptions, factory: F) -> io::Result<ServerHandle>
    where
        F: Fn(ThreadContext) -> H + Send + Sync + 'static,
        H: Handler,
    {
        options.check()?;
        let sockets = listen::open(options.listen, options.io_threads)?;
        let addr = sockets[0].local_addr()?;
        let counters = Arc::new(ServerCounters::default());
        let shared = Arc::new(Shared {
            factory,
            door: Door::new(&options, counters.clone()),
            counters,
        });
        let (stop, stopped) = watch::channel(false);
        let handle = ServerHandle {
            addr,
            stop,
            threads: Mutex::default(),
            counters: shared.counters.clone(),
        };
        let (ready, started) = mpsc::channel();
        for (index, socket) in sockets.into_iter().enumerate() {
            let (options, shared, stopped, ready) =
                (options.clone(), shared.clone(), stopped.clone(), ready.clone());
            let thread = std::thread::Builder::new()
                .name(format!("http-{index}"))
                .spawn(move || run_thread(index, socket, options, &shared, stopped, &ready))?;
            handle.threads().push(thread);
        }
        drop(ready);
        for _ in 0..options.io_threads {
            // Dropping the handle stops the threads that did start.
            started
                .recv()
                .map_err(|_| io::Error::other("an I/O thread ended while starting"))??;
        }
        Ok(handle)
    }
}

/// A running server. Dropped, it begins to stop without waiting.
pub struct ServerHandle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    counters: Arc<ServerCounters>,
}

impl ServerHandle {
    /// Where it listens, the port taken included.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the listener has counted.
    pub fn counters(&self) -> &Arc<ServerCounters> {
        &self.counters
    }

    /// Stops accepting, closes idle connections, lets requests in progress finish, and closes what is left after
    /// `shutdown_deadline`. Blocks until all threads have ended; once they have, it does nothing.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        for thread in self.threads().drain(..) {
            thread.join().expect("an I/O thread does not panic");
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What the threads have in common.
struct Shared<F> {
    factory: F,
    door: Arc<Door>,
    counters: Arc<ServerCounters>,
}

fn run_thread<F, H>(
    index: usize,
    socket: std::net::TcpListener,
    options: ServerOptions,
    shared: &Shared<F>,
    stopped: watch::Receiver<bool>,
    ready: &mpsc::Sender<io::Result<()>>,
) where
    F: Fn(ThreadContext) -> H,
    H: Handler,
{
    // A local runtime rather than a `LocalSet` in a runtime: one queue of tasks instead of two.
    let runtime: io::Result<LocalRuntime> = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listens when another thread has failed before.
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let context = ThreadContext {
            index,
            threads: options.io_threads,
            counters: shared.counters.clone(),
        };
        let handler = Rc::new((shared.factory)(context));
        let thread = Rc::new(ThreadState::new(options, shared.counters.clone()));
        tokio::task::spawn_local(thread.clone().sweep_for_ever());
        let _ = ready.send(Ok(()));
        accept(listener, &shared.door, &thread, &handler, stopped).await;
        finish(&thread).await;
    });
    runtime.shutdown_timeout(BLOCKING_WAIT);
}

/// Accepts until the stop.
async fn accept<H: Handler>(
    listener: TcpListener,
    door: &Arc<Door>,
    thread: &Rc<ThreadState>,
    handler: &Rc<H>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, from)) => {
                failing = false;
                thread.counters.accepted.fetch_add(1, Ordering::Relaxed);
                match find_place(door, from.ip(), thread) {
                    Some(place) => serve(socket, (place, from.ip()), thread, handler),
                    None => turn_away(&socket, thread),
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "cannot accept connections");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A place for a newcomer, which may be that of a stranger who leaves for it.
fn find_place(door: &Arc<Door>, from: IpAddr, thread: &ThreadState) -> Option<Place> {
    match door.enter(from) {
        Entry::Welcome(place) => Some(place),
        Entry::InsteadOfAStranger(place) if thread.close_oldest_stranger() => Some(place),
        Entry::InsteadOfAStranger(_) => {
            door.count_turned_away();
            None
        }
        Entry::TurnedAway => None,
    }
}

fn turn_away(socket: &TcpStream, thread: &ThreadState) {
    if thread.options.tls.is_none() {
        // As much as the socket takes at once; this client costs no more.
        let _ = socket.try_write(FULL_ANSWER);
    }
}

/// Starts a connection's task.
fn serve<H: Handler>(
    socket: TcpStream,
    (place, from): (Place, IpAddr),
    thread: &Rc<ThreadState>,
    handler: &Rc<H>,
) {
    // The socket works without it, only slower.
    let _ = socket.set_nodelay(true);
    let (connection, registered) = thread.register(place, from);
    let handler = handler.clone();
    let served = connection.clone();
    let task = tokio::task::spawn_local(async move {
        let _registered = registered;
        connection::serve(socket, served, handler).await;
    });
    connection.set_task(task.abort_handle());
}

/// Waits for the connections to end, up to the deadline.
async fn finish(thread: &Rc<ThreadState>) {
    thread.begin_stop();
    let all_gone = async {
        while thread.connections_len() > 0 {
            thread.connection_gone.notified().await;
        }
    };
    if tokio::time::timeout(thread.options.shutdown_deadline, all_gone)
        .await
        .is_err()
    {
        let left = thread.connections_len();
        tracing::warn!(left, "connections closed at the shutdown deadline");
    }
}
