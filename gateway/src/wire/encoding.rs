//! What the bytes of a file look like, when they are not the text in UTF-8 that an import takes.

/// As many bytes of a file as it takes to tell.
pub const HEAD_BYTES: usize = 4;

/// The byte order mark of UTF-8, which some systems write in front of a text.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to do about a text in another encoding.
pub const LOOKS_LIKE_UTF16: &str = "looks like UTF-16: save the file as UTF-8";
/// The same of the Thai encoding with one byte a character.
pub const LOOKS_LIKE_TIS620: &str = "looks like TIS-620: save the file as UTF-8";

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Perhaps a text: each line tells.
    Text,
    /// A text of two bytes a character, with or without its byte order mark.
    Utf16,
    /// An archive, or a workbook of a spreadsheet, which is one.
    Zip,
    Gzip,
}

impl FileKind {
    /// The kind of the file that begins with these bytes: [`HEAD_BYTES`] of them, or the whole file.
    pub fn of(head: &[u8]) -> FileKind {
        match head {
            [b'P', b'K', 3, 4, ..] => FileKind::Zip,
            [0x1f, 0x8b, ..] => FileKind::Gzip,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => FileKind::Utf16,
            // An ASCII character, its other byte behind or in front of it.
            [0, other, ..] | [other, 0, ..] if *other != 0 => FileKind::Utf16,
            _ => FileKind::Text,
        }
    }
}

/// Whether these bytes, which are no UTF-8, are Thai text of one byte a character (TIS-620, ISO 8859-11, Windows-874).
pub fn looks_like_tis620(bytes: &[u8]) -> bool {
    let is_thai = |byte: &u8| matches!(byte, 0xa1..=0xda | 0xdf..=0xfb);
    // What Windows adds: the euro, the ellipsis, quotes, dashes and the hard blank.
    let is_windows = |byte: &u8| matches!(byte, 0x80 | 0x85 | 0x91..=0x97 | 0xa0);
    bytes.iter().any(is_thai)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii() || is_thai(byte) || is_windows(byte))
}
