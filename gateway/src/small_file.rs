//! Small files that an operator names: settings, keys, certificates, programmes. None of them is waited for, or read without end.

use anyhow::{Context as _, anyhow, bail};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// More than any of them needs: a chain of certificates is the longest.
const BYTES_MAX: u64 = 1 << 20;

/// Reads a file.
///
/// # Errors
/// One line that names it: when it cannot be read, is longer than a mebibyte, or is no regular file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let named = || path.display().to_string();
    let metadata = fs::metadata(path).with_context(named)?;
    // A FIFO would be waited for, perhaps for ever. What the shell hands over (`<(…)`) is one with a writer.
    if !metadata.is_file() && !path.starts_with("/dev") {
        bail!("{}: is no regular file", named());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(named)?;
    { file.take(BYTES_MAX + 1) }
        .read_to_end(&mut bytes)
        .with_context(named)?;
    if bytes.len() as u64 > BYTES_MAX {
        bail!(
            "{}: must be at most {BYTES_MAX} bytes, not {}",
            named(),
            metadata.len()
        );
    }
    Ok(bytes)
}

/// Reads a file of text.
///
/// # Errors
/// As [`read`]; with the line, when it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        anyhow!("{}:{line}: (file): is not UTF-8 in this line", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_waited_for_or_has_no_end_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let long = File::create(path("long")).unwrap();
        long.set_len(1 << 40).unwrap();
        let fifo = path("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        fs::write(path("binary"), b"a\nb\xff").unwrap();
        let cases = [
            ("long", "must be at most 1048576 bytes, not 1099511627776"),
            ("fifo", "is no regular file"),
            (".", "is no regular file"),
            ("absent", "No such file"),
            ("binary", "(file): is not UTF-8 in this line"),
        ];
        for (name, why) in cases {
            let refused = format!("{:#}", read_text(&path(name)).unwrap_err());
            assert!(refused.contains(name) && refused.contains(why), "{refused}");
        }
        assert!(format!("{:#}", read(Path::new("/dev/zero")).unwrap_err()).contains("at most"));
    }
}
