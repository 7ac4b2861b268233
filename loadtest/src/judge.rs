//! Counts what an answer decided, and checks the promises of the contract that one answer alone can break.

use crate::answer::{Outcome, Scanner, batch_outcomes, is_replayed};
use crate::binary::Tally;
use crate::connection::What;
use crate::plan::{Plan, WireForm};
use crate::stats::Stats;
use crate::workload::{Generator, Kind, Purchase, Request};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The longest reason: `excluded:` and the name of a list.
const REASON_BYTES_MAX: usize = 80;

impl What {
    /// What the request asks for, to be counted under.
    pub fn kind(&self) -> Kind {
        match self {
            What::One(Request::Authorization(_)) => Kind::Authorization,
            What::One(Request::Registration(_)) => Kind::Registration,
            What::Batch { kind, .. } => *kind,
            What::One(Request::Quote(_)) => Kind::Quote,
            What::One(Request::Reversal { .. }) => Kind::Reversal,
            What::One(Request::Retry(_)) => Kind::Retry,
        }
    }

    /// How many decisions it asks for.
    pub fn elements(&self) -> u64 {
        match self {
            What::One(_) => 1,
            What::Batch { len, .. } => *len,
        }
    }
}

/// Reads answers of status 200.
pub(crate) struct Judge<'a> {
    pub plan: &'a Plan,
    pub scanner: Scanner,
}

impl Judge<'_> {
    /// Counts an answer into `stats`, as right or by the promise it breaks. `ids` are those of a batch's elements; an approved
    /// purchase is remembered by `generator`.
    pub fn read(
        &mut self,
        stats: &mut Stats,
        generator: &mut Generator,
        what: What,
        ids: &[Uuid],
        body: &[u8],
    ) {
        let read = match what {
            What::Batch { len, .. } if self.plan.wire == WireForm::Binary => {
                self.binary_batch(stats, len, body)
            }
            What::Batch { kind, .. } => self.batch(stats, kind, ids, body),
            What::One(request) => self.one(stats, generator, &request, body),
        };
        match read {
            Ok(elements) => stats.right(what.kind(), elements),
            Err(promise) => stats.breach(promise, body),
        }
    }

    /// The form has no ids: an element's place says whose it is.
    fn binary_batch(&self, stats: &mut Stats, len: u64, body: &[u8]) -> Result<u64, &'static str> {
        let tally = Tally::read(body)?;
        for (decision, reason, count) in tally.outcomes() {
            stats.outcomes_alike(Kind::Authorization, decision.as_bytes(), reason.as_bytes(), count);
        }
        if tally.decided == 0 || self.plan.check_answers && tally.decided != len {
            return Err("a batch answer has one decision per element");
        }
        Ok(tally.decided)
    }

    fn batch(&self, stats: &mut Stats, kind: Kind, ids: &[Uuid], body: &[u8]) -> Result<u64, &'static str> {
        let id_key: &[u8] = match kind {
            Kind::Registration => b"\"registration_id\"",
            Kind::Authorization | Kind::Quote | Kind::Reversal | Kind::Retry => b"\"txn_id\"",
        };
        let (mut asked, mut ids_agree) = (ids.iter(), true);
        let mut decided = 0;
        for (id, outcome) in batch_outcomes(body, id_key) {
            check_words(kind, outcome)?;
            decided += 1;
            ids_agree &= asked.next().is_some_and(|asked| *id == id_text(*asked));
            stats.ticket(outcome.ticket);
            stats.outcome(kind, outcome.decision, outcome.reason);
        }
        if decided == 0 || self.plan.check_answers && decided != ids.len() as u64 {
            return Err("a batch answer has one decision per element");
        }
        if self.plan.check_answers && !ids_agree {
            return Err("a batch answer has the request's ids in their order");
        }
        Ok(decided)
    }

    fn one(
        &mut self,
        stats: &mut Stats,
        generator: &mut Generator,
        request: &Request,
        body: &[u8],
    ) -> Result<u64, &'static str> {
        let kind = What::One(*request).kind();
        let outcome = self
            .scanner
            .outcome(body)
            .ok_or("a 200 answer has a decision and a reason")?;
        check_words(kind, outcome)?;
        if self.plan.check_answers {
            self.check_id(request, outcome, body)?;
        }
        stats.outcome(kind, outcome.decision, outcome.reason);
        stats.ticket(outcome.ticket);
        if let Request::Authorization(purchase) = request
            && outcome.decision == b"approved"
        {
            generator.remember(*purchase);
        }
        Ok(1)
    }

    /// The id comes back, a retry is answered as one, and who is accepted gets a ticket.
    fn check_id(&mut self, request: &Request, outcome: Outcome<'_>, body: &[u8]) -> Result<(), &'static str> {
        let scanner = &mut self.scanner;
        let mut has_txn_id = |purchase: &Purchase| match scanner.txn_id(body) {
            Some(id) if *id == id_text(purchase.txn_id) => Ok(()),
            Some(_) | None => Err("an answer carries the request's txn_id"),
        };
        match request {
            Request::Authorization(purchase) => has_txn_id(purchase),
            Request::Retry(purchase) => {
                has_txn_id(purchase)?;
                match is_replayed(body) {
                    true => Ok(()),
                    false => Err("a repeated txn_id is answered with replayed: true"),
                }
            }
            Request::Quote(_) => Ok(()),
            Request::Reversal { reversal_id, .. } => {
                if scanner.reversal_id(body) != Some(&id_text(*reversal_id)[..]) {
                    return Err("an answer carries the request's reversal_id");
                }
                Ok(())
            }
            Request::Registration(registration) => {
                if scanner.registration_id(body) != Some(&id_text(registration.registration_id)[..]) {
                    return Err("an answer carries the request's registration_id");
                }
                if (outcome.decision == b"accepted") != outcome.ticket.is_some() {
                    return Err("who is accepted gets a ticket, and nobody else");
                }
                Ok(())
            }
        }
    }
}

/// Decision and reason are words that the contract knows: others would fill the memory of whoever counts them.
fn check_words(kind: Kind, outcome: Outcome<'_>) -> Result<(), &'static str> {
    let is_word = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b':');
    if ![kind.granted(), kind.denied()].contains(&outcome.decision) {
        return Err("a decision is approved or declined, of a registration accepted or rejected");
    }
    if outcome.reason.len() > REASON_BYTES_MAX || !outcome.reason.iter().all(is_word) {
        return Err("a reason is a word");
    }
    Ok(())
}

/// An id as the contract answers it.
fn id_text(id: Uuid) -> [u8; Hyphenated::LENGTH] {
    let mut text = [0u8; Hyphenated::LENGTH];
    id.as_hyphenated().encode_lower(&mut text);
    text
}
