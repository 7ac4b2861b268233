//! Clients that do not give up: what was not answered is sent again with the same id, to whoever listens then.

use super::RoundStats;
use super::answer::Answer;
use super::applicants::{Application, Job};
use super::front::{Front, Keeper};
use crate::process::Connection;
use serde_json::json;
use std::net::SocketAddr;

/// Where one application goes.
pub(super) const ONE: &str = "/v1/registrations";
/// Where several go together.
pub(super) const BATCH: &str = "/v1/registrations/batch";

/// One application and what its client was told.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) application: Application,
    pub(super) answer: Answer,
    /// Whether an earlier request with this id was left without an answer.
    pub(super) repeated: bool,
}

/// What one client saw.
#[derive(Default)]
struct Worked {
    seen: Vec<Seen>,
    unknown: u64,
    unknown_but_durable: u64,
    overloaded: u64,
}

/// Lets every client do its jobs while the server is killed at these moments; what was seen by all of them.
///
/// # Panics
/// When an answer is not one, or none comes though the server runs.
pub(super) fn let_through(
    keeper: &mut Keeper<'_>,
    clients: Vec<Vec<Job>>,
    moments: &[u64],
    stats: &mut RoundStats,
) -> Vec<Seen> {
    let front = keeper.front();
    front.begin_phase();
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let front = &*front;
        let clients: Vec<_> = clients
            .into_iter()
            .map(|jobs| scope.spawn(move || work(front, jobs)))
            .collect();
        keeper.kill_at(moments);
        for client in clients {
            let worked = client.join().expect("a client does not panic");
            stats.unknown += worked.unknown;
            stats.unknown_but_durable += worked.unknown_but_durable;
            stats.overloaded += worked.overloaded;
            all.extend(worked.seen);
        }
    });
    all
}

fn work(front: &Front, jobs: Vec<Job>) -> Worked {
    let mut worked = Worked::default();
    let mut line = Line::new(front);
    for job in jobs {
        let (path, body) = written(&job);
        let (text, repeated) = line.ask(path, &body);
        let answers = read(&job, &text);
        front.answered(job.len() as u64);
        if repeated {
            worked.unknown += job.len() as u64;
            worked.unknown_but_durable += answers.iter().filter(|answer| answer.replayed).count() as u64;
        }
        let seen = job.into_iter().zip(answers).map(|(application, answer)| Seen {
            application,
            answer,
            repeated,
        });
        worked.seen.extend(seen);
    }
    worked.overloaded = line.overloaded;
    worked
}

/// Path and body of a job.
fn written(job: &[Application]) -> (&'static str, String) {
    match job {
        [one] => (ONE, one.body().to_string()),
        several => {
            let bodies: Vec<_> = several.iter().map(Application::body).collect();
            (BATCH, json!({ "registrations": bodies }).to_string())
        }
    }
}

/// The answers to a job, one for each of its applications.
fn read(job: &[Application], text: &str) -> Vec<Answer> {
    let answers = match job {
        [_] => vec![Answer::read(text)],
        _ => Answer::read_batch(text),
    };
    assert_eq!(
        answers.len(),
        job.len(),
        "a batch has an answer for each of its elements"
    );
    answers
}

/// Asks a server that is not killed meanwhile.
///
/// # Panics
/// When it does not answer 200.
pub(super) fn ask_now(addr: SocketAddr, jobs: &[Vec<Application>]) -> Vec<Answer> {
    let mut connection = Connection::open(addr).expect("the server listens");
    let mut answers = Vec::new();
    for job in jobs {
        let (path, body) = written(job);
        let (status, text) = connection.send("POST", path, &body).expect("the server answers");
        assert_eq!(status, 200, "{text}");
        answers.extend(read(job, &text));
    }
    answers
}

/// A connection to whichever server there is.
struct Line<'a> {
    front: &'a Front,
    connection: Option<Connection>,
    addr: SocketAddr,
    start: u32,
    overloaded: u64,
}

impl<'a> Line<'a> {
    fn new(front: &'a Front) -> Line<'a> {
        let (addr, start) = front.server();
        Line {
            front,
            connection: Connection::open(addr).ok(),
            addr,
            start,
            overloaded: 0,
        }
    }

    /// Sends until it is answered; the answer, and whether a request before the last one was left without one.
    fn ask(&mut self, path: &str, body: &str) -> (String, bool) {
        let mut repeated = false;
        loop {
            let Some(connection) = &mut self.connection else {
                self.find_again();
                continue;
            };
            match connection.send("POST", path, body) {
                Ok((200, answer)) => return (answer, repeated),
                // Nothing was decided: it may be asked again.
                Ok((503, _)) => {
                    self.overloaded += 1;
                    std::thread::yield_now();
                }
                Ok((status, answer)) => panic!("{path} {body} was answered {status}: {answer}"),
                Err(_) => {
                    repeated = true;
                    self.connection = None;
                }
            }
        }
    }

    /// Waits for the next start and connects to it.
    fn find_again(&mut self) {
        (self.addr, self.start) = self.front.server_after(self.start);
        self.connection = Connection::open(self.addr).ok();
    }
}
