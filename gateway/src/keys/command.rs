//! `satang keys`: making a key and listing a file's. The key is shown once, when it is made.

use super::{AddressRange, KeyHash, Keys, Limits, Role, file};
use crate::output::{say, show};
use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use satang_core::ids::Name;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// What every key begins with, so that one that leaked is recognized for what it is.
const PREFIX: &str = "satang_";
/// Random bytes of a key: 43 characters (RFC 4648, 5), so that a key with its prefix is one block of SHA-256.
const KEY_BYTES: usize = 32;

/// `satang keys new`: the key to stdout, once; its `[[key]]` table behind those of `file`, or to stderr.
///
/// # Errors
/// One line. Unless stdout was closed, nothing was changed then.
pub fn new(name: Name, role: Role, file: Option<&Path>) -> anyhow::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let key = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
    let table = format!(
        "[[key]]\nname   = \"{name}\"\nrole   = \"{}\"\nsha256 = \"{}\"\n",
        role.name(),
        KeyHash::of(key.as_bytes())
    );
    match file {
        Some(file) => append(file, &name, &table)?,
        None => say!("{}", table.trim_end()),
    }
    writeln!(io::stdout(), "{key}").context("stdout")
}

/// `satang keys list`: names and roles to stdout, and what narrows the use of a key.
///
/// # Errors
/// When the file is refused.
pub fn list(path: &Path) -> anyhow::Result<()> {
    for key in file::read(path)?.keys() {
        let acquirer = key.acquirer.map(|acquirer| format!("\tacquirer={acquirer}"));
        let acquirer = acquirer.unwrap_or_default();
        show!(
            "{}\t{}{acquirer}{}",
            key.name,
            key.role.name(),
            limits(&key.limits)
        );
    }
    Ok(())
}

/// What narrows the use of a key, as the file has it; each behind a tab.
fn limits(limits: &Limits) -> String {
    let Limits {
        not_before,
        expires,
        certificate,
        addresses,
    } = limits;
    let mut shown = String::new();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            shown.push_str(&format!("\t{key}={value}"));
        }
    };
    add("not_before", not_before.map(|date| date.to_string()));
    add("expires", expires.map(|date| date.to_string()));
    let ranges: Vec<String> = addresses.iter().map(AddressRange::to_string).collect();
    add("addresses", (!ranges.is_empty()).then(|| ranges.join(",")));
    add(
        "client_cert_sha256",
        certificate.map(|certificate| certificate.to_string()),
    );
    shown
}

/// Puts a table behind those of a file, in one step: a reader sees the file before or after. Mode and owner stay.
fn append(path: &Path, name: &Name, table: &str) -> anyhow::Result<()> {
    let file = path.display().to_string();
    let (mut text, metadata) = match File::open(path) {
        Ok(open) => {
            let text = io::read_to_string(&open).with_context(|| file.clone())?;
            (text, Some(open.metadata().with_context(|| file.clone())?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(error).context(file),
    };
    if Keys::load(&file, &text)?
        .keys()
        .iter()
        .any(|key| key.name == *name)
    {
        bail!("{file}: there is already a key of the name {name}");
    }
    if !text.is_empty() {
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    }
    text.push_str(table);
    // What the server would refuse is not written: one key too many, for instance.
    Keys::load(&file, &text)?;
    let unfinished = with_ending(path, ".tmp");
    let named = || unfinished.display().to_string();
    match write_new(&unfinished, &text, metadata.as_ref()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!(
                "{}: another `satang keys new` writes it; remove it if none does",
                named()
            )
        }
        written => written.with_context(named)?,
    }
    fs::rename(&unfinished, path).with_context(named)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .with_context(|| file.clone())
}

fn write_new(path: &Path, text: &str, like: Option<&fs::Metadata>) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    if let Some(like) = like {
        file.set_permissions(fs::Permissions::from_mode(like.mode() & 0o777))?;
        let ours = file.metadata()?;
        if (ours.uid(), ours.gid()) != (like.uid(), like.gid()) {
            fchown(&file, Some(like.uid()), Some(like.gid()))?;
        }
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
