//! A real folder: direct I/O where the file system allows it, always with the flush.

use super::{Page, Storage, StorageFile};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use zerocopy::IntoBytes;

/// A data folder that this process alone uses.
pub struct FileStorage {
    folder: PathBuf,
    /// Held for the lock on it.
    _lock: File,
    direct_refused: AtomicBool,
}

impl FileStorage {
    /// Opens the folder, creating it when absent, and locks it against other processes.
    ///
    /// # Errors
    /// Of the operating system; `WouldBlock` when another process has it.
    pub fn open_folder(folder: &Path) -> io::Result<FileStorage> {
        fs::create_dir_all(folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(FileStorage {
            folder: folder.to_owned(),
            _lock: lock,
            direct_refused: AtomicBool::new(false),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the file system refused direct I/O, so that commits go through the page cache (and are flushed all the same).
    pub fn direct_refused(&self) -> bool {
        self.direct_refused.load(Ordering::Relaxed)
    }

    fn opened(&self, path: &Path, buffered: File) -> io::Result<OpenedFile> {
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Some(File::from(fd)),
            Err(_) => {
                self.direct_refused.store(true, Ordering::Relaxed);
                None
            }
        };
        Ok(OpenedFile { buffered, direct })
    }
}

impl Storage for FileStorage {
    type File = OpenedFile;

    fn open(&self, name: &str) -> io::Result<OpenedFile> {
        let path = self.folder.join(name);
        let buffered = File::options().read(true).write(true).open(&path)?;
        self.opened(&path, buffered)
    }

    fn create(&self, name: &str) -> io::Result<OpenedFile> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent()
            && !parent.exists()
        {
            fs::create_dir_all(parent)?;
            File::open(&self.folder)?.sync_all()?;
        }
        let buffered = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        self.opened(&path, buffered)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.folder.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.folder.join(folder))?.sync_all()
    }
}

/// A file, open twice: through the page cache for reading, past it for writing.
pub struct OpenedFile {
    buffered: File,
    direct: Option<File>,
}

impl StorageFile for OpenedFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.buffered.metadata()?.len())
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.buffered.read_exact_at(into, offset)
    }

    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()> {
        let file = self.direct.as_ref().unwrap_or(&self.buffered);
        file.write_all_at(pages.as_bytes(), offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.buffered.sync_data()
    }
}
