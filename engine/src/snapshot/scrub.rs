//! A snapshot read once more, piece by piece: every part's hash.

use super::format::{PartEntry, padded};
use super::read::{Snapshot, SnapshotDamage, Unusable, are_zeros};
use satang_log::log::LogIdentity;
use satang_log::scrub::ScrubMonitor;
use satang_log::storage::{PAGE_BYTES, ReadFile, ReadStorage};
use std::ops::ControlFlow;

/// How much is read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Reads a snapshot's every byte and compares the hashes; one of another version is passed over.
///
/// # Errors
/// [`Unusable`]: the first damage.
pub fn scrub<S: ReadStorage>(
    storage: &S,
    file: &str,
    journal: &LogIdentity,
    monitor: &mut dyn ScrubMonitor,
) -> Result<ControlFlow<()>, Unusable> {
    // What the system has in memory may be whole where the disk is not.
    storage.open(file)?.forget_cached();
    let snapshot = match Snapshot::open(storage, file, journal, &mut None) {
        // Of before an upgrade or a way back: no start uses it, and the next snapshots replace it.
        Err(Unusable::Damaged {
            what: SnapshotDamage::Version(_),
            ..
        }) => return Ok(ControlFlow::Continue(())),
        opened => opened?,
    };
    let front = PAGE_BYTES + size_of_val(&*snapshot.table);
    let mut scrubbed = monitor.read(padded(front as u64));
    let mut buffer = vec![0; PIECE_BYTES];
    for part in &snapshot.table {
        if scrubbed.is_break() {
            break;
        }
        scrubbed = scrub_part(&snapshot.file, part, &mut buffer, monitor)?;
    }
    snapshot.file.forget_cached();
    Ok(scrubbed)
}

fn scrub_part(
    file: &impl ReadFile,
    part: &PartEntry,
    buffer: &mut [u8],
    monitor: &mut dyn ScrubMonitor,
) -> Result<ControlFlow<()>, Unusable> {
    let mut hasher = blake3::Hasher::new();
    let end = part.offset + padded(part.bytes);
    let mut is_padded = true;
    for offset in (part.offset..end).step_by(buffer.len()) {
        let piece = &mut buffer[..PIECE_BYTES.min((end - offset) as usize)];
        file.read_exact_at(piece, offset)?;
        let left = (part.offset + part.bytes).saturating_sub(offset);
        let (of_part, padding) = piece.split_at(piece.len().min(left as usize));
        hasher.update(of_part);
        is_padded &= are_zeros(padding);
        if monitor.read(piece.len() as u64).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    match *hasher.finalize().as_bytes() == part.hash && is_padded {
        true => Ok(ControlFlow::Continue(())),
        false => Err(Unusable::at(part.offset, SnapshotDamage::Part)),
    }
}
