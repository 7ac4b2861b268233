//! The record of a reversal, of a hold's capture or void, and what they must know of their original.

use super::bytes::fixed_size;
use super::extension::Funding;
use super::{
    Authorization, BenefitNumber, FLAG_APPROVED, ID_END, NameNumber, RecordError, RecordHeader, RecordKind,
    SEQUENCE_END,
};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{HouseholdId, MerchantId, ReversalId, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::{ReversalCause, ReversalReason};
use crate::programme::{CapPeriod, SOURCES_MAX};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// In the header's flags: the original had arrived, and was declined, before this reversal.
const FLAG_LATE: u8 = 2;

/// In the header's flags: the reversal voided an open hold.
const FLAG_VOIDS: u8 = 4;

/// What is done to an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnKind {
    /// It is reversed, all of it or a part.
    Reversal,
    /// A hold is captured: what is not is given back.
    Capture,
    /// A hold is voided: all of it is given back.
    Void,
}

/// How a hold was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    Captured,
    /// It was voided, or fully reversed while it was open.
    Voided,
}

/// A reversal (or a hold's capture or void) and its outcome: 160 bytes. Fields of the original are zero when there was none.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ReversalRecord {
    pub header: RecordHeader,
    reversal_id: [u8; 16],
    txn_id: [u8; 16],
    wallet: u64,
    merchant: u64,
    original: u64,
    requested: u32,
    state: u32,
    citizen: u32,
    left: u32,
    original_date: i32,
    /// The original's rule version.
    pub rule: u32,
    program: u16,
    channel: u16,
    benefit: u16,
    cause: u8,
    reason: u8,
    previous: u64,
    /// Plus 1; 0 for none.
    household: u64,
    /// What each source gets back.
    sources: [u32; SOURCES_MAX],
    /// The state's share of the original.
    original_state: u32,
    sources_len: u8,
    period: u8,
    reserved: [u8; 2],
    /// The citizen's home wallet, plus 1; 0 when it is the wallet that paid.
    home: [u8; 8],
}

fixed_size!(ReversalRecord, 160);

/// The facts of a reversal record, as decided.
#[derive(Clone, Copy, Debug)]
pub struct ReversalFacts {
    pub act: ReturnKind,
    /// Who asked; zeros for a capture or void, which has no id of its own.
    pub reversal_id: ReversalId,
    pub txn_id: TxnId,
    pub cause: ReversalCause,
    /// What is asked back; `None` for all that is left.
    pub requested: Option<Satang>,
    /// Whether money (or a tombstone) was granted.
    pub approved: bool,
    pub reason: ReversalReason,
    /// What the state gets back.
    pub state: Satang,
    /// What the citizen gets back.
    pub citizen: Satang,
    /// What is still not given back.
    pub left: Satang,
    /// The original, when something of it is given back or captured.
    pub original: Option<OriginalFacts>,
    /// What each source gets back.
    pub funding: Option<Funding>,
    /// Whether a reversal voids an open hold.
    pub voids: bool,
    /// The sequence of the reversal before this one that gave some of the same original back.
    pub previous: Option<u64>,
    /// Whether the original, reversed before it arrived, has arrived since and was declined.
    pub late: bool,
}

/// What a reversal must know of the authorization it reverses.
#[derive(Clone, Copy, Debug)]
pub struct OriginalFacts {
    /// The sequence of its record.
    pub sequence: u64,
    pub wallet: WalletId,
    /// Where the purchase was made.
    pub merchant: MerchantId,
    pub program: NameNumber,
    pub channel: NameNumber,
    /// The benefit it drew on.
    pub benefit: BenefitNumber,
    pub rule: u32,
    /// The date whose buckets it took room in.
    pub date: BusinessDate,
    /// The bill, `G`.
    pub amount: Satang,
    /// The state's share, `S`.
    pub state: Satang,
    /// The household whose room it took.
    pub household: Option<HouseholdId>,
    /// The citizen's home wallet, whose room it took, when it is another one than the wallet that paid.
    pub home: Option<WalletId>,
    /// What each source paid of the state's share.
    pub funding: Option<Funding>,
    /// When it ends, if it is a hold.
    pub expires: Option<Instant>,
}

impl OriginalFacts {
    /// What a reversal must know of an authorization; `None` when it was declined.
    pub fn of(authorization: &Authorization) -> Option<OriginalFacts> {
        let Authorization { record, extension } = authorization;
        record.approved().then(|| OriginalFacts {
            household: extension.household(),
            home: extension.home(),
            funding: extension.funding(),
            expires: extension.expires(),
            sequence: record.header.sequence,
            wallet: record.wallet(),
            merchant: record.merchant(),
            program: record.program(),
            channel: record.channel(),
            benefit: record.benefit(),
            rule: record.rule,
            date: record.header.at().business_date(),
            amount: record.amount(),
            state: record.state(),
        })
    }
}

impl ReversalRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &ReversalFacts) -> ReversalRecord {
        let original = facts.original.as_ref();
        let kind = match facts.act {
            ReturnKind::Reversal => RecordKind::Reversal,
            ReturnKind::Capture => RecordKind::Capture,
            ReturnKind::Void => RecordKind::Void,
        };
        let flag = |flag: u8, on: bool| if on { flag } else { 0 };
        let flags =
            flag(FLAG_APPROVED, facts.approved) | flag(FLAG_LATE, facts.late) | flag(FLAG_VOIDS, facts.voids);
        let household = original.and_then(|o| o.household);
        ReversalRecord {
            header: RecordHeader::new(kind, at, NameNumber::UNKNOWN, flags, size_of::<ReversalRecord>()),
            reversal_id: facts.reversal_id.bits().to_le_bytes(),
            txn_id: facts.txn_id.bits().to_le_bytes(),
            wallet: original.map_or(0, |o| o.wallet.number()),
            merchant: original.map_or(0, |o| o.merchant.number()),
            original: original.map_or(0, |o| o.sequence),
            requested: facts.requested.map_or(0, Satang::get_u32),
            state: facts.state.get_u32(),
            citizen: facts.citizen.get_u32(),
            left: facts.left.get_u32(),
            original_date: original.map_or(0, |o| o.date.days()),
            rule: original.map_or(0, |o| o.rule),
            program: original.map_or(0, |o| o.program.0),
            channel: original.map_or(0, |o| o.channel.0),
            benefit: original.map_or(0, |o| o.benefit.0),
            cause: facts.cause as u8,
            reason: facts.reason as u8,
            previous: facts.previous.unwrap_or(0),
            household: household.map_or(0, |household| household.number() + 1),
            sources: facts.funding.map_or([0; SOURCES_MAX], |funding| funding.paid),
            original_state: original.map_or(0, |o| o.state.get_u32()),
            sources_len: facts.funding.map_or(0, |funding| funding.len),
            period: facts.funding.map_or(0, |funding| funding.period as u8),
            reserved: [0; 2],
            home: original
                .and_then(|o| o.home)
                .map_or(0, |home| home.number() + 1)
                .to_le_bytes(),
        }
    }

    /// Whether it was a reversal, a capture or a void.
    pub fn act(&self) -> ReturnKind {
        match RecordKind::from_number(self.header.kind) {
            Some(RecordKind::Capture) => ReturnKind::Capture,
            Some(RecordKind::Void) => ReturnKind::Void,
            _ => ReturnKind::Reversal,
        }
    }

    /// How it closes a hold; `None` when it closes none.
    pub fn closes(&self) -> Option<Closing> {
        match self.act() {
            ReturnKind::Capture if self.gives_back() => Some(Closing::Captured),
            ReturnKind::Void if self.gives_back() => Some(Closing::Voided),
            ReturnKind::Reversal if self.header.flags & FLAG_VOIDS != 0 => Some(Closing::Voided),
            ReturnKind::Capture | ReturnKind::Void | ReturnKind::Reversal => None,
        }
    }

    /// The wallet to whose room goes what is given back: the citizen's home wallet, or else the one that paid.
    pub fn home(&self) -> WalletId {
        match u64::from_le_bytes(self.home).checked_sub(1) {
            Some(home) => WalletId::from_number(home),
            None => self.wallet(),
        }
    }

    /// The household whose room the original took.
    pub fn household(&self) -> Option<HouseholdId> {
        self.household.checked_sub(1).map(HouseholdId::from_number)
    }

    /// What each source gets back; `None` when the original's benefit names none, or nothing is given back.
    pub fn funding(&self) -> Option<Funding> {
        (self.sources_len != 0).then(|| Funding {
            paid: self.sources,
            len: self.sources_len,
            period: CapPeriod::ALL[usize::from(self.period)],
        })
    }

    /// The state's part of what was captured, and the citizen's; zeros unless it is an approved capture.
    pub fn captured(&self) -> (Satang, Satang) {
        if self.closes() != Some(Closing::Captured) {
            return (Satang::ZERO, Satang::ZERO);
        }
        let state = Satang::new(u64::from(self.original_state))
            .checked_sub(self.state())
            .expect("checked when the record was read");
        let citizen = self.left().checked_sub(state);
        (state, citizen.expect("checked when the record was read"))
    }

    /// The id that the payment switch gave the request.
    pub fn reversal_id(&self) -> ReversalId {
        ReversalId::from_bits(u128::from_le_bytes(self.reversal_id))
    }

    /// The id of the authorization that is reversed, captured or voided.
    pub fn txn_id(&self) -> TxnId {
        TxnId::from_bits(u128::from_le_bytes(self.txn_id))
    }

    /// Whose entitlement the original drew on.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Where the original was made.
    pub fn merchant(&self) -> MerchantId {
        MerchantId::from_number(self.merchant)
    }

    /// The benefit the original drew on; none when nothing is given back.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The programme the original drew on.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The channel of the original.
    pub fn channel(&self) -> NameNumber {
        NameNumber(self.channel)
    }

    /// The date of the original.
    pub fn original_date(&self) -> BusinessDate {
        BusinessDate::from_days(self.original_date)
    }

    /// The sequence of the original's record; `None` when nothing is given back.
    pub fn original(&self) -> Option<u64> {
        (self.original != 0).then_some(self.original)
    }

    /// The sequence of the reversal before this one that gave some of the same original back: each leads to the one before it.
    pub fn previous(&self) -> Option<u64> {
        (self.previous != 0).then_some(self.previous)
    }

    /// What was asked back; `None` for all that is left.
    pub fn requested(&self) -> Option<Satang> {
        (self.requested != 0).then(|| Satang::new(u64::from(self.requested)))
    }

    /// What the state gets back.
    pub fn state(&self) -> Satang {
        Satang::new(u64::from(self.state))
    }

    /// What the citizen gets back.
    pub fn citizen(&self) -> Satang {
        Satang::new(u64::from(self.citizen))
    }

    /// What is still not given back of an approved original.
    pub fn left(&self) -> Satang {
        Satang::new(u64::from(self.left))
    }

    /// Why the switch reversed.
    pub fn cause(&self) -> ReversalCause {
        ReversalCause::from_number(self.cause).expect("checked when the record was read")
    }

    /// Why it was decided as it was.
    pub fn reason(&self) -> ReversalReason {
        ReversalReason::from_number(self.reason).expect("checked when the record was read")
    }

    /// Whether money (or a tombstone) was granted.
    pub fn approved(&self) -> bool {
        self.header.flags & FLAG_APPROVED != 0
    }

    /// Whether the record plants (or repeats) a tombstone: an id whose original has arrived since keeps that.
    pub fn is_tombstone(&self) -> bool {
        let late = self.header.flags & FLAG_LATE != 0;
        self.approved() && self.reason() == ReversalReason::OriginalNotFound && !late
    }

    /// Whether it is the void of an id whose authorization had not come, or came too late: its answer is the id's for good.
    pub fn voids_unknown(&self) -> bool {
        self.act() == ReturnKind::Void && self.approved() && self.reason() == ReversalReason::OriginalNotFound
    }

    /// Whether the record gives money back.
    pub fn gives_back(&self) -> bool {
        self.approved() && self.reason() == ReversalReason::Approved
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| Err(self.header.impossible(field));
        if ReversalReason::from_number(self.reason).is_none() {
            return fail("reason");
        }
        if ReversalCause::from_number(self.cause).is_none() {
            return fail("cause");
        }
        if self.wallet >= ID_END || self.merchant >= ID_END {
            return fail("wallet or merchant");
        }
        if self.original >= SEQUENCE_END || self.previous >= SEQUENCE_END {
            return fail("sequence");
        }
        if self.household > ID_END {
            return fail("household");
        }
        if u64::from_le_bytes(self.home) > ID_END {
            return fail("home");
        }
        if usize::from(self.sources_len) > SOURCES_MAX || usize::from(self.period) >= CapPeriod::ALL.len() {
            return fail("sources");
        }
        let captured = self.original_state.checked_sub(self.state);
        let capture = self.act() == ReturnKind::Capture && self.gives_back();
        if capture && captured.is_none_or(|captured| captured > self.left) {
            return fail("amount");
        }
        if !self.approved() && (self.state != 0 || self.citizen != 0) {
            fail("amount")
        } else {
            Ok(())
        }
    }
}
