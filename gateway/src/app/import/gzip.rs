//! The body of an import as it is read: as it came, or decompressed piece by piece.

use super::super::{BodySource, Failure};
use crate::wire::problem::Problem;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::{self, BufRead, ErrorKind, Read};

/// Bytes decompressed before others on the thread have their turn (I12): well under a millisecond.
const SLICE_BYTES: usize = 32 << 10;
/// Compressed bytes that are read at once, since they may come to nothing but the heads of empty members (I12).
const FEED_BYTES: usize = 4 << 10;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// The one that the headers name.
    ///
    /// # Errors
    /// 415 for any other, and for several.
    pub fn of(headers: &HeaderMap) -> Result<Encoding, Failure> {
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let encoding = match named.next() {
            None => Some(Encoding::Identity),
            Some(value) => match value.to_str().unwrap_or_default().trim() {
                gzip if gzip.eq_ignore_ascii_case("gzip") || gzip.eq_ignore_ascii_case("x-gzip") => {
                    Some(Encoding::Gzip)
                }
                none if none.eq_ignore_ascii_case("identity") => Some(Encoding::Identity),
                _ => None,
            },
        };
        match (encoding, named.next()) {
            (Some(encoding), None) => Ok(encoding),
            _ => {
                let detail = "Content-Encoding: an import takes gzip, or none";
                Err(Problem::unsupported_media_type(detail).into())
            }
        }
    }
}

/// The body of an import.
pub(super) enum Content<B> {
    Plain(B),
    Gzip(Box<Gzip<B>>),
}

impl<B: BodySource> Content<B> {
    pub(super) fn new(body: B, encoding: Encoding) -> Content<B> {
        match encoding {
            Encoding::Identity => Content::Plain(body),
            Encoding::Gzip => Content::Gzip(Box::new(Gzip::new(body))),
        }
    }

    /// The next piece of the text; `None` at its end.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Content::Plain(body) => Ok(body.next_chunk().await?),
            Content::Gzip(gzip) => gzip.next_piece().await,
        }
    }
}

/// A body that is decompressed while it arrives.
pub(super) struct Gzip<B> {
    body: B,
    /// Of what has arrived, what the decoder did not get yet.
    arrived: Bytes,
    decoder: MultiGzDecoder<Feed>,
    slice: Box<[u8]>,
}

impl<B: BodySource> Gzip<B> {
    fn new(body: B) -> Gzip<B> {
        Gzip {
            body,
            arrived: Bytes::new(),
            decoder: MultiGzDecoder::new(Feed::default()),
            slice: vec![0; SLICE_BYTES].into_boxed_slice(),
        }
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.decoder.read(&mut self.slice) {
                Ok(0) => return Ok(None),
                Ok(len) => {
                    tokio::task::yield_now().await;
                    return Ok(Some(Bytes::copy_from_slice(&self.slice[..len])));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.feed().await?,
                Err(error) => return Err(refused(&error)),
            }
        }
    }

    /// Gives the decoder a little more, or the end.
    async fn feed(&mut self) -> Result<(), Failure> {
        if self.arrived.is_empty() {
            match self.body.next_chunk().await? {
                Some(piece) => self.arrived = piece,
                None => {
                    self.decoder.get_mut().ended = true;
                    return Ok(());
                }
            }
        } else {
            tokio::task::yield_now().await;
        }
        let len = self.arrived.len().min(FEED_BYTES);
        self.decoder.get_mut().piece = self.arrived.split_to(len);
        Ok(())
    }
}

/// What is wrong with a compressed body. What came in front of the place may be in.
fn refused(error: &io::Error) -> Failure {
    let what = match error.kind() {
        ErrorKind::UnexpectedEof => "ends in the middle of its gzip stream",
        _ => "is no gzip, or is damaged",
    };
    let mut problem = Problem::malformed_field("", what);
    problem.detail =
        format!("the body {what}; lines in front of that place may be in: send the whole file again");
    problem.into()
}

/// What the decoder reads next.
#[derive(Default)]
struct Feed {
    piece: Bytes,
    ended: bool,
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let len = piece.read(into)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.piece.is_empty() && !self.ended {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(&self.piece),
        }
    }

    fn consume(&mut self, len: usize) {
        let _ = self.piece.split_to(len);
    }
}
