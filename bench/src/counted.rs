//! The work whose instructions are counted: each row of `bench/instructions.toml`, set up so that it gives the same count again.
//!
//! One thread does everything: it decides, then steps the journal's writer itself, so that no hand-over between threads is in a
//! count. The clock stands still, ids and amounts come from a seed, every table has room, and each row has done the same work
//! on other ids before it is counted. Where nothing is read back, the disk keeps nothing (`discard`): its own work is the
//! kernel's in the product, and would hide the engine's.

use crate::discard::DiscardStorage;
use crate::rig::{Enroll, NOON, Rig};
use crate::workload::{self, CARD, CARD_FILE, CHANNEL, Ids, PROGRAM, PROGRAM_FILE, Random, Workload};
use bytes::Bytes;
use http::{HeaderMap, Method};
use satang_core::birth::BirthDate;
use satang_core::calendar::Instant;
use satang_core::ids::{HouseholdId, MerchantId, Name, Nationality, RegistrationId, ReversalId};
use satang_core::outcome::ReversalCause;
use satang_core::programme::Category;
use satang_core::record::{Authorization, Status};
use satang_core::request::{AuthorizationRequest, RegistrationRequest, ReversalRequest};
use satang_engine::clock::{AnyClock, SimulatedClock};
use satang_engine::engine::Submitted;
use satang_engine::recovery::open::Expected;
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::enroll::EnrollmentInput;
use satang_gateway::app::{Api, App, Metrics, WholeBody};
use satang_gateway::programs::ProgramSource;
use satang_log::file::Layout;
use satang_log::storage::{MemoryStorage, Storage};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A row: what is counted, and by what the count is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The function in `benches/instructions.rs`, and the key in `instructions.toml`.
    pub name: &'static str,
    /// How often the work is done while it is counted.
    pub times: u64,
    /// What one of them is.
    pub what: &'static str,
}

/// Calls of most rows: many enough that one probe more or less in a table does not show.
pub const CALLS: usize = 100;
/// Purchases of the batch.
pub const BATCH_LEN: usize = 1_000;
/// Records of the frame that many share.
pub const FRAME_LEN: usize = 64;
/// Authorizations that are replayed.
pub const REPLAY_LEN: usize = 1_000;

/// The rows, in the order of a purchase's way.
pub const ROWS: [Row; 15] = [
    row("parse", CALLS, "reading the JSON of an authorization"),
    row("decide", CALLS, "the lock, the names, and `decide`"),
    row("apply", CALLS, "an approved purchase in its wallet's shard"),
    row(
        "append",
        CALLS,
        "a record in the open group, under the append lock",
    ),
    row(
        "frame_of_1",
        CALLS,
        "`append`, and the frame of one record built, hashed, published",
    ),
    row("frame_of_64", 1, "64 times `append`, and their one frame"),
    row("render", CALLS, "the JSON of its answer"),
    row(
        "authorize",
        CALLS,
        "`Engine::authorize`: id, decision, record, apply",
    ),
    row(
        "authorize_exclusive",
        CALLS,
        "the same, of a person who has rights in two programmes that exclude each other",
    ),
    row(
        "authorize_household",
        CALLS,
        "the same, of a benefit that a household shares",
    ),
    row("authorize_batch", BATCH_LEN, "the same in a batch of 1,000, each"),
    row(
        "reverse",
        CALLS,
        "`Engine::reverse`, its original read from the journal",
    ),
    row("register", CALLS, "`Engine::register`, accepted"),
    row(
        "request",
        CALLS,
        "one request: JSON in, decided, durable, JSON out",
    ),
    row(
        "replay_1000",
        1,
        "a start that replays 1,000 authorizations, 100 wallets and one programme",
    ),
];

const fn row(name: &'static str, times: usize, what: &'static str) -> Row {
    Row {
        name,
        times: times as u64,
        what,
    }
}

const WALLETS: u64 = 1_000;
const MERCHANTS: u64 = 100;
/// More than any row makes.
const IDS: usize = 10_000;
/// Eight in the morning of 25 May 2026 in Bangkok, when registration is open.
const MORNING: Instant = Instant::from_unix_ms(1_779_670_800_000);
/// The shop where a household pays for electricity.
const UTILITY: MerchantId = MerchantId::from_number(300_000_999_999);
/// Small segments, for the disk that keeps what it gets.
const SMALL: Layout = Layout {
    segment_bytes: 512 << 10,
    group_bytes_max: 128 << 10,
};

/// An engine, a clock that stands still, and a stream of purchases.
pub struct Stage<S: Storage> {
    /// The engine and its journal's writer.
    pub rig: Rig<S, AnyClock>,
    purchases: Workload,
}

impl Stage<DiscardStorage> {
    /// On the disk that keeps nothing, at noon; 100 purchases have been decided.
    pub fn at_noon() -> Stage<DiscardStorage> {
        let mut stage = Stage::on(Arc::default(), Layout::DEFAULT, NOON);
        let prepared = stage.rig.prepare(WALLETS, MERCHANTS, Enroll::Direct);
        prepared.expect("a rig on no disk");
        stage.decide_some();
        stage
    }

    /// The same; the second half of the wallets belongs to people who hold the welfare card too, in a household each.
    pub fn with_cards() -> (Stage<DiscardStorage>, Workload) {
        let mut stage = Stage::on(Arc::default(), Layout::DEFAULT, NOON);
        let prepared = stage.rig.prepare(WALLETS, MERCHANTS, Enroll::Record);
        prepared.expect("a rig on no disk");
        stage.add_cards(WALLETS / 2);
        stage.decide_some();
        (stage, Workload::new(3, Ids::V7, WALLETS, MERCHANTS))
    }

    /// On the first morning of registration; 100 people have registered.
    pub fn in_the_morning() -> Stage<DiscardStorage> {
        let mut stage = Stage::on(Arc::default(), Layout::DEFAULT, MORNING);
        stage.rig.prepare(0, 0, Enroll::Direct).expect("a rig on no disk");
        for request in registrations(0) {
            let registered = stage.rig.engine.register(&request);
            registered.expect("registration is open");
        }
        stage.flush();
        stage
    }
}

impl Stage<MemoryStorage> {
    /// On a virtual disk, at noon, with everything durable: 100 wallets and 1,000 purchases, the last 100 of which are returned.
    pub fn on_a_virtual_disk(disk: &Arc<MemoryStorage>) -> (Stage<MemoryStorage>, Vec<AuthorizationRequest>) {
        let mut stage = Stage::on(disk.clone(), SMALL, NOON);
        let prepared = stage.rig.prepare(CALLS as u64, 1, Enroll::Record);
        prepared.expect("a virtual disk does not fail");
        stage.purchases = Workload::new(1, Ids::V7, CALLS as u64, 1);
        let requests = stage.next(REPLAY_LEN);
        for request in &requests {
            stage.authorize(request);
        }
        stage.flush();
        (stage, requests[REPLAY_LEN - CALLS..].to_vec())
    }
}

impl<S: Storage> Stage<S> {
    /// Starts the engine of a disk.
    pub fn on(disk: Arc<S>, layout: Layout, at: Instant) -> Stage<S> {
        let clock = AnyClock::Simulated(SimulatedClock::standing_at(at));
        let expected = Expected {
            wallets: WALLETS as usize,
            ids: IDS,
        };
        let rig = Rig::open_with(disk, layout, expected, clock).expect("the disk is good");
        Stage {
            rig,
            purchases: Workload::new(1, Ids::V7, WALLETS, MERCHANTS),
        }
    }

    /// The next purchases, of random wallets at random shops.
    pub fn next(&mut self, len: usize) -> Vec<AuthorizationRequest> {
        (0..len).map(|_| self.purchases.next(NOON)).collect()
    }

    /// Decides a purchase whose id is new.
    pub fn authorize(&self, request: &AuthorizationRequest) -> Authorization {
        match self.rig.engine.authorize(request) {
            Ok(Submitted::Decided { record, .. }) => record,
            other => panic!("a new id is decided, not {other:?}"),
        }
    }

    /// Makes everything durable.
    pub fn flush(&mut self) {
        self.rig.flush().expect("the disk is good");
    }

    /// So that nothing that is counted happens for the first time.
    fn decide_some(&mut self) {
        for request in self.next(CALLS) {
            self.authorize(&request);
        }
        self.flush();
    }

    fn add_cards(&mut self, from: u64) {
        let (program, channel) = (name(CARD), name(CHANNEL));
        let file = |program, text: &str| (format!("{program}.toml"), text.to_owned());
        let files = [file(PROGRAM, PROGRAM_FILE), file(CARD, CARD_FILE)];
        let engine = &self.rig.engine;
        let installed = engine.activate_programs(&files, None);
        installed.expect("shipped programmes");
        let utility = MerchantInput {
            id: UTILITY,
            name: "การไฟฟ้า".to_owned(),
            category: Category::Electricity,
            status: Status::Active,
            programs: vec![program],
            channels: vec![channel],
            province: None,
            bank_account: None,
            account_name: None,
        };
        engine.put_merchants(&[utility], None).expect("a good merchant");
        let line = |index| EnrollmentInput {
            program,
            household: Some(HouseholdId::from_number(1_000 + index)),
            ..workload::enrollment(index)
        };
        let lines: Vec<_> = (from..WALLETS).map(line).collect();
        let (outcomes, _) = engine.enroll(&lines, None).expect("the disk is good");
        assert!(outcomes.iter().all(Result::is_ok), "an enrollment was refused");
        self.flush();
    }
}

/// Purchases of people who hold rights in both programmes.
pub fn exclusive(purchases: &mut Workload) -> Vec<AuthorizationRequest> {
    let mut next = || {
        let mut request = purchases.next(NOON);
        request.purchase.wallet =
            workload::wallet(WALLETS / 2 + request.purchase.amount.get() % (WALLETS / 2));
        request
    };
    (0..CALLS).map(|_| next()).collect()
}

/// Their households' bills.
pub fn household(purchases: &mut Workload) -> Vec<AuthorizationRequest> {
    let mut requests = exclusive(purchases);
    for request in &mut requests {
        request.purchase.program = name(CARD);
        request.purchase.merchant = UTILITY;
    }
    requests
}

/// People who register, from this one on.
pub fn registrations(first: u64) -> Vec<RegistrationRequest> {
    let mut random = Random::new(first + 1);
    let request = |index| RegistrationRequest {
        registration_id: RegistrationId::from_bits(v7(MORNING, &mut random)),
        program: name(PROGRAM),
        wallet: workload::wallet(index),
        citizen: workload::citizen(index),
        birth: BirthDate::parse("1990-04-12").expect("a date"),
        nationality: Nationality::parse("TH").expect("two letters"),
    };
    (first..first + CALLS as u64).map(request).collect()
}

/// The whole of each purchase is given back.
pub fn reversals(of: &[AuthorizationRequest]) -> Vec<ReversalRequest> {
    let mut random = Random::new(7);
    let request = |original: &AuthorizationRequest| ReversalRequest {
        reversal_id: ReversalId::from_bits(v7(NOON, &mut random)),
        txn_id: original.txn_id,
        amount: None,
        cause: ReversalCause::CustomerRefund,
    };
    of.iter().map(request).collect()
}

/// A purchase as a switch sends it.
pub fn body(request: &AuthorizationRequest) -> Bytes {
    let AuthorizationRequest { txn_id, purchase } = request;
    let text = format!(
        r#"{{"txn_id":"{txn_id}","program":"{}","wallet_id":"{}","merchant_id":"{}","channel":"{}","amount":{}}}"#,
        purchase.program,
        purchase.wallet,
        purchase.merchant,
        purchase.channel,
        purchase.amount.get()
    );
    Bytes::from(text)
}

/// The routes before an engine, without sockets, and 100 bodies.
pub struct Requests {
    stage: Stage<DiscardStorage>,
    api: Api<DiscardStorage>,
    headers: HeaderMap,
    bodies: Vec<Bytes>,
}

impl Requests {
    /// 100 requests have been answered; the next 100 wait.
    pub fn ready() -> Requests {
        let mut stage = Stage::at_noon();
        let programmes = Arc::new(ProgramSource::new(|| Ok(Vec::new())));
        let app = App::starting(Arc::new(Metrics::new()), programmes);
        app.ready(stage.rig.engine.clone(), stage.rig.maintenance().clone());
        let bodies = stage.next(CALLS).iter().map(body).collect();
        let mut requests = Requests {
            stage,
            // The one request there is polls until its record is durable: nobody needs to be woken.
            api: Api::new(app, |_| {}),
            headers: HeaderMap::new(),
            bodies,
        };
        requests.answer();
        requests.bodies = requests.stage.next(CALLS).iter().map(body).collect();
        requests
    }

    /// Answers them one after another; the bytes of the answers.
    pub fn answer(&mut self) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        let mut answered = 0;
        for body in std::mem::take(&mut self.bodies) {
            let body = WholeBody(Some(body));
            let answer = self
                .api
                .respond(&Method::POST, "/v1/authorizations", &self.headers, body);
            let mut answer = pin!(answer);
            answered += loop {
                match answer.as_mut().poll(&mut context) {
                    Poll::Ready(response) => {
                        assert_eq!(response.status, 200);
                        break response.body.len();
                    }
                    Poll::Pending => self.stage.rig.flush().expect("no disk, no failure"),
                }
            };
        }
        answered
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name of a shipped programme")
}

/// The bits of a time-ordered id (RFC 9562, section 5.7).
fn v7(at: Instant, random: &mut Random) -> u128 {
    let (high, low) = (random.draw(), random.draw());
    let first = (at.unix_ms() as u64) << 16 | 0x7000 | high & 0x0FFF;
    u128::from(first) << 64 | u128::from(low >> 2 | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use satang_engine::session::register::Registered;

    #[track_caller]
    fn check_approved<S: Storage>(stage: &Stage<S>, requests: &[AuthorizationRequest]) {
        let approved = requests
            .iter()
            .filter(|request| stage.authorize(request).approved());
        // Some wallets have nothing left for the day.
        assert!(approved.count() * 4 >= requests.len() * 3);
    }

    #[test]
    fn what_is_counted_is_approved() {
        let mut stage = Stage::at_noon();
        let requests = stage.next(CALLS);
        check_approved(&stage, &requests);
        let (stage, mut purchases) = Stage::with_cards();
        check_approved(&stage, &exclusive(&mut purchases));
        // In a fresh one: whoever drew on one programme today cannot draw on the other.
        let (stage, mut purchases) = Stage::with_cards();
        check_approved(&stage, &household(&mut purchases));
    }

    #[test]
    fn whoever_registers_is_accepted_and_what_is_reversed_is_given_back() {
        let stage = Stage::in_the_morning();
        for request in registrations(CALLS as u64) {
            let registered = stage.rig.engine.register(&request);
            assert!(matches!(registered, Ok(Registered::Decided { record, .. }) if record.accepted()));
        }
        let (stage, originals) = Stage::on_a_virtual_disk(&Arc::default());
        for request in reversals(&originals) {
            let reversed = stage.rig.engine.reverse(&request);
            assert!(matches!(reversed, Ok(Submitted::Decided { .. })), "{reversed:?}");
        }
    }

    #[test]
    fn every_request_is_answered_with_an_outcome() {
        let bytes = Requests::ready().answer();
        assert!(bytes > CALLS * 200, "{bytes} bytes of answers");
    }

    #[test]
    fn the_morning_is_on_the_first_day_of_registration() {
        assert_eq!(MORNING.to_string(), "2026-05-25T08:00:00.000+07:00");
    }
}
