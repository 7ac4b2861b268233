//! What is left in the caps of a benefit, and whose room it is: that of a person, whichever wallet pays, or of a
//! household whose members share it.

use serde_json::{Value, json};

use super::Model;
use super::calendar::Period;
use super::funding::Source;
use super::programme::{Benefit, Cap, Programme};
use super::purchase::number;
use super::rights::Right;

/// Who holds a benefit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// One citizen, through whatever wallet.
    Person(String),
    /// Everybody whose right names the household.
    Household(String),
}

/// Where the state's money is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    pub holder: Holder,
    pub program: String,
    pub benefit: String,
    /// The period it counts over.
    pub period: Period,
}

/// The room a holder has in one benefit before a decision.
pub struct Room {
    pub state_percent: u128,
    /// The shorter period first.
    pub caps: Vec<(Cap, u128)>,
    /// The size of each cap, a tier's where it has one, in the same order.
    pub limits: Vec<u128>,
    /// Of each cap, in the same order.
    pub buckets: Vec<Bucket>,
    /// Who would pay the state's part, in order; none when the file names nobody.
    pub sources: Vec<Source>,
}

impl Room {
    /// The cap with the least room, of several the one with the shortest period.
    pub fn smallest(&self) -> (Cap, u128) {
        let mut smallest = self.caps[0];
        for (cap, room) in &self.caps {
            if *room < smallest.1 {
                smallest = (*cap, *room);
            }
        }
        smallest
    }

    /// The longest period whose room is used up.
    pub fn longest_empty(&self) -> Option<Cap> {
        self.caps
            .iter()
            .rev()
            .find(|(_, room)| *room == 0)
            .map(|(cap, _)| *cap)
    }

    /// Which caps counted, and what was left in each.
    pub fn explanation(&self) -> Value {
        let mut caps = json!({});
        for ((cap, _), limit) in self.caps.iter().zip(&self.limits) {
            caps[cap.name()] = number(*limit);
        }
        json!({ "caps": caps, "room_before": self.remaining(0) })
    }

    /// The `remaining` object once that much is taken.
    pub fn remaining(&self, taken: u128) -> Value {
        let mut left = json!({});
        for (cap, room) in &self.caps {
            left[cap.name()] = number(room - taken);
        }
        left
    }
}

impl Model {
    /// What is left today to the holder of the right in each cap of the benefit. A household's benefit has no
    /// holder unless the right names a household.
    pub fn room(
        &self,
        citizen_id: &str,
        right: &Right,
        programme: &Programme,
        benefit: &Benefit,
    ) -> Option<Room> {
        let holder = if benefit.household {
            Holder::Household(right.household_id.clone()?)
        } else {
            Holder::Person(citizen_id.to_owned())
        };
        let mut room = Room {
            state_percent: benefit.state_percent,
            caps: Vec::new(),
            limits: Vec::new(),
            buckets: Vec::new(),
            sources: Vec::new(),
        };
        for (cap, limit) in &benefit.caps {
            let bucket = Bucket {
                holder: holder.clone(),
                program: programme.id.clone(),
                benefit: benefit.id.clone(),
                period: cap.period(self.today()),
            };
            let limit = right.limit(programme, benefit, *cap, *limit);
            room.limits.push(limit);
            room.caps.push((*cap, limit.saturating_sub(self.used(&bucket))));
            room.buckets.push(bucket);
        }
        room.sources = self.sources(benefit, &room.buckets[0]);
        Some(room)
    }

    /// The state money used in the bucket, less what was given back, and what open holds take.
    pub fn used(&self, bucket: &Bucket) -> u128 {
        let counted = self.used.get(bucket).copied().unwrap_or(0);
        let held = self
            .open_holds()
            .filter(|original| original.buckets.contains(bucket));
        counted + held.map(|original| original.state_amount).sum::<u128>()
    }

    /// Puts another name in the place of the citizen's, wherever it says whose the used money is.
    pub fn rename_use(&mut self, citizen_id: &str, name: &str) {
        let holder = Holder::Person(citizen_id.to_owned());
        let rename = |bucket: &mut Bucket| {
            if bucket.holder == holder {
                bucket.holder = Holder::Person(name.to_owned());
            }
        };
        for (mut bucket, used) in std::mem::take(&mut self.used) {
            rename(&mut bucket);
            self.used.insert(bucket, used);
        }
        for ((mut bucket, source), used) in std::mem::take(&mut self.funded) {
            rename(&mut bucket);
            self.funded.insert((bucket, source), used);
        }
        let held = self.holds.values_mut().map(|hold| &mut hold.original);
        for original in self.originals.values_mut().chain(held) {
            original.buckets.iter_mut().for_each(rename);
            rename(&mut original.shortest);
            if original.draw.citizen_id == citizen_id {
                name.clone_into(&mut original.draw.citizen_id);
            }
        }
        for mut draw in std::mem::take(&mut self.draws) {
            if draw.citizen_id == citizen_id {
                name.clone_into(&mut draw.citizen_id);
            }
            self.draws.insert(draw);
        }
    }
}
