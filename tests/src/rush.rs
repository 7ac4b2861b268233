//! The morning of the rush: everybody registers at once, the last places are fought over, and the server is killed in the
//! middle of it.
//!
//! In each round a programme with a quota is filled by batches up to its last places. Then clients on connections of their own
//! fight for those one by one, with more applicants than places. Some race with the same citizen under two ids and wallets, some
//! with the same wallet, some ask again under another id. Meanwhile the server is killed and started again on the same folder,
//! and what was not answered is repeated with the same id. In the end it is killed once more, and everything is looked at from
//! outside: every id has one answer ([`judge`]), tickets are exactly 1 to the quota, and the counters say so.

mod afterwards;
mod answer;
pub mod applicants;
mod clients;
mod front;
pub mod judge;

use self::afterwards::Evening;
use self::applicants::Applicants;
use self::clients::let_through;
use self::front::Keeper;
use self::judge::Tally;
use crate::generate::random::Random;
use crate::site::Site;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The programme everybody wants.
const PROGRAM: &str = "rush";
/// The first morning of the registration.
const MORNING: &str = "simulated:2026-05-25T08:00:00+07:00";
/// The same in milliseconds since 1970.
const MORNING_MS: i64 = 1_779_670_800_000;

/// What a campaign is run with.
pub struct RushOptions<'a> {
    /// The server's program.
    pub binary: &'a Path,
    /// Mornings, each in a new data folder.
    pub rounds: u32,
    /// Places in all.
    pub quota: u64,
    /// Places that are fought over one by one; the others are taken by batches.
    pub last: u64,
    /// People who fight for them, more than there are.
    pub applicants: u64,
    /// Connections that fight.
    pub clients: usize,
    /// Kills during the fight, at most; there is at least one. One more may come during the batches, and one comes at the end.
    pub kills_max: u32,
    /// Seed of the first round, the next round has the next one. Of everything random but the threads' interleaving.
    pub seed: u64,
}

impl RushOptions<'_> {
    /// The command that plays one round again.
    pub fn replay(&self, seed: u64) -> String {
        format!(
            "cargo run --release -p satang-tests --bin rush -- --seed {seed} --rounds 1 --quota {} --last {} --applicants {} \
             --clients {} --kills-max {}",
            self.quota, self.last, self.applicants, self.clients, self.kills_max
        )
    }
}

/// What one round saw.
#[derive(Clone, Debug, Default)]
pub struct RoundStats {
    /// Its seed: a campaign of one round with this seed plays it again.
    pub seed: u64,
    /// Kills.
    pub kills: u32,
    /// Answers by reason.
    pub tally: Tally,
    /// Requests that were in flight at a kill, batches counted by their elements.
    pub unknown: u64,
    /// Of those, how many turned out to be durable.
    pub unknown_but_durable: u64,
    /// Requests refused for overload and repeated.
    pub overloaded: u64,
    /// How long the fight took, kills and starts included.
    pub fight: Duration,
    /// How long the round took.
    pub took: Duration,
}

impl fmt::Display for RoundStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            accepted,
            already_registered,
            wallet_taken,
            quota_full,
            told,
        } = self.tally;
        write!(
            f,
            "seed {}: {} kills, {accepted} accepted, {} rejected ({already_registered} already registered, {wallet_taken} wallet \
             taken, {quota_full} quota full), {told} told again, {} unknown outcomes of which {} durable, {} overloaded, \
             fight {:.1} s of {:.1} s",
            self.seed,
            self.kills,
            already_registered + wallet_taken + quota_full,
            self.unknown,
            self.unknown_but_durable,
            self.overloaded,
            self.fight.as_secs_f64(),
            self.took.as_secs_f64(),
        )
    }
}

/// Runs the campaign and says what each round saw.
///
/// # Panics
/// When an id has two answers, a place is given twice or not at all, or a counter is wrong.
pub fn run(options: &RushOptions<'_>, said: &mut dyn FnMut(&RoundStats)) -> Vec<RoundStats> {
    assert!(options.last <= options.quota, "the last places are among all");
    assert!(
        options.applicants >= 2 * options.last,
        "more people than places, though some of them share a citizen or a wallet"
    );
    let seeds = (0..u64::from(options.rounds)).map(|round| options.seed.wrapping_add(round));
    seeds
        .map(|seed| {
            eprintln!("{}", options.replay(seed));
            let stats = morning(options, seed);
            said(&stats);
            stats
        })
        .collect()
}

/// One round.
fn morning(options: &RushOptions<'_>, seed: u64) -> RoundStats {
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let site = Site::new(options.binary.to_str().expect("text"));
    site.write(&format!("programs/{PROGRAM}.toml"), programme(options.quota));
    let programs = format!("programs={}", site.path("programs").display());
    let mut args = vec!["--clock", MORNING, &programs];
    if random.percent(50) {
        // A start is then from a snapshot and what lies behind it.
        args.extend(["--snapshot-mib", "1"]);
    }
    let applicants = Applicants::draw(options, &mut random);
    let mut keeper = Keeper::start(&site, &args);
    let mut seen = Vec::new();
    let mut stats = RoundStats {
        seed,
        ..RoundStats::default()
    };
    // While batches arrive there is at most one kill, where more than one was asked for.
    let kills = random.below(u64::from(options.kills_max.clamp(1, 2))) as u32;
    let early = kill_moments(kills, &applicants.early, &mut random);
    seen.extend(let_through(&mut keeper, applicants.early, &early, &mut stats));
    afterwards::check_counters(keeper.addr(), options.quota, options.quota - options.last);
    let fight_begun = Instant::now();
    let kills = 1 + random.below(u64::from(options.kills_max.max(1))) as u32;
    let moments = kill_moments(kills, &applicants.fight, &mut random);
    seen.extend(let_through(&mut keeper, applicants.fight, &moments, &mut stats));
    stats.fight = fight_begun.elapsed();
    keeper.restart();
    let evening = Evening {
        addr: keeper.addr(),
        quota: options.quota,
        unborn: applicants.unborn,
    };
    stats.tally = evening.check(seen, &mut random);
    stats.kills = keeper.stop();
    afterwards::check_journal(&site);
    stats.took = begun.elapsed();
    stats
}

/// Numbers of answers after which the server is killed, in their order: anywhere but in the first and last twentieth, and more
/// often in the first half, where places are given.
pub fn kill_moments(kills: u32, jobs: &[Vec<applicants::Job>], random: &mut Random) -> Vec<u64> {
    let answers = jobs.iter().flatten().map(Vec::len).sum::<usize>() as u64;
    let mut moments: Vec<u64> = (0..kills)
        .map(|_| {
            let span = if random.percent(50) { 4 } else { 9 };
            answers / 20 + random.below((answers * span / 10).max(1))
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// A programme file with this quota, for everybody.
pub fn programme(quota: u64) -> String {
    format!(
        r#"id = "{PROGRAM}"
name_th = "ลงทะเบียนพร้อมกัน"
name_en = "Rush"

[registration]
opens = 2026-05-25
closes = 2026-05-29
hours = "06:00-22:00"
quota = {quota}

[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = {{ day = 20_000, month = 100_000 }}
when_exhausted = "decline"
merchant_categories = ["general_goods"]

[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
"#
    )
}
