//! Seeded random worlds: programme files, and requests in which everything collides with everything.
//!
//! A step is a finished text, so that a failing sequence can be cut down and run again without the generator.

pub mod admin_requests;
pub mod body;
pub mod clock_moves;
pub(crate) mod desk_requests;
pub mod hold_requests;
pub mod money_requests;
pub mod move_requests;
pub(crate) mod person_requests;
pub mod programmes;
pub mod random;
pub mod registration_requests;
pub(crate) mod reloads;
pub(crate) mod replacement_requests;
pub(crate) mod wanderings;

use std::fmt;

use crate::oracle::Model;
use crate::oracle::calendar::Instant;

use self::body::Body;
use self::random::Random;
use self::wanderings::Intent;

/// Whether households' benefits and `funded_by` are asked for, and stand in the files.
pub const ASKS_HOUSEHOLDS: bool = true;

/// Whether people move between programmes, and files say which programmes exclude each other.
pub const ASKS_MOVES: bool = true;

/// Whether holds are taken, captured and voided.
pub const ASKS_HOLDS: bool = true;

/// Whether the desk is asked for: merchants that join, suspensions, clawback, erasure, payouts held back; and whether files
/// say when merchants may join.
pub const ASKS_DESK: bool = true;

/// Whether wallets take the place of others.
pub const ASKS_REPLACEMENTS: bool = true;

/// Whether programme files change.
pub const ASKS_RELOADS: bool = true;

/// Programme files: name and text.
pub type Files = Vec<(String, String)>;

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
    /// The programme files become these, and are read again.
    Reload(Files),
    /// The system stops; it starts again on the same data with these programme files when the clock shows `now`.
    Down {
        /// The files that it finds.
        programmes: Files,
        /// When it starts.
        now: Instant,
    },
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
            Step::Reload(programmes) => {
                writeln!(f, "(reload)")?;
                write_files(f, programmes)
            }
            Step::Down { programmes, now } => {
                writeln!(f, "(restart at {})", now.to_milliseconds_text())?;
                write_files(f, programmes)
            }
        }
    }
}

fn write_files(f: &mut fmt::Formatter<'_>, programmes: &Files) -> fmt::Result {
    for (name, text) in programmes {
        writeln!(f, "--- {name}\n{}", text.trim_end())?;
    }
    write!(f, "---")
}

/// Makes the steps of one episode. It watches the model to aim at edges; it never decides what is right.
pub struct Generator {
    pub(crate) random: Random,
    pub(crate) wallets: Vec<String>,
    pub(crate) merchants: Vec<String>,
    pub(crate) citizens: Vec<String>,
    /// Authorizations and holds sent so far, the same id as often as it was sent.
    pub(crate) purchases: Vec<Body>,
    /// Reversals sent so far: path id and body.
    pub(crate) reversals: Vec<(String, Body)>,
    /// Registrations sent so far, the same id as often as it was sent.
    pub(crate) registrations: Vec<Body>,
    /// Captures sent so far: path id and amount.
    pub(crate) captures: Vec<(String, Option<u64>)>,
    /// The path ids of voids sent so far.
    pub(crate) voids: Vec<String>,
    /// Moves sent so far: wallet and body.
    pub(crate) moves: Vec<(String, Body)>,
    /// Replacements sent so far: wallet and body.
    pub(crate) replacements: Vec<(String, Body)>,
    /// What is meant to happen soon.
    pub(crate) intents: Vec<Intent>,
    /// The programme files of the beginning, and as they stand.
    pub(crate) first_files: Files,
    pub(crate) files: Files,
    /// Ids that were reversed before any original came.
    pub(crate) awaited: Vec<String>,
    /// Withdrawals of consent sent so far: merchant and body.
    pub(crate) withdrawals: Vec<(String, Body)>,
    /// Clawback cases sent so far, the same id as often as it was sent.
    pub(crate) cases: Vec<Body>,
    /// Payments sent so far: case and body.
    pub(crate) payments: Vec<(String, Body)>,
    /// Erasures sent so far.
    pub(crate) erasures: Vec<Body>,
}

impl Generator {
    /// A generator that always makes the same steps from the same seed and model.
    pub fn new(seed: u64, programmes: &[(String, String)]) -> Generator {
        let mut random = Random::new(seed);
        Generator {
            // Two are nobody's own, and the last ones are the first persons' second.
            wallets: (0..if ASKS_MOVES { 22 } else { 16 })
                .map(|number| format!("0049999123456{number:02}"))
                .collect(),
            merchants: (0..9).map(|number| format!("01055501234567{number}")).collect(),
            citizens: (0..14).map(|_| random.citizen_id()).collect(),
            purchases: Vec::new(),
            reversals: Vec::new(),
            registrations: Vec::new(),
            captures: Vec::new(),
            voids: Vec::new(),
            moves: Vec::new(),
            replacements: Vec::new(),
            intents: Vec::new(),
            first_files: programmes.to_vec(),
            files: programmes.to_vec(),
            awaited: Vec::new(),
            withdrawals: Vec::new(),
            cases: Vec::new(),
            payments: Vec::new(),
            erasures: Vec::new(),
            random,
        }
    }

    /// The next step of an episode.
    pub fn step(&mut self, model: &mut Model) -> Step {
        if let Some(step) = self.intended(model) {
            return step;
        }
        match self.random.below(1640) {
            1000..1060 if ASKS_HOLDS => self.hold(model),
            1060..1095 if ASKS_HOLDS => self.capture(model),
            1095..1115 if ASKS_HOLDS => self.void(model),
            1130..1150 if ASKS_MOVES => self.move_person(model),
            // The numbers above are purchases, so that the desk is a tenth of everything.
            1150..1306 if ASKS_DESK => self.at_the_desk(model),
            1500..1530 if ASKS_REPLACEMENTS => self.replace_wallet(model),
            1530..1538 if ASKS_RELOADS => self.change_files(model),
            0..350 => self.authorize(model),
            350..470 => self.reverse(model),
            470..530 => self.quote(model),
            530..560 => self.batch(model),
            560..660 => self.register(model),
            660..680 => self.register_batch(model),
            680..695 => self.import_list(model),
            695..785 => self.look_up(model),
            785..803 => self.put_merchant(model),
            803..812 => self.import_merchants(model),
            812..850 => self.import_enrollments(model),
            850..880 => self.put_wallet_status(model),
            880..900 => self.put_programme_status(model),
            900..993 => self.move_clock(model),
            993..1000 => Step::Restart,
            _ => self.authorize(model),
        }
    }

    /// What closes an episode: after a restart every wallet and every programme is looked at and old ids are
    /// sent again.
    pub fn closing(&mut self, model: &Model) -> Vec<Step> {
        let mut steps = vec![Step::Restart];
        for wallet_id in &self.wallets {
            steps.push(Step::call(
                "GET",
                &format!("/v1/wallets/{wallet_id}"),
                String::new(),
            ));
        }
        for programme in model.programmes() {
            let path = format!("/v1/programs/{}", programme.id);
            steps.push(Step::call("GET", &path, String::new()));
            steps.push(Step::call("GET", &format!("{path}/registration"), String::new()));
        }
        for _ in 0..10.min(self.registrations.len()) {
            let body = self.random.pick(&self.registrations).clone();
            steps.push(Step::call("POST", "/v1/registrations", body.plain()));
        }
        for _ in 0..10.min(self.purchases.len()) {
            let body = self.random.pick(&self.purchases).clone();
            let path = match body.get("expires_in_s") {
                Some(_) => "/v1/holds",
                None => "/v1/authorizations",
            };
            steps.push(Step::call("POST", path, body.plain()));
        }
        steps.extend(self.closing_of_holds());
        steps.extend(self.closing_of_replacements());
        if ASKS_DESK {
            steps.extend(self.closing_of_the_desk(model));
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

    /// A wallet of this person's own: now and then the second one, where there is one.
    pub(crate) fn own_wallet(&mut self, index: usize) -> String {
        let second = self.wallets.get(16 + index);
        match second {
            Some(second) if self.random.percent(30) => second.clone(),
            _ => self.wallets[index].clone(),
        }
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
