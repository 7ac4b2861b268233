//! Programme files are put in force: all of them at one moment, or none.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::session::names::NamesOf;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::Name;
use satang_core::programme::{Benefit, PolicyError, Program};
use satang_core::record::{BenefitNumber, NameNumber, Record, RuleVersion, RulesInForce};
use satang_core::state::directory::Directory;
use satang_core::state::hash::HashSeed;
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::collections::{BTreeMap, BTreeSet};

/// Why programme files are not put in force; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// A file is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Two files are of one programme.
    #[error("{second}:{line}: id: programme {id} is already in {first}")]
    Twice {
        id: Name,
        /// The file that has it.
        first: String,
        /// The file that has it too.
        second: String,
        /// The line of its `id`, from 1.
        line: usize,
    },
    /// More names or benefits over the journal's life than records can number.
    #[error("{file}: more than {max} different {what} over the life of the journal")]
    TooMany {
        file: String,
        what: &'static str,
        max: u32,
    },
    /// The records cannot be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// A programme that was put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivatedProgram {
    pub id: Name,
    /// The rule version: the file's hash.
    pub hash: [u8; 32],
    /// The first date the version counts from.
    pub effective_from: Option<BusinessDate>,
    /// Whether another version, or none, was in force.
    pub changed: bool,
}

/// What putting programme files in force did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivatedPrograms {
    /// The programmes in force now, by id.
    pub programs: Vec<ActivatedProgram>,
    /// Those that are in force no more, by id.
    pub removed: Vec<Name>,
    /// It is durable once this sequence is.
    pub sequence: u64,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The same as [`Engine::activate_programs`], while requests are served: refused like any other change when the disk is full
    /// or too much is in flight.
    ///
    /// # Errors
    /// [`ActivationError`]; nothing changed then, except where a record could not be written.
    pub fn reload_programs(
        &self,
        files: &[(String, String)],
        by: Option<&Name>,
    ) -> Result<ActivatedPrograms, ActivationError> {
        self.admit(Space::Enough)?;
        self.activate_programs(files, by)
    }

    /// Puts programme files in force, and takes every other programme out of it: all of them or, when one is wrong, none. A text whose hash is new for its programme is journaled in full; a version that is not
    /// effective yet leaves the one before it in force until it is.
    ///
    /// # Errors
    /// [`ActivationError`]; nothing changed then, except where a record could not be written.
    pub fn activate_programs(
        &self,
        files: &[(String, String)],
        by: Option<&Name>,
    ) -> Result<ActivatedPrograms, ActivationError> {
        let programs = load_all(files)?;
        // Decisions see what was in force before this guard was taken or what is after it was given back, nothing between.
        let mut directory = self.state.directory.write();
        let before = newest_versions(&directory);
        check_bounds(&directory, &programs, by)?;
        let at = self.now().map_err(SubmitError::from)?;
        let mut in_force = Vec::new();
        for program in &programs {
            let entry = self.install_one(&mut directory, program, by, at)?;
            in_force.push(entry);
        }
        in_force.sort_by_key(|(program, _)| program.0);
        let unchanged = directory
            .in_force()
            .eq(in_force.iter().map(|(p, versions)| (*p, versions.as_slice())));
        if !unchanged {
            let record = Record::RulesInForce(RulesInForce { programs: in_force });
            self.append_to_directory(&mut directory, &record, by, at)?;
        }
        let after = newest_versions(&directory);
        let installed = after.iter().map(|(id, version)| {
            let policy = &directory.rule(*version).expect("a version in force").policy;
            ActivatedProgram {
                id: *id,
                hash: policy.hash,
                effective_from: policy.effective_from,
                changed: before.get(id) != Some(version),
            }
        });
        let removed = before.keys().filter(|id| !after.contains_key(id));
        Ok(ActivatedPrograms {
            programs: installed.collect(),
            removed: removed.copied().collect(),
            sequence: self.appender.last_sequence(),
        })
    }

    fn install_one(
        &self,
        directory: &mut Directory,
        (file, program): &(&str, Program),
        by: Option<&Name>,
        at: Instant,
    ) -> Result<(NameNumber, Vec<u32>), SubmitError> {
        let names: Vec<Name> = program.names().collect();
        let number = self.number_names(directory, &names, NamesOf::Files, by, at)?[0];
        let known = directory.rules().iter().rev();
        let known = known
            .filter(|rule| rule.program == number)
            .find(|rule| rule.policy.hash == program.hash);
        let version = match known {
            Some(rule) => rule.number,
            None => self.journal_rule(directory, file, program, number, by, at)?,
        };
        // Of the older versions only the one that counts today goes on beside one that is yet to come: a version that never
        // came into force and is in no file any more is withdrawn.
        let today = at.business_date();
        let in_force_today = directory.rule_on(number, today).map(|rule| rule.number);
        let mut versions: Vec<u32> = match program.effective_from {
            Some(from) if from > today => in_force_today.into_iter().collect(),
            _ => Vec::new(),
        };
        versions.retain(|older| *older != version);
        versions.push(version);
        Ok((number, versions))
    }

    fn journal_rule(
        &self,
        directory: &mut Directory,
        file: &str,
        program: &Program,
        number: NameNumber,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<u32, SubmitError> {
        let mut next_benefit = directory.benefits_len() as u16;
        let mut benefits = Vec::with_capacity(program.benefits.len());
        for benefit in &program.benefits {
            benefits.push(directory.benefit_number(number, &benefit.id).unwrap_or_else(|| {
                next_benefit += 1;
                BenefitNumber(next_benefit)
            }));
        }
        let version = directory.rules().len() as u32 + 1;
        let record = Record::RuleVersion(RuleVersion {
            number: version,
            program: number,
            benefits,
            // Where the operator keeps it is nobody's business.
            file: file.rsplit('/').next().unwrap_or(file).to_owned(),
            text: program.text.clone(),
        });
        self.append_to_directory(directory, &record, by, at)?;
        Ok(version)
    }
}

/// The newest version in force of each programme.
fn newest_versions(directory: &Directory) -> BTreeMap<Name, u32> {
    let newest = |(_, versions): (NameNumber, &[u32])| {
        let version = *versions.last()?;
        Some((directory.rule(version)?.policy.id, version))
    };
    directory.in_force().filter_map(newest).collect()
}

/// Reads programme files and checks what can be checked of them without a journal.
///
/// # Errors
/// What [`Engine::activate_programs`] refuses them for.
pub fn check_programs(files: &[(String, String)]) -> Result<Vec<(&str, Program)>, ActivationError> {
    let programs = load_all(files)?;
    check_bounds(&Directory::new(HashSeed::UNUSED), &programs, None)?;
    Ok(programs)
}

fn load_all(files: &[(String, String)]) -> Result<Vec<(&str, Program)>, ActivationError> {
    let mut programs: Vec<(&str, Program)> = Vec::with_capacity(files.len());
    for (file, text) in files {
        let program = Program::load(file, text)?;
        if let Some((first, _)) = programs.iter().find(|(_, other)| other.id == program.id) {
            let (first, second) = ((*first).to_owned(), file.clone());
            let line = 1 + text
                .lines()
                .take_while(|line| !line.trim_start().starts_with("id"))
                .count();
            return Err(ActivationError::Twice {
                id: program.id,
                first,
                second,
                line,
            });
        }
        programs.push((file, program));
    }
    Ok(programs)
}

/// Whether the journal has room for the names and benefits of these files that are new: what it knows already takes none.
fn check_bounds(
    directory: &Directory,
    programs: &[(&str, Program)],
    by: Option<&Name>,
) -> Result<(), ActivationError> {
    let is_new = |name: &Name| directory.number_of(name) == NameNumber::UNKNOWN;
    // The caller's name may get its number first.
    let known = directory.names_len() + usize::from(by.is_some_and(is_new));
    let mut names: BTreeSet<Name> = BTreeSet::new();
    let mut benefits = directory.benefits_len();
    for (file, program) in programs {
        let too_many = |what, max| ActivationError::TooMany {
            file: (*file).to_owned(),
            what,
            max,
        };
        let number = directory.number_of(&program.id);
        let new_benefit = |benefit: &&Benefit| directory.benefit_number(number, &benefit.id).is_none();
        benefits += program.benefits.iter().filter(new_benefit).count();
        if benefits > usize::from(BenefitNumber::MAX) {
            return Err(too_many("benefits", u32::from(BenefitNumber::MAX)));
        }
        names.extend(program.names().filter(is_new));
        let names_max = NamesOf::Files.names_max();
        if !names.is_empty() && known + names.len() > usize::from(names_max) {
            return Err(too_many("names", u32::from(names_max)));
        }
    }
    Ok(())
}
