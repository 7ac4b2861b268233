//! The little language of tails and administrative records: little-endian numbers and length-prefixed texts.

use super::{ID_END, Status};
use crate::calendar::BusinessDate;
use crate::ids::WalletId;

/// Writes little-endian numbers and length-prefixed texts.
#[derive(Default)]
pub(super) struct Encoder {
    pub(super) bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn u128(&mut self, number: u128) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn date(&mut self, date: BusinessDate) {
        self.u32(date.days() as u32);
    }

    /// The number plus 1; 0 for none.
    pub(super) fn optional(&mut self, number: Option<u64>) {
        self.u64(number.map_or(0, |number| number + 1));
    }

    pub(super) fn wallets(&mut self, wallets: &[WalletId]) {
        self.u16(wallets.len() as u16);
        wallets.iter().for_each(|wallet| self.u64(wallet.number()));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(super) fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u16>) {
        self.u16(numbers.len() as u16);
        numbers.for_each(|number| self.u16(number));
    }
}

/// Reads what [`Encoder`] wrote.
pub(super) struct Decoder<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(super) fn u128(&mut self) -> Option<u128> {
        Some(u128::from_le_bytes(self.take(16)?.try_into().ok()?))
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.u16()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn date(&mut self) -> Option<BusinessDate> {
        Some(BusinessDate::from_days(self.u32()? as i32))
    }

    /// What [`Encoder::optional`] wrote, read by `parse`.
    pub(super) fn optional<T>(&mut self, parse: impl FnOnce(u64) -> Option<T>) -> Option<Option<T>> {
        match self.u64()?.checked_sub(1) {
            None => Some(None),
            Some(number) => parse(number).map(Some),
        }
    }

    pub(super) fn wallets(&mut self) -> Option<Vec<WalletId>> {
        let count = self.u16()?;
        let wallet = |_| self.fifteen_digits().map(WalletId::from_number);
        (0..count).map(wallet).collect()
    }

    pub(super) fn fifteen_digits(&mut self) -> Option<u64> {
        self.u64().filter(|number| *number < ID_END)
    }

    pub(super) fn status(&mut self) -> Option<Status> {
        match self.u16()? {
            0 => Some(Status::Active),
            1 => Some(Status::Suspended),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let len = self.u32()? as usize;
        core::str::from_utf8(self.take(len)?).ok()
    }

    pub(super) fn numbers(&mut self) -> Option<impl Iterator<Item = u16> + use<'a>> {
        let count = usize::from(self.u16()?);
        Some(
            self.take(count * 2)?
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]])),
        )
    }
}
