//! An index file read once more, as it lies on the disk, and held against what was opened.

use super::format::{ENTRIES_OFFSET, Hash, Header, page_offset};
use super::{IdIndex, IdIndexDamage, IdIndexError, Named, PAGES_AT_ONCE, id_index_name};
use satang_log::log::LogIdentity;
use satang_log::scrub::ScrubMonitor;
use satang_log::storage::{PAGE_BYTES, Page, ReadFile as _, ReadStorage};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use zerocopy::IntoBytes;

impl IdIndex {
    /// Reads the file once more: header, every page, directory and filter.
    ///
    /// # Errors
    /// [`IdIndexError`] of the first damage.
    pub fn scrub<S: ReadStorage>(
        &self,
        storage: &S,
        journal: &LogIdentity,
        monitor: &mut dyn ScrubMonitor,
    ) -> Result<ControlFlow<()>, IdIndexError> {
        let name = id_index_name(self.date);
        let opened = storage.open(&name).map_err(|source| IdIndexError::Io {
            file: name.clone(),
            offset: 0,
            source,
        })?;
        // What the system has in memory may be whole where the disk is not.
        opened.forget_cached();
        let file = Named::new(name, Arc::new(opened));
        let scrubbed = self.scrub_parts(&file, journal, monitor);
        file.file.forget_cached();
        scrubbed
    }

    fn scrub_parts(
        &self,
        file: &Named,
        journal: &LogIdentity,
        monitor: &mut dyn ScrubMonitor,
    ) -> Result<ControlFlow<()>, IdIndexError> {
        let shape = &self.entries.shape;
        let (bytes, wanted) = (file.len_bytes()?, shape.file_bytes);
        if bytes != wanted {
            return Err(file.damaged(bytes.min(wanted), IdIndexDamage::Length { bytes, wanted }));
        }
        let mut page = Page::ZERO;
        file.read(&mut page.0, 0)?;
        let header = Header::read(&page, journal, self.date);
        let (header, _) = header.map_err(|what| file.damaged(0, what))?;
        if header.facts() != self.facts {
            return Err(file.damaged(0, IdIndexDamage::OtherHeaderThanWritten));
        }
        if monitor.read(PAGE_BYTES as u64).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let parts = [
            (ENTRIES_OFFSET..shape.directory_offset, self.hashes.entries),
            (shape.directory_offset..shape.filter_offset, self.hashes.directory),
            (shape.filter_offset..shape.file_bytes, self.hashes.filter),
        ];
        let damages = [
            IdIndexDamage::OtherEntries,
            IdIndexDamage::Directory,
            IdIndexDamage::Filter,
        ];
        for ((part, hash), what) in parts.into_iter().zip(damages) {
            let begins = part.start;
            match self.hash_part(file, part, monitor)? {
                None => return Ok(ControlFlow::Break(())),
                Some(found) if found != hash => return Err(file.damaged(begins, what)),
                Some(_) => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The hash of a part of the file, whose pages of entries are checked one by one; `None` when it is to stop.
    fn hash_part(
        &self,
        file: &Named,
        part: Range<u64>,
        monitor: &mut dyn ScrubMonitor,
    ) -> Result<Option<Hash>, IdIndexError> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![Page::ZERO; PAGES_AT_ONCE];
        for offset in part.clone().step_by(PAGES_AT_ONCE * PAGE_BYTES) {
            let left = (part.end - offset) as usize / PAGE_BYTES;
            let pages = &mut buffer[..left.min(PAGES_AT_ONCE)];
            file.read(pages.as_mut_bytes(), offset)?;
            hasher.update(pages.as_bytes());
            let entries = &self.entries;
            if offset < entries.shape.directory_offset {
                let first = ((offset - page_offset(0)) / PAGE_BYTES as u64) as u32;
                for (page, number) in pages.iter().zip(first..) {
                    entries.check(page, number)?;
                }
            }
            if monitor.read((pages.len() * PAGE_BYTES) as u64).is_break() {
                return Ok(None);
            }
        }
        Ok(Some(*hasher.finalize().as_bytes()))
    }
}
