//! Where the cold store's files lie: a folder on this machine. A file is there whole and durable, or not at all.

use bytes::Bytes;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder's mode, and a file's: analysts of one group may read the cold store.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// What a file is called until it is whole.
const UNFINISHED: &str = "tmp";

/// What writes the bytes of a file.
pub type Fill<'f> = dyn FnMut(&mut (dyn Write + Send)) -> io::Result<()> + 'f;

/// The files of a cold store. Names are relative, with `/` between folders.
pub trait Store: Send {
    /// Writes a file, which replaces one of this name once it is whole and durable. `fill` is given what it is written to.
    ///
    /// # Errors
    /// Of `fill`, and of the disk; no file of this name has changed then.
    fn write(&self, name: &str, fill: &mut Fill<'_>) -> io::Result<()>;

    /// All of a file; `None` when there is none.
    ///
    /// # Errors
    /// Of the disk.
    fn read(&self, name: &str) -> io::Result<Option<Bytes>>;

    /// Removes a file that may be there.
    ///
    /// # Errors
    /// Of the disk.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files below a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// Of the disk.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// A cold store in a folder, which one process has to itself.
pub struct FolderStore {
    folder: PathBuf,
    /// Held by whoever writes.
    _lock: Option<File>,
}

impl FolderStore {
    /// Opens a folder, and makes it when it is not there.
    ///
    /// # Errors
    /// Of the operating system; `WouldBlock` when another process writes it.
    pub fn open(folder: &Path) -> io::Result<FolderStore> {
        make_folder(folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(FILE_MODE);
        let lock = options.open(folder.join("_lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(FolderStore {
            folder: folder.to_owned(),
            _lock: Some(lock),
        })
    }

    /// A folder that is only read, whoever writes it; nothing may be written through it.
    pub fn to_read(folder: &Path) -> io::Result<FolderStore> {
        fs::read_dir(folder)?;
        Ok(FolderStore {
            folder: folder.to_owned(),
            _lock: None,
        })
    }

    fn add_below(&self, folder: &str, names: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(self.folder.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true => self.add_below(&name, names)?,
                false => names.push(name),
            }
        }
        Ok(())
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

impl Store for FolderStore {
    fn write(&self, name: &str, fill: &mut Fill<'_>) -> io::Result<()> {
        let path = self.folder.join(name);
        let folder = path.parent().expect("a name below a folder");
        if !folder.is_dir() {
            make_folder(folder)?;
        }
        let unfinished = path.with_added_extension(UNFINISHED);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = io::BufWriter::with_capacity(1 << 20, options.open(&unfinished)?);
        let written = fill(&mut file).and_then(|()| file.into_inner()?.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, &path)?;
        File::open(folder)?.sync_all()
    }

    fn read(&self, name: &str) -> io::Result<Option<Bytes>> {
        match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The last part of an open date leaves its folder empty.
        let _ = path.parent().map(fs::remove_dir);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.add_below(folder, &mut names)?;
        names.sort();
        Ok(names)
    }
}
