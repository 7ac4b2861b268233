//! `satang keys`: making a key and listing a file's. The key is shown once, when it is made.

use super::file::{self, KEY_PREFIX};
use super::{AddressRange, Key, KeyHash, Keys, Limits, Role};
use crate::output::{say, show, table};
use crate::small_file;
use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use satang_core::ids::Name;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Random bytes of a key: 43 characters (RFC 4648, 5), so that a key with its prefix is one block of SHA-256.
const KEY_BYTES: usize = 32;
/// Digits of a key's hash that are shown: enough to tell a file's keys apart, and of no use to guess one.
const FINGERPRINT_DIGITS: usize = 8;

/// `satang keys new`: the key to stdout, once; its `[[key]]` table behind those of `file`, or to stderr.
///
/// # Errors
/// One line. Unless stdout was closed, nothing was changed then.
pub fn new(name: Name, role: Role, file: Option<&Path>) -> anyhow::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let key = format!("{KEY_PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
    let hash = KeyHash::of(key.as_bytes());
    let table = format!(
        "[[key]]\nname   = \"{name}\"\nrole   = \"{}\"\nsha256 = \"{hash}\"\n",
        role.name(),
    );
    match file {
        Some(file) => append(file, &name, &table)?,
        None => say!("{}", table.trim_end()),
    }
    // A comment, so that what stderr says is a table all the same.
    say!("# fingerprint {}", fingerprint(&hash));
    writeln!(io::stdout(), "{key}").context("stdout")
}

/// The beginning of a key's hash, by which whoever holds the key knows it again: `printf %s KEY | sha256sum`.
fn fingerprint(hash: &KeyHash) -> String {
    hash.to_string()[..FINGERPRINT_DIGITS].to_owned()
}

/// One key as it is listed.
#[derive(Serialize)]
struct Listed {
    name: String,
    role: &'static str,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquirer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert_sha256: Option<String>,
}

impl Listed {
    fn of(key: &Key, hash: &KeyHash) -> Listed {
        let Key {
            name,
            role,
            acquirer,
            limits,
        } = key;
        let Limits {
            not_before,
            expires,
            certificate,
            addresses,
        } = limits;
        Listed {
            name: name.to_string(),
            role: role.name(),
            fingerprint: fingerprint(hash),
            acquirer: acquirer.map(|acquirer| acquirer.to_string()),
            not_before: not_before.map(|date| date.to_string()),
            expires: expires.map(|date| date.to_string()),
            addresses: addresses.iter().map(AddressRange::to_string).collect(),
            client_cert_sha256: certificate.map(|certificate| certificate.to_string()),
        }
    }

    /// Its cells, in the order of [`COLUMNS`]; none of what the file does not say.
    fn cells(&self) -> [Option<String>; COLUMNS.len()] {
        [
            Some(self.name.clone()),
            Some(self.role.to_owned()),
            Some(self.fingerprint.clone()),
            self.acquirer.clone(),
            self.not_before.clone(),
            self.expires.clone(),
            (!self.addresses.is_empty()).then(|| self.addresses.join(",")),
            self.client_cert_sha256.clone(),
        ]
    }
}

/// What is listed of a key. A column that no key of the file fills is left out.
const COLUMNS: [&str; 8] = [
    "name",
    "role",
    "fingerprint",
    "acquirer",
    "not_before",
    "expires",
    "addresses",
    "client_cert_sha256",
];

/// `satang keys list`: each key with its role, its fingerprint and what narrows its use, to stdout in columns or as JSON.
///
/// # Errors
/// When the file is refused.
pub fn list(path: &Path, json: bool) -> anyhow::Result<()> {
    let keys = file::read(path)?;
    let listed = keys.keys.iter().zip(&keys.hashes);
    let listed: Vec<Listed> = listed.map(|(key, hash)| Listed::of(key, hash)).collect();
    if json {
        show!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    let rows: Vec<_> = listed.iter().map(Listed::cells).collect();
    let is_filled = |column: &usize| rows.iter().any(|row| row[*column].is_some());
    let columns: Vec<usize> = (0..COLUMNS.len()).filter(is_filled).collect();
    let heading = columns.iter().map(|column| COLUMNS[*column].to_owned()).collect();
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
    let row =
        |row: &[Option<String>; COLUMNS.len()]| columns.iter().map(|column| cell(&row[*column])).collect();
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows.iter().map(row)).collect();
    show!("{}", table(&lines));
    Ok(())
}

/// Puts a table behind those of a file, in one step: a reader sees the file before or after. Mode and owner stay.
fn append(path: &Path, name: &Name, table: &str) -> anyhow::Result<()> {
    let file = path.display().to_string();
    // Where a link leads is what a server reads.
    let path = &match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
        found => found.with_context(|| file.clone())?,
    };
    let (mut text, metadata) = match fs::metadata(path) {
        // What is renamed into its place would be no such thing any more.
        Ok(metadata) if !metadata.is_file() => bail!("{file}: is no regular file"),
        Ok(metadata) => {
            file::refuse_what_others_may_change(path)?;
            (small_file::read_text(path)?, Some(metadata))
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
        // The folder is missing or not to be written to: what is wrong is about the file that was asked for.
        written => written.with_context(|| file.clone())?,
    }
    fs::rename(&unfinished, path).with_context(|| file.clone())?;
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
