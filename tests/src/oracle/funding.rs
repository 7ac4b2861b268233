//! Who pays the state's part: the sources a benefit is funded by, one after another within the period of its
//! shortest cap.

use serde_json::{Value, json};

use super::Model;
use super::programme::Benefit;
use super::purchase::{Original, number};
use super::room::Bucket;

/// A source and how it stands in the period.
pub struct Source {
    pub name: String,
    /// What it has paid in the period, less what it got back.
    pub used: u128,
    /// What it may still pay; the last one pays whatever is left over.
    pub room: Option<u128>,
}

/// A source's name and the satang it pays, or gets back.
pub type Part = (String, u128);

/// What each source pays of the state's part: the first as much as it may, and so on.
pub fn pay(state_amount: u128, sources: &[Source]) -> Vec<Part> {
    let mut rest = state_amount;
    let mut parts = Vec::new();
    for source in sources {
        let part = source.room.map_or(rest, |room| rest.min(room));
        rest -= part;
        parts.push((source.name.clone(), part));
    }
    parts
}

/// What each source has got back of its part once the state got that much back: the last source first.
pub fn give_back(state_back: u128, parts: &[Part]) -> Vec<Part> {
    let mut rest = state_back;
    let mut back = Vec::new();
    for (source, paid) in parts.iter().rev() {
        let part = rest.min(*paid);
        rest -= part;
        back.push((source.clone(), part));
    }
    back.reverse();
    back
}

/// The `funding` of an answer.
pub fn show(parts: &[Part]) -> Value {
    let shown = parts
        .iter()
        .map(|(source, amount)| json!({ "source": source, "amount": number(*amount) }));
    shown.collect()
}

/// The `funding` of a wallet's benefit.
pub fn show_used(sources: &[Source]) -> Value {
    let shown = sources
        .iter()
        .map(|source| json!({ "source": source.name, "used": number(source.used) }));
    shown.collect()
}

impl Model {
    /// The sources of a benefit and how they stand in the bucket of its shortest cap.
    pub fn sources(&self, benefit: &Benefit, shortest: &Bucket) -> Vec<Source> {
        let mut sources = Vec::new();
        for (name, up_to) in &benefit.funded_by {
            let used = self.used_of_source(shortest, name);
            sources.push(Source {
                name: name.clone(),
                used,
                room: up_to.map(|up_to| up_to.saturating_sub(used)),
            });
        }
        sources
    }

    fn used_of_source(&self, shortest: &Bucket, source: &str) -> u128 {
        let of_source = (shortest.clone(), source.to_owned());
        let counted = self.funded.get(&of_source).copied().unwrap_or(0);
        let held = self
            .open_holds()
            .filter(|original| original.shortest == *shortest);
        let parts = held.flat_map(|original| &original.funding);
        let parts = parts.filter(|(name, _)| name == source);
        counted + parts.map(|(_, amount)| amount).sum::<u128>()
    }

    /// Counts what an original takes: in each of its buckets, from each source, and as a draw.
    pub fn count_taken(&mut self, original: &Original) {
        if original.state_amount > 0 {
            self.draws.insert(original.draw.clone());
        }
        for bucket in &original.buckets {
            *self.used.entry(bucket.clone()).or_insert(0) += original.state_amount;
        }
        for (source, amount) in &original.funding {
            let of_source = (original.shortest.clone(), source.clone());
            *self.funded.entry(of_source).or_insert(0) += amount;
        }
    }

    /// Gives state money of an original back to its buckets and sources: so much that `before` becomes `after` in
    /// all. What each source gets. Where a period is over its buckets are never asked again.
    pub fn return_state(&mut self, original: &Original, before: u128, after: u128) -> Vec<Part> {
        for bucket in &original.buckets {
            let used = self
                .used
                .get_mut(bucket)
                .expect("an approved original used its buckets");
            *used -= after - before;
        }
        let mut parts = give_back(after, &original.funding);
        for (part, earlier) in parts.iter_mut().zip(give_back(before, &original.funding)) {
            part.1 -= earlier.1;
            let of_source = (original.shortest.clone(), part.0.clone());
            let used = self
                .funded
                .get_mut(&of_source)
                .expect("an approved original used its sources");
            *used -= part.1;
        }
        parts
    }
}
