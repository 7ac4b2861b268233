//! docs/QUICKSTART.md: every command in it works when it is pasted, and is answered as it says there. What the generated client
//! needs from a package index, `.ci/clients` runs.

use crate::BINARY;
use crate::probes::free_addr;
use satang_tests::process::shipped_programs;
use satang_tests::site::Site;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

const QUICKSTART: &str = include_str!("../../../docs/QUICKSTART.md");
/// The part that is run elsewhere.
const ELSEWHERE: &str = "## From a generated client";
/// Between the answers of two blocks.
const MARK: &str = "=== next block ===";

/// A block of commands, and what the block behind it says is answered.
struct Step {
    commands: String,
    answer: Option<String>,
}

/// The blocks of the page by their language, but for those of `ELSEWHERE`.
fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut is_elsewhere = false;
    let mut lines = QUICKSTART.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("## ") {
            is_elsewhere = line == ELSEWHERE;
        }
        if let Some(language) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if !is_elsewhere {
                blocks.push((language, inside.join("\n") + "\n"));
            }
        }
    }
    blocks
}

fn steps(blocks: Vec<(&str, String)>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (language, text) in blocks {
        match language {
            "sh" => steps.push(Step {
                commands: text,
                answer: None,
            }),
            "json" | "text" => {
                let step = steps.last_mut().expect("an answer follows commands");
                assert!(step.answer.replace(text).is_none(), "one answer each");
            }
            "python" => {}
            other => panic!("a block of {other} is neither command nor answer"),
        }
    }
    steps
}

/// A text in one line, without the times that differ from run to run.
fn comparable(text: &str) -> String {
    let mut line: String = text.lines().map(str::trim).collect();
    for key in ["\"decided_at\":\"", "\"registered_at\":\""] {
        let mut from = 0;
        while let Some(at) = line[from..].find(key) {
            from += at + key.len();
            let until = from + line[from..].find('"').expect("a text ends");
            line.replace_range(from..until, "…");
        }
    }
    line
}

/// Whether the page's tools are here; says which are not.
fn has_tools() -> bool {
    let is_missing = |tool: &&&str| {
        let version = if **tool == "openssl" {
            "version"
        } else {
            "--version"
        };
        !Command::new(tool)
            .arg(version)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let tools = ["bash", "curl", "openssl", "python3", "timeout"];
    let missing: Vec<&&str> = tools.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        println!("skipped: needs {missing:?}");
    }
    missing.is_empty()
}

#[test]
fn every_command_of_the_quickstart_is_answered_as_it_says() {
    if !has_tools() {
        return;
    }
    let site = Site::new(BINARY);
    let addr = free_addr().to_string();
    let here = |text: &str| text.replace("127.0.0.1:8080", &addr);
    symlink(shipped_programs(), site.path("programs")).expect("our own folder");
    std::fs::create_dir(site.path("bin")).expect("our own folder");
    symlink(BINARY, site.path("bin/satang")).expect("our own folder");
    let blocks = blocks();
    let script = blocks.iter().find(|(language, _)| *language == "python");
    site.write("pay.py", here(&script.expect("pay.py").1));
    let steps = steps(blocks);
    // It is built already; and it listens where nobody else does.
    let is_built = |line: &&str| line.starts_with("cargo ") || line.starts_with("export PATH=");
    let mut typed = String::from("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for step in &steps {
        let commands: Vec<&str> = step.commands.lines().filter(|line| !is_built(line)).collect();
        typed +=
            &here(&commands.join("\n")).replace("satang serve ", &format!("satang serve --listen {addr} "));
        typed += &format!("\necho '{MARK}'\n");
    }
    let script = site.write("typed.sh", typed);
    let path = std::env::var("PATH").expect("a search path");
    let output = Command::new("timeout")
        .args(["120", "bash"])
        .arg(script)
        .current_dir(site.path(""))
        .env("PATH", format!("{}:{path}", site.path("bin").display()))
        .env_remove("SATANG_KEY")
        .stdin(Stdio::null())
        .output()
        .expect("bash is there");
    let (said, words) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let answers: Vec<&str> = said.split(&format!("{MARK}\n")).collect();
    assert_eq!(answers.len(), steps.len() + 1, "{said}\n{words}");
    for (step, answer) in steps.iter().zip(answers) {
        let expected = step.answer.as_deref().unwrap_or_default();
        assert_eq!(
            comparable(answer),
            comparable(&here(expected)),
            "{}\n{words}",
            step.commands
        );
    }
    assert!(!site.path("my-data").exists(), "it cleans up behind itself");
}
