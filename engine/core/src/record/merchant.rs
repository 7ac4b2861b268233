//! The record of a merchant that was registered or changed.

use super::coding::{Field as _, fields};
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

impl Merchant {
    /// A hash of what no decision reads: two merchants with other texts have another one. It is the same everywhere and kept in
    /// snapshots.
    pub fn hash_of_texts(&self) -> u64 {
        let mut bytes = Vec::new();
        self.name.write(&mut bytes);
        for text in [&self.province, &self.bank_account, &self.account_name] {
            text.write(&mut bytes);
        }
        let hash = blake3::hash(&bytes);
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("32 bytes"))
    }
}
