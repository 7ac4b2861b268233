//! A data folder that another process may be writing, read only: no lock is taken, nothing is created or changed.

use satang_log::storage::{ReadFile, ReadStorage, names_in};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// A data folder, read only, as it is at each look.
pub struct LiveFolder {
    pub path: PathBuf,
}

/// A file of a [`LiveFolder`].
pub struct LiveFile(File);

impl ReadFile for LiveFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }
}

impl ReadStorage for LiveFolder {
    type File = LiveFile;

    fn open(&self, name: &str) -> io::Result<LiveFile> {
        File::open(self.path.join(name)).map(LiveFile)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        names_in(&self.path.join(folder))
    }
}
