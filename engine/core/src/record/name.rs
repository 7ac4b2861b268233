//! The record of a name that got its number.

use super::NameNumber;
use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use crate::ids::Name;

/// A name got its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRecord {
    /// Dense from 1.
    pub number: NameNumber,
    pub name: Name,
}

impl Body for NameRecord {
    fn write(&self, to: &mut Encoder) {
        to.u16(self.number.0);
        to.text(self.name.as_str());
    }

    fn read(from: &mut Decoder<'_>) -> Option<NameRecord> {
        Some(NameRecord {
            number: from.name_number()?,
            name: Name::parse(from.text()?).ok()?,
        })
    }
}
