//! Stories of the engine on a virtual disk that loses power, fills up and breaks. One program, so that the rig is built once.

mod rig;

mod bit_flips;
mod acquirers;
mod callers;
mod casework;
mod casework_merchants;
mod casework_review;
mod clock;
mod engine;
mod hashes;
mod id_archive;
mod id_archive_model;
mod id_index;
mod locked_shards;
mod lookup;
mod lost_files;
mod names;
mod persons;
mod power_loss;
mod read_back;
mod replay;
mod rule_versions;
mod scrub;
mod segment_borders;
mod segment_chain;
mod snapshot_damage;
mod snapshots;
mod storage_failure;
mod truncation;
