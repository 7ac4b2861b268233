//! What the clients send.

use super::rulebook::EXTRA;
use super::{MERCHANT, PROGRAM, Sent, wallet_id};
use crate::generate::random::Random;
use crate::oracle::forms::is_digits;
use serde_json::json;

/// The requests of one client in one round.
pub(super) struct Requests {
    random: Random,
    round: u32,
    /// Clients race in pairs for the ids of their pair.
    pair: u64,
    wallet: u64,
    own: u64,
    count: u64,
    /// How often each of the client's four wallets has given way to another.
    generations: [u64; 4],
}

/// How often a wallet gives way at most: its number has two digits for it.
const GENERATIONS_MAX: u64 = 99;

/// The wallet that carries what the wallet of this number carried, after so many replacements.
fn wallet_of(wallet: u64, generation: u64) -> String {
    match generation {
        0 => wallet_id(wallet),
        _ => format!("8{generation:02}{wallet:012}"),
    }
}

/// The wallet through which the citizen of this one was enrolled.
pub(super) fn first_wallet(wallet_id: &str) -> String {
    assert!(is_digits(wallet_id, 15), "a wallet has fifteen digits");
    match wallet_id.starts_with('8') {
        true => format!("000{}", &wallet_id[3..]),
        false => wallet_id.to_owned(),
    }
}

impl Requests {
    /// Those of a client whose wallets begin behind `first_wallet`.
    pub(super) fn new(round: u32, client: u64, seed: u64, first_wallet: u64) -> Requests {
        let random = Random::new(seed ^ client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Requests {
            random,
            round,
            pair: client / 2,
            wallet: first_wallet + 1 + client * 4,
            own: client,
            count: 0,
            generations: [0; 4],
        }
    }

    /// Now and then a request of an earlier round.
    pub(super) fn earlier<'p>(&mut self, past: &'p [Sent]) -> Option<&'p Sent> {
        (!past.is_empty() && self.random.percent(8)).then(|| self.random.pick(past))
    }

    /// The next one: path and body.
    pub(super) fn next(&mut self) -> (String, String) {
        self.count += 1;
        if self.random.percent(4) {
            return self.replacement();
        }
        match self.random.between(0, 9) {
            0..=4 => {
                let id = uuid(self.round, 1, self.own, self.count);
                self.authorization(id)
            }
            // Both clients of a pair draw from the same few ids, each with its own wallet.
            5..=6 => {
                let id = self.contested();
                self.authorization(id)
            }
            7..=8 => {
                let id = self.contested();
                self.reversal(id)
            }
            _ => {
                let earlier = self.random.between(1, self.count as i64) as u64;
                let id = uuid(self.round, 1, self.own, earlier);
                self.reversal(id)
            }
        }
    }

    fn contested(&mut self) -> String {
        let which = self.random.between(0, 200) as u64;
        uuid(self.round, 2, self.pair, which)
    }

    /// A wallet gives way to another that nobody knows; or the same once more; or one that carries nothing any more.
    fn replacement(&mut self) -> (String, String) {
        let which = self.random.below(4);
        let (wallet, generation) = (self.wallet + which, self.generations[which as usize]);
        let (old, new) = match self.random.below(10) {
            0..3 if generation > 0 => (wallet_of(wallet, generation - 1), wallet_of(wallet, generation)),
            3..5 if generation > 0 => {
                let earlier = self.random.below(generation);
                (wallet_of(wallet, earlier), format!("7{wallet:014}"))
            }
            _ if generation == GENERATIONS_MAX => {
                (wallet_of(wallet, generation - 1), wallet_of(wallet, generation))
            }
            _ => {
                self.generations[which as usize] += 1;
                (wallet_of(wallet, generation), wallet_of(wallet, generation + 1))
            }
        };
        let body = json!({ "new_wallet_id": new, "reason": "new phone" });
        (format!("/v1/wallets/{old}/replacement"), body.to_string())
    }

    /// Mostly through the wallet that carries the right; now and then through one before it.
    fn authorization(&mut self, txn_id: String) -> (String, String) {
        let which = self.random.below(4);
        let generation = match self.generations[which as usize] {
            0 => 0,
            last if self.random.percent(10) => self.random.below(last),
            last => last,
        };
        let wallet = wallet_of(self.wallet + which, generation);
        let amount = self.random.between(1, 900);
        // Nobody is registered in the other one: why a purchase is declined tells whether it was in force.
        let program = if self.random.percent(3) { EXTRA } else { PROGRAM };
        let body = json!({
            "txn_id": txn_id, "program": program, "wallet_id": wallet, "merchant_id": MERCHANT,
            "channel": "store", "amount": amount,
        });
        ("/v1/authorizations".into(), body.to_string())
    }

    fn reversal(&mut self, txn_id: String) -> (String, String) {
        let reversal_id = uuid(self.round, 3, self.own, self.count);
        let mut body = json!({ "reversal_id": reversal_id, "reason": "customer_refund" });
        if self.random.between(0, 1) == 0 {
            body["amount"] = json!(self.random.between(1, 300));
        }
        (format!("/v1/authorizations/{txn_id}/reversals"), body.to_string())
    }
}

/// Ids of version 4, of version 7 by a clock that shows 1970, and of version 7 by one that is an hour further each round: slow
/// or fast against the server's, which skips days.
fn uuid(round: u32, kind: u16, owner: u64, count: u64) -> String {
    let node = owner << 32 | count;
    match count % 3 {
        0 => format!("{round:08x}-{kind:04x}-4000-8000-{node:012x}"),
        1 => format!("{round:08x}-{kind:04x}-7000-8000-{node:012x}"),
        _ => {
            let ms = FIRST_HOUR_MS + u64::from(round) * 3_600_000;
            format!(
                "{:08x}-{:04x}-7{kind:03x}-8000-{node:012x}",
                ms >> 16,
                ms & 0xffff
            )
        }
    }
}

/// 2026-06-03 in Bangkok, two days behind the campaign's first.
const FIRST_HOUR_MS: u64 = 1_780_419_600_000;
