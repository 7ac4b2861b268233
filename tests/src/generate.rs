//! Seeded random worlds: programme files, and requests in which everything collides with everything.
//!
//! A step is a finished text, so that a failing sequence can be cut down and run again without the generator.

pub mod admin_requests;
pub mod body;
pub mod clock_moves;
pub mod money_requests;
pub mod programmes;
pub mod random;

use std::fmt;

use crate::oracle::Model;

use self::body::Body;
use self::random::Random;

/// One thing that happens to the system under test.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A request.
    Call {
        /// The HTTP method.
        method: &'static str,
        /// The path, without a query.
        path: String,
        /// The body, empty for a GET.
        body: String,
    },
    /// The system stops and starts again on the same data.
    Restart,
}

impl Step {
    pub(crate) fn call(method: &'static str, path: &str, body: String) -> Step {
        Step::Call {
            method,
            path: path.to_owned(),
            body,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Call { method, path, body } if body.is_empty() => write!(f, "{method} {path}"),
            Step::Call { method, path, body } => write!(f, "{method} {path}  {body}"),
            Step::Restart => write!(f, "(restart)"),
        }
    }
}

/// Makes the steps of one episode. It watches the model to aim at edges; it never decides what is right.
pub struct Generator {
    pub(crate) random: Random,
    pub(crate) wallets: Vec<String>,
    pub(crate) merchants: Vec<String>,
    pub(crate) citizens: Vec<String>,
    /// Authorizations sent so far, the same id as often as it was sent.
    pub(crate) purchases: Vec<Body>,
    /// Reversals sent so far: path id and body.
    pub(crate) reversals: Vec<(String, Body)>,
    /// Ids that were reversed before any original came.
    pub(crate) awaited: Vec<String>,
}

impl Generator {
    /// A generator that always makes the same steps from the same seed and model.
    pub fn new(seed: u64) -> Generator {
        let mut random = Random::new(seed);
        Generator {
            wallets: (0..7).map(|number| format!("00499991234567{number}")).collect(),
            merchants: (0..9).map(|number| format!("01055501234567{number}")).collect(),
            citizens: (0..6).map(|_| random.citizen_id()).collect(),
            purchases: Vec::new(),
            reversals: Vec::new(),
            awaited: Vec::new(),
            random,
        }
    }

    /// The next step of an episode.
    pub fn step(&mut self, model: &mut Model) -> Step {
        match self.random.below(1000) {
            0..410 => self.authorize(model),
            410..570 => self.reverse(model),
            570..650 => self.quote(model),
            650..690 => self.batch(model),
            690..780 => self.look_up(),
            780..800 => self.put_merchant(model),
            800..810 => self.import_merchants(model),
            810..850 => self.import_enrollments(model),
            850..880 => self.put_wallet_status(model),
            880..900 => self.put_programme_status(model),
            900..993 => self.move_clock(model),
            _ => Step::Restart,
        }
    }

    /// What closes an episode: after a restart every wallet is looked at and old ids are sent again.
    pub fn closing(&mut self) -> Vec<Step> {
        let mut steps = vec![Step::Restart];
        for wallet_id in &self.wallets {
            steps.push(Step::call(
                "GET",
                &format!("/v1/wallets/{wallet_id}"),
                String::new(),
            ));
        }
        for _ in 0..10.min(self.purchases.len()) {
            let body = self.random.pick(&self.purchases).clone();
            steps.push(Step::call("POST", "/v1/authorizations", body.plain()));
        }
        for _ in 0..10.min(self.reversals.len()) {
            let (txn_id, body) = self.random.pick(&self.reversals).clone();
            steps.push(Step::call(
                "POST",
                &format!("/v1/authorizations/{txn_id}/reversals"),
                body.plain(),
            ));
        }
        steps
    }

    /// The body as it goes out: now and then spoilt, now and then in an unusual but valid spelling.
    pub(crate) fn send(&mut self, body: &Body) -> String {
        if self.random.percent(4) {
            body.spoilt(&mut self.random)
        } else {
            body.spelt(&mut self.random)
        }
    }
}
