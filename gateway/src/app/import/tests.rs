//! Files as they really come: line ends, byte order marks, encodings and compression, in pieces of every size.

use super::lines::Lines;
use super::{Encoding, ImportKind, dry_run};
use crate::app::{BodySource, Failure};
use crate::server::BodyError;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use satang_api::ImportReport;
use std::collections::VecDeque;
use std::io::Write as _;

const ID: &str = "1101700203450";
const OTHER: &str = "1101700230708";

/// A body that comes in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    /// Each of `len` bytes, but the last.
    fn of(body: &[u8], len: usize) -> Pieces {
        Pieces(body.chunks(len).map(Bytes::copy_from_slice).collect())
    }
}

impl BodySource for Pieces {
    async fn collect(self, _: usize) -> Result<Bytes, BodyError> {
        Err(BodyError::Broken)
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        Ok(self.0.pop_front())
    }
}

fn run(read: impl Future<Output = Result<ImportReport, Failure>>) -> Result<ImportReport, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(read)
}

fn read_in(body: &[u8], encoding: Encoding, len: usize) -> Result<ImportReport, Failure> {
    run(dry_run(ImportKind::List, Pieces::of(body, len), encoding))
}

/// The report of a list, which is the same in whatever pieces it comes.
fn read(body: impl AsRef<[u8]>) -> ImportReport {
    let body = body.as_ref();
    let whole = read_in(body, Encoding::Identity, usize::MAX).unwrap();
    for len in [1, 2, 3, 5, 14, 15, 16] {
        let again = read_in(body, Encoding::Identity, len).unwrap();
        assert_eq!(shown(&again), shown(&whole), "in pieces of {len}");
    }
    whole
}

fn shown(report: &ImportReport) -> String {
    serde_json::to_string(report).unwrap()
}

/// How many lines were taken, and the numbers of those that were not.
fn told(report: &ImportReport) -> (u64, Vec<u64>) {
    let rejected = report.errors.iter().map(|error| error.line);
    (report.accepted, rejected.collect())
}

/// The status of a refusal, and what it says.
fn refusal(body: &[u8], encoding: Encoding) -> (u16, String) {
    let mut told = None;
    for len in [1, 3, 1_000, usize::MAX] {
        let Err(Failure::Problem(problem)) = read_in(body, encoding, len) else {
            panic!("it is taken in pieces of {len}");
        };
        let this = (problem.status, problem.detail);
        assert_eq!(*told.get_or_insert(this.clone()), this, "in pieces of {len}");
    }
    told.unwrap()
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lines_end_in_lf_crlf_or_cr_and_keep_their_numbers() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["citizen_id", ID, "", "x", OTHER, "y"].join(end);
        assert_eq!(told(&read(&text)), (2, vec![4, 6]), "{end:?}");
        assert_eq!(told(&read(text + end)), (2, vec![4, 6]), "{end:?}");
    }
    // Of several systems in one file: lines 1, 2, 3 (blank), 4 (blank) and 5.
    assert_eq!(told(&read(format!("{ID}\r{OTHER}\n\r\r\nx"))), (2, vec![5]));
}

#[test]
fn a_byte_order_mark_is_passed_over_at_the_beginning_only() {
    assert_eq!(told(&read(format!("\u{feff}citizen_id\r\n{ID}"))), (1, vec![]));
    assert_eq!(told(&read(format!("\u{feff}{ID}"))), (1, vec![]));
    assert_eq!(told(&read("\u{feff}")), (0, vec![]));
    assert_eq!(told(&read(format!("{ID}\n\u{feff}{OTHER}"))), (1, vec![2]));
}

#[test]
fn the_heading_is_the_first_line_that_is_not_blank() {
    assert_eq!(told(&read(format!("\n \r\nCitizen_ID,\n{ID}"))), (1, vec![]));
    assert_eq!(told(&read(format!("{ID}\ncitizen_id"))), (1, vec![2]));
    assert_eq!(told(&read("citizen_id\ncitizen_id")), (0, vec![2]));
}

#[test]
fn a_text_of_two_bytes_a_character_is_refused_by_its_name() {
    let text = format!("citizen_id\r\n{ID}\r\n");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for text in [
        [b"\xff\xfe".as_slice(), &little].concat(),
        [b"\xfe\xff".as_slice(), &big].concat(),
        little,
        big,
    ] {
        let (status, detail) = refusal(&text, Encoding::Identity);
        assert_eq!(status, 400);
        assert!(detail.starts_with("line 1: looks like UTF-16"), "{detail}");
        assert_eq!(refusal(&gzip(&text), Encoding::Gzip), (status, detail));
    }
}

#[test]
fn thai_text_of_one_byte_a_character_is_named_in_lists_and_ndjson() {
    let thai = b"\xc3\xd2\xc2\xaa\xd7\xe8\xcd";
    let list = read([ID.as_bytes(), b"\n", thai, b"\n"].concat());
    assert_eq!(told(&list), (1, vec![2]));
    let reason = "malformed: citizen_id: looks like TIS-620: save the file as UTF-8";
    assert_eq!(list.errors[0].reason, reason);
    let line = [b"{\"name\":\"".as_slice(), thai, b"\"}"].concat();
    let merchants = dry_run(ImportKind::Merchants, Pieces::of(&line, 7), Encoding::Identity);
    let reason = "malformed: looks like TIS-620: save the file as UTF-8";
    assert_eq!(run(merchants).unwrap().errors[0].reason, reason);
}

#[test]
fn archives_and_workbooks_are_refused_with_what_to_do() {
    let zip = refusal(b"PK\x03\x04\x14\x00\x06\x00", Encoding::Identity);
    assert_eq!(zip.0, 415);
    assert!(
        zip.1.contains(".xlsx") && zip.1.contains("save it as CSV"),
        "{}",
        zip.1
    );
    let bare = refusal(&gzip(ID), Encoding::Identity);
    assert_eq!(bare.0, 415);
    assert!(bare.1.contains("Content-Encoding: gzip"), "{}", bare.1);
    let twice = refusal(&gzip(gzip(ID)), Encoding::Gzip);
    assert_eq!(twice.0, 415);
    assert!(twice.1.contains("twice"), "{}", twice.1);
}

#[test]
fn gzip_is_read_in_pieces_of_every_size_and_in_several_members() {
    let text: String = (0..2_000).map(|_| format!("{ID}\r\n")).collect();
    let one = gzip(format!("citizen_id\n{text}x"));
    let two = [gzip("citizen_id\n"), gzip(""), gzip(&text), gzip("x")].concat();
    for body in [one, two] {
        for len in [1, 7, 4_096, usize::MAX] {
            let report = read_in(&body, Encoding::Gzip, len).unwrap();
            assert_eq!(told(&report), (2_000, vec![2_002]), "in pieces of {len}");
        }
    }
}

#[test]
fn gzip_that_is_cut_short_or_damaged_is_refused_by_its_name() {
    let whole = gzip(format!("{ID}\n").repeat(100));
    for len in [0, 1, 5, 10, 20, whole.len() - 9, whole.len() - 1] {
        let (status, detail) = refusal(&whole[..len], Encoding::Gzip);
        assert_eq!(status, 400);
        assert!(
            detail.contains("ends in the middle of its gzip stream"),
            "{len}: {detail}"
        );
    }
    for at in [0, 2, 12, whole.len() - 6, whole.len() - 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let (status, detail) = refusal(&damaged, Encoding::Gzip);
        assert_eq!(status, 400);
        assert!(detail.contains("is no gzip, or is damaged"), "{at}: {detail}");
    }
    let (_, detail) = refusal(ID.as_bytes(), Encoding::Gzip);
    assert!(detail.contains("is no gzip"), "{detail}");
    let followed = [whole.as_slice(), b"more"].concat();
    let (_, detail) = refusal(&followed, Encoding::Gzip);
    assert!(detail.contains("gzip"), "{detail}");
}

/// 64 MiB in 64 KiB: the line is too long, and no more of it is kept than a line may have.
#[test]
fn a_bomb_is_one_line_that_is_too_long() {
    let report = read_in(&gzip(vec![b'1'; 64 << 20]), Encoding::Gzip, 4_096).unwrap();
    assert_eq!(told(&report), (0, vec![1]));
    assert_eq!(report.errors[0].reason, "malformed: longer than 65536 bytes");
}

#[test]
fn a_line_may_have_64_kib_before_its_end() {
    let blanks = |len: usize| " ".repeat(len - ID.len()) + ID;
    assert_eq!(told(&read(blanks(64 << 10) + "\r" + ID)), (2, vec![]));
    assert_eq!(told(&read(blanks((64 << 10) + 1) + "\r\n" + ID)), (1, vec![1]));
}

#[test]
fn an_encoding_that_nobody_can_read_is_415() {
    let of = |values: &[&'static str]| {
        let mut headers = http::HeaderMap::new();
        for value in values {
            headers.append("content-encoding", http::HeaderValue::from_static(value));
        }
        Encoding::of(&headers).map_err(|failure| failure.response().status)
    };
    assert_eq!(of(&[]).unwrap(), Encoding::Identity);
    assert_eq!(of(&["identity"]).unwrap(), Encoding::Identity);
    for gzip in ["gzip", "GZIP", "x-gzip", " gzip "] {
        assert_eq!(of(&[gzip]).unwrap(), Encoding::Gzip);
    }
    for other in [
        &["br"][..],
        &["deflate"],
        &["gzip, gzip"],
        &["gzip", "gzip"],
        &[""],
    ] {
        assert_eq!(
            of(other).unwrap_err(),
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{other:?}"
        );
    }
}

#[test]
fn blank_lines_end_no_import_however_many_there_are() {
    let blank = format!("{}\n", " ".repeat(1_000)).repeat(600);
    let report = read_in(format!("{blank}{ID}\n").as_bytes(), Encoding::Identity, 4_096).unwrap();
    assert_eq!(told(&report), (1, vec![]));
}

#[test]
fn long_lines_are_few_at_a_time_in_whatever_pieces_they_come() {
    let body = format!("{}\n", "x".repeat(60_000)).repeat(20);
    for len in [4_096, usize::MAX] {
        let pieces = Pieces::of(body.as_bytes(), len);
        let chunks = async {
            let mut lines = Lines::open(pieces, Encoding::Identity).await?;
            let mut chunks = Vec::new();
            loop {
                match lines.next(|| Ok(())).await?.len() {
                    0 => return Ok::<_, Failure>(chunks),
                    count => chunks.push(count),
                }
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let Ok(chunks) = runtime.block_on(chunks) else {
            panic!("it is text")
        };
        // 256 KiB and the line that passes them.
        assert_eq!(chunks, [5, 5, 5, 5], "in pieces of {len}");
    }
}
