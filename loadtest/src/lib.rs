//! Load generator for the HTTP interface of Satang. It speaks only the wire and shares no code with the engine.
//!
//! The point of it is honest latency: requests are due at **intended** instants that no answer can move, and a
//! latency is counted from that instant, so a server that stalls cannot hide the requests it kept waiting
//! (coordinated omission). A closed loop exists too, for peak throughput, and says so in its output.
//!
//! Modules in reading order: what is asked ([`workload`], [`registration`], [`binary`], [`citizen`], [`ids`], [`random`]), when it is due
//! ([`pacing`], [`plan`]), how it travels ([`http1`], [`target`], [`client`], [`drive`]), what came back ([`answer`],
//! [`stats`]), whether that is what should come back ([`expected`], [`verdict`], [`hints`], [`report`]), and the commands ([`prepare`], [`phases`], [`bare`], [`compare`]).

pub mod citizen;
pub mod ids;
pub mod random;
pub mod binary;
pub mod workload;
pub mod registration;

pub mod pacing;
pub mod plan;

pub mod client;
pub mod drive;
pub mod http1;
pub mod target;

mod connection;
mod judge;
mod worker;

pub mod answer;
pub mod stats;

pub mod expected;
pub mod hints;
pub mod report;
pub mod verdict;

pub mod bare;
pub mod compare;
pub mod flush;
pub mod phases;
pub mod prepare;
pub mod process;
pub mod wrk;
