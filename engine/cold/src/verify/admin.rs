//! Whether an administrative record is one that could have been written: its numbers follow the ones before it.

use satang_core::calendar::Instant;
use satang_core::directory::Directory;
use satang_core::ids::Name;
use satang_core::policy::Program;
use satang_core::record::{AdminRecord, BenefitNumber, Merchant, NameNumber};

/// Holds a record against the directory in front of it.
///
/// # Errors
/// What is wrong.
pub fn check(
    directory: &Directory,
    record: &AdminRecord,
    by: Option<&Name>,
    at: Instant,
    bytes: &[u8],
) -> Result<(), String> {
    let canonical = record.encode(at, by);
    let same = |from: usize, to: usize| bytes.get(from..to) == canonical.get(from..to);
    if bytes.len() != canonical.len() || !same(8, 16) || !same(20, bytes.len()) {
        return Err("its bytes are not those of what it says".into());
    }
    match record {
        AdminRecord::Name { name, .. } => check_name(directory, name),
        AdminRecord::RuleVersion {
            program,
            benefits,
            file,
            text,
            ..
        } => check_rule(directory, *program, benefits, file, text),
        AdminRecord::RulesInForce(programs) => check_in_force(directory, programs),
        AdminRecord::ProgramStatus { program, .. } => {
            match directory.in_force().any(|(in_force, _)| in_force == *program) {
                true => Ok(()),
                false => Err("its programme is not in force".into()),
            }
        }
        AdminRecord::Merchant(merchant) => check_merchant(directory, merchant),
        AdminRecord::WalletStatus { .. }
        | AdminRecord::Moved(_)
        | AdminRecord::Replacement(_)
        | AdminRecord::Desk(_) => Ok(()),
    }
}

fn check_merchant(directory: &Directory, merchant: &Merchant) -> Result<(), String> {
    let programs = merchant.programs.iter();
    let programs: Option<Vec<Name>> = programs.map(|number| directory.name(*number).copied()).collect();
    let programs = programs.ok_or("a programme of it has no name")?;
    match directory.refuses_merchant(merchant.id, &programs) {
        Some(refusal) => Err(format!("recorded, though it is to be refused {}", refusal.name())),
        None => Ok(()),
    }
}

fn check_name(directory: &Directory, name: &Name) -> Result<(), String> {
    match directory.number_of(name) {
        NameNumber::UNKNOWN => Ok(()),
        known => Err(format!("the name {name} has the number {} already", known.0)),
    }
}

fn check_rule(
    directory: &Directory,
    program: NameNumber,
    benefits: &[BenefitNumber],
    file: &str,
    text: &str,
) -> Result<(), String> {
    let policy = Program::load(file, text).map_err(|error| error.to_string())?;
    if directory.name(program) != Some(&policy.id) {
        return Err(format!("its text is of {}, its number is not", policy.id));
    }
    let mut rules = directory.rules().iter();
    if rules.any(|rule| rule.program == program && rule.policy.hash == policy.hash) {
        return Err("its text has a number already".into());
    }
    let mut next = directory.benefits_len() as u16;
    let numbers = policy.benefits.iter().map(|benefit| {
        directory.benefit_number(program, &benefit.id).unwrap_or_else(|| {
            next += 1;
            BenefitNumber(next)
        })
    });
    let numbers: Vec<BenefitNumber> = numbers.collect();
    match numbers == benefits && next <= BenefitNumber::MAX {
        true => Ok(()),
        false => Err(super::compare::difference("benefits", benefits, &numbers)),
    }
}

fn check_in_force(directory: &Directory, programs: &[(NameNumber, Vec<u32>)]) -> Result<(), String> {
    if !programs.is_sorted_by(|one, other| one.0 < other.0) {
        return Err("its programmes are not in order".into());
    }
    for (program, versions) in programs {
        for version in versions {
            if directory.rule(*version).map(|rule| rule.program) != Some(*program) {
                return Err(format!("rule {version} is not of programme {}", program.0));
            }
        }
    }
    Ok(())
}
