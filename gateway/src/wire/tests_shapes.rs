//! The kinds of bodies, what their fields take, and what they refuse.

use super::parse;
use super::problem::Problem;
use satang_core::record::ReturnKind;

/// A kind of body: how it is read, and its fields.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) read: fn(&[u8]) -> Result<(), Problem>,
    pub(super) fields: &'static [Field],
}

/// A field: its name, a good value, whether it must be there, and what it takes.
pub(super) struct Field(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) bool,
    Takes,
);

/// What a field takes, and with it what it refuses.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Uuid,
    Digits(usize),
    Name,
    Citizen,
    Amount,
    Word,
    Line(usize, usize),
    Names(usize),
    Date,
    Instant,
    Birth,
    Nationality,
    /// Whole seconds, at most so many.
    Seconds(u32),
}

pub(super) const TXN_ID: Field = Field(
    "txn_id",
    r#""0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10""#,
    true,
    Takes::Uuid,
);
pub(super) const PROGRAM: Field = Field("program", r#""thai-chuai-thai-plus-6040""#, true, Takes::Name);
pub(super) const WALLET: Field = Field("wallet_id", r#""004999912345678""#, true, Takes::Digits(15));
pub(super) const MERCHANT: Field = Field("merchant_id", r#""010555012345678""#, true, Takes::Digits(15));
pub(super) const CHANNEL: Field = Field("channel", r#""store""#, true, Takes::Name);
pub(super) const AMOUNT: Field = Field("amount", "25000", true, Takes::Amount);
pub(super) const ELIGIBLE: Field = Field("eligible_amount", "22000", false, Takes::Amount);

const REGISTRATION: [Field; 6] = [
    Field(
        "registration_id",
        r#""0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12""#,
        true,
        Takes::Uuid,
    ),
    PROGRAM,
    WALLET,
    CITIZEN,
    Field("birth_date", r#""1990-04-12""#, true, Takes::Birth),
    Field("nationality", r#""TH""#, true, Takes::Nationality),
];

pub(super) const SHAPES: [Shape; 15] = [
    Shape {
        name: "authorization",
        read: |body| parse::authorization(body).map(|_| ()),
        fields: &[TXN_ID, PROGRAM, WALLET, MERCHANT, CHANNEL, AMOUNT, ELIGIBLE],
    },
    Shape {
        name: "batch element",
        read: |element| read_element(&PURCHASES, element),
        fields: &[TXN_ID, PROGRAM, WALLET, MERCHANT, CHANNEL, AMOUNT, ELIGIBLE],
    },
    Shape {
        name: "quote",
        read: |body| parse::quote(body).map(|_| ()),
        fields: &[PROGRAM, WALLET, MERCHANT, CHANNEL, AMOUNT, ELIGIBLE],
    },
    Shape {
        name: "reversal",
        read: |body| parse::reversal("0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10", body).map(|_| ()),
        fields: &[
            Field(
                "reversal_id",
                r#""0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e11""#,
                true,
                Takes::Uuid,
            ),
            Field("amount", "10000", false, Takes::Amount),
            Field("reason", r#""customer_refund""#, true, Takes::Word),
        ],
    },
    Shape {
        name: "merchant",
        read: |body| parse::merchant("010555012345678", body).map(|_| ()),
        fields: &[
            MERCHANT_NAME,
            CATEGORY,
            STATUS,
            PROGRAMS,
            CHANNELS,
            PROVINCE,
            ACCOUNT,
            HOLDER,
        ],
    },
    Shape {
        name: "merchant line",
        read: |body| parse::merchant_line(body).map(|_| ()),
        fields: &[
            MERCHANT,
            MERCHANT_NAME,
            CATEGORY,
            STATUS,
            PROGRAMS,
            CHANNELS,
            PROVINCE,
            ACCOUNT,
            HOLDER,
        ],
    },
    Shape {
        name: "enrollment",
        read: |body| parse::enrollment(body).map(|_| ()),
        fields: &[
            PROGRAM,
            WALLET,
            CITIZEN,
            Field("household_id", r#""000000000000042""#, false, Takes::Digits(15)),
            Field("tier", r#""tax-filer""#, false, Takes::Name),
            Field("usable_from", r#""2026-06-15""#, false, Takes::Date),
        ],
    },
    Shape {
        name: "status",
        read: |body| parse::status(body).map(|_| ()),
        fields: &[
            STATUS,
            Field("reason", r#""card was lost""#, true, Takes::Line(0, 500)),
        ],
    },
    Shape {
        name: "clock",
        read: |body| parse::clock(body).map(|_| ()),
        fields: &[Field(
            "now",
            r#""2026-06-15T12:00:00+07:00""#,
            true,
            Takes::Instant,
        )],
    },
    Shape {
        name: "registration",
        read: |body| parse::registration(body).map(|_| ()),
        fields: &REGISTRATION,
    },
    Shape {
        name: "registration batch element",
        read: |element| read_element(&REGISTRATIONS, element),
        fields: &REGISTRATION,
    },
    Shape {
        name: "hold",
        read: |body| parse::hold(body).map(|_| ()),
        fields: &[
            TXN_ID,
            PROGRAM,
            WALLET,
            MERCHANT,
            CHANNEL,
            AMOUNT,
            ELIGIBLE,
            Field("expires_in_s", "3600", true, Takes::Seconds(604_800)),
        ],
    },
    Shape {
        name: "capture",
        read: |body| parse::closing(PATH_ID, ReturnKind::Capture, body).map(|_| ()),
        fields: &[Field("amount", "7500", false, Takes::Amount)],
    },
    Shape {
        name: "move",
        read: |body| parse::move_request("004999912345678", body).map(|_| ()),
        fields: &[
            Field(
                "from_program",
                r#""thai-chuai-thai-plus-6040""#,
                true,
                Takes::Name,
            ),
            Field("to_program", r#""state-welfare-card""#, true, Takes::Name),
            Field("household_id", r#""000000000000042""#, false, Takes::Digits(15)),
            Field("tier", r#""tax-filer""#, false, Takes::Name),
            Field("usable_from", r#""2026-06-15""#, false, Takes::Date),
            Field("reason", r#""holds the card""#, true, Takes::Line(0, 500)),
        ],
    },
    Shape {
        name: "replacement",
        read: |body| parse::replacement("004999912345678", body).map(|_| ()),
        fields: &[
            Field("new_wallet_id", r#""004999912345699""#, true, Takes::Digits(15)),
            Field("reason", r#""new phone""#, true, Takes::Line(0, 500)),
        ],
    },
];

/// The id in the path of a capture.
pub(super) const PATH_ID: &str = "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10";

impl Shape {
    /// Whether the body is an element of a batch.
    pub(super) fn is_element(&self) -> bool {
        self.name.ends_with("element")
    }

    /// Whether no body at all says the same as an empty object.
    pub(super) fn may_be_absent(&self) -> bool {
        self.name == "capture"
    }
}

pub(super) const CITIZEN: Field = Field("citizen_id", r#""1101700203450""#, true, Takes::Citizen);
pub(super) const MERCHANT_NAME: Field = Field("name", r#""ร้านป้าแดง""#, true, Takes::Line(1, 200));
pub(super) const CATEGORY: Field = Field("category", r#""food_drink""#, true, Takes::Word);
pub(super) const STATUS: Field = Field("status", r#""active""#, true, Takes::Word);
pub(super) const PROGRAMS: Field = Field(
    "programs",
    r#"["thai-chuai-thai-plus-6040"]"#,
    true,
    Takes::Names(64),
);
pub(super) const CHANNELS: Field = Field("channels", r#"["store","delivery"]"#, true, Takes::Names(16));
pub(super) const PROVINCE: Field = Field("province", r#""Chiang Mai""#, false, Takes::Line(0, 200));
pub(super) const ACCOUNT: Field = Field("bank_account", r#""0123456789""#, false, Takes::Digits(10));
pub(super) const HOLDER: Field = Field("account_name", r#""แดง ใจดี""#, false, Takes::Line(0, 200));

/// What a kind of batch makes of its elements.
type Elements = Vec<Result<(), Problem>>;

/// A kind of batch: the name of its list, its elements' shape, and how it is read.
pub(super) struct BatchShape {
    pub(super) key: &'static str,
    pub(super) element: &'static Shape,
    pub(super) read: fn(&[u8]) -> Result<Elements, Problem>,
}

pub(super) static PURCHASES: BatchShape = BatchShape {
    key: "authorizations",
    element: &SHAPES[0],
    read: |body| parse::batch(body).map(fates),
};

pub(super) static REGISTRATIONS: BatchShape = BatchShape {
    key: "registrations",
    element: &SHAPES[9],
    read: |body| parse::registrations(body).map(fates),
};

fn fates<T>(elements: Vec<Result<T, Problem>>) -> Elements {
    elements.into_iter().map(|element| element.map(|_| ())).collect()
}

/// Reads a body as the middle one of three elements; its neighbours must not suffer.
pub(super) fn read_element(batch: &BatchShape, element: &[u8]) -> Result<(), Problem> {
    let good = plain(batch.element);
    let mut body = format!("{{\"{}\":[{good},", batch.key).into_bytes();
    body.extend_from_slice(element);
    body.extend_from_slice(format!(",{good}]}}").as_bytes());
    let mut elements = (batch.read)(&body)?;
    assert_eq!(elements.len(), 3);
    assert!(elements[0].is_ok() && elements[2].is_ok());
    elements.remove(1)
}

pub(super) fn object(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

pub(super) fn pairs(shape: &Shape) -> Vec<(String, String)> {
    shape
        .fields
        .iter()
        .map(|field| (field.0.to_owned(), field.1.to_owned()))
        .collect()
}

pub(super) fn plain(shape: &Shape) -> String {
    object(&pairs(shape))
}

pub(super) fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

pub(super) fn text_of(len: usize) -> String {
    format!("\"{}\"", "ก".repeat(len))
}

pub(super) fn list_of(len: usize) -> String {
    let names: Vec<String> = (0..len).map(|number| format!("\"n{number}\"")).collect();
    format!("[{}]", names.join(","))
}

/// What no amount is, and no other whole number from 1 on.
const AMOUNTS: [&str; 24] = [
    "0",
    "-0",
    "-5",
    "0.0",
    "0e1",
    "1.5",
    "25000.0",
    "1e2",
    "1E2",
    "1e-2",
    "2.5e4",
    "100000001",
    "4294967297",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551617",
    "123456789012345678901234567890",
    "12345678901234567.12345678901234567",
    "0.00000000000000000000000000000001",
    "1e999999999999",
    "\"25000\"",
    "\"\"",
    "[]",
];

/// Values that a field refuses, every one valid JSON.
pub(super) fn refused(field: &Field) -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "false",
        "{}",
        "{\"a\":1}",
        "[1]",
        "[null]",
        "[[]]",
        "1.0",
        "-1",
        "1e400",
        "1e0",
    ]
    .map(str::to_owned)
    .into();
    // Thirteen levels in a field in an element in the list of a batch are sixteen.
    values.push(nested(13));
    let more: Vec<String> = match field.3 {
        Takes::Amount => own(&AMOUNTS),
        Takes::Seconds(most) => {
            let mut values = own(&AMOUNTS);
            values.push((most + 1).to_string());
            values
        }
        Takes::Uuid => own(&[
            "5",
            "\"\"",
            "[]",
            "\"0197a1d20f6e7c3a8b1e3f5d2c9a7e10\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1g\"",
            "\"{0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10}\"",
            "\"urn:uuid:0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10\"",
            "\" 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10\"",
            "\"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10\\n\"",
            "\"+197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10\"",
        ]),
        Takes::Digits(count) => {
            let digits = "012345678901234567";
            let mut values = own(&["5", "\"\"", "[]", "\"๐๐๐๐๐\"", "\"+0499991234567\""]);
            values.push(digits[..count].to_owned().trim_start_matches('0').to_owned());
            for wrong in [&digits[..count - 1], &digits[..count + 1]] {
                values.push(format!("\"{wrong}\""));
            }
            values.push(format!("\"{}x\"", &digits[..count - 1]));
            values.push(format!("\" {}\"", &digits[..count - 1]));
            values
        }
        Takes::Name => {
            let mut values = own(&[
                "5",
                "\"\"",
                "[]",
                "\"Store\"",
                "\"a_b\"",
                "\"a b\"",
                "\"ก\"",
                "\"a\\u0000\"",
                "\"a.\"",
            ]);
            values.push(format!("\"{}\"", "a".repeat(65)));
            values
        }
        Takes::Citizen => own(&[
            "1101700203450",
            "\"\"",
            "[]",
            "\"1101700203451\"",
            "\"110170020345\"",
            "\"11017002034500\"",
            "\"1-1017-00203-45-0\"",
            "\"๑๑๐๑๗๐๐๒๐๓๔๕๐\"",
        ]),
        Takes::Word => own(&[
            "5",
            "\"\"",
            "[]",
            "\"Active\"",
            "\"active \"",
            "\"other\"",
            "\"time_out\"",
            "\"TIMEOUT\"",
        ]),
        Takes::Line(least, most) => {
            let mut values = own(&[
                "5",
                "[]",
                "\"a\\u0000\"",
                "\"a\\nb\"",
                "\"\\u007f\"",
                "\"\\u0085\"",
            ]);
            values.push(text_of(most + 1));
            values.extend((least > 0).then(|| "\"\"".to_owned()));
            values
        }
        Takes::Names(most) => {
            let mut values = own(&[
                "5",
                "\"\"",
                "\"store\"",
                "[\"store\",\"store\"]",
                "[\"Store\"]",
                "[\"\"]",
                "[5]",
            ]);
            values.push(list_of(most + 1));
            values
        }
        Takes::Date => own(&[
            "20260615",
            "\"\"",
            "[]",
            "\"2569-06-15\"",
            "\"26-06-15\"",
            "\"2026-6-15\"",
            "\"2026-02-29\"",
            "\"2026-13-01\"",
            "\"1999-12-31\"",
            "\"2171-01-01\"",
            "\"2026-06-15T00:00:00+07:00\"",
            "\"2026/06/15\"",
        ]),
        Takes::Instant => own(&[
            "1781500000000",
            "\"\"",
            "[]",
            "\"2026-06-15\"",
            "\"2026-06-15T12:00:00\"",
            "\"1999-12-31T00:00:00+07:00\"",
            "\"2569-06-15T12:00:00+07:00\"",
            "\"2026-06-15T25:00:00+07:00\"",
            "\"now\"",
            "\"ก026-06-15T12:00:00+07:00\"",
        ]),
        Takes::Birth => own(&[
            "1990",
            "19900412",
            "\"\"",
            "[]",
            "\"90\"",
            "\"199\"",
            "\"19900\"",
            "\"1990-\"",
            "\"1990-4\"",
            "\"1990-00\"",
            "\"1990-13\"",
            "\"1990-04-\"",
            "\"1990-04-00\"",
            "\"1990-04-31\"",
            "\"1990-02-29\"",
            "\"1990-4-12\"",
            "\"12-04-1990\"",
            "\"1990/04/12\"",
            "\"19900412\"",
            "\"+990-04-12\"",
            "\" 1990\"",
            "\"1990\\n\"",
            "\"1990-04-12T00:00:00+07:00\"",
            "\"๑๙๙๐\"",
            "\"1849\"",
            "\"1849-12-31\"",
            "\"2171\"",
            "\"2171-01\"",
            "\"2400-01-01\"",
            "\"2401\"",
            "\"2533-04-12\"",
        ]),
        Takes::Nationality => own(&[
            "764",
            "\"\"",
            "[]",
            "\"T\"",
            "\"th\"",
            "\"Th\"",
            "\"THA\"",
            "\"764\"",
            "\"T1\"",
            "\" TH\"",
            "\"TH\\u0000\"",
            "\"ไทย\"",
            "\"ÀÉ\"",
        ]),
    };
    values.extend(more);
    values
}

pub(super) fn own(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
