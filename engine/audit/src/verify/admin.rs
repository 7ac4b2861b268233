//! Whether a record of any length is one that could have been written: its bytes are those of what it says, and its numbers follow
//! the ones before it.

use super::finding::{Difference, Finding};
use satang_core::ids::Name;
use satang_core::programme::Program;
use satang_core::record::{
    BenefitNumber, Merchant, NameNumber, Record, RecordHeader, RuleVersion, same_but_for_caller,
};
use satang_core::state::directory::Directory;

/// Holds a record against the directory in front of it.
///
/// # Errors
/// What is wrong.
pub fn check(
    directory: &Directory,
    record: &Record,
    header: &RecordHeader,
    bytes: &[u8],
) -> Result<(), Finding> {
    let canonical = record.encode(header.at(), header.caller());
    if !same_but_for_caller(bytes, &canonical) {
        return Err(Finding::NotCanonical);
    }
    match record {
        Record::Name(record) => check_name(directory, &record.name),
        Record::RuleVersion(version) => check_rule(directory, version),
        Record::RulesInForce(rules) => check_in_force(directory, &rules.programs),
        Record::ProgramStatus(status) => {
            let mut in_force = directory.in_force();
            match in_force.any(|(program, _)| program == status.program) {
                true => Ok(()),
                false => Err(Finding::ProgramNotInForce),
            }
        }
        Record::Merchant(merchant) => check_merchant(directory, merchant),
        Record::ListImported(imported) => match directory.is_imported_empty(imported.list) {
            true => Err(Finding::Unchanged),
            false => Ok(()),
        },
        Record::KeyAcquirer(record) => match directory.acquirers().now(record.key) == record.acquirer {
            true => Err(Finding::Unchanged),
            false => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_merchant(directory: &Directory, merchant: &Merchant) -> Result<(), Finding> {
    let programs = merchant.programs.iter();
    let programs: Option<Vec<Name>> = programs.map(|number| directory.name(*number).copied()).collect();
    let programs = programs.ok_or(Finding::ProgramUnnamed)?;
    match directory.refuses_merchant(merchant.id, &programs) {
        Some(refusal) => Err(Finding::Refused(refusal.name())),
        None => Ok(()),
    }
}

fn check_name(directory: &Directory, name: &Name) -> Result<(), Finding> {
    match directory.number_of(name) {
        NameNumber::UNKNOWN => Ok(()),
        known => Err(Finding::NameKnown(*name, known.0)),
    }
}

fn check_rule(directory: &Directory, version: &RuleVersion) -> Result<(), Finding> {
    let RuleVersion {
        number: _,
        program,
        benefits,
        file,
        text,
    } = version;
    let program = *program;
    let policy = Program::load(file, text)?;
    if directory.name(program) != Some(&policy.id) {
        return Err(Finding::TextOfAnother(policy.id));
    }
    let mut rules = directory.rules().iter();
    if rules.any(|rule| rule.program == program && rule.policy.hash == policy.hash) {
        return Err(Finding::TextKnown);
    }
    let mut next = directory.benefits_len() as u16;
    let numbers = policy.benefits.iter().map(|benefit| {
        directory.benefit_number(program, &benefit.id).unwrap_or_else(|| {
            next += 1;
            BenefitNumber(next)
        })
    });
    let numbers: Vec<BenefitNumber> = numbers.collect();
    match numbers == *benefits && next <= BenefitNumber::MAX {
        true => Ok(()),
        false => {
            let benefits = Difference::of("benefits", benefits, &numbers);
            Err(Finding::Differs(vec![benefits]))
        }
    }
}

fn check_in_force(directory: &Directory, programs: &[(NameNumber, Vec<u32>)]) -> Result<(), Finding> {
    if !programs.is_sorted_by(|one, other| one.0 < other.0) {
        return Err(Finding::ProgramsNotInOrder);
    }
    for (program, versions) in programs {
        for version in versions {
            if directory.rule(*version).map(|rule| rule.program) != Some(*program) {
                return Err(Finding::RuleOfAnother {
                    rule: *version,
                    program: program.0,
                });
            }
        }
    }
    Ok(())
}
