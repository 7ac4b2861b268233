//! What records name by numbers, as far as the journal was read: kept in the checkpoint, so that a follower goes on without reading
//! the journal again.

use data_encoding::HEXLOWER;
use rkyv::{Archive, Deserialize, Serialize};
use satang_core::programme::{PolicyError, Program};
use satang_core::record::{BenefitNumber, KeyAcquirer, NameNumber, Record, RuleVersion};
use std::collections::BTreeMap;

/// Why no engine can have written a record that gives numbers out.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// Names are numbered densely.
    #[error("a name gets the number {number} out of order")]
    OutOfOrder { number: u16 },
    /// The text of a rule version is none.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Names by their numbers.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// From number 1.
    names: Vec<String>,
    /// By the version's number.
    rules: BTreeMap<u32, RuleNames>,
    /// By benefit number, over all versions.
    benefits: BTreeMap<u16, String>,
    /// By the number of the key's name, the number of the acquirer's.
    acquirers: BTreeMap<u16, u16>,
}

/// What a record of one rule version names.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct RuleNames {
    pub program: u16,
    /// The version's hash, in hexadecimal.
    pub hash: String,
    tiers: Vec<String>,
    /// By benefit number, the funding sources in order.
    sources: BTreeMap<u16, Vec<String>>,
}

impl Names {
    /// Learns from a record that gives numbers out.
    ///
    /// # Errors
    /// [`NamesError`].
    pub fn learn(&mut self, record: &Record) -> Result<(), NamesError> {
        match record {
            Record::Name(named) => {
                if usize::from(named.number.0) != self.names.len() + 1 {
                    return Err(NamesError::OutOfOrder {
                        number: named.number.0,
                    });
                }
                self.names.push(named.name.to_string());
                Ok(())
            }
            Record::RuleVersion(version) => self.learn_rules(version),
            Record::KeyAcquirer(KeyAcquirer { key, acquirer }) => {
                self.acquirers.insert(key.0, acquirer.0);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn learn_rules(&mut self, version: &RuleVersion) -> Result<(), NamesError> {
        let policy = Program::load(&version.file, &version.text)?;
        let mut sources = BTreeMap::new();
        for (number, benefit) in version.benefits.iter().zip(&policy.benefits) {
            self.benefits.insert(number.0, benefit.id.to_string());
            let funded_by = benefit.funded_by.iter().map(|funded| funded.source.to_string());
            sources.insert(number.0, funded_by.collect());
        }
        let tiers = policy
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        let names = RuleNames {
            program: version.program.0,
            hash: HEXLOWER.encode(&policy.hash),
            tiers: tiers.map(|tier| tier.id.to_string()).collect(),
            sources,
        };
        self.rules.insert(version.number, names);
        Ok(())
    }

    /// The name of this number.
    pub fn name(&self, number: NameNumber) -> Option<&str> {
        let at = usize::from(number.0).checked_sub(1)?;
        self.names.get(at).map(String::as_str)
    }

    /// The benefit of this number.
    pub fn benefit(&self, number: BenefitNumber) -> Option<&str> {
        self.benefits.get(&number.0).map(String::as_str)
    }

    /// The rule version of this number.
    pub fn rule(&self, number: u32) -> Option<&RuleNames> {
        self.rules.get(&number)
    }

    /// Whose key it is now.
    pub fn acquirer(&self, key: NameNumber) -> Option<&str> {
        let acquirer = self.acquirers.get(&key.0)?;
        self.name(NameNumber(*acquirer))
    }
}

impl RuleNames {
    /// The tier of this index.
    pub fn tier(&self, index: usize) -> Option<&str> {
        self.tiers.get(index).map(String::as_str)
    }

    /// The funding sources of a benefit, in order.
    pub fn sources(&self, benefit: BenefitNumber) -> &[String] {
        self.sources.get(&benefit.0).map_or(&[], Vec::as_slice)
    }
}
