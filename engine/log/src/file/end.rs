//! Where a journal ends, and whether that is a clean end, a torn tail or damage.
//!
//! Classified at the first frame that is not intact:
//!
//! | case | what lies there | what lies behind | verdict |
//! |---|---|---|---|
//! | A | zeros | zeros | clean end |
//! | B | a frame (or nothing) with a sector of zeros in it | no header of a frame that proves it durable | torn tail: the last write never finished, nobody was answered |
//! | C | anything | a header of a frame of this journal that proves it durable, or a later segment that was begun | damage: refuse to start |
//! | D | a frame whose every sector was written | | damage: refuse to start |
//! | E | a file shorter or longer than a segment, or a sealed segment that no file follows | | damage: refuse to start |
//!
//! "There" is behind the last intact frame; or, when zeros follow that, where the index of the segment belongs: it is the one frame that
//! is not written behind the one before it.
//!
//! A frame proves what [`FrameHeader::proves_durable`] says: everything in front of it, as long as one write is in flight at a time.
//! B and D hold because frames are written over zeros and a disk writes a sector wholly or not at all.

use super::cursor::{FileCursor, JournalEnd};
use super::format::{
    FIRST_FRAME_OFFSET, FrameHeader, FrameKind, HeaderProblem, Place, is_zero, segment_name,
};
use crate::log::LogError;
use crate::storage::{PAGE_BYTES, ReadStorage};

/// What a disk writes wholly or not at all.
const SECTOR_BYTES: usize = 512;

impl<S: ReadStorage> FileCursor<S> {
    /// Looks what lies behind the last intact frame, once there is none any more.
    ///
    /// # Errors
    /// [`LogError`]: durable data is damaged; nothing was changed.
    pub fn classify_end(&mut self) -> Result<JournalEnd, LogError> {
        let mut end = JournalEnd {
            read: self.read.clone(),
            torn_bytes: 0,
            unused: Vec::new(),
        };
        if self.read.segment > 0 {
            end.torn_bytes = match self.read.sealed {
                true => 0,
                false => self.classify_tail(self.read.place)?,
            };
        }
        for segment in self.read.segment + 1..=self.segments {
            self.check_unused(segment)?;
            end.unused.push(segment_name(segment));
        }
        if self.read.sealed && self.read.segment == self.segments {
            let what = "the file is missing: it was there before the segment in front of it was sealed";
            return Err(self.damaged(self.segments + 1, 0, what.into()));
        }
        Ok(end)
    }

    /// Decides between a clean end, a torn tail and damage (cases A to D); says how many bytes are torn.
    fn classify_tail(&mut self, place: Place) -> Result<u32, LogError> {
        let Place { segment, offset } = place;
        if offset >= self.layout.segment_bytes {
            return Ok(0);
        }
        self.window
            .ensure(segment, 0, self.layout.segment_bytes as usize)?;
        let last = self.last_write(place)?;
        if let Some(later) = self.proof_behind(segment, last.offset + PAGE_BYTES as u32) {
            let what = format!("a frame is damaged: a later one stands at offset {later}");
            return Err(self.damaged(segment, u64::from(last.offset), what));
        }
        if let Some(what) = self.last_write_damaged(last) {
            return Err(self.damaged(segment, u64::from(last.offset), what.into()));
        }
        let last = self.window.bytes_at(offset).iter().rposition(|byte| *byte != 0);
        Ok(last.map_or(0, |last| last + 1).next_multiple_of(PAGE_BYTES) as u32)
    }

    /// Where the last write began that left no intact frame behind `place`: there, or where the index of the segment stands, behind zeros.
    fn last_write(&mut self, place: Place) -> Result<Place, LogError> {
        let index = self.index_place();
        if self.read.indexed || index <= place {
            return Ok(place);
        }
        let header = FrameHeader::read(self.window.bytes_at(index.offset), &self.key, index);
        let is_index = header.is_some_and(|header| {
            header.kind() == Some(FrameKind::Index) && self.read.is_continued_by(&header)
        });
        let behind_zeros = is_index && self.is_zero_between(place, index)?;
        Ok(if behind_zeros { index } else { place })
    }

    /// Why what lies at `place`, which is no intact frame, cannot be a write that never finished.
    fn last_write_damaged(&self, place: Place) -> Option<&'static str> {
        let behind = self.window.bytes_at(place.offset);
        if is_zero(&behind[..SECTOR_BYTES]) {
            return None;
        }
        let Some(header) = FrameHeader::read(behind, &self.key, place) else {
            return Some("the last frame's header is damaged");
        };
        let torn = behind
            .get(..header.written_bytes())
            .is_some_and(|frame| frame.chunks(SECTOR_BYTES).any(is_zero));
        (!torn).then_some("the last frame is damaged: all of it was written")
    }

    /// The offset of the first frame header in the loaded segment, at or behind `from`, that proves the next sequence durable.
    fn proof_behind(&self, segment: u32, from: u32) -> Option<u32> {
        self.frame_headers(segment, from)
            .find(|(_, header)| header.proves_durable(self.read.next_sequence))
            .map(|(offset, _)| offset)
    }

    /// The headers of frames of this journal in the loaded segment, at or behind `from`.
    fn frame_headers(&self, segment: u32, from: u32) -> impl Iterator<Item = (u32, FrameHeader)> {
        (from..self.layout.segment_bytes)
            .step_by(PAGE_BYTES)
            .filter_map(move |offset| {
                let place = Place { segment, offset };
                FrameHeader::read(self.window.bytes_at(offset), &self.key, place)
                    .map(|header| (offset, header))
            })
    }

    /// Checks that a segment behind the end was never used.
    fn check_unused(&mut self, segment: u32) -> Result<(), LogError> {
        self.window
            .ensure(segment, 0, self.layout.segment_bytes as usize)?;
        let begun = self
            .header_copies()
            .iter()
            .any(|header| !matches!(header, Err(HeaderProblem::Blank | HeaderProblem::Damaged)));
        if !begun && self.frame_headers(segment, FIRST_FRAME_OFFSET).next().is_none() {
            return Ok(());
        }
        let Place {
            segment: file,
            offset,
        } = self.read.place;
        let (offset, missing) = match self.read.sealed {
            true => (0, "both copies of the header are damaged"),
            false => (u64::from(offset), "a frame, index or seal is missing"),
        };
        let what = format!("{missing}: {} was used", segment_name(segment));
        Err(self.damaged(file, offset, what))
    }
}
