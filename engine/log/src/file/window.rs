//! A part of a segment's file in memory: all of it, or what lies at the end of a journal that is being written.

use super::format::{Layout, segment_name};
use crate::log::LogError;
use crate::storage::{PAGE_BYTES, Page, ReadFile as _, ReadStorage};
use std::io;
use std::sync::Arc;
use zerocopy::{FromZeros, IntoBytes};

/// The bytes that a cursor has read of one segment.
pub(super) struct Window<S: ReadStorage> {
    storage: Arc<S>,
    layout: Layout,
    /// Whether whole segments are read.
    whole: bool,
    /// The segment that is loaded; 0 for none.
    segment: u32,
    file: Option<Arc<S::File>>,
    /// Where the pages begin in the file.
    offset: u32,
    pages: Arc<Vec<Page>>,
    /// Earlier windows, for whoever still reads in them; used again when nobody does.
    buffers: Vec<Arc<Vec<Page>>>,
}

/// How much is read at once of a journal that is being written.
const TAIL_BYTES: usize = 256 << 10;

impl<S: ReadStorage> Window<S> {
    /// Nothing was read yet. `whole`: whole segments are read.
    pub fn new(storage: Arc<S>, layout: Layout, whole: bool) -> Window<S> {
        Window {
            storage,
            layout,
            whole,
            segment: 0,
            file: None,
            offset: 0,
            pages: Arc::default(),
            buffers: Vec::new(),
        }
    }

    /// Has the bytes of a segment from `offset` on in memory, at least `len` of them.
    pub fn ensure(&mut self, segment: u32, offset: u32, len: usize) -> Result<(), LogError> {
        let held = self.offset as usize + self.pages.len() * PAGE_BYTES;
        if self.segment == segment && self.offset <= offset && offset as usize + len <= held {
            return Ok(());
        }
        if self.segment != segment || self.file.is_none() {
            self.file = Some(Arc::new(open_whole(&*self.storage, segment, self.layout)?));
        }
        let segment_bytes = self.layout.segment_bytes;
        let left = (segment_bytes - offset) as usize;
        let (from, wanted) = match self.whole {
            true => (0, segment_bytes as usize),
            false => (offset, len.max(TAIL_BYTES).min(left)),
        };
        self.segment = segment;
        self.offset = from;
        self.load(wanted)
    }

    /// Reads so many bytes at the window's offset into memory that nobody else reads in.
    fn load(&mut self, bytes: usize) -> Result<(), LogError> {
        let segment = self.segment;
        self.buffers.push(std::mem::take(&mut self.pages));
        let free = self
            .buffers
            .iter_mut()
            .position(|held| Arc::get_mut(held).is_some());
        let mut buffer = free.map_or_else(Arc::default, |at| self.buffers.swap_remove(at));
        let pages = Arc::get_mut(&mut buffer).expect("nobody else reads in it");
        let wanted = bytes / PAGE_BYTES;
        if pages.len() != wanted {
            *pages = Page::new_vec_zeroed(wanted)
                .map_err(|_| unread(segment, io::ErrorKind::OutOfMemory.into()))?;
        }
        let file = self.file.clone().expect("opened before");
        let read = file.read_exact_at(pages.as_mut_bytes(), u64::from(self.offset));
        self.pages = buffer;
        read.map_err(|source| {
            // What is in memory is not what lies there.
            self.forget();
            unread(segment, source)
        })
    }

    /// What was read may be old by now: it is read again when it is needed.
    pub fn forget(&mut self) {
        self.segment = 0;
        self.file = None;
    }

    /// Whether it is one of this segment.
    pub fn is_in(&self, segment: u32) -> bool {
        self.segment == segment
    }

    /// The bytes in memory from an offset of the segment on.
    pub fn bytes_at(&self, offset: u32) -> &[u8] {
        &self.pages.as_bytes()[self.index_of(offset)..]
    }

    /// The pages in memory.
    pub fn pages(&self) -> &Arc<Vec<Page>> {
        &self.pages
    }

    /// Which byte in memory is the one at an offset of the segment.
    pub fn index_of(&self, offset: u32) -> usize {
        (offset - self.offset) as usize
    }
}

pub(super) fn unread(segment: u32, source: io::Error) -> LogError {
    LogError::Io {
        file: segment_name(segment),
        source,
    }
}

/// Opens the file of a segment, which must have its whole length.
pub(super) fn open_whole<S: ReadStorage>(
    storage: &S,
    segment: u32,
    layout: Layout,
) -> Result<S::File, LogError> {
    let io = |source| unread(segment, source);
    let opened = storage.open(&segment_name(segment)).map_err(io)?;
    let (len, wanted) = (opened.len_bytes().map_err(io)?, u64::from(layout.segment_bytes));
    if len == wanted {
        return Ok(opened);
    }
    Err(LogError::Damaged {
        file: segment_name(segment),
        offset: len.min(wanted),
        sequence: 0,
        what: format!("the file has {len} bytes, a segment has {wanted}"),
    })
}
