//! The oracle: held against sums done by hand, against the product, and against itself with mistakes planted in it.

mod agreement;
mod examples;
mod examples_clawbacks;
mod examples_desk;
mod examples_holds;
mod examples_households;
mod examples_money;
mod examples_moves;
mod examples_persons;
mod examples_registration;
mod examples_replacements;
mod examples_rights;
mod examples_tombstones;
mod examples_use;
mod examples_versions;
mod calendar;
mod json;
mod forms;
mod shares;
mod registration;
mod programmes;
mod reloads;
mod compare;
mod mutants;
