//! A page of the person store (`docs/FORMAT.md`).

use super::PersonEntry;
use satang_log::storage::{PAGE_BYTES, Page};
use zerocopy::{FromBytes as _, IntoBytes as _};

/// The store's file in the data folder.
pub const PERSONS_FILE: &str = "persons.db";

const MAGIC: [u8; 8] = *b"SATANGPE";
const HEADER_BYTES: usize = 32;
const ENTRY_BYTES: usize = 24;
pub(super) const ENTRIES_PER_PAGE: usize = (PAGE_BYTES - HEADER_BYTES) / ENTRY_BYTES;
const _: () = assert!(size_of::<PersonEntry>() == ENTRY_BYTES);

pub(super) fn write_page(entries: &[PersonEntry]) -> Page {
    let mut page = Page::ZERO;
    page.0[..8].copy_from_slice(&MAGIC);
    page.0[16..20].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    page.0[HEADER_BYTES..HEADER_BYTES + entries.len() * ENTRY_BYTES].copy_from_slice(entries.as_bytes());
    let check = page_check(&page.0);
    page.0[8..16].copy_from_slice(&check);
    page
}

pub(super) fn read_page(page: &Page) -> Option<&[PersonEntry]> {
    let bytes = &page.0;
    if bytes[..8] != MAGIC || bytes[8..16] != page_check(bytes) {
        return None;
    }
    let count = u32::from_le_bytes(bytes[16..20].try_into().ok()?) as usize;
    let entries = bytes.get(HEADER_BYTES..HEADER_BYTES + count * ENTRY_BYTES)?;
    let entries = <[PersonEntry]>::ref_from_bytes(entries).ok()?;
    entries.iter().all(|entry| entry.person != 0).then_some(entries)
}

/// Whether a page of the store is whole: one that is not is a write that never finished, or damage.
pub fn is_whole_page(bytes: &[u8; PAGE_BYTES]) -> bool {
    read_page(&Page(*bytes)).is_some()
}

fn page_check(page: &[u8; PAGE_BYTES]) -> [u8; 8] {
    blake3::hash(&page[16..]).as_bytes()[..8]
        .try_into()
        .expect("eight bytes")
}
