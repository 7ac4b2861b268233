//! Registrations: people who come one after the other, each once, shared out over the sender threads as they get free.
//!
//! A person depends only on its number: the same citizen with the same wallet in every run. So a phase may ask the same people
//! again under new ids, as impatient people do.

use crate::ids::IdSource;
use crate::workload::Registration;
use std::sync::atomic::{AtomicU64, Ordering};

/// The people of a run, each of whom asks once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct People {
    /// Number of the first one.
    pub first: u64,
    /// How many they are.
    pub count: u64,
}

/// Draws registrations for one sender thread.
#[derive(Debug)]
pub struct Registrar<'a> {
    end: u64,
    /// The next person, for every thread.
    next: &'a AtomicU64,
    ids: IdSource,
}

impl<'a> Registrar<'a> {
    /// One that takes its people from `next`, which begins with the first person and is shared by all threads.
    pub fn new(people: People, next: &'a AtomicU64, ids: IdSource) -> Registrar<'a> {
        Registrar {
            end: people.first + people.count,
            next,
            ids,
        }
    }

    /// The next `len` registrations into `into`, fewer at the end, none when everybody has asked; `unix_ms` is the time that
    /// ids of version 7 carry.
    pub fn fill(&mut self, into: &mut Vec<Registration>, len: u64, unix_ms: u64) {
        into.clear();
        let first = self.next.fetch_add(len, Ordering::Relaxed);
        let last = self.end.min(first + len);
        into.extend((first..last).map(|person| Registration {
            registration_id: self.ids.next(unix_ms),
            person,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IdVersion;
    use crate::workload::Workload;
    use serde_json::Value;
    use std::collections::HashSet;

    fn workload() -> Workload {
        Workload {
            program: "thai-chuai-thai-plus-6040".into(),
            channel: "store".into(),
            wallets: 1,
            merchants: 1,
        }
    }

    fn ids(seed: u64) -> IdSource {
        IdSource::new(IdVersion::V7, seed, 0)
    }

    fn drawn(people: People, len: u64, id_seed: u64) -> Vec<Registration> {
        let next = AtomicU64::new(people.first);
        let mut registrar = Registrar::new(people, &next, ids(id_seed));
        let (mut all, mut batch) = (Vec::new(), Vec::new());
        loop {
            registrar.fill(&mut batch, len, 1);
            if batch.is_empty() {
                return all;
            }
            all.extend_from_slice(&batch);
        }
    }

    #[test]
    fn everybody_asks_once_whatever_the_batch() {
        let people = People { first: 7, count: 100 };
        for len in [1, 30, 1_000] {
            let persons: Vec<u64> = drawn(people, len, 1).iter().map(|one| one.person).collect();
            assert_eq!(persons, (7..107).collect::<Vec<_>>());
        }
    }

    #[test]
    fn threads_share_the_people_and_no_id_comes_twice() {
        let people = People { first: 0, count: 64 };
        let next = AtomicU64::new(0);
        let mut threads = [1, 2].map(|seed| Registrar::new(people, &next, ids(seed)));
        let (mut persons, mut seen, mut batch) = (HashSet::new(), HashSet::new(), Vec::new());
        for turn in 0..20 {
            threads[turn % 2].fill(&mut batch, 5, 1);
            assert!(batch.iter().all(|one| persons.insert(one.person)));
            assert!(batch.iter().all(|one| seen.insert(one.registration_id)));
        }
        assert_eq!(persons.len(), 64);
    }

    #[test]
    fn the_same_people_ask_again_under_other_ids_with_the_same_facts() {
        let people = People { first: 3, count: 5 };
        let body = |one: &Registration| {
            let mut out = Vec::new();
            workload().push_registration(&mut out, one);
            let mut body: Value = serde_json::from_slice(&out).unwrap();
            let id = body.as_object_mut().unwrap().remove("registration_id").unwrap();
            (id, body)
        };
        for (one, again) in drawn(people, 1, 1).iter().zip(&drawn(people, 1, 2)) {
            let ((id, facts), (other_id, other_facts)) = (body(one), body(again));
            assert_ne!(id, other_id);
            assert_eq!(facts, other_facts);
        }
    }

    #[test]
    fn every_body_has_exactly_the_fields_of_a_registration() {
        let people = People {
            first: 1_000_000,
            count: 40,
        };
        let mut out = Vec::new();
        workload().push_registrations(&mut out, &drawn(people, 40, 1));
        let batch: Value = serde_json::from_slice(&out).unwrap();
        let bodies = batch["registrations"].as_array().unwrap();
        assert_eq!((bodies.len(), batch.as_object().unwrap().len()), (40, 1));
        let mut lengths = HashSet::new();
        for body in bodies {
            let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
            let expected = [
                "birth_date",
                "citizen_id",
                "nationality",
                "program",
                "registration_id",
                "wallet_id",
            ];
            assert_eq!(keys, expected);
            let text = |key: &str| body[key].as_str().unwrap();
            assert_eq!(
                (text("citizen_id").len(), text("wallet_id").len()),
                (13, 15),
                "{body}"
            );
            assert_eq!(text("nationality"), "TH");
            lengths.insert(text("birth_date").len());
        }
        assert_eq!(lengths, HashSet::from([4, 7, 10]));
    }
}
