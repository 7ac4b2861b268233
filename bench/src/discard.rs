//! A disk that takes everything and keeps nothing: the engine without I/O.
//!
//! Frames are still built, hashed and chained; only the write and the flush are missing.

use satang_log::storage::{Page, ReadFile, ReadStorage, Storage, StorageFile};
use std::io;

/// A data folder whose files are always empty.
#[derive(Default)]
pub struct DiscardStorage;

/// A file of [`DiscardStorage`].
pub struct DiscardFile;

impl ReadStorage for DiscardStorage {
    type File = DiscardFile;

    fn open(&self, name: &str) -> io::Result<DiscardFile> {
        if name.starts_with("journal/") {
            Ok(DiscardFile)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn list(&self, _folder: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Storage for DiscardStorage {
    fn create(&self, _name: &str) -> io::Result<DiscardFile> {
        Ok(DiscardFile)
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }
}

impl ReadFile for DiscardFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_exact_at(&self, _into: &mut [u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl StorageFile for DiscardFile {
    fn write_pages_at(&self, _pages: &[Page], _offset: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn reserve(&self, _offset: u64, _bytes: u64) -> io::Result<bool> {
        Ok(false)
    }
}
