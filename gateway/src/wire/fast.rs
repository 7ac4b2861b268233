//! The hot bodies, read with sonic-rs when they are well-formed. Nothing is allocated for an id.
//!
//! Whatever is unusual (an unknown, repeated or missing field, a value out of range, a byte out of place) gives up with
//! `None`: the judge says what is wrong and names the field. So nothing here may accept what the judge refuses.
//!
//! Every value is asked for with `deserialize_any`. Asked for a string, map or number by name, sonic-rs 0.5.10 answers another
//! kind by skipping the whole value with a recursion that has no limit: a megabyte of `[` overflows the stack.

mod registration;

pub(super) use registration::{registration, registrations};

use super::batch::BATCH_LEN_MAX;
use super::problem::Problem;
use satang_core::ids::{IdError, MerchantId, Name, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::ReversalCause;
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// An authorization, or `None` when the judge has to look at it.
pub(super) fn authorization(body: &[u8]) -> Option<AuthorizationRequest> {
    read(body, Authorization)
}

/// A quote, or `None` when the judge has to look at it.
pub(super) fn quote(body: &[u8]) -> Option<Purchase> {
    read(body, Quote)
}

/// A reversal of `txn_id`, or `None` when the judge has to look at it.
pub(super) fn reversal(txn_id: TxnId, body: &[u8]) -> Option<ReversalRequest> {
    read(body, Reversal { txn_id })
}

/// A batch without malformed elements, or `None` when the judge has to look at it.
pub(super) fn batch(body: &[u8]) -> Option<Vec<Result<AuthorizationRequest, Problem>>> {
    // A plain element has about 240 bytes.
    let len_guess = (body.len() / 200).min(BATCH_LEN_MAX);
    let batch = Batch {
        key: "authorizations",
        element: Authorization,
        len_guess,
    };
    read(body, batch)
}

fn read<T>(body: &[u8], seed: impl for<'de> DeserializeSeed<'de, Value = T>) -> Option<T> {
    // sonic-rs looks for invalid UTF-8 only where it reads a string; here it is done once, before.
    let text = core::str::from_utf8(body).ok()?;
    let mut deserializer = sonic_rs::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

/// What makes a reader give up; nobody reads it.
fn give_up<E: Error>() -> E {
    E::custom("")
}

/// Puts a value where there was none.
fn put<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(give_up()),
    }
}

/// Makes a seed that asks for a map of a visitor.
macro_rules! seed_of_map {
    ($seed:ident, $value:ty) => {
        impl<'de> DeserializeSeed<'de> for $seed {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

/// Says what a visitor expects, which nobody reads.
macro_rules! expecting_nothing {
    () => {
        fn expecting(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Ok(())
        }
    };
}

/// Gives up on a string; the default would quote all of it in the error.
macro_rules! no_text {
    () => {
        expecting_nothing!();

        fn visit_str<E: Error>(self, _text: &str) -> Result<Self::Value, E> {
            Err(give_up())
        }
    };
}

#[derive(Clone, Copy)]
struct Authorization;
seed_of_map!(Authorization, AuthorizationRequest);

impl<'de> Visitor<'de> for Authorization {
    type Value = AuthorizationRequest;
    no_text!();

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthorizationRequest, A::Error> {
        match PurchaseFields::read(map)? {
            (Some(txn_id), purchase) => Ok(AuthorizationRequest { txn_id, purchase }),
            (None, _) => Err(give_up()),
        }
    }
}

struct Quote;
seed_of_map!(Quote, Purchase);

impl<'de> Visitor<'de> for Quote {
    type Value = Purchase;
    no_text!();

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Purchase, A::Error> {
        match PurchaseFields::read(map)? {
            (None, purchase) => Ok(purchase),
            (Some(_), _) => Err(give_up()),
        }
    }
}

#[derive(Clone, Copy)]
enum PurchaseKey {
    TxnId,
    Program,
    WalletId,
    MerchantId,
    Channel,
    Amount,
    EligibleAmount,
}

fn purchase_key(key: &str) -> Option<PurchaseKey> {
    Some(match key {
        "txn_id" => PurchaseKey::TxnId,
        "program" => PurchaseKey::Program,
        "wallet_id" => PurchaseKey::WalletId,
        "merchant_id" => PurchaseKey::MerchantId,
        "channel" => PurchaseKey::Channel,
        "amount" => PurchaseKey::Amount,
        "eligible_amount" => PurchaseKey::EligibleAmount,
        _ => return None,
    })
}

#[derive(Default)]
struct PurchaseFields {
    txn_id: Option<TxnId>,
    program: Option<Name>,
    wallet: Option<WalletId>,
    merchant: Option<MerchantId>,
    channel: Option<Name>,
    amount: Option<Satang>,
    eligible: Option<Satang>,
}

impl PurchaseFields {
    fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<(Option<TxnId>, Purchase), A::Error> {
        let mut fields = PurchaseFields::default();
        while let Some(key) = map.next_key_seed(Text(purchase_key))? {
            match key {
                PurchaseKey::TxnId => put(&mut fields.txn_id, map.next_value_seed(Text(id(TxnId::parse)))?)?,
                PurchaseKey::Program => {
                    put(&mut fields.program, map.next_value_seed(Text(id(Name::parse)))?)?
                }
                PurchaseKey::WalletId => put(
                    &mut fields.wallet,
                    map.next_value_seed(Text(id(WalletId::parse)))?,
                )?,
                PurchaseKey::MerchantId => {
                    put(
                        &mut fields.merchant,
                        map.next_value_seed(Text(id(MerchantId::parse)))?,
                    )?;
                }
                PurchaseKey::Channel => {
                    put(&mut fields.channel, map.next_value_seed(Text(id(Name::parse)))?)?
                }
                PurchaseKey::Amount => put(&mut fields.amount, map.next_value_seed(Bill)?)?,
                PurchaseKey::EligibleAmount => put(&mut fields.eligible, map.next_value_seed(Bill)?)?,
            }
        }
        let txn_id = fields.txn_id;
        let purchase = fields.finish().ok_or_else(give_up)?;
        Ok((txn_id, purchase))
    }

    fn finish(self) -> Option<Purchase> {
        let amount = self.amount?;
        let eligible = self.eligible.unwrap_or(amount);
        (eligible <= amount).then_some(Purchase {
            program: self.program?,
            wallet: self.wallet?,
            merchant: self.merchant?,
            channel: self.channel?,
            amount,
            eligible,
        })
    }
}

struct Reversal {
    txn_id: TxnId,
}
seed_of_map!(Reversal, ReversalRequest);

#[derive(Clone, Copy)]
enum ReversalKey {
    ReversalId,
    Amount,
    Reason,
}

fn reversal_key(key: &str) -> Option<ReversalKey> {
    Some(match key {
        "reversal_id" => ReversalKey::ReversalId,
        "amount" => ReversalKey::Amount,
        "reason" => ReversalKey::Reason,
        _ => return None,
    })
}

impl<'de> Visitor<'de> for Reversal {
    type Value = ReversalRequest;
    no_text!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReversalRequest, A::Error> {
        let (mut reversal_id, mut amount, mut cause) = (None, None, None);
        while let Some(key) = map.next_key_seed(Text(reversal_key))? {
            match key {
                ReversalKey::ReversalId => {
                    put(
                        &mut reversal_id,
                        map.next_value_seed(Text(id(ReversalId::parse)))?,
                    )?;
                }
                ReversalKey::Amount => put(&mut amount, map.next_value_seed(Bill)?)?,
                ReversalKey::Reason => put(&mut cause, map.next_value_seed(Text(ReversalCause::parse))?)?,
            }
        }
        match (reversal_id, cause) {
            (Some(_), Some(ReversalCause::Timeout)) if amount.is_some() => Err(give_up()),
            (Some(reversal_id), Some(cause)) => Ok(ReversalRequest {
                reversal_id,
                txn_id: self.txn_id,
                amount,
                cause,
            }),
            (None, _) | (_, None) => Err(give_up()),
        }
    }
}

/// An object with one list.
struct Batch<S> {
    key: &'static str,
    element: S,
    len_guess: usize,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Batch<S> {
    type Value = Vec<Result<S::Value, Problem>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Batch<S> {
    type Value = Vec<Result<S::Value, Problem>>;
    no_text!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let only_key = |key: &str| (key == self.key).then_some(());
        let Some(()) = map.next_key_seed(Text(only_key))? else {
            return Err(give_up());
        };
        let elements = map.next_value_seed(Elements {
            element: self.element,
            len_guess: self.len_guess,
        })?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(elements),
            Some(_) => Err(give_up()),
        }
    }
}

struct Elements<S> {
    element: S,
    len_guess: usize,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Elements<S> {
    type Value = Vec<Result<S::Value, Problem>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Elements<S> {
    type Value = Vec<Result<S::Value, Problem>>;
    no_text!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::with_capacity(self.len_guess);
        while let Some(element) = list.next_element_seed(self.element)? {
            if elements.len() == BATCH_LEN_MAX {
                return Err(give_up());
            }
            elements.push(Ok(element));
        }
        if elements.is_empty() {
            Err(give_up())
        } else {
            Ok(elements)
        }
    }
}

/// A string that the function makes a value of.
struct Text<F>(F);

/// Turns a parser of ids into one that does not say why.
fn id<T>(parse: impl FnOnce(&str) -> Result<T, IdError>) -> impl FnOnce(&str) -> Option<T> {
    move |text| parse(text).ok()
}

impl<'de, T, F: FnOnce(&str) -> Option<T>> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
    type Value = T;
    expecting_nothing!();

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(give_up)
    }
}

/// A whole number of satang that a bill may have.
struct Bill;

impl<'de> DeserializeSeed<'de> for Bill {
    type Value = Satang;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Satang, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Bill {
    type Value = Satang;
    no_text!();

    fn visit_u64<E: Error>(self, number: u64) -> Result<Satang, E> {
        match (1..=Satang::BILL_MAX.get()).contains(&number) {
            true => Ok(Satang::new(number)),
            false => Err(give_up()),
        }
    }
}
