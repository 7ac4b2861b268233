//! Identifiers. Each kind is its own type, parsed once on entry and trusted afterwards (I10).

use core::fmt;

/// Why a text is no identifier of the wanted kind. The text itself is never repeated: it may be a citizen's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the 36-character hyphenated form of a UUID.
    #[error("must be a UUID in hyphenated form")]
    NotUuid,
    /// Not exactly 15 ASCII digits.
    #[error("must be exactly 15 digits")]
    NotFifteenDigits,
    /// Not 1 to 64 characters of `a-z 0-9 -`.
    #[error("must be 1 to 64 characters of a-z, 0-9 and -")]
    NotName,
    /// A name that has a citizen's id in it.
    #[error("must not have a national id in it: it would be stored")]
    HoldsCitizenId,
    /// Not 13 digits, or the check digit is wrong.
    #[error("must be 13 digits with a valid check digit")]
    NotCitizenId,
    /// Not two capital letters.
    #[error("must be two capital letters, as ISO 3166-1 writes a country")]
    NotNationality,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Parses the hyphenated form, either case, any version (RFC 9562 section 4).
            ///
            /// # Errors
            /// [`IdError::NotUuid`] for anything else.
            pub fn parse(text: &str) -> Result<$name, IdError> {
                parse_uuid(text.as_bytes()).map($name).ok_or(IdError::NotUuid)
            }

            /// The id as 128 bits, as a journal record holds it.
            pub const fn from_bits(bits: u128) -> $name {
                $name(bits)
            }

            /// The 128 bits of the id.
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// The 36 lower-case characters of the hyphenated form.
            pub fn ascii(self) -> [u8; 36] {
                format_uuid(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let ascii = self.ascii();
                f.write_str(core::str::from_utf8(&ascii).expect("hexadecimal digits are ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

uuid_id! {
    /// The id the payment switch gives an authorization (or hold).
    TxnId
}
uuid_id! {
    /// The id the payment switch gives a reversal.
    ReversalId
}
uuid_id! {
    /// The registrar's id of one registration: one id has one answer for ever (I5).
    RegistrationId
}
uuid_id! {
    /// The id an operator gives a clawback case.
    CaseId
}
uuid_id! {
    /// The id an operator gives a payment towards a clawback case.
    PaymentId
}

/// The value of an ASCII hexadecimal digit; 0xFF for every other byte.
const HEX_VALUE: [u8; 256] = {
    let mut table = [0xFFu8; 256];
    let mut digit = 0;
    while digit < 16 {
        let lower = b"0123456789abcdef"[digit];
        table[lower as usize] = digit as u8;
        table[lower.to_ascii_uppercase() as usize] = digit as u8;
        digit += 1;
    }
    table
};

/// Where the two-digit bytes of a hyphenated UUID begin.
const UUID_BYTE_AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

fn parse_uuid(text: &[u8]) -> Option<u128> {
    let text: &[u8; 36] = text.try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let mut bytes = [0u8; 16];
    let mut bad = 0u8;
    for (byte, at) in bytes.iter_mut().zip(UUID_BYTE_AT) {
        let (high, low) = (HEX_VALUE[text[at] as usize], HEX_VALUE[text[at + 1] as usize]);
        bad |= (high | low) & 0xF0;
        *byte = high << 4 | (low & 0x0F);
    }
    (bad == 0).then(|| u128::from_be_bytes(bytes))
}

fn format_uuid(bits: u128) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    for (byte, at) in bits.to_be_bytes().into_iter().zip(UUID_BYTE_AT) {
        text[at] = HEX[(byte >> 4) as usize];
        text[at + 1] = HEX[(byte & 0x0F) as usize];
    }
    text
}

macro_rules! fifteen_digit_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Parses exactly 15 ASCII digits.
            ///
            /// # Errors
            /// [`IdError::NotFifteenDigits`] for anything else.
            pub fn parse(text: &str) -> Result<$name, IdError> {
                parse_digits(text.as_bytes(), 15).map($name).ok_or(IdError::NotFifteenDigits)
            }

            /// The id with this number, as a binary request carries it.
            ///
            /// # Errors
            /// [`IdError::NotFifteenDigits`] from 10^15 on.
            pub const fn try_from_number(number: u64) -> Result<$name, IdError> {
                if number < 1_000_000_000_000_000 {
                    Ok($name(number))
                } else {
                    Err(IdError::NotFifteenDigits)
                }
            }

            /// The number as a journal record holds it: below 10^15, so it fits 50 bits.
            pub const fn from_number(number: u64) -> $name {
                assert!(number < 1_000_000_000_000_000, "fifteen digits");
                $name(number)
            }

            /// The fifteen digits as a number.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:015}", self.0)
            }
        }

        impl fmt::Debug for $name {
            /// The last four digits only: no log line shows a full id (house rule 24).
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(…{:04})", stringify!($name), self.0 % 10_000)
            }
        }
    };
}

fifteen_digit_id! {
    /// A citizen's g-Wallet id.
    WalletId
}
fifteen_digit_id! {
    /// A shop's id in the merchant app.
    MerchantId
}
fifteen_digit_id! {
    /// A household, as the welfare card's electricity and water benefits share caps.
    HouseholdId
}

fn parse_digits(text: &[u8], count: usize) -> Option<u64> {
    if text.len() != count {
        return None;
    }
    let mut number = 0u64;
    for &digit in text {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(digit - b'0');
    }
    Some(number)
}

/// The random number that stands for a person in the journal; the national id itself never gets there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonId(u64);

impl PersonId {
    /// Stands for every citizen who was erased: whoever is looked up leads to nobody else.
    pub const ERASED: PersonId = PersonId(u64::MAX);

    /// The person with this number, or `None` for 0, which means "no person" in a record.
    pub const fn from_number(number: u64) -> Option<PersonId> {
        if number == 0 { None } else { Some(PersonId(number)) }
    }

    /// The number, never 0.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A national id: 13 digits with a valid mod-11 check digit. Held only between parsing and hashing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NationalId(u64);

impl NationalId {
    /// Parses 13 digits whose last is `(11 - Σ digit_i × (13 - i) mod 11) mod 10`.
    ///
    /// # Errors
    /// [`IdError::NotCitizenId`] for anything else.
    pub fn parse(text: &str) -> Result<NationalId, IdError> {
        let number = parse_digits(text.as_bytes(), 13).ok_or(IdError::NotCitizenId)?;
        let weighted: u64 = text
            .bytes()
            .take(12)
            .enumerate()
            .map(|(i, d)| u64::from(d - b'0') * (13 - i as u64))
            .sum();
        let check = (11 - weighted % 11) % 10;
        if check == number % 10 {
            Ok(NationalId(number))
        } else {
            Err(IdError::NotCitizenId)
        }
    }

    /// Its 13 digits, for a request that names the citizen. There is no `Display`: nothing prints them by the way.
    pub fn digits(self) -> String {
        format!("{:013}", self.0)
    }

    /// Whether a text has a national id in it: a run of exactly 13 digits, ASCII's or Thai ones, with a space or dash between two of
    /// them or nothing, that begins with 1 to 8 and has the right check digit. Such a text is never taken: it would be stored.
    pub fn is_in(text: &str) -> bool {
        let mut rest = text.chars().peekable();
        while let Some(first) = rest.next() {
            let Some(digit) = digit_of(first) else { continue };
            let mut run = DigitRun::begin(digit);
            loop {
                let next = rest.peek().copied();
                if let Some(digit) = next.and_then(digit_of) {
                    run.push(digit);
                    rest.next();
                    continue;
                }
                // One separator, and only with a digit behind it, belongs to the run.
                let mut behind = rest.clone();
                behind.next();
                match (next, behind.peek().copied().and_then(digit_of)) {
                    (Some(' ' | '-'), Some(_)) => drop(rest.next()),
                    _ => break,
                }
            }
            if run.is_national_id() {
                return true;
            }
        }
        false
    }

    /// The 13 digits as bytes, for the keyed hash and nothing else.
    pub fn to_hash_input(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// The value of an ASCII or Thai digit.
fn digit_of(char: char) -> Option<u8> {
    match char {
        '๐'..='๙' => Some((u32::from(char) - u32::from('๐')) as u8),
        _ => char.to_digit(10).map(|digit| digit as u8),
    }
}

/// Digits in a row: how many there are, and the first 13.
struct DigitRun {
    digits: [u8; 13],
    len: usize,
}

impl DigitRun {
    fn begin(digit: u8) -> DigitRun {
        let mut run = DigitRun {
            digits: [0; 13],
            len: 0,
        };
        run.push(digit);
        run
    }

    fn push(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.len) {
            *place = b'0' + digit;
        }
        self.len += 1;
    }

    fn is_national_id(&self) -> bool {
        let text = core::str::from_utf8(&self.digits).unwrap_or_default();
        self.len == 13 && matches!(self.digits[0], b'1'..=b'8') && NationalId::parse(text).is_ok()
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NationalId(hidden)")
    }
}

/// A country of ISO 3166-1, by its two capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nationality([u8; 2]);

impl Nationality {
    /// The nationality that registers: Thailand's.
    pub const THAI: Nationality = Nationality(*b"TH");

    /// Parses two capital letters; whether a country has them is not looked up.
    ///
    /// # Errors
    /// [`IdError::NotNationality`] for anything else.
    pub fn parse(text: &str) -> Result<Nationality, IdError> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Nationality([a, b])),
            _ => Err(IdError::NotNationality),
        }
    }

    /// Its two letters (ISO 3166-1).
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }
}

/// The name of a programme, benefit, channel or list: 1 to 64 characters of `a-z 0-9 -`.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct Name {
    bytes: [u8; Name::LEN_MAX],
    len: u8,
}

impl Name {
    /// The longest name, in bytes.
    pub const LEN_MAX: usize = 64;

    /// Parses a name from outside.
    ///
    /// # Errors
    /// [`IdError::NotName`] when it is empty, longer than 64, or has another character; [`IdError::HoldsCitizenId`].
    pub fn parse(text: &str) -> Result<Name, IdError> {
        let name = Name::recorded(text)?;
        // Nearly no name: most are short or words.
        if text.len() >= 13 && name.digits() >= 13 && NationalId::is_in(text) {
            return Err(IdError::HoldsCitizenId);
        }
        Ok(name)
    }

    /// Parses a name that a record holds: it was taken once.
    ///
    /// # Errors
    /// [`IdError::NotName`].
    #[inline(always)]
    pub fn recorded(text: &str) -> Result<Name, IdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > Name::LEN_MAX || !text.bytes().all(allowed) {
            return Err(IdError::NotName);
        }
        let mut bytes = [0u8; Name::LEN_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Name {
            bytes,
            len: text.len() as u8,
        })
    }

    /// How many digits it has: of the characters of a name and the zeros behind it, they alone have bit 4 and not bit 6.
    fn digits(&self) -> u64 {
        const ONES: u64 = u64::from_le_bytes([1; 8]);
        let (words, _) = self.bytes.as_chunks();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        let lanes: u64 = words.map(|word| word >> 4 & !(word >> 6) & ONES).sum();
        lanes.wrapping_mul(ONES) >> 56
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a name is ASCII")
    }
}

impl PartialEq for Name {
    /// Without a call: every purchase finds two names. The zeros behind a name tell its length.
    #[inline]
    fn eq(&self, other: &Name) -> bool {
        let (words, _) = self.bytes.as_chunks::<8>();
        let (others, _) = other.bytes.as_chunks::<8>();
        let differ =
            |(one, other): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        words
            .iter()
            .zip(others)
            .map(differ)
            .fold(0, |all, word| all | word)
            == 0
    }
}

impl core::hash::Hash for Name {
    /// Every word of it: lists and merchants bring names from outside. The zeros behind it tell its length.
    #[inline]
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        let (words, _) = self.bytes.as_chunks();
        for word in &words[..usize::from(self.len).div_ceil(8)] {
            state.write_u64(u64::from_le_bytes(*word));
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_national_id_is_found_in_a_text_however_it_is_written() {
        let found = [
            "1101700203450",
            "ปชช 1101700203450 ค่ะ",
            "1-1017-00203-45-0",
            "1 1017 00203 45 0",
            "เลข๑๑๐๑๗๐๐๒๐๓๔๕๐",
            "1๑01700203450.",
            "x1101700203450x",
        ];
        for text in found {
            assert!(NationalId::is_in(text), "{text}");
        }
        let none = [
            "",
            "no digits",
            "1101700203451",
            "11017002034500",
            "0 1101700203450",
            "110170020345",
            "1101700 - 203450",
            "1101700  203450",
            "1101700/203450",
            "9101700203459",
            "0101700203451",
        ];
        for text in none {
            assert!(!NationalId::is_in(text), "{text}");
        }
    }

    #[test]
    fn a_uuid_is_read_in_either_case_and_answered_in_lower_case() {
        let id = TxnId::parse("0197A1D2-0f6e-7C3a-8b1e-3f5d2c9a7e10").unwrap();
        assert_eq!(id.to_string(), "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10");
        assert_eq!(id, TxnId::parse("0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10").unwrap());
    }

    #[test]
    fn other_forms_of_a_uuid_are_refused() {
        for text in [
            "",
            "0197a1d20f6e7c3a8b1e3f5d2c9a7e10",
            "{0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10}",
            "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1g",
            "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1",
            "0197a1d2-0f6e-7c3a-8b1e_3f5d2c9a7e10",
            "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1\u{e9}",
        ] {
            assert_eq!(TxnId::parse(text), Err(IdError::NotUuid), "{text}");
        }
    }

    #[test]
    fn a_wallet_is_exactly_fifteen_digits_and_keeps_its_zeros() {
        assert_eq!(
            WalletId::parse("004999912345678").unwrap().to_string(),
            "004999912345678"
        );
        for text in [
            "",
            "04999912345678",
            "0004999912345678",
            "00499991234567x",
            "๐๐๐๐๐",
        ] {
            assert_eq!(WalletId::parse(text), Err(IdError::NotFifteenDigits), "{text}");
        }
    }

    #[test]
    fn a_number_is_an_id_as_long_as_it_has_fifteen_digits() {
        let largest = WalletId::try_from_number(999_999_999_999_999);
        assert_eq!(largest, WalletId::parse("999999999999999"));
        for number in [1_000_000_000_000_000, u64::MAX] {
            assert_eq!(WalletId::try_from_number(number), Err(IdError::NotFifteenDigits));
        }
    }

    #[test]
    fn a_citizen_id_has_a_valid_check_digit_and_is_never_shown() {
        let citizen = NationalId::parse("1101700203450").unwrap();
        assert_eq!(format!("{citizen:?}"), "NationalId(hidden)");
        assert_eq!(NationalId::parse("1101700203451"), Err(IdError::NotCitizenId));
        assert_eq!(NationalId::parse("110170020345"), Err(IdError::NotCitizenId));
    }

    #[test]
    fn a_name_is_lower_case_ascii() {
        assert_eq!(Name::parse("co-pay").unwrap().as_str(), "co-pay");
        for text in ["", "Co-pay", "co_pay", "co pay", "ก", &"a".repeat(65)] {
            assert_eq!(Name::parse(text), Err(IdError::NotName), "{text}");
        }
        let digits: String = ('0'..='9').cycle().take(60).collect();
        for (text, count) in [
            ("a-z-0", 1),
            ("-", 0),
            ("zzzz9999zzzz88887777666655554-", 21),
            (&digits, 60),
        ] {
            assert_eq!(Name::recorded(text).unwrap().digits(), count, "{text}");
        }
        let with_id = "list-of-1-1017-00203-45-0";
        assert_eq!(Name::parse(with_id), Err(IdError::HoldsCitizenId));
        assert_eq!(Name::recorded(with_id).unwrap().as_str(), with_id);
    }
}
