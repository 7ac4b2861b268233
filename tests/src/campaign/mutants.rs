//! The campaign tested on itself: the model as a system agrees with itself, and deliberately wrong versions of
//! it are caught and cut down to a few steps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::oracle::Model;
use crate::oracle::calendar::Period;

use super::{Failure, Stats, System, run};

/// One deliberate mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    ClosesOneMillisecondLate,
    EndsOneDayEarly,
    DayCapOneSatangHigh,
    ExhaustedRuleSwapped,
    LongerCapOnATie,
    UsableFromIgnored,
    StateShareRoundedUp,
    RefundRoundedUp,
    RefundForgetsTheMonth,
    ReEnrollmentRestoresTheRoom,
    RestartLosesTheLastRequest,
    RestartLosesTombstones,
    ReplayNotFlagged,
    ReplayDecidesAgain,
    DeclinesShareASequence,
    RemainingWithEveryDecline,
}

const MISTAKES: [Mistake; 16] = [
    Mistake::ClosesOneMillisecondLate,
    Mistake::EndsOneDayEarly,
    Mistake::DayCapOneSatangHigh,
    Mistake::ExhaustedRuleSwapped,
    Mistake::LongerCapOnATie,
    Mistake::UsableFromIgnored,
    Mistake::StateShareRoundedUp,
    Mistake::RefundRoundedUp,
    Mistake::RefundForgetsTheMonth,
    Mistake::ReEnrollmentRestoresTheRoom,
    Mistake::RestartLosesTheLastRequest,
    Mistake::RestartLosesTombstones,
    Mistake::ReplayNotFlagged,
    Mistake::ReplayDecidesAgain,
    Mistake::DeclinesShareASequence,
    Mistake::RemainingWithEveryDecline,
];

/// The model dressed as a system, with one mistake.
struct ModelSystem {
    mistake: Mistake,
    model: Model,
    world: (Vec<(String, String)>, String),
    requests: Vec<[String; 3]>,
    sequence: u64,
    first_answers: BTreeMap<String, Value>,
}

impl ModelSystem {
    fn new(mistake: Mistake, programmes: &[(String, String)], start: &str) -> ModelSystem {
        let mut model = Model::new(programmes, start);
        spoil_policy(mistake, &mut model);
        ModelSystem {
            mistake,
            model,
            world: (programmes.to_vec(), start.to_owned()),
            requests: Vec::new(),
            sequence: 0,
            first_answers: BTreeMap::new(),
        }
    }

    /// Adds what the model leaves out, and the mistakes that show in an answer.
    fn dress(&mut self, mut answer: Value) -> Value {
        if let Some(results) = answer.get_mut("results").map(Value::take) {
            let results = results.as_array().cloned().unwrap_or_default();
            let dressed: Vec<Value> = results.into_iter().map(|result| self.dress(result)).collect();
            return json!({ "results": dressed });
        }
        if let Some(status) = answer.get("$problem").cloned() {
            return dress_problem(&status, &answer);
        }
        if answer.get("replayed").is_none() {
            return answer;
        }
        let id = if answer.get("reversal_id").is_some() {
            "reversal_id"
        } else {
            "txn_id"
        };
        let key = format!("{id} {}", answer[id]);
        if answer["replayed"] == true {
            let mut again = self.first_answers[&key].clone();
            again["replayed"] = json!(self.mistake != Mistake::ReplayNotFlagged);
            return again;
        }
        if self.mistake != Mistake::DeclinesShareASequence || answer["decision"] == "approved" {
            self.sequence += 3;
        }
        answer["sequence"] = json!(self.sequence);
        self.spoil_answer(&mut answer);
        self.first_answers.insert(key, answer.clone());
        answer
    }

    fn spoil_answer(&self, answer: &mut Value) {
        let is_approved = answer["decision"] == "approved";
        let is_reversal = answer.get("reversal_id").is_some();
        let state_amount = answer["state_amount"].as_u64().unwrap();
        let citizen_amount = answer["citizen_amount"].as_u64().unwrap();
        let rounds_up = match self.mistake {
            Mistake::StateShareRoundedUp => !is_reversal && answer["limited_by"].is_null(),
            Mistake::RefundRoundedUp => is_reversal && answer["left"] != 0,
            _ => false,
        };
        if rounds_up && is_approved && citizen_amount % 7 == 1 {
            answer["state_amount"] = json!(state_amount + 1);
            answer["citizen_amount"] = json!(citizen_amount - 1);
        }
        if self.mistake == Mistake::RemainingWithEveryDecline && answer["reason"] == "not_registered" {
            answer["remaining"] = json!({});
        }
    }

    /// The mistakes that show in what is kept.
    fn spoil_state(&mut self, path: &str, answer: &Value) {
        match self.mistake {
            Mistake::RefundForgetsTheMonth => {
                for original in self.model.originals.values_mut() {
                    original
                        .buckets
                        .retain(|bucket| !matches!(bucket.3, Period::Month(..)));
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
}

fn dress_problem(status: &Value, answer: &Value) -> Value {
    let mut problem = json!({ "type": "about:blank", "status": status });
    if let Some(code) = answer.get("code") {
        problem["code"] = code.clone();
    }
    if let Some(Value::Array(fields)) = answer.get("fields") {
        problem["errors"] = json!([{ "field": fields[0], "detail": "wrong" }]);
    }
    problem
}

/// The mistakes that show in how a programme is read.
fn spoil_policy(mistake: Mistake, model: &mut Model) {
    for programme in model.programmes.values_mut() {
        if mistake == Mistake::UsableFromIgnored {
            programme.usable_from = None;
        }
        for benefit in &mut programme.benefits {
            match mistake {
                Mistake::ExhaustedRuleSwapped => benefit.citizen_pays = !benefit.citizen_pays,
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

impl System for ModelSystem {
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.requests.push([method, path, body].map(str::to_owned));
        let (status, answer) = self.model.call(method, path, body);
        self.spoil_state(path, &answer);
        (status, self.dress(answer).to_string())
    }

    fn restart(&mut self) {
        match self.mistake {
            Mistake::RestartLosesTombstones => self.model.tombstones.clear(),
            Mistake::RestartLosesTheLastRequest => {
                self.requests.pop();
                self.model = Model::new(&self.world.0, &self.world.1);
                for [method, path, body] in &self.requests {
                    self.model.call(method, path, body);
                }
            }
            _ => {}
        }
    }
}

fn campaign(mistake: Mistake, seed: u64, steps: u64) -> Result<Stats, Failure> {
    run(seed, steps, &mut |programmes, start| {
        Box::new(ModelSystem::new(mistake, programmes, start))
    })
}

#[test]
fn the_model_agrees_with_itself_and_every_reason_is_met() {
    let stats = campaign(Mistake::None, 1, 120_000).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{stats:#?}");
    let reasons = [
        "program_unknown",
        "program_suspended",
        "merchant_unknown",
        "merchant_suspended",
        "merchant_not_in_program",
        "category_not_allowed",
        "channel_not_allowed",
        "not_in_spending_period",
        "outside_hours",
        "wallet_unknown",
        "not_registered",
        "wallet_suspended",
        "not_yet_usable",
        "amount_too_small",
        "daily_cap_exhausted",
        "monthly_cap_exhausted",
        "quarterly_cap_exhausted",
        "program_cap_exhausted",
    ];
    let mut wanted: Vec<String> = ["purchase", "quote"]
        .iter()
        .flat_map(|kind| {
            reasons
                .iter()
                .map(move |reason| format!("{kind} declined {reason}"))
        })
        .collect();
    wanted.extend(
        [
            "purchase approved approved",
            "purchase declined reversed_before_arrival",
            "purchase refused txn_id_conflict",
            "reversal approved approved",
            "reversal approved original_not_found",
            "reversal declined original_not_found",
            "reversal declined original_declined",
            "reversal declined already_reversed",
            "reversal declined exceeds_original",
            "reversal refused reversal_id_conflict",
            "line rejected malformed",
            "line rejected program_unknown",
            "line rejected not_supported_yet",
            "line rejected wallet_taken",
            "line rejected already_registered",
        ]
        .map(String::from),
    );
    for reason in wanted {
        assert!(
            stats.reasons.get(&reason).is_some_and(|count| *count >= 10),
            "{reason} was hardly ever met"
        );
    }
    assert!(stats.replays > 1000 && stats.limited > 1000 && stats.restarts > 100);
    assert!(
        [200, 400, 404, 409]
            .iter()
            .all(|status| stats.statuses[status] > 100)
    );
    let approved = stats.reasons["purchase approved approved"];
    assert!(
        approved * 20 > stats.steps,
        "only {approved} of {} steps are approvals",
        stats.steps
    );
}

#[test]
fn every_mistake_is_caught_and_cut_down_to_a_few_steps() {
    for mistake in MISTAKES {
        let failure = match campaign(mistake, 11, 200_000) {
            Ok(stats) => panic!("{mistake:?} was not caught in {} steps", stats.steps),
            Err(failure) => failure,
        };
        println!(
            "{mistake:?}: {} steps, {}",
            failure.steps.len(),
            failure.mismatch.why
        );
        assert!(failure.steps.len() <= 8, "{mistake:?} is still long:\n{failure}");
        assert_eq!(
            failure.world.programmes.len(),
            1,
            "{mistake:?} needs one programme:\n{failure}"
        );
    }
}

#[test]
fn a_failure_prints_everything_that_is_needed_to_see_it_again() {
    let failure = campaign(Mistake::RestartLosesTombstones, 7, 200_000).unwrap_err();
    let text = failure.to_string();
    println!("{text}");
    for part in [
        "seed 7",
        "[[benefit]]",
        "clock starts at",
        "(restart)",
        "expected: 200",
        "got:      200",
        "--seed 7",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}
