//! Replacements: a new phone, the old one found again, the same once more, and the wallet of somebody else.

use crate::oracle::Model;

use super::body::Body;
use super::{Generator, Step};

impl Generator {
    pub(crate) fn replace_wallet(&mut self, model: &Model) -> Step {
        let (wallet_id, body) = if !self.replacements.is_empty() && self.random.percent(35) {
            let earlier = self.earlier_replacement();
            self.replacement_again(earlier, model)
        } else {
            self.new_replacement(model)
        };
        self.replacements.push((wallet_id.clone(), body.clone()));
        let carried = model
            .rights
            .iter()
            .filter(|(_, right)| right.wallet_id == wallet_id);
        let carried: Vec<(String, String)> = carried.map(|(holder, _)| holder.clone()).collect();
        if !carried.is_empty() && self.random.percent(60) {
            let (citizen_id, program) = self.random.pick(&carried).clone();
            self.means_to_go_on(model, citizen_id, program);
        }
        let path_id = match self.random.below(100) {
            0..2 => "0049",
            _ => &wallet_id,
        };
        let path = format!("/v1/wallets/{path_id}/replacement");
        Step::call("POST", &path, self.send(&body))
    }

    /// Mostly one of the last.
    fn earlier_replacement(&mut self) -> (String, Body) {
        let last = self.replacements.len().saturating_sub(4);
        let from = if self.random.percent(70) { last } else { 0 };
        self.random.pick(&self.replacements[from..]).clone()
    }

    /// The same with or without another reason, the way back, or a step further.
    fn replacement_again(&mut self, (wallet_id, body): (String, Body), model: &Model) -> (String, Body) {
        let new_wallet_id = body.get("new_wallet_id").unwrap_or_default().to_owned();
        match self.random.below(20) {
            0..9 => (wallet_id, body),
            9..11 => (wallet_id, body.text("reason", "once more")),
            11..16 => (new_wallet_id, body.text("new_wallet_id", &wallet_id)),
            16..18 => {
                let further = self.new_wallet(model, &new_wallet_id);
                (new_wallet_id, body.text("new_wallet_id", &further))
            }
            _ => {
                let other = self.new_wallet(model, &wallet_id);
                (wallet_id, body.text("new_wallet_id", &other))
            }
        }
    }

    fn new_replacement(&mut self, model: &Model) -> (String, Body) {
        let user = self.user(model).and_then(|holder| model.rights.get(&holder));
        let wallet_id = match (self.random.below(100), user) {
            (0..3, _) => "999999999999999".to_owned(),
            (3..85, Some(right)) => right.wallet_id.clone(),
            _ => self.random.pick(&self.wallets).clone(),
        };
        let new_wallet_id = match self.random.below(100) {
            0..3 => wallet_id.clone(),
            _ => self.new_wallet(model, &wallet_id),
        };
        let reason = *self.random.pick(&["เปลี่ยนโทรศัพท์", "lost", ""]);
        let body = Body::new()
            .text("new_wallet_id", &new_wallet_id)
            .text("reason", reason);
        (wallet_id, body)
    }

    /// Mostly another wallet of the same person or one of nobody; also anybody's.
    fn new_wallet(&mut self, model: &Model, wallet_id: &str) -> String {
        let owner = |id: &str| {
            model
                .wallets
                .get(id)
                .and_then(|wallet| wallet.citizen_id.as_ref())
        };
        let of_the_same = |id: &&String| *id != wallet_id && owner(id) == owner(wallet_id);
        let same: Vec<String> = self.wallets.iter().filter(of_the_same).cloned().collect();
        let free = |id: &&String| owner(id).is_none();
        let free: Vec<String> = self.wallets.iter().filter(free).cloned().collect();
        match self.random.below(100) {
            0..45 if owner(wallet_id).is_some() && !same.is_empty() => self.random.pick(&same).clone(),
            45..80 if !free.is_empty() => self.random.pick(&free).clone(),
            _ => self.random.pick(&self.wallets).clone(),
        }
    }

    /// Earlier replacements, once more.
    pub(crate) fn closing_of_replacements(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..6.min(self.replacements.len()) {
            let (wallet_id, body) = self.random.pick(&self.replacements).clone();
            let path = format!("/v1/wallets/{wallet_id}/replacement");
            steps.push(Step::call("POST", &path, body.plain()));
        }
        steps
    }
}
