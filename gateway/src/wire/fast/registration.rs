//! Registrations, read with sonic-rs when they are well-formed.

use super::{Batch, Text, give_up, id, put, read};
use crate::wire::batch::BATCH_LEN_MAX;
use crate::wire::problem::Problem;
use satang_core::birth::BirthDate;
use satang_core::ids::{Name, NationalId, Nationality, RegistrationId, WalletId};
use satang_core::request::RegistrationRequest;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// A registration, or `None` when the judge has to look at it.
pub(in super::super) fn registration(body: &[u8]) -> Option<RegistrationRequest> {
    read(body, Registration)
}

/// A batch without malformed elements, or `None` when the judge has to look at it.
pub(in super::super) fn registrations(body: &[u8]) -> Option<Vec<Result<RegistrationRequest, Problem>>> {
    // A plain element has about 240 bytes.
    let len_guess = (body.len() / 200).min(BATCH_LEN_MAX);
    let batch = Batch {
        key: "registrations",
        element: Registration,
        len_guess,
    };
    read(body, batch)
}

#[derive(Clone, Copy)]
struct Registration;

impl<'de> DeserializeSeed<'de> for Registration {
    type Value = RegistrationRequest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RegistrationRequest, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[derive(Clone, Copy)]
enum Key {
    RegistrationId,
    Program,
    WalletId,
    NationalId,
    BirthDate,
    Nationality,
}

fn key(key: &str) -> Option<Key> {
    Some(match key {
        "registration_id" => Key::RegistrationId,
        "program" => Key::Program,
        "wallet_id" => Key::WalletId,
        "citizen_id" => Key::NationalId,
        "birth_date" => Key::BirthDate,
        "nationality" => Key::Nationality,
        _ => return None,
    })
}

#[derive(Default)]
struct Fields {
    registration_id: Option<RegistrationId>,
    program: Option<Name>,
    wallet: Option<WalletId>,
    citizen: Option<NationalId>,
    birth: Option<BirthDate>,
    nationality: Option<Nationality>,
}

impl Fields {
    fn finish(self) -> Option<RegistrationRequest> {
        Some(RegistrationRequest {
            registration_id: self.registration_id?,
            program: self.program?,
            wallet: self.wallet?,
            citizen: self.citizen?,
            birth: self.birth?,
            nationality: self.nationality?,
        })
    }
}

impl<'de> Visitor<'de> for Registration {
    type Value = RegistrationRequest;

    fn expecting(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    fn visit_str<E: Error>(self, _text: &str) -> Result<RegistrationRequest, E> {
        Err(give_up())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RegistrationRequest, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key_seed(Text(key))? {
            match key {
                Key::RegistrationId => put(
                    &mut fields.registration_id,
                    map.next_value_seed(Text(id(RegistrationId::parse)))?,
                )?,
                Key::Program => put(&mut fields.program, map.next_value_seed(Text(id(Name::parse)))?)?,
                Key::WalletId => put(
                    &mut fields.wallet,
                    map.next_value_seed(Text(id(WalletId::parse)))?,
                )?,
                Key::NationalId => put(
                    &mut fields.citizen,
                    map.next_value_seed(Text(id(NationalId::parse)))?,
                )?,
                Key::BirthDate => {
                    let birth = |text: &str| BirthDate::parse(text).ok();
                    put(&mut fields.birth, map.next_value_seed(Text(birth))?)?;
                }
                Key::Nationality => put(
                    &mut fields.nationality,
                    map.next_value_seed(Text(id(Nationality::parse)))?,
                )?,
            }
        }
        fields.finish().ok_or_else(give_up)
    }
}
