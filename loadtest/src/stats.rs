//! What came back, counted per sender thread and added up at the end.

use crate::answer::problem_code;
use crate::workload::Kind;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

/// Longest latency a histogram holds; longer ones are counted as this.
pub const LATENCY_NS_MAX: u64 = 3_600 * 1_000_000_000;

/// The three instants of an answered request, ns since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was due.
    pub intended_ns: u64,
    /// When its first byte was handed to the socket.
    pub sent_ns: u64,
    /// When its answer was complete.
    pub done_ns: u64,
}

/// Requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCount {
    /// Handed to a socket.
    pub sent: u64,
    /// Answered with any status.
    pub answered: u64,
    /// Answered 200, with a decision, and with the request's id where ids are checked.
    pub right: u64,
}

/// Decided elements of one kind with one decision and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// Kind of the request.
    pub kind: Kind,
    /// `approved` or `declined`, as the server wrote it.
    pub decision: Box<[u8]>,
    /// The reason word, as the server wrote it.
    pub reason: Box<[u8]>,
    pub count: u64,
}

impl OutcomeCount {
    /// Whether they got what they asked for: `approved` for no other reason, of a registration `accepted`.
    pub fn is_granted(&self) -> bool {
        let word = self.kind.granted();
        *self.decision == *word && *self.reason == *word
    }
}

/// The tickets of accepted registrations, told by four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tickets {
    pub count: u64,
    pub sum: u128,
    pub lowest: u64,
    pub highest: u64,
}

impl Tickets {
    /// Whether they can be every number from the lowest to the highest, each once: their count and their sum say so.
    pub fn are_dense(&self) -> bool {
        let ends = u128::from(self.lowest) + u128::from(self.highest);
        self.highest - self.lowest + 1 == self.count && self.sum * 2 == ends * u128::from(self.count)
    }

    fn merge(self, other: Tickets) -> Tickets {
        Tickets {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
        }
    }
}

/// Counters and histograms of a run, or of one thread of it.
#[derive(Clone, Debug)]
pub struct Stats {
    /// From the intended instant to the end of the answer, ns. Requests that were not answered, or due and not sent, are in
    /// it with the age they had: leaving them out would flatter the percentiles.
    pub latency: Histogram<u64>,
    /// From the actual send to the end of the answer, ns. Answered requests only.
    pub service: Histogram<u64>,
    /// By kind, in the order of [`Kind::ALL`].
    pub kinds: [KindCount; Kind::ALL.len()],
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that were not 200, by status and the problem's code, which may be empty.
    pub refusals: BTreeMap<(u16, String), u64>,
    /// Decided elements by kind, decision and reason.
    pub outcomes: Vec<OutcomeCount>,
    pub tickets: Option<Tickets>,
    /// Requests that were sent and not answered, by cause.
    pub lost: BTreeMap<&'static str, u64>,
    /// Connections that could not be opened. No request was lost with them.
    pub connect_failures: u64,
    /// Requests that were due and never handed to a socket.
    pub not_sent: u64,
    /// Answers that break the contract, by which promise.
    pub breaches: BTreeMap<&'static str, u64>,
    /// The first answer that was neither 200 nor expected, for the operator.
    pub sample: Option<String>,
    /// Elements (of batches, or single requests) that were sent.
    pub elements_sent: u64,
    /// Elements in right answers.
    pub elements: u64,
    /// Instant of the last answer, ns since the run began.
    pub last_done_ns: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

impl Stats {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("1 ns to 1 h at 3 digits is valid");
        Stats {
            latency: histogram(),
            service: histogram(),
            kinds: [KindCount::default(); Kind::ALL.len()],
            statuses: BTreeMap::new(),
            refusals: BTreeMap::new(),
            outcomes: Vec::new(),
            tickets: None,
            lost: BTreeMap::new(),
            connect_failures: 0,
            not_sent: 0,
            breaches: BTreeMap::new(),
            sample: None,
            elements_sent: 0,
            elements: 0,
            last_done_ns: 0,
        }
    }

    /// A request was handed to a socket; `elements` is 1, or the size of the batch.
    pub fn sent(&mut self, kind: Kind, elements: u64) {
        self.kinds[kind as usize].sent += 1;
        self.elements_sent += elements;
    }

    /// A request was answered, rightly or not.
    pub fn answered(&mut self, kind: Kind, times: Answered, status: u16) {
        self.kinds[kind as usize].answered += 1;
        *self.statuses.entry(status).or_default() += 1;
        self.last_done_ns = self.last_done_ns.max(times.done_ns);
        self.latency
            .saturating_record(times.done_ns.saturating_sub(times.intended_ns));
        self.service
            .saturating_record(times.done_ns.saturating_sub(times.sent_ns));
    }

    /// The answer was right, with so many decided elements.
    pub fn right(&mut self, kind: Kind, elements: u64) {
        self.kinds[kind as usize].right += 1;
        self.elements += elements;
    }

    /// The answer was not 200.
    pub fn refused(&mut self, status: u16, body: &[u8]) {
        let code = problem_code(body).unwrap_or_default();
        *self.refusals.entry((status, code.to_owned())).or_default() += 1;
        self.keep_sample(|| format!("status {status}: {}", excerpt(body)));
    }

    /// One decided element of an answer.
    pub fn outcome(&mut self, kind: Kind, decision: &[u8], reason: &[u8]) {
        self.outcomes_alike(kind, decision, reason, 1);
    }

    /// So many of them.
    pub fn outcomes_alike(&mut self, kind: Kind, decision: &[u8], reason: &[u8], count: u64) {
        let same = |o: &&mut OutcomeCount| o.kind == kind && *o.reason == *reason && *o.decision == *decision;
        match self.outcomes.iter_mut().find(same) {
            Some(outcome) => outcome.count += count,
            None => {
                let (decision, reason) = (decision.into(), reason.into());
                self.outcomes.push(OutcomeCount {
                    kind,
                    decision,
                    reason,
                    count,
                });
            }
        }
    }

    /// A registration's ticket, if it has one.
    pub fn ticket(&mut self, ticket: Option<u64>) {
        self.tickets_more(ticket.map(|ticket| Tickets {
            count: 1,
            sum: u128::from(ticket),
            lowest: ticket,
            highest: ticket,
        }));
    }

    fn tickets_more(&mut self, more: Option<Tickets>) {
        self.tickets = match (self.tickets, more) {
            (Some(mine), Some(more)) => Some(mine.merge(more)),
            (mine, more) => mine.or(more),
        };
    }

    /// A request was sent and will not be answered; it counts into the latency with the age it had.
    pub fn lost(&mut self, cause: &'static str, age_ns: u64) {
        *self.lost.entry(cause).or_default() += 1;
        self.latency.saturating_record(age_ns);
    }

    /// A request was due and was not sent until the end of the run.
    pub fn not_sent(&mut self, age_ns: u64) {
        self.not_sent += 1;
        self.latency.saturating_record(age_ns);
    }

    /// An answer broke a promise of the contract.
    pub fn breach(&mut self, promise: &'static str, body: &[u8]) {
        *self.breaches.entry(promise).or_default() += 1;
        self.keep_sample(|| format!("{promise}: {}", excerpt(body)));
    }

    /// Keeps the first odd answer.
    pub fn keep_sample(&mut self, sample: impl FnOnce() -> String) {
        if self.sample.is_none() {
            self.sample = Some(sample());
        }
    }

    /// Adds another thread's counts.
    pub fn merge(&mut self, other: Stats) {
        self.latency
            .add(&other.latency)
            .expect("both have the same bounds");
        self.service
            .add(&other.service)
            .expect("both have the same bounds");
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            mine.sent += theirs.sent;
            mine.answered += theirs.answered;
            mine.right += theirs.right;
        }
        add_counts(&mut self.statuses, other.statuses);
        add_counts(&mut self.refusals, other.refusals);
        add_counts(&mut self.lost, other.lost);
        add_counts(&mut self.breaches, other.breaches);
        for outcome in other.outcomes {
            self.outcomes_alike(outcome.kind, &outcome.decision, &outcome.reason, outcome.count);
        }
        self.tickets_more(other.tickets);
        self.sample = self.sample.take().or(other.sample);
        self.connect_failures += other.connect_failures;
        self.not_sent += other.not_sent;
        self.elements_sent += other.elements_sent;
        self.elements += other.elements;
        self.last_done_ns = self.last_done_ns.max(other.last_done_ns);
    }

    /// Answers of every kind.
    pub fn answered_total(&self) -> u64 {
        self.kinds.iter().map(|count| count.answered).sum()
    }

    /// Requests of every kind that were handed to a socket.
    pub fn sent_total(&self) -> u64 {
        self.kinds.iter().map(|count| count.sent).sum()
    }

    /// Right answers of every kind.
    pub fn right_total(&self) -> u64 {
        self.kinds.iter().map(|count| count.right).sum()
    }

    /// Requests that were sent and not answered.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// Decided elements of a kind.
    pub fn decided(&self, kind: Kind) -> u64 {
        let of_kind = self.outcomes.iter().filter(|outcome| outcome.kind == kind);
        of_kind.map(|outcome| outcome.count).sum()
    }

    /// Elements of a kind that got what they asked for.
    pub fn granted(&self, kind: Kind) -> u64 {
        let granted = self
            .outcomes
            .iter()
            .filter(|outcome| outcome.kind == kind && outcome.is_granted());
        granted.map(|outcome| outcome.count).sum()
    }
}

/// What a run saw. Requests of the warm-up count into no rate, latency or share; what is wrong with them counts.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Due in the warm-up.
    pub warmup: Stats,
    pub counted: Stats,
}

impl Seen {
    /// Adds another thread's counts.
    pub fn merge(&mut self, other: Seen) {
        self.warmup.merge(other.warmup);
        self.counted.merge(other.counted);
    }

    /// Tickets of registrations, those of the warm-up included.
    pub fn tickets(&self) -> Option<Tickets> {
        match (self.warmup.tickets, self.counted.tickets) {
            (Some(warmup), Some(counted)) => Some(warmup.merge(counted)),
            (warmup, counted) => warmup.or(counted),
        }
    }

    /// The first odd answer.
    pub fn sample(&self) -> Option<&String> {
        self.counted.sample.as_ref().or(self.warmup.sample.as_ref())
    }

    /// Elements that were sent in all.
    pub fn elements_sent(&self) -> u64 {
        self.warmup.elements_sent + self.counted.elements_sent
    }
}

/// At most 300 bytes of a body as text.
pub fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned()
}

fn add_counts<K: Ord>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(key).or_default() += count;
    }
}

/// Percentiles of one histogram, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub max_ms: f64,
}

/// The percentiles of a histogram of ns.
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
    Percentiles {
        p50_ms: ms(0.50),
        p90_ms: ms(0.90),
        p99_ms: ms(0.99),
        p99_9_ms: ms(0.999),
        max_ms: histogram.max() as f64 / 1e6,
    }
}

/// Commas between groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_threads_count_like_one() {
        let times = |done_ns| Answered {
            intended_ns: 0,
            sent_ns: 10,
            done_ns,
        };
        let (mut one, mut other, mut whole) = (Stats::new(), Stats::new(), Stats::new());
        for (stats, done_ns) in [(&mut one, 1_000), (&mut other, 2_000)] {
            for stats in [stats, &mut whole] {
                stats.sent(Kind::Quote, 1);
                stats.answered(Kind::Quote, times(done_ns), 200);
                stats.right(Kind::Quote, 1);
                stats.outcome(Kind::Quote, b"approved", b"approved");
            }
        }
        other.lost("reset", 7);
        whole.lost("reset", 7);
        one.merge(other);
        assert_eq!(one.latency, whole.latency);
        assert_eq!(one.service, whole.service);
        assert_eq!(
            (one.kinds, one.outcomes, one.lost),
            (whole.kinds, whole.outcomes, whole.lost)
        );
        assert_eq!((one.elements, one.last_done_ns), (2, 2_000));
    }

    #[test]
    fn tickets_of_two_threads_are_dense_together_or_have_gaps() {
        let of = |tickets: &[u64]| {
            let mut stats = Stats::new();
            tickets.iter().for_each(|ticket| stats.ticket(Some(*ticket)));
            stats.ticket(None);
            stats
        };
        let mut both = of(&[11, 14, 12]);
        assert!(!both.tickets.unwrap().are_dense());
        both.merge(of(&[13, 10]));
        let tickets = both.tickets.unwrap();
        assert_eq!((tickets.lowest, tickets.highest, tickets.count), (10, 14, 5));
        assert!(tickets.are_dense());
        both.merge(Stats::new());
        assert_eq!(both.tickets, Some(tickets));
        assert!(!of(&[1, 2, 2, 4, 5, 5]).tickets.unwrap().are_dense());
        assert_eq!(Stats::new().tickets, None);
    }

    #[test]
    fn requests_without_an_answer_still_weigh_on_the_percentiles() {
        let mut stats = Stats::new();
        for _ in 0..90 {
            stats.answered(
                Kind::Authorization,
                Answered {
                    intended_ns: 0,
                    sent_ns: 0,
                    done_ns: 1_000,
                },
                200,
            );
        }
        for _ in 0..10 {
            stats.not_sent(5_000_000_000);
        }
        assert!(stats.latency.value_at_quantile(0.99) >= 4_990_000_000);
        assert!(stats.service.max() < 2_000);
    }
}
