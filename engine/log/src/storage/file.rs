//! A real folder: direct I/O where the file system allows it, always with the flush.

use super::sparing::{SparingFile, SparingFiles};
use super::{Page, ReadFile, ReadStorage, Storage, StorageFile, is_full};
use rustix::fs::{FallocateFlags, Mode, OFlags};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zerocopy::IntoBytes;

/// A data folder that this process alone uses.
pub struct FileStorage {
    folder: PathBuf,
    /// Held for the lock on it.
    lock: File,
    /// Locked as well, where a folder can be: whoever removes `lock` lets nobody else in.
    _locked_folder: File,
    direct: bool,
    sparing: Arc<SparingFiles>,
}

/// Room on a file system.
#[derive(Clone, Copy, Debug)]
pub struct DiskRoom {
    /// What this process may still take: what only root may have does not count.
    pub free_bytes: u64,
    pub all_bytes: u64,
}

/// What the process makes is its owner's alone: national ids are hashed, but the folder has the secret as well.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Locked while a process uses the folder; has its process id.
const LOCK_FILE: &str = "lock";

/// Written once at start to learn whether direct I/O works; holds nothing.
const PROBE_FILE: &str = "direct-io.probe";

impl FileStorage {
    /// Opens the folder, creating it when absent, and locks it against other processes.
    ///
    /// # Errors
    /// Of the operating system; `WouldBlock` when another process has it.
    pub fn open_folder(folder: &Path) -> io::Result<FileStorage> {
        create_folders(folder)?;
        let lock = open_own(File::options().truncate(false), &folder.join(LOCK_FILE))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        // For whoever finds it locked; on a full disk it stays empty.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.write_all_at(std::process::id().to_string().as_bytes(), 0));
        let locked_folder = File::open(folder)?;
        // Some file systems lock files alone.
        let locked = rustix::fs::flock(
            &locked_folder,
            rustix::fs::FlockOperation::NonBlockingLockExclusive,
        );
        if locked == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut storage = FileStorage {
            folder: folder.to_owned(),
            lock,
            _locked_folder: locked_folder,
            direct: true,
            sparing: Arc::default(),
        };
        if !storage.is_ours() {
            // Removed between opening and locking it.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        storage.direct = storage.direct_io_works()?;
        Ok(storage)
    }

    /// The id of the process that has the folder, as it wrote it down.
    pub fn used_by(folder: &Path) -> Option<u32> {
        fs::read_to_string(folder.join(LOCK_FILE)).ok()?.parse().ok()
    }

    /// The same folder with commits through the page cache.
    pub fn without_direct_io(mut self) -> FileStorage {
        self.direct = false;
        self
    }

    /// Whether the folder is still the one that was locked: not once it, or its `lock`, was removed or replaced. A file system that
    /// does not say is asked again later.
    pub fn is_ours(&self) -> bool {
        let is_gone = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            )
        };
        let named = fs::symlink_metadata(self.folder.join(LOCK_FILE));
        match (self.lock.metadata(), named) {
            (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
            (_, Err(error)) => !is_gone(&error),
            (Err(_), Ok(_)) => true,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Room on the folder's file system.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn room(&self) -> io::Result<DiskRoom> {
        let found = rustix::fs::fstatvfs(&self.lock)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(DiskRoom {
            free_bytes: bytes(found.f_bavail),
            all_bytes: bytes(found.f_blocks),
        })
    }

    /// Whether the file system refused direct I/O, so that commits go through the page cache (and are flushed all the same).
    pub fn direct_refused(&self) -> bool {
        !self.direct
    }

    /// Some file systems refuse to open a file for direct I/O, some only to write to it.
    fn direct_io_works(&self) -> io::Result<bool> {
        let path = self.folder.join(PROBE_FILE);
        let wrote = open_own(File::options().read(true).truncate(true), &path)
            .and_then(|buffered| self.opened(&path, buffered))
            .and_then(|probe| probe.write_pages_at(&[Page::ZERO], 0));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match wrote {
            Ok(()) => Ok(true),
            Err(error) if refuses_direct_io(&error) => Ok(false),
            // A start must go on with the room that was reserved before.
            Err(error) if is_full(error.kind()) => self.direct_reading_works(error),
            Err(error) => Err(error),
        }
    }

    /// On a full disk, whether direct I/O works for reading what is there.
    fn direct_reading_works(&self, full: io::Error) -> io::Result<bool> {
        let names = self.list("journal")?;
        let Some(segment) = names.iter().find(|name| name.ends_with(".seg")) else {
            return Err(full);
        };
        let path = self.folder.join("journal").join(segment);
        let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let mut page = Page::ZERO;
        let read = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).read_exact_at(&mut page.0, 0));
        match read {
            Ok(()) => Ok(true),
            Err(error) if refuses_direct_io(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn opened(&self, path: &Path, buffered: File) -> io::Result<OpenedFile> {
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = match self.direct {
            true => Some(patiently(|| {
                Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
            })?),
            false => None,
        };
        Ok(OpenedFile { buffered, direct })
    }
}

fn refuses_direct_io(error: &io::Error) -> bool {
    let refusals = [rustix::io::Errno::INVAL, rustix::io::Errno::OPNOTSUPP];
    refusals
        .iter()
        .any(|refusal| error.raw_os_error() == Some(refusal.raw_os_error()))
}

/// Opens a file for writing, or makes it, its owner's alone; never through a link.
fn open_own(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    options
        .write(true)
        .create(true)
        .mode(FILE_MODE)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32);
    patiently(|| options.open(path))
}

/// The names of what is in a folder, sorted; empty when there is no such folder.
///
/// # Errors
/// Of the operating system.
pub fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match patiently(|| fs::read_dir(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// How long to wait before the next try, and how often to try: what ran out may be given back in a tenth of a second.
const PAUSE: Duration = Duration::from_millis(5);
const TRIES: u32 = 20;

/// Opens something, and tries again while the process or the machine has no descriptor or no memory for it at the moment.
pub(super) fn patiently<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    use rustix::io::Errno;
    let passes = |error: &io::Error| {
        let errnos = [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::INTR,
            Errno::AGAIN,
        ];
        errnos
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    };
    for _ in 1..TRIES {
        match open() {
            Err(error) if passes(&error) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
    open()
}

/// Makes a folder, its owner's alone, unless there is one.
fn make_own_folder(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Creates a folder and those above it that are missing, and makes their names durable.
fn create_folders(folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent() else {
        return Ok(());
    };
    if !folder.exists() {
        create_folders(parent)?;
        make_own_folder(folder)?;
    }
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    File::open(parent)?.sync_all()
}

impl ReadStorage for FileStorage {
    type File = OpenedFile;

    fn open(&self, name: &str) -> io::Result<OpenedFile> {
        let path = self.folder.join(name);
        let buffered = patiently(|| File::options().read(true).write(true).open(&path))?;
        self.opened(&path, buffered)
    }

    fn open_sparingly(&self, name: &str) -> io::Result<Arc<dyn ReadFile>> {
        let file = SparingFile::open(self.folder.join(name), self.sparing.clone())?;
        Ok(Arc::new(file))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        names_in(&self.folder.join(folder))
    }
}

impl Storage for FileStorage {
    fn create(&self, name: &str) -> io::Result<OpenedFile> {
        let path = self.folder.join(name);
        // Not the data folder itself: it was there, and whoever removed it wants it gone.
        if let Some(parent) = path.parent().filter(|parent| *parent != self.folder) {
            make_own_folder(parent)?;
            // Flushed even when it exists: whoever created it may have been killed before its flush.
            self.sync_folder("")?;
        }
        let buffered = open_own(File::options().read(true).truncate(true), &path)?;
        self.opened(&path, buffered)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        patiently(|| File::open(self.folder.join(folder)))?.sync_all()
    }
}

/// A file, open twice: through the page cache for reading, past it for writing.
pub struct OpenedFile {
    buffered: File,
    direct: Option<File>,
}

impl ReadFile for OpenedFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.buffered.metadata()?.len())
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.buffered.read_exact_at(into, offset)
    }

    fn forget_cached(&self) {
        // A system that refuses serves from memory: nothing is read wrongly by it.
        let _ = rustix::fs::fadvise(&self.buffered, 0, None, rustix::fs::Advice::DontNeed);
    }
}

impl StorageFile for OpenedFile {
    fn write_pages_at(&self, pages: &[Page], offset: u64) -> io::Result<()> {
        let file = self.direct.as_ref().unwrap_or(&self.buffered);
        file.write_all_at(pages.as_bytes(), offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.buffered.sync_data()
    }

    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<bool> {
        use rustix::io::Errno;
        match rustix::fs::fallocate(&self.buffered, FallocateFlags::KEEP_SIZE, offset, bytes) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn what_is_short_for_a_moment_is_asked_for_again_and_nothing_else() {
        let after = |failures: u32, errno: Errno| {
            let mut asked = 0;
            let outcome = patiently(|| {
                asked += 1;
                if asked <= failures {
                    Err(errno.into())
                } else {
                    Ok(())
                }
            });
            (outcome.map_err(|error| error.raw_os_error()), asked)
        };
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::INTR,
            Errno::AGAIN,
        ] {
            assert_eq!(after(2, errno), (Ok(()), 3));
        }
        let of = |errno: Errno| Err(Some(errno.raw_os_error()));
        assert_eq!(after(u32::MAX, Errno::MFILE), (of(Errno::MFILE), TRIES));
        assert_eq!(after(1, Errno::NOENT), (of(Errno::NOENT), 1));
        assert_eq!(after(1, Errno::NOSPC), (of(Errno::NOSPC), 1));
    }
}
