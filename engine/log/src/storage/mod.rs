//! The disk, as the engine sees it: named files of whole pages in one data folder.
//!
//! Two implementations run the same journal: [`FileStorage`] on a real folder, [`MemoryStorage`] on a virtual disk that can
//! lose power (the simulator) or only be fast (memory-backed measurements).

mod file;
mod memory;
mod sparing;

pub use file::{DiskRoom, FileStorage, OpenedFile, names_in};
pub use memory::{MemoryFile, MemoryStorage};

use std::io;
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a page: the unit of writing, and the alignment direct I/O asks for.
pub const PAGE_BYTES: usize = 4096;

/// One aligned page.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C, align(4096))]
pub struct Page(pub [u8; PAGE_BYTES]);

impl Page {
    /// A page of zeros.
    pub const ZERO: Page = Page([0; PAGE_BYTES]);
}

/// Whether an error says that the disk, or its owner's part of it, is full.
pub fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A data folder, to be read. Names are relative, with `/` between folders.
pub trait ReadStorage: Send + Sync + 'static {
    /// An open file.
    type File: ReadFile;

    /// Opens a file.
    ///
    /// # Errors
    /// Of the operating system, `NotFound` among them.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that is read now and then for a long time: where descriptors are counted, few of such files have one at a time, and
    /// a read may have to open its file anew.
    ///
    /// # Errors
    /// Of the operating system, `NotFound` among them.
    fn open_sparingly(&self, name: &str) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(self.open(name)?))
    }

    /// The names of the files in a folder, sorted; empty when there is no such folder.
    ///
    /// # Errors
    /// Of the operating system.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// A data folder, to be read and written.
pub trait Storage: ReadStorage<File: StorageFile> {
    /// Creates an empty file, replacing an older one.
    ///
    /// # Errors
    /// Of the operating system.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, replacing the file that has it.
    ///
    /// # Errors
    /// Of the operating system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Of the operating system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renamings and removals in a folder durable.
    ///
    /// # Errors
    /// Of the operating system.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
}

/// An open file, to be read.
pub trait ReadFile: Send + Sync + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Of the operating system.
    fn len_bytes(&self) -> io::Result<u64>;

    /// Fills `into` from `offset`.
    ///
    /// # Errors
    /// Of the operating system; `UnexpectedEof` past the end.
    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()>;

    /// Asks the operating system to forget what it holds of the file in memory, so that the next read asks the disk. It may keep it.
    fn forget_cached(&self) {}
}

/// An open file. A write followed by [`StorageFile::sync`] is one commit; an implementation may queue the write and do both
/// in `sync`, which is where it must report either's failure.
pub trait StorageFile: ReadFile {
    /// Writes whole pages at a page's offset.
    ///
    /// # Errors
    /// Of the operating system, `StorageFull` among them.
    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()>;

    /// Makes everything written durable.
    ///
    /// # Errors
    /// Of the operating system. After one, what was written since the last success is unknown: never retried (I8).
    fn sync(&self) -> io::Result<()>;

    /// Reserves room on the disk for so many bytes from `offset` on, behind the file's end too, without changing its length or
    /// content: a write there does not fail for want of room. False when the file system cannot.
    ///
    /// # Errors
    /// Of the operating system, `StorageFull` among them.
    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<bool>;
}
