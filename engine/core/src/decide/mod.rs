//! Decisions: pure functions of a request, the state and one instant. Modules in reading order.

pub mod content;
pub mod authorize;
pub mod reverse;
pub mod register;
