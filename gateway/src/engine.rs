//! The engine's types as the gateway runs them: on files, by a clock that may be simulated.

use satang_engine::clock::AnyClock;
use satang_engine::engine::Engine;
use satang_engine::maintenance::Maintenance;
use satang_log::file::{FileLogStore, FileReader};

/// The engine as the gateway runs it.
pub type GatewayEngine<S> = Engine<FileReader<S>, AnyClock>;

/// The maintenance of the gateway's engine.
pub type GatewayMaintenance<S> = Maintenance<S, FileLogStore<S>, AnyClock>;
