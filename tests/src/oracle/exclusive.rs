//! Programmes that exclude each other: nobody draws on both on one business date.

use std::collections::BTreeSet;

use super::Model;
use super::calendar::Date;
use super::programme::Programme;

/// Who had state money out of which programme, and on which date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draw {
    pub citizen_id: String,
    pub program: String,
    pub date: Date,
}

impl Model {
    /// Whether the citizen has drawn today on a programme that excludes this one, through whatever wallet.
    pub fn has_drawn_elsewhere(&self, citizen_id: &str, programme: &Programme) -> bool {
        self.draws().iter().any(|draw| {
            draw.citizen_id == citizen_id
                && draw.date == self.today()
                && self.are_exclusive(&programme.id, &draw.program)
        })
    }

    /// Every draw that counts at this moment: an open hold is one until it is voided or expires.
    fn draws(&self) -> BTreeSet<Draw> {
        let held = self.open_holds().filter(|original| original.state_amount > 0);
        let held = held.map(|original| original.draw.clone());
        self.draws.iter().cloned().chain(held).collect()
    }

    /// Either of the two may name the other.
    pub fn are_exclusive(&self, program: &str, other: &str) -> bool {
        self.names(program, other) || self.names(other, program)
    }

    fn names(&self, program: &str, other: &str) -> bool {
        self.programmes
            .get(program)
            .is_some_and(|programme| programme.exclusive_with.iter().any(|id| id == other))
    }
}
