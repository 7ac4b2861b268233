//! The file of settings: a key for each flag of the server, read strictly.

use crate::keys::refuse_what_others_may_change;
use crate::small_file;
use anyhow::bail;
use clap::Arg;
use satang_core::programme::PolicyError;
use satang_core::programme::reader::{Source, Table, Value, shown};
use satang_core::programme::syntax;
use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The largest file of settings, in bytes (I12).
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A key of the file: what it is set to, and the line of that.
pub(super) struct Entry {
    pub(super) value: OsString,
    pub(super) line: usize,
}

/// Reads a file of settings; its keys are the ids of `settings`, and each value must be one that its flag takes.
///
/// # Errors
/// One line: the file, and the line and key of the first thing that is wrong.
pub(super) fn read(path: &Path, settings: &[&Arg]) -> anyhow::Result<BTreeMap<String, Entry>> {
    let file = path.display().to_string();
    let text = small_file::read_text(path)?;
    refuse_what_others_may_change(path)?;
    if text.len() > TEXT_BYTES_MAX {
        bail!(
            "{file}: must be at most {TEXT_BYTES_MAX} bytes, not {}",
            text.len()
        );
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(load(
        &Source {
            file: &file,
            text: &text,
        },
        folder,
        settings,
    )?)
}

pub(super) fn load(
    source: &Source<'_>,
    folder: &Path,
    settings: &[&Arg],
) -> Result<BTreeMap<String, Entry>, PolicyError> {
    let entries = syntax::parse(source)?;
    let known: Vec<&str> = settings.iter().map(|arg| arg.get_id().as_str()).collect();
    let root = Table::root(source, &entries, &known.join(" "))?;
    let mut read = BTreeMap::new();
    for (key, value) in root.entries() {
        let arg = settings.iter().find(|arg| arg.get_id() == key);
        let arg = arg.expect("a key that is known is a setting's");
        let entry = Entry {
            value: text_of(arg, &value, folder)?,
            line: value.line(),
        };
        read.insert(key.to_owned(), entry);
    }
    Ok(read)
}

/// The value as its flag would be given it.
fn text_of(arg: &Arg, value: &Value<'_>, folder: &Path) -> Result<OsString, PolicyError> {
    let kind = arg.get_value_parser().type_id();
    let text = if kind == TypeId::of::<bool>() {
        return Ok(value.boolean()?.to_string().into());
    } else if kind == TypeId::of::<u32>() || kind == TypeId::of::<u64>() {
        value.digits()?
    } else {
        value.string("a text in quotes")?.to_owned()
    };
    if text.is_empty() {
        return Err(value.error("must not be empty: give it a value, or leave it out"));
    }
    if kind == TypeId::of::<PathBuf>() {
        return Ok(folder.join(text).into_os_string());
    }
    let wrong = super::layers::fault(arg, text.as_ref());
    wrong.map_or(Ok(text.clone().into()), |reason| {
        let written = if kind == TypeId::of::<u32>() || kind == TypeId::of::<u64>() {
            text
        } else {
            shown(&text)
        };
        Err(value.error(format!("{reason}, not {written}")))
    })
}
