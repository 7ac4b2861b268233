//! The log, as the engine sees it: groups of records appended in order, each durable before the next.
//!
//! The file journal is the first implementation; a replicated one must need no change in the core. An append names the sequence it
//! expects to be next, so that a writer that was replaced is fenced off instead of forking the history.

use crate::file::{Group, Layout, Place, ReadError};
use satang_core::record::{Position, Record};
use std::io;

/// Why a group was not appended. No case is ever retried (I8).
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer has gone on: nothing was written.
    #[error("the log goes on at sequence {next}, not {expected}: another writer has it")]
    Fenced {
        /// What this writer expected.
        expected: u64,
        /// What the log says.
        next: u64,
    },
    /// The disk failed: whether the group is durable is unknown.
    #[error("the log's disk failed: {0}")]
    Unknown(#[from] io::Error),
}

/// An append-only log that one thread writes.
pub trait Log: Send + 'static {
    /// Reads records back.
    type Reader: ReadLog;

    /// Appends a group whose first record has `expected_sequence`. When this returns, the group is durable.
    ///
    /// # Errors
    /// [`AppendError`].
    fn append(&mut self, expected_sequence: u64, group: &mut Group) -> Result<(), AppendError>;

    /// After some quiet, makes sure that a damaged last group would be noticed. The caller has moved the place of the next
    /// group behind the frame this may write (see [`Log::end`]).
    ///
    /// # Errors
    /// [`AppendError`].
    fn cover(&mut self) -> Result<(), AppendError>;

    /// Whether [`Log::cover`] has something to do.
    fn needs_cover(&self) -> bool;

    /// Where the next frame belongs.
    fn end(&self) -> Place;

    /// How long groups may be and where they go.
    fn layout(&self) -> Layout;

    /// The sequence the next record gets.
    fn next_sequence(&self) -> u64;

    /// A reader of durable records.
    fn reader(&self) -> Self::Reader;
}

/// Reads durable records back by position.
pub trait ReadLog: Clone + Send + Sync + 'static {
    /// The record at a position that is durable.
    ///
    /// # Errors
    /// [`ReadError`] when the disk fails or the record was damaged.
    fn read(&self, position: Position) -> Result<Record, ReadError>;
}
