//! What can be asked: of what stands now, of one authorization, of what a merchant received.

pub mod view;
pub mod read_back;
pub mod find;
pub mod received;
