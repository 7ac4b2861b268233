//! A batch as bytes (`docs/FORMAT.md`, "Binary batch"): fixed-size structs, read where they lie and written in one piece.
//!
//! Nothing is parsed and nothing is allocated for an element, unless it is answered with a problem. Numbers are
//! little-endian and need no alignment, since a body begins wherever the socket's buffer has it.

use super::batch::{BATCH_LEN_MAX, Batch};
use super::problem::{FieldError, Problem};
use super::render::{AuthorizationAnswer, BatchResult};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use satang_core::ids::{IdError, MerchantId, Name, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::record::AuthorizationRecord;
use satang_core::request::{AuthorizationRequest, Purchase};
use zerocopy::little_endian::{I32, I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The content type of both the request and its answer.
pub const CONTENT_TYPE_BATCH: &str = "application/vnd.satang.batch";
/// The most names a table may have: each element may bring two of its own (I12).
pub const NAMES_LEN_MAX: usize = 2 * BATCH_LEN_MAX;

const REQUEST_MAGIC: [u8; 4] = *b"SATB";
const ANSWER_MAGIC: [u8; 4] = *b"SATA";
const VERSION: u16 = 1;
/// The name table is padded with zeros to a multiple of this.
const NAMES_UNIT: usize = 8;

const FLAG_APPROVED: u8 = 1;
const FLAG_REPLAYED: u8 = 1 << 1;

const _: () = assert!(size_of::<RequestHeader>() == 16);
const _: () = assert!(size_of::<RequestElement>() == 48);
const _: () = assert!(size_of::<AnswerHeader>() == 16);
const _: () = assert!(size_of::<AnswerElement>() == 64);

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RequestHeader {
    magic: [u8; 4],
    version: U16,
    names: U16,
    count: U32,
    names_bytes: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RequestElement {
    /// As printed: the first byte is the first two digits.
    txn_id: [u8; 16],
    wallet: U64,
    merchant: U64,
    amount: U32,
    /// 0: the whole amount.
    eligible: U32,
    program: U16,
    channel: U16,
    reserved: U32,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct AnswerHeader {
    magic: [u8; 4],
    version: U16,
    reserved: U16,
    count: U32,
    tail_bytes: U32,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct AnswerElement {
    sequence: U64,
    decided_at_ms: I64,
    business_date: I32,
    state_amount: U32,
    citizen_amount: U32,
    remaining: [U32; 4],
    problem_offset: U32,
    problem_bytes: U32,
    /// 0 when decided, otherwise the problem's.
    status: U16,
    response_code: [u8; 2],
    reason: u8,
    flags: u8,
    /// 1 + the cap that cut the share, 0 for none.
    limited_by: u8,
    /// Bit n: `remaining` has the cap of period n.
    caps: u8,
    reserved: U32,
}

/// Whether a request says that its body is a binary batch. Parameters do not matter, nor does the case.
pub fn is_batch(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .map_or(&[][..], |value| value.as_bytes());
    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii()
        .eq_ignore_ascii_case(CONTENT_TYPE_BATCH.as_bytes())
}

/// Reads a batch; a malformed element is a problem in its place.
///
/// # Errors
/// The 400 of a malformed batch: a header that cannot be, another length than it tells, or a name table with a bad name.
pub fn batch(body: &[u8]) -> Result<Batch<AuthorizationRequest>, Problem> {
    let fault = |field: &str, reason: String| Err(Problem::malformed_field(field, reason));
    let Ok((header, rest)) = RequestHeader::ref_from_prefix(body) else {
        return fault(
            "",
            format!("must have a header of {} bytes", size_of::<RequestHeader>()),
        );
    };
    if header.magic != REQUEST_MAGIC {
        return fault("magic", "must be SATB".into());
    }
    if header.version.get() != VERSION {
        return fault("version", format!("must be {VERSION}"));
    }
    let (count, names, names_bytes) = (
        header.count.get() as usize,
        usize::from(header.names.get()),
        header.names_bytes.get() as usize,
    );
    if !(1..=BATCH_LEN_MAX).contains(&count) {
        return fault("count", format!("must be 1 to {BATCH_LEN_MAX}"));
    }
    if names > NAMES_LEN_MAX {
        return fault("names", format!("must be at most {NAMES_LEN_MAX}"));
    }
    let wanted = size_of::<RequestHeader>() + names_bytes + count * size_of::<RequestElement>();
    if body.len() != wanted {
        return fault(
            "",
            format!("must have {wanted} bytes by its header, not {}", body.len()),
        );
    }
    let (table, elements) = rest.split_at(names_bytes);
    let names = read_names(table, names)?;
    let elements = <[RequestElement]>::ref_from_bytes(elements).expect("the length was compared");
    let mut batch = Batch::with_capacity(count);
    for element in elements {
        match element.read(&names) {
            Some(request) => batch.push(request),
            None => batch.push_malformed(Problem::malformed(element.faults(&names))),
        }
    }
    Ok(batch)
}

/// The table of names: for each a byte that counts and that many characters; then zeros.
fn read_names(table: &[u8], len: usize) -> Result<Vec<Name>, Problem> {
    let mut names = Vec::with_capacity(len);
    let mut rest = table;
    for index in 0..len {
        let read = rest
            .split_first()
            .and_then(|(chars, after)| after.split_at_checked((*chars).into()));
        let Some((text, after)) = read else {
            let reason = format!("must hold {len} names, and entry {index} does not fit");
            return Err(Problem::malformed_field("names_bytes", reason));
        };
        let name = core::str::from_utf8(text)
            .map_err(|_| IdError::NotName)
            .and_then(Name::parse);
        let wrong = |error| Problem::malformed_field("names", format!("entry {index} {error}"));
        names.push(name.map_err(wrong)?);
        rest = after;
    }
    let padded = (table.len() - rest.len()).next_multiple_of(NAMES_UNIT);
    if table.len() != padded {
        let reason = format!("must be {padded} for these names");
        return Err(Problem::malformed_field("names_bytes", reason));
    }
    match rest.iter().all(|byte| *byte == 0) {
        true => Ok(names),
        false => Err(Problem::malformed_field("names", "must end in zeros")),
    }
}

impl RequestElement {
    /// The request, or `None` when [`RequestElement::faults`] has something to say.
    fn read(&self, names: &[Name]) -> Option<AuthorizationRequest> {
        let amount = self.amount();
        let eligible = self.eligible.get();
        let eligible = if eligible == 0 {
            amount
        } else {
            u64::from(eligible)
        };
        if !(1..=Satang::BILL_MAX.get()).contains(&amount) || eligible > amount || self.reserved.get() != 0 {
            return None;
        }
        Some(AuthorizationRequest {
            txn_id: TxnId::from_bits(u128::from_be_bytes(self.txn_id)),
            purchase: Purchase {
                program: *names.get(usize::from(self.program.get()))?,
                wallet: WalletId::try_from_number(self.wallet.get()).ok()?,
                merchant: MerchantId::try_from_number(self.merchant.get()).ok()?,
                channel: *names.get(usize::from(self.channel.get()))?,
                amount: Satang::new(amount),
                eligible: Satang::new(eligible),
            },
        })
    }

    fn amount(&self) -> u64 {
        u64::from(self.amount.get())
    }

    /// Everything that is wrong, under the names and in the order of the JSON fields.
    #[cold]
    fn faults(&self, names: &[Name]) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, reason: String| {
            let field = field.to_owned();
            faults.push(FieldError { field, reason });
        };
        let has_no_name = |index: U16| usize::from(index.get()) >= names.len();
        let no_name = || format!("must be an index below {}, the number of names", names.len());
        if has_no_name(self.program) {
            fault("program", no_name());
        }
        if let Err(error) = WalletId::try_from_number(self.wallet.get()) {
            fault("wallet_id", error.to_string());
        }
        if let Err(error) = MerchantId::try_from_number(self.merchant.get()) {
            fault("merchant_id", error.to_string());
        }
        if has_no_name(self.channel) {
            fault("channel", no_name());
        }
        let is_bill = (1..=Satang::BILL_MAX.get()).contains(&self.amount());
        if !is_bill {
            fault("amount", format!("must be 1 to {}", Satang::BILL_MAX.get()));
        }
        // Without a readable amount only the widest bound can be held against the eligible part.
        let most = if is_bill {
            self.amount()
        } else {
            Satang::BILL_MAX.get()
        };
        if u64::from(self.eligible.get()) > most {
            fault("eligible_amount", format!("must be 1 to {most}"));
        }
        if self.reserved.get() != 0 {
            fault("reserved", "must be 0".into());
        }
        assert!(!faults.is_empty(), "an element is malformed for a reason");
        faults
    }
}

/// The answer to a batch of `len` elements, results in their order.
///
/// # Panics
/// When there are not `len` results.
pub fn answer<'a>(
    len: usize,
    results: impl IntoIterator<Item = BatchResult<'a, AuthorizationAnswer<'a>>>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(size_of::<AnswerHeader>() + len * size_of::<AnswerElement>());
    out.extend_from_slice(&[0; size_of::<AnswerHeader>()]);
    let mut tail = Vec::new();
    for result in results {
        let element = match result {
            BatchResult::Outcome(answer) => AnswerElement::decided(answer.record, answer.replayed),
            BatchResult::Problem(problem) => AnswerElement::problem(problem, &mut tail),
        };
        out.extend_from_slice(element.as_bytes());
    }
    let wanted = size_of::<AnswerHeader>() + len * size_of::<AnswerElement>();
    assert_eq!(out.len(), wanted, "every element has a result");
    let header = AnswerHeader {
        magic: ANSWER_MAGIC,
        version: VERSION.into(),
        reserved: 0.into(),
        count: bounded(len),
        tail_bytes: bounded(tail.len()),
    };
    out[..size_of::<AnswerHeader>()].copy_from_slice(header.as_bytes());
    out.extend_from_slice(&tail);
    out
}

impl AnswerElement {
    fn decided(record: &AuthorizationRecord, replayed: bool) -> AnswerElement {
        let (reason, at) = (record.reason(), record.header.at());
        let approved = if record.approved() { FLAG_APPROVED } else { 0 };
        let replayed = if replayed { FLAG_REPLAYED } else { 0 };
        let code = reason.response_code().as_bytes();
        let mut element = AnswerElement {
            sequence: record.header.sequence.into(),
            decided_at_ms: at.unix_ms().into(),
            business_date: at.business_date().days().into(),
            state_amount: record.state().get_u32().into(),
            citizen_amount: record.citizen().get_u32().into(),
            response_code: code.try_into().expect("a response code has two characters"),
            reason: reason as u8,
            flags: approved | replayed,
            limited_by: record.limited_by().map_or(0, |period| 1 + period as u8),
            ..AnswerElement::EMPTY
        };
        if reason.shows_remaining() {
            for (period, room) in record.rooms_after() {
                element.remaining[period as usize] = room.get_u32().into();
                element.caps |= 1 << period as u8;
            }
        }
        element
    }

    /// An element that was not decided; why goes into the tail, as it stands in a JSON batch.
    #[cold]
    fn problem(problem: &Problem, tail: &mut Vec<u8>) -> AnswerElement {
        let offset = tail.len();
        problem.write(tail);
        AnswerElement {
            status: problem.status.into(),
            problem_offset: bounded(offset),
            problem_bytes: bounded(tail.len() - offset),
            ..AnswerElement::EMPTY
        }
    }

    const EMPTY: AnswerElement = AnswerElement {
        sequence: U64::ZERO,
        decided_at_ms: I64::ZERO,
        business_date: I32::ZERO,
        state_amount: U32::ZERO,
        citizen_amount: U32::ZERO,
        remaining: [U32::ZERO; 4],
        problem_offset: U32::ZERO,
        problem_bytes: U32::ZERO,
        status: U16::ZERO,
        response_code: [0; 2],
        reason: 0,
        flags: 0,
        limited_by: 0,
        caps: 0,
        reserved: U32::ZERO,
    };
}

fn bounded(number: usize) -> U32 {
    u32::try_from(number)
        .expect("10,000 problems of 16 faults fit")
        .into()
}
