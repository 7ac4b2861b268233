//! Ids of business dates that have left memory, and how a date leaves (I5).
//!
//! Memory holds the ids of today and yesterday. Older ones lie in one index file per date ([`crate::ids::index`]). A date leaves in
//! three steps, each of which leaves every id findable: its file is written and flushed; from then on look-ups ask the file;
//! then the shards forget, one by one. Whoever looks an id up in the files before it takes the id's shard checks under the
//! lock that no date has left meanwhile: the epoch is still the same.

use crate::ids::index::{DayFacts, IdIndex, IdIndexError, write_id_index};
use crate::state::State;
use parking_lot::RwLock;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{RegistrationId, ReversalId, TxnId};
use satang_core::record::Closing;
use satang_core::state::dedup::{HotWindow, IdEntry, IdFact, TxnState};
use satang_core::state::hash::HashSeed;
use satang_log::commit::CutOver;
use satang_log::log::LogIdentity;
use satang_log::storage::Storage;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The ids that have left memory.
pub struct IdArchive {
    seed: HashSeed,
    days: RwLock<Arc<OldDays>>,
    /// [`HotWindow::from_ms`], to be asked on every request.
    from_ms: AtomicI64,
    epoch: AtomicU64,
}

/// The dates that have left memory, as of one epoch.
pub struct OldDays {
    /// Which ids memory holds.
    pub window: HotWindow,
    /// The dates that have any id, newest first.
    pub files: Vec<Arc<IdIndex>>,
}

impl Default for OldDays {
    fn default() -> OldDays {
        OldDays {
            window: HotWindow::ALL,
            files: Vec::new(),
        }
    }
}

/// What the files know of an id, as of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Old<T> {
    /// See [`IdArchive::epoch`].
    pub epoch: u64,
    pub found: T,
}

impl<I: Ord + Copy, V: Copy> Old<Vec<(I, V)>> {
    /// What was found of one of a batch's ids, which are in order.
    pub fn of(&self, id: I) -> Option<V> {
        let at = self.found.binary_search_by_key(&id, |(known, _)| *known).ok()?;
        Some(self.found[at].1)
    }
}

impl IdArchive {
    /// No date has left memory yet of the journal with this seed.
    pub fn empty(seed: HashSeed) -> IdArchive {
        IdArchive::of(seed, OldDays::default())
    }

    /// The ids of dates that left memory before this start.
    pub fn of(seed: HashSeed, days: OldDays) -> IdArchive {
        IdArchive {
            seed,
            from_ms: AtomicI64::new(days.window.from_ms),
            days: RwLock::new(Arc::new(days)),
            epoch: AtomicU64::new(0),
        }
    }

    /// Whether an id that is not in memory may lie in a file: to be asked under the id's shard.
    #[inline]
    pub fn may_hold(&self, bits: u128) -> bool {
        let from_ms = self.from_ms.load(Ordering::Acquire);
        HotWindow {
            from_ms,
            ..HotWindow::ALL
        }
        .may_have_left(bits)
    }

    /// How often a date has left memory. An answer of the files holds while it is the same under the id's shard.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The dates that have left.
    pub fn days(&self) -> Arc<OldDays> {
        self.days.read().clone()
    }

    /// What the files know of an authorization's id.
    pub fn txn(&self, id: TxnId) -> Result<Old<TxnState>, IdIndexError> {
        // Before the files: a date that leaves meanwhile makes the answer one of the past.
        let epoch = self.epoch();
        let found = self.days().find(&self.seed, id.bits(), IdFact::Txn)?;
        Ok(Old {
            epoch,
            found: found.map_or(TxnState::New, |entry| entry.txn_state()),
        })
    }

    /// What the files know of those authorizations' ids that they may hold, in the order of the ids.
    pub fn txns(
        &self,
        ids: impl Iterator<Item = TxnId> + Clone,
    ) -> Result<Old<Vec<(TxnId, TxnState)>>, IdIndexError> {
        // Before the ids are sifted, likewise.
        let epoch = self.epoch();
        let ids = ids.filter(|id| self.may_hold(id.bits()));
        let mut found = Vec::new();
        let days = self.days();
        let mut ahead = ids.clone().skip(PREFETCH_AHEAD);
        for id in ids {
            if let Some(later) = ahead.next() {
                let hash = self.seed.id(later.bits());
                days.files.iter().for_each(|file| file.prefetch(hash));
            }
            if let Some(entry) = days.find(&self.seed, id.bits(), IdFact::Txn)? {
                found.push((id, entry.txn_state()));
            }
        }
        found.sort_unstable_by_key(|(id, _)| *id);
        Ok(Old { epoch, found })
    }

    /// Where the files say that the record of a reversal's id lies.
    pub fn reversal(&self, id: ReversalId) -> Result<Option<u64>, IdIndexError> {
        let found = self.days().find(&self.seed, id.bits(), IdFact::Reversal)?;
        Ok(found.map(|entry| entry.sequence()))
    }

    /// Where the files say that the records of those registrations' ids lie that they may hold, in the order of the ids.
    pub fn registrations(
        &self,
        ids: impl Iterator<Item = RegistrationId>,
    ) -> Result<Old<Vec<(RegistrationId, u64)>>, IdIndexError> {
        // Before the ids are sifted: a date that leaves meanwhile makes the answer one of the past.
        let epoch = self.epoch();
        let mut found = Vec::new();
        for id in ids.filter(|id| self.may_hold(id.bits())) {
            if let Some(entry) = self.days().find(&self.seed, id.bits(), IdFact::Registration)? {
                found.push((id, entry.sequence()));
            }
        }
        found.sort_unstable_by_key(|(id, _)| *id);
        Ok(Old { epoch, found })
    }

    /// How the files say that a hold was closed, and where the record lies.
    pub fn closing(&self, id: TxnId) -> Result<Option<(Closing, u64)>, IdIndexError> {
        let found = self.days().find(&self.seed, id.bits(), IdFact::Closing)?;
        Ok(found.map(|entry| entry.closing()))
    }

    /// Where the files say that the last reversal lies that gave some of an authorization back.
    pub fn reversed(&self, id: TxnId) -> Result<Option<u64>, IdIndexError> {
        let found = self.days().find(&self.seed, id.bits(), IdFact::Reversed)?;
        Ok(found.map(|entry| entry.sequence()))
    }

    /// Lets the dates leave memory that are neither `today` nor yesterday, given the cut-overs of all dates so far, in order.
    /// Their records must be durable. Called by one thread at a time.
    ///
    /// # Errors
    /// Of the operating system: nothing has left then, and it may be tried again.
    pub fn let_leave<S: Storage>(
        &self,
        state: &State,
        storage: &S,
        journal: &LogIdentity,
        cut_overs: &[CutOver],
        today: BusinessDate,
    ) -> io::Result<bool> {
        let days = self.days();
        let Some((window, leaving)) = plan(&days, cut_overs, today) else {
            return Ok(false);
        };
        let mut files = days.files.clone();
        for date in with_ids(state, leaving) {
            let shard = |index: usize| state.ids[index].lock().facts_between(date.from, date.to);
            let written = write_id_index(storage, journal, date.date, shard)?;
            let file = IdIndex::open(storage, journal, date.date).map_err(io::Error::other)?;
            assert_eq!(
                file.facts(),
                written,
                "a file that was just written is read as it was written"
            );
            files.insert(0, Arc::new(file));
        }
        self.replace(OldDays { window, files });
        for shard in &state.ids {
            shard.lock().forget_outside(window);
        }
        Ok(true)
    }

    fn replace(&self, days: OldDays) {
        let mut current = self.days.write();
        // In this order: whoever knows the new epoch knows which ids it lets leave.
        self.from_ms.store(days.window.from_ms, Ordering::Release);
        *current = Arc::new(days);
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}

/// How many ids ahead the filters' memory is fetched.
const PREFETCH_AHEAD: usize = 4;

impl OldDays {
    /// Whether the ids of the date have left memory.
    pub fn has_left(&self, date: BusinessDate) -> bool {
        date.start().unix_ms() < self.window.from_ms
    }

    fn find(&self, seed: &HashSeed, bits: u128, fact: IdFact) -> Result<Option<IdEntry>, IdIndexError> {
        let hash = seed.id(bits);
        // The newest fact counts: a tombstone's late original lies in a later file.
        for file in self.files.iter().filter(|file| file.may_hold(hash)) {
            if let Some(entry) = file.find(bits, fact)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// What identifies the files, newest first.
    pub fn facts(&self) -> Vec<DayFacts> {
        self.files.iter().map(|file| file.facts()).collect()
    }
}

/// A date that is to leave, and where its records lie.
#[derive(Clone, Copy)]
struct Leaving {
    date: BusinessDate,
    from: u64,
    to: u64,
    facts: u64,
}

/// Which dates are to leave, oldest first, and the window that memory holds then; `None` when no date is to.
fn plan(days: &OldDays, cut_overs: &[CutOver], today: BusinessDate) -> Option<(HotWindow, Vec<Leaving>)> {
    let first_hot = today.previous();
    if days.has_left(first_hot.previous()) {
        return None;
    }
    let mut from = days.window.from;
    let mut leaving = Vec::new();
    for (date, to) in cut_overs.iter().copied().filter(|(date, _)| *date < first_hot) {
        if to > from {
            leaving.push(Leaving {
                date,
                from,
                to,
                facts: 0,
            });
            from = to;
        }
    }
    let window = HotWindow {
        from: leaving.last()?.to,
        from_ms: first_hot.start().unix_ms(),
    };
    Some((window, leaving))
}

/// The dates that have any id.
fn with_ids(state: &State, mut leaving: Vec<Leaving>) -> impl Iterator<Item = Leaving> {
    let ends: Vec<u64> = leaving.iter().map(|date| date.to).collect();
    let from = leaving.first().map_or(0, |date| date.from);
    for shard in &state.ids {
        shard.lock().for_each_sequence(|sequence| {
            let at = ends.partition_point(|end| *end <= sequence);
            if sequence >= from && at < leaving.len() {
                leaving[at].facts += 1;
            }
        });
    }
    leaving.into_iter().filter(|date| date.facts > 0)
}
