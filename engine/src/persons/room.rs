//! Room for new persons, reserved on the disk ahead of use as spare segments are: a full disk is noticed before a citizen gets a
//! person id, and never by the thread that makes persons durable.

use super::page::{ENTRIES_PER_PAGE, PERSONS_FILE};
use satang_log::storage::{PAGE_BYTES, Storage, StorageFile};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages that are reserved at once: 16 MiB, for as many groups with new persons at least.
const PAGES_RESERVED: u64 = 4096;

/// How far the store may grow, and how far it has.
pub(super) struct Room {
    /// Behind the last page that has room; the most there can be where the file system reserves nothing.
    end: AtomicU64,
    /// Behind the last page that is written, or being written.
    written: AtomicU64,
    /// Persons whom nobody has begun to write.
    staged: AtomicU64,
}

impl Room {
    /// No room behind so many pages yet.
    pub(super) fn behind(pages: u64) -> Room {
        Room {
            end: AtomicU64::new(pages),
            written: AtomicU64::new(pages),
            staged: AtomicU64::new(0),
        }
    }

    /// Room without end.
    #[cfg(test)]
    pub(super) fn endless() -> Room {
        let room = Room::behind(0);
        room.end.store(u64::MAX, Ordering::Relaxed);
        room
    }

    /// Counts one more person to be written; false, and nothing changed, when there is no room for one.
    pub(super) fn stage_one(&self) -> bool {
        let staged = self.staged.fetch_add(1, Ordering::Relaxed) + 1;
        // All that is staged is written at once: only its last page may be part empty.
        let needed = self.written.load(Ordering::Relaxed) + pages_of(staged);
        let has_room = needed <= self.end.load(Ordering::Relaxed);
        if !has_room {
            self.staged.fetch_sub(1, Ordering::Relaxed);
        }
        has_room
    }

    /// So many staged persons are being written.
    pub(super) fn begin_to_write(&self, persons: u64) {
        // Counted twice for a moment, never not at all.
        self.written.fetch_add(pages_of(persons), Ordering::Relaxed);
        self.staged.fetch_sub(persons, Ordering::Relaxed);
    }

    /// Whether it is time to reserve more.
    pub(super) fn is_low(&self) -> bool {
        let left = self
            .end
            .load(Ordering::Relaxed)
            .saturating_sub(self.written.load(Ordering::Relaxed));
        left < PAGES_RESERVED / 2
    }

    /// Reserves more.
    ///
    /// # Errors
    /// Of the operating system, `StorageFull` among them; what is reserved stays so.
    pub(super) fn reserve(&self, file: &impl StorageFile) -> io::Result<()> {
        let from = self.written.load(Ordering::Relaxed);
        let page = PAGE_BYTES as u64;
        let end = match file.reserve(from * page, PAGES_RESERVED * page)? {
            true => from + PAGES_RESERVED,
            false => u64::MAX,
        };
        self.end.fetch_max(end, Ordering::Relaxed);
        Ok(())
    }

    /// Reserves more in a folder's store, if it is time to.
    ///
    /// # Errors
    /// As [`Room::reserve`].
    pub(super) fn reserve_in<S: Storage>(&self, storage: &S) -> io::Result<()> {
        match self.is_low() {
            true => self.reserve(&storage.open(PERSONS_FILE)?),
            false => Ok(()),
        }
    }
}

fn pages_of(persons: u64) -> u64 {
    persons.div_ceil(ENTRIES_PER_PAGE as u64)
}
