//! Moves from one programme to another: good ones, wrong ones, the same again, and there and back.

use crate::oracle::Model;

use super::body::Body;
use super::{Generator, Step};

impl Generator {
    pub(crate) fn move_person(&mut self, model: &Model) -> Step {
        if model.programmes().count() < 2 && self.random.percent(90) {
            // Nobody can move to anywhere.
            return self.import_enrollments(model);
        }
        let (wallet_id, body) = if !self.moves.is_empty() && self.random.percent(30) {
            let last = self.moves.len().saturating_sub(3);
            let from = if self.random.percent(60) { last } else { 0 };
            let earlier = self.random.pick(&self.moves[from..]).clone();
            self.move_again(earlier)
        } else {
            self.new_move(model)
        };
        self.moves.push((wallet_id.clone(), body.clone()));
        let from = body.get("from_program").unwrap_or_default();
        self.means_to_come_back(model, &wallet_id, from);
        let path_id = match self.random.below(100) {
            0..2 => "0049",
            _ => &wallet_id,
        };
        Step::call("POST", &format!("/v1/wallets/{path_id}/moves"), self.send(&body))
    }

    /// The same, the same with something else said of the right, the way back, or the same of another wallet.
    fn move_again(&mut self, (wallet_id, body): (String, Body)) -> (String, Body) {
        match self.random.below(10) {
            0..4 => (wallet_id, body),
            4..6 => {
                let mut other = body;
                let (field, value) = match self.random.below(4) {
                    0 => ("usable_from", "2026-06-20".to_owned()),
                    1 => ("tier", "no-such-tier".to_owned()),
                    _ => ("household_id", self.some_household()),
                };
                if other.get(field).is_some() && self.random.percent(50) {
                    other.remove(field);
                } else {
                    other = other.text(field, &value);
                }
                (wallet_id, other)
            }
            6..9 => {
                let from = body.get("to_program").unwrap_or_default().to_owned();
                let to = body.get("from_program").unwrap_or_default().to_owned();
                (
                    wallet_id,
                    body.text("from_program", &from).text("to_program", &to),
                )
            }
            _ => (self.random.pick(&self.wallets).clone(), body),
        }
    }

    fn new_move(&mut self, model: &Model) -> (String, Body) {
        let to = self.some_program(model);
        let (wallet_id, from) = self.mover(model, &to);
        let to = if self.random.percent(3) { from.clone() } else { to };
        let mut body = Body::new()
            .text("from_program", &from)
            .text("to_program", &to)
            .text("reason", "ย้ายสิทธิ");
        if self.random.percent(60) {
            let household_id = self.some_household();
            body = body.text("household_id", &household_id);
        }
        if self.random.percent(15) {
            let tier = self.some_tier(model);
            body = body.text("tier", &tier);
        }
        if self.random.percent(15) {
            let day = model.now().date().plus_days(self.random.between(-3, 4));
            body = body.text("usable_from", &day.to_string());
        }
        (wallet_id, body)
    }

    /// Mostly a wallet that holds a right in another programme, and mostly that programme; often somebody's who is not
    /// there yet.
    fn mover(&mut self, model: &Model, to: &str) -> (String, String) {
        let all = self.random.percent(30);
        let holders: Vec<(String, String)> = model
            .rights
            .iter()
            .filter(|((citizen_id, program), _)| {
                let there = (citizen_id.clone(), to.to_owned());
                program != to && (all || !model.rights.contains_key(&there))
            })
            .map(|((_, program), right)| (right.wallet_id.clone(), program.clone()))
            .collect();
        if self.random.percent(40)
            && let Some(holder) = self.user(model).filter(|(_, program)| program != to)
        {
            return (model.rights[&holder].wallet_id.clone(), holder.1);
        }
        if holders.is_empty() || self.random.percent(15) {
            let wallet_id = self.random.pick(&self.wallets).clone();
            return (wallet_id, self.some_program(model));
        }
        let (wallet_id, from) = self.random.pick(&holders).clone();
        match self.random.below(100) {
            0..6 => (wallet_id, self.some_program(model)),
            _ => (wallet_id, from),
        }
    }
}
