//! P6: memory per registered person and per authorization kept, with everything the engine keeps for them.

use crate::discard::DiscardStorage;
use crate::machine;
use crate::rig::{Enroll, Rig};
use crate::workload::{Ids, Workload};
use anyhow::Result;
use satang_engine::clock::Clock;

/// Bytes each.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// The account tables, per person.
    pub tables_per_person: f64,
    /// Everything resident, per person.
    pub resident_per_person: f64,
    /// The id tables, per authorization.
    pub tables_per_id: f64,
    /// Everything resident that came with the authorizations, per authorization.
    pub resident_per_id: f64,
}

/// Enrolls `wallets` persons through the engine, then sends `ids` authorizations.
///
/// # Errors
/// When the engine fails.
pub fn measure(wallets: u64, ids: u64, kind: Ids) -> Result<Footprint> {
    let before = machine::resident_bytes();
    let mut rig = Rig::prepared(DiscardStorage, wallets, 1, Enroll::Record, 0)?;
    let enrolled = machine::resident_bytes();
    let (tables, _) = rig.engine.state().memory_bytes();
    let mut workload = Workload::new(1, kind, wallets, 1);
    let mut requests = Vec::with_capacity(1_000);
    let (_, id_tables_before) = rig.engine.state().memory_bytes();
    for _ in 0..ids.div_ceil(1_000) {
        workload.fill(&mut requests, 1_000, rig.engine.clock().now()?);
        rig.engine.authorize_batch(&requests)?;
        rig.flush()?;
    }
    let (_, id_tables) = rig.engine.state().memory_bytes();
    let kept = (ids.div_ceil(1_000) * 1_000) as f64;
    let resident = machine::resident_bytes();
    Ok(Footprint {
        tables_per_person: tables as f64 / wallets as f64,
        resident_per_person: enrolled.saturating_sub(before) as f64 / wallets as f64,
        tables_per_id: (id_tables - id_tables_before) as f64 / kept,
        resident_per_id: resident.saturating_sub(enrolled) as f64 / kept,
    })
}
