//! The directory in a snapshot: the records that would make it, then what they do not say.

use super::{Directory, InForce};
use crate::calendar::Instant;
use crate::record::{
    AuditStamp, ListImported, NameNumber, NameRecord, ProgramStatus, Record, RuleVersion, RulesInForce,
    Status, set_sequence, split_record,
};
use crate::state::casework::Casework;
use crate::state::export;
use crate::state::hash::HashSeed;
use crate::state::merchants::Merchants;
use crate::state::strikes::Strikes;

impl Directory {
    /// Appends the directory to a snapshot: the records that would make it, then the merchants.
    pub fn export(&self, to: &mut Vec<u8>) {
        let names = self.names.iter().zip(1..).map(|(name, number)| {
            Record::Name(NameRecord {
                number: NameNumber(number),
                name: *name,
            })
        });
        let rules = self.rules.iter().map(|rule| {
            Record::RuleVersion(RuleVersion {
                number: rule.number,
                program: rule.program,
                benefits: rule.benefits.iter().map(|benefit| benefit.number).collect(),
                file: rule.file.clone(),
                text: rule.policy.text.clone(),
            })
        });
        let versions = |entry: &InForce| (entry.program, entry.versions.clone());
        let in_force = Record::RulesInForce(RulesInForce {
            programs: self.in_force.iter().map(versions).collect(),
        });
        let paused = self.paused.iter().map(|(program, reason)| {
            Record::ProgramStatus(ProgramStatus {
                program: *program,
                status: Status::Suspended,
                reason: reason.clone(),
            })
        });
        let empty_lists = self.empty_lists.iter();
        let empty_lists = empty_lists.map(|list| Record::ListImported(ListImported { list: *list }));
        let records = names.chain(rules).chain([in_force]).chain(paused);
        let records = records.chain(empty_lists).map(|record| (0, record));
        let acquirers = self.acquirers.records();
        let acquirers = acquirers.map(|(sequence, record)| (sequence, Record::KeyAcquirer(record)));
        let records: Vec<(u64, Record)> = records.chain(acquirers).collect();
        export::number(to, records.len() as u64);
        for (sequence, record) in &records {
            // When and for whom stands in the journal; so does where, but for what counts from there on.
            let mut bytes = record.encode(Instant::MIN, NameNumber::UNKNOWN);
            set_sequence(&mut bytes, *sequence);
            to.extend_from_slice(&bytes);
        }
        self.programs.iter().for_each(|known| known.strikes.export(to));
        self.merchants.export(to);
        self.casework.export(to);
    }

    /// The directory that [`Directory::export`] wrote; `None` when the bytes are none.
    pub fn import(mut from: &[u8], seed: HashSeed) -> Option<Directory> {
        let from = &mut from;
        let mut directory = Directory::new(seed);
        for _ in 0..export::take_number(from)? {
            let (header, bytes) = split_record(from).ok()?;
            *from = &from[bytes.len()..];
            let record = Record::decode(&header, bytes).ok()?;
            directory.apply(&record, &AuditStamp::of(&header)).ok()?;
        }
        // The records say which rules are in force, not since when.
        for known in &mut directory.programs {
            known.strikes = Strikes::import(from)?;
        }
        directory.merchants = Merchants::import(from, seed)?;
        // What it decided about merchants stands in their entries already.
        directory.casework = Casework::import(from)?;
        from.is_empty().then_some(directory)
    }
}
