//! More silent connections than the process may open files, while the journal needs its next segments.

use super::ground::{Ground, Orders, stop};
use super::traffic::lengthen;
use super::{Attack, Verdict};
use crate::wire::Wire;
use anyhow::ensure;
use std::net::TcpStream;

pub const ATTACK: Attack = Attack {
    name: "descriptors",
    what: "400 silent connections to a server that may open 256 files, and purchases over two segments",
    run,
};

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let ground = Ground::new(orders)?;
    let server = ground.serve_by(&ground.with_files_max(256)?, &ground.data_dir(), &[])?;
    let mut wire = Wire::open(server.addr())?;
    let silent: Vec<_> = (0..400).map(|_| TcpStream::connect(server.addr())).collect();
    ensure!(silent.iter().all(Result::is_ok), "the kernel takes connections");
    // A segment has 8 MiB.
    let written = lengthen(&mut wire, 0..18);
    println!("   400 connections without a word; 180,000 purchases asked for");
    if let Err(error) = written {
        return Ok(Verdict::Failed(format!("{error:#}")));
    }
    drop(silent);
    stop(server)?;
    Ok(Verdict::Ok("the journal went on over two segments".to_owned()))
}
