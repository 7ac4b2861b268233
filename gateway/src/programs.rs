//! Programme files: where they are read, at start and while the server runs.

use crate::engine::GatewayEngine;
use crate::explain::baht;
use crate::output::causes;
use crate::small_file;
use anyhow::{Context, bail};
use parking_lot::Mutex;
use satang_core::calendar::BusinessDate;
use satang_core::ids::Name;
use satang_core::money::Satang;
use satang_core::programme::Program;
use satang_engine::engine::SubmitError;
use satang_engine::session::activation::{ActivatedPrograms, ActivationError};
use satang_log::storage::Storage;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Programme files: file name and text.
pub type ProgramFiles = Vec<(String, String)>;

/// Where programme files are read.
pub struct ProgramSource {
    read: Box<dyn Fn() -> anyhow::Result<ProgramFiles> + Send + Sync>,
    /// What stands in front of the files' names, which is nobody's business but this machine's.
    prefix: String,
    /// Held from the reading to the swap: of two reloads at once the later one reads what the other has left in force.
    turn: Mutex<()>,
}

impl ProgramSource {
    /// The files that `read` gives, each time anew.
    pub fn new(read: impl Fn() -> anyhow::Result<ProgramFiles> + Send + Sync + 'static) -> ProgramSource {
        ProgramSource {
            read: Box::new(read),
            prefix: String::new(),
            turn: Mutex::new(()),
        }
    }

    /// The files of a folder.
    pub fn folder(folder: PathBuf) -> ProgramSource {
        let prefix = folder.join("").display().to_string();
        ProgramSource {
            prefix,
            ..ProgramSource::new(move || read_programs(&folder))
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// When one of them cannot be read, or there is none.
    pub fn read(&self) -> anyhow::Result<ProgramFiles> {
        (self.read)()
    }
}

/// Why programme files were not put in force; nothing changed, except where a record could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A file cannot be read or is wrong: which, and what is wrong with it.
    #[error("{0}")]
    Refused(String),
    /// The engine takes no change.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// Reads the programme files again and puts them in force: all of them, or none when one is wrong. It is durable once the
/// answer's sequence is.
pub fn reload<S: Storage>(
    engine: &GatewayEngine<S>,
    source: &ProgramSource,
    by: Option<&Name>,
) -> Result<ActivatedPrograms, ReloadError> {
    let refused = |text: String| ReloadError::Refused(text.replace(&source.prefix, ""));
    let turn = source.turn.lock();
    let files = source.read().map_err(|error| refused(causes(&error)))?;
    let installed = engine.reload_programs(&files, by).map_err(|error| match error {
        ActivationError::Submit(error) => ReloadError::Submit(error),
        error @ (ActivationError::Policy(_)
        | ActivationError::Twice { .. }
        | ActivationError::TooMany { .. }) => refused(error.to_string()),
    })?;
    drop(turn);
    report(&files, &installed, engine);
    Ok(installed)
}

fn report<S: Storage>(files: &[(String, String)], installed: &ActivatedPrograms, engine: &GatewayEngine<S>) {
    let changed: Vec<&Name> = installed
        .programs
        .iter()
        .filter(|program| program.changed)
        .map(|program| &program.id)
        .collect();
    tracing::info!(
        "programme files read again: {} in force, {} of them changed; {} out of force",
        installed.programs.len(),
        changed.len(),
        installed.removed.len()
    );
    let programs = load_programs(files).unwrap_or_default();
    let is_changed = |program: &Program| changed.contains(&&program.id);
    warn_about_some(&programs, engine, is_changed);
}

/// Refuses wrong programme files before anything is touched.
pub(crate) fn load_programs(files: &[(String, String)]) -> anyhow::Result<Vec<Program>> {
    let load = |(file, text): &(String, String)| Program::load(file, text);
    Ok(files.iter().map(load).collect::<Result<_, _>>()?)
}

/// Says which lists that the programmes name were never imported, and what else may be a slip.
pub(crate) fn warn_about_programs<S: Storage>(programs: &[Program], engine: &GatewayEngine<S>) {
    warn_about_some(programs, engine, |_| true);
}

/// Caps below 10 baht: whoever writes `day = 200` may mean 200 baht, and wrote 2.
const CAP_LIKE_BAHT: Satang = Satang::new(1_000);

/// The caps of a programme that look like baht.
pub(crate) fn caps_like_baht(program: &Program) -> impl Iterator<Item = String> {
    let of_benefits = program
        .benefits
        .iter()
        .map(|benefit| (format!("benefit {}", benefit.id), benefit.caps));
    let tiers = program
        .registration
        .iter()
        .flat_map(|registration| &registration.tiers);
    let of_tiers = tiers.flat_map(|tier| {
        let caps = tier.caps.iter();
        caps.map(|(benefit, caps)| (format!("tier {}, benefit {benefit}", tier.id), *caps))
    });
    of_benefits.chain(of_tiers).flat_map(|(whose, caps)| {
        let small = caps.iter().filter(|(_, cap)| *cap < CAP_LIKE_BAHT);
        small.map(move |(period, cap)| {
            let (key, cap) = (period.name(), cap.get());
            format!("{whose}: {key} = {cap} is {} baht: caps are in satang", baht(cap))
        })
    })
}

/// Whether anybody can spend on this date, by the programme's dates.
fn can_be_spent(program: &Program, on: BusinessDate) -> bool {
    let begun = [program.effective_from, program.usable_from];
    let channels = program.benefits.iter().flat_map(|benefit| &benefit.channels);
    begun.iter().flatten().all(|from| *from <= on) && { channels }
        .any(|channel| (channel.from..=channel.to).contains(&on))
}

fn warn_about_some<S: Storage>(
    programs: &[Program],
    engine: &GatewayEngine<S>,
    is_meant: impl Fn(&Program) -> bool,
) {
    let is_missing = |list: &&Name| !engine.is_list_imported(list);
    for program in programs.iter().filter(|program| is_meant(program)) {
        let id = &program.id;
        let is_loaded = |id: &Name| programs.iter().any(|other| other.id == *id);
        let stands_for = program.returning_from().filter(|id| !is_loaded(id));
        for list in program.lists().chain(stands_for).filter(is_missing) {
            tracing::warn!(program = %id, %list, "the list was never imported: it is empty");
        }
        for cap in caps_like_baht(program) {
            tracing::warn!(program = %id, "{cap}");
        }
        warn_of_channels(program, engine);
    }
    let Ok(now) = engine.now() else { return };
    let today = now.business_date();
    if !programs.iter().any(|program| can_be_spent(program, today)) {
        tracing::warn!(%today, "nothing can be spent today under any programme file, by their dates");
    }
}

/// Nobody can spend through a channel that no merchant sells through: a slip in its name, or in the merchants'.
fn warn_of_channels<S: Storage>(program: &Program, engine: &GatewayEngine<S>) {
    let channels = program.benefits.iter().flat_map(|benefit| &benefit.channels);
    let channels: BTreeSet<&Name> = channels.map(|channel| &channel.id).collect();
    let unsold: Vec<&Name> = engine.of_directory(|directory| match directory.merchants_len() {
        // Before the first import every channel is.
        0 => Vec::new(),
        _ => channels
            .into_iter()
            .filter(|channel| !directory.is_named_by_merchants(channel))
            .collect(),
    });
    for channel in unsold {
        tracing::warn!(program = %program.id, %channel, "no merchant sells through this channel");
    }
}

/// Whether a file of this name is read. Hidden ones are leftovers of editors and of other systems.
fn is_program_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".") && name != b"settlement.toml"
}

/// Reads the programme files of a folder.
///
/// # Errors
/// When the folder or a file cannot be read, or there is none.
pub fn read_programs(folder: &Path) -> anyhow::Result<ProgramFiles> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("--programs {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("--programs {}", folder.display()))?
            .path();
        if is_program_file(&path) {
            let text = small_file::read_text(&path)?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("--programs {}: no *.toml file in it", folder.display());
    }
    Ok(files)
}
