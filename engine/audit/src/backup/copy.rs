//! Files into a folder: under another name, flushed, read back, and only then under their own.

use super::BackupError;
use super::manifest::{MANIFEST_FILE, Manifest, Stored};
use satang_engine::persons::{ERASING_FILE, is_whole_page, pending_page};
use satang_log::storage::{PAGE_BYTES, Page};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes that are read and written at once.
const PIECE_BYTES: usize = 1 << 20;
/// Held while a backup is taken; it also says that the folder is one of a backup.
const LOCK_FILE: &str = "backup.lock";
/// What a new file system has in it.
pub const LOST_AND_FOUND: &str = "lost+found";

/// The folder of a backup.
pub struct Target<'t> {
    folder: PathBuf,
    /// Held for the lock on it.
    _lock: File,
    progress: &'t mut dyn FnMut(u64),
}

impl<'t> Target<'t> {
    /// Opens the folder of a backup, which is made when absent: for its owner alone.
    ///
    /// # Errors
    /// [`BackupError`]; a folder that holds something else is refused.
    pub fn open(folder: &Path, progress: &'t mut dyn FnMut(u64)) -> Result<Target<'t>, BackupError> {
        let io = || BackupError::io(folder);
        make_own_folder(folder)?;
        let (lock, manifest) = (folder.join(LOCK_FILE), folder.join(MANIFEST_FILE));
        let mut entries = fs::read_dir(folder).map_err(io())?;
        let empty = entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOST_AND_FOUND));
        if !empty && !lock.exists() && !manifest.exists() {
            return Err(BackupError::refused(
                folder,
                "it is not empty, and holds no backup",
            ));
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .map_err(BackupError::io(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(BackupError::refused(
                    lock,
                    "another backup to this folder is running",
                ));
            }
            Err(fs::TryLockError::Error(error)) => return Err(BackupError::io(lock)(error)),
        }
        sync_folder(folder)?;
        Ok(Target {
            folder: folder.to_owned(),
            _lock: file,
            progress,
        })
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Copies what `from` gives; `name` says what it is called, by its hash.
    ///
    /// # Errors
    /// [`BackupError`], which names the file that could not be read or written.
    pub fn store(
        &mut self,
        path: &str,
        source: &Path,
        from: &mut dyn Read,
        mode: u32,
        name: impl FnOnce(&str) -> String,
    ) -> Result<Stored, BackupError> {
        let unfinished = self.path(&format!("{path}.tmp"));
        make_parent(&unfinished)?;
        let (bytes, hash) = write_new(&unfinished, source, from, mode, self.progress)?;
        let stored = name(&hash);
        let read_back = File::open(&unfinished).map_err(BackupError::io(&unfinished))?;
        if hash_of(&unfinished, &mut &read_back)? != hash {
            return Err(BackupError::refused(unfinished, "other bytes than were written"));
        }
        let finished = self.path(&stored);
        fs::rename(&unfinished, &finished).map_err(BackupError::io(&finished))?;
        sync_folder(parent_of(&finished))?;
        Ok(Stored {
            path: path.to_owned(),
            stored,
            bytes,
            blake3: hash,
        })
    }

    /// Writes the manifest, whose files are all there, over the former one.
    pub fn write_manifest(&self, manifest: &mut Manifest) -> Result<(), BackupError> {
        let finished = self.path(MANIFEST_FILE);
        let unfinished = finished.with_added_extension("tmp");
        let text = manifest.checked_text();
        write_new(&unfinished, &finished, &mut text.as_bytes(), 0o600, &mut |_| {})?;
        fs::rename(&unfinished, &finished).map_err(BackupError::io(&finished))?;
        sync_folder(&self.folder)
    }

    /// Looks that a file that was copied before is there in its whole length.
    pub fn check_length(&self, stored: &Stored) -> Result<(), BackupError> {
        let path = self.path(&stored.stored);
        let length = fs::metadata(&path).map_err(BackupError::io(&path))?.len();
        match length == stored.bytes {
            true => Ok(()),
            false => {
                let what = format!(
                    "offset {length}: it has {length} bytes, {} were copied",
                    stored.bytes
                );
                Err(BackupError::refused(path, what))
            }
        }
    }

    /// Removes what the manifest, which is durable, does not name.
    pub fn keep_only(&self, manifest: &Manifest) -> Result<(), BackupError> {
        for folder in ["", "journal", "ids", "snapshots"] {
            let folder_path = self.path(folder);
            let entries = match fs::read_dir(&folder_path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(BackupError::io(folder_path)(error)),
            };
            for entry in entries {
                let path = entry.map_err(BackupError::io(&folder_path))?.path();
                let named = |stored: &Stored| self.path(&stored.stored) == path;
                let own = [MANIFEST_FILE, LOCK_FILE]
                    .iter()
                    .any(|own| self.path(own) == path);
                if path.is_file() && !own && !manifest.files.iter().any(named) {
                    fs::remove_file(&path).map_err(BackupError::io(&path))?;
                }
            }
        }
        Ok(())
    }
}

/// Writes a new file and flushes it; its length and hash.
///
/// # Errors
/// [`BackupError`], which names the file that could not be read or written.
pub fn write_new(
    to: &Path,
    source: &Path,
    from: &mut dyn Read,
    mode: u32,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, String), BackupError> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(to).map_err(BackupError::io(to))?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = from.read(&mut piece).map_err(BackupError::io(source))?;
        if read == 0 {
            break;
        }
        hasher.update(&piece[..read]);
        file.write_all(&piece[..read]).map_err(BackupError::io(to))?;
        bytes += read as u64;
        progress(read as u64);
    }
    file.sync_all().map_err(BackupError::io(to))?;
    Ok((bytes, hasher.finalize().to_string()))
}

/// The BLAKE3 hash of what is read, in hexadecimal.
///
/// # Errors
/// [`BackupError`], which names `source`.
pub fn hash_of(source: &Path, from: &mut dyn Read) -> Result<String, BackupError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(from).map_err(BackupError::io(source))?;
    Ok(hasher.finalize().to_string())
}

/// Makes the folder a file lies in, and its name durable.
pub fn make_parent(path: &Path) -> Result<(), BackupError> {
    let parent = parent_of(path);
    if !parent.exists() {
        make_own_folder(parent)?;
        sync_folder(parent_of(parent))?;
    }
    Ok(())
}

/// Makes a folder, its owner's alone, and those above it, unless there is one.
pub fn make_own_folder(folder: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(BackupError::io(folder))
}

/// The folder that a file or folder lies in.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(BackupError::io(folder))
}

/// How often a page that is not whole is read again.
const REREADS: usize = 3;

/// The pages of a person store that are whole, up to a length it had.
pub struct WholePages {
    from: io::Take<io::BufReader<File>>,
    file: File,
    /// How many bytes of the file were looked at.
    at: u64,
    /// The page that is being replaced, and what by: the file's own may be torn.
    pending: Option<(u64, Box<Page>)>,
    page: Box<[u8; PAGE_BYTES]>,
    /// How much of the page was given out.
    given: usize,
    unreadable: Vec<u64>,
}

impl WholePages {
    /// The whole pages of a file.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(path: &Path, length: u64) -> io::Result<WholePages> {
        let pages = length / PAGE_BYTES as u64 * PAGE_BYTES as u64;
        let file = File::open(path)?;
        Ok(WholePages {
            from: io::BufReader::with_capacity(PIECE_BYTES, file.try_clone()?).take(pages),
            file,
            at: 0,
            pending: read_pending(&path.with_file_name(ERASING_FILE))?,
            page: Box::new([0; PAGE_BYTES]),
            given: PAGE_BYTES,
            unreadable: Vec::new(),
        })
    }
}

/// Where in the person store a page is being replaced, and by what.
fn read_pending(path: &Path) -> io::Result<Option<(u64, Box<Page>)>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut pages = [Page::ZERO; 2];
    if bytes.len() != 2 * PAGE_BYTES {
        return Ok(None);
    }
    for (page, bytes) in pages.iter_mut().zip(bytes.chunks_exact(PAGE_BYTES)) {
        page.0.copy_from_slice(bytes);
    }
    let pending = pending_page(&pages);
    Ok(pending.map(|(number, page)| (number * PAGE_BYTES as u64, Box::new(*page))))
}

impl WholePages {
    /// Reads the next page of the file; whether it is whole. `None` at the end.
    fn read_page(&mut self) -> io::Result<Option<bool>> {
        if self.from.limit() == 0 {
            return Ok(None);
        }
        self.from.read_exact(&mut self.page[..])?;
        let mut rereads = 0;
        while !is_whole_page(&self.page) && rereads < REREADS {
            // Somebody in it may just have been erased.
            self.file.read_exact_at(&mut self.page[..], self.at)?;
            rereads += 1;
        }
        let pending = self.pending.as_ref().filter(|(at, _)| *at == self.at);
        if let Some((_, page)) = pending
            && !is_whole_page(&self.page)
        {
            *self.page = page.0;
        }
        let is_whole = is_whole_page(&self.page);
        if !is_whole {
            self.unreadable.push(self.at);
        }
        self.at += PAGE_BYTES as u64;
        Ok(Some(is_whole))
    }

    /// Where the pages begin that were read and are not whole, in bytes.
    pub fn unreadable(&self) -> &[u64] {
        &self.unreadable
    }
}

impl Read for WholePages {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == PAGE_BYTES {
            match self.read_page()? {
                None => return Ok(0),
                Some(true) => self.given = 0,
                Some(false) => {}
            }
        }
        let given = into.len().min(PAGE_BYTES - self.given);
        into[..given].copy_from_slice(&self.page[self.given..][..given]);
        self.given += given;
        Ok(given)
    }
}
