//! The data folder: whose it is, who else may use it, and the secret in it.

use crate::audit;
use anyhow::{Context, bail};
use rustix::fs::OFlags;
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::tells_of_journal;
use satang_log::storage::{FileStorage, ReadStorage as _, Storage as _};
use std::fs::{self, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A data folder that is open, and what is careless about it.
pub(crate) struct DataFolder {
    pub(crate) storage: Arc<FileStorage>,
    pub(crate) citizen_key: CitizenKey,
    /// Lines for the log, once the start is done.
    pub(crate) warnings: Vec<String>,
}

impl DataFolder {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// One line that names the file: another process uses it, others may, or the secret is not as it must be.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<DataFolder> {
        let mut warnings = Vec::new();
        if let Ok(metadata) = fs::metadata(folder) {
            warnings.extend(check_private(folder, &metadata)?);
        }
        let storage = open_storage(folder)?;
        for file in audit::files(folder) {
            if let Ok(metadata) = fs::symlink_metadata(&file)
                && metadata.is_file()
            {
                warnings.extend(check_private(&file, &metadata)?);
            }
        }
        let citizen_key = load_citizen_key(&storage, folder, &mut warnings)?;
        Ok(DataFolder {
            storage,
            citizen_key,
            warnings,
        })
    }
}

/// Refuses a folder or file of secrets that others than its owner and its group may use, or that a group may use which is neither
/// root's nor the process's own (as orchestrators give a volume to a group), or a file that its group may change. What its group may
/// do is careless: the line that says so.
fn check_private(path: &Path, metadata: &Metadata) -> anyhow::Result<Option<String>> {
    let (mode, group) = (metadata.mode() & 0o777, metadata.gid());
    let refuse = |what: &str, mend: &str| {
        bail!(
            "{}: offset 0: {what} (mode {mode:04o}); run: chmod {mend} '{}'",
            path.display(),
            path.display()
        )
    };
    if mode & 0o007 != 0 {
        return refuse("others may use it", "o-rwx");
    }
    if mode & 0o070 == 0 {
        return Ok(None);
    }
    if !is_own_group(group) {
        return refuse(
            &format!("group {group} may use it, which is not the server's"),
            "g-rwx",
        );
    }
    if !metadata.is_dir() && mode & 0o020 != 0 {
        return refuse(&format!("group {group} may change it"), "g-w");
    }
    Ok(Some(format!(
        "{}: group {group} may use it (mode {mode:04o})",
        path.display()
    )))
}

/// Whether a group is root's or one of the process's own.
fn is_own_group(group: u32) -> bool {
    let own = rustix::process::getgroups().unwrap_or_default();
    group == 0 || rustix::process::getegid().as_raw() == group || own.iter().any(|own| own.as_raw() == group)
}

fn open_storage(folder: &Path) -> anyhow::Result<Arc<FileStorage>> {
    match FileStorage::open_folder(folder) {
        Ok(storage) => Ok(Arc::new(storage)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let process = FileStorage::used_by(folder).map(|id| format!(" (process {id})"));
            bail!(
                "{}: offset 0: another process{} uses this data folder",
                folder.join("lock").display(),
                process.unwrap_or_default()
            )
        }
        Err(error) => Err(error).with_context(|| folder.display().to_string()),
    }
}

/// The name of the secret's file in the data folder.
const CITIZEN_KEY_FILE: &str = "citizen.key";

/// Reads the secret, or makes it on the very first start.
fn load_citizen_key(
    storage: &FileStorage,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> anyhow::Result<CitizenKey> {
    let path = folder.join(CITIZEN_KEY_FILE);
    let named = || path.display().to_string();
    match fs::File::open(&path) {
        Ok(mut file) => {
            warnings.extend(check_private(&path, &file.metadata().with_context(named)?)?);
            let mut bytes = Zeroizing::new(Vec::with_capacity(64));
            file.read_to_end(&mut bytes).with_context(named)?;
            let len = bytes.len();
            match bytes[..].try_into() {
                Ok(bytes) => Ok(CitizenKey::from_bytes(bytes)),
                Err(_) => bail!("{}: offset {len}: {len} bytes, a key has 32", named()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let journal = storage.list("journal").with_context(named)?;
            let begun = journal.iter().any(|name| name.ends_with(".seg"));
            // Without its journal, too: another key would be in the way of the right one.
            if begun || tells_of_journal(storage)?.is_some() {
                bail!(
                    "{}: offset 0: missing, but the journal was begun with one; put it back",
                    named()
                );
            }
            make_citizen_key(storage, &path).with_context(named)
        }
        Err(error) => Err(error).with_context(named),
    }
}

fn make_citizen_key(storage: &FileStorage, path: &Path) -> anyhow::Result<CitizenKey> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let unfinished = path.with_extension("key.tmp");
    let mut file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32)
        .open(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    storage.sync_folder("")?;
    Ok(CitizenKey::from_bytes(bytes))
}
