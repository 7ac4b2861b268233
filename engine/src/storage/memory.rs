//! A virtual disk: remembers what was flushed and what was not, and can lose power.

use super::{PAGE_BYTES, Page, Storage, StorageFile};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A virtual data folder. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    files: BTreeMap<String, Arc<Mutex<Contents>>>,
    /// Pages that may still be written before the disk is full; `None` for a disk without end.
    pages_left: Option<u64>,
    /// Writes and flushes that may still succeed before every later one fails; `None` for a disk that does not break.
    operations_left: Option<u64>,
}

#[derive(Default)]
struct Contents {
    /// What a read sees.
    bytes: Vec<u8>,
    /// What survives a loss of power for certain: the bytes as of the last flush.
    unflushed: BTreeMap<u64, Option<Box<[u8; PAGE_BYTES]>>>,
    flushed_len: usize,
}

impl MemoryStorage {
    /// Lets `operations` further writes and flushes succeed, then fails every one.
    pub fn break_after(&self, operations: u64) {
        self.disk.lock().operations_left = Some(operations);
    }

    /// Lets `pages` further pages be added to files, then reports a full disk.
    pub fn fill_after(&self, pages: u64) {
        self.disk.lock().pages_left = Some(pages);
    }

    /// A disk without end again.
    pub fn make_room(&self) {
        self.disk.lock().pages_left = None;
    }

    /// Loses power: of the pages written since the last flush, `kept` decides which survive. The returned disk holds what is
    /// left; the old one can be thrown away.
    pub fn lose_power(&self, mut kept: impl FnMut() -> bool) -> MemoryStorage {
        let after = MemoryStorage::default();
        let disk = self.disk.lock();
        for (name, contents) in &disk.files {
            let contents = contents.lock();
            let mut bytes = contents.bytes.clone();
            for (page, before) in &contents.unflushed {
                if kept() {
                    continue;
                }
                let start = *page as usize * PAGE_BYTES;
                let end = bytes.len().min(start + PAGE_BYTES);
                match before {
                    Some(before) if start < end => bytes[start..end].copy_from_slice(&before[..end - start]),
                    _ if start < end => bytes[start..end].fill(0),
                    _ => {}
                }
            }
            let flushed_len = bytes.len();
            let contents = Contents {
                bytes,
                unflushed: BTreeMap::new(),
                flushed_len,
            };
            after
                .disk
                .lock()
                .files
                .insert(name.clone(), Arc::new(Mutex::new(contents)));
        }
        after
    }

    /// A copy of a file's bytes.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.disk.lock().files[name].lock().bytes.clone()
    }

    /// Replaces a file's bytes: a truncation, a flipped bit.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let flushed_len = bytes.len();
        let contents = Contents {
            bytes,
            unflushed: BTreeMap::new(),
            flushed_len,
        };
        self.disk
            .lock()
            .files
            .insert(name.to_owned(), Arc::new(Mutex::new(contents)));
    }

    /// An independent copy of the whole disk.
    pub fn copy(&self) -> MemoryStorage {
        let copy = MemoryStorage::default();
        for (name, contents) in &self.disk.lock().files {
            copy.set_bytes(name, contents.lock().bytes.clone());
        }
        copy
    }

    fn operation(&self) -> io::Result<()> {
        match &mut self.disk.lock().operations_left {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the virtual disk is broken")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))
}

impl Storage for MemoryStorage {
    type File = MemoryFile;

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let contents = self
            .disk
            .lock()
            .files
            .get(name)
            .cloned()
            .ok_or_else(|| not_found(name))?;
        Ok(MemoryFile {
            contents,
            storage: self.clone(),
        })
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        self.operation()?;
        let contents = Arc::<Mutex<Contents>>::default();
        self.disk.lock().files.insert(name.to_owned(), contents.clone());
        Ok(MemoryFile {
            contents,
            storage: self.clone(),
        })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let disk = self.disk.lock();
        let names = disk.files.keys().filter_map(|name| name.strip_prefix(&prefix));
        Ok(names
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operation()?;
        let mut disk = self.disk.lock();
        let contents = disk.files.remove(from).ok_or_else(|| not_found(from))?;
        disk.files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operation()?;
        self.disk
            .lock()
            .files
            .remove(name)
            .map(drop)
            .ok_or_else(|| not_found(name))
    }

    fn sync_folder(&self, _folder: &str) -> io::Result<()> {
        self.operation()
    }
}

/// A file on a virtual disk.
pub struct MemoryFile {
    contents: Arc<Mutex<Contents>>,
    storage: MemoryStorage,
}

impl StorageFile for MemoryFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.contents.lock().bytes.len() as u64)
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let contents = self.contents.lock();
        let start = offset as usize;
        let from = contents.bytes.get(start..start + into.len());
        into.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()> {
        self.storage.operation()?;
        let mut contents = self.contents.lock();
        let (start, end) = (offset as usize, offset as usize + pages.len() * PAGE_BYTES);
        let added = end.saturating_sub(contents.bytes.len()).div_ceil(PAGE_BYTES) as u64;
        if let Some(left) = &mut self.storage.disk.lock().pages_left {
            *left = left.checked_sub(added).ok_or(io::ErrorKind::StorageFull)?;
        }
        for page in start / PAGE_BYTES..end / PAGE_BYTES {
            let at = page * PAGE_BYTES;
            let before = contents
                .bytes
                .get(at..at + PAGE_BYTES)
                .filter(|_| at < contents.flushed_len);
            let before = before.map(|bytes| Box::new(bytes.try_into().expect("one page")));
            contents.unflushed.entry(page as u64).or_insert(before);
        }
        if contents.bytes.len() < end {
            contents.bytes.resize(end, 0);
        }
        for (page, at) in pages.iter().zip((start..).step_by(PAGE_BYTES)) {
            contents.bytes[at..at + PAGE_BYTES].copy_from_slice(&page.0);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.storage.operation()?;
        let mut contents = self.contents.lock();
        contents.unflushed.clear();
        contents.flushed_len = contents.bytes.len();
        Ok(())
    }
}
