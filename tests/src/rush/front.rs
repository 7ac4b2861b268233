//! The server that is killed and comes back, and how clients find it again.

use crate::process::{PATIENCE, ServerProcess};
use crate::site::Site;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What clients and the one who kills know of each other.
pub(super) struct Front {
    shown: Mutex<Shown>,
    changed: Condvar,
}

struct Shown {
    /// Where the server listens.
    addr: SocketAddr,
    /// Starts so far.
    start: u32,
    /// Applications answered so far in this phase.
    answered: u64,
    /// The one who kills wants to know when this many are.
    awaited: u64,
}

impl Front {
    fn new(addr: SocketAddr) -> Front {
        Front {
            shown: Mutex::new(Shown {
                addr,
                start: 0,
                answered: 0,
                awaited: u64::MAX,
            }),
            changed: Condvar::new(),
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().expect("nobody panics with it")
    }

    /// Where the server listens, and its start.
    pub(super) fn server(&self) -> (SocketAddr, u32) {
        let shown = self.shown();
        (shown.addr, shown.start)
    }

    /// The same after a later start than this one.
    ///
    /// # Panics
    /// When none comes.
    pub(super) fn server_after(&self, start: u32) -> (SocketAddr, u32) {
        let waited = self
            .changed
            .wait_timeout_while(self.shown(), PATIENCE, |shown| shown.start <= start);
        let (shown, waited) = waited.expect("nobody panics with it");
        assert!(
            !waited.timed_out(),
            "the server was not killed but does not answer"
        );
        (shown.addr, shown.start)
    }

    /// So many more applications are answered.
    pub(super) fn answered(&self, count: u64) {
        let mut shown = self.shown();
        shown.answered += count;
        if shown.answered >= shown.awaited {
            self.changed.notify_all();
        }
    }

    /// Counts answers from 0 again.
    pub(super) fn begin_phase(&self) {
        self.shown().answered = 0;
    }

    /// Waits until so many applications are answered.
    ///
    /// # Panics
    /// When nothing is answered any more.
    pub(super) fn wait_for(&self, answered: u64) {
        let mut shown = self.shown();
        shown.awaited = answered;
        while shown.answered < answered {
            let before = shown.answered;
            let waited = self
                .changed
                .wait_timeout_while(shown, PATIENCE, |shown| shown.answered < answered);
            shown = waited.expect("nobody panics with it").0;
            assert!(shown.answered > before, "nothing is answered any more");
        }
        shown.awaited = u64::MAX;
    }

    fn publish(&self, addr: SocketAddr) {
        let mut shown = self.shown();
        shown.addr = addr;
        shown.start += 1;
        self.changed.notify_all();
    }
}

/// Starts the server, kills it, and starts it again on the same folder.
pub(super) struct Keeper<'a> {
    site: &'a Site,
    args: &'a [&'a str],
    server: Option<ServerProcess>,
    front: Arc<Front>,
    kills: u32,
}

impl<'a> Keeper<'a> {
    /// Starts it.
    pub(super) fn start(site: &'a Site, args: &'a [&'a str]) -> Keeper<'a> {
        let server = serve(site, args);
        Keeper {
            site,
            args,
            front: Arc::new(Front::new(server.addr())),
            server: Some(server),
            kills: 0,
        }
    }

    /// What clients know of it.
    pub(super) fn front(&self) -> Arc<Front> {
        self.front.clone()
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.front.server().0
    }

    /// Kills it after each of these numbers of answers, and starts it again.
    pub(super) fn kill_at(&mut self, moments: &[u64]) {
        for moment in moments {
            self.front.wait_for(*moment);
            self.restart();
        }
    }

    /// Kills it and starts it again.
    pub(super) fn restart(&mut self) {
        self.kill();
        let server = serve(self.site, self.args);
        self.front.publish(server.addr());
        self.server = Some(server);
    }

    /// Ends it for good, when nobody asks any more; how often it was killed before.
    pub(super) fn stop(mut self) -> u32 {
        let kills = self.kills;
        self.kill();
        kills
    }

    fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
        self.kills += 1;
    }
}

fn serve(site: &Site, args: &[&str]) -> ServerProcess {
    let mut server = site.serve(args);
    // What it says must not fill the pipe.
    drop(server.follow());
    server
}
