//! The wire: JSON bodies to core types with errors that name the field, and core records to JSON answers; `binary` is the
//! other form of a batch.
//!
//! Reading has two ways. `fast` reads a well-formed body of a hot route with sonic-rs and gives up on anything else;
//! what it gave up on, and every body of a cold route, goes to the judge: `json` checks the whole text, then `form`
//! reads it field by field and collects every fault. Both ways must agree, and the tests hold them against each other.

pub mod batch;
pub mod binary;
pub mod casework_forms;
pub mod encoding;
pub mod listed;
pub mod parse;
pub mod problem;
pub mod render;

mod fast;
mod form;
mod grammar;
mod json;

#[cfg(test)]
mod tests_agreement;
#[cfg(test)]
mod tests_answers;
#[cfg(test)]
mod tests_binary;
#[cfg(test)]
mod tests_content;
#[cfg(test)]
mod tests_holds;
#[cfg(test)]
mod tests_malformed;
#[cfg(test)]
mod tests_registration;
#[cfg(test)]
mod tests_render;
#[cfg(test)]
mod tests_shapes;
#[cfg(test)]
mod tests_well_formed;
