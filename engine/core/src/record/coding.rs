//! The fields of records of any length: each type once, how it is written and how it is read. Numbers are little-endian.

use super::{BenefitNumber, Earlier, ID_END, NameNumber, Payout, Status};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{CaseId, HouseholdId, MerchantId, Name, PaymentId, PersonId, TxnId, WalletId};
use crate::money::Satang;
use crate::programme::Category;

/// A value in a record of any length.
pub(super) trait Field: Sized {
    /// Appends the value.
    fn write(&self, to: &mut Vec<u8>);

    /// Takes the value from the front; `None` when it is cut short or impossible.
    fn read(from: &mut &[u8]) -> Option<Self>;
}

/// A struct is its fields, one after the other in this order.
macro_rules! fields {
    ($record:ident: $($field:ident),+) => {
        impl $crate::record::coding::Field for $record {
            fn write(&self, to: &mut Vec<u8>) {
                $($crate::record::coding::Field::write(&self.$field, to);)+
            }

            fn read(from: &mut &[u8]) -> Option<$record> {
                Some($record {
                    $($field: $crate::record::coding::Field::read(from)?,)+
                })
            }
        }
    };
}

pub(super) use fields;

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Field for $number {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<$number> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$number>::from_le_bytes(*bytes))
            }
        })+
    };
}

numbers!(u16, u32, u64, u128);

/// A type that is written as a number, and read of one by a function that gives `None` for an impossible one.
macro_rules! by_number {
    ($($type:ty as $number:ty: |$value:ident| $to:expr, $from:expr;)+) => {
        $(impl Field for $type {
            fn write(&self, to: &mut Vec<u8>) {
                let $value = *self;
                <$number as Field>::write(&$to, to);
            }

            fn read(from: &mut &[u8]) -> Option<$type> {
                <$number as Field>::read(from).and_then($from)
            }
        })+
    };
}

by_number! {
    bool as u16: |on| u16::from(on), |number| (number <= 1).then_some(number == 1);
    Status as u16: |status| status as u16, |number| Status::from_number(u8::try_from(number).ok()?);
    Payout as u16: |payout| payout as u16, |number| Payout::from_number(u8::try_from(number).ok()?);
    Category as u16: |category| category as u16, |number| Category::from_number(u8::try_from(number).ok()?);
    NameNumber as u16: |name| name.0, |number| Some(NameNumber(number));
    BenefitNumber as u16: |benefit| benefit.0, |number| Some(BenefitNumber(number)).filter(|benefit| benefit.is_possible());
    BusinessDate as u32: |date| date.days() as u32, |days| Some(BusinessDate::from_days(days as i32));
    Instant as u64: |at| at.unix_ms() as u64, |ms| Some(Instant::from_unix_ms(ms as i64));
    Satang as u64: |money| money.get(), |satang| Some(Satang::new(satang));
    WalletId as u64: |wallet| wallet.number(), |number| (number < ID_END).then(|| WalletId::from_number(number));
    MerchantId as u64: |merchant| merchant.number(), |number| (number < ID_END).then(|| MerchantId::from_number(number));
    PersonId as u64: |person| person.number(), PersonId::from_number;
    TxnId as u128: |txn| txn.bits(), |bits| Some(TxnId::from_bits(bits));
    CaseId as u128: |case| case.bits(), |bits| Some(CaseId::from_bits(bits));
    PaymentId as u128: |payment| payment.bits(), |bits| Some(PaymentId::from_bits(bits));
    Option<BusinessDate> as u64: |date| or_none(date.map(|date| u64::from(date.days() as u32))),
        |number| some_or_none(number, |days| Some(BusinessDate::from_days(u32::try_from(days).ok()? as i32)));
    Option<WalletId> as u64: |wallet| or_none(wallet.map(WalletId::number)),
        |number| some_or_none(number, |wallet| WalletId::try_from_number(wallet).ok());
    Option<HouseholdId> as u64: |household| or_none(household.map(HouseholdId::number)),
        |number| some_or_none(number, |household| HouseholdId::try_from_number(household).ok());
}

/// The number plus 1; 0 for none.
fn or_none(number: Option<u64>) -> u64 {
    number.map_or(0, |number| number + 1)
}

fn some_or_none<T>(number: u64, parse: impl FnOnce(u64) -> Option<T>) -> Option<Option<T>> {
    match number.checked_sub(1) {
        None => Some(None),
        Some(number) => parse(number).map(Some),
    }
}

/// The wallet's number plus 1, 0 for none; then whether the right was used.
impl Field for Option<Earlier> {
    fn write(&self, to: &mut Vec<u8>) {
        let (used, wallet) = Earlier::to_number(*self);
        wallet.write(to);
        used.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Option<Earlier>> {
        let wallet = u64::read(from).filter(|wallet| *wallet <= ID_END)?;
        let used = bool::read(from).filter(|used| wallet != 0 || !used)?;
        Some(Earlier::from_number(used, wallet))
    }
}

/// The length in bytes, then the text.
pub(super) fn write_text(text: &str, to: &mut Vec<u8>) {
    (text.len() as u32).write(to);
    to.extend_from_slice(text.as_bytes());
}

/// What [`write_text`] wrote.
pub(super) fn read_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let len = u32::read(from)? as usize;
    let (text, rest) = from.split_at_checked(len)?;
    *from = rest;
    core::str::from_utf8(text).ok()
}

impl Field for String {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(self, to);
    }

    fn read(from: &mut &[u8]) -> Option<String> {
        read_text(from).map(str::to_owned)
    }
}

impl Field for Name {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(self.as_str(), to);
    }

    fn read(from: &mut &[u8]) -> Option<Name> {
        Name::recorded(read_text(from)?).ok()
    }
}

/// Whether there is one; then the text, empty for none.
impl Field for Option<String> {
    fn write(&self, to: &mut Vec<u8>) {
        self.is_some().write(to);
        write_text(self.as_deref().unwrap_or(""), to);
    }

    fn read(from: &mut &[u8]) -> Option<Option<String>> {
        let (present, text) = (bool::read(from)?, String::read(from)?);
        Some(present.then_some(text))
    }
}

/// How many, as a `u16`; then each.
impl<F: Field> Field for Vec<F> {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u16).write(to);
        self.iter().for_each(|field| field.write(to));
    }

    fn read(from: &mut &[u8]) -> Option<Vec<F>> {
        (0..u16::read(from)?).map(|_| F::read(from)).collect()
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<(A, B)> {
        Some((A::read(from)?, B::read(from)?))
    }
}
