//! Writes the manual's pages and the completions of shells, from the command line itself:
//! `cargo run -p satang --example manual -- FOLDER`. A package is made of them; the program does not carry them.

use anyhow::{Context as _, bail};
use clap::Command;
use clap_complete::Shell;
use satang_gateway::cli;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1);
    let Some(folder) = folder.filter(|folder| folder != OsStr::new("--help")) else {
        bail!("name the folder to write to");
    };
    write(Path::new(&folder))
}

/// `man/*.1`, one for each command, and `completions/`.
fn write(folder: &Path) -> anyhow::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    for folder in [&man, &completions] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    clap_mangen::generate_to(command(), &man).with_context(|| man.display().to_string())?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command(), "satang", &completions)
            .with_context(|| completions.display().to_string())?;
    }
    Ok(())
}

/// Without the `help` that clap gives each command: it would have a page for every other one again.
fn command() -> Command {
    cli::command().disable_help_subcommand(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command with the words that lead to it, joined by `-`.
    fn paths(command: &Command, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        for inner in command.get_subcommands() {
            paths(inner, &format!("{path}-{}", inner.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_its_page_with_its_flags() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let mut expected = Vec::new();
        paths(&command(), "satang", &mut expected);
        for path in &expected {
            let page = fs::read_to_string(folder.path().join(format!("man/{path}.1"))).unwrap();
            assert!(page.contains(".SH NAME"), "{page}");
        }
        let pages = fs::read_dir(folder.path().join("man")).unwrap().count();
        assert!(
            pages == expected.len() && expected.contains(&"satang-keys-new".to_owned()),
            "{expected:?}"
        );
        let serve = fs::read_to_string(folder.path().join("man/satang-serve.1")).unwrap();
        let completions = fs::read_dir(folder.path().join("completions")).unwrap();
        let completions: Vec<String> = completions
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        assert_eq!(completions.len(), SHELLS.len());
        for text in completions.iter().chain([&serve]) {
            let has = |flag: &str| text.replace('\\', "").contains(flag);
            assert!(has("health-listen") && has("scrub-mib-per-s"), "{text}");
        }
    }

    #[test]
    fn a_flag_of_the_server_stands_in_the_documents() {
        let documents = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md");
        let documents = fs::read_to_string(documents).unwrap();
        let command = command();
        let serve = command.find_subcommand("serve").unwrap();
        let flags = serve.get_arguments().filter_map(clap::Arg::get_long);
        for flag in flags.filter(|flag| *flag != "help") {
            assert!(
                documents.contains(&format!("`--{flag}")),
                "docs/OPERATIONS.md: --{flag}"
            );
        }
    }
}
