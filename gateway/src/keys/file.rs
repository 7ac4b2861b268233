//! The keys file: `[[key]]` tables of `name`, `role`, `sha256` and what narrows the use of a key, read strictly. A refusal names file, line and key, and repeats
//! no value: somebody may have pasted the key itself.

use super::limits::ADDRESSES_MAX;
use super::{AddressRange, Fingerprint, KEYS_MAX, Key, KeyHash, Keys, Limits, Role};
use crate::small_file;
use anyhow::{Context as _, bail};
use satang_core::ids::Name;
use satang_core::programme::PolicyError;
use satang_core::programme::reader::{Source, Table, Value};
use satang_core::programme::syntax;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The largest keys file, in bytes (I12).
const TEXT_BYTES_MAX: usize = 64 << 10;

/// What every key begins with, so that one that leaked is recognized for what it is.
pub(super) const KEY_PREFIX: &str = "satang_";

/// The keys of a `[[key]]` table.
const KNOWN: &str = "name role sha256 acquirer not_before expires addresses client_cert_sha256";

/// Reads a keys file with at least one key.
///
/// # Errors
/// One line: the file, and where and why it is refused.
pub fn read(path: &Path) -> anyhow::Result<Keys> {
    let file = path.display().to_string();
    let text = small_file::read_text(path)?;
    refuse_what_others_may_change(path)?;
    let keys = Keys::load(&file, &text)?;
    if keys.keys.is_empty() {
        let reason = "there is no [[key]] in it: nobody could call";
        return Err(Source {
            file: &file,
            text: &text,
        }
        .error(0, "key", reason)
        .into());
    }
    Ok(keys)
}

/// Refuses a file that everybody may change: whoever does gives himself every role.
///
/// # Errors
/// One line with the command that mends it.
pub(crate) fn refuse_what_others_may_change(path: &Path) -> anyhow::Result<()> {
    let file = path.display();
    let mode = fs::metadata(path).with_context(|| file.to_string())?.mode() & 0o777;
    if mode & 0o002 != 0 {
        bail!("{file}: offset 0: others may change it (mode {mode:04o}); run: chmod o-w '{file}'");
    }
    Ok(())
}

impl Keys {
    /// Reads the text of a keys file, one without keys too; `file` is how errors name it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and key.
    pub fn load(file: &str, text: &str) -> Result<Keys, PolicyError> {
        Keys::load_unveiled(file, text).map_err(veiled)
    }

    fn load_unveiled(file: &str, text: &str) -> Result<Keys, PolicyError> {
        let source = Source { file, text };
        if text.len() > TEXT_BYTES_MAX {
            let reason = format!("must be at most {TEXT_BYTES_MAX} bytes, not {}", text.len());
            return Err(source.error(0, "(file)", reason));
        }
        let entries = syntax::parse(&source).map_err(|error| PolicyError {
            key: "(file)".into(),
            reason: "not valid TOML in this line; a key is [[key]] with name, role and sha256 in quotes"
                .into(),
            ..error
        })?;
        let mut keys = Keys {
            keys: Vec::new(),
            hashes: Vec::new(),
        };
        let root = Table::root(&source, &entries, "key")?;
        let Some(tables) = root.find("key") else {
            return Ok(keys);
        };
        let mut lines = Vec::new();
        for table in tables.tables("key", KEYS_MAX, KNOWN)? {
            keys.add(&table, &mut lines)?;
        }
        Ok(keys)
    }

    /// Adds one `[[key]]`; `lines` are those of the names and hashes so far.
    fn add(&mut self, table: &Table<'_>, lines: &mut Vec<(usize, usize)>) -> Result<(), PolicyError> {
        let (name_value, role_value, hash_value) =
            (table.need("name")?, table.need("role")?, table.need("sha256")?);
        let name = Name::parse(&text(&name_value)?).map_err(|error| name_value.error(error.to_string()))?;
        let role = Role::parse(&text(&role_value)?).ok_or_else(|| {
            let roles = Role::ALL.map(|role| format!("{:?}", role.name())).join(", ");
            role_value.error(format!("must be one of {roles}"))
        })?;
        let hash = KeyHash::parse(&text(&hash_value)?).ok_or_else(|| {
            hash_value.error("must be the SHA-256 of the key as 64 hex digits, never the key itself")
        })?;
        if let Some(at) = self.keys.iter().position(|key| key.name == name) {
            let line = lines[at].0;
            return Err(name_value.error(format!(
                "given twice: there is already a key of this name, on line {line}"
            )));
        }
        if let Some(at) = self.hashes.iter().position(|known| *known == hash) {
            let line = lines[at].1;
            return Err(hash_value.error(format!("given twice: this key is already on line {line}")));
        }
        let limits = limits(table)?;
        let acquirer = table.find("acquirer").map(|value| {
            let acquirer = Name::parse(&text(&value)?).map_err(|error| value.error(error.to_string()))?;
            match role {
                Role::Switch | Role::Viewer => Ok(acquirer),
                Role::Registrar | Role::Settlement | Role::Admin => Err(value.error(format!(
                    "a key of the role {} is nobody's: it reaches everything",
                    role.name()
                ))),
            }
        });
        self.keys.push(Key {
            name,
            role,
            acquirer: acquirer.transpose()?,
            limits,
        });
        self.hashes.push(hash);
        lines.push((name_value.line(), hash_value.line()));
        Ok(())
    }
}

/// The same error without a key that somebody pasted as the name of one.
fn veiled(mut error: PolicyError) -> PolicyError {
    if let Some(at) = error.key.find(KEY_PREFIX) {
        error.key.replace_range(at + KEY_PREFIX.len().., "…");
    }
    error
}

/// What narrows the use of a key.
fn limits(table: &Table<'_>) -> Result<Limits, PolicyError> {
    let date = |key| table.find(key).map(|value| value.date()).transpose();
    let (not_before, expires) = (date("not_before")?, date("expires")?);
    if let (Some(first), Some(last), Some(value)) = (not_before, expires, table.find("expires"))
        && first > last
    {
        return Err(
            value.error("must not be before not_before: it is the last day on which the key may be used")
        );
    }
    let certificate = table.find("client_cert_sha256").map(|value| {
        let reason = "must be the SHA-256 of the client's certificate as 64 hex digits (openssl x509 -noout -fingerprint -sha256)";
        Fingerprint::parse(&text(&value)?).ok_or_else(|| value.error(reason))
    });
    let addresses = table.find("addresses").map(|value| {
        let ranges = value.elements(ADDRESSES_MAX)?;
        if ranges.is_empty() {
            return Err(value.error("must name a range: nobody could call"));
        }
        let range = |value: &Value<'_>| {
            AddressRange::parse(&text(value)?).map_err(|wanted| value.error(format!("must be {wanted}")))
        };
        ranges.iter().map(range).collect()
    });
    Ok(Limits {
        not_before,
        expires,
        certificate: certificate.transpose()?,
        addresses: addresses.transpose()?.unwrap_or_default(),
    })
}

fn text(value: &Value<'_>) -> Result<String, PolicyError> {
    value.one_line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_pasted_as_the_name_of_one_is_not_repeated() {
        let key = "satang_l8Qo466lNbmYJykI3Hso20tSBCBcSWxnAxGERPWlLNE";
        let wrong = [
            format!("[[key]]\nname = \"a\"\nrole = \"admin\"\n{key} = \"x\"\n"),
            format!("[{key}]\n"),
            format!("[[key]]\n\"a {key}\" = 1\n"),
        ];
        for text in wrong {
            let refused = Keys::load("keys.toml", &text).err().unwrap().to_string();
            assert!(
                refused.contains("satang_…: unknown key") && !refused.contains("l8Qo"),
                "{refused}"
            );
        }
    }
}
