//! The campaign tested on itself: the model as a system agrees with itself, and deliberately wrong versions of
//! it are caught and cut down to a few steps.

mod mistakes;
mod reasons;
mod spoil;
mod spoil_desk;
mod spoil_wallets;

use std::collections::BTreeMap;
use std::iter;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{available_parallelism, scope};

use serde_json::{Value, json};

use satang_tests::generate::{ASKS_HOUSEHOLDS, Files, Step};
use satang_tests::oracle::Model;
use satang_tests::oracle::calendar::Instant;
use satang_tests::oracle::forms::parse_uuid;
use satang_tests::oracle::holds::HoldState;
use satang_tests::oracle::programme::Programme;
use satang_tests::oracle::versions::read_all;

use self::mistakes::{MISTAKES, Mistake, is_asked_for};
use self::reasons::wanted;
use self::spoil::{LOOKS_AT_RIGHTS, spoil_policy, with_first_day};
use satang_tests::campaign::compare::{is_kept, keys_of, own_id};
use satang_tests::campaign::{Failure, Stats, System, run};

/// The model dressed as a system, with one mistake.
struct ModelSystem {
    mistake: Mistake,
    model: Model,
    world: (Files, String),
    steps: Vec<Step>,
    sequence: u64,
    first_answers: BTreeMap<(&'static str, String), Value>,
}

impl ModelSystem {
    fn new(mistake: Mistake, programmes: &[(String, String)], start: &str) -> ModelSystem {
        let mut system = ModelSystem {
            mistake,
            model: Model::of(read_wrongly(mistake, programmes), start),
            world: (programmes.to_vec(), start.to_owned()),
            steps: Vec::new(),
            sequence: 0,
            first_answers: BTreeMap::new(),
        };
        system.spoil_files(&[]);
        system
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
        self.spoil_shown(&mut answer);
        if let Some(part) = answer.get("$subset") {
            return part.clone();
        }
        if answer.get("from_program").is_some() {
            return self.dress_move(answer);
        }
        if answer.get("$sequence").is_some() {
            return self.dress_record(answer);
        }
        if answer.get("replayed").is_none() || answer.get("sequence").is_some() {
            return answer;
        }
        if answer.get("$sequence_of").is_some() {
            return self.dress_told_again(answer);
        }
        let (own_id, is_kept) = (own_id(&answer), is_kept(&answer));
        if answer["replayed"] == true {
            let mut again = self.first_answers[&own_id].clone();
            again["replayed"] = json!(self.mistake != Mistake::ReplayNotFlagged);
            return again;
        }
        let is_recorded = match self.mistake {
            Mistake::DeclinesShareASequence => answer["decision"] == "approved",
            Mistake::ReplacementIsNotRecorded => answer.get("new_wallet_id").is_none(),
            _ => true,
        };
        if is_recorded {
            self.sequence += 3;
        }
        answer["sequence"] = json!(self.sequence);
        self.spoil_answer(&mut answer);
        answer.as_object_mut().unwrap().remove("$act");
        if is_kept {
            self.first_answers.insert(own_id, answer.clone());
        }
        answer
    }

    /// An answer with a record of its own, that is never repeated.
    fn dress_record(&mut self, mut answer: Value) -> Value {
        answer.as_object_mut().unwrap().remove("$sequence");
        let is_recorded = match self.mistake {
            Mistake::JoiningIsNotRecorded => answer.get("returning").is_none(),
            Mistake::ErasureIsNotRecorded => answer.get("wallets").is_none(),
            _ => true,
        };
        if is_recorded {
            self.sequence += 3;
        }
        answer["sequence"] = json!(self.sequence);
        answer
    }

    fn dress_move(&mut self, mut answer: Value) -> Value {
        if self.accepts_wrongly(&answer) {
            answer["decision"] = json!("accepted");
            answer["reason"] = json!("accepted");
        }
        if answer.as_object_mut().unwrap().remove("$sequence").is_some() {
            if self.mistake != Mistake::MoveIsNotRecorded {
                self.sequence += 3;
            }
            answer["sequence"] = json!(self.sequence);
        } else if self.mistake == Mistake::MovedAgainIsRejected && answer["decision"] == "accepted" {
            answer["decision"] = json!("rejected");
            answer["reason"] = json!("already_registered");
        }
        answer
    }

    /// An answer with the sequence of an earlier one, which nobody remembers.
    fn dress_told_again(&mut self, mut answer: Value) -> Value {
        let fields = answer.as_object_mut().unwrap();
        let first = fields.remove("$sequence_of").unwrap();
        let first = ("registration_id", first.as_str().unwrap().to_owned());
        let first = &self.first_answers[&first];
        answer["sequence"] = first["sequence"].clone();
        if self.mistake == Mistake::ToldAgainUnderItsOwnSequence {
            self.sequence += 3;
            answer["sequence"] = json!(self.sequence);
        }
        answer
    }

    fn spoil_answer(&self, answer: &mut Value) {
        if answer.get("state_amount").is_none() {
            return;
        }
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
        if self.mistake == Mistake::CaptureRoundsAgain && answer["$act"] == "capture" && is_approved {
            // A share of what is captured, instead of the whole less a share of what is freed.
            let txn_id = parse_uuid(answer["txn_id"].as_str().unwrap()).unwrap();
            let held = &self.model.holds[&txn_id].original;
            let captured = u128::from(state_amount + citizen_amount);
            let state_amount = (held.state_amount * captured / held.amount) as u64;
            answer["state_amount"] = json!(state_amount);
            answer["citizen_amount"] = json!(captured as u64 - state_amount);
        }
        if self.mistake == Mistake::FirstSourceGetsBackFirst && is_reversal {
            turn_funding(answer);
        }
        if self.mistake == Mistake::RemainingWithEveryDecline && answer["reason"] == "not_registered" {
            answer["remaining"] = json!({});
        }
    }
}

/// The amounts of the sources in the other order.
fn turn_funding(answer: &mut Value) {
    let Some(Value::Array(parts)) = answer.get_mut("funding") else {
        return;
    };
    let mut amounts: Vec<Value> = parts.iter().map(|part| part["amount"].clone()).collect();
    for part in parts {
        part["amount"] = amounts.pop().unwrap();
    }
}

/// The answer as a text, the keys in their order where there is one.
fn render(answer: &Value) -> String {
    if let Some(Value::Array(results)) = answer.get("results") {
        let results: Vec<String> = results.iter().map(render).collect();
        return format!("{{\"results\":[{}]}}", results.join(","));
    }
    let Some(object) = answer.as_object() else {
        return answer.to_string();
    };
    let first = keys_of(answer);
    let behind = object.keys().filter(|key| !first.contains(&key.as_str()));
    let keys = first.iter().copied().chain(behind.map(String::as_str));
    let fields = keys.filter_map(|key| Some(format!("\"{key}\":{}", object.get(key)?)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// What there was before a request, where the mistake is to look at it; copying everything each time would cost more than the model.
fn copy_if<T: Clone + Default>(is_looked_at: bool, part: &T) -> T {
    if is_looked_at { part.clone() } else { T::default() }
}

/// The list that is imported under this path.
fn list_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/lists/")?.strip_suffix("/import")
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

impl System for ModelSystem {
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.steps.push(Step::Call {
            method: method_of(method),
            path: path.to_owned(),
            body: body.to_owned(),
        });
        if self.mistake == Mistake::ListIsReplaced
            && let Some(list) = list_of(path)
        {
            self.model.lists.remove(list);
        }
        let rights_before = copy_if(LOOKS_AT_RIGHTS.contains(&self.mistake), &self.model.rights);
        let funded_before = copy_if(
            self.mistake == Mistake::RefundLeavesTheSources,
            &self.model.funded,
        );
        let uses_before = copy_if(self.mistake == Mistake::HoldIsNoFirstUse, &self.model.first_uses);
        let desk_before = self.desk();
        let wallets_before = self.before_wallets(path);
        let body = match self.mistake {
            Mistake::BirthMonthFromItsFirstDay => &with_first_day(body),
            _ => body,
        };
        let (status, answer) = self.model.call(method, path, body);
        self.spoil_state(path, body, &answer);
        self.spoil_rights(&rights_before);
        self.spoil_holds(path, &answer);
        self.spoil_desk(path, &desk_before, &answer);
        self.spoil_wallets(path, wallets_before, &answer);
        self.spoil_taken_back(path, &answer);
        if self.mistake == Mistake::HoldIsNoFirstUse && path == "/v1/holds" {
            self.model.first_uses = uses_before;
        }
        if self.mistake == Mistake::RefundLeavesTheSources {
            for (of_source, before) in funded_before {
                let used = self.model.funded.get_mut(&of_source).unwrap();
                *used = before.max(*used);
            }
        }
        (status, render(&self.dress(answer)))
    }

    fn restart(&mut self) {
        match self.mistake {
            Mistake::RestartLosesLists => self.model.lists.clear(),
            Mistake::RestartLosesFirstUses => self.model.first_uses.clear(),
            Mistake::RestartOpensVoidedHolds => {
                for hold in self.model.holds.values_mut() {
                    if matches!(hold.state, HoldState::Voided(_)) {
                        hold.state = HoldState::Open;
                    }
                }
            }
            Mistake::RestartLosesTombstones => self.model.tombstones.clear(),
            Mistake::RestartLosesFreezes => self.model.frozen.clear(),
            Mistake::RestartForgetsTheErased => self.model.erased.clear(),
            Mistake::RestartReopensCases => self.model.cases.iter_mut().for_each(|case| case.closed = None),
            Mistake::RestartLosesReplacements => self.model.replacements.clear(),
            Mistake::RestartForgetsLapses => self.forget_lapses(),
            Mistake::RestartLosesTheLastRequest => {
                self.steps.pop();
                self.model = Model::new(&self.world.0, &self.world.1);
                for step in &self.steps {
                    play_again(&mut self.model, step);
                }
            }
            _ => {}
        }
    }

    fn reload(&mut self, programmes: &[(String, String)]) -> (u16, String) {
        self.steps.push(Step::Reload(programmes.to_vec()));
        let gone = |program: &String| !self.model.programmes.contains_key(program);
        let gone: Vec<String> = self
            .model
            .rights
            .keys()
            .map(|(_, program)| program.clone())
            .filter(gone)
            .collect();
        let answer = self.model.put_in_force(read_wrongly(self.mistake, programmes));
        self.spoil_files(&gone);
        (200, render(&self.dress(answer)))
    }

    fn restart_with(&mut self, programmes: &[(String, String)], now: Instant) {
        let rights = self.model.rights.clone();
        self.restart();
        self.steps.push(Step::Down {
            programmes: programmes.to_vec(),
            now,
        });
        self.model.pass_time(now);
        if self.mistake == Mistake::FileChangedWhileDownWakesTheLapsed {
            self.model.rights = rights;
        }
        self.reload(programmes);
        self.steps.pop();
    }
}

/// The files, read with the mistake.
fn read_wrongly(mistake: Mistake, programmes: &[(String, String)]) -> Vec<Programme> {
    let mut programmes = read_all(programmes).unwrap_or_else(|reason| panic!("{reason}"));
    spoil_policy(mistake, &mut programmes);
    programmes
}

fn play_again(model: &mut Model, step: &Step) {
    match step {
        Step::Call { method, path, body } => _ = model.call(method, path, body),
        Step::Reload(programmes) => _ = model.reload(programmes),
        Step::Down { programmes, now } => {
            model.pass_time(*now);
            _ = model.reload(programmes);
        }
        Step::Restart => {}
    }
}

fn method_of(method: &str) -> &'static str {
    let methods = ["GET", "PUT"];
    methods
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("POST")
}

fn campaign(mistake: Mistake, seed: u64, steps: u64) -> Result<Stats, Failure> {
    run(seed, steps, &mut |programmes, start| {
        Box::new(ModelSystem::new(mistake, programmes, start))
    })
}

#[test]
fn the_model_agrees_with_itself_and_every_reason_is_met() {
    let stats = campaign(Mistake::None, 5, 200_000).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{stats:#?}");
    for reason in wanted() {
        assert!(
            stats.reasons.get(&reason).is_some_and(|count| *count >= 5),
            "{reason} was hardly ever met"
        );
    }
    assert!(!ASKS_HOUSEHOLDS || stats.split > 500, "{} splits", stats.split);
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

/// Every fourth mistake; all of them when `SATANG_MUTANTS` is `all`, as the campaign has it that TESTING.md records.
fn planted() -> impl Iterator<Item = Mistake> {
    let all = std::env::var("SATANG_MUTANTS").is_ok_and(|which| which == "all");
    let asked_for = MISTAKES.iter().copied().filter(|mistake| is_asked_for(*mistake));
    asked_for.step_by(if all { 1 } else { 4 })
}

#[test]
fn every_mistake_is_caught_and_cut_down_to_a_few_steps() {
    let mistakes: Vec<Mistake> = planted().collect();
    let next = AtomicUsize::new(0);
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let missed: Vec<String> = scope(|scope| {
        let worker = || {
            let number = || next.fetch_add(1, Relaxed);
            let planted = iter::from_fn(|| mistakes.get(number()).copied());
            planted.filter_map(|mistake| catch(mistake).err()).collect()
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let missed = workers.into_iter().map(|worker| worker.join().unwrap());
        missed.collect::<Vec<Vec<String>>>().concat()
    });
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    println!("{} mistakes were caught", mistakes.len());
}

/// How many campaigns a mistake may need.
const CAMPAIGNS_MAX: u64 = 10;

/// Plants the mistake and says what is wrong with how it was caught, if anything is.
fn catch(mistake: Mistake) -> Result<(), String> {
    // The rarest cases come once in some campaigns and in others never: nearly all mistakes are caught by the first.
    let mut seeds = 17..17 + CAMPAIGNS_MAX;
    let Some(failure) = seeds.find_map(|seed| campaign(mistake, seed, 200_000).err()) else {
        return Err(format!(
            "{mistake:?} was not caught in {CAMPAIGNS_MAX} campaigns of 200,000 steps"
        ));
    };
    println!(
        "{mistake:?}: {} steps, {}",
        failure.steps.len(),
        failure.mismatch.why
    );
    if failure.steps.len() > 14 {
        return Err(format!("{mistake:?} is still long:\n{failure}"));
    }
    // Somebody may come back from another programme, move to it, or be known by it.
    if failure.world.programmes.len() > 3 {
        return Err(format!("{mistake:?} needs fewer programmes:\n{failure}"));
    }
    Ok(())
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
