//! `satang backup` and `satang restore`: a data folder, copied while a server may be writing it (`docs/FORMAT.md`).
//!
//! Sealed segments never change and are copied once. The open one is copied up to the last frame that a later one vouches for:
//! nothing is in a backup that a power loss could take from its source. What it needs besides is copied after the journal was read:
//! a person is in the store before any record that names it is written, so every person that a copied record names is in it. The manifest is written last, and nothing that an earlier manifest names is
//! changed before: a backup that is killed leaves the one before it whole.

mod copy;
mod manifest;
mod restore;

pub use manifest::{MANIFEST_FILE, Manifest, Stored};
pub use restore::{Restored, restore};

use crate::folder::Folder;
use crate::verify::Head;
use copy::{Target, WholePages};
use data_encoding::HEXLOWER;
use satang_core::calendar::{BusinessDate, Instant};
use satang_engine::ids::index::{IdIndex, IdIndexError, id_index_name};
use satang_engine::persons::{CitizenKey, PERSONS_FILE};
use satang_engine::snapshot::{self, Refusal};
use satang_log::file::{FileFrame, FileLogStore, FrameKind, Layout, Place, SegmentHeader, segment_name};
use satang_log::log::{Bound, LogError};
use satang_log::storage::{PAGE_BYTES, ReadFile as _, ReadStorage as _};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// The name of the secret's file in a data folder.
pub const CITIZEN_KEY_FILE: &str = "citizen.key";

/// What a backup did.
#[derive(Debug)]
pub struct BackedUp {
    /// What the folder of the backup holds now.
    pub manifest: Manifest,
    /// The paths of the files that were copied by this run.
    pub copied: Vec<String>,
    pub copied_bytes: u64,
    /// Records at the end that no later frame vouches for yet: the next backup has them.
    pub left_out: u64,
    /// How many pages of the person store could not be read, and are left out.
    pub persons_unreadable: usize,
    /// Why snapshots are not in it, newest first; a restored folder can be served without.
    pub snapshots_left_out: Vec<LeftOut>,
}

/// Why a snapshot is not in a backup.
#[derive(Debug, thiserror::Error)]
pub enum LeftOut {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0}: newer than what is copied of the journal")]
    Newer(String),
    #[error("{snapshot}: the index of {date} is not the one it was taken with")]
    OtherIndex { snapshot: String, date: BusinessDate },
    #[error("{snapshot}: {error}")]
    Index { snapshot: String, error: IdIndexError },
    #[error("{0}: it is gone by now")]
    Gone(String),
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The journal is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file is not what it must be.
    #[error("{file}: {what}")]
    Refused { file: String, what: String },
}

impl BackupError {
    fn io(file: impl AsRef<Path>) -> impl FnOnce(io::Error) -> BackupError {
        let file = file.as_ref().display().to_string();
        move |source| BackupError::Io { file, source }
    }

    fn refused(file: impl AsRef<Path>, what: impl Into<String>) -> BackupError {
        BackupError::Refused {
            file: file.as_ref().display().to_string(),
            what: what.into(),
        }
    }
}

/// How far the journal is vouched for.
struct Vouched {
    /// Behind the last frame.
    end: (Place, Head),
    /// Behind the last frame that counts: a later one proves that it is durable, or it holds no records.
    vouched: (Place, Head),
    /// The head of the former backup was met.
    met: bool,
    former: Option<Head>,
}

impl Vouched {
    /// Takes a frame that ends where the next one begins.
    fn take(&mut self, found: &FileFrame, behind: Place) {
        let head = Head::of(&found.frame);
        // One write is in flight at a time: whatever lies in front of a frame was durable when it was begun.
        self.vouched = match found.kind {
            FrameKind::Group => self.end,
            FrameKind::Watermark | FrameKind::Index | FrameKind::Seal => (behind, head),
        };
        self.end = (behind, head);
        self.met |= self.former == Some(head);
    }
}

/// Copies what is new in a data folder to `to`. `progress` is told the bytes copied.
///
/// # Errors
/// [`BackupError`]; an earlier backup in `to` is still whole.
pub fn backup(
    data_dir: &Path,
    to: &Path,
    taken: Instant,
    progress: &mut dyn FnMut(u64),
) -> Result<BackedUp, BackupError> {
    refuse_within(data_dir, to)?;
    let folder = Folder::at(data_dir)
        .and_then(Folder::read_end)
        .map_err(BackupError::io(data_dir))?;
    let folder = Arc::new(folder);
    let log = FileLogStore::open(&folder, Layout::DEFAULT)?;
    let header = *log
        .first_header()
        .ok_or_else(|| BackupError::refused(data_dir.join("journal"), "there is no journal"))?;
    let target = Target::open(to, progress)?;
    let former = Manifest::read(to)?;
    if let Some(former) = &former
        && former.journal_id != HEXLOWER.encode(&header.journal_id)
    {
        let what = "the backup of another journal";
        return Err(BackupError::refused(to.join(MANIFEST_FILE), what));
    }
    Backup {
        data_dir,
        folder,
        log,
        header,
        target,
        former,
        done: BackedUp {
            manifest: Manifest::new(&header.journal_id, taken),
            copied: Vec::new(),
            copied_bytes: 0,
            left_out: 0,
            persons_unreadable: 0,
            snapshots_left_out: Vec::new(),
        },
    }
    .run()
}

/// Refuses a backup inside what it copies: a start would find files that it does not know.
fn refuse_within(data_dir: &Path, to: &Path) -> Result<(), BackupError> {
    let data_dir = fs::canonicalize(data_dir).map_err(BackupError::io(data_dir))?;
    let to = std::path::absolute(to).map_err(BackupError::io(to))?;
    // The part of it that exists may be reached by a link.
    let known = to.ancestors().find_map(|folder| fs::canonicalize(folder).ok());
    match known.is_some_and(|known| known.starts_with(&data_dir)) {
        true => Err(BackupError::refused(to, "it lies inside the data folder")),
        false => Ok(()),
    }
}

struct Backup<'b> {
    data_dir: &'b Path,
    folder: Arc<Folder>,
    log: FileLogStore<Folder>,
    header: SegmentHeader,
    target: Target<'b>,
    former: Option<Manifest>,
    done: BackedUp,
}

impl Backup<'_> {
    fn run(mut self) -> Result<BackedUp, BackupError> {
        let (end, head) = self.find_end()?;
        self.done.manifest.last_sequence = head.sequence;
        self.done.manifest.head = HEXLOWER.encode(&head.hash);
        self.done.manifest.sealed = end.segment - 1;
        for segment in 1..end.segment {
            self.copy_sealed(&segment_name(segment))?;
        }
        self.copy_open(end, head.sequence)?;
        self.copy_persons()?;
        self.copy_key()?;
        self.copy_snapshot(head.sequence)?;
        self.target.write_manifest(&mut self.done.manifest)?;
        self.target.keep_only(&self.done.manifest)?;
        Ok(self.done)
    }

    /// Reads what was not backed up as sealed yet, and the segment in front of it.
    fn find_end(&mut self) -> Result<(Place, Head), BackupError> {
        let former = match &self.former {
            Some(former) => Some(former.head()?),
            None => None,
        };
        let first = self.former.as_ref().map_or(1, |former| former.sealed.max(1));
        let start = (Place::start_of(first), Head::default());
        let mut vouched = Vouched {
            end: start,
            vouched: start,
            // A journal that had no frame yet is the beginning of any.
            met: former.is_none_or(|former| former == Head::default()),
            former,
        };
        let mut cursor = self.log.file_cursor(Bound::All)?;
        cursor.seek_segment(first)?;
        while let Some(found) = cursor.next_file_frame()? {
            vouched.take(&found, cursor.read().place);
        }
        cursor.classify_end()?;
        if !vouched.met {
            let what = "the journal does not go on from this backup: one of the two is another's, or older";
            return Err(BackupError::refused(self.target.path(MANIFEST_FILE), what));
        }
        let (end, head) = vouched.vouched;
        self.done.left_out = vouched.end.1.sequence - head.sequence;
        if former.is_some_and(|former| former.sequence > head.sequence) {
            let what = "this backup goes further than the journal is vouched for";
            return Err(BackupError::refused(self.target.path(MANIFEST_FILE), what));
        }
        Ok((end, head))
    }

    fn former(&self, path: &str) -> Option<&Stored> {
        self.former
            .as_ref()?
            .files
            .iter()
            .find(|stored| stored.path == path)
    }

    fn add(&mut self, stored: Stored, is_new: bool) {
        if is_new {
            self.done.copied.push(stored.path.clone());
            self.done.copied_bytes += stored.bytes;
        }
        self.done.manifest.files.push(stored);
    }

    /// A sealed segment that was copied before is only looked at.
    fn copy_sealed(&mut self, path: &str) -> Result<(), BackupError> {
        let known = self.former(path).filter(|known| known.stored == path).cloned();
        if let Some(known) = known {
            self.target.check_length(&known)?;
            self.add(known, false);
            return Ok(());
        }
        let source = self.data_dir.join(path);
        let mut file = File::open(&source).map_err(BackupError::io(&source))?;
        let stored = self
            .target
            .store(path, &source, &mut file, 0o600, |_| path.to_owned())?;
        self.add(stored, true);
        Ok(())
    }

    /// The open segment up to `end`, zeros behind.
    fn copy_open(&mut self, end: Place, sequence: u64) -> Result<(), BackupError> {
        let path = segment_name(end.segment);
        let source = self.data_dir.join(&path);
        let mut front = vec![0; end.offset as usize];
        match self.folder.open(&path) {
            Ok(file) => file
                .read_exact_at(&mut front, 0)
                .map_err(BackupError::io(&source))?,
            // A sealed segment that is the last of its journal: the one behind it is made of zeros.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::io(&source)(error)),
        }
        front.resize(self.header.segment_bytes as usize, 0);
        let bytes: Arc<[u8]> = front.into();
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(io::Cursor::new(bytes.clone()))) };
        let name = |hash: &str| format!("journal/tail-{sequence}-{}.seg", &hash[..16]);
        self.copy_changed(&path, &source, &open, &name)
    }

    /// A file that may have changed: copied under a name with its hash, unless the former backup has it.
    fn copy_changed(
        &mut self,
        path: &str,
        source: &Path,
        open: &dyn Fn() -> io::Result<Box<dyn Read>>,
        name: &dyn Fn(&str) -> String,
    ) -> Result<(), BackupError> {
        let mut opened = open().map_err(BackupError::io(source))?;
        let hash = copy::hash_of(source, &mut opened)?;
        self.copy_hashed(path, source, hash, open, name)
    }

    /// The same of a file whose hash is known.
    fn copy_hashed(
        &mut self,
        path: &str,
        source: &Path,
        hash: String,
        open: &dyn Fn() -> io::Result<Box<dyn Read>>,
        name: &dyn Fn(&str) -> String,
    ) -> Result<(), BackupError> {
        if let Some(known) = self.former(path).filter(|known| known.blake3 == hash).cloned()
            && self.target.check_length(&known).is_ok()
        {
            self.add(known, false);
            return Ok(());
        }
        let mut opened = open().map_err(BackupError::io(source))?;
        let stored = self.target.store(path, source, &mut opened, 0o600, name)?;
        self.add(stored, true);
        Ok(())
    }

    fn copy_file(&mut self, path: &str, name: &dyn Fn(&str) -> String) -> Result<(), BackupError> {
        let source = self.data_dir.join(path);
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(File::open(&source)?)) };
        self.copy_changed(path, &source, &open, name)
    }

    /// Only whole pages: another is a write that never finished, and nobody's who is named in the journal, or it is damaged.
    fn copy_persons(&mut self) -> Result<(), BackupError> {
        let source = self.data_dir.join(PERSONS_FILE);
        if !source.exists() {
            return match self.former(PERSONS_FILE) {
                None => Ok(()),
                Some(_) => {
                    let what = "offset 0: it is gone, and the backup that is there has it: that is kept as it is. Stop the server and put \
                                the persons of the backup back (docs/RESTORE.md)";
                    Err(BackupError::refused(source, what))
                }
            };
        }
        let length = fs::metadata(&source).map_err(BackupError::io(&source))?.len();
        let mut pages = WholePages::open(&source, length).map_err(BackupError::io(&source))?;
        let hash = copy::hash_of(&source, &mut pages)?;
        self.check_persons(&source, length, pages.unreadable())?;
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(WholePages::open(&source, length)?)) };
        let name = |hash: &str| format!("persons-{}.db", &hash[..16]);
        self.copy_hashed(PERSONS_FILE, &source, hash, &open, &name)
    }

    /// Refuses a person store that has lost a page since the former backup: a page is written once, so it was damaged.
    /// `unreadable`: where pages begin that are not whole.
    fn check_persons(&mut self, source: &Path, length: u64, unreadable: &[u64]) -> Result<(), BackupError> {
        let page = PAGE_BYTES as u64;
        if let Some(former) = &self.former
            && let (Some(pages), Some(kept)) = (former.persons_pages, self.former(PERSONS_FILE))
        {
            let then = pages - kept.bytes / page;
            let cut_off = (length / page..pages).map(|number| number * page);
            let within = unreadable.iter().copied().filter(|at| *at < pages * page);
            let now: Vec<u64> = within.chain(cut_off).collect();
            if now.len() as u64 > then {
                let what = format!(
                    "offset {}: {} pages cannot be read, {then} could not when the backup was taken that is there, and stays as it is: stop \
                     the server and put the persons of the backup back (docs/RESTORE.md), or take a backup to another folder",
                    now[0],
                    now.len()
                );
                return Err(BackupError::refused(source, what));
            }
        }
        self.done.persons_unreadable = unreadable.len();
        self.done.manifest.persons_pages = Some(length / page);
        Ok(())
    }

    fn copy_key(&mut self) -> Result<(), BackupError> {
        let source = self.data_dir.join(CITIZEN_KEY_FILE);
        let bytes = fs::read(&source).map_err(BackupError::io(&source))?;
        let key: Option<[u8; 32]> = bytes.try_into().ok();
        let fits = |key: [u8; 32]| CitizenKey::from_bytes(key).check_value() == self.header.citizen_key_check;
        if !key.is_some_and(fits) {
            return Err(BackupError::refused(
                source,
                "offset 0: not the key this journal was begun with",
            ));
        }
        self.copy_file(CITIZEN_KEY_FILE, &|hash| format!("citizen-{}.key", &hash[..16]))
    }

    /// The newest snapshot that is whole and not ahead of what was copied, with the indexes it counts on.
    fn copy_snapshot(&mut self, last_sequence: u64) -> Result<(), BackupError> {
        let names = snapshot::names(&*self.folder).map_err(BackupError::io(self.data_dir))?;
        for name in names {
            match self.snapshot_fits(&name, last_sequence) {
                Ok(dates) => {
                    let before = self.done.manifest.files.len();
                    match self.copy_with_indexes(&name, &dates) {
                        Ok(()) => return Ok(()),
                        // A running server has taken a newer one and removed this.
                        Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                            self.done.manifest.files.truncate(before);
                            self.done.snapshots_left_out.push(LeftOut::Gone(name));
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(why) => self.done.snapshots_left_out.push(why),
            }
        }
        Ok(())
    }

    /// The dates of the indexes that a snapshot counts on.
    fn snapshot_fits(&self, name: &str, last_sequence: u64) -> Result<Vec<BusinessDate>, LeftOut> {
        let journal = &self.header.identity();
        let snapshot = name.to_owned();
        let whole = snapshot::check(&*self.folder, name, journal)?;
        if whole.through_max > last_sequence {
            return Err(LeftOut::Newer(snapshot));
        }
        let mut dates = Vec::new();
        for facts in &whole.id_index {
            let date = BusinessDate::from_days(facts.date_days);
            match IdIndex::open(&*self.folder, journal, date) {
                Ok(file) if file.facts() == *facts => dates.push(date),
                Ok(_) => return Err(LeftOut::OtherIndex { snapshot, date }),
                Err(error) => return Err(LeftOut::Index { snapshot, error }),
            }
        }
        Ok(dates)
    }

    fn copy_with_indexes(&mut self, name: &str, dates: &[BusinessDate]) -> Result<(), BackupError> {
        let with_hash = |path: &str, hash: &str| match path.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}-{}.{extension}", &hash[..16]),
            None => format!("{path}-{}", &hash[..16]),
        };
        self.copy_file(name, &|hash| with_hash(name, hash))?;
        for date in dates {
            let path = id_index_name(*date);
            self.copy_file(&path, &|hash| with_hash(&path, hash))?;
        }
        Ok(())
    }
}
