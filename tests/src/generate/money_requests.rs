//! Authorizations, quotes, batches and reversals.

use serde_json::Value;

use crate::oracle::Model;
use crate::oracle::administration::Merchant;
use crate::oracle::forms::parse_uuid;
use crate::oracle::programme::{Benefit, Channel};

use super::body::Body;
use super::{Generator, Step};

const BILL_MAX: u64 = 100_000_000;

/// What a purchase is aimed at.
struct Aim {
    program: String,
    benefit: Benefit,
    channel: String,
    /// Merchants that may sell it.
    fitting: Vec<String>,
}

impl Generator {
    pub(crate) fn authorize(&mut self, model: &mut Model) -> Step {
        let body = self.authorization(model);
        Step::call("POST", "/v1/authorizations", self.send(&body))
    }

    pub(crate) fn quote(&mut self, model: &mut Model) -> Step {
        let body = self.purchase(model);
        Step::call("POST", "/v1/quotes", self.send(&body))
    }

    pub(crate) fn batch(&mut self, model: &mut Model) -> Step {
        let text = self.batch_of("authorizations", |generator| generator.authorization(model));
        Step::call("POST", "/v1/authorizations/batch", text)
    }

    /// The text of a batch: mostly good elements, some spoilt, some twice.
    pub(crate) fn batch_of(
        &mut self,
        field: &str,
        mut element: impl FnMut(&mut Generator) -> Body,
    ) -> String {
        let count = if self.random.percent(5) {
            60
        } else {
            self.random.between(1, 10)
        };
        let mut elements: Vec<String> = Vec::new();
        for _ in 0..count {
            let body = element(self);
            elements.push(match self.random.below(100) {
                0..10 => self.spoilt_element(&body),
                10..12 => (*self.random.pick(&["null", "5", "[]", "\"x\"", "{}"])).to_owned(),
                _ => body.spelt(&mut self.random),
            });
            if self.random.percent(12) {
                elements.push(elements[self.random.below(elements.len() as u64) as usize].clone());
            }
        }
        let list = if self.random.percent(2) {
            "[]".to_owned()
        } else {
            format!("[{}]", elements.join(","))
        };
        let body = Body::new().raw(field, &list);
        if self.random.percent(3) {
            body.spoilt(&mut self.random)
        } else {
            body.plain()
        }
    }

    fn spoilt_element(&mut self, body: &Body) -> String {
        let text = body.spoilt_in_a_field(&mut self.random);
        // Too deep nesting is a fault of the whole text as much as of the element: leave it to single requests.
        if text.contains("[[[") { body.plain() } else { text }
    }

    /// A new id, a late original of a tombstone, or an id that was there before: the same or not quite.
    fn authorization(&mut self, model: &mut Model) -> Body {
        let body = if !self.purchases.is_empty() && self.random.percent(22) {
            let mut earlier = self.random.pick(&self.purchases).clone();
            // A hold's id says something else here.
            earlier.remove("expires_in_s");
            self.again(earlier, model)
        } else {
            self.new_purchase(model)
        };
        self.purchases.push(body.clone());
        body
    }

    /// A purchase under a new id, or under one whose original is awaited.
    pub(crate) fn new_purchase(&mut self, model: &mut Model) -> Body {
        let txn_id = match self.awaited.len() {
            0 => self.new_id(model),
            _ if self.random.percent(92) => self.new_id(model),
            count => self.awaited.swap_remove(self.random.below(count as u64) as usize),
        };
        self.purchase(model).text("txn_id", &txn_id)
    }

    /// An id by a client whose clock is right, three days slow or fast, or of last month; or of no clock at all.
    pub(crate) fn new_id(&mut self, model: &Model) -> String {
        const DAY_MS: i64 = 86_400_000;
        let skew_ms = match self.random.below(10) {
            0..4 => return self.random.uuid(),
            4..7 => 0,
            7 => -3 * DAY_MS,
            8 => 3 * DAY_MS,
            _ => -30 * DAY_MS,
        };
        self.random.uuid_at(model.now().0 + skew_ms)
    }

    pub(crate) fn again(&mut self, earlier: Body, model: &mut Model) -> Body {
        let txn_id = earlier
            .get("txn_id")
            .expect("every authorization has its id")
            .to_owned();
        let amount = earlier
            .get("amount")
            .expect("every authorization has its amount")
            .to_owned();
        match self.random.below(100) {
            0..45 => earlier,
            // The same content, said in the other way.
            45..65 if earlier.get("eligible_amount").is_none() => earlier.raw("eligible_amount", &amount),
            45..65 if earlier.get("eligible_amount") == Some(&amount) => {
                let mut body = earlier;
                body.remove("eligible_amount");
                body
            }
            65..90 => self.altered(earlier, model),
            _ => self.purchase(model).text("txn_id", &txn_id),
        }
    }

    fn altered(&mut self, body: Body, model: &mut Model) -> Body {
        match self.random.below(6) {
            0 => body.text("wallet_id", self.random.pick(&self.wallets).as_str()),
            1 => body.text("merchant_id", self.random.pick(&self.merchants).as_str()),
            2 => body.text("channel", "store"),
            3 => body.raw("eligible_amount", "1"),
            4 => {
                let other = self.purchase(model);
                body.text(
                    "program",
                    other.get("program").expect("every purchase has a programme"),
                )
            }
            _ => body.raw("amount", &self.random.any_size(5).to_string()),
        }
    }

    /// A purchase under a new id in this programme and through this wallet, mostly one that gets past the merchant.
    pub(crate) fn new_purchase_through(&mut self, model: &mut Model, program: &str, wallet_id: &str) -> Body {
        let mut body = self.purchase(model);
        for _ in 0..6 {
            if body.get("program") != Some(program) {
                body = self.purchase(model);
            }
        }
        let txn_id = self.new_id(model);
        let body = body.text("wallet_id", wallet_id).text("txn_id", &txn_id);
        self.with_amounts(body, model)
    }

    /// The content of a purchase, mostly one that gets past the merchant.
    fn purchase(&mut self, model: &mut Model) -> Body {
        let aim = self.aim(model);
        let program = match self.random.below(100) {
            0..2 => "no-such-programme",
            _ => &aim.program,
        };
        let wallet_id = match self.random.below(100) {
            0..3 => "999999999999999".to_owned(),
            3..50 => self.some_holder(model, &aim.program),
            _ => self.random.pick(&self.wallets).clone(),
        };
        let merchant_id = self.merchant_for(&aim);
        let channel = match self.random.below(100) {
            0..4 => "store",
            4..8 => "delivery",
            8..10 => "drone",
            10..85 => &aim.channel,
            _ => &self.random.pick(&aim.benefit.channels).id,
        };
        let body = Body::new()
            .text("program", program)
            .text("wallet_id", &wallet_id)
            .text("merchant_id", &merchant_id)
            .text("channel", channel);
        self.with_amounts(body, model)
    }

    /// A programme, benefit and channel and the merchants that fit, mostly so that something can be sold now.
    fn aim(&mut self, model: &Model) -> Aim {
        let (today, time) = (model.now().date(), model.now().millisecond_of_day());
        let mut all = Vec::new();
        for programme in model.programmes() {
            for benefit in &programme.benefits {
                for channel in &benefit.channels {
                    let is_open = (channel.from..=channel.to).contains(&today)
                        && (channel.opens_ms..channel.closes_ms).contains(&time);
                    let fitting = fitting_merchants(model, &programme.id, benefit, channel);
                    all.push((
                        is_open && !fitting.is_empty(),
                        programme,
                        benefit,
                        channel,
                        fitting,
                    ));
                }
            }
        }
        if self.random.percent(80) && all.iter().any(|(can_sell, ..)| *can_sell) {
            all.retain(|(can_sell, ..)| *can_sell);
        }
        let (_, programme, benefit, channel, fitting) = self.random.pick(&all);
        Aim {
            program: programme.id.clone(),
            benefit: (*benefit).clone(),
            channel: channel.id.clone(),
            fitting: fitting.clone(),
        }
    }

    /// A wallet through which a right in the programme is held, if there is one.
    fn some_holder(&mut self, model: &Model, program: &str) -> String {
        let rights = model.rights.iter().filter(|((_, of), _)| of == program);
        let holders: Vec<String> = rights.map(|(_, right)| right.wallet_id.clone()).collect();
        let wallets = if holders.is_empty() {
            &self.wallets
        } else {
            &holders
        };
        self.random.pick(wallets).clone()
    }

    fn merchant_for(&mut self, aim: &Aim) -> String {
        match self.random.below(100) {
            0..2 => "888888888888888".to_owned(),
            2..85 if !aim.fitting.is_empty() => self.random.pick(&aim.fitting).clone(),
            _ => self.random.pick(&self.merchants).clone(),
        }
    }

    fn with_amounts(&mut self, body: Body, model: &mut Model) -> Body {
        let near_room = if self.random.percent(30) {
            self.near_room(&body, model)
        } else {
            None
        };
        let eligible_amount = near_room.unwrap_or_else(|| match self.random.below(20) {
            0..3 => self.random.between(1, 4) as u64,
            3 => BILL_MAX - self.random.below(2),
            4..10 => self.random.any_size(8),
            _ => self.random.any_size(5),
        });
        match self.random.below(100) {
            0..55 => body.raw("amount", &eligible_amount.to_string()),
            55..70 => {
                let text = eligible_amount.to_string();
                body.raw("amount", &text).raw("eligible_amount", &text)
            }
            70..98 => {
                let amount = BILL_MAX.min(eligible_amount + self.random.any_size(5));
                body.raw("amount", &amount.to_string())
                    .raw("eligible_amount", &eligible_amount.to_string())
            }
            _ => {
                // One more than may be eligible.
                let amount = eligible_amount.max(2) - 1;
                body.raw("amount", &amount.to_string())
                    .raw("eligible_amount", &(amount + 1).to_string())
            }
        }
    }

    /// A bill whose share fits into the room to the satang, or just not.
    fn near_room(&mut self, body: &Body, model: &mut Model) -> Option<u64> {
        let (_, quote) = model.call(
            "POST",
            "/v1/quotes",
            &body.clone().raw("amount", "100000000").plain(),
        );
        let up_to = quote
            .get("fully_subsidised_up_to")
            .and_then(Value::as_u64)
            .filter(|up_to| *up_to > 0)?;
        Some(
            (up_to + self.random.below(5))
                .saturating_sub(2)
                .clamp(1, BILL_MAX),
        )
    }

    pub(crate) fn reverse(&mut self, model: &Model) -> Step {
        let (txn_id, body) = if !self.reversals.is_empty() && self.random.percent(20) {
            let earlier = self.random.pick(&self.reversals).clone();
            self.reversal_again(earlier, model)
        } else {
            self.new_reversal(model)
        };
        self.reversals.push((txn_id.clone(), body.clone()));
        let path_id = match self.random.below(100) {
            0..2 => (*self
                .random
                .pick(&["x", "0197a1d20f6e7c3a8b1e3f5d2c9a7e10", "123"]))
            .to_owned(),
            2..10 => txn_id.to_uppercase(),
            _ => txn_id,
        };
        Step::call(
            "POST",
            &format!("/v1/authorizations/{path_id}/reversals"),
            self.send(&body),
        )
    }

    fn reversal_again(&mut self, (txn_id, body): (String, Body), model: &Model) -> (String, Body) {
        match self.random.below(10) {
            0..6 => (txn_id, body),
            6 => (txn_id, body.raw("amount", "1")),
            7 => {
                let mut body = body;
                body.remove("amount");
                (txn_id, body)
            }
            8 => (txn_id, body.text("reason", "merchant_error")),
            _ => (self.new_id(model), body),
        }
    }

    fn new_reversal(&mut self, model: &Model) -> (String, Body) {
        let txn_id = self.reversal_target(model);
        let reversal_id = if self.random.percent(3) {
            txn_id.clone()
        } else {
            self.new_id(model)
        };
        let left = left_of(model, &txn_id).unwrap_or(100).max(1);
        let amount = match self.random.below(100) {
            0..40 => None,
            40..50 => Some(left),
            50..56 => Some(left + 1),
            56..66 => Some(1),
            66..70 => Some(self.random.any_size(8)),
            _ => Some(1 + self.random.below(left)),
        };
        let reason = match amount {
            Some(_) if self.random.percent(97) => *self.random.pick(&["customer_refund", "merchant_error"]),
            _ => *self
                .random
                .pick(&["timeout", "timeout", "customer_refund", "merchant_error"]),
        };
        let body = Body::new()
            .text("reversal_id", &reversal_id)
            .text("reason", reason);
        match amount {
            Some(amount) => (txn_id, body.raw("amount", &amount.min(BILL_MAX).to_string())),
            None => (txn_id, body),
        }
    }

    fn reversal_target(&mut self, model: &Model) -> String {
        match self.random.below(100) {
            0..60 if !self.purchases.is_empty() => {
                // Mostly one of the last approved ones, with something left, so that several refunds
                // meet on one bill.
                let recent = self
                    .purchases
                    .iter()
                    .rev()
                    .take(60)
                    .filter_map(|body| body.get("txn_id"));
                let approved: Vec<&str> = recent
                    .filter(|txn_id| left_of(model, txn_id).is_some_and(|left| left > 0))
                    .take(12)
                    .collect();
                let fallback = [self.purchases[0]
                    .get("txn_id")
                    .expect("every authorization has its id")];
                let choice = if approved.is_empty() {
                    &fallback[..]
                } else {
                    &approved[..]
                };
                (*self.random.pick(choice)).to_owned()
            }
            60..80 if !self.purchases.is_empty() => {
                let body = self.random.pick(&self.purchases);
                body.get("txn_id")
                    .expect("every authorization has its id")
                    .to_owned()
            }
            80..90 if !self.awaited.is_empty() => self.random.pick(&self.awaited).clone(),
            _ => {
                let txn_id = self.new_id(model);
                self.awaited.push(txn_id.clone());
                txn_id
            }
        }
    }
}

/// How much of a purchase is not given back, or of a hold that nobody has closed.
fn left_of(model: &Model, txn_id: &str) -> Option<u64> {
    let txn_id = parse_uuid(txn_id)?;
    let held = model
        .holds
        .get(&txn_id)
        .filter(|hold| hold.is_open(model.now()))
        .map(|hold| &hold.original);
    let original = model.originals.get(&txn_id).or(held)?;
    Some(original.left() as u64)
}

fn fitting_merchants(model: &Model, program: &str, benefit: &Benefit, channel: &Channel) -> Vec<String> {
    let categories = channel.categories.as_ref().unwrap_or(&benefit.categories);
    let fits = |merchant: &Merchant| {
        !merchant.is_suspended()
            && categories.contains(&merchant.category)
            && merchant.programs.iter().any(|id| id == program)
            && merchant.channels.contains(&channel.id)
    };
    let fitting = model.merchants.iter().filter(|(_, merchant)| fits(merchant));
    fitting.map(|(merchant_id, _)| merchant_id.clone()).collect()
}
