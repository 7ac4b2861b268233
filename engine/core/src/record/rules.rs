//! The records of rule versions, and of those that are in force.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
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

impl Body for RuleVersion {
    fn write(&self, to: &mut Encoder) {
        to.u32(self.number);
        to.u16(self.program.0);
        to.numbers(self.benefits.iter().map(|benefit| benefit.0));
        to.text(&self.file);
        to.text(&self.text);
    }

    fn read(from: &mut Decoder<'_>) -> Option<RuleVersion> {
        Some(RuleVersion {
            number: from.u32()?,
            program: from.name_number()?,
            benefits: from.numbers()?.map(BenefitNumber).collect(),
            file: from.text()?.to_owned(),
            text: from.text()?.to_owned(),
        })
    }
}

/// Which rule versions are in force, per programme from the oldest to the newest; the last one that is effective counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesInForce {
    /// Each programme with the numbers of its versions.
    pub programs: Vec<(NameNumber, Vec<u32>)>,
}

impl Body for RulesInForce {
    fn write(&self, to: &mut Encoder) {
        to.u16(self.programs.len() as u16);
        for (program, versions) in &self.programs {
            to.u16(program.0);
            to.u16(versions.len() as u16);
            versions.iter().for_each(|version| to.u32(*version));
        }
    }

    fn read(from: &mut Decoder<'_>) -> Option<RulesInForce> {
        let count = from.u16()?;
        let program = |_| {
            let (name, versions) = (from.name_number()?, from.u16()?);
            let versions = (0..versions).map(|_| from.u32());
            Some((name, versions.collect::<Option<Vec<u32>>>()?))
        };
        let programs = (0..count).map(program).collect::<Option<_>>()?;
        Some(RulesInForce { programs })
    }
}
