//! The kinds of bodies and where they are sent.

use super::object;

/// A kind of body.
pub struct Shape {
    /// The method of its route.
    pub method: &'static str,
    /// The path of its route.
    pub path: &'static str,
    /// Its fields, each with a good value.
    pub fields: &'static [Field],
}

/// A field of a body.
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// A good value, as JSON.
    pub good: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it takes.
    pub takes: Takes,
}

/// What a field takes, and with it what it refuses.
#[derive(Clone, Copy)]
pub enum Takes {
    /// A UUID in its hyphenated form.
    Uuid,
    /// A string of so many digits.
    Digits(usize),
    /// A programme, channel or tier.
    Name,
    /// A national id.
    Citizen,
    /// Satang, 1 to 100,000,000.
    Amount,
    /// Satang that is claimed back, 1 to 10^15.
    Claim,
    /// One of a few words.
    Word,
    /// A line of text of at most 200 characters, or any text of at most 500.
    Text(usize),
    /// An operator's reason: the same of 1 to 500 characters.
    Reason,
    /// A list of names, at most so many.
    Names(usize),
    /// A date of the Common Era.
    Date,
    /// An instant with its offset.
    Instant,
    /// A date of birth: a year, with or without month and day.
    Birth,
    /// Two capital letters.
    Nationality,
    /// Whole seconds, 1 to so many.
    Seconds(u32),
}

/// The `txn_id` of every malformed authorization.
pub const TXN_ID: &str = "0197a1d2-0f6e-7c3a-8b1e-000000000001";

/// The `registration_id` of every malformed registration.
pub const REGISTRATION_ID: &str = "0197a1d2-0f6e-7c3a-8b1e-000000000003";

const fn required(name: &'static str, good: &'static str, takes: Takes) -> Field {
    Field {
        name,
        good,
        required: true,
        takes,
    }
}

const fn optional(name: &'static str, good: &'static str, takes: Takes) -> Field {
    Field {
        name,
        good,
        required: false,
        takes,
    }
}

const PURCHASE: [Field; 7] = [
    required("txn_id", r#""0197a1d2-0f6e-7c3a-8b1e-000000000001""#, Takes::Uuid),
    required("program", r#""thai-chuai-thai-plus-6040""#, Takes::Name),
    required("wallet_id", r#""000000000000001""#, Takes::Digits(15)),
    required("merchant_id", r#""010555012345678""#, Takes::Digits(15)),
    required("channel", r#""store""#, Takes::Name),
    required("amount", "200", Takes::Amount),
    optional("eligible_amount", "100", Takes::Amount),
];

static HOLD: [Field; 8] = {
    let [txn, program, wallet, merchant, channel, amount, eligible] = PURCHASE;
    let seconds = required("expires_in_s", "3600", Takes::Seconds(604_800));
    [txn, program, wallet, merchant, channel, amount, eligible, seconds]
};

/// A move that would be taken: after it the wallet buys nothing in its programme any more.
static MOVE: [Field; 6] = [
    required("from_program", r#""thai-chuai-thai-plus-6040""#, Takes::Name),
    required("to_program", r#""state-welfare-card""#, Takes::Name),
    optional("household_id", r#""000000000000042""#, Takes::Digits(15)),
    optional("tier", r#""tax-filer""#, Takes::Name),
    optional("usable_from", r#""2026-06-15""#, Takes::Date),
    required("reason", r#""holds the card""#, Takes::Text(500)),
];

static QUOTE: [Field; 6] = {
    let [_, program, wallet, merchant, channel, amount, eligible] = PURCHASE;
    [program, wallet, merchant, channel, amount, eligible]
};

/// A merchant that would be suspended: were one taken, the next good request would tell.
const MERCHANT: [Field; 9] = [
    required("merchant_id", r#""010555012345678""#, Takes::Digits(15)),
    required("name", r#""ร้านป้าแดง""#, Takes::Text(200)),
    required("category", r#""food_drink""#, Takes::Word),
    required("status", r#""suspended""#, Takes::Word),
    required("programs", r#"["thai-chuai-thai-plus-6040"]"#, Takes::Names(64)),
    required("channels", r#"["store","delivery"]"#, Takes::Names(16)),
    optional("province", r#""Chiang Mai""#, Takes::Text(200)),
    optional("bank_account", r#""0123456789""#, Takes::Digits(10)),
    optional("account_name", r#""แดง ใจดี""#, Takes::Text(200)),
];

static MERCHANT_PUT: [Field; 8] = {
    let [
        _,
        name,
        category,
        status,
        programs,
        channels,
        province,
        account,
        holder,
    ] = MERCHANT;
    [
        name, category, status, programs, channels, province, account, holder,
    ]
};

const CITIZEN: Field = required("citizen_id", r#""1101700203450""#, Takes::Citizen);

static REGISTRATION: [Field; 6] = [
    required(
        "registration_id",
        r#""0197a1d2-0f6e-7c3a-8b1e-000000000003""#,
        Takes::Uuid,
    ),
    required("program", r#""thai-chuai-thai-plus-6040""#, Takes::Name),
    required("wallet_id", r#""000000000000009""#, Takes::Digits(15)),
    CITIZEN,
    required("birth_date", r#""1990-04-12""#, Takes::Birth),
    required("nationality", r#""TH""#, Takes::Nationality),
];

static STATUS: [Field; 2] = [
    required("status", r#""suspended""#, Takes::Word),
    required("reason", r#""a card was lost""#, Takes::Text(500)),
];

const REASON: Field = required("reason", r#""complaints""#, Takes::Reason);
const LETTER: Field = required("letter_date", r#""2026-06-10""#, Takes::Date);
const CASE: Field = required(
    "case_id",
    r#""0197a1d2-0f6e-7c3a-8b1e-000000000004""#,
    Takes::Uuid,
);

static DESK_STATUS: [Field; 2] = [required("status", r#""suspended""#, Takes::Word), REASON];
static PAYOUT: [Field; 2] = [required("status", r#""frozen""#, Takes::Word), REASON];

/// Every kind of body.
pub static SHAPES: [Shape; 27] = [
    Shape {
        method: "POST",
        path: "/v1/authorizations",
        fields: &PURCHASE,
    },
    Shape {
        method: "POST",
        path: "/v1/authorizations/batch",
        fields: &PURCHASE,
    },
    Shape {
        method: "POST",
        path: "/v1/quotes",
        fields: &QUOTE,
    },
    Shape {
        method: "POST",
        path: "/v1/authorizations/0197a1d2-0f6e-7c3a-8b1e-0000000000aa/reversals",
        fields: &[
            required(
                "reversal_id",
                r#""0197a1d2-0f6e-7c3a-8b1e-000000000002""#,
                Takes::Uuid,
            ),
            optional("amount", "10", Takes::Amount),
            required("reason", r#""customer_refund""#, Takes::Word),
        ],
    },
    Shape {
        method: "PUT",
        path: "/v1/merchants/010555012345678",
        fields: &MERCHANT_PUT,
    },
    Shape {
        method: "PUT",
        path: "/v1/wallets/000000000000001/status",
        fields: &STATUS,
    },
    Shape {
        method: "PUT",
        path: "/v1/programs/thai-chuai-thai-plus-6040/status",
        fields: &STATUS,
    },
    Shape {
        method: "PUT",
        path: "/v1/clock",
        fields: &[required("now", r#""2026-06-15T13:00:00+07:00""#, Takes::Instant)],
    },
    Shape {
        method: "POST",
        path: "/v1/merchants/import",
        fields: &MERCHANT,
    },
    Shape {
        method: "POST",
        path: "/v1/enrollments/import",
        fields: &[
            required("program", r#""thai-chuai-thai-plus-6040""#, Takes::Name),
            required("wallet_id", r#""000000000000009""#, Takes::Digits(15)),
            CITIZEN,
            optional("household_id", r#""000000000000042""#, Takes::Digits(15)),
            optional("tier", r#""tax-filer""#, Takes::Name),
            optional("usable_from", r#""2026-06-15""#, Takes::Date),
        ],
    },
    Shape {
        method: "POST",
        path: "/v1/registrations",
        fields: &REGISTRATION,
    },
    Shape {
        method: "POST",
        path: "/v1/registrations/batch",
        fields: &REGISTRATION,
    },
    Shape {
        method: "POST",
        path: "/v1/holds",
        fields: &HOLD,
    },
    Shape {
        method: "POST",
        path: "/v1/holds/0197a1d2-0f6e-7c3a-8b1e-0000000000cc/capture",
        fields: &[optional("amount", "10", Takes::Amount)],
    },
    Shape {
        method: "POST",
        path: "/v1/wallets/000000000000001/moves",
        fields: &MOVE,
    },
    Shape {
        method: "POST",
        path: "/v1/wallets/000000000000001/replacement",
        fields: &[
            required("new_wallet_id", r#""000000000000042""#, Takes::Digits(15)),
            required("reason", r#""new phone""#, Takes::Text(500)),
        ],
    },
    Shape {
        method: "PUT",
        path: "/v1/merchants/010555012345678/status",
        fields: &DESK_STATUS,
    },
    Shape {
        method: "POST",
        path: "/v1/merchants/010555012345678/registrations",
        fields: &[required("program", r#""khon-la-khrueng-4""#, Takes::Name)],
    },
    Shape {
        method: "POST",
        path: "/v1/merchants/010555012345678/platform",
        fields: &[
            required("action", r#""bind""#, Takes::Word),
            required("platform", r#""food-express""#, Takes::Name),
            REASON,
        ],
    },
    Shape {
        method: "PUT",
        path: "/v1/merchants/010555012345678/payout",
        fields: &PAYOUT,
    },
    Shape {
        method: "PUT",
        path: "/v1/authorizations/0197a1d2-0f6e-7c3a-8b1e-0000000000aa/payout",
        fields: &PAYOUT,
    },
    Shape {
        method: "POST",
        path: "/v1/merchants/010555012345678/consent-withdrawal",
        fields: &[CASE, LETTER, REASON],
    },
    Shape {
        method: "PUT",
        path: "/v1/persons/status",
        fields: &[CITIZEN, required("status", r#""suspended""#, Takes::Word), REASON],
    },
    Shape {
        method: "POST",
        path: "/v1/persons/erase",
        fields: &[CITIZEN, REASON],
    },
    Shape {
        method: "POST",
        path: "/v1/clawbacks",
        fields: &[
            CASE,
            CITIZEN,
            required("amount", "100", Takes::Claim),
            LETTER,
            REASON,
        ],
    },
    Shape {
        method: "POST",
        path: "/v1/clawbacks/0197a1d2-0f6e-7c3a-8b1e-0000000000dd/payments",
        fields: &[
            required(
                "payment_id",
                r#""0197a1d2-0f6e-7c3a-8b1e-000000000005""#,
                Takes::Uuid,
            ),
            required("amount", "100", Takes::Claim),
            REASON,
        ],
    },
    Shape {
        method: "POST",
        path: "/v1/clawbacks/0197a1d2-0f6e-7c3a-8b1e-0000000000dd/close",
        fields: &[REASON],
    },
];

impl Shape {
    /// Whether the body is a line of an import.
    pub fn is_line(&self) -> bool {
        self.path.ends_with("/import")
    }

    /// Whether no body at all says the same as an empty object.
    pub fn may_be_absent(&self) -> bool {
        self.path.ends_with("/capture")
    }

    /// Whether the body is an element of a batch.
    pub fn is_element(&self) -> bool {
        self.path.ends_with("/batch")
    }

    /// The name of the list that holds the elements of its batch.
    pub fn list(&self) -> &'static str {
        let path = self.path.strip_prefix("/v1/").expect("every route of bodies");
        path.split('/').next().expect("a first segment")
    }

    /// A good body.
    pub fn good(&self) -> String {
        object(&self.pairs())
    }

    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.fields
            .iter()
            .map(|field| (field.name.to_owned(), field.good.to_owned()))
            .collect()
    }
}
