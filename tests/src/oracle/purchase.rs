//! Purchases: the checks in the contract's order, the split, quotes and batches.

use serde_json::{Map, Value, json};

use super::calendar::Instant;
use super::exclusive::Draw;
use super::forms::{self, BILL_MAX, BadFields, Form};
use super::funding::{self, Part};
use super::holds::{Hold, HoldState};
use super::json::Json;
use super::programme::{Benefit, Cap, Programme};
use super::room::{Bucket, Room};
use super::{Model, conflict, malformed};

/// The most elements one batch may have.
const BATCH_MAX: usize = 10_000;

/// The longest a hold may stand: a week.
const HOLD_MAX_S: u128 = 604_800;

/// What is asked for: the content an id is compared by, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    pub program: String,
    pub wallet_id: String,
    pub merchant_id: String,
    pub channel: String,
    pub amount: u128,
    pub eligible_amount: u128,
    /// After how many seconds it is forgotten; only of a hold.
    pub expires_in_s: Option<u128>,
}

impl Purchase {
    /// When a hold that is taken now expires.
    fn expires_at(&self, now: Instant) -> Option<Instant> {
        let seconds = i64::try_from(self.expires_in_s?).ok()?;
        Some(Instant(now.0 + 1000 * seconds))
    }
}

/// The content an id came with first, and what it was told.
pub struct FirstAnswer {
    pub purchase: Purchase,
    pub answer: Value,
    /// The caps that counted and the room in each, once the checks got as far.
    pub explanation: Option<Value>,
}

/// An approved purchase and how much of it has been given back.
#[derive(Clone, Debug)]
pub struct Original {
    pub merchant_id: String,
    pub amount: u128,
    pub state_amount: u128,
    pub given_back: u128,
    /// The buckets its state share was taken from.
    pub buckets: Vec<Bucket>,
    /// The bucket of the benefit's shortest cap, in whose period the sources are counted.
    pub shortest: Bucket,
    /// What each source paid of the state's part.
    pub funding: Vec<Part>,
    /// Whose it is, of which programme and date; a draw unless the state's part is 0.
    pub draw: Draw,
}

impl Original {
    /// How much of it is still not given back.
    pub fn left(&self) -> u128 {
        self.amount - self.given_back
    }

    /// What the state has got back so far: its share of what was given back, rounded down.
    pub fn state_given_back(&self) -> u128 {
        self.state_amount * self.given_back / self.amount
    }
}

/// A decision that nothing has acted on yet.
struct Verdict {
    reason: &'static str,
    state_amount: u128,
    limited_by: Option<Cap>,
    /// Known once the checks have got as far as the wallet's right in the programme.
    room: Option<Room>,
    /// What each source pays; only of an approval.
    funding: Vec<Part>,
}

impl Verdict {
    fn declined(reason: &'static str, room: Option<Room>) -> Verdict {
        Verdict {
            reason,
            state_amount: 0,
            limited_by: None,
            room,
            funding: Vec::new(),
        }
    }

    fn is_approved(&self) -> bool {
        self.reason == "approved"
    }
}

/// What the state pays of a bill before any cap.
pub fn share(eligible_amount: u128, state_percent: u128) -> u128 {
    eligible_amount * state_percent / 100
}

/// The largest bill whose share fits into the room.
pub fn fully_subsidised_up_to(room: u128, state_percent: u128) -> u128 {
    // The largest A with A·p/100 < room + 1, that is A·p < 100·(room + 1).
    let first_too_large = (100 * (room + 1)).div_ceil(state_percent);
    BILL_MAX.min(first_too_large - 1)
}

/// The ISO 8583 response code that goes with a reason of a purchase.
fn response_code(reason: &str) -> &'static str {
    match reason {
        "approved" => "00",
        "reversed_before_arrival" => "12",
        "merchant_unknown" | "merchant_suspended" => "03",
        "program_unknown" | "merchant_not_in_program" | "category_not_allowed" => "58",
        "program_suspended"
        | "channel_not_allowed"
        | "not_in_spending_period"
        | "outside_hours"
        | "not_yet_usable"
        | "drawn_elsewhere_today" => "57",
        "wallet_unknown" => "14",
        "not_registered" => "56",
        "entitlement_lapsed" => "54",
        "wallet_suspended" => "62",
        "amount_too_small" => "13",
        "daily_cap_exhausted"
        | "monthly_cap_exhausted"
        | "quarterly_cap_exhausted"
        | "program_cap_exhausted" => "61",
        other => unreachable!("no such reason: {other}"),
    }
}

impl Model {
    pub fn authorize(&mut self, body: &str) -> Value {
        match forms::body(body).and_then(|value| read_authorization(&value)) {
            Ok((txn_id, purchase)) => self.authorize_one(txn_id, purchase),
            Err(fields) => malformed(fields),
        }
    }

    pub fn hold(&mut self, body: &str) -> Value {
        match forms::body(body).and_then(|value| read_hold(&value)) {
            Ok((txn_id, purchase)) => self.authorize_one(txn_id, purchase),
            Err(fields) => malformed(fields),
        }
    }

    pub fn batch(&mut self, body: &str) -> Value {
        let elements = match forms::body(body).and_then(|value| read_batch(&value)) {
            Ok(elements) => elements,
            Err(fields) => return malformed(fields),
        };
        let mut results = Vec::new();
        for element in elements {
            results.push(match read_authorization(&element) {
                Ok((txn_id, purchase)) => self.authorize_one(txn_id, purchase),
                Err(fields) => malformed(fields),
            });
        }
        json!({ "results": results })
    }

    pub fn quote(&mut self, body: &str) -> Value {
        let purchase = match forms::body(body).and_then(|value| read_quote(&value)) {
            Ok(purchase) => purchase,
            Err(fields) => return malformed(fields),
        };
        let verdict = self.decide(&purchase);
        let up_to = match &verdict.room {
            Some(room) if verdict.is_approved() || verdict.reason == "amount_too_small" => {
                fully_subsidised_up_to(room.smallest().1, room.state_percent)
            }
            _ => 0,
        };
        let mut answer = self.show(&purchase, &verdict);
        answer.insert("fully_subsidised_up_to".into(), number(up_to));
        Value::Object(answer)
    }

    fn authorize_one(&mut self, txn_id: u128, purchase: Purchase) -> Value {
        if let Some(first) = self.first_answers.get(&txn_id) {
            if first.purchase != purchase {
                return conflict("txn_id_conflict");
            }
            let mut replay = first.answer.clone();
            replay["replayed"] = json!(true);
            return replay;
        }
        let verdict = if self.tombstones.contains(&txn_id) {
            Verdict::declined("reversed_before_arrival", None)
        } else {
            self.decide(&purchase)
        };
        let mut answer = self.show(&purchase, &verdict);
        if let Some(expires_at) = purchase.expires_at(self.now) {
            answer.insert("expires_at".into(), json!(expires_at.to_milliseconds_text()));
        }
        answer.insert("txn_id".into(), json!(forms::uuid_text(txn_id)));
        answer.insert("replayed".into(), json!(false));
        let answer = Value::Object(answer);
        let explanation = verdict.room.as_ref().map(Room::explanation);
        if verdict.is_approved() {
            self.take(txn_id, &purchase, verdict);
        }
        self.first_answers.insert(
            txn_id,
            FirstAnswer {
                purchase,
                answer: answer.clone(),
                explanation,
            },
        );
        answer
    }

    /// Acts on an approval. The first one keeps the right alive, whatever the state's part was and whatever is given
    /// back.
    fn take(&mut self, txn_id: u128, purchase: &Purchase, verdict: Verdict) {
        let owner = self.wallets[&purchase.wallet_id].citizen_id.clone();
        let citizen_id = owner.expect("who may buy has registered");
        let program = purchase.program.clone();
        let holder = (citizen_id.clone(), program.clone());
        self.first_uses.entry(holder).or_insert(self.now);
        let buckets = verdict.room.expect("an approval knows its room").buckets;
        let original = Original {
            merchant_id: purchase.merchant_id.clone(),
            amount: purchase.amount,
            state_amount: verdict.state_amount,
            given_back: 0,
            shortest: buckets[0].clone(),
            buckets,
            funding: verdict.funding,
            draw: Draw {
                citizen_id,
                program,
                date: self.today(),
            },
        };
        if let Some(expires_at) = purchase.expires_at(self.now) {
            let hold = Hold {
                original,
                expires_at,
                state: HoldState::Open,
            };
            self.holds.insert(txn_id, hold);
            return;
        }
        self.count_taken(&original);
        self.originals.insert(txn_id, original);
    }

    /// The checks one after another; the first that fails is the reason.
    fn decide(&self, purchase: &Purchase) -> Verdict {
        let (programme, benefit) = match self.check_where_and_when(purchase) {
            Ok(found) => found,
            Err(reason) => return Verdict::declined(reason, None),
        };
        if !self.wallets.contains_key(&purchase.wallet_id) {
            return Verdict::declined("wallet_unknown", None);
        }
        let Some((citizen_id, right)) = self.right_through(&purchase.wallet_id, programme) else {
            return Verdict::declined("not_registered", None);
        };
        let Some(room) = self.room(citizen_id, right, programme, benefit) else {
            return Verdict::declined("not_registered", None);
        };
        if self.is_wallet_suspended(&purchase.wallet_id) {
            return Verdict::declined("wallet_suspended", Some(room));
        }
        let usable_from = right.usable_from(programme);
        if usable_from.is_some_and(|day| self.today() < day) {
            return Verdict::declined("not_yet_usable", Some(room));
        }
        if right.has_lapsed {
            return Verdict::declined("entitlement_lapsed", Some(room));
        }
        if self.has_drawn_elsewhere(citizen_id, programme) {
            return Verdict::declined("drawn_elsewhere_today", Some(room));
        }
        split(purchase, benefit, room)
    }

    /// Everything that comes before the wallet.
    fn check_where_and_when(&self, purchase: &Purchase) -> Result<(&Programme, &Benefit), &'static str> {
        let Some(programme) = self.programmes.get(&purchase.program) else {
            return Err("program_unknown");
        };
        if self.suspended_programmes.contains(&programme.id) {
            return Err("program_suspended");
        }
        let Some(merchant) = self.merchants.get(&purchase.merchant_id) else {
            return Err("merchant_unknown");
        };
        if merchant.is_suspended() {
            return Err("merchant_suspended");
        }
        if !merchant.programs.contains(&programme.id) {
            return Err("merchant_not_in_program");
        }
        let benefit = programme
            .benefits
            .iter()
            .find(|benefit| benefit.categories.contains(&merchant.category));
        let Some(benefit) = benefit else {
            return Err("category_not_allowed");
        };
        let Some(channel) = benefit
            .channels
            .iter()
            .find(|channel| channel.id == purchase.channel)
        else {
            return Err("channel_not_allowed");
        };
        if !merchant.channels.contains(&channel.id) {
            return Err("channel_not_allowed");
        }
        if channel
            .categories
            .as_ref()
            .is_some_and(|categories| !categories.contains(&merchant.category))
        {
            return Err("channel_not_allowed");
        }
        if self.today() < channel.from || self.today() > channel.to {
            return Err("not_in_spending_period");
        }
        let time = self.now.millisecond_of_day();
        if time < channel.opens_ms || time >= channel.closes_ms {
            return Err("outside_hours");
        }
        Ok((programme, benefit))
    }

    /// The answer's common part.
    fn show(&self, purchase: &Purchase, verdict: &Verdict) -> Map<String, Value> {
        let citizen_amount = if verdict.is_approved() {
            purchase.amount - verdict.state_amount
        } else {
            0
        };
        let mut answer = Map::new();
        let decision = if verdict.is_approved() {
            "approved"
        } else {
            "declined"
        };
        answer.insert("decision".into(), json!(decision));
        answer.insert("reason".into(), json!(verdict.reason));
        answer.insert("response_code".into(), json!(response_code(verdict.reason)));
        answer.insert("state_amount".into(), number(verdict.state_amount));
        answer.insert("citizen_amount".into(), number(citizen_amount));
        answer.insert("limited_by".into(), json!(verdict.limited_by.map(Cap::name)));
        if let Some(room) = &verdict.room {
            answer.insert("remaining".into(), room.remaining(verdict.state_amount));
        }
        if !verdict.funding.is_empty() {
            answer.insert("funding".into(), funding::show(&verdict.funding));
        }
        answer.insert("business_date".into(), json!(self.today().to_string()));
        answer.insert("decided_at".into(), json!(self.now.to_milliseconds_text()));
        answer
    }
}

/// The last checks and the split.
fn split(purchase: &Purchase, benefit: &Benefit, room: Room) -> Verdict {
    let wanted = share(purchase.eligible_amount, benefit.state_percent);
    let (smallest_cap, smallest_room) = room.smallest();
    if let Some(longest) = room.longest_empty() {
        if !benefit.citizen_pays {
            return Verdict::declined(longest.exhausted(), Some(room));
        }
    } else if wanted == 0 {
        return Verdict::declined("amount_too_small", Some(room));
    }
    let state_amount = wanted.min(smallest_room);
    let limited_by = if state_amount < wanted {
        Some(smallest_cap)
    } else {
        None
    };
    Verdict {
        reason: "approved",
        state_amount,
        limited_by,
        funding: funding::pay(state_amount, &room.sources),
        room: Some(room),
    }
}

/// An amount of satang as JSON.
pub fn number(amount: u128) -> Value {
    json!(u64::try_from(amount).expect("every amount is below 2^64"))
}

fn read_batch(value: &Json) -> Result<Vec<Json>, BadFields> {
    let mut form = Form::open(value)?;
    let elements = form.required("authorizations", |value| match value {
        Json::List(items) if (1..=BATCH_MAX).contains(&items.len()) => Some(items.clone()),
        _ => None,
    });
    form.finish(elements)
}

fn read_authorization(value: &Json) -> Result<(u128, Purchase), BadFields> {
    let mut form = Form::open(value)?;
    let txn_id = form.required("txn_id", forms::uuid);
    let purchase = read_purchase(&mut form);
    form.finish((txn_id, purchase))
}

fn read_hold(value: &Json) -> Result<(u128, Purchase), BadFields> {
    let mut form = Form::open(value)?;
    let txn_id = form.required("txn_id", forms::uuid);
    let mut purchase = read_purchase(&mut form);
    let expires_in_s = form.required("expires_in_s", forms::integer(1, HOLD_MAX_S));
    purchase.expires_in_s = Some(expires_in_s);
    form.finish((txn_id, purchase))
}

fn read_quote(value: &Json) -> Result<Purchase, BadFields> {
    let mut form = Form::open(value)?;
    let purchase = read_purchase(&mut form);
    form.finish(purchase)
}

fn read_purchase(form: &mut Form<'_>) -> Purchase {
    let program = form.required("program", forms::name);
    let wallet_id = form.required("wallet_id", forms::digits(15));
    let merchant_id = form.required("merchant_id", forms::digits(15));
    let channel = form.required("channel", forms::name);
    let amount = form.required("amount", forms::integer(1, BILL_MAX));
    // Without a readable amount only the widest bounds can be held against the eligible part.
    let most = if amount == 0 { BILL_MAX } else { amount };
    let eligible_amount = form
        .optional("eligible_amount", forms::integer(1, most))
        .unwrap_or(amount);
    Purchase {
        program,
        wallet_id,
        merchant_id,
        channel,
        amount,
        eligible_amount,
        expires_in_s: None,
    }
}
