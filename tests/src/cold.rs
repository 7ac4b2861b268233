//! A cold store in memory, on a disk that fails when it is told to, and journals to follow into it.

use crate::campaign::{Stats, System, run_episode};
use crate::oracle::calendar::Instant;
use crate::system::InProcess;
use bytes::Bytes;
use satang_cold::store::{Fill, Store};
use satang_log::storage::MemoryStorage;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// Files by name, on a disk that outlives whoever writes it.
#[derive(Clone, Default)]
pub struct MemoryStore {
    disk: Arc<Mutex<MemoryDisk>>,
}

#[derive(Default)]
struct MemoryDisk {
    files: BTreeMap<String, Bytes>,
    /// How many writes and removals still succeed; `None` for all.
    left: Option<u64>,
    /// Whether the one that fails has been done all the same.
    done_all_the_same: bool,
}

impl MemoryDisk {
    /// Whether the next change is done, and whether it is said to be.
    fn change(&mut self) -> (bool, io::Result<()>) {
        match &mut self.left {
            Some(0) => (self.done_all_the_same, Err(io::Error::other("killed"))),
            Some(left) => {
                *left -= 1;
                (true, Ok(()))
            }
            None => (true, Ok(())),
        }
    }
}

impl MemoryStore {
    /// From here on so many writes and removals succeed; the next one fails, though it may have been done; so do all behind it.
    pub fn kill_after(&self, changes: Option<u64>, done_all_the_same: bool) {
        let mut disk = self.disk.lock().expect("no writer panics");
        disk.left = changes;
        disk.done_all_the_same = done_all_the_same;
    }

    /// All files.
    pub fn files(&self) -> BTreeMap<String, Bytes> {
        self.disk.lock().expect("no writer panics").files.clone()
    }

    /// Replaces a file, as no follower does.
    pub fn put(&self, name: &str, bytes: Bytes) {
        let mut disk = self.disk.lock().expect("no writer panics");
        disk.files.insert(name.to_owned(), bytes);
    }
}

impl Store for MemoryStore {
    fn write(&self, name: &str, fill: &mut Fill<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        let mut disk = self.disk.lock().expect("no writer panics");
        let (done, said) = disk.change();
        if done {
            disk.files.insert(name.to_owned(), bytes.into());
            // What is told done once is not done twice.
            disk.done_all_the_same &= said.is_ok();
        }
        said
    }

    fn read(&self, name: &str) -> io::Result<Option<Bytes>> {
        Ok(self
            .disk
            .lock()
            .expect("no writer panics")
            .files
            .get(name)
            .cloned())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.lock().expect("no writer panics");
        let (done, said) = disk.change();
        if done {
            disk.files.remove(name);
        }
        said
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let below = format!("{folder}/");
        let disk = self.disk.lock().expect("no writer panics");
        let names = disk.files.keys().filter(|name| name.starts_with(&below));
        Ok(names.cloned().collect())
    }
}

/// The journal of one random episode: months of every kind of record.
///
/// # Panics
/// When the product disagrees with the oracle, which other tests are for.
pub fn journal(seed: u64) -> MemoryStorage {
    let disk = Rc::new(RefCell::new(None));
    let mut make = |programmes: &[(String, String)], start: &str| {
        let system = InProcess::new(programmes, start);
        Box::new(Kept {
            system,
            disk: disk.clone(),
        }) as Box<dyn System>
    };
    run_episode(seed, 0, &mut make, &mut Stats::default()).expect("the product agrees with the oracle");
    disk.take().expect("the system has ended")
}

/// Leaves its disk behind.
struct Kept {
    system: InProcess,
    disk: Rc<RefCell<Option<MemoryStorage>>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.disk.replace(Some(self.system.disk()));
    }
}

impl System for Kept {
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.system.call(method, path, body)
    }

    fn restart(&mut self) {
        self.system.restart();
    }

    fn reload(&mut self, programmes: &[(String, String)]) -> (u16, String) {
        self.system.reload(programmes)
    }

    fn restart_with(&mut self, programmes: &[(String, String)], now: Instant) {
        self.system.restart_with(programmes, now);
    }
}
