//! A data folder as it lies, read only: no lock is taken, nothing is created or changed.
//!
//! A server may be writing it. So the journal's end is read once, when the folder is opened, from its last page to its first.
//! Frames are written one behind the other, each after the one before it is durable. Whoever meets a frame on the way back
//! therefore finds every frame in front of it finished: what was read is a journal that a crash could have left.

use satang_log::storage::{PAGE_BYTES, ReadFile, ReadStorage, names_in};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of segments in a data folder.
const JOURNAL: &str = "journal";
/// How often the journal's end is read again because a segment was added meanwhile.
const TRIES: usize = 10;

/// A data folder, read only.
pub struct Folder {
    path: PathBuf,
    /// The names in the journal's folder, as of when it was opened.
    journal: Vec<String>,
    /// The files at the journal's end, likewise.
    end: BTreeMap<String, FolderFile>,
}

/// An open file of a [`Folder`].
#[derive(Clone)]
pub enum FolderFile {
    /// It does not change any more.
    Disk(Arc<File>),
    /// What it was when the folder was opened.
    Read(Arc<Vec<u8>>),
    /// Zeros, when the folder was opened: their number.
    Zeros(u64),
}

impl Folder {
    /// A data folder, whose journal's end was not read yet.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn at(path: &Path) -> io::Result<Folder> {
        fs::read_dir(path)?;
        Ok(Folder {
            path: path.to_owned(),
            journal: Vec::new(),
            end: BTreeMap::new(),
        })
    }

    /// Reads the end of the journal, which stays what it is from here on.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn read_end(mut self) -> io::Result<Folder> {
        for _ in 0..TRIES {
            self.journal = self.list_now(JOURNAL)?;
            self.end = self.end_now()?;
            // A segment that was sealed meanwhile has one behind it that was not listed.
            if segments(&self.list_now(JOURNAL)?).eq(segments(&self.journal)) {
                break;
            }
        }
        Ok(self)
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From the last segment back to the first that is not zeros: the ones in front of it are sealed.
    fn end_now(&self) -> io::Result<BTreeMap<String, FolderFile>> {
        let mut end = BTreeMap::new();
        let names: Vec<&String> = segments(&self.journal).collect();
        for name in names.into_iter().rev() {
            let name = format!("{JOURNAL}/{name}");
            let file = File::open(self.path.join(&name))?;
            let bytes = read_backwards(file.metadata()?.len(), |page, at| file.read_exact_at(page, at))?;
            if bytes.iter().any(|byte| *byte != 0) {
                end.insert(name, FolderFile::Read(Arc::new(bytes)));
                break;
            }
            end.insert(name, FolderFile::Zeros(bytes.len() as u64));
        }
        Ok(end)
    }

    fn list_now(&self, folder: &str) -> io::Result<Vec<String>> {
        names_in(&self.path.join(folder))
    }
}

fn segments(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| name.ends_with(".seg"))
}

/// So many bytes, their last page read first.
fn read_backwards(len: u64, mut read: impl FnMut(&mut [u8], u64) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    for (number, page) in bytes.chunks_mut(PAGE_BYTES).enumerate().rev() {
        read(page, (number * PAGE_BYTES) as u64)?;
    }
    Ok(bytes)
}

impl ReadStorage for Folder {
    type File = FolderFile;

    fn open(&self, name: &str) -> io::Result<FolderFile> {
        if let Some(read) = self.end.get(name) {
            return Ok(read.clone());
        }
        File::open(self.path.join(name)).map(|file| FolderFile::Disk(Arc::new(file)))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        match folder == JOURNAL {
            true => Ok(self.journal.clone()),
            false => self.list_now(folder),
        }
    }
}

impl ReadFile for FolderFile {
    fn len_bytes(&self) -> io::Result<u64> {
        match self {
            FolderFile::Disk(file) => Ok(file.metadata()?.len()),
            FolderFile::Read(bytes) => Ok(bytes.len() as u64),
            FolderFile::Zeros(len) => Ok(*len),
        }
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let within = |len: u64| match offset.checked_add(into.len() as u64) {
            Some(end) if end <= len => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        };
        match self {
            FolderFile::Disk(file) => file.read_exact_at(into, offset),
            FolderFile::Read(bytes) => {
                within(bytes.len() as u64)?;
                into.copy_from_slice(&bytes[offset as usize..][..into.len()]);
                Ok(())
            }
            FolderFile::Zeros(len) => {
                within(*len)?;
                into.fill(0);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_written_meanwhile_leave_no_gap() {
        for per_read in [1, 2, 7, 50] {
            let mut written = 0;
            let bytes = read_backwards(100 * PAGE_BYTES as u64, |page, at| {
                page.fill(u8::from(at / (PAGE_BYTES as u64) < written));
                written += per_read;
                Ok(())
            });
            let bytes = bytes.unwrap();
            assert!(bytes.is_sorted_by(|one, next| one >= next), "a gap");
            assert_eq!(bytes[0], 1);
        }
    }
}
