//! What the benches and the program `measure` share: requests, an engine to send them to, and the rows of the table.
//!
//! Nothing here is skipped that the product does: every row decides with the id check, the caps and the clock, and a row that
//! says "durable" waits for the flush. Modules in reading order.

pub mod workload;
pub mod discard;
pub mod rig;
pub mod report;
pub mod counted;
pub mod baseline;
pub mod pairs;
pub mod machine;
pub mod batches;
pub mod single;
pub mod footprint;
pub mod id_archive;
pub mod replay;
pub mod segments;
pub mod stall;
pub mod registrations;
pub mod measure;
