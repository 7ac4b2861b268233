//! Running attacks: each in a process of its own, which is ended with everything it started when its time is over. So an attack
//! that hangs, panics or is killed is a failed one, and the next one runs.

use super::ground::Orders;
use super::{ATTACKS, Attack, Verdict};
use anyhow::{Context as _, bail};
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Exit code of an attack that this machine cannot show.
const SKIPPED: u8 = 3;

/// What an attack may take beyond its seconds: to prepare, to look at what is left.
const BEYOND_MAX: Duration = Duration::from_secs(120);

/// The attacks of these names, in the order of the table; all of them without.
///
/// # Errors
/// When there is none of a name.
pub fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Attack>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| ATTACKS.iter().all(|attack| attack.name != **name))
    {
        bail!("there is no attack {unknown:?}; --list shows them");
    }
    let is_chosen = |attack: &&Attack| names.is_empty() || names.iter().any(|name| name == attack.name);
    Ok(ATTACKS.iter().filter(is_chosen).collect())
}

/// Runs one attack in this process and prints its verdict.
pub fn run_here(attack: &Attack, orders: &Orders) -> ExitCode {
    let verdict =
        (attack.run)(orders).unwrap_or_else(|error| Verdict::Failed(format!("it went wrong: {error:#}")));
    println!("{}", verdict.line());
    match verdict {
        Verdict::Ok(_) => ExitCode::SUCCESS,
        Verdict::Failed(_) => ExitCode::FAILURE,
        Verdict::Skipped(_) => ExitCode::from(SKIPPED),
    }
}

/// Runs each attack by this very program with `--here`; how many failed.
///
/// # Errors
/// When a process cannot be started.
pub fn run_each(attacks: &[&Attack], orders: &Orders) -> anyhow::Result<usize> {
    let mut failed = 0;
    for attack in attacks {
        println!("== {}: {}", attack.name, attack.what);
        let bound = orders.seconds * orders.rounds + BEYOND_MAX;
        let began = std::time::Instant::now();
        let ended = run_bounded(attack, orders, bound)?;
        let code = ended.and_then(|status| status.code());
        match ended {
            None => println!("FAILED: not over after {} s", bound.as_secs()),
            Some(status) if !matches!(code, Some(0 | 1)) && code != Some(i32::from(SKIPPED)) => {
                println!("FAILED: the attack ended by itself: {}", in_words(status));
            }
            Some(_) => {}
        }
        println!("   {:.1} s", began.elapsed().as_secs_f64());
        failed += usize::from(code != Some(0) && code != Some(i32::from(SKIPPED)));
    }
    Ok(failed)
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

/// How the process ended; none when it had to be killed.
fn run_bounded(attack: &Attack, orders: &Orders, bound: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let folder = tempfile::tempdir()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--here")
        .args(orders.short.then_some("--short"))
        .args(["--seconds", &orders.seconds.as_secs().to_string()])
        .args(["--rounds", &orders.rounds.to_string()])
        .arg("--server")
        .arg(&orders.server)
        .arg(attack.name)
        .env("TMPDIR", folder.path())
        .env_remove("SATANG_KEY")
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .context("the attack's own process")?;
    let group = child.id();
    let (send, ended) = mpsc::channel();
    let waiting = thread::spawn(move || drop(send.send(child.wait())));
    let status = match ended.recv_timeout(bound) {
        Ok(status) => Some(status?),
        Err(_) => None,
    };
    // Its servers too, whatever became of the attack.
    kill_group(group)?;
    waiting.join().expect("waiting does not panic");
    Ok(status)
}

fn kill_group(group: u32) -> io::Result<()> {
    // Usually nobody is left.
    Command::new("kill")
        .args(["-KILL", "--", &format!("-{group}")])
        .stderr(Stdio::null())
        .status()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_chosen_by_name_and_have_one_each() {
        let names: Vec<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&names).map(|attacks| attacks.iter().map(|attack| attack.name).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]).unwrap(), names);
        assert_eq!(of(&[names[3], names[1]]).unwrap(), [names[1], names[3]]);
        assert!(
            of(&["no-such-attack"])
                .unwrap_err()
                .to_string()
                .contains("--list")
        );
    }

    #[test]
    fn an_attack_that_goes_wrong_has_failed() {
        let attack = |run| Attack {
            name: "x",
            what: "",
            run,
        };
        let orders = Orders::of("/nowhere".into());
        let code =
            |run: fn(&Orders) -> anyhow::Result<Verdict>| format!("{:?}", run_here(&attack(run), &orders));
        let failed = format!("{:?}", ExitCode::FAILURE);
        assert_eq!(code(|_| bail!("no server")), failed);
        assert_eq!(code(|_| Ok(Verdict::Failed(String::new()))), failed);
        assert_eq!(
            code(|_| Ok(Verdict::Ok(String::new()))),
            format!("{:?}", ExitCode::SUCCESS)
        );
    }
}
