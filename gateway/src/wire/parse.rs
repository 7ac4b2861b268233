//! Requests: JSON bodies to the types the core trusts.
//!
//! Every function answers a malformed request with the 400 of the contract: all faults by field, in the order of the table
//! of fields; a path id is judged before the body.

use super::batch::BATCH_LEN_MAX;
use super::fast;
use super::form::{self, Form};
use super::json::{Kind, Value};
use super::listed;
use super::problem::Problem;
use satang_core::birth::BirthDate;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{
    HouseholdId, MerchantId, Name, NationalId, Nationality, RegistrationId, ReversalId, TxnId, WalletId,
};
use satang_core::money::Satang;
use satang_core::outcome::ReversalCause;
use satang_core::programme::Category;
use satang_core::record::{HOLD_SECONDS_MAX, ReturnKind, Status};
use satang_core::request::{
    AuthorizationRequest, ClosingRequest, HoldRequest, Purchase, RegistrationRequest, ReversalRequest,
};
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::enroll::EnrollmentInput;
use satang_engine::session::programme_transfer::TransferInput;
use satang_engine::session::replacement::ReplacementInput;

/// The most programmes a merchant may take part in.
pub const MERCHANT_PROGRAMS_MAX: usize = 64;
/// The most channels a merchant may sell through.
pub const MERCHANT_CHANNELS_MAX: usize = 16;
/// The longest name of a merchant, place or account holder, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest reason an operator may give, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// A wallet or programme to be suspended or made active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRequest {
    pub status: Status,
    /// Why, in the operator's words: at most [`REASON_CHARS_MAX`] characters; may be empty.
    pub reason: String,
}

/// Reads an authorization.
///
/// # Errors
/// The 400 of a malformed request.
pub fn authorization(body: &[u8]) -> Result<AuthorizationRequest, Problem> {
    fast::authorization(body).map_or_else(|| slow::authorization(form::body(body)?), Ok)
}

/// Reads a quote: an authorization without `txn_id`.
///
/// # Errors
/// The 400 of a malformed request.
pub fn quote(body: &[u8]) -> Result<Purchase, Problem> {
    fast::quote(body).map_or_else(|| slow::quote(form::body(body)?), Ok)
}

/// Reads a reversal of the authorization named in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn reversal(path_txn_id: &str, body: &[u8]) -> Result<ReversalRequest, Problem> {
    let txn_id = path_txn(path_txn_id)?;
    fast::reversal(txn_id, body).map_or_else(|| slow::reversal(txn_id, form::body(body)?), Ok)
}

/// Reads a hold: an authorization and for how long.
///
/// # Errors
/// The 400 of a malformed request.
pub fn hold(body: &[u8]) -> Result<HoldRequest, Problem> {
    slow::hold(form::body(body)?)
}

/// Reads the capture or void of the hold named in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn closing(path_txn_id: &str, act: ReturnKind, body: &[u8]) -> Result<ClosingRequest, Problem> {
    let txn_id = path_txn(path_txn_id)?;
    let amount = match act {
        ReturnKind::Capture => {
            let body = if body.is_empty() { b"{}" } else { body };
            let mut form = Form::open(form::body(body)?, &["amount"])?;
            let amount = form.optional("amount", form::whole(Satang::BILL_MAX.get()));
            form.finish(Some(amount.map(Satang::new)))?
        }
        ReturnKind::Void | ReturnKind::Reversal => {
            nothing(body)?;
            None
        }
    };
    Ok(ClosingRequest { txn_id, act, amount })
}

/// Reads a move of the wallet named in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn move_request(path_wallet_id: &str, body: &[u8]) -> Result<TransferInput, Problem> {
    const FIELDS: [&str; 6] = [
        "from_program",
        "to_program",
        "household_id",
        "tier",
        "usable_from",
        "reason",
    ];
    let wallet = path_wallet(path_wallet_id)?;
    let mut form = Form::open(form::body(body)?, &FIELDS)?;
    let from = form.required("from_program", form::parsed(Name::parse));
    let to = form.required("to_program", form::parsed(Name::parse));
    if from.is_some() && from == to {
        form.fault("to_program", "must be another programme than from_program");
    }
    let household = form.optional("household_id", form::parsed(HouseholdId::parse));
    let tier = form.optional("tier", form::parsed(Name::parse));
    let usable_from = form.optional("usable_from", form::parsed(parse_date));
    let reason = form.required("reason", form::line(0..=REASON_CHARS_MAX));
    let read = || {
        Some(TransferInput {
            wallet,
            from: from?,
            to: to?,
            household,
            tier,
            usable_from,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads a replacement of the wallet named in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn replacement(path_wallet_id: &str, body: &[u8]) -> Result<ReplacementInput, Problem> {
    let wallet = path_wallet(path_wallet_id)?;
    let mut form = Form::open(form::body(body)?, &["new_wallet_id", "reason"])?;
    let new_wallet = form.required("new_wallet_id", form::parsed(WalletId::parse));
    if new_wallet == Some(wallet) {
        form.fault("new_wallet_id", "must be another wallet than the one it replaces");
    }
    let reason = form.required("reason", form::line(0..=REASON_CHARS_MAX));
    let read = || {
        Some(ReplacementInput {
            wallet,
            new_wallet: new_wallet?,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads a batch; a malformed element is a problem in its place.
///
/// # Errors
/// The 400 of a malformed batch: no JSON anywhere in the body, another object, or not 1 to [`BATCH_LEN_MAX`] elements.
pub fn batch(body: &[u8]) -> Result<Vec<Result<AuthorizationRequest, Problem>>, Problem> {
    fast::batch(body).map_or_else(|| slow::batch(form::body(body)?), Ok)
}

/// Reads a registration.
///
/// # Errors
/// The 400 of a malformed request.
pub fn registration(body: &[u8]) -> Result<RegistrationRequest, Problem> {
    fast::registration(body).map_or_else(|| slow::registration(form::body(body)?), Ok)
}

/// Reads a batch of registrations; a malformed element is a problem in its place.
///
/// # Errors
/// As [`batch`].
pub fn registrations(body: &[u8]) -> Result<Vec<Result<RegistrationRequest, Problem>>, Problem> {
    fast::registrations(body).map_or_else(|| slow::registrations(form::body(body)?), Ok)
}

/// Reads a merchant whose id stands in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn merchant(path_merchant_id: &str, body: &[u8]) -> Result<MerchantInput, Problem> {
    let id = path_merchant(path_merchant_id)?;
    let mut form = Form::open(form::body(body)?, &MERCHANT_FIELDS[1..])?;
    let read = read_merchant(&mut form, Some(id));
    form.finish(read)
}

/// Reads a line of a merchant import, its id among the fields.
///
/// # Errors
/// The 400 of a malformed line.
pub fn merchant_line(line: &[u8]) -> Result<MerchantInput, Problem> {
    let mut form = Form::open(form::body(line)?, &MERCHANT_FIELDS)?;
    let id = form.required("merchant_id", form::parsed(MerchantId::parse));
    let read = read_merchant(&mut form, id);
    form.finish(read)
}

/// Reads a line of an enrollment import.
///
/// # Errors
/// The 400 of a malformed line. No reason repeats the citizen's id.
pub fn enrollment(line: &[u8]) -> Result<EnrollmentInput, Problem> {
    const FIELDS: [&str; 6] = [
        "program",
        "wallet_id",
        "citizen_id",
        "household_id",
        "tier",
        "usable_from",
    ];
    let mut form = Form::open(form::body(line)?, &FIELDS)?;
    let program = form.required("program", form::parsed(Name::parse));
    let wallet = form.required("wallet_id", form::parsed(WalletId::parse));
    let citizen = form.required("citizen_id", form::parsed(listed::citizen));
    let household = form.optional("household_id", form::parsed(HouseholdId::parse));
    let tier = form.optional("tier", form::parsed(Name::parse));
    let usable_from = form.optional("usable_from", form::parsed(parse_date));
    let read = || {
        Some(EnrollmentInput {
            program: program?,
            wallet: wallet?,
            citizen: citizen?,
            household,
            tier,
            usable_from,
        })
    };
    form.finish(read())
}

/// Reads the new status of a wallet or programme.
///
/// # Errors
/// The 400 of a malformed request.
pub fn status(body: &[u8]) -> Result<StatusRequest, Problem> {
    let mut form = Form::open(form::body(body)?, &["status", "reason"])?;
    let status = form.required("status", form::word(Status::parse, STATUS_REASON));
    let reason = form.required("reason", form::line(0..=REASON_CHARS_MAX));
    form.finish(
        status
            .zip(reason)
            .map(|(status, reason)| StatusRequest { status, reason }),
    )
}

/// Reads the body of a request that asks for nothing more than its path says: none, or an empty object.
///
/// # Errors
/// The 400 of a malformed request.
pub fn nothing(body: &[u8]) -> Result<(), Problem> {
    if body.is_empty() {
        return Ok(());
    }
    let form = Form::open(form::body(body)?, &[])?;
    form.finish(Some(()))
}

/// Reads what a simulated clock shall show.
///
/// # Errors
/// The 400 of a malformed request.
pub fn clock(body: &[u8]) -> Result<Instant, Problem> {
    let mut form = Form::open(form::body(body)?, &["now"])?;
    let now = form.required("now", form::parsed(Instant::parse));
    form.finish(now)
}

/// Reads a `txn_id` of a path.
///
/// # Errors
/// A 400 that names `txn_id`.
pub fn path_txn(text: &str) -> Result<TxnId, Problem> {
    TxnId::parse(text).map_err(|error| Problem::malformed_field("txn_id", error.to_string()))
}

/// Reads a `wallet_id` of a path.
///
/// # Errors
/// A 400 that names `wallet_id`.
pub fn path_wallet(text: &str) -> Result<WalletId, Problem> {
    WalletId::parse(text).map_err(|error| Problem::malformed_field("wallet_id", error.to_string()))
}

/// Reads a `merchant_id` of a path.
///
/// # Errors
/// A 400 that names `merchant_id`.
pub fn path_merchant(text: &str) -> Result<MerchantId, Problem> {
    MerchantId::parse(text).map_err(|error| Problem::malformed_field("merchant_id", error.to_string()))
}

/// Reads the name of a programme or list of a path, which the route calls `field`.
///
/// # Errors
/// A 400 that names `field`.
pub fn path_name(field: &str, text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::malformed_field(field, error.to_string()))
}

pub(super) const STATUS_REASON: &str = "must be active or suspended";

/// The fields of a merchant; a PUT has the first in its path.
static MERCHANT_FIELDS: [&str; 9] = [
    "merchant_id",
    "name",
    "category",
    "status",
    "programs",
    "channels",
    "province",
    "bank_account",
    "account_name",
];

fn read_merchant(form: &mut Form<'_>, id: Option<MerchantId>) -> Option<MerchantInput> {
    let name = form.required("name", form::line(1..=NAME_CHARS_MAX));
    let category = form.required(
        "category",
        form::word(Category::parse, "must be a merchant category"),
    );
    let status = form.required("status", form::word(Status::parse, STATUS_REASON));
    let programs = form.required("programs", form::names(MERCHANT_PROGRAMS_MAX));
    let channels = form.required("channels", form::names(MERCHANT_CHANNELS_MAX));
    let province = form.optional("province", form::line(0..=NAME_CHARS_MAX));
    let bank_account = form.optional(
        "bank_account",
        form::word(parse_account, "must be exactly 10 digits"),
    );
    let account_name = form.optional("account_name", form::line(0..=NAME_CHARS_MAX));
    Some(MerchantInput {
        id: id?,
        name: name?,
        category: category?,
        status: status?,
        programs: programs?,
        channels: channels?,
        province,
        bank_account,
        account_name,
    })
}

fn parse_account(text: &str) -> Option<String> {
    (text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}

/// A date of the years the engine keeps accounts for.
pub(super) fn parse_date(text: &str) -> Result<BusinessDate, String> {
    let date = BusinessDate::parse(text).map_err(|error| error.to_string())?;
    if (Instant::MIN..=Instant::MAX).contains(&date.start()) {
        Ok(date)
    } else {
        Err("must lie between the years 2000 and 2170 C.E.".to_owned())
    }
}

/// The judge: reads hot bodies field by field, for whatever [`fast`] gave up on.
pub(super) mod slow {
    use super::*;

    /// The fields of an authorization; a quote has all but the first.
    static FIELDS: [&str; 7] = [
        "txn_id",
        "program",
        "wallet_id",
        "merchant_id",
        "channel",
        "amount",
        "eligible_amount",
    ];

    pub(in super::super) fn authorization(body: Value<'_>) -> Result<AuthorizationRequest, Problem> {
        let mut form = Form::open(body, &FIELDS)?;
        let txn_id = form.required("txn_id", form::parsed(TxnId::parse));
        let purchase = read_purchase(&mut form);
        let read = txn_id.zip(purchase);
        form.finish(read.map(|(txn_id, purchase)| AuthorizationRequest { txn_id, purchase }))
    }

    pub(in super::super) fn hold(body: Value<'_>) -> Result<HoldRequest, Problem> {
        const HOLD_FIELDS: [&str; 8] = [
            "txn_id",
            "program",
            "wallet_id",
            "merchant_id",
            "channel",
            "amount",
            "eligible_amount",
            "expires_in_s",
        ];
        let mut form = Form::open(body, &HOLD_FIELDS)?;
        let txn_id = form.required("txn_id", form::parsed(TxnId::parse));
        let purchase = read_purchase(&mut form);
        let seconds = form.required("expires_in_s", form::whole(u64::from(HOLD_SECONDS_MAX)));
        let read = || {
            Some(HoldRequest {
                txn_id: txn_id?,
                purchase: purchase?,
                expires_in_s: seconds? as u32,
            })
        };
        form.finish(read())
    }

    pub(in super::super) fn quote(body: Value<'_>) -> Result<Purchase, Problem> {
        let mut form = Form::open(body, &FIELDS[1..])?;
        let purchase = read_purchase(&mut form);
        form.finish(purchase)
    }

    fn read_purchase(form: &mut Form<'_>) -> Option<Purchase> {
        let program = form.required("program", form::parsed(Name::parse));
        let wallet = form.required("wallet_id", form::parsed(WalletId::parse));
        let merchant = form.required("merchant_id", form::parsed(MerchantId::parse));
        let channel = form.required("channel", form::parsed(Name::parse));
        let amount = form.required("amount", form::whole(Satang::BILL_MAX.get()));
        // Without a readable amount only the widest bound can be held against the eligible part.
        let most = amount.unwrap_or(Satang::BILL_MAX.get());
        let eligible = form.optional("eligible_amount", form::whole(most));
        Some(Purchase {
            program: program?,
            wallet: wallet?,
            merchant: merchant?,
            channel: channel?,
            amount: Satang::new(amount?),
            eligible: Satang::new(eligible.or(amount)?),
        })
    }

    pub(in super::super) fn reversal(txn_id: TxnId, body: Value<'_>) -> Result<ReversalRequest, Problem> {
        const CAUSES: &str = "must be timeout, customer_refund or merchant_error";
        let mut form = Form::open(body, &["reversal_id", "amount", "reason"])?;
        let reversal_id = form.required("reversal_id", form::parsed(ReversalId::parse));
        let amount = form.optional("amount", form::whole(Satang::BILL_MAX.get()));
        let cause = form.required("reason", form::word(ReversalCause::parse, CAUSES));
        if cause == Some(ReversalCause::Timeout) && amount.is_some() {
            form.fault("amount", "must be absent: a timeout gives back the whole bill");
        }
        let read = reversal_id.zip(cause);
        form.finish(read.map(|(reversal_id, cause)| ReversalRequest {
            reversal_id,
            txn_id,
            amount: amount.map(Satang::new),
            cause,
        }))
    }

    pub(in super::super) fn registration(body: Value<'_>) -> Result<RegistrationRequest, Problem> {
        const FIELDS: [&str; 6] = [
            "registration_id",
            "program",
            "wallet_id",
            "citizen_id",
            "birth_date",
            "nationality",
        ];
        let mut form = Form::open(body, &FIELDS)?;
        let registration_id = form.required("registration_id", form::parsed(RegistrationId::parse));
        let program = form.required("program", form::parsed(Name::parse));
        let wallet = form.required("wallet_id", form::parsed(WalletId::parse));
        let citizen = form.required("citizen_id", form::parsed(NationalId::parse));
        let birth = form.required("birth_date", form::parsed(BirthDate::parse));
        let nationality = form.required("nationality", form::parsed(Nationality::parse));
        let read = || {
            Some(RegistrationRequest {
                registration_id: registration_id?,
                program: program?,
                wallet: wallet?,
                citizen: citizen?,
                birth: birth?,
                nationality: nationality?,
            })
        };
        form.finish(read())
    }

    pub(in super::super) fn registrations(
        body: Value<'_>,
    ) -> Result<Vec<Result<RegistrationRequest, Problem>>, Problem> {
        Ok(elements(body, &["registrations"])?
            .into_iter()
            .map(registration)
            .collect())
    }

    pub(in super::super) fn batch(
        body: Value<'_>,
    ) -> Result<Vec<Result<AuthorizationRequest, Problem>>, Problem> {
        Ok(elements(body, &["authorizations"])?
            .into_iter()
            .map(authorization)
            .collect())
    }

    /// The elements of a batch, which is an object with one list.
    fn elements<'v>(body: Value<'v>, field: &'static [&'static str; 1]) -> Result<Vec<Value<'v>>, Problem> {
        let mut form = Form::open(body, field)?;
        let read = form.required(field[0], |value| {
            let elements = value.elements().ok_or(match value.kind() {
                Kind::Null => "must not be null",
                Kind::Bool | Kind::Number | Kind::Text | Kind::List | Kind::Object => "must be a list",
            })?;
            let elements: Vec<Value<'_>> = elements.take(BATCH_LEN_MAX + 1).collect();
            match (1..=BATCH_LEN_MAX).contains(&elements.len()) {
                true => Ok(elements),
                false => Err(format!("must have 1 to {BATCH_LEN_MAX} elements").into()),
            }
        });
        form.finish(read)
    }
}
