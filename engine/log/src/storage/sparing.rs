//! Files that are read now and then for as long as the process lives: there may be more of them than descriptors.

use super::ReadFile;
use super::file::patiently;
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many of them are open at once.
const OPEN_MAX: usize = 64;

/// Those that are open, the last read at the end.
#[derive(Default)]
pub(super) struct SparingFiles {
    open: Mutex<Vec<(u64, Arc<File>)>>,
    next_number: AtomicU64,
}

/// One of them. Each read finds it open, or opens it again and lets go of the one that was read longest ago.
pub(super) struct SparingFile {
    path: PathBuf,
    number: u64,
    files: Arc<SparingFiles>,
}

impl SparingFile {
    /// The file of this path, which is there.
    pub(super) fn open(path: PathBuf, files: Arc<SparingFiles>) -> io::Result<SparingFile> {
        let number = files.next_number.fetch_add(1, Ordering::Relaxed);
        let file = SparingFile { path, number, files };
        file.opened()?;
        Ok(file)
    }

    fn opened(&self) -> io::Result<Arc<File>> {
        {
            let mut open = self.files.open.lock();
            if let Some(at) = open.iter().position(|(number, _)| *number == self.number) {
                open[at..].rotate_left(1);
                return Ok(open[open.len() - 1].1.clone());
            }
        }
        // Unlocked: others read meanwhile. Two who open it at once close one again.
        let file = Arc::new(patiently(|| File::open(&self.path))?);
        let mut open = self.files.open.lock();
        open.retain(|(number, _)| *number != self.number);
        if open.len() >= OPEN_MAX {
            open.remove(0);
        }
        open.push((self.number, file.clone()));
        Ok(file)
    }
}

impl Drop for SparingFile {
    fn drop(&mut self) {
        self.files
            .open
            .lock()
            .retain(|(number, _)| *number != self.number);
    }
}

impl ReadFile for SparingFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.opened()?.metadata()?.len())
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.opened()?.read_exact_at(into, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_many_are_open_and_all_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let files: Arc<SparingFiles> = Arc::default();
        let open = |number: usize| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, [number as u8; 8]).unwrap();
            SparingFile::open(path, files.clone()).unwrap()
        };
        let all: Vec<_> = (0..200).map(open).collect();
        // In an order in which none is open still, and then one in which most are.
        for number in (0..200).chain(150..200) {
            let mut bytes = [0; 4];
            all[number].read_exact_at(&mut bytes, 4).unwrap();
            assert_eq!(bytes, [number as u8; 4]);
            assert_eq!(all[number].len_bytes().unwrap(), 8);
        }
        let descriptors = || {
            let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let paths = all.flat_map(|descriptor| std::fs::read_link(descriptor.path()));
            paths.filter(|path| path.starts_with(folder.path())).count()
        };
        assert_eq!(descriptors(), OPEN_MAX);
        drop(all);
        assert_eq!(descriptors(), 0);
    }
}
