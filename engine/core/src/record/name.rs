//! The record of a name that got its number.

use super::NameNumber;
use super::coding::fields;
use crate::ids::Name;

/// A name got its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRecord {
    /// Dense from 1.
    pub number: NameNumber,
    pub name: Name,
}

fields!(NameRecord: number, name);
