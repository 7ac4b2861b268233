//! Which commit is built: from git where the sources are a working tree, else from SATANG_COMMIT and SATANG_COMMIT_DATE. The time of
//! the build is no part of it, so that two builds of one commit are the same.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As many digits of a commit's hash as are shown.
const HASH_DIGITS: usize = 10;
/// What stands in the place of what nobody knows.
const UNKNOWN: &str = "unknown";

fn main() {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let root = Path::new(&manifest).join("..");
    for variable in ["SATANG_COMMIT", "SATANG_COMMIT_DATE"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // Without this line cargo would look at every file of the package.
    println!("cargo::rerun-if-changed=build.rs");
    // Not that of a folder above: an unpacked archive may lie in somebody's repository.
    let from_git = root.join(".git").exists().then(|| commit_of(&root)).flatten();
    let (commit, date) = from_git.unwrap_or_else(|| (given("SATANG_COMMIT"), given("SATANG_COMMIT_DATE")));
    let commit: String = commit.chars().take(HASH_DIGITS).collect();
    println!("cargo::rustc-env=SATANG_BUILT_COMMIT={commit}");
    println!("cargo::rustc-env=SATANG_BUILT_COMMIT_DATE={date}");
}

/// What a packager says.
fn given(variable: &str) -> String {
    let value = env::var(variable).unwrap_or_default();
    let value = value.trim();
    match value.is_empty() || value.contains(char::is_whitespace) {
        true => UNKNOWN.to_owned(),
        false => value.to_owned(),
    }
}

/// The commit that is checked out and its date; and says when to look again.
fn commit_of(root: &Path) -> Option<(String, String)> {
    watch(root);
    let shown = git(root, &["log", "-1", "--no-show-signature", "--format=%H %cs"])?;
    let (commit, date) = shown.split_once(' ')?;
    Some((commit.to_owned(), date.to_owned()))
}

/// Names the files that change when another commit is checked out: of a worktree they lie elsewhere. Only what exists: cargo takes a
/// file that is missing for one that has changed.
fn watch(root: &Path) {
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", "packed-refs"]
        .into_iter()
        .chain(branch.as_deref())
    {
        let path = git(root, &["rev-parse", "--git-path", name]).map(PathBuf::from);
        let path = path.map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
