//! Clawback cases: money a person or a merchant is to pay back, and what of it was paid.

use serde_json::{Value, json};

use super::administration::with_path_id;
use super::calendar::{Date, Instant};
use super::forms::{self, BadFields, Form};
use super::merchants::{Note, read_letter_date};
use super::persons::{Named, read_named};
use super::purchase::number;
use super::{Model, conflict, malformed, problem};

/// How many days after the letter everything is to be paid.
const DUE_DAYS: i64 = 30;

/// The most that may be demanded or paid at once, in satang.
const AMOUNT_MAX: u128 = 1_000_000_000_000_000;

/// The most open cases that are listed.
const LISTED_MAX: usize = 100;

/// Who is to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Debtor {
    Merchant(String),
    /// The citizen, or the name of one who was erased.
    Person(String),
}

/// One demand.
#[derive(Clone, Debug)]
pub struct Case {
    pub case_id: u128,
    pub debtor: Debtor,
    /// `ordered` or `consent_withdrawn`.
    pub cause: &'static str,
    pub owed: u128,
    pub letter_date: Date,
    /// Why, and when it was opened.
    pub opened: Note,
    /// In order of time.
    pub payments: Vec<Payment>,
    /// That an operator gave the rest up.
    pub closed: Option<Note>,
}

/// Money that came in for a case.
#[derive(Clone, Debug)]
pub struct Payment {
    pub payment_id: u128,
    pub amount: u128,
    pub reason: String,
    pub at: Instant,
}

impl Case {
    fn paid(&self) -> u128 {
        self.payments.iter().map(|payment| payment.amount).sum()
    }

    /// What is still to be paid, or was given up.
    pub fn left(&self) -> u128 {
        self.owed - self.paid()
    }

    pub fn due_date(&self) -> Date {
        self.letter_date.plus_days(DUE_DAYS)
    }

    /// A case of nothing is paid from the start.
    fn state(&self) -> &'static str {
        if self.left() == 0 {
            "paid"
        } else if self.closed.is_some() {
            "closed"
        } else {
            "open"
        }
    }

    pub fn is_open(&self) -> bool {
        self.state() == "open"
    }
}

/// What a case is opened with.
struct Order {
    case_id: u128,
    named: Named,
    amount: u128,
    letter_date: Date,
    reason: String,
}

impl Model {
    pub fn case(&self, case_id: u128) -> Option<&Case> {
        self.cases.iter().find(|case| case.case_id == case_id)
    }

    pub fn has_open_case(&self, debtor: &Debtor) -> bool {
        let mut cases = self.cases.iter().filter(|case| case.debtor == *debtor);
        cases.any(Case::is_open)
    }

    pub fn open_case(&mut self, body: &str) -> Value {
        let order = match read_order(body, self.today()) {
            Ok(order) => order,
            Err(fields) => return malformed(fields),
        };
        let debtor = match self.debtor(order.named) {
            Ok(debtor) => debtor,
            Err(problem) => return problem,
        };
        if let Some(case) = self.case(order.case_id) {
            let is_the_same = case.cause == "ordered"
                && case.debtor == debtor
                && case.owed == order.amount
                && case.letter_date == order.letter_date
                && case.opened.reason == order.reason;
            return if is_the_same {
                self.show_case(case)
            } else {
                conflict("case_id_conflict")
            };
        }
        if let Debtor::Person(citizen_id) = &debtor {
            self.known_citizens.insert(citizen_id.clone());
        }
        let case = Case {
            case_id: order.case_id,
            debtor,
            cause: "ordered",
            owed: order.amount,
            letter_date: order.letter_date,
            opened: self.note(&order.reason),
            payments: Vec::new(),
            closed: None,
        };
        let shown = self.show_case(&case);
        self.cases.push(case);
        shown
    }

    /// Who is meant, or the problem that answers.
    fn debtor(&self, named: Named) -> Result<Debtor, Value> {
        if let Named::Merchant(merchant_id) = named {
            return match self.merchants.contains_key(&merchant_id) {
                true => Ok(Debtor::Merchant(merchant_id)),
                false => Err(problem(404)),
            };
        }
        self.person(&named).map(Debtor::Person)
    }

    pub fn pay(&mut self, case_id: &str, body: &str) -> Value {
        let (case_id, payment) = match with_path_id("case_id", case_id, read_payment(body, self.now)) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let Some(case) = self.cases.iter_mut().find(|case| case.case_id == case_id) else {
            return problem(404);
        };
        let known = case
            .payments
            .iter()
            .find(|known| known.payment_id == payment.payment_id);
        if let Some(known) = known {
            if known.amount != payment.amount || known.reason != payment.reason {
                return conflict("payment_id_conflict");
            }
        } else if !case.is_open() {
            return conflict("case_closed");
        } else if payment.amount > case.left() {
            return conflict("exceeds_owed");
        } else {
            case.payments.push(payment);
        }
        self.show_found(case_id)
    }

    pub fn close_case(&mut self, case_id: &str, body: &str) -> Value {
        let (case_id, reason) = match with_path_id("case_id", case_id, read_reason(body)) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let note = self.note(&reason);
        let found = self.cases.iter_mut().find(|case| case.case_id == case_id);
        if let Some(case) = found.filter(|case| case.is_open()) {
            case.closed = Some(note);
        }
        self.show_found(case_id)
    }

    pub fn show_one_case(&self, case_id: &str) -> Value {
        match with_path_id("case_id", case_id, Ok(())) {
            Ok((case_id, ())) => self.show_found(case_id),
            Err(fields) => malformed(fields),
        }
    }

    fn show_found(&self, case_id: u128) -> Value {
        match self.case(case_id) {
            Some(case) => self.show_case(case),
            None => problem(404),
        }
    }

    pub fn show_open_cases(&self) -> Value {
        let open: Vec<&Case> = self.cases.iter().filter(|case| case.is_open()).collect();
        let shown = open.iter().take(LISTED_MAX).map(|case| self.show_case(case));
        json!({ "open": open.len(), "cases": shown.collect::<Vec<_>>() })
    }

    pub fn show_case(&self, case: &Case) -> Value {
        let mut shown = json!({
            "case_id": forms::uuid_text(case.case_id),
            "cause": case.cause,
            "state": case.state(),
            "owed": number(case.owed),
            "paid": number(case.paid()),
            "left": number(case.left()),
            "letter_date": case.letter_date.to_string(),
            "due_date": case.due_date().to_string(),
            "overdue": case.is_open() && self.today() > case.due_date(),
            "reason": case.opened.reason,
            "opened_at": case.opened.since.to_milliseconds_text(),
            "payments": case.payments.iter().map(show_payment).collect::<Vec<_>>(),
        });
        match &case.debtor {
            Debtor::Merchant(merchant_id) => shown["merchant_id"] = json!(merchant_id),
            Debtor::Person(person) => shown["wallets"] = json!(self.wallets_of(person)),
        }
        if let Some(closed) = &case.closed {
            shown["closed"] = json!({
                "at": closed.since.to_milliseconds_text(),
                "reason": closed.reason,
            });
        }
        shown
    }
}

fn show_payment(payment: &Payment) -> Value {
    json!({
        "payment_id": forms::uuid_text(payment.payment_id),
        "amount": number(payment.amount),
        "reason": payment.reason,
        "at": payment.at.to_milliseconds_text(),
    })
}

fn read_order(body: &str, today: Date) -> Result<Order, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let order = Order {
        case_id: form.required("case_id", forms::uuid),
        named: read_named(&mut form, &["citizen_id", "wallet_id", "merchant_id"]),
        amount: form.required("amount", forms::integer(1, AMOUNT_MAX)),
        letter_date: read_letter_date(&mut form, today),
        reason: form.required("reason", forms::reason),
    };
    form.finish(order)
}

fn read_payment(body: &str, now: Instant) -> Result<Payment, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let payment = Payment {
        payment_id: form.required("payment_id", forms::uuid),
        amount: form.required("amount", forms::integer(1, AMOUNT_MAX)),
        reason: form.required("reason", forms::reason),
        at: now,
    };
    form.finish(payment)
}

fn read_reason(body: &str) -> Result<String, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let reason = form.required("reason", forms::reason);
    form.finish(reason)
}
