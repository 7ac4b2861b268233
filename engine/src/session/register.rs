//! Registrations: one by one and in batches, once per id (I5), under a hard quota.
//!
//! A batch is decided under every lock it needs at once: ids, citizens, wallets, then the quotas, and the append lock last. So a
//! ticket is taken where its record is appended, and live rights never exceed the quota.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::ids::archive::Old;
use crate::locks::holder_locks::HolderLocks;
use crate::locks::{Guards, Locked, LockedShards};
use crate::session::acquirers::Caller;
use crate::session::append::{Attempt, until_done};
use crate::state::State;
use satang_core::calendar::Instant;
use satang_core::decide::register::{self, Applicant, Standing, Verdict};
use satang_core::ids::{PersonId, RegistrationId};
use satang_core::outcome::RegistrationReason;
use satang_core::record::{RecordBuf, RegistrationRecord};
use satang_core::request::RegistrationRequest;
use satang_core::state::apply::apply_registration;
use satang_core::state::dedup::IdShard;
use satang_core::state::directory::{Directory, Rule};
use satang_core::state::hash::HashSeed;
use satang_core::state::quota::Quotas;
use satang_log::durable::StorageFailed;
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::io;

/// What became of a registration.
#[derive(Clone, Copy, Debug)]
pub enum Registered {
    /// Decided now. The answer may leave once `sequence` is durable.
    Decided {
        /// The record, with its sequence.
        record: RegistrationRecord,
        sequence: u64,
    },
    /// The id has an outcome already, the record of `sequence`. Wait until that is durable, read it, compare the content.
    Seen { sequence: u64 },
    /// The quota is full, as the citizen was told before: nothing was written, and the id is not burnt.
    QuotaFullNotified {
        /// The sequence of the record that told so first.
        sequence: u64,
    },
}

impl Registered {
    /// The record that the outcome rests on.
    pub fn sequence(&self) -> u64 {
        match self {
            Registered::Decided { sequence, .. }
            | Registered::Seen { sequence }
            | Registered::QuotaFullNotified { sequence } => *sequence,
        }
    }
}

/// What is known of a batch before any shard is locked.
struct Prepared {
    /// What the files of older days know of its ids.
    old: Old<Vec<(RegistrationId, u64)>>,
    /// Who registers, in order; `None` where the decision does not depend on it, or the id has an outcome.
    persons: Vec<Option<PersonId>>,
    /// What each asks, as a keyed hash.
    contents: Vec<u64>,
}

/// The shards that a batch reads and changes.
struct BatchShards<'s> {
    seed: &'s HashSeed,
    ids: Locked<'s, IdShard>,
    holders: HolderLocks<'s>,
}

/// How many elements ahead a batch fetches.
const PREFETCH_AHEAD: usize = 16;

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Decides a registration, once per id (I5), where callers have no keys.
    pub fn register(&self, request: &RegistrationRequest) -> Result<Registered, SubmitError> {
        let registered = self.register_batch(core::slice::from_ref(request))?;
        Ok(registered[0])
    }

    /// Decides a batch, where callers have no keys.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn register_batch(&self, requests: &[RegistrationRequest]) -> Result<Vec<Registered>, SubmitError> {
        self.register_batch_for(Caller::NOBODY, requests)
    }

    /// Decides registrations of a caller one after another, with one clock reading, sequences in a row and one durable write.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn register_batch_for(
        &self,
        caller: Caller,
        requests: &[RegistrationRequest],
    ) -> Result<Vec<Registered>, SubmitError> {
        self.check_load()?;
        self.check_journal()?;
        let bytes = requests.len() * size_of::<RegistrationRecord>();
        let bytes_max = self.appender.batch_bytes_max();
        if bytes > bytes_max {
            return Err(SubmitError::BatchTooLarge { bytes, bytes_max });
        }
        until_done(|| self.register_knowing(caller, requests, &self.prepare(requests)?))
    }

    /// What a request asked, as a keyed hash: equal to that of its record when a repeated id asks the same.
    pub fn content_of(&self, request: &RegistrationRequest) -> u64 {
        self.persons.content_hash(&[
            request.program.as_str().as_bytes(),
            &request.wallet.number().to_le_bytes(),
            &request.citizen.to_hash_input(),
            &request.birth.content(),
            &request.nationality.letters(),
        ])
    }

    /// Without locks: files of older days are read, person ids made, lapsed rights counted.
    fn prepare(&self, requests: &[RegistrationRequest]) -> Result<Prepared, SubmitError> {
        let old = self
            .id_archive
            .registrations(requests.iter().map(|request| request.registration_id))?;
        let directory = self.state.directory.read();
        let at = self.now()?;
        let mut persons = Vec::with_capacity(requests.len());
        for request in requests {
            let id = request.registration_id;
            let in_memory = self.state.ids[self.state.seed.registration_shard(id)]
                .lock()
                .registration(id);
            let is_new = in_memory.is_none() && old.of(id).is_none();
            if is_new {
                self.check_room(Space::Enough)?;
            }
            let applicant = applicant(&directory, request, at);
            let person = match register::check_policy(&directory, &applicant, at) {
                Ok((rule, _)) if is_new => {
                    self.count_lapses(&directory, rule, at)?;
                    Some(self.resolve_person(request.citizen)?)
                }
                Ok(_) | Err(_) => None,
            };
            persons.push(person);
        }
        Ok(Prepared {
            old,
            persons,
            contents: requests.iter().map(|request| self.content_of(request)).collect(),
        })
    }

    /// Decides a batch; again when what was prepared is no longer so.
    fn register_knowing(
        &self,
        caller: Caller,
        requests: &[RegistrationRequest],
        prepared: &Prepared,
    ) -> Result<Attempt<Vec<Registered>>, SubmitError> {
        let directory = &*self.state.directory.read();
        let at = self.now()?;
        let date = at.business_date();
        let mut shards = lock(&self.state, directory, requests, &prepared.persons);
        if self.id_archive.epoch() != prepared.old.epoch {
            return Ok(Attempt::Again);
        }
        let mut quotas = self.state.quotas.lock();
        let bytes = requests.len() * size_of::<RegistrationRecord>();
        let is_prepared = |at: Instant| {
            at.business_date() == date && is_prepared(directory, requests, prepared, &shards, &quotas, at)
        };
        let Attempt::Done((mut appending, at)) = self.begin(at, bytes, is_prepared)? else {
            return Ok(Attempt::Again);
        };
        let mut registered = Vec::with_capacity(requests.len());
        for (index, (request, person)) in requests.iter().zip(&prepared.persons).enumerate() {
            if let Some(ahead) = requests.get(index + PREFETCH_AHEAD) {
                shards.prefetch(ahead);
            }
            if let Some(sequence) = shards.known(&prepared.old, request.registration_id) {
                registered.push(Registered::Seen { sequence });
                continue;
            }
            let applicant = applicant(directory, request, at);
            // Who was let in when this was prepared may be too late by now: then it does not matter who it is.
            let is_let_in = register::check_policy(directory, &applicant, at).is_ok();
            let person = person.filter(|_| is_let_in);
            let verdict = decide(directory, &applicant, person, &shards.holders, &quotas, at);
            if let Some(sequence) = shards.quota_full_notified(&verdict, person) {
                registered.push(Registered::QuotaFullNotified { sequence });
                continue;
            }
            let (content, ticket) = (prepared.contents[index], quotas.tickets(verdict.benefit) + 1);
            let mut record = verdict.record(request.registration_id, content, &applicant, person, ticket, at);
            record.header.set_caller(caller.key);
            let sequence = appending.push(RecordBuf::of(&record).as_bytes());
            record.header.sequence = sequence;
            let locked = &mut LockedShards {
                ids: Guards::Several(&mut shards.ids),
                quotas: Some(&mut quotas),
                ..shards.holders.shards()
            };
            apply_registration(&record, sequence, locked).expect("its ticket is the next one");
            registered.push(Registered::Decided { record, sequence });
        }
        drop(appending);
        let decided = registered.iter().filter_map(|one| match one {
            Registered::Decided { record, .. } => Some(record),
            Registered::Seen { .. } | Registered::QuotaFullNotified { .. } => None,
        });
        self.arrivals.count(decided, at);
        Ok(Attempt::Done(registered))
    }

    /// Counts how many rights of the rule's programme have lapsed, when a deadline has struck and nobody has counted them since.
    pub(crate) fn count_lapses(
        &self,
        directory: &Directory,
        rule: &Rule,
        at: Instant,
    ) -> Result<(), SubmitError> {
        let Some(deadline) = directory.struck(rule.program, at) else {
            return Ok(());
        };
        let counted = || {
            let quotas = self.state.quotas.lock();
            quotas.is_counted(rule.entitlement_key, Some(deadline))
        };
        if counted() {
            return Ok(());
        }
        let _one_at_a_time = self.lapse_counting.lock();
        if counted() {
            return Ok(());
        }
        // From here on no record of a time before the deadline struck is appended; one that was holds its shards until it is
        // applied. Whoever would grant a right after it struck waits until they are counted.
        self.fence(at)?;
        let count = self.state.count_lapsed(rule, deadline);
        self.state
            .quotas
            .lock()
            .set_lapsed(rule.entitlement_key, deadline, count);
        if count > 0 {
            tracing::info!(program = %rule.policy.id, count, "rights have lapsed unused");
        }
        Ok(())
    }

    /// How many rights are live in the rule's programme at `at`.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::Storage`].
    pub(crate) fn live_entitlements(
        &self,
        directory: &Directory,
        rule: &Rule,
        at: Instant,
    ) -> Result<u64, SubmitError> {
        loop {
            self.count_lapses(directory, rule, at)?;
            let quotas = self.state.quotas.lock();
            // A later deadline may have been counted meanwhile.
            if let Ok(live) = quotas.live(rule.entitlement_key, directory.struck(rule.program, at)) {
                return Ok(live);
            }
        }
    }

    /// Counts lapsed rights of every programme, so that no request has to.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::Storage`].
    pub fn count_all_lapses(&self) -> Result<(), SubmitError> {
        let directory = self.state.directory.read();
        let at = self.now()?;
        for (program, _) in directory.in_force() {
            if let Some(rule) = directory.rule_on(program, at.business_date()) {
                self.count_lapses(&directory, rule, at)?;
            }
        }
        Ok(())
    }

    /// Nobody gets a person id once nothing becomes durable any more.
    pub(crate) fn check_journal(&self) -> Result<(), SubmitError> {
        match self.durable.has_failed() {
            true => Err(SubmitError::Storage(StorageFailed)),
            false => Ok(()),
        }
    }

    /// The person id of a citizen, made when there is none; it is durable before any record that names it.
    pub(crate) fn resolve_person(
        &self,
        citizen: satang_core::ids::NationalId,
    ) -> Result<PersonId, SubmitError> {
        self.persons.resolve(citizen).map_err(|error| {
            if error.kind() == io::ErrorKind::StorageFull {
                return SubmitError::DiskFull { reversals: true };
            }
            tracing::error!(%error, "no person id can be drawn");
            // Without randomness nobody can be registered ever again: the process stops.
            self.appender.fail();
            SubmitError::Storage(StorageFailed)
        })
    }
}

fn applicant(directory: &Directory, request: &RegistrationRequest, at: Instant) -> Applicant {
    Applicant::of(request, directory.number_of(&request.program), at.business_date())
}

/// Locks what a batch reads and changes: ids, then citizens, then the wallets that those hold rights through.
fn lock<'s>(
    state: &'s State,
    directory: &Directory,
    requests: &[RegistrationRequest],
    persons: &[Option<PersonId>],
) -> BatchShards<'s> {
    let seed = &state.seed;
    let ids = requests
        .iter()
        .map(|r| seed.registration_shard(r.registration_id));
    let ids = Locked::lock(&state.ids, ids);
    let wanted = requests.iter().zip(persons);
    let wanted = wanted.map(|(request, person)| (request.wallet, *person));
    BatchShards {
        seed,
        ids,
        holders: HolderLocks::lock(state, directory, wanted),
    }
}

/// Whether everything that deciding at `at` needs was prepared: persons, and the number of lapsed rights.
fn is_prepared(
    directory: &Directory,
    requests: &[RegistrationRequest],
    prepared: &Prepared,
    shards: &BatchShards<'_>,
    quotas: &Quotas,
    at: Instant,
) -> bool {
    requests.iter().zip(&prepared.persons).all(|(request, person)| {
        let id = request.registration_id;
        let checked = register::check_policy(directory, &applicant(directory, request, at), at);
        let Ok((rule, _)) = checked else {
            return true;
        };
        let seen = || shards.known(&prepared.old, id).is_some();
        match person {
            Some(_) => quotas.is_counted(rule.entitlement_key, directory.struck(rule.program, at)),
            None => seen(),
        }
    })
}

/// Decides one registration as everything stands.
pub fn decide(
    directory: &Directory,
    applicant: &Applicant,
    person: Option<PersonId>,
    holders: &HolderLocks<'_>,
    quotas: &Quotas,
    at: Instant,
) -> Verdict {
    let (rule, person) = match (register::check_policy(directory, applicant, at), person) {
        (Ok((rule, _)), Some(person)) => (rule, person),
        (Ok(_), None) => unreachable!("a decision that depends on the person knows who it is"),
        (Err(verdict), _) => return verdict,
    };
    let live = quotas.live(rule.entitlement_key, directory.struck(rule.program, at));
    let standing = Standing {
        person,
        citizens: holders.citizens(person),
        wallets: |wallet| holders.wallets(wallet),
        live: live.expect("lapsed rights were counted"),
    };
    register::decide(directory, applicant, &standing, at)
}

impl BatchShards<'_> {
    fn ids_of(&self, id: RegistrationId) -> &IdShard {
        self.ids.get(self.seed.registration_shard(id))
    }

    /// Where the outcome lies that the id has already.
    fn known(&self, old: &Old<Vec<(RegistrationId, u64)>>, id: RegistrationId) -> Option<u64> {
        let known = self.ids_of(id).registration(id);
        known.or_else(|| old.of(id))
    }

    /// The sequence of the record that told the person before what the verdict says.
    fn quota_full_notified(&self, verdict: &Verdict, person: Option<PersonId>) -> Option<u64> {
        let person = person.filter(|_| verdict.reason == RegistrationReason::QuotaFull)?;
        self.holders
            .citizens(person)
            .quota_full_notified(person, verdict.benefit)
    }

    fn prefetch(&self, request: &RegistrationRequest) {
        let id = request.registration_id;
        self.ids_of(id).prefetch_registration(id);
        self.holders
            .wallets(request.wallet)
            .prefetch_wallet(request.wallet);
    }
}
