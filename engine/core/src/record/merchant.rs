//! The record of a merchant that was registered or changed.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use super::{NameNumber, Status};
use crate::ids::MerchantId;
use crate::programme::Category;

/// A merchant as the register has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id in the merchant app.
    pub id: MerchantId,
    pub category: Category,
    /// Whether it takes part.
    pub status: Status,
    /// The programmes it takes part in.
    pub programs: Vec<NameNumber>,
    /// The channels it sells through.
    pub channels: Vec<NameNumber>,
    pub name: String,
    pub province: Option<String>,
    /// Its bank account, 10 digits.
    pub bank_account: Option<String>,
    pub account_name: Option<String>,
}

impl Body for Merchant {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.id.number());
        to.u16(u16::from(self.category as u8));
        to.status(self.status);
        to.numbers(self.programs.iter().map(|name| name.0));
        to.numbers(self.channels.iter().map(|name| name.0));
        to.text(&self.name);
        to.optional_text(self.province.as_deref());
        to.optional_text(self.bank_account.as_deref());
        to.optional_text(self.account_name.as_deref());
    }

    fn read(from: &mut Decoder<'_>) -> Option<Merchant> {
        Some(Merchant {
            id: from.merchant()?,
            category: *Category::ALL.get(usize::from(from.u16()?))?,
            status: from.status()?,
            programs: from.numbers()?.map(NameNumber).collect(),
            channels: from.numbers()?.map(NameNumber).collect(),
            name: from.text()?.to_owned(),
            province: from.optional_text()?,
            bank_account: from.optional_text()?,
            account_name: from.optional_text()?,
        })
    }
}
