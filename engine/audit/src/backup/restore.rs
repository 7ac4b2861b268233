//! A data folder from a backup. It gets its name once every file in it is whole and durable.

use super::copy::{LOST_AND_FOUND, make_own_folder, make_parent, parent_of, sync_folder, write_new};
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
    let is_file_system = is_empty_file_system(data_dir)?;
    let unfinished = match is_file_system {
        true => data_dir.join(UNFINISHED),
        false => beside(data_dir)?,
    };
    let written = write_all(from, &unfinished, &manifest, progress);
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    let bytes = written?;
    match is_file_system {
        true => move_into(&unfinished, data_dir)?,
        false => fs::rename(&unfinished, data_dir).map_err(BackupError::io(data_dir))?,
    }
    sync_folder(parent_of(data_dir))?;
    Ok(Restored { manifest, bytes })
}

/// Where a restore writes that cannot give its folder the name of `data_dir`, because that is a file system of its own.
const UNFINISHED: &str = ".restoring";

/// Whether a folder has nothing but what a new file system has; false when there is no such folder, or nothing in it.
fn is_empty_file_system(data_dir: &Path) -> Result<bool, BackupError> {
    // Nothing can be renamed to the place where a link leads.
    if data_dir.is_symlink() {
        return Err(BackupError::refused(
            data_dir,
            "it is a link: name the folder itself",
        ));
    }
    let Ok(entries) = fs::read_dir(data_dir) else {
        return Ok(false);
    };
    let mut found = false;
    for entry in entries {
        if entry.map_err(BackupError::io(data_dir))?.file_name() != LOST_AND_FOUND {
            return Err(BackupError::refused(
                data_dir,
                "it is not empty: restore to a new folder",
            ));
        }
        found = true;
    }
    Ok(found)
}

/// Moves what was restored to its place, the journal last: without it, a server refuses what is there.
fn move_into(unfinished: &Path, data_dir: &Path) -> Result<(), BackupError> {
    let io = || BackupError::io(unfinished);
    let names: Result<Vec<_>, _> = fs::read_dir(unfinished).map_err(io())?.collect();
    let mut names: Vec<_> = names
        .map_err(io())?
        .into_iter()
        .map(|entry| entry.file_name())
        .collect();
    names.sort_by_key(|name| name == "journal");
    for name in names {
        let to = data_dir.join(&name);
        fs::rename(unfinished.join(&name), &to).map_err(BackupError::io(&to))?;
        sync_folder(data_dir)?;
    }
    fs::remove_dir(unfinished).map_err(io())?;
    sync_folder(data_dir)
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
    make_own_folder(unfinished)?;
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
