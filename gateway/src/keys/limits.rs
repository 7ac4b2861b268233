//! What narrows the use of a key: from when, until when, from which addresses, with which certificate.

use crate::server::Peer;
use satang_core::calendar::{BusinessDate, Instant};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The most ranges of addresses of one key (I12): every request is compared with all of them.
pub(super) const ADDRESSES_MAX: usize = 16;

/// What narrows the use of a key; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The first day in Bangkok on which it may be used.
    pub not_before: Option<BusinessDate>,
    /// The last day in Bangkok on which it may be used.
    pub expires: Option<BusinessDate>,
    /// The client's certificate that must come with it.
    pub certificate: Option<Fingerprint>,
    /// Where it must come from: one of these, or anywhere when there are none.
    pub addresses: Vec<AddressRange>,
}

/// Why a key may not be used, though it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfLimits {
    NotYet,
    Expired,
    Address,
    Certificate,
}

impl Limits {
    /// Whether what counts depends on the time.
    pub fn has_dates(&self) -> bool {
        self.not_before.is_some() || self.expires.is_some()
    }

    /// Whether a key may be used at `at`.
    pub fn check_time(&self, at: Instant) -> Result<(), OutOfLimits> {
        let today = at.business_date();
        if self.not_before.is_some_and(|first| today < first) {
            return Err(OutOfLimits::NotYet);
        }
        match self.expires.is_some_and(|last| today > last) {
            true => Err(OutOfLimits::Expired),
            false => Ok(()),
        }
    }

    /// Whether a key may come from `peer`.
    pub fn check_peer(&self, peer: &Peer) -> Result<(), OutOfLimits> {
        let covers = |range: &AddressRange| range.covers(peer.address);
        if !self.addresses.is_empty() && !self.addresses.iter().any(covers) {
            return Err(OutOfLimits::Address);
        }
        match &self.certificate {
            Some(wanted) if peer.certificate != Some(wanted.0) => Err(OutOfLimits::Certificate),
            Some(_) | None => Ok(()),
        }
    }
}

/// The SHA-256 of a certificate, which is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From 64 hex digits of either case, with or without the colons that `openssl x509 -fingerprint` puts between two.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let text = match text.len() {
            95 => text
                .split(':')
                .map(|pair| (pair.len() == 2).then_some(pair))
                .collect::<Option<String>>()?,
            _ => text.to_owned(),
        };
        let digits = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        digits.try_into().ok().map(Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// Addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    /// How many bits are the same.
    bits: u8,
}

impl AddressRange {
    /// # Errors
    /// Why it is none, in words that go on behind "must be".
    pub fn parse(text: &str) -> Result<AddressRange, String> {
        let wanted = || "an address range in quotes, like \"10.0.0.0/8\" or \"2001:db8::/32\"".to_owned();
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| wanted())?;
        if first != first.to_canonical() {
            return Err("written as IPv4: the server compares IPv4 addresses as such".into());
        }
        let all = if first.is_ipv4() { 32 } else { 128 };
        let number = |bits: &str| {
            bits.parse()
                .ok()
                .filter(|number: &u8| *number <= all && bits == number.to_string())
        };
        let bits = match bits {
            None => all,
            Some(bits) => number(bits).ok_or_else(wanted)?,
        };
        let range = AddressRange { first, bits };
        match range.start() == bits_of(first) {
            true => Ok(range),
            false => Err(format!(
                "the first address of its range: there are bits behind the first {bits}"
            )),
        }
    }

    /// Whether it has this address.
    pub fn covers(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let other = AddressRange {
            first: address,
            bits: self.bits,
        };
        self.first.is_ipv4() == address.is_ipv4() && other.start() == self.start()
    }

    /// The first address, as a number whose highest bits are the address's.
    fn start(&self) -> u128 {
        let behind = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        bits_of(self.first) & !behind
    }
}

/// An address as the highest bits of a number.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    #[test]
    fn a_range_has_the_addresses_that_begin_as_it_does() {
        let cases = [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("192.0.2.8/30", "192.0.2.11", true),
            ("192.0.2.8/30", "192.0.2.12", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db9::", true),
            ("::/0", "10.0.0.1", false),
            ("::1", "::1", true),
        ];
        for (text, address, covers) in cases {
            assert_eq!(
                range(text).covers(address.parse().unwrap()),
                covers,
                "{text} {address}"
            );
        }
        assert_eq!(range("192.0.2.7").to_string(), "192.0.2.7/32");
        assert_eq!(range("::/0").to_string(), "::/0");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "::/129",
            "::1/64",
            "example.com",
            "::ffff:10.0.0.0/104",
            " 10.0.0.0/8",
            "10.0.0.0/255.0.0.0",
        ] {
            assert!(AddressRange::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let plain = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let pairs: Vec<String> = plain
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        for text in [plain.to_owned(), plain.to_uppercase(), pairs.join(":")] {
            assert_eq!(Fingerprint::parse(&text).unwrap().to_string(), plain, "{text}");
        }
        for wrong in [&plain[2..], "", &pairs.join("-"), &plain.replace('b', "x")] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
        let shifted = format!("{}:", &pairs.join(":")[..94]);
        assert_eq!(Fingerprint::parse(&shifted), None, "{shifted}");
    }

    #[test]
    fn a_key_counts_from_its_first_day_to_the_end_of_its_last() {
        let day = |day| BusinessDate::from_ymd(2026, 6, day).unwrap();
        let limits = Limits {
            not_before: Some(day(15)),
            expires: Some(day(16)),
            ..Limits::default()
        };
        let check = |at: Instant| limits.check_time(at);
        assert_eq!(check(day(15).start().plus_ms(-1)), Err(OutOfLimits::NotYet));
        assert_eq!(check(day(15).start()), Ok(()));
        assert_eq!(check(day(17).start().plus_ms(-1)), Ok(()));
        assert_eq!(check(day(17).start()), Err(OutOfLimits::Expired));
        assert!(limits.has_dates() && !Limits::default().has_dates());
    }
}
