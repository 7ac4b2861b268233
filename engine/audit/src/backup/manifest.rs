//! `backup.json`: which files make a backup, and what each must be.

use super::BackupError;
use crate::verify::Head;
use data_encoding::HEXLOWER;
use satang_core::calendar::Instant;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// The manifest's name in the folder of a backup.
pub const MANIFEST_FILE: &str = "backup.json";
/// The version of the manifest that this program writes and reads.
const SCHEMA_VERSION: u32 = 1;

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u32,
    /// The journal's id, in hexadecimal.
    pub journal_id: String,
    /// When it was taken.
    pub taken_at: String,
    /// The sequence of the last record in it.
    pub last_sequence: u64,
    /// The hash of the last frame in it.
    pub head: String,
    /// How many segments are copied as sealed, which never change.
    pub sealed: u32,
    /// How many pages the person store had, those that could not be read and are left out counted as well; not in older manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons_pages: Option<u64>,
    /// Every file of the data folder.
    pub files: Vec<Stored>,
    /// BLAKE3 of the manifest as it is written, with this empty.
    pub check: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Its name in the data folder.
    pub path: String,
    /// Its name in the backup's folder.
    pub stored: String,
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub blake3: String,
}

impl Manifest {
    /// A backup of nothing yet.
    pub(super) fn new(journal_id: &[u8; 16], taken: Instant) -> Manifest {
        Manifest {
            version: SCHEMA_VERSION,
            journal_id: HEXLOWER.encode(journal_id),
            taken_at: taken.to_string(),
            last_sequence: 0,
            head: String::new(),
            sealed: 0,
            persons_pages: None,
            files: Vec::new(),
            check: String::new(),
        }
    }

    /// The manifest of the backup in a folder; `None` when there is none.
    ///
    /// # Errors
    /// [`BackupError`] for one that is damaged or of another version.
    pub fn read(folder: &Path) -> Result<Option<Manifest>, BackupError> {
        let path = folder.join(MANIFEST_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::io(path)(error)),
        };
        let read: Result<Manifest, _> = serde_json::from_str(&text);
        let manifest = read.map_err(|error| BackupError::refused(&path, format!("no manifest: {error}")))?;
        if manifest.version != SCHEMA_VERSION {
            let what = format!("version {} is not known to this program", manifest.version);
            return Err(BackupError::refused(&path, what));
        }
        if manifest.check != manifest.expected_check() {
            return Err(BackupError::refused(&path, "damaged: its check is wrong"));
        }
        let outside = |name: &String| {
            let mut parts = Path::new(name).components();
            !parts.all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        let names = manifest.files.iter().flat_map(|file| [&file.path, &file.stored]);
        if let Some(name) = names.into_iter().find(|name| outside(name)) {
            return Err(BackupError::refused(
                &path,
                format!("{name} lies outside the folder"),
            ));
        }
        Ok(Some(manifest))
    }

    /// Where its journal ends.
    ///
    /// # Errors
    /// When it is no hash.
    pub fn head(&self) -> Result<Head, BackupError> {
        let head = Head::parse(&format!("{}:{}", self.last_sequence, self.head));
        head.map_err(|error| BackupError::refused(MANIFEST_FILE, error.to_string()))
    }

    /// Its text with its check, as the file has it.
    pub(super) fn checked_text(&mut self) -> String {
        self.check = self.expected_check();
        self.text() + "\n"
    }

    fn expected_check(&self) -> String {
        let unchecked = Manifest {
            check: String::new(),
            ..self.clone()
        };
        blake3::hash(unchecked.text().as_bytes()).to_string()
    }

    fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers")
    }
}
