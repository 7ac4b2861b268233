//! Requests to casework: JSON bodies to what the engine takes, with errors that name the field.

use super::form::{self, Form, Reason};
use super::json::Value;
use super::parse::{REASON_CHARS_MAX, STATUS_REASON, parse_date, path_merchant, path_txn};
use super::problem::Problem;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{CaseId, MerchantId, Name, NationalId, PaymentId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::record::{Payout, Status};
use satang_core::state::casework::CLAIM_MAX;
use satang_engine::session::casework::{DebtorInput, Subject};

/// A merchant to be bound to a delivery platform, or released from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformRequest {
    pub merchant: MerchantId,
    pub platform: Name,
    /// Whether it is to be bound.
    pub bound: bool,
    /// Why, in the operator's words.
    pub reason: String,
}

/// Money to be held back, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutRequest {
    /// Whether it is to be held back.
    pub payout: Payout,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A merchant that withdraws its consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalRequest {
    pub merchant: MerchantId,
    /// The case of what it received.
    pub case: CaseId,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A citizen to be suspended or made active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStatusRequest {
    pub subject: Subject,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A citizen to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRequest {
    pub subject: Subject,
    /// Why, in the operator's words.
    pub reason: String,
}

/// Money to be claimed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRequest {
    pub case: CaseId,
    pub debtor: DebtorInput,
    pub owed: Satang,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// Why, in the operator's words.
    pub reason: String,
}

/// Some of what is claimed came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    pub case: CaseId,
    pub payment: PaymentId,
    pub amount: Satang,
    /// What for, in the operator's words.
    pub reason: String,
}

/// Reads the programme that the merchant in the path joins.
///
/// # Errors
/// The 400 of a malformed request.
pub fn joining(path_merchant_id: &str, body: &[u8]) -> Result<(MerchantId, Name), Problem> {
    let merchant = path_merchant(path_merchant_id)?;
    let mut form = Form::open(form::body(body)?, &["program"])?;
    let program = form.required("program", form::parsed(Name::parse));
    form.finish(program.map(|program| (merchant, program)))
}

/// Reads the new status of the merchant in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn merchant_status(path_merchant_id: &str, body: &[u8]) -> Result<(MerchantId, Status, String), Problem> {
    let merchant = path_merchant(path_merchant_id)?;
    let mut form = Form::open(form::body(body)?, &["status", "reason"])?;
    let status = form.required("status", form::word(Status::parse, STATUS_REASON));
    let reason = form.required("reason", words());
    form.finish(
        status
            .zip(reason)
            .map(|(status, reason)| (merchant, status, reason)),
    )
}

/// Reads what the merchant in the path is bound to, or released from.
///
/// # Errors
/// The 400 of a malformed request.
pub fn platform(path_merchant_id: &str, body: &[u8]) -> Result<PlatformRequest, Problem> {
    let merchant = path_merchant(path_merchant_id)?;
    let mut form = Form::open(form::body(body)?, &["action", "platform", "reason"])?;
    let bound = form.required("action", form::word(parse_action, "must be bind or release"));
    let platform = form.required("platform", form::parsed(Name::parse));
    let reason = form.required("reason", words());
    let read = || {
        Some(PlatformRequest {
            merchant,
            platform: platform?,
            bound: bound?,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads whether the money of the merchant in the path is held back.
///
/// # Errors
/// The 400 of a malformed request.
pub fn merchant_payout(path_merchant_id: &str, body: &[u8]) -> Result<(MerchantId, PayoutRequest), Problem> {
    let merchant = path_merchant(path_merchant_id)?;
    Ok((merchant, payout(body)?))
}

/// Reads whether the money of the authorization in the path is held back.
///
/// # Errors
/// The 400 of a malformed request.
pub fn authorization_payout(path_txn_id: &str, body: &[u8]) -> Result<(TxnId, PayoutRequest), Problem> {
    let txn_id = path_txn(path_txn_id)?;
    Ok((txn_id, payout(body)?))
}

/// Reads the withdrawal of the consent of the merchant in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn withdrawal(path_merchant_id: &str, body: &[u8]) -> Result<WithdrawalRequest, Problem> {
    let merchant = path_merchant(path_merchant_id)?;
    let mut form = Form::open(form::body(body)?, &["case_id", "letter_date", "reason"])?;
    let case = form.required("case_id", form::parsed(CaseId::parse));
    let letter = form.required("letter_date", form::parsed(parse_date));
    let reason = form.required("reason", words());
    let read = || {
        Some(WithdrawalRequest {
            merchant,
            case: case?,
            letter: letter?,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads the new status of a citizen.
///
/// # Errors
/// The 400 of a malformed request. No reason repeats the citizen's id.
pub fn person_status(body: &[u8]) -> Result<PersonStatusRequest, Problem> {
    const FIELDS: [&str; 4] = ["citizen_id", "wallet_id", "status", "reason"];
    let mut form = Form::open(form::body(body)?, &FIELDS)?;
    let subject = subject(&mut form);
    let status = form.required("status", form::word(Status::parse, STATUS_REASON));
    let reason = form.required("reason", words());
    let read = || {
        Some(PersonStatusRequest {
            subject: subject?,
            status: status?,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads who is to be erased.
///
/// # Errors
/// The 400 of a malformed request. No reason repeats the citizen's id.
pub fn erasure(body: &[u8]) -> Result<ErasureRequest, Problem> {
    let mut form = Form::open(form::body(body)?, &["citizen_id", "wallet_id", "reason"])?;
    let subject = subject(&mut form);
    let reason = form.required("reason", words());
    let read = subject.zip(reason);
    form.finish(read.map(|(subject, reason)| ErasureRequest { subject, reason }))
}

/// Reads a clawback case.
///
/// # Errors
/// The 400 of a malformed request. No reason repeats the citizen's id.
pub fn case(body: &[u8]) -> Result<CaseRequest, Problem> {
    const FIELDS: [&str; 7] = [
        "case_id",
        "citizen_id",
        "wallet_id",
        "merchant_id",
        "amount",
        "letter_date",
        "reason",
    ];
    let mut form = Form::open(form::body(body)?, &FIELDS)?;
    let case = form.required("case_id", form::parsed(CaseId::parse));
    let debtor = debtor(&mut form);
    let owed = form.required("amount", form::whole(CLAIM_MAX.get()));
    let letter = form.required("letter_date", form::parsed(parse_date));
    let reason = form.required("reason", words());
    let read = || {
        Some(CaseRequest {
            case: case?,
            debtor: debtor?,
            owed: Satang::new(owed?),
            letter: letter?,
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads a payment towards the case in the path.
///
/// # Errors
/// The 400 of a malformed request.
pub fn payment(path_case_id: &str, body: &[u8]) -> Result<PaymentRequest, Problem> {
    let case = path_case(path_case_id)?;
    let mut form = Form::open(form::body(body)?, &["payment_id", "amount", "reason"])?;
    let payment = form.required("payment_id", form::parsed(PaymentId::parse));
    let amount = form.required("amount", form::whole(CLAIM_MAX.get()));
    let reason = form.required("reason", words());
    let read = || {
        Some(PaymentRequest {
            case,
            payment: payment?,
            amount: Satang::new(amount?),
            reason: reason?,
        })
    };
    form.finish(read())
}

/// Reads why the case in the path is closed.
///
/// # Errors
/// The 400 of a malformed request.
pub fn closing_of_case(path_case_id: &str, body: &[u8]) -> Result<(CaseId, String), Problem> {
    let case = path_case(path_case_id)?;
    let mut form = Form::open(form::body(body)?, &["reason"])?;
    let reason = form.required("reason", words());
    form.finish(reason.map(|reason| (case, reason)))
}

/// Reads a `case_id` of a path.
///
/// # Errors
/// A 400 that names `case_id`.
pub fn path_case(text: &str) -> Result<CaseId, Problem> {
    CaseId::parse(text).map_err(|error| Problem::malformed_field("case_id", error.to_string()))
}

fn payout(body: &[u8]) -> Result<PayoutRequest, Problem> {
    let mut form = Form::open(form::body(body)?, &["status", "reason"])?;
    let payout = form.required("status", form::word(Payout::parse, "must be frozen or active"));
    let reason = form.required("reason", words());
    let read = payout.zip(reason);
    form.finish(read.map(|(payout, reason)| PayoutRequest { payout, reason }))
}

/// The citizen a body names in one of two ways.
fn subject(form: &mut Form<'_>) -> Option<Subject> {
    match form.only_one(&["citizen_id", "wallet_id"])? {
        "citizen_id" => form
            .required("citizen_id", form::parsed(NationalId::parse))
            .map(Subject::Citizen),
        _ => form
            .required("wallet_id", form::parsed(WalletId::parse))
            .map(Subject::Wallet),
    }
}

/// The citizen or merchant a body names.
fn debtor(form: &mut Form<'_>) -> Option<DebtorInput> {
    match form.only_one(&["citizen_id", "wallet_id", "merchant_id"])? {
        "merchant_id" => {
            let merchant = form.required("merchant_id", form::parsed(MerchantId::parse));
            merchant.map(DebtorInput::Merchant)
        }
        _ => subject(form).map(DebtorInput::Person),
    }
}

/// An operator's reason: what is decided about people and their money says why.
fn words() -> impl FnOnce(Value<'_>) -> Result<String, Reason> {
    form::line(1..=REASON_CHARS_MAX)
}

fn parse_action(text: &str) -> Option<bool> {
    match text {
        "bind" => Some(true),
        "release" => Some(false),
        _ => None,
    }
}
