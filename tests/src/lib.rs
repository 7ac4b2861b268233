//! Integration tests of Satang and what they share: the oracle, the generator and the campaign that sets the
//! product against them.

pub mod campaign;
pub mod generate;
pub mod oracle;
pub mod system;
pub mod process;
pub mod crash;
pub mod rush;
pub mod wire;
pub mod certificates;
pub mod malformed;
pub mod repository;
pub mod schema;
pub mod site;
pub mod backup;
pub mod cold;
pub mod batch;
pub mod attack;
