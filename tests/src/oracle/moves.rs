//! A person moves from one programme to another: one right ends and another begins, through the same wallet.

use serde_json::{Value, json};

use super::administration::with_path;
use super::forms::{self, BadFields, Form};
use super::imports::{Terms, read_terms};
use super::rights::Right;
use super::{Model, malformed};

/// What is asked for.
struct Order {
    from_program: String,
    to_program: String,
    terms: Terms,
}

impl Model {
    pub fn move_right(&mut self, wallet_id: &str, body: &str) -> Value {
        let order = match with_path("wallet_id", forms::is_digits(wallet_id, 15), read_order(body)) {
            Ok(order) => order,
            Err(fields) => return malformed(fields),
        };
        let judged = self.judge(wallet_id, &order);
        let mut answer = json!({
            "wallet_id": wallet_id,
            "from_program": order.from_program,
            "to_program": order.to_program,
            "decision": if judged.is_ok() { "accepted" } else { "rejected" },
            "reason": judged.err().unwrap_or("accepted"),
            "changed": judged == Ok(true),
        });
        if judged == Ok(true) {
            answer["$sequence"] = json!("rises");
            self.carry_out(wallet_id, &order);
        }
        answer
    }

    /// The checks one after another: whether something is to be changed, or why it may not be.
    fn judge(&self, wallet_id: &str, order: &Order) -> Result<bool, &'static str> {
        let (Some(from), Some(to)) = (
            self.version_to_show(&order.from_program),
            self.version_to_show(&order.to_program),
        ) else {
            return Err("program_unknown");
        };
        if order
            .terms
            .tier
            .as_ref()
            .is_some_and(|tier| to.tier(tier).is_none())
        {
            return Err("tier_unknown");
        }
        let Some(wallet) = self.wallets.get(wallet_id) else {
            return Err("wallet_unknown");
        };
        // A wallet that nobody owns holds nothing.
        let Some(citizen_id) = &wallet.citizen_id else {
            return Err("not_registered");
        };
        let held = self.live_right(citizen_id, &from.id);
        let wanted = self.live_right(citizen_id, &to.id);
        let came_from = (citizen_id.clone(), from.id.clone());
        let moved_away = self
            .moved_away
            .get(&came_from)
            .is_some_and(|(by, to)| by == wallet_id && *to == order.to_program);
        let is_as_ordered = |right: &Right| right.wallet_id == wallet_id && right.is_on(&order.terms);
        if moved_away && wanted.is_some_and(is_as_ordered) {
            return Ok(false);
        }
        if held.is_none_or(|right| right.wallet_id != wallet_id) {
            return Err("not_registered");
        }
        if wanted.is_some() {
            return Err("already_registered");
        }
        if let Some(block) = self.block(citizen_id) {
            return Err(block);
        }
        if self.is_full(to) {
            return Err("quota_full");
        }
        Ok(true)
    }

    fn carry_out(&mut self, wallet_id: &str, order: &Order) {
        let owner = self.wallets[wallet_id].citizen_id.clone();
        let citizen_id = owner.expect("who moves owns the wallet");
        let left = (citizen_id.clone(), order.from_program.clone());
        self.rights.remove(&left);
        self.moved_away
            .insert(left, (wallet_id.to_owned(), order.to_program.clone()));
        let right = Right::new(wallet_id, self.now).on(&order.terms);
        self.grant(&citizen_id, &order.to_program, right);
    }
}

fn read_order(body: &str) -> Result<Order, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let from_program = form.required("from_program", forms::name);
    let to_program = form.required("to_program", forms::name);
    let terms = read_terms(&mut form);
    form.required("reason", forms::label_of(0, 500));
    if from_program == to_program {
        form.fault("to_program");
    }
    form.finish(Order {
        from_program,
        to_program,
        terms,
    })
}
