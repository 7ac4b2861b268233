//! Sealed segments read once more: every frame, the index, the seal, and both copies of the header.

use super::cursor::FileCursor;
use super::format::{FrameKind, Place, segment_name};
use super::store::FileLogStore;
use crate::durable::Durable;
use crate::log::{Bound, LogError};
use crate::scrub::{ScrubFinding, ScrubMonitor};
use crate::storage::{ReadFile as _, ReadStorage};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Reads every segment that is sealed by now, from the oldest on, and stops when told to. Of each segment the first damage is told.
pub(super) fn scrub_segments<S: ReadStorage>(
    log: &FileLogStore<S>,
    durable: &Arc<Durable>,
    monitor: &mut dyn ScrubMonitor,
) -> ControlFlow<()> {
    if log.first_header().is_none() {
        return ControlFlow::Continue(());
    }
    let mut cursor = match log.file_cursor(Bound::Durable(durable.clone())) {
        Ok(cursor) => cursor,
        Err(error) => {
            monitor.found(finding(error, 0));
            return ControlFlow::Continue(());
        }
    };
    let mut continues = true;
    for segment in 1.. {
        if segment >= log.segments_begun() {
            break;
        }
        let scrubbed = match continues {
            true => scrub_segment(log, &mut cursor, segment, monitor),
            // The one before it is damaged: what that came to is taken from the header.
            false => match cursor.seek_segment(segment) {
                Ok(()) => scrub_segment(log, &mut cursor, segment, monitor),
                Err(error) => Err(error),
            },
        };
        continues = match scrubbed {
            Ok(Scrubbed::Sealed) => true,
            Ok(Scrubbed::NotDurable) => break,
            Ok(Scrubbed::Stopped) => return ControlFlow::Break(()),
            Err(error) => {
                let Place { segment: at, offset } = cursor.read().place;
                monitor.found(finding(error, if at == segment { offset } else { 0 }));
                false
            }
        };
        for (header, offset) in std::mem::take(&mut cursor.read.header_repairs) {
            monitor.found(ScrubFinding {
                file: segment_name(header.segment),
                offset,
                what: "a copy of the header is damaged; the next start writes it again".into(),
            });
        }
    }
    ControlFlow::Continue(())
}

/// How the reading of a segment ended.
enum Scrubbed {
    /// At its seal.
    Sealed,
    /// In front of it: nothing behind it is durable yet.
    NotDurable,
    Stopped,
}

/// Reads a sealed segment to its seal.
fn scrub_segment<S: ReadStorage>(
    log: &FileLogStore<S>,
    cursor: &mut FileCursor<S>,
    segment: u32,
    monitor: &mut dyn ScrubMonitor,
) -> Result<Scrubbed, LogError> {
    // What the system has in memory may be whole where the disk is not. An error is one of the reading, too.
    let file = log.storage().open(&segment_name(segment)).ok();
    let forget = || {
        if let Some(file) = &file {
            file.forget_cached();
        }
    };
    forget();
    let mut told = 0;
    while let Some(found) = cursor.next_file_frame()? {
        let is_seal = found.kind == FrameKind::Seal;
        let read = match is_seal {
            true => log.layout().segment_bytes,
            false => cursor.read().place.offset,
        };
        if monitor.read(u64::from(read - told)).is_break() {
            return Ok(Scrubbed::Stopped);
        }
        told = read;
        if is_seal {
            forget();
            return Ok(Scrubbed::Sealed);
        }
    }
    Ok(Scrubbed::NotDurable)
}

/// Damage, in a segment that was read up to `read`.
fn finding(error: LogError, read: u32) -> ScrubFinding {
    match error {
        LogError::Damaged {
            file, offset, what, ..
        } => ScrubFinding { file, offset, what },
        LogError::Io { file, source } => ScrubFinding {
            file,
            offset: u64::from(read),
            what: source.to_string(),
        },
    }
}
