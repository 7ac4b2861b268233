//! How the mistakes are planted that show when a right goes from wallet to wallet, and when programme files change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use satang_tests::oracle::Model;
use satang_tests::oracle::forms::parse_uuid;
use satang_tests::oracle::holds::HoldState;
use satang_tests::oracle::rights::Right;
use satang_tests::oracle::room::{Bucket, Holder};

use super::{Mistake, ModelSystem, copy_if};

/// By citizen and programme.
type ByHolder<T> = BTreeMap<(String, String), T>;

/// What there was before a request.
pub(super) struct WalletsBefore {
    rights: ByHolder<Right>,
    last_wallets: ByHolder<String>,
    quotas: BTreeMap<String, Option<u64>>,
}

impl ModelSystem {
    /// Looks at what there is before a request, and plants what must be wrong while it is decided.
    pub(super) fn before_wallets(&mut self, path: &str) -> WalletsBefore {
        let mut quotas = BTreeMap::new();
        if self.mistake == Mistake::ImportPassesTheQuota && path == "/v1/enrollments/import" {
            for (id, programme) in &mut self.model.programmes {
                if let Some(registration) = &mut programme.registration {
                    quotas.insert(id.clone(), registration.quota.take());
                }
            }
        }
        if self.mistake == Mistake::ReplacementIsDecidedAgain {
            self.model.replacements.clear();
        }
        let is_looked_at =
            path.ends_with("/replacement") || ["/v1/enrollments/import", "/v1/registrations"].contains(&path);
        WalletsBefore {
            rights: copy_if(is_looked_at, &self.model.rights),
            last_wallets: copy_if(is_looked_at, &self.model.last_wallets),
            quotas,
        }
    }

    /// The mistakes that show once a right has gone from wallet to wallet.
    pub(super) fn spoil_wallets(&mut self, path: &str, before: WalletsBefore, answer: &Value) {
        for (id, quota) in &before.quotas {
            let programme = self.model.programmes.get_mut(id).unwrap();
            programme.registration.as_mut().unwrap().quota = *quota;
        }
        let is_new = answer["decision"] == "accepted" && answer["replayed"] != true;
        if path.ends_with("/moves") && answer["changed"] == true {
            self.spoil_move(answer);
        }
        if path.ends_with("/replacement") && is_new {
            self.spoil_replacement(&before, answer);
        }
        if path == "/v1/enrollments/import" {
            self.spoil_lines(&before);
        }
        if path == "/v1/registrations" && is_new && self.mistake == Mistake::RegistrationLeavesTheUseBehind {
            for holder in came_through_another(&self.model, &before) {
                leave_behind(&mut self.model, &holder);
            }
        }
    }

    fn spoil_move(&mut self, answer: &Value) {
        let citizen_id = owner(&self.model, &answer["wallet_id"]);
        let from = (citizen_id, answer["from_program"].as_str().unwrap().to_owned());
        match self.mistake {
            Mistake::MoveLeavesTheUseBehind => leave_behind(&mut self.model, &from),
            Mistake::MoveForgetsTheFirstUse => _ = self.model.first_uses.remove(&from),
            _ => {}
        }
    }

    fn spoil_replacement(&mut self, before: &WalletsBefore, answer: &Value) {
        let [old, new] = ["wallet_id", "new_wallet_id"].map(|key| answer[key].as_str().unwrap());
        let went: Vec<(String, String)> = before
            .rights
            .iter()
            .filter(|(_, right)| right.wallet_id == old)
            .map(|(holder, _)| holder.clone())
            .collect();
        let model = &mut self.model;
        for holder in &went {
            let right = model.rights.get_mut(holder).unwrap();
            match self.mistake {
                Mistake::ReplacementLeavesTheUseBehind => leave_behind(model, holder),
                Mistake::ReplacementForgetsTheFirstUse => _ = model.first_uses.remove(holder),
                Mistake::ReplacementForgetsTheDates => right.usable_from = None,
                Mistake::ReplacementForgetsTheHousehold => right.household_id = None,
                Mistake::ReplacementWakesTheLapsed => right.has_lapsed = false,
                Mistake::ReplacedWalletStaysOpen => old.clone_into(&mut right.wallet_id),
                _ => {}
            }
        }
        match self.mistake {
            Mistake::CitizensSuspensionStaysBehind => model.last_wallets.clone_from(&before.last_wallets),
            Mistake::WalletsSuspensionGoesAlong if model.wallets[old].suspended => {
                model.wallets.get_mut(new).unwrap().suspended = true;
            }
            _ => {}
        }
    }

    fn spoil_lines(&mut self, before: &WalletsBefore) {
        for holder in came_through_another(&self.model, before) {
            match self.mistake {
                Mistake::ImportLeavesTheUseBehind => leave_behind(&mut self.model, &holder),
                Mistake::ImportForgetsTheFirstUse => _ = self.model.first_uses.remove(&holder),
                _ => {}
            }
        }
        for (holder, right) in &mut self.model.rights {
            let earlier = before.rights.get(holder);
            match (self.mistake, earlier) {
                (Mistake::LineTakesTheReturningDate, Some(earlier)) if earlier.is_returning => {
                    right.is_returning = false;
                    right.usable_from = None;
                }
                (Mistake::LineKeepsTheFirstDate, Some(earlier)) if earlier.usable_from.is_some() => {
                    right.usable_from = earlier.usable_from;
                    right.is_returning = earlier.is_returning;
                }
                (Mistake::SuccessorHasTheDateOfTheLapsed, Some(earlier))
                    if earlier.has_lapsed && right.usable_from.is_none() =>
                {
                    right.usable_from = earlier.usable_from;
                }
                _ => {}
            }
        }
    }

    /// The mistakes that show when a purchase is taken back where its right is no more, and when tombstones stand.
    pub(super) fn spoil_taken_back(&mut self, path: &str, answer: &Value) {
        let txn_id = answer["txn_id"].as_str().and_then(parse_uuid);
        let (Some(txn_id), false) = (txn_id, answer["replayed"] == true) else {
            return;
        };
        let model = &mut self.model;
        match self.mistake {
            Mistake::VoidOfTheUnknownIsDecidedAnew => _ = model.tombstone_voids.remove(&txn_id),
            Mistake::LateHoldForgetsTheTombstone if answer["reason"] == "reversed_before_arrival" => {
                model.tombstones.remove(&txn_id);
                model.tombstone_voids.remove(&txn_id);
            }
            Mistake::ReversalHidesTheVoid if path.ends_with("/reversals") => {
                model.tombstone_voids.remove(&txn_id);
            }
            _ => {}
        }
        let is_approved = answer["reason"] == "approved";
        let was_given_back = is_approved && (path.ends_with("/void") || path.ends_with("/reversals"));
        if !was_given_back || !has_gone_elsewhere(model, txn_id) {
            return;
        }
        let returned = u128::from(answer["state_amount"].as_u64().unwrap());
        match (
            self.mistake,
            model.holds.get(&txn_id),
            model.originals.get(&txn_id),
        ) {
            (Mistake::DrawStaysAfterAVoidElsewhere, Some(hold), _)
                if matches!(hold.state, HoldState::Voided(_)) =>
            {
                model.draws.insert(hold.original.draw.clone());
            }
            (Mistake::RefundIsLostElsewhere, _, Some(original)) => {
                for bucket in &original.buckets {
                    *model.used.get_mut(bucket).unwrap() += returned;
                }
            }
            _ => {}
        }
    }

    /// The mistakes that show in an answer about wallets.
    pub(super) fn spoil_shown(&self, answer: &mut Value) {
        if self.mistake == Mistake::FullReversalShowsTheMoney && answer["reason"] == "approved" {
            let txn_id = answer["txn_id"].as_str().and_then(parse_uuid);
            let hold = txn_id.and_then(|txn_id| self.model.holds.get(&txn_id));
            if let Some(hold) = hold.filter(|hold| matches!(hold.state, HoldState::Reversed))
                && answer.get("reversal_id").is_some()
            {
                answer["state_amount"] = json!(hold.original.state_amount as u64);
                answer["citizen_amount"] = json!((hold.original.amount - hold.original.state_amount) as u64);
            }
        }
        if self.mistake == Mistake::NothingIsLeftOfAPlainOne && answer["reason"] == "hold_closed" {
            answer["left"] = json!(0);
        }
        if self.mistake == Mistake::DeadlineIsShownAfterUse
            && let Some(Value::Array(programs)) = answer.get_mut("programs")
        {
            for shown in programs {
                self.show_deadline(shown);
            }
        }
    }

    fn show_deadline(&self, shown: &mut Value) {
        // A merchant has programmes too, by name only.
        let programme = shown["program"].as_str();
        let programme = programme.and_then(|program| self.model.programmes.get(program));
        let registration = programme.and_then(|programme| programme.registration.as_ref());
        if let Some(deadline) = registration.and_then(|registration| registration.first_use_by) {
            let registered = shown["registered_at"].as_str().unwrap();
            let deadline = deadline.to_seconds_text();
            if registered < deadline.as_str() {
                shown["first_use_by"] = json!(deadline);
            }
        }
    }

    /// Whether a move that was rejected must look accepted.
    pub(super) fn accepts_wrongly(&self, answer: &Value) -> bool {
        if answer["reason"] != "not_registered" {
            return false;
        }
        let wallet_id = answer["wallet_id"].as_str().unwrap();
        let citizen_id = owner(&self.model, &answer["wallet_id"]);
        let [from, to] = ["from_program", "to_program"].map(|key| answer[key].as_str().unwrap());
        let wanted = self.model.live_right(&citizen_id, to);
        let is_there = wanted.is_some_and(|right| right.wallet_id == wallet_id);
        let moved_away = self.model.moved_away.get(&(citizen_id.clone(), from.to_owned()));
        match self.mistake {
            Mistake::MoveAgainIgnoresTheTerms => {
                is_there && moved_away.is_some_and(|(by, _)| by == wallet_id)
            }
            Mistake::MoveOutOfNothingIsAccepted => {
                is_there && moved_away.is_none() && self.model.live_right(&citizen_id, from).is_none()
            }
            _ => false,
        }
    }

    /// The mistakes that show when programme files have changed.
    pub(super) fn spoil_files(&mut self, gone_before: &[String]) {
        let now = self.model.now();
        for ((_, program), right) in &mut self.model.rights {
            let Some(programme) = self.model.programmes.get(program) else {
                continue;
            };
            let deadline = right.first_use_by(programme);
            match self.mistake {
                Mistake::LaterDeadlineWakesTheLapsed if deadline.is_some_and(|deadline| deadline > now) => {
                    right.has_lapsed = false;
                }
                Mistake::RemovedDeadlineWakesTheLapsed if deadline.is_none() => right.has_lapsed = false,
                Mistake::FileThatComesBackWakesTheLapsed if gone_before.contains(program) => {
                    right.has_lapsed = deadline.is_some_and(|deadline| deadline <= now);
                }
                _ => {}
            }
        }
        if self.mistake == Mistake::EffectiveFromIsIgnored {
            let coming = std::mem::take(&mut self.model.coming);
            self.model.programmes.extend(coming);
        }
    }

    /// The lapses as the files in force alone would have them.
    pub(super) fn forget_lapses(&mut self) {
        let now = self.model.now();
        for ((citizen_id, program), right) in &mut self.model.rights {
            let programme = self.model.programmes.get(program);
            let deadline = programme.and_then(|programme| right.first_use_by(programme));
            let holder = (citizen_id.clone(), program.clone());
            right.has_lapsed = deadline.is_some_and(|deadline| deadline <= now)
                && !self.model.first_uses.contains_key(&holder);
        }
    }
}

fn owner(model: &Model, wallet_id: &Value) -> String {
    let wallet = wallet_id
        .as_str()
        .and_then(|wallet_id| model.wallets.get(wallet_id));
    wallet
        .and_then(|wallet| wallet.citizen_id.clone())
        .unwrap_or_default()
}

/// Who holds now through another wallet than last time.
fn came_through_another(model: &Model, before: &WalletsBefore) -> Vec<(String, String)> {
    let rights = model.rights.iter();
    let others = rights.filter(|(holder, right)| {
        let last = before.last_wallets.get(*holder);
        last.is_some_and(|last| *last != right.wallet_id)
    });
    others.map(|(holder, _)| holder.clone()).collect()
}

/// What was used so far is nobody's any more.
fn leave_behind(model: &mut Model, (citizen_id, program): &(String, String)) {
    let holder = Holder::Person(citizen_id.clone());
    let nobody = format!("nobody {}", model.used.len());
    let leave = |bucket: &mut Bucket| {
        if bucket.holder == holder && bucket.program == *program {
            bucket.holder = Holder::Person(nobody.clone());
        }
    };
    for (mut bucket, used) in std::mem::take(&mut model.used) {
        leave(&mut bucket);
        *model.used.entry(bucket).or_insert(0) += used;
    }
    for ((mut bucket, source), used) in std::mem::take(&mut model.funded) {
        leave(&mut bucket);
        *model.funded.entry((bucket, source)).or_insert(0) += used;
    }
    let held = model.holds.values_mut().map(|hold| &mut hold.original);
    for original in model.originals.values_mut().chain(held) {
        original.buckets.iter_mut().for_each(leave);
        leave(&mut original.shortest);
    }
}

/// Whether the right that the purchase was made with is held through another wallet, or no more.
fn has_gone_elsewhere(model: &Model, txn_id: u128) -> bool {
    let purchase = &model.first_answers[&txn_id].purchase;
    let citizen_id = owner(model, &json!(purchase.wallet_id));
    let right = model.rights.get(&(citizen_id, purchase.program.clone()));
    right.is_none_or(|right| right.wallet_id != purchase.wallet_id)
}
