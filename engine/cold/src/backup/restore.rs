//! A data folder from a backup. It gets its name once every file in it is whole and durable.

use super::copy::{make_parent, parent_of, sync_folder, write_new};
use super::{BackupError, MANIFEST_FILE, Manifest};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What a restore copied.
#[derive(Debug)]
pub struct Restored {
    pub manifest: Manifest,
    pub bytes: u64,
}

/// Writes the data folder of the backup in `from` as `data_dir`, which must not be there or be empty. `progress` is told the
/// bytes written and the bytes there are.
///
/// # Errors
/// [`BackupError`]; there is no new folder then.
pub fn restore(
    from: &Path,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(from)?
        .ok_or_else(|| BackupError::refused(from.join(MANIFEST_FILE), "there is no backup in this folder"))?;
    if let Ok(mut entries) = fs::read_dir(data_dir)
        && entries.next().is_some()
    {
        return Err(BackupError::refused(
            data_dir,
            "it is not empty: restore to a new folder",
        ));
    }
    let unfinished = beside(data_dir)?;
    let written = write_all(from, &unfinished, &manifest, progress);
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    let bytes = written?;
    fs::rename(&unfinished, data_dir).map_err(BackupError::io(data_dir))?;
    sync_folder(parent_of(data_dir))?;
    Ok(Restored { manifest, bytes })
}

/// Where the folder is made: beside its place, under another name.
fn beside(data_dir: &Path) -> Result<PathBuf, BackupError> {
    let Some(name) = data_dir.file_name() else {
        return Err(BackupError::refused(data_dir, "no name of a folder"));
    };
    let mut name = name.to_owned();
    name.push(".restoring");
    let unfinished = data_dir.with_file_name(name);
    match unfinished.exists() {
        true => Err(BackupError::refused(
            unfinished,
            "left by a restore that did not finish, or still at work: remove it",
        )),
        false => Ok(unfinished),
    }
}

fn write_all(
    from: &Path,
    unfinished: &Path,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, BackupError> {
    let total = manifest.files.iter().map(|file| file.bytes).sum();
    let mut done = 0;
    fs::create_dir_all(unfinished).map_err(BackupError::io(unfinished))?;
    for stored in &manifest.files {
        let (source, to) = (from.join(&stored.stored), unfinished.join(&stored.path));
        make_parent(&to)?;
        let mut file = File::open(&source).map_err(BackupError::io(&source))?;
        let mut count = |bytes| {
            done += bytes;
            progress(done, total);
        };
        let (bytes, hash) = write_new(&to, &source, &mut file, 0o600, &mut count)?;
        if bytes != stored.bytes {
            let what = format!(
                "offset {bytes}: it has {bytes} bytes, {} were copied",
                stored.bytes
            );
            return Err(BackupError::refused(source, what));
        }
        if hash != stored.blake3 {
            return Err(BackupError::refused(
                source,
                "damaged: its hash is not the one in backup.json",
            ));
        }
        sync_folder(parent_of(&to))?;
    }
    sync_folder(unfinished)?;
    Ok(done)
}
