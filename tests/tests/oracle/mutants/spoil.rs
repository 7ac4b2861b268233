//! How each mistake is planted: in the policy as it is read, or in what is kept after a request.

use std::collections::BTreeMap;

use serde_json::Value;

use satang_tests::oracle::calendar::{Instant, Period};
use satang_tests::oracle::forms::parse_uuid;
use satang_tests::oracle::holds::HoldState;
use satang_tests::oracle::programme::Programme;
use satang_tests::oracle::purchase::Original;
use satang_tests::oracle::rights::Right;
use satang_tests::oracle::room::{Bucket, Holder};

use super::{Mistake, ModelSystem};

/// The mistakes that compare a right with what was in its place before the request.
pub(super) const LOOKS_AT_RIGHTS: [Mistake; 6] = [
    Mistake::MovingTakesTheUsedAlong,
    Mistake::MoveKeepsTheOldRight,
    Mistake::MovedRightHasTheFirstDate,
    Mistake::LineKeepsTheTier,
    Mistake::SecondRightHasTheFirstDate,
    Mistake::SecondRightStaysWithTheFirstWallet,
];

impl ModelSystem {
    /// The mistakes that show in what is kept.
    pub(super) fn spoil_state(&mut self, path: &str, body: &str, answer: &Value) {
        let is_rejected = answer["decision"] == "rejected" && answer.get("registration_id").is_some();
        match self.mistake {
            Mistake::WhoComesBackWaitsLikeTheRest => {
                let rights = self.model.rights.values_mut();
                rights.for_each(|right| right.is_returning = false);
            }
            Mistake::FormerListIsIgnored => {
                let registrations = self
                    .model
                    .programmes
                    .values()
                    .filter_map(|programme| programme.registration.as_ref());
                let returning = registrations.filter_map(|registration| registration.returning.as_ref());
                for returning in returning {
                    self.model.lists.remove(&returning.from_program);
                }
            }
            Mistake::ToldAgainIsRecorded => self.model.first_quota_full.clear(),
            Mistake::TicketsForTheRejected if is_rejected => {
                self.model.tickets.values_mut().for_each(|tickets| *tickets += 1);
            }
            Mistake::RejectionNamesTheWallet if is_rejected => {
                let body: Value = serde_json::from_str(body).unwrap();
                let wallet_id = body["wallet_id"].as_str().unwrap().to_owned();
                self.model.wallets.entry(wallet_id).or_default();
            }
            Mistake::DrawsCountTomorrowToo => {
                let today = self.model.now().date();
                for mut draw in self.model.draws.clone() {
                    if draw.date == today {
                        draw.date = today.plus_days(1);
                        self.model.draws.insert(draw);
                    }
                }
            }
            Mistake::ReversalTakesTheDrawAway if path.ends_with("/reversals") => {
                let given_back = |original: &&Original| original.given_back == original.amount;
                for original in self.model.originals.values().filter(given_back) {
                    self.model.draws.remove(&original.draw);
                }
            }
            Mistake::AnyApprovalIsADraw => {
                let draws = self.model.originals.values().map(|original| &original.draw);
                self.model.draws.extend(draws.cloned());
            }
            Mistake::MoveTakesATicket if path.ends_with("/moves") && answer["changed"] == true => {
                let to_program = answer["to_program"].as_str().unwrap().to_owned();
                *self.model.tickets.entry(to_program).or_insert(0) += 1;
            }
            Mistake::RefundForgetsTheMonth => {
                for original in self.model.originals.values_mut() {
                    original
                        .buckets
                        .retain(|bucket| !matches!(bucket.period, Period::Month(..)));
                }
            }
            Mistake::ReEnrollmentRestoresTheRoom
                if path == "/v1/enrollments/import" && answer["accepted"] != 0 =>
            {
                self.model.used.values_mut().for_each(|used| *used = 0);
                self.model.originals.clear();
            }
            Mistake::ReplayDecidesAgain => {
                self.model
                    .first_answers
                    .retain(|_, first| first.answer["decision"] == "approved");
            }
            _ => {}
        }
    }

    /// The mistakes that show when a right takes the place of an earlier one: [`LOOKS_AT_RIGHTS`].
    pub(super) fn spoil_rights(&mut self, before: &BTreeMap<(String, String), Right>) {
        if self.mistake == Mistake::MovingTakesTheUsedAlong {
            self.take_along(before);
        }
        if [Mistake::MoveKeepsTheOldRight, Mistake::MovedRightHasTheFirstDate].contains(&self.mistake) {
            self.half_move(before);
        }
        for (holder, right) in &mut self.model.rights {
            let Some(earlier) = before.get(holder) else {
                continue;
            };
            match self.mistake {
                Mistake::LineKeepsTheTier if right.tier.is_none() => right.tier.clone_from(&earlier.tier),
                Mistake::SecondRightHasTheFirstDate => right.registered_at = earlier.registered_at,
                Mistake::SecondRightStaysWithTheFirstWallet => right.wallet_id.clone_from(&earlier.wallet_id),
                _ => {}
            }
        }
    }

    /// The mistakes that show in what became of a hold.
    pub(super) fn spoil_holds(&mut self, path: &str, answer: &Value) {
        if self.mistake == Mistake::HoldsAreAuthorizations {
            let firsts = self.model.first_answers.values_mut();
            firsts.for_each(|first| first.purchase.expires_in_s = None);
        }
        let txn_id = answer["txn_id"].as_str().and_then(parse_uuid);
        let (Some(txn_id), false) = (txn_id, answer["replayed"] == true) else {
            return;
        };
        let is_approved = answer["decision"] == "approved";
        if self.mistake == Mistake::VoidPlantsNoTombstone && path.ends_with("/void") && is_approved {
            self.model.tombstones.remove(&txn_id);
        }
        let Some(hold) = self.model.holds.get_mut(&txn_id) else {
            return;
        };
        match self.mistake {
            Mistake::HoldTakesNoRoom => hold.original.buckets.clear(),
            Mistake::HoldExpiresOneMillisecondLate if path == "/v1/holds" => hold.expires_at.0 += 1,
            Mistake::ReversedHoldMayBeCaptured if matches!(hold.state, HoldState::Reversed) => {
                hold.state = HoldState::Open;
            }
            Mistake::PartialReversalVoidsTheHold if answer["reason"] == "hold_open" => {
                hold.state = HoldState::Reversed;
            }
            Mistake::VoidedHoldStaysADraw if path.ends_with("/void") && is_approved => {
                self.model.draws.insert(hold.original.draw.clone());
            }
            Mistake::VoidAgainIsAnotherOne if matches!(hold.state, HoldState::Voided(_)) => {
                hold.state = HoldState::Reversed;
            }
            _ => {}
        }
        if path.ends_with("/capture") && is_approved {
            self.spoil_capture(txn_id);
        }
    }

    fn spoil_capture(&mut self, txn_id: u128) {
        let model = &mut self.model;
        let (hold, original) = match (model.holds.get_mut(&txn_id), model.originals.get(&txn_id)) {
            (Some(hold), Some(original)) => (hold, original),
            _ => return,
        };
        match self.mistake {
            Mistake::CaptureFreesNothing => {
                for bucket in &original.buckets {
                    *model.used.get_mut(bucket).unwrap() += original.state_given_back();
                }
            }
            Mistake::CaptureIsNoDraw => _ = model.draws.remove(&original.draw),
            Mistake::CaptureAgainIsClosed => hold.state = HoldState::Captured(0, Value::Null),
            // It is still looked at as an open hold, and what was counted is not.
            Mistake::CapturedHoldStillExpires => {
                let taken = original.state_amount - original.state_given_back();
                for bucket in &original.buckets {
                    *model.used.get_mut(bucket).unwrap() -= taken;
                }
                hold.original.state_amount = taken;
                hold.state = HoldState::Open;
            }
            _ => {}
        }
    }

    /// Of who has moved something stays: the right in the programme before, or its date.
    fn half_move(&mut self, before: &BTreeMap<(String, String), Right>) {
        for (holder, earlier) in before {
            if self.model.rights.contains_key(holder) {
                continue;
            }
            if self.mistake == Mistake::MoveKeepsTheOldRight {
                self.model.rights.insert(holder.clone(), earlier.clone());
                continue;
            }
            let rights = self.model.rights.iter_mut();
            let mut new = rights.filter(|(key, _)| key.0 == holder.0 && !before.contains_key(*key));
            if let Some((_, right)) = new.next() {
                right.registered_at = earlier.registered_at;
            }
        }
    }

    /// Who moves to another household brings there what was used in the one before.
    fn take_along(&mut self, before: &BTreeMap<(String, String), Right>) {
        for (holder, right) in self.model.rights.clone() {
            let Some(from) = before.get(&holder).and_then(|right| right.household_id.clone()) else {
                continue;
            };
            let Some(to) = right.household_id.filter(|to| *to != from) else {
                continue;
            };
            let (from, to) = (Holder::Household(from), Holder::Household(to));
            let brought = |mut bucket: Bucket| {
                if bucket.holder == from {
                    bucket.holder = to.clone();
                }
                bucket
            };
            for (bucket, used) in std::mem::take(&mut self.model.used) {
                *self.model.used.entry(brought(bucket)).or_insert(0) += used;
            }
            for ((bucket, source), used) in std::mem::take(&mut self.model.funded) {
                *self.model.funded.entry((brought(bucket), source)).or_insert(0) += used;
            }
            for original in self.model.originals.values_mut() {
                original.shortest = brought(original.shortest.clone());
                original.buckets = original.buckets.drain(..).map(brought).collect();
            }
        }
    }
}

/// The text with every month of birth written as its first day.
pub(super) fn with_first_day(body: &str) -> String {
    const KEY: &str = "\"birth_date\":\"";
    let parts: Vec<String> = body
        .split(KEY)
        .map(|part| match part.get(7..8) {
            Some("\"") if part.as_bytes()[4] == b'-' => format!("{}-01{}", &part[..7], &part[7..]),
            _ => part.to_owned(),
        })
        .collect();
    parts.join(KEY)
}

/// The mistakes that show in how a programme is read.
pub(super) fn spoil_policy(mistake: Mistake, programmes: &mut [Programme]) {
    let ids: Vec<String> = programmes.iter().map(|programme| programme.id.clone()).collect();
    for programme in programmes {
        match mistake {
            Mistake::UsableFromIgnored => programme.usable_from = None,
            Mistake::ExclusiveIsIgnored => programme.exclusive_with.clear(),
            // Of two neighbours the later one names nobody.
            Mistake::NobodyIsNamedFromTheOtherSide => {
                programme
                    .exclusive_with
                    .retain(|other| *other > programme.id && ids.contains(other));
            }
            _ => {}
        }
        if let Some(window) = &mut programme.merchant_registration {
            match mistake {
                Mistake::WhoReturnsJoinsWithTheRest => window.returning_closes = None,
                Mistake::AnyProgrammeIsTheEarlierOne => window.returning_from = None,
                Mistake::MerchantsJoinOneDayLonger => {
                    window.closes = window.closes.map(|closes| closes.plus_days(1));
                }
                _ => {}
            }
        }
        if let Some(registration) = &mut programme.registration {
            match mistake {
                Mistake::OpensOneDayLate => registration.opens = registration.opens.plus_days(1),
                Mistake::QuotaOneTooMany => registration.quota = registration.quota.map(|quota| quota + 1),
                Mistake::LapsesOneMillisecondLate => {
                    registration.first_use_by = registration.first_use_by.map(|by| Instant(by.0 + 1));
                }
                Mistake::WhoComesBackMustWait => {
                    let opens = registration.opens;
                    let returning = registration.returning.iter_mut();
                    returning.for_each(|returning| returning.opens = opens);
                }
                Mistake::TierCapsIgnored => registration.tiers.iter_mut().for_each(|tier| tier.caps.clear()),
                _ => {}
            }
        }
        for benefit in &mut programme.benefits {
            match mistake {
                Mistake::ExhaustedRuleSwapped => benefit.citizen_pays = !benefit.citizen_pays,
                Mistake::HouseholdsAreIgnored => benefit.household = false,
                Mistake::SourcesInAnotherOrder => benefit.funded_by.reverse(),
                Mistake::SourceOneSatangHigh => {
                    let sources = benefit.funded_by.iter_mut();
                    sources.for_each(|(_, up_to)| *up_to = up_to.map(|up_to| up_to + 1));
                }
                Mistake::LongerCapOnATie => benefit.caps.reverse(),
                Mistake::DayCapOneSatangHigh if benefit.caps[0].0.name() == "day" => benefit.caps[0].1 += 1,
                _ => {}
            }
            for channel in &mut benefit.channels {
                match mistake {
                    Mistake::ClosesOneMillisecondLate => channel.closes_ms += 1,
                    Mistake::EndsOneDayEarly => channel.to = channel.to.plus_days(-1),
                    _ => {}
                }
            }
        }
    }
}
