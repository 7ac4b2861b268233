//! Lets the callers through whose role the table of routes names, and nobody else.

use super::Failure;
use super::routes::Route;
use crate::keys::{HeldKeys, Key, KeyHash, OutOfLimits, Role, Serving};
use crate::server::Peer;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_engine::clock::ClockError;
use satang_engine::engine::SubmitError;
use satang_engine::session::acquirers;
use std::fmt;

/// The longest token that is looked at. Longer ones are no key of ours.
const TOKEN_BYTES_MAX: usize = 256;

/// The engine's time, or why there is none; `None` while there is no engine.
pub(super) type Time = Option<Result<Instant, ClockError>>;

/// Who sent a request.
pub(super) enum Caller<'k> {
    /// Nobody was asked for: there are no keys, or the route needs none.
    Anyone,
    /// The bearer of a key, whose requests are counted.
    Bearer { serving: Serving, shown: Shown<'k> },
}

/// The key that came with a request, and where it is looked up.
#[derive(Clone, Copy)]
pub(super) struct Shown<'k> {
    keys: &'k HeldKeys,
    hash: KeyHash,
    peer: Peer,
    /// Those that the route is for.
    roles: &'static [Role],
}

impl Caller<'_> {
    /// The name that records of a change carry.
    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Caller::Anyone => None,
            Caller::Bearer { serving, .. } => Some(&serving.key),
        }
    }

    /// The numbers that records of a decision carry.
    ///
    /// # Errors
    /// When the key was taken away since; of `find_out`, which is asked once for each key after the keys were replaced.
    pub(super) fn numbers(
        &self,
        find_out: impl FnOnce(&Name, Option<&Name>) -> Result<acquirers::Caller, SubmitError>,
    ) -> Result<acquirers::Caller, Failure> {
        match self {
            Caller::Anyone => Ok(acquirers::Caller::NOBODY),
            Caller::Bearer { serving, shown } => serving.numbers(shown.keys.generation(), || {
                Ok(find_out(&serving.key, self.acquirer()?.as_ref())?)
            }),
        }
    }

    /// Whose key it is, as the file has it now; nobody's for most.
    ///
    /// # Errors
    /// When the key was taken away since.
    pub(super) fn acquirer(&self) -> Result<Option<Name>, Failure> {
        match self {
            Caller::Anyone => Ok(None),
            Caller::Bearer { serving, shown } => {
                let found = shown.keys.find(shown.hash, |key| (key.name, key.acquirer));
                let found = found.filter(|(name, _)| *name == serving.key);
                let (_, acquirer) = found.ok_or(Failure::Refused(Refused::Unknown))?;
                Ok(acquirer)
            }
        }
    }

    /// Asks again for what began long ago: the key may have been taken away since, or be somebody else's now.
    pub(super) fn may_go_on(&self, now: impl FnOnce() -> Time) -> Result<(), Refused> {
        match self {
            Caller::Anyone => Ok(()),
            Caller::Bearer { serving, shown } => match shown.check(now) {
                Ok(name) if name == serving.key => Ok(()),
                Ok(_) => Err(Refused::Unknown),
                Err((refused, _)) => Err(refused),
            },
        }
    }
}

impl Shown<'_> {
    /// The key's name, when it may use the route now.
    ///
    /// # Errors
    /// Why it may not, with the name of a key that is known.
    fn check(self, now: impl FnOnce() -> Time) -> Result<Name, (Refused, Option<Name>)> {
        let check = |key: &Key| {
            self.check_key(key, now)
                .map_err(|refused| (refused, Some(key.name)))
        };
        let checked = self.keys.find(self.hash, check);
        checked.unwrap_or(Err((Refused::Unknown, None)))
    }

    /// Where somebody else's key is used, its role is not told.
    fn check_key(self, key: &Key, now: impl FnOnce() -> Time) -> Result<Name, Refused> {
        // Most keys have no dates, and cost no look at the clock.
        if key.limits.has_dates() {
            match now() {
                Some(Ok(at)) => key.limits.check_time(at)?,
                Some(Err(untrusted)) => return Err(Refused::NoTime(untrusted)),
                // Whoever needs a key needs the engine: the answer is 503.
                None => {}
            }
        }
        key.limits.check_peer(&self.peer)?;
        match self.roles.contains(&key.role) {
            true => Ok(key.name),
            false => Err(Refused::Role(self.roles)),
        }
    }
}

/// Why a request is refused before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No `Authorization`.
    Missing,
    /// An `Authorization` that is not one `Bearer` token.
    Malformed,
    /// A token that is no key.
    Unknown,
    /// A key whose time has not come, or is over; or one from elsewhere, or without its certificate.
    Limits(OutOfLimits),
    /// A key with a time, when the clock cannot be trusted.
    NoTime(ClockError),
    /// A key of another role than these.
    Role(&'static [Role]),
    /// A key that has as many requests being served as it may.
    TooMany,
}

impl Refused {
    /// How the metrics count it, in this order.
    pub(super) const REASONS: [&'static str; 10] = [
        "missing",
        "malformed",
        "unknown",
        "role",
        "too_many",
        "not_yet",
        "expired",
        "address",
        "certificate",
        "clock",
    ];

    /// The status of its answer.
    pub(super) const fn status(self) -> u16 {
        match self {
            Refused::Missing
            | Refused::Malformed
            | Refused::Unknown
            | Refused::Limits(OutOfLimits::NotYet | OutOfLimits::Expired) => 401,
            Refused::Role(_) | Refused::Limits(OutOfLimits::Address | OutOfLimits::Certificate) => 403,
            Refused::TooMany | Refused::NoTime(_) => 503,
        }
    }

    /// Its index in [`Refused::REASONS`].
    pub(super) const fn reason(self) -> usize {
        match self {
            Refused::Missing => 0,
            Refused::Malformed => 1,
            Refused::Unknown => 2,
            Refused::Role(_) => 3,
            Refused::TooMany => 4,
            Refused::Limits(OutOfLimits::NotYet) => 5,
            Refused::Limits(OutOfLimits::Expired) => 6,
            Refused::Limits(OutOfLimits::Address) => 7,
            Refused::Limits(OutOfLimits::Certificate) => 8,
            Refused::NoTime(_) => 9,
        }
    }
}

impl From<OutOfLimits> for Refused {
    fn from(limits: OutOfLimits) -> Refused {
        Refused::Limits(limits)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Missing => f.write_str("send a key: Authorization: Bearer KEY"),
            Refused::Malformed => f.write_str("send one key, like this: Authorization: Bearer KEY"),
            Refused::Unknown => f.write_str("this key is not known here"),
            Refused::Limits(OutOfLimits::NotYet) => f.write_str("this key may not be used yet"),
            Refused::Limits(OutOfLimits::Expired) => f.write_str("this key has expired"),
            Refused::Limits(OutOfLimits::Address) => {
                f.write_str("this key may not be used from this address")
            }
            Refused::Limits(OutOfLimits::Certificate) => {
                f.write_str("this key may be used with its own client certificate only")
            }
            Refused::NoTime(error) => write!(f, "{error}"),
            Refused::TooMany => f.write_str("the key has too many requests in flight"),
            Refused::Role(roles) => {
                f.write_str("this needs a key of the role ")?;
                for (at, role) in roles.iter().enumerate() {
                    let before = match at {
                        0 => "",
                        _ if at + 1 == roles.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{before}{}", role.name())?;
                }
                Ok(())
            }
        }
    }
}

/// Lets a request through to its route, or not.
///
/// # Errors
/// Why not, with the name of a key that is known.
pub(super) fn admit<'k>(
    keys: Option<&'k HeldKeys>,
    route: &Route,
    headers: &HeaderMap,
    peer: &Peer,
    now: impl FnOnce() -> Time,
) -> Result<Caller<'k>, (Refused, Option<Name>)> {
    let (Some(keys), Some(roles)) = (keys, route.roles) else {
        return Ok(Caller::Anyone);
    };
    let shown = Shown {
        keys,
        hash: KeyHash::of(bearer(headers).map_err(|refused| (refused, None))?),
        peer: *peer,
        roles,
    };
    let name = shown.check(now)?;
    let serving = keys.serve(name).ok_or((Refused::TooMany, Some(name)))?;
    Ok(Caller::Bearer { serving, shown })
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750), of which there must be one.
fn bearer(headers: &HeaderMap) -> Result<&[u8], Refused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refused::Missing)?.as_bytes();
    if values.next().is_some() {
        return Err(Refused::Malformed);
    }
    let (scheme, token) = value
        .iter()
        .position(|byte| *byte == b' ')
        .map(|space| value.split_at(space))
        .ok_or(Refused::Malformed)?;
    let token = token.trim_ascii();
    let is_token =
        !token.is_empty() && token.len() <= TOKEN_BYTES_MAX && token.iter().all(u8::is_ascii_graphic);
    match scheme.eq_ignore_ascii_case(b"bearer") && is_token {
        true => Ok(token),
        false => Err(Refused::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes::AUTHORIZE;
    use super::*;
    use crate::keys::{KeyRing, Keys, REQUESTS_PER_KEY_MAX};
    use http::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_token_is_taken_and_nothing_else() {
        for good in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(bearer(&headers(&[good])), Ok(&b"abc"[..]), "{good}");
        }
        assert_eq!(bearer(&headers(&[])), Err(Refused::Missing));
        let long = format!("Bearer {}", "a".repeat(TOKEN_BYTES_MAX + 1));
        let wrong = [
            "",
            "Bearer",
            "Bearer ",
            "abc",
            "Basic abc",
            "Bearer a b",
            "Bearer ก",
            "Bearerabc",
            &long,
        ];
        for wrong in wrong {
            assert_eq!(bearer(&headers(&[wrong])), Err(Refused::Malformed), "{wrong}");
        }
        assert_eq!(
            bearer(&headers(&["Bearer abc", "Bearer abc"])),
            Err(Refused::Malformed)
        );
    }

    #[test]
    fn a_key_that_has_too_many_requests_is_told_to_come_back() {
        // The SHA-256 of "abc".
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = format!("[[key]]\nname = \"n\"\nrole = \"switch\"\nsha256 = \"{hash}\"\n");
        let keys = KeyRing::new(Keys::load("k", &text).unwrap()).hold();
        let admit = || {
            admit(
                Some(&keys),
                AUTHORIZE,
                &headers(&["Bearer abc"]),
                &Peer::LOCAL,
                || None,
            )
        };
        let served: Vec<_> = (0..REQUESTS_PER_KEY_MAX).map(|_| admit()).collect();
        assert!(served.iter().all(Result::is_ok));
        let refused = admit().err().expect("one too many");
        assert_eq!((refused.0, refused.1.is_some()), (Refused::TooMany, true));
        drop(served);
        assert!(admit().is_ok());
    }

    #[test]
    fn a_refusal_names_the_roles_that_are_needed() {
        let roles: &'static [Role] = &[Role::Admin, Role::Viewer, Role::Switch];
        assert_eq!(
            Refused::Role(roles).to_string(),
            "this needs a key of the role admin, viewer or switch"
        );
        assert_eq!(
            Refused::Role(&[Role::Switch]).to_string(),
            "this needs a key of the role switch"
        );
    }
}
