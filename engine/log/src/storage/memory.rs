//! A virtual disk: remembers what was flushed and what was not, and can lose power.
//!
//! A loss of power is as bad as a real disk may make it: every 512-byte sector written since the last flush of its file holds
//! any one of the contents it had since then, a file that grew has any length in between, and of the creations, renamings and
//! removals since the last flush of the folder any subset has happened.

use super::{PAGE_BYTES, Page, ReadFile, ReadStorage, Storage, StorageFile};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What a disk writes wholly or not at all.
const SECTOR_BYTES: usize = 512;

/// A virtual data folder. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

type Files = BTreeMap<String, Arc<Mutex<Contents>>>;

#[derive(Default)]
struct Disk {
    /// The files that are seen.
    files: Files,
    /// The files as of the last flush of their folder.
    flushed_files: Files,
    /// What was done to names since then.
    unflushed_names: Vec<NameChange>,
    /// Pages that may still be written before the disk is full; `None` for a disk without end.
    pages_left: Option<u64>,
    /// Writes and flushes that may still succeed before every later one fails; `None` for a disk that does not break.
    operations_left: Option<u64>,
    /// Writes and flushes so far.
    operations: u64,
}

/// A creation, renaming or removal.
struct NameChange {
    name: String,
    /// What the name stands for after it; nothing when it was removed.
    contents: Option<Arc<Mutex<Contents>>>,
    renamed_from: Option<String>,
}

#[derive(Default)]
struct Contents {
    /// What a read sees.
    bytes: Vec<u8>,
    /// Of each page written since the last flush, what it held at that flush and after every write but the last.
    unflushed: BTreeMap<usize, Vec<Page>>,
    flushed_len: usize,
    /// Bytes that have room on the disk, from the first on; less than the file is long when nothing was reserved.
    reserved_len: usize,
}

impl Contents {
    /// Pages that the disk must have room for when the file, or what is reserved for it, reaches to `end`.
    fn pages_added(&self, end: usize) -> u64 {
        let has_room = self.bytes.len().max(self.reserved_len);
        end.saturating_sub(has_room).div_ceil(PAGE_BYTES) as u64
    }

    fn flushed(bytes: Vec<u8>) -> Arc<Mutex<Contents>> {
        let flushed_len = bytes.len();
        Arc::new(Mutex::new(Contents {
            bytes,
            unflushed: BTreeMap::new(),
            flushed_len,
            reserved_len: 0,
        }))
    }

    fn page(&self, number: usize) -> Page {
        let mut page = Page::ZERO;
        if let Some(bytes) = self.bytes.get(number * PAGE_BYTES..) {
            let len = bytes.len().min(PAGE_BYTES);
            page.0[..len].copy_from_slice(&bytes[..len]);
        }
        page
    }

    /// What a loss of power leaves: the newest content of a sector that `kept` agrees to.
    fn after_loss(&self, kept: &mut impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let mut len = self.flushed_len;
        for (page, older) in &self.unflushed {
            for start in (page * PAGE_BYTES..(page + 1) * PAGE_BYTES).step_by(SECTOR_BYTES) {
                let end = (start + SECTOR_BYTES).min(bytes.len());
                if start >= end {
                    break;
                }
                let mut version = older.len();
                while version > 0 && !kept() {
                    version -= 1;
                }
                if version < older.len() {
                    let within = start % PAGE_BYTES;
                    bytes[start..end].copy_from_slice(&older[version].0[within..within + end - start]);
                }
                if version > 0 {
                    len = len.max(end);
                }
            }
        }
        bytes.truncate(len.max(if kept() { self.bytes.len() } else { 0 }));
        bytes
    }
}

impl MemoryStorage {
    /// Lets `operations` further writes and flushes succeed, then fails every one.
    pub fn break_after(&self, operations: u64) {
        self.disk.lock().operations_left = Some(operations);
    }

    /// Lets every operation succeed again.
    pub fn mend(&self) {
        self.disk.lock().operations_left = None;
    }

    /// How many writes and flushes were asked for so far.
    pub fn operations(&self) -> u64 {
        self.disk.lock().operations
    }

    /// Lets `pages` further pages be added to files, then reports a full disk.
    pub fn fill_after(&self, pages: u64) {
        self.disk.lock().pages_left = Some(pages);
    }

    /// A disk without end again.
    pub fn make_room(&self) {
        self.disk.lock().pages_left = None;
    }

    /// Loses power: `kept` decides, one by one, what of that which was not flushed survives. The returned disk holds what is
    /// left; the old one can be thrown away.
    pub fn lose_power(&self, mut kept: impl FnMut() -> bool) -> MemoryStorage {
        let after = MemoryStorage::default();
        let disk = self.disk.lock();
        let mut files = disk.flushed_files.clone();
        for change in &disk.unflushed_names {
            if !kept() {
                continue;
            }
            if let Some(from) = &change.renamed_from {
                files.remove(from);
            }
            match &change.contents {
                Some(contents) => files.insert(change.name.clone(), contents.clone()),
                None => files.remove(&change.name),
            };
        }
        drop(disk);
        for (name, contents) in &files {
            after.set_bytes(name, contents.lock().after_loss(&mut kept));
        }
        after
    }

    /// A copy of a file's bytes.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        // A write locks the file before the disk: the disk's lock is not held here.
        let contents = self.disk.lock().files[name].clone();
        let contents = contents.lock();
        contents.bytes.clone()
    }

    /// Replaces a file's bytes: a truncation, a flipped bit.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let contents = Contents::flushed(bytes);
        let mut disk = self.disk.lock();
        disk.files.insert(name.to_owned(), contents.clone());
        disk.flushed_files.insert(name.to_owned(), contents);
    }

    /// An independent copy of the whole disk.
    pub fn copy(&self) -> MemoryStorage {
        let copy = MemoryStorage::default();
        let files = self.disk.lock().files.clone();
        for (name, contents) in &files {
            copy.set_bytes(name, contents.lock().bytes.clone());
        }
        copy
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        self.disk.lock().files.keys().cloned().collect()
    }

    /// Removes a file for good, as an operator's mistake does.
    pub fn lose_file(&self, name: &str) {
        let mut disk = self.disk.lock();
        disk.files.remove(name);
        disk.flushed_files.remove(name);
    }

    fn take_room(&self, pages: u64) -> io::Result<()> {
        if let Some(left) = &mut self.disk.lock().pages_left {
            *left = left.checked_sub(pages).ok_or(io::ErrorKind::StorageFull)?;
        }
        Ok(())
    }

    fn operation(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.operations += 1;
        match &mut disk.operations_left {
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

impl ReadStorage for MemoryStorage {
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
}

impl Storage for MemoryStorage {
    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        self.operation()?;
        let contents = Arc::<Mutex<Contents>>::default();
        let mut disk = self.disk.lock();
        disk.files.insert(name.to_owned(), contents.clone());
        disk.unflushed_names.push(NameChange {
            name: name.to_owned(),
            contents: Some(contents.clone()),
            renamed_from: None,
        });
        Ok(MemoryFile {
            contents,
            storage: self.clone(),
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operation()?;
        let mut disk = self.disk.lock();
        let contents = disk.files.remove(from).ok_or_else(|| not_found(from))?;
        disk.files.insert(to.to_owned(), contents.clone());
        disk.unflushed_names.push(NameChange {
            name: to.to_owned(),
            contents: Some(contents),
            renamed_from: Some(from.to_owned()),
        });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operation()?;
        let mut disk = self.disk.lock();
        disk.files.remove(name).ok_or_else(|| not_found(name))?;
        disk.unflushed_names.push(NameChange {
            name: name.to_owned(),
            contents: None,
            renamed_from: None,
        });
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.operation()?;
        let mut disk = self.disk.lock();
        let (seen, unflushed) = (disk.files.clone(), std::mem::take(&mut disk.unflushed_names));
        let within = |name: &str| name.rsplit_once('/').map_or("", |(folder, _)| folder) == folder;
        disk.flushed_files.retain(|name, _| !within(name));
        disk.flushed_files
            .extend(seen.into_iter().filter(|(name, _)| within(name)));
        disk.unflushed_names = unflushed
            .into_iter()
            .filter(|change| !within(&change.name))
            .collect();
        Ok(())
    }
}

/// A file on a virtual disk.
pub struct MemoryFile {
    contents: Arc<Mutex<Contents>>,
    storage: MemoryStorage,
}

impl ReadFile for MemoryFile {
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
}

impl StorageFile for MemoryFile {
    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()> {
        let outcome = self.storage.operation();
        // Of a write that fails, half may have landed.
        let pages = &pages[..pages.len() / if outcome.is_err() { 2 } else { 1 }];
        let mut contents = self.contents.lock();
        let (start, end) = (offset as usize, offset as usize + pages.len() * PAGE_BYTES);
        self.storage.take_room(contents.pages_added(end))?;
        for page in start / PAGE_BYTES..end / PAGE_BYTES {
            let before = contents.page(page);
            contents.unflushed.entry(page).or_default().push(before);
        }
        if contents.bytes.len() < end {
            contents.bytes.resize(end, 0);
        }
        for (page, at) in pages.iter().zip((start..).step_by(PAGE_BYTES)) {
            contents.bytes[at..at + PAGE_BYTES].copy_from_slice(&page.0);
        }
        outcome
    }

    fn sync(&self) -> io::Result<()> {
        self.storage.operation()?;
        let mut contents = self.contents.lock();
        contents.unflushed.clear();
        contents.flushed_len = contents.bytes.len();
        Ok(())
    }

    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<bool> {
        let mut contents = self.contents.lock();
        let end = (offset + bytes) as usize;
        self.storage.take_room(contents.pages_added(end))?;
        contents.reserved_len = contents.reserved_len.max(end);
        Ok(true)
    }
}
