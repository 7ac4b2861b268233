//! The records of rule versions, and of those that are in force.

use super::coding::fields;
use super::{BenefitNumber, NameNumber};

/// The full text of a rule version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// The version's number, dense from 1.
    pub number: u32,
    /// The number of the programme's name.
    pub program: NameNumber,
    /// The numbers of its benefits, in the order of the file.
    pub benefits: Vec<BenefitNumber>,
    pub file: String,
    /// The file's text; its BLAKE3 hash is the version's hash.
    pub text: String,
}

fields!(RuleVersion: number, program, benefits, file, text);

/// Which rule versions are in force, per programme from the oldest to the newest; the last one that is effective counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesInForce {
    /// Each programme with the numbers of its versions.
    pub programs: Vec<(NameNumber, Vec<u32>)>,
}

fields!(RulesInForce: programs);
