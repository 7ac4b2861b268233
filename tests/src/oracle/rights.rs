//! Rights: one person's in one programme, held through one wallet. When it may be used, how much it is worth,
//! and when it lapses.

use super::Model;
use super::calendar::{Date, Instant};
use super::imports::Terms;
use super::programme::{Benefit, Cap, Programme, Registration};

/// One person's right in one programme.
#[derive(Clone, Debug)]
pub struct Right {
    /// The wallet it is held through.
    pub wallet_id: String,
    /// The instant of the registration or of the first enrollment line, its fraction of a second dropped.
    pub registered_at: Instant,
    /// The person's own first day of spending.
    pub usable_from: Option<Date>,
    /// The person's own day is the only one that counts.
    pub is_returning: bool,
    /// The tier it got, by name.
    pub tier: Option<String>,
    /// The household an enrollment line named.
    pub household_id: Option<String>,
    /// It was not used in time, and that is final.
    pub has_lapsed: bool,
    /// The deadline at which it did.
    pub lapsed_by: Option<Instant>,
}

impl Right {
    /// A right registered now, with nothing special about it.
    pub fn new(wallet_id: &str, now: Instant) -> Right {
        Right {
            wallet_id: wallet_id.to_owned(),
            registered_at: Instant(now.0 - now.0.rem_euclid(1000)),
            usable_from: None,
            is_returning: false,
            tier: None,
            household_id: None,
            has_lapsed: false,
            lapsed_by: None,
        }
    }

    /// The right with what a line or a move says of it.
    pub fn on(self, terms: &Terms) -> Right {
        Right {
            usable_from: terms.usable_from,
            tier: terms.tier.clone(),
            household_id: terms.household_id.clone(),
            ..self
        }
    }

    /// Whether this is what a move says of the right; a day that it does not name may be any.
    pub fn is_on(&self, terms: &Terms) -> bool {
        let is_day = terms.usable_from.is_none() || terms.usable_from == self.usable_from;
        is_day && terms.tier == self.tier && terms.household_id == self.household_id
    }

    /// The first day of spending, if there is one.
    pub fn usable_from(&self, programme: &Programme) -> Option<Date> {
        if self.is_returning {
            return self.usable_from;
        }
        programme.usable_from.max(self.usable_from)
    }

    /// The instant before which it must be used, if there is one: only for a right registered before it.
    pub fn first_use_by(&self, programme: &Programme) -> Option<Instant> {
        let registration = programme.registration.as_ref()?;
        registration
            .first_use_by
            .filter(|deadline| self.registered_at < *deadline)
    }

    /// The size of one of the benefit's caps for this person, in satang.
    pub fn limit(&self, programme: &Programme, benefit: &Benefit, cap: Cap, limit: u128) -> u128 {
        let tier = self.tier.as_ref().and_then(|tier| programme.tier(tier));
        let mut replaced = tier.iter().flat_map(|tier| &tier.caps);
        replaced
            .find(|(id, of, _)| *id == benefit.id && *of == cap)
            .map_or(limit, |(_, _, instead)| *instead)
    }
}

impl Model {
    /// The right this wallet holds in the programme: whose it is, and the right.
    pub fn right_through(&self, wallet_id: &str, programme: &Programme) -> Option<(&String, &Right)> {
        let owner = self.wallets.get(wallet_id)?.citizen_id.as_ref()?;
        let right = self.rights.get(&(owner.clone(), programme.id.clone()))?;
        (right.wallet_id == wallet_id).then_some((owner, right))
    }

    /// The right this citizen holds in the programme, unless it has lapsed.
    pub fn live_right(&self, citizen_id: &str, program: &str) -> Option<&Right> {
        let right = self.rights.get(&(citizen_id.to_owned(), program.to_owned()));
        right.filter(|right| !right.has_lapsed)
    }

    /// Whether the citizen has ever bought anything with a right in the programme, through whatever wallet.
    pub fn was_used(&self, citizen_id: &str, program: &str) -> bool {
        let holder = (citizen_id.to_owned(), program.to_owned());
        self.first_uses.contains_key(&holder)
    }

    /// How many rights of the programme have not lapsed.
    pub fn live_rights(&self, programme: &Programme) -> u64 {
        let of_programme = self
            .rights
            .iter()
            .filter(|((_, program), _)| *program == programme.id);
        of_programme.filter(|(_, right)| !right.has_lapsed).count() as u64
    }

    /// Whether the programme can take nobody more.
    pub fn is_full(&self, programme: &Programme) -> bool {
        let quota = programme
            .registration
            .as_ref()
            .and_then(|registration| registration.quota);
        quota.is_some_and(|quota| self.live_rights(programme) >= quota)
    }

    /// Whether the wallet belongs to somebody else.
    pub fn is_taken(&self, wallet_id: &str, citizen_id: &str) -> bool {
        let owner = self
            .wallets
            .get(wallet_id)
            .and_then(|wallet| wallet.citizen_id.as_ref());
        owner.is_some_and(|owner| owner != citizen_id)
    }

    /// Whether the citizen is on the imported list.
    pub fn is_on_list(&self, list: &str, citizen_id: &str) -> bool {
        self.lists
            .get(list)
            .is_some_and(|citizens| citizens.contains(citizen_id))
    }

    /// Whether the citizen comes back from the earlier programme: holds a live right in it, or is on its list.
    pub fn is_returning(&self, registration: &Registration, citizen_id: &str) -> bool {
        let Some(returning) = &registration.returning else {
            return false;
        };
        let from = &returning.from_program;
        // The earlier programme needs no file: who held it when its file went still holds it.
        self.live_right(citizen_id, from).is_some() || self.is_on_list(from, citizen_id)
    }

    /// Gives the citizen a right, or another one in place of the one that was there. The wallet is the citizen's
    /// from now on.
    pub fn grant(&mut self, citizen_id: &str, program: &str, right: Right) {
        let wallet = self.wallets.entry(right.wallet_id.clone()).or_default();
        wallet.citizen_id = Some(citizen_id.to_owned());
        self.known_citizens.insert(citizen_id.to_owned());
        let holder = (citizen_id.to_owned(), program.to_owned());
        self.last_wallets.insert(holder.clone(), right.wallet_id.clone());
        self.moved_away.remove(&holder);
        self.rights.insert(holder, right);
    }
}
