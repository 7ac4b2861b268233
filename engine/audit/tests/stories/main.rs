//! Stories of what reads a journal afterwards: verification and backups. One program, so that the rig is built once.

mod forge;
#[path = "../../../tests/stories/rig/mod.rs"]
mod rig;
mod verified;

mod backup;
mod casework;
mod casework_review;
mod entitlements_review;
mod home_wallet;
mod verify;
mod verify_through;
