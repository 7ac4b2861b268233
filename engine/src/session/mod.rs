//! An I/O thread's way to the engine: what was decided leaves it once it is durable, and not before (I1).
//!
//! Every answer is a [`Pending`]: its value cannot be read before the record it rests on is durable. An id that came before
//! leads to its first outcome, which is read back then and compared with what is asked now (I5): [`Outcome`].

mod append;
pub mod authorize;
pub mod reverse;
pub mod register;
pub mod enroll;
pub mod programme_transfer;
pub mod replacement;
pub mod casework;
pub mod admin;
mod names;
pub mod acquirers;
pub mod activation;

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError, Submitted};
use crate::query::find::{Found, FoundAuthorization};
use crate::query::read_back::closing_by;
use crate::query::view::View;
use crate::session::acquirers::{Caller, Tombstone};
use crate::session::authorize::SubmittedBatch;
use crate::session::register::Registered;
use satang_core::decide::content::{same_content, same_reversal_content};
use satang_core::ids::{Name, TxnId};
use satang_core::record::{Authorization, NamedAuthorization, RegistrationRecord, ReversalRecord};
use satang_core::request::{
    AuthorizationRequest, ClosingRequest, HoldRequest, RegistrationRequest, ReversalRequest,
};
use satang_core::state::directory::Directory;
use satang_log::durable::{Durable, DurableWaits};
use satang_log::log::ReadLog;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// One thread's session with the engine of its data folder.
pub struct Session<R: ReadLog, C: Clock> {
    engine: Arc<Engine<R, C>>,
    waits: DurableWaits,
}

/// What rests on a record that may not be durable yet.
#[must_use = "an answer that is thrown away was decided all the same"]
pub struct Pending<T> {
    waits: DurableWaits,
    /// The value may be read once this record is durable.
    sequence: u64,
    value: Value<T>,
}

enum Value<T> {
    Known(T),
    /// Read from the log, which has nothing but what is durable.
    ToRead(Box<dyn FnOnce() -> Result<T, SubmitError>>),
}

impl<T: 'static> Pending<T> {
    /// The value, once it is durable.
    ///
    /// # Errors
    /// [`SubmitError::Storage`] when it never will be; of reading a first outcome back.
    pub async fn durable(self) -> Result<T, SubmitError> {
        self.waits.wait(self.sequence).await?;
        self.value.get()
    }

    /// The value if it is durable by now, else the same again.
    ///
    /// # Errors
    /// As [`Pending::durable`].
    pub fn poll(self, durable: &Durable) -> Result<Result<T, Pending<T>>, SubmitError> {
        match durable.check(self.sequence)? {
            true => self.value.get().map(Ok),
            false => Ok(Err(self)),
        }
    }

    /// What is made of the value.
    pub fn map<U: 'static>(self, make: impl FnOnce(T) -> U + 'static) -> Pending<U> {
        Pending {
            waits: self.waits,
            sequence: self.sequence,
            value: match self.value {
                Value::Known(value) => Value::Known(make(value)),
                Value::ToRead(read) => Value::ToRead(Box::new(move || read().map(make))),
            },
        }
    }
}

impl<T> Value<T> {
    fn get(self) -> Result<T, SubmitError> {
        match self {
            Value::Known(value) => Ok(value),
            Value::ToRead(read) => read(),
        }
    }
}

/// What an id leads to.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<T> {
    /// It was decided now.
    New(T),
    /// It was decided before, for the same content.
    Replayed(T),
    /// It was decided before, for another content.
    Conflict,
    /// It is another acquirer's.
    OtherAcquirer,
}

impl<T> Outcome<T> {
    /// The record, and whether it was decided before; `None` when the id has another content, or is another's.
    pub fn record(&self) -> Option<(&T, bool)> {
        match self {
            Outcome::New(record) => Some((record, false)),
            Outcome::Replayed(record) => Some((record, true)),
            Outcome::Conflict | Outcome::OtherAcquirer => None,
        }
    }

    fn again(same: bool, first: T) -> Outcome<T> {
        match same {
            true => Outcome::Replayed(first),
            false => Outcome::Conflict,
        }
    }
}

/// What became of a registration.
#[derive(Clone, Copy, Debug)]
pub enum RegistrationOutcome {
    /// Its id leads to a record.
    Decided(Outcome<RegistrationRecord>),
    /// The quota is full, as the citizen was told before: nothing was written, and the id is not burnt.
    QuotaFullNotified {
        /// The sequence of the record that told so first.
        sequence: u64,
    },
}

impl<R: ReadLog, C: Clock> Session<R, C> {
    /// A session of the calling thread, whose runtime must run [`DurableWaits::dispatch`].
    pub fn new(engine: Arc<Engine<R, C>>, waits: DurableWaits) -> Session<R, C> {
        Session { engine, waits }
    }

    /// Decides an authorization, once per id (I5).
    pub async fn authorize(
        &self,
        caller: Caller,
        request: &AuthorizationRequest,
    ) -> Result<Pending<Outcome<Authorization>>, SubmitError> {
        let submitted = self
            .once_decidable(|| self.engine.authorize_for(caller, request))
            .await?;
        Ok(self.purchase(caller, *request, None, submitted))
    }

    /// Decides a hold, once per id (I5).
    pub async fn hold(
        &self,
        caller: Caller,
        request: &HoldRequest,
    ) -> Result<Pending<Outcome<Authorization>>, SubmitError> {
        let submitted = self
            .once_decidable(|| self.engine.hold_for(caller, request))
            .await?;
        let HoldRequest {
            txn_id,
            purchase,
            expires_in_s,
        } = *request;
        let asked = AuthorizationRequest { txn_id, purchase };
        Ok(self.purchase(caller, asked, Some(expires_in_s), submitted))
    }

    fn purchase(
        &self,
        caller: Caller,
        request: AuthorizationRequest,
        expires_in_s: Option<u32>,
        submitted: Submitted<Authorization>,
    ) -> Pending<Outcome<Authorization>> {
        match submitted {
            Submitted::Decided { record, sequence } => self.known(Outcome::New(record), sequence),
            Submitted::Seen { sequence } | Submitted::Wait { sequence } => self
                .to_read(sequence, move |engine| {
                    engine.first_purchase(caller, &request, expires_in_s, sequence)
                }),
        }
    }

    /// Decides authorizations one after another, with one clock reading, sequences in a row and one durable write. Waits for
    /// tombstones to be durable, where there are acquirers.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub async fn authorize_batch(
        &self,
        caller: Caller,
        requests: &[AuthorizationRequest],
    ) -> Result<Pending<Vec<Outcome<Authorization>>>, SubmitError> {
        let (submitted, others) = self.submit_batch(caller, requests).await?;
        let last = submitted.iter().map(Submitted::sequence).max().unwrap_or(0);
        let is_decided = |one: &Submitted<_>| matches!(one, Submitted::Decided { .. });
        if others.is_empty() && submitted.iter().all(is_decided) {
            let decided = submitted.iter().filter_map(|one| match one {
                Submitted::Decided { record, .. } => Some(Outcome::New(*record)),
                Submitted::Seen { .. } | Submitted::Wait { .. } => None,
            });
            return Ok(self.known(decided.collect(), last));
        }
        let requests = requests.to_vec();
        Ok(self.to_read(last, move |engine| {
            let mut submitted = submitted.into_iter();
            let outcome = |request: &AuthorizationRequest| {
                if others.contains(&request.txn_id) {
                    return Ok(Outcome::OtherAcquirer);
                }
                match submitted.next().expect("all others were submitted") {
                    Submitted::Decided { record, .. } => Ok(Outcome::New(record)),
                    Submitted::Seen { sequence } | Submitted::Wait { sequence } => {
                        engine.first_purchase(caller, request, None, sequence)
                    }
                }
            };
            requests.iter().map(outcome).collect()
        }))
    }

    /// Submits a batch without the elements that another acquirer reversed before they arrived, whose ids are returned.
    async fn submit_batch(
        &self,
        caller: Caller,
        requests: &[AuthorizationRequest],
    ) -> Result<(Vec<Submitted<Authorization>>, HashSet<TxnId>), SubmitError> {
        let (mut own, mut others, mut cleared) = (Cow::Borrowed(requests), HashSet::new(), HashSet::new());
        loop {
            let tombstones = match self.engine.authorize_batch_for(caller, &own, &cleared)? {
                SubmittedBatch::Submitted(submitted) => return Ok((submitted, others)),
                SubmittedBatch::Tombstones(tombstones) => tombstones,
            };
            for (index, sequence) in tombstones {
                self.waits.wait(sequence).await?;
                let txn_id = own[index].txn_id;
                match self.engine.tombstone(caller, txn_id, sequence)? {
                    Tombstone::Own | Tombstone::Wait => _ = cleared.insert(sequence),
                    Tombstone::Foreign => _ = others.insert(txn_id),
                }
            }
            own.to_mut().retain(|request| !others.contains(&request.txn_id));
        }
    }

    /// Decides a reversal, once per id (I5); waits for its original to be durable.
    pub async fn reverse(
        &self,
        caller: Caller,
        request: &ReversalRequest,
    ) -> Result<Pending<Outcome<ReversalRecord>>, SubmitError> {
        let submitted = self
            .once_decidable(|| self.engine.reverse_for(caller, request))
            .await?;
        let request = *request;
        Ok(self.returned(submitted, move |engine, sequence| {
            let first = engine.read_reversal(sequence, request.reversal_id)?;
            Ok(Outcome::again(same_reversal_content(&request, &first), first))
        }))
    }

    /// Decides a hold's capture or void; one that repeats what closed the hold is replayed. Waits for the hold to be durable.
    pub async fn close(
        &self,
        caller: Caller,
        request: &ClosingRequest,
    ) -> Result<Pending<Outcome<ReversalRecord>>, SubmitError> {
        let submitted = self
            .once_decidable(|| self.engine.close_for(caller, request))
            .await?;
        let (txn_id, closing) = (request.txn_id, closing_by(request.act));
        Ok(self.returned(submitted, move |engine, sequence| {
            let first = engine.read_closing_of(sequence, txn_id, closing)?;
            Ok(Outcome::Replayed(first))
        }))
    }

    /// Asks again until nothing has to be waited for.
    async fn once_decidable<T>(
        &self,
        submit: impl Fn() -> Result<Submitted<T>, SubmitError>,
    ) -> Result<Submitted<T>, SubmitError> {
        loop {
            match submit()? {
                Submitted::Wait { sequence } => self.waits.wait(sequence).await?,
                submitted => return Ok(submitted),
            }
        }
    }

    fn returned(
        &self,
        submitted: Submitted<ReversalRecord>,
        read_back: impl FnOnce(&Engine<R, C>, u64) -> Result<Outcome<ReversalRecord>, SubmitError> + 'static,
    ) -> Pending<Outcome<ReversalRecord>> {
        match submitted {
            Submitted::Decided { record, sequence } => self.known(Outcome::New(record), sequence),
            Submitted::Seen { sequence } | Submitted::Wait { sequence } => {
                self.to_read(sequence, move |engine| read_back(engine, sequence))
            }
        }
    }

    /// Decides a registration, once per id (I5).
    pub fn register(
        &self,
        caller: Caller,
        request: &RegistrationRequest,
    ) -> Result<Pending<RegistrationOutcome>, SubmitError> {
        let registered = self
            .engine
            .register_batch_for(caller, core::slice::from_ref(request))?[0];
        let request = *request;
        Ok(self.to_read(registered.sequence(), move |engine| {
            engine.registration_outcome(&request, registered)
        }))
    }

    /// Decides registrations one after another.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn register_batch(
        &self,
        caller: Caller,
        requests: &[RegistrationRequest],
    ) -> Result<Pending<Vec<RegistrationOutcome>>, SubmitError> {
        let registered = self.engine.register_batch_for(caller, requests)?;
        let last = registered.iter().map(Registered::sequence).max().unwrap_or(0);
        let requests = requests.to_vec();
        Ok(self.to_read(last, move |engine| {
            let outcomes = requests.iter().zip(registered);
            outcomes
                .map(|(request, registered)| engine.registration_outcome(request, registered))
                .collect()
        }))
    }

    /// Something that an operator had done: durable with the record of `sequence`.
    pub fn done<T>(&self, done: T, sequence: u64) -> Pending<T> {
        self.known(done, sequence)
    }

    /// What was decided for an operator: durable with the record that was `written`; without one with all that it may rest on, a
    /// first record or what it was refused for.
    pub fn decided<T>(&self, decided: T, written: Option<u64>) -> Pending<T> {
        match written {
            Some(sequence) => self.known(decided, sequence),
            None => self.seen(decided),
        }
    }

    /// Something of the state, which may rest on records that are not durable yet.
    fn seen<T>(&self, seen: T) -> Pending<T> {
        // Everything that was just read lies at or below it.
        self.known(seen, self.engine.appender().last_sequence())
    }

    /// Something of the directory that shows casework alone: what rests on nothing else is shown when the log has failed, too.
    pub fn seen_of_casework<T>(&self, look: impl FnOnce(&Directory) -> T) -> Pending<T> {
        let (seen, decided) = {
            let directory = self.engine.state().directory.read();
            (look(&directory), directory.casework().last_sequence())
        };
        self.known(seen, decided)
    }

    /// Something of what stands now.
    ///
    /// # Errors
    /// [`SubmitError::Clock`].
    pub fn view<T>(&self, look: impl FnOnce(&View<'_, R, C>) -> T) -> Result<Pending<T>, SubmitError> {
        let seen = look(&self.engine.view()?);
        Ok(self.seen(seen))
    }

    /// What became of an authorization; waits until what is known of it is durable. `acquirer`: whose key asks, when it is one's.
    ///
    /// # Errors
    /// [`SubmitError::OtherAcquirer`] when it is another's.
    pub async fn find_authorization(
        &self,
        txn_id: TxnId,
        acquirer: Option<&Name>,
    ) -> Result<FoundOutcome, SubmitError> {
        loop {
            match self.engine.find_authorization(txn_id)? {
                Found::Unknown => return Ok(FoundOutcome::Unknown),
                Found::ReversedBeforeArrival { sequence, tombstone } => {
                    self.waits.wait(sequence).await?;
                    if acquirer.is_some() {
                        let reversal = self.engine.read_return_of(tombstone, txn_id)?;
                        self.engine.check_shown(acquirer, &reversal.header)?;
                    }
                    return Ok(FoundOutcome::ReversedBeforeArrival);
                }
                Found::Wait { sequence } => self.waits.wait(sequence).await?,
                Found::Authorization(found) => {
                    self.engine.check_shown(acquirer, &found.record.record.header)?;
                    return Ok(FoundOutcome::Authorization(found));
                }
            }
        }
    }

    fn known<T>(&self, value: T, sequence: u64) -> Pending<T> {
        Pending {
            waits: self.waits.clone(),
            sequence,
            value: Value::Known(value),
        }
    }

    fn to_read<T>(
        &self,
        sequence: u64,
        read: impl FnOnce(&Engine<R, C>) -> Result<T, SubmitError> + 'static,
    ) -> Pending<T> {
        let engine = self.engine.clone();
        Pending {
            waits: self.waits.clone(),
            sequence,
            value: Value::ToRead(Box::new(move || read(&engine))),
        }
    }
}

/// What an authorization's id leads to, all of it durable.
#[derive(Debug)]
pub enum FoundOutcome {
    Unknown,
    /// A reversal of it; the authorization itself never came.
    ReversedBeforeArrival,
    Authorization(Box<FoundAuthorization>),
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The first outcome of an authorization's or hold's id that came again.
    fn first_purchase(
        &self,
        caller: Caller,
        request: &AuthorizationRequest,
        expires_in_s: Option<u32>,
        sequence: u64,
    ) -> Result<Outcome<Authorization>, SubmitError> {
        let NamedAuthorization {
            record,
            program,
            channel,
        } = self.read_purchase(sequence, request.txn_id)?;
        match self.check_acquirer(caller, &record.record.header) {
            Err(SubmitError::OtherAcquirer) => return Ok(Outcome::OtherAcquirer),
            checked => checked?,
        }
        let directory = self.state.directory.read();
        let (program, channel) = (program.as_ref(), channel.as_ref());
        let same = same_content(request, expires_in_s, &record, program, channel, &directory);
        Ok(Outcome::again(same, record))
    }

    fn registration_outcome(
        &self,
        request: &RegistrationRequest,
        registered: Registered,
    ) -> Result<RegistrationOutcome, SubmitError> {
        Ok(match registered {
            Registered::Decided { record, .. } => RegistrationOutcome::Decided(Outcome::New(record)),
            Registered::QuotaFullNotified { sequence } => RegistrationOutcome::QuotaFullNotified { sequence },
            Registered::Seen { sequence } => {
                let first = self.read_registration(sequence, request.registration_id)?;
                let same = self.content_of(request) == first.content();
                RegistrationOutcome::Decided(Outcome::again(same, first))
            }
        })
    }
}
