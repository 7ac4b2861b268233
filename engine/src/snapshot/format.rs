//! The bytes of a snapshot file.

use crate::ids::index::DayFacts;
use satang_core::calendar::BusinessDate;
use satang_core::record::SEQUENCE_END;
use satang_core::state::dedup::HotWindow;
use satang_log::commit::CutOver;
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<PartEntry>() == 64);

/// The folder of snapshots in the data folder.
pub const SNAPSHOT_FOLDER: &str = "snapshots";

const MAGIC: [u8; 8] = *b"SATANGSN";
/// The version this program writes and reads.
pub(super) const SNAPSHOT_VERSION: u32 = 7;

/// The name of a snapshot through `sequence`: names sort by age.
pub fn snapshot_name(sequence: u64) -> String {
    format!("{SNAPSHOT_FOLDER}/{sequence:020}.snap")
}

/// Through which sequence a snapshot with this name goes; `None` for a name that no snapshot has.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    let digits = name
        .strip_prefix(SNAPSHOT_FOLDER)?
        .strip_prefix('/')?
        .strip_suffix(".snap")?;
    digits
        .parse()
        .ok()
        .filter(|sequence| snapshot_name(*sequence) == name)
}

/// The front of a snapshot, in page 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(super) struct SnapshotHeader {
    magic: [u8; 8],
    /// First 8 bytes of BLAKE3 over the rest of the page.
    check: [u8; 8],
    pub version: u32,
    pub parts: u32,
    /// The journal it belongs to.
    pub journal_id: [u8; 16],
    /// Every part has taken every record that concerns it up to at least this sequence.
    pub through_min: u64,
    /// No part has taken a later record.
    pub through_max: u64,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub taken_ms: i64,
    /// Where the table of parts begins.
    pub table_offset: u64,
    /// BLAKE3 of the table, which has the hash of each part.
    pub table_hash: [u8; 32],
    pub reserved: u64,
    /// How many wallets all parts have together.
    pub wallets: u64,
    pub ids: u64,
    /// Satang authorised, all programmes.
    pub authorised: [u64; 2],
    /// Satang given back, all programmes.
    pub given_back: [u64; 2],
    /// Pages of the person store that were durable by then.
    pub persons_pages: u64,
    /// Of the hashes that chose the shard of everything in it: the journal's.
    pub hash_seed: [u8; 16],
}

impl SnapshotHeader {
    /// A header of zeros but for what is the same in all.
    pub fn new(journal: &LogIdentity) -> SnapshotHeader {
        SnapshotHeader {
            magic: MAGIC,
            check: [0; 8],
            version: SNAPSHOT_VERSION,
            parts: 0,
            journal_id: journal.journal_id,
            through_min: 0,
            through_max: 0,
            taken_ms: 0,
            table_offset: 0,
            table_hash: [0; 32],
            reserved: 0,
            wallets: 0,
            ids: 0,
            authorised: [0; 2],
            given_back: [0; 2],
            persons_pages: 0,
            hash_seed: journal.hash_seed,
        }
    }

    /// The header as its page, with its check.
    pub fn page(mut self) -> Page {
        let mut page = Page::ZERO;
        page.0[..size_of::<SnapshotHeader>()].copy_from_slice(self.as_bytes());
        self.check = check_of(&page);
        page.0[8..16].copy_from_slice(&self.check);
        page
    }

    /// The header in a page; `None` when it is none.
    pub fn read(page: &Page) -> Option<SnapshotHeader> {
        let (header, _) = SnapshotHeader::read_from_prefix(&page.0).ok()?;
        (header.magic == MAGIC && header.check == check_of(page)).then_some(header)
    }
}

fn check_of(page: &Page) -> [u8; 8] {
    let hash = blake3::hash(&page.0[16..]);
    hash.as_bytes()[..8].try_into().expect("eight bytes")
}

/// What a part is. The numbers are permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum PartKind {
    Directory = 1,
    /// Which ids have left memory, and when each date ended.
    Calendar = 2,
    Ids = 3,
    Citizens = 4,
    Wallets = 5,
    /// How many hold rights, and the last tickets.
    Quotas = 6,
    Households = 7,
}

impl PartKind {
    /// The kind with this number, or `None`.
    pub fn from_number(number: u32) -> Option<PartKind> {
        let all = [
            PartKind::Directory,
            PartKind::Calendar,
            PartKind::Ids,
            PartKind::Citizens,
            PartKind::Wallets,
            PartKind::Quotas,
            PartKind::Households,
        ];
        all.into_iter().find(|kind| *kind as u32 == number)
    }
}

/// One part, in the table.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(super) struct PartEntry {
    pub kind: u32,
    pub index: u32,
    /// It has taken every record that concerns it up to this sequence.
    pub through: u64,
    /// Where it begins: at a whole page.
    pub offset: u64,
    /// Its length; zeros follow up to a whole page.
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    pub hash: [u8; 32],
}

/// What a snapshot holds, in words for logs and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFacts {
    pub file: String,
    /// The sequence of the last record in it.
    pub sequence: u64,
    pub bytes: u64,
    /// How many wallets are in it.
    pub wallets: u64,
    /// How many ids of the hot window.
    pub ids: u64,
}

/// Which ids have left memory, and when each date ended.
pub(super) struct Calendar {
    pub window: HotWindow,
    pub files: Vec<DayFacts>,
    pub cut_overs: Vec<CutOver>,
}

impl Calendar {
    /// Appends the calendar to its part.
    pub fn export(&self, to: &mut Vec<u8>) {
        let mut number = |number: i64| to.extend_from_slice(&number.to_le_bytes());
        number(self.window.from as i64);
        number(self.window.from_ms);
        number(self.files.len() as i64);
        number(self.cut_overs.len() as i64);
        for (date, sequence) in &self.cut_overs {
            number(i64::from(date.days()));
            number(*sequence as i64);
        }
        self.files
            .iter()
            .for_each(|file| to.extend_from_slice(file.as_bytes()));
    }

    /// The calendar that [`Calendar::export`] wrote; `None` when the bytes are none.
    pub fn import(mut from: &[u8]) -> Option<Calendar> {
        let mut number = || {
            let (taken, rest) = from.split_at_checked(8)?;
            from = rest;
            Some(i64::from_le_bytes(taken.try_into().ok()?))
        };
        let sequence = |number: i64| u64::try_from(number).ok().filter(|number| *number < SEQUENCE_END);
        let date = |days: i64| i32::try_from(days).ok().map(BusinessDate::from_days);
        let window = HotWindow {
            from: sequence(number()?)?,
            from_ms: number()?,
        };
        let (files, cut_overs) = (number()?, number()?);
        let cut_overs = (0..cut_overs)
            .map(|_| Some((date(number()?)?, sequence(number()?)?)))
            .collect::<Option<Vec<CutOver>>>()?;
        let mut all = Vec::new();
        for _ in 0..files {
            let (file, rest) = DayFacts::read_from_prefix(from).ok()?;
            from = rest;
            all.push(file);
        }
        from.is_empty().then_some(Calendar {
            window,
            files: all,
            cut_overs,
        })
    }
}

/// Whole pages that `bytes` take, in bytes.
pub(super) const fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE_BYTES as u64)
}
