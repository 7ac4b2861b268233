//! The deterministic workload: made-up merchants, wallets and purchases, as the JSON the contract defines.
//!
//! Merchants and people depend only on their number, so an import may be sent again; purchases depend on the
//! seed. Benches and tests share this module, so that everything measured is measured on the same requests.

use crate::citizen::citizen_id;
use crate::ids::{IdSource, push_id};
use crate::random::Random;
use std::io::Write as _;
use uuid::Uuid;

/// Categories that thai-chuai-thai-plus-6040 shares in; merchants take them in turn.
const CATEGORIES: [&str; 6] = [
    "food_drink",
    "general_goods",
    "otop",
    "village_fund",
    "community_enterprise",
    "blue_flag",
];

/// Answered purchases a generator remembers, to reverse or retry them later.
const REMEMBERED_MAX: usize = 4096;

/// Who buys where: the population that requests are drawn from.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Programme id in every request.
    pub program: String,
    /// Channel in every request.
    pub channel: String,
    /// Number of enrolled wallets, 1 … 10⁹.
    pub wallets: u64,
    /// Number of merchants, 1 … 10⁹.
    pub merchants: u64,
}

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A new authorization (or a batch of them).
    Authorization,
    /// A quote: decided but not recorded.
    Quote,
    /// A reversal of an answered authorization.
    Reversal,
    /// An answered authorization sent again, byte for byte.
    Retry,
    /// A person who registers (or a batch of them).
    Registration,
}

impl Kind {
    /// Every kind, in the order reports show them.
    pub const ALL: [Kind; 5] = [
        Kind::Authorization,
        Kind::Quote,
        Kind::Reversal,
        Kind::Retry,
        Kind::Registration,
    ];

    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Authorization => "authorization",
            Kind::Quote => "quote",
            Kind::Reversal => "reversal",
            Kind::Retry => "retry",
            Kind::Registration => "registration",
        }
    }

    /// The decision that gives what was asked for; its reason is the same word.
    pub fn granted(self) -> &'static [u8] {
        match self {
            Kind::Authorization | Kind::Quote | Kind::Reversal | Kind::Retry => b"approved",
            Kind::Registration => b"accepted",
        }
    }

    /// The decision that refuses it.
    pub fn denied(self) -> &'static [u8] {
        match self {
            Kind::Authorization | Kind::Quote | Kind::Reversal | Kind::Retry => b"declined",
            Kind::Registration => b"rejected",
        }
    }
}

/// Shares of the requests that are not new authorizations, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mix {
    pub quotes_percent: f64,
    /// Reversals of earlier approved authorizations.
    pub reversals_percent: f64,
    /// Repetitions of earlier answered authorizations.
    pub retries_percent: f64,
}

impl Mix {
    /// Refuses negative shares and a sum above 100.
    pub fn check(self) -> Result<Self, String> {
        let shares = [self.quotes_percent, self.reversals_percent, self.retries_percent];
        if shares.iter().any(|share| !(0.0..=100.0).contains(share)) || shares.iter().sum::<f64>() > 100.0 {
            return Err(format!(
                "shares of quotes, reversals and retries must be 0 … 100 and sum to at most 100, not {shares:?}"
            ));
        }
        Ok(self)
    }
}

/// One purchase, before it is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub txn_id: Uuid,
    /// Wallet number, see [`wallet_id`].
    pub wallet: u64,
    /// Merchant number, see [`merchant_id`].
    pub merchant: u64,
    /// The bill, satang.
    pub amount: u64,
    /// The part the state may share, satang; absent in the JSON when it equals the bill.
    pub eligible_amount: u64,
}

/// One registration, before it is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    pub registration_id: Uuid,
    /// Number of the person; see [`citizen_id`] and [`wallet_id`].
    pub person: u64,
}

/// The 15 digits of wallet number `n`.
pub fn wallet_id(n: u64) -> [u8; 15] {
    numbered_id(*b"004999000000000", n)
}

/// The 15 digits of merchant number `n`.
pub fn merchant_id(n: u64) -> [u8; 15] {
    numbered_id(*b"010555000000000", n)
}

/// The same 15 digits as a number.
pub fn wallet_number(n: u64) -> u64 {
    4_999_000_000_000 + n % 1_000_000_000
}

/// The same 15 digits as a number.
pub fn merchant_number(n: u64) -> u64 {
    10_555_000_000_000 + n % 1_000_000_000
}

fn numbered_id(mut id: [u8; 15], n: u64) -> [u8; 15] {
    let mut rest = n;
    for digit in id[6..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    id
}

/// Appends a number in decimal.
pub fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut text = [0u8; 20];
    let mut at = text.len();
    let mut rest = number;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

impl Workload {
    /// Appends the NDJSON line that imports merchant `n`.
    pub fn push_merchant_line(&self, out: &mut Vec<u8>, n: u64) {
        let id = merchant_id(n);
        let id = std::str::from_utf8(&id).expect("digits are UTF-8");
        writeln!(
            out,
            r#"{{"merchant_id":"{id}","name":"ร้านทดสอบ {n}","category":"{}","status":"active","programs":["{}"],"channels":["store","delivery"]}}"#,
            CATEGORIES[(n % CATEGORIES.len() as u64) as usize],
            self.program,
        )
        .expect("writing to memory");
    }

    /// Appends the NDJSON line that enrolls wallet `n`.
    pub fn push_enrollment_line(&self, out: &mut Vec<u8>, n: u64) {
        out.extend_from_slice(b"{\"program\":\"");
        out.extend_from_slice(self.program.as_bytes());
        out.extend_from_slice(b"\",\"wallet_id\":\"");
        out.extend_from_slice(&wallet_id(n));
        out.extend_from_slice(b"\",\"citizen_id\":\"");
        out.extend_from_slice(&citizen_id(n));
        out.extend_from_slice(b"\"}\n");
    }

    /// Appends an authorization's body; without `txn_id` it is a quote's.
    pub fn push_purchase(&self, out: &mut Vec<u8>, purchase: &Purchase, with_txn_id: bool) {
        out.push(b'{');
        if with_txn_id {
            out.extend_from_slice(b"\"txn_id\":\"");
            push_id(out, purchase.txn_id);
            out.extend_from_slice(b"\",");
        }
        out.extend_from_slice(b"\"program\":\"");
        out.extend_from_slice(self.program.as_bytes());
        out.extend_from_slice(b"\",\"wallet_id\":\"");
        out.extend_from_slice(&wallet_id(purchase.wallet));
        out.extend_from_slice(b"\",\"merchant_id\":\"");
        out.extend_from_slice(&merchant_id(purchase.merchant));
        out.extend_from_slice(b"\",\"channel\":\"");
        out.extend_from_slice(self.channel.as_bytes());
        out.extend_from_slice(b"\",\"amount\":");
        push_number(out, purchase.amount);
        if purchase.eligible_amount != purchase.amount {
            out.extend_from_slice(b",\"eligible_amount\":");
            push_number(out, purchase.eligible_amount);
        }
        out.push(b'}');
    }

    /// Appends the body of a batch.
    pub fn push_batch(&self, out: &mut Vec<u8>, purchases: &[Purchase]) {
        out.extend_from_slice(b"{\"authorizations\":[");
        for (index, purchase) in purchases.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.push_purchase(out, purchase, true);
        }
        out.extend_from_slice(b"]}");
    }

    /// Appends a registration's body. Birth dates are of all three lengths; everybody is of age and Thai.
    pub fn push_registration(&self, out: &mut Vec<u8>, registration: &Registration) {
        let person = registration.person;
        out.extend_from_slice(b"{\"registration_id\":\"");
        push_id(out, registration.registration_id);
        out.extend_from_slice(b"\",\"program\":\"");
        out.extend_from_slice(self.program.as_bytes());
        out.extend_from_slice(b"\",\"wallet_id\":\"");
        out.extend_from_slice(&wallet_id(person));
        out.extend_from_slice(b"\",\"citizen_id\":\"");
        out.extend_from_slice(&citizen_id(person));
        out.extend_from_slice(b"\",\"birth_date\":\"");
        out.extend_from_slice(birth_date(person));
        out.extend_from_slice(b"\",\"nationality\":\"TH\"}");
    }

    /// Appends the body of a batch.
    pub fn push_registrations(&self, out: &mut Vec<u8>, registrations: &[Registration]) {
        out.extend_from_slice(b"{\"registrations\":[");
        for (index, registration) in registrations.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.push_registration(out, registration);
        }
        out.extend_from_slice(b"]}");
    }
}

/// Cards of older people show less of it.
fn birth_date(person: u64) -> &'static [u8] {
    match person % 20 {
        0 => b"1949",
        1 => b"1955-02",
        n if n % 2 == 0 => b"1990-04-12",
        _ => b"1972-12-31",
    }
}

/// One request drawn by a [`Generator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Authorization(Purchase),
    /// A quote for the purchase; its `txn_id` is not sent.
    Quote(Purchase),
    /// A reversal of an approved purchase.
    Reversal {
        original: Purchase,
        /// Id of the reversal.
        reversal_id: Uuid,
        /// Satang given back; `None` is all that is left (sent as a `timeout`).
        amount: Option<u64>,
    },
    /// A purchase that was answered before.
    Retry(Purchase),
    /// A person who registers.
    Registration(Registration),
}

/// Draws requests. Everything but the ids depends only on the seed, the stream and what was remembered.
#[derive(Debug)]
pub struct Generator {
    workload: Workload,
    mix: Mix,
    random: Random,
    ids: IdSource,
    remembered: Vec<Purchase>,
}

impl Generator {
    /// The stream number `stream` of `seed`.
    pub fn new(workload: Workload, mix: Mix, seed: u64, stream: u64, ids: IdSource) -> Self {
        Generator {
            workload,
            mix,
            random: Random::new(seed, stream),
            ids,
            remembered: Vec::new(),
        }
    }

    /// The population the requests are drawn from.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// A new purchase. Bills are small with a long tail (mean about 110 baht), so that of the few purchases of a
    /// wallet most fit under a 200-baht day and some do not; one in ten has goods the state does not share in.
    pub fn purchase(&mut self, unix_ms: u64) -> Purchase {
        let amount = match self.random.below(100) {
            0..80 => self.random.between(1_000, 8_000),
            80..95 => self.random.between(8_000, 30_000),
            _ => self.random.between(30_000, 150_000),
        };
        let eligible_amount = if self.random.below(10) == 0 {
            amount - self.random.below(amount / 2)
        } else {
            amount
        };
        Purchase {
            txn_id: self.ids.next(unix_ms),
            wallet: self.random.below(self.workload.wallets),
            merchant: self.random.below(self.workload.merchants),
            amount,
            eligible_amount,
        }
    }

    /// The next request; a reversal or retry with nothing to refer to yet becomes a new authorization.
    pub fn request(&mut self, unix_ms: u64) -> Request {
        let Mix {
            quotes_percent,
            reversals_percent,
            retries_percent,
        } = self.mix;
        let draw = self.random.unit() * 100.0;
        if draw < quotes_percent {
            return Request::Quote(self.purchase(unix_ms));
        }
        let known = self.remembered.len() as u64;
        if known > 0 && draw < quotes_percent + reversals_percent {
            let original = self.remembered.swap_remove(self.random.below(known) as usize);
            let amount = (self.random.below(2) == 0).then(|| self.random.between(1, original.amount));
            return Request::Reversal {
                original,
                reversal_id: self.ids.next(unix_ms),
                amount,
            };
        }
        if known > 0 && draw < quotes_percent + reversals_percent + retries_percent {
            return Request::Retry(self.remembered[self.random.below(known) as usize]);
        }
        Request::Authorization(self.purchase(unix_ms))
    }

    /// Tells the generator that `purchase` was answered as approved, so that it may be reversed or retried.
    pub fn remember(&mut self, purchase: Purchase) {
        if self.mix.reversals_percent + self.mix.retries_percent <= 0.0 {
            return;
        }
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.push(purchase);
        } else {
            let at = self.random.below(REMEMBERED_MAX as u64) as usize;
            self.remembered[at] = purchase;
        }
    }

    /// Writes the request's path and body into the two buffers, which are emptied first.
    pub fn write(&self, request: &Request, path: &mut Vec<u8>, body: &mut Vec<u8>) {
        path.clear();
        body.clear();
        match request {
            Request::Authorization(purchase) | Request::Retry(purchase) => {
                path.extend_from_slice(b"/v1/authorizations");
                self.workload.push_purchase(body, purchase, true);
            }
            Request::Registration(registration) => {
                path.extend_from_slice(b"/v1/registrations");
                self.workload.push_registration(body, registration);
            }
            Request::Quote(purchase) => {
                path.extend_from_slice(b"/v1/quotes");
                self.workload.push_purchase(body, purchase, false);
            }
            Request::Reversal {
                original,
                reversal_id,
                amount,
            } => {
                path.extend_from_slice(b"/v1/authorizations/");
                push_id(path, original.txn_id);
                path.extend_from_slice(b"/reversals");
                body.extend_from_slice(b"{\"reversal_id\":\"");
                push_id(body, *reversal_id);
                match amount {
                    Some(amount) => {
                        body.extend_from_slice(b"\",\"amount\":");
                        push_number(body, *amount);
                        body.extend_from_slice(b",\"reason\":\"customer_refund\"}");
                    }
                    None => body.extend_from_slice(b"\",\"reason\":\"timeout\"}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
