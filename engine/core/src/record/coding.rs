//! The little language of tails and of records of any length: little-endian numbers and length-prefixed texts.

use super::{BenefitNumber, ID_END, NameNumber, Status};
use crate::calendar::BusinessDate;
use crate::ids::{CaseId, MerchantId, PersonId, WalletId};

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

    pub(super) fn flag(&mut self, on: bool) {
        self.u16(u16::from(on));
    }

    pub(super) fn status(&mut self, status: Status) {
        self.u16(u16::from(status as u8));
    }

    pub(super) fn date(&mut self, date: BusinessDate) {
        self.u32(date.days() as u32);
    }

    pub(super) fn optional_date(&mut self, date: Option<BusinessDate>) {
        self.optional(date.map(|date| u64::from(date.days() as u32)));
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

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        self.text(text.unwrap_or(""));
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

    pub(super) fn optional_date(&mut self) -> Option<Option<BusinessDate>> {
        self.optional(|days| Some(BusinessDate::from_days(u32::try_from(days).ok()? as i32)))
    }

    pub(super) fn name_number(&mut self) -> Option<NameNumber> {
        self.u16().map(NameNumber)
    }

    pub(super) fn benefit(&mut self) -> Option<BenefitNumber> {
        self.u16()
            .map(BenefitNumber)
            .filter(|benefit| benefit.is_possible())
    }

    pub(super) fn case(&mut self) -> Option<CaseId> {
        self.u128().map(CaseId::from_bits)
    }

    pub(super) fn person(&mut self) -> Option<PersonId> {
        self.u64().and_then(PersonId::from_number)
    }

    pub(super) fn merchant(&mut self) -> Option<MerchantId> {
        self.fifteen_digits().map(MerchantId::from_number)
    }

    pub(super) fn wallet(&mut self) -> Option<WalletId> {
        self.fifteen_digits().map(WalletId::from_number)
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
        (0..count).map(|_| self.wallet()).collect()
    }

    fn fifteen_digits(&mut self) -> Option<u64> {
        self.u64().filter(|number| *number < ID_END)
    }

    pub(super) fn status(&mut self) -> Option<Status> {
        self.flag().map(|suspended| match suspended {
            false => Status::Active,
            true => Status::Suspended,
        })
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let len = self.u32()? as usize;
        core::str::from_utf8(self.take(len)?).ok()
    }

    pub(super) fn optional_text(&mut self) -> Option<Option<String>> {
        let (present, text) = (self.flag()?, self.text()?.to_owned());
        Some(present.then_some(text))
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
