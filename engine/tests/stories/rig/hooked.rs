//! A virtual disk that calls back in the middle of its operations: what happens meanwhile is then no matter of luck.

use satang_log::storage::{MemoryFile, MemoryStorage, Page, ReadFile, ReadStorage, Storage, StorageFile};
use std::io;
use std::sync::{Arc, Mutex};

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Rename,
    Write { pages: usize },
    Flush,
    Read,
}

#[derive(Clone, Default)]
pub struct HookedStorage {
    pub disk: MemoryStorage,
    pub hook: Arc<Hook>,
}

pub struct HookedFile {
    file: MemoryFile,
    hook: Arc<Hook>,
}

type Call = Arc<dyn Fn(Operation) + Send + Sync>;

/// What is called; the lock is held over no call.
#[derive(Default)]
pub struct Hook(Mutex<Option<Call>>);

impl Hook {
    pub fn set(&self, call: impl Fn(Operation) + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Arc::new(call));
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap() = None;
    }

    fn call(&self, operation: Operation) {
        let call = self.0.lock().unwrap().clone();
        if let Some(call) = call {
            call(operation);
        }
    }
}

impl ReadStorage for HookedStorage {
    type File = HookedFile;

    fn open(&self, name: &str) -> io::Result<HookedFile> {
        let (file, hook) = (self.disk.open(name)?, self.hook.clone());
        Ok(HookedFile { file, hook })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }
}

impl Storage for HookedStorage {
    fn create(&self, name: &str) -> io::Result<HookedFile> {
        self.hook.call(Operation::Create);
        let (file, hook) = (self.disk.create(name)?, self.hook.clone());
        Ok(HookedFile { file, hook })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.hook.call(Operation::Rename);
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
}

impl ReadFile for HookedFile {
    fn len_bytes(&self) -> io::Result<u64> {
        self.file.len_bytes()
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.hook.call(Operation::Read);
        self.file.read_exact_at(into, offset)
    }
}

impl StorageFile for HookedFile {
    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()> {
        self.hook.call(Operation::Write { pages: pages.len() });
        self.file.write_pages_at(pages, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.hook.call(Operation::Flush);
        self.file.sync()
    }

    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<bool> {
        self.file.reserve(offset, bytes)
    }
}
