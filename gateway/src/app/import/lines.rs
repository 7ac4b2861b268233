//! A file cut into lines, whatever system wrote it.

use super::super::{BodySource, Failure};
use super::gzip::{Content, Encoding};
use crate::wire::encoding::{
    FileKind, HEAD_BYTES, LOOKS_LIKE_TIS620, LOOKS_LIKE_UTF16, UTF8_MARK, looks_like_tis620,
};
use crate::wire::problem::Problem;
use bytes::Bytes;

/// The longest line (I12).
const LINE_BYTES_MAX: usize = 64 << 10;
/// Lines that become durable together. More: fewer flushes, longer pauses for authorizations.
const LINES_PER_WRITE: usize = 256;
/// Bytes of lines after which a write is begun, however few they are.
const BYTES_PER_WRITE: usize = 256 << 10;

/// One line of an import; numbered from 1, blank ones included.
pub(super) struct Line {
    pub(super) number: u64,
    /// Whether it is the first line that is not blank.
    pub(super) is_first: bool,
    /// The line without its end; `None` when it is too long.
    text: Option<Vec<u8>>,
}

impl Line {
    /// Bytes that it holds in memory.
    fn len_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, Vec::len)
    }

    /// What `parse` reads in it.
    ///
    /// # Errors
    /// Why it is malformed.
    pub(super) fn parse<T>(&self, parse: impl Fn(&[u8]) -> Result<T, Problem>) -> Result<T, String> {
        let Some(text) = &self.text else {
            return Err(format!("malformed: longer than {LINE_BYTES_MAX} bytes"));
        };
        parse(text).map_err(|problem| reason_of(&problem, text))
    }
}

/// Why a line is malformed, naming the field; never the value.
fn reason_of(problem: &Problem, text: &[u8]) -> String {
    let fields = problem.errors.iter().map(|error| match error.field.as_str() {
        "" if std::str::from_utf8(text).is_err() && looks_like_tis620(text) => LOOKS_LIKE_TIS620.to_owned(),
        "" => error.reason.clone(),
        field => format!("{field}: {}", error.reason),
    });
    format!("malformed: {}", fields.collect::<Vec<_>>().join("; "))
}

/// Cuts a body into lines, which end in LF, CR LF or CR.
pub(super) struct Lines<B> {
    body: Content<B>,
    piece: Bytes,
    partial: Vec<u8>,
    too_long: bool,
    /// Whether the last byte was a CR, which ended a line: an LF behind it ends no other.
    after_cr: bool,
    number: u64,
    /// Whether a line that is not blank has come.
    has_begun: bool,
    ended: bool,
}

impl<B: BodySource> Lines<B> {
    /// Looks at the beginning of a body, and passes over a byte order mark.
    ///
    /// # Errors
    /// The answer to a file that is no text in UTF-8.
    pub(super) async fn open(body: B, encoding: Encoding) -> Result<Lines<B>, Failure> {
        let mut body = Content::new(body, encoding);
        let mut head = Bytes::new();
        let mut ended = false;
        while head.len() < HEAD_BYTES && !ended {
            match body.next_piece().await? {
                Some(piece) if head.is_empty() => head = piece,
                Some(piece) => head = [head, piece].concat().into(),
                None => ended = true,
            }
        }
        refuse_what_is_no_text(FileKind::of(&head), encoding)?;
        if head.starts_with(UTF8_MARK) {
            let _ = head.split_to(UTF8_MARK.len());
        }
        Ok(Lines {
            body,
            piece: head,
            partial: Vec::new(),
            too_long: false,
            after_cr: false,
            number: 0,
            has_begun: false,
            ended: false,
        })
    }

    /// The next lines that are not blank, as many as make one write; none at the end. `may_go_on` is asked whenever something has
    /// come: a client may take as long as it likes over a line.
    ///
    /// # Errors
    /// Of the body, and what `may_go_on` says.
    pub(super) async fn next(
        &mut self,
        may_go_on: impl Fn() -> Result<(), Failure>,
    ) -> Result<Vec<Line>, Failure> {
        let mut lines = Vec::with_capacity(LINES_PER_WRITE);
        // Of lines that are kept: blank ones must not end the chunk, for an empty chunk is the file's end.
        let mut bytes = 0;
        while lines.len() < LINES_PER_WRITE && bytes < BYTES_PER_WRITE {
            if self.piece.is_empty() {
                if self.ended {
                    break;
                }
                let piece = self.body.next_piece().await?;
                may_go_on()?;
                match piece {
                    Some(piece) => self.piece = piece,
                    None => {
                        self.ended = true;
                        lines.extend(self.take_line());
                    }
                }
                continue;
            }
            if std::mem::take(&mut self.after_cr) && self.piece[0] == b'\n' {
                let _ = self.piece.split_to(1);
                continue;
            }
            let end = self.piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match end {
                Some(end) => {
                    let rest = self.piece.split_off(end);
                    let head = std::mem::replace(&mut self.piece, rest);
                    self.gather(&head);
                    self.after_cr = self.piece[0] == b'\r';
                    // The line's end itself.
                    let _ = self.piece.split_to(1);
                    let line = self.take_line();
                    bytes += line.as_ref().map_or(0, Line::len_bytes);
                    lines.extend(line);
                }
                None => {
                    let head = std::mem::take(&mut self.piece);
                    self.gather(&head);
                }
            }
        }
        Ok(lines)
    }

    fn gather(&mut self, head: &[u8]) {
        if self.partial.len() + head.len() > LINE_BYTES_MAX {
            self.too_long = true;
            self.partial.clear();
        } else if !self.too_long {
            self.partial.extend_from_slice(head);
        }
    }

    /// The line gathered so far, unless it is blank.
    fn take_line(&mut self) -> Option<Line> {
        self.number += 1;
        let text = std::mem::take(&mut self.partial);
        let too_long = std::mem::take(&mut self.too_long);
        if !too_long && text.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        Some(Line {
            number: self.number,
            is_first: !std::mem::replace(&mut self.has_begun, true),
            text: (!too_long).then_some(text),
        })
    }
}

/// # Errors
/// The answer that says what to do with the file.
fn refuse_what_is_no_text(kind: FileKind, encoding: Encoding) -> Result<(), Failure> {
    let unsupported = |detail| Err(Problem::unsupported_media_type(detail).into());
    match (kind, encoding) {
        (FileKind::Text, _) => Ok(()),
        (FileKind::Utf16, _) => {
            let reason = format!("line 1: {LOOKS_LIKE_UTF16}");
            let mut problem = Problem::malformed_field("", reason.as_str());
            problem.detail = reason;
            Err(problem.into())
        }
        (FileKind::Zip, _) => unsupported(
            "the body is a ZIP archive or a spreadsheet's workbook (.xlsx): save it as CSV in UTF-8, or unpack it",
        ),
        (FileKind::Gzip, Encoding::Identity) => {
            unsupported("the body is gzip: send it with Content-Encoding: gzip, or unpack it")
        }
        (FileKind::Gzip, Encoding::Gzip) => unsupported("the body is compressed twice: unpack it once"),
    }
}
