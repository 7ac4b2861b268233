//! A list read for a command that sends its citizens one by one.

use super::gzip::Encoding;
use super::lines::Lines;
use super::listed;
use crate::app::{BodySource, Failure};
use satang_core::ids::NationalId;

/// The citizens that a file names, read as `satang import list` has it read.
pub struct Citizens<B>(Lines<B>);

impl<B: BodySource> Citizens<B> {
    /// Looks at the beginning of a file.
    ///
    /// # Errors
    /// When it is refused as a whole: it is no text in UTF-8.
    pub async fn open(body: B, encoding: Encoding) -> Result<Citizens<B>, Failure> {
        Ok(Citizens(Lines::open(body, encoding).await?))
    }

    /// The next lines, each with its number and its citizen or why it is malformed; `None` behind the last one. Headings and lines
    /// without a citizen are left out, so that there may be none.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub async fn next(&mut self) -> Result<Option<Vec<(u64, Result<NationalId, String>)>>, Failure> {
        let chunk = self.0.next(|| Ok(())).await?;
        let read = |line: &super::lines::Line| Some((line.number, listed(line).transpose()?));
        Ok((!chunk.is_empty()).then(|| chunk.iter().filter_map(read).collect()))
    }
}
