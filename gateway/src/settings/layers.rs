//! Puts the layers of the settings over each other: flags, environment, file, defaults.
//!
//! The parser of the command line reads all of them: it knows the variables, and what stands in the file replaces its defaults.

use super::file::{self, Entry};
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use satang_core::programme::reader::shown;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The commands that read the settings of a server.
const OF_A_SERVER: [&str; 2] = ["serve", "config"];
/// How the variable of a setting begins.
const PREFIX: &str = "SATANG_";
/// Variables of other commands, of builds and of tests.
const ELSEWHERE: [&str; 10] = [
    "SATANG_KEY",
    "SATANG_ADMIN_KEY",
    "SATANG_REGISTRAR_KEY",
    "SATANG_SWITCH_KEY",
    "SATANG_BINARY",
    "SATANG_COMMIT",
    "SATANG_COMMIT_DATE",
    "SATANG_MUTANTS",
    "SATANG_SECONDS",
    "SATANG_SEED",
];

/// Why the settings are refused: one line.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: anyhow::Error,
    /// Whether whoever is told asked for JSON, as far as that is known.
    pub(crate) wants_json: bool,
}

impl Refusal {
    pub(super) fn new(reason: String) -> Refusal {
        Refusal {
            reason: anyhow::Error::msg(reason),
            wants_json: false,
        }
    }
}

/// Where the value of a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Flag,
    Environment,
    File { line: usize },
    Default,
}

/// What was told, and where.
pub(crate) struct Told {
    pub(crate) matches: ArgMatches,
    /// The settings, in the order of `--help`.
    pub(super) settings: Vec<Arg>,
    pub(super) file: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

impl Told {
    /// What the parser found of the command that was asked for.
    pub(super) fn of_command(&self) -> &ArgMatches {
        self.matches
            .subcommand()
            .map_or(&self.matches, |(_, matches)| matches)
    }

    /// Where the value of a setting stands.
    pub(super) fn origin(&self, setting: &str) -> Origin {
        match (self.of_command().value_source(setting), self.entries.get(setting)) {
            (Some(ValueSource::CommandLine), _) => Origin::Flag,
            (Some(ValueSource::EnvVariable), _) => Origin::Environment,
            (Some(_), Some(entry)) => Origin::File { line: entry.line },
            (Some(_) | None, _) => Origin::Default,
        }
    }

    /// How a refusal names a setting: as it was given.
    pub(crate) fn named(&self, setting: &str) -> String {
        match (self.origin(setting), &self.file) {
            (Origin::Environment, _) => variable(setting),
            (Origin::File { line }, Some(file)) => format!("{}:{line}: {setting}", file.display()),
            (Origin::Flag | Origin::File { .. } | Origin::Default, _) => {
                format!("--{}", setting.replace('_', "-"))
            }
        }
    }

    /// Whether nobody said anything of a setting.
    pub(crate) fn is_default(&self, setting: &str) -> bool {
        self.origin(setting) == Origin::Default
    }

    /// Variables that begin as those of settings do and are none, in order: perhaps a slip.
    pub(crate) fn unknown_variables(&self) -> Vec<String> {
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let is_known = |name: &str| {
            ELSEWHERE.contains(&name)
                || self
                    .settings
                    .iter()
                    .any(|arg| variable(arg.get_id().as_str()) == name)
        };
        let mut unknown: Vec<String> = names
            .filter(|name| name.starts_with(PREFIX) && !is_known(name))
            .collect();
        unknown.sort();
        unknown
    }
}

/// A command line with the variable of each setting.
pub(crate) fn with_variables(command: Command) -> Command {
    of_settings(command, &|arg| {
        let variable = variable(arg.get_id().as_str());
        arg.env(variable).hide_env_values(true)
    })
}

/// Changes the arguments that are settings: those that every command has, and those of a server.
fn of_settings(command: Command, change: &impl Fn(Arg) -> Arg) -> Command {
    let each = |command: Command| {
        command.mut_args(|arg| match arg.get_id() == "json" {
            true => arg,
            false => change(arg),
        })
    };
    each(command).mut_subcommands(|command| match OF_A_SERVER.contains(&command.get_name()) {
        true => each(command),
        false => command,
    })
}

pub(super) fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

/// Reads the command line `all`, the environment, and the file that either of them names. A wrong flag ends the process, as `--help` does.
///
/// # Errors
/// One line that names the variable, or file, line and key.
pub(crate) fn read(all: Command, arguments: Vec<OsString>) -> Result<Told, Refusal> {
    // What is a file's or a variable's to say is not missed yet.
    let flags_alone = of_settings(all.clone(), &|arg| arg.required(false).env(Resettable::Reset));
    let flags = match flags_alone.try_get_matches_from(&arguments) {
        Ok(flags) => flags,
        // Said by the whole one: its help names the variables.
        Err(error) => all.try_get_matches_from(&arguments).err().unwrap_or(error).exit(),
    };
    let settings = settings_of(all.clone(), flags.subcommand_name());
    let wants_json = wants_json(&flags);
    let refuse = |reason| Refusal { reason, wants_json };
    for arg in &settings {
        check_variable(arg).map_err(refuse)?;
    }
    let of_command = flags.subcommand().map_or(&flags, |(_, matches)| matches);
    let file = settings.iter().any(|arg| arg.get_id() == "config").then(|| {
        let flag = of_command.get_one::<PathBuf>("config").cloned();
        flag.or_else(|| env::var_os(variable("config")).map(PathBuf::from))
    });
    let file = file.flatten();
    let in_file: Vec<&Arg> = settings.iter().filter(|arg| arg.get_id() != "config").collect();
    let entries = file.as_deref().map(|file| file::read(file, &in_file));
    let entries = entries.transpose().map_err(refuse)?.unwrap_or_default();
    let mut layered = of_settings(all, &|arg| match entries.get(arg.get_id().as_str()) {
        Some(entry) => arg.required(false).default_value(entry.value.clone()),
        None => arg.required(false),
    });
    let matches = layered
        .try_get_matches_from_mut(&arguments)
        .unwrap_or_else(|error| error.exit());
    let told = Told {
        matches,
        settings,
        file,
        entries,
    };
    refuse_missing(&told, &mut layered);
    Ok(told)
}

/// The settings that a command reads.
pub(super) fn settings_of(mut all: Command, subcommand: Option<&str>) -> Vec<Arg> {
    all.build();
    let of_command = subcommand.and_then(|name| all.find_subcommand(name));
    let arguments = of_command.unwrap_or(&all).get_arguments();
    arguments.filter(|arg| arg.get_env().is_some()).cloned().collect()
}

/// Whether flags or environment ask for log lines in JSON.
fn wants_json(flags: &ArgMatches) -> bool {
    let given = flags.value_source("log_format") == Some(ValueSource::CommandLine);
    match given {
        true => flags.get_one::<crate::log::LogFormat>("log_format") == Some(&crate::log::LogFormat::Json),
        false => env::var_os(variable("log_format")).is_some_and(|format| format == "json"),
    }
}

/// Ends the process when a setting without a default is given nowhere.
fn refuse_missing(told: &Told, command: &mut Command) {
    let is_missing =
        |arg: &&Arg| arg.is_required_set() && told.of_command().value_source(arg.get_id().as_str()).is_none();
    let missing = told.settings.iter().filter(is_missing);
    let lines: Vec<String> = missing
        .map(|arg| {
            let id = arg.get_id().as_str();
            format!(
                "\n  --{}, {}, or {id} in the file of --config",
                id.replace('_', "-"),
                variable(id)
            )
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    let message = format!("these settings have no value, and no default:{}", lines.concat());
    let name = told.matches.subcommand_name().unwrap_or_default().to_owned();
    let of_command = command.find_subcommand_mut(name).expect("it was asked for");
    of_command
        .error(ErrorKind::MissingRequiredArgument, message)
        .exit()
}

fn check_variable(arg: &Arg) -> anyhow::Result<()> {
    let name = variable(arg.get_id().as_str());
    let Some(value) = env::var_os(&name) else {
        return Ok(());
    };
    if value.is_empty() {
        // Silence would turn off what somebody meant to turn on.
        anyhow::bail!("{name}: is empty: give it a value, or remove the variable");
    }
    match fault(arg, &value) {
        None => Ok(()),
        Some(reason) => anyhow::bail!("{name}: {reason}, not {}", shown(&value.to_string_lossy())),
    }
}

/// Why a value is none of a setting's, in words.
pub(super) fn fault(arg: &Arg, value: &OsStr) -> Option<String> {
    let id = arg.get_id().clone();
    let alone = arg
        .clone()
        .required(false)
        .env(Resettable::Reset)
        .default_value(Resettable::Reset);
    let command = Command::new("setting")
        .no_binary_name(true)
        .arg(alone.global(false).long(id.to_string()));
    let mut flag = OsString::from(format!("--{id}="));
    flag.push(value);
    let error = command.try_get_matches_from([flag]).err()?;
    let wanted = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) if !words.is_empty() => {
            Some(format!("must be {}", words.join(" or ")))
        }
        _ => None,
    };
    let source = || std::error::Error::source(&error).map(ToString::to_string);
    Some(
        wanted
            .or_else(source)
            .unwrap_or_else(|| "must be text".to_owned()),
    )
}
