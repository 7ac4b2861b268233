//! What is left in the evening, looked at from outside.

use super::PROGRAM;
use super::answer::Answer;
use super::applicants::Application;
use super::clients::{ONE, Seen, ask_now};
use super::judge::{Asked, Tally, judge};
use crate::crash::wallet_id;
use crate::generate::random::Random;
use crate::process::Connection;
use crate::site::Site;
use serde_json::Value;
use std::net::SocketAddr;

/// Applications of one batch that asks again.
const BATCH: usize = 1_000;
/// How many are looked at one by one.
const SAMPLE: usize = 200;

/// A programme whose places are gone, after the last start.
pub(super) struct Evening {
    pub(super) addr: SocketAddr,
    pub(super) quota: u64,
    /// The first number of a person who has not applied.
    pub(super) unborn: u64,
}

impl Evening {
    /// Looks at everything; what was answered by reason.
    ///
    /// # Panics
    /// When something is wrong.
    pub(super) fn check(mut self, seen: Vec<Seen>, random: &mut Random) -> Tally {
        let applications: Vec<Application> = seen.iter().map(|seen| seen.application.clone()).collect();
        let batches: Vec<Vec<Application>> = applications.chunks(BATCH).map(<[_]>::to_vec).collect();
        let again = ask_now(self.addr, &batches);
        let asked: Vec<Asked> = seen
            .into_iter()
            .zip(again)
            .map(|(seen, again)| Asked {
                application: seen.application,
                first: seen.answer,
                repeated: seen.repeated,
                again,
            })
            .collect();
        let tally = judge(self.quota, &asked).unwrap_or_else(|wrong| panic!("{wrong}"));
        check_counters(self.addr, self.quota, self.quota);
        self.check_one_by_one(&asked, random);
        self.check_wallets(&asked, random);
        self.check_latecomer(random);
        self.check_conflict(&asked, random);
        check_counters(self.addr, self.quota, self.quota);
        tally
    }

    /// Alone an id is answered as in a batch, byte for byte.
    fn check_one_by_one(&self, asked: &[Asked], random: &mut Random) {
        let mut connection = Connection::open(self.addr).expect("the server listens");
        for _ in 0..SAMPLE {
            let one = random.pick(asked);
            let body = one.application.body().to_string();
            let (status, text) = connection.send("POST", ONE, &body).expect("the server answers");
            assert_eq!((status, text), (200, one.again.text()), "asked once more: {body}");
        }
    }

    /// A place is shown at its wallet; a wallet that was only named in rejected applications is unknown.
    fn check_wallets(&self, asked: &[Asked], random: &mut Random) {
        let mut connection = Connection::open(self.addr).expect("the server listens");
        let placed: Vec<&Asked> = asked.iter().filter(|one| one.first.ticket.is_some()).collect();
        let known: std::collections::BTreeSet<u64> =
            placed.iter().map(|one| one.application.wallet).collect();
        for _ in 0..SAMPLE {
            let one = random.pick(&placed);
            let path = format!("/v1/wallets/{}", wallet_id(one.application.wallet));
            let shown = connection.expect(200, "GET", &path, "");
            let registered_at = shown["programs"][0]["registered_at"].as_str();
            assert_eq!(
                registered_at,
                one.first.registered_at.as_deref(),
                "{path}: {shown}"
            );
        }
        let is_known = |one: &&Asked| known.contains(&one.application.wallet);
        let nameless = asked.iter().filter(|one| !is_known(one)).take(SAMPLE);
        for one in nameless {
            let path = format!("/v1/wallets/{}", wallet_id(one.application.wallet));
            connection.expect(404, "GET", &path, "");
        }
    }

    /// Who comes now is told so once with a record, and then the same without one; an id that was only told is not burnt.
    fn check_latecomer(&mut self, random: &mut Random) {
        let (citizen, stranger) = (self.person(), self.person());
        let first = self.ask(&Application::new(citizen, citizen, random));
        assert_eq!(
            (first.reason.as_str(), first.replayed),
            ("quota_full", false),
            "{first:?}"
        );
        let other = Application::new(citizen, self.person(), random);
        let told = self.ask(&other);
        assert_eq!(
            (told.reason.as_str(), told.sequence, told.replayed),
            ("quota_full", first.sequence, false)
        );
        let reused = Application {
            citizen: stranger,
            wallet: stranger,
            ..other
        };
        let recorded = self.ask(&reused);
        assert_eq!(
            (recorded.reason.as_str(), recorded.replayed),
            ("quota_full", false)
        );
        assert!(recorded.sequence > first.sequence, "{recorded:?} after {first:?}");
        let again = self.ask(&reused);
        assert!(again.replayed && again.sequence == recorded.sequence, "{again:?}");
    }

    /// An id with other content is a conflict, and changes nothing.
    fn check_conflict(&mut self, asked: &[Asked], random: &mut Random) {
        let mut connection = Connection::open(self.addr).expect("the server listens");
        let recorded: Vec<&Asked> = asked.iter().filter(|one| one.again.replayed).collect();
        for _ in 0..SAMPLE / 10 {
            let one = random.pick(&recorded);
            let other = Application {
                citizen: self.person(),
                ..one.application.clone()
            };
            let problem = connection.expect(409, "POST", ONE, &other.body().to_string());
            assert_eq!(problem["code"], "registration_id_conflict", "{problem}");
            assert_eq!(self.ask(&one.application), one.again);
        }
    }

    fn ask(&self, application: &Application) -> Answer {
        let mut answers = ask_now(self.addr, &[vec![application.clone()]]);
        answers.pop().expect("one for each")
    }

    fn person(&mut self) -> u64 {
        self.unborn += 1;
        self.unborn - 1
    }
}

/// The programme shows so many places taken.
///
/// # Panics
/// When it does not.
pub(super) fn check_counters(addr: SocketAddr, quota: u64, registered: u64) {
    let mut connection = Connection::open(addr).expect("the server listens");
    let mut expect = |path: String, at: fn(&Value) -> &Value| {
        let shown = connection.expect(200, "GET", &path, "");
        let counters = at(&shown);
        for (key, value) in [
            ("quota", quota),
            ("registered", registered),
            ("remaining", quota - registered),
        ] {
            assert_eq!(counters[key], value, "{path}, {key}: {counters}");
        }
        assert_eq!(counters["open"], true, "{path}: {counters}");
        counters["tickets"].as_u64()
    };
    expect(format!("/v1/programs/{PROGRAM}"), |shown| &shown["registration"]);
    let tickets = expect(format!("/v1/programs/{PROGRAM}/registration"), |shown| shown);
    assert_eq!(tickets, Some(registered), "tickets given");
}

/// The journal gives the same decisions when it is decided once more.
///
/// # Panics
/// When it does not.
pub(super) fn check_journal(site: &Site) {
    let data_dir = site.data_dir();
    let ended = site.run(&["verify", "--data-dir", data_dir.to_str().expect("text")]);
    assert_eq!(ended.code, Some(0), "I3: {ended:?}");
}
