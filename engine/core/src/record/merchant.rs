//! The record of a merchant that was registered or changed.

use super::coding::fields;
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

fields!(Merchant: id, category, status, programs, channels, name, province, bank_account, account_name);
