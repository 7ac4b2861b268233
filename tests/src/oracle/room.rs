//! What is left in the caps of a benefit, and whose room it is: that of a wallet, or of a household whose wallets
//! share it.

use serde_json::{Value, json};

use super::Model;
use super::calendar::Period;
use super::funding::Source;
use super::programme::{Benefit, Cap, Programme};
use super::purchase::number;
use super::rights::Right;

/// Who holds a benefit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// One person, through a wallet.
    Wallet(String),
    /// Everybody whose right names the household.
    Household(String),
}

/// Where the state's money is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket {
    pub holder: Holder,
    pub program: String,
    pub benefit: String,
    /// The period it counts over.
    pub period: Period,
}

/// The room a holder has in one benefit before a decision.
pub(crate) struct Room {
    pub state_percent: u128,
    /// The shorter period first.
    pub caps: Vec<(Cap, u128)>,
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
    pub(crate) fn room(&self, right: &Right, programme: &Programme, benefit: &Benefit) -> Option<Room> {
        let holder = if benefit.household {
            Holder::Household(right.household_id.clone()?)
        } else {
            Holder::Wallet(right.wallet_id.clone())
        };
        let mut room = Room {
            state_percent: benefit.state_percent,
            caps: Vec::new(),
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
            room.caps.push((*cap, limit.saturating_sub(self.used(&bucket))));
            room.buckets.push(bucket);
        }
        room.sources = self.sources(benefit, &room.buckets[0]);
        Some(room)
    }

    /// The state money used in the bucket, less what was given back, and what open holds take.
    pub(crate) fn used(&self, bucket: &Bucket) -> u128 {
        let counted = self.used.get(bucket).copied().unwrap_or(0);
        let held = self
            .open_holds()
            .filter(|original| original.buckets.contains(bucket));
        counted + held.map(|original| original.state_amount).sum::<u128>()
    }
}
