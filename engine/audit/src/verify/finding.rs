//! What can be found not to agree, and how it is said. `verify` prints these words: they stay as they are.

use super::head::Head;
use satang_core::calendar::BusinessDate;
use satang_core::ids::Name;
use satang_core::money::{Baht, Satang};
use satang_core::outcome::Reason;
use satang_core::programme::PolicyError;
use satang_core::record::{Closing, RecordError};
use satang_core::state::apply::ApplyError;
use satang_core::state::casework::Block;
use satang_core::state::dedup::{IdEntry, IdFact, TxnState};
use satang_engine::ids::index::IdIndexDamage;
use satang_engine::recovery::replay::DateError;
use satang_engine::snapshot::SnapshotDamage;
use std::fmt::{self, Debug};

/// One thing that does not agree with the rest of the journal, or a file that does not agree with the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    // Of any record.
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("its bytes are not those of what it says")]
    NotCanonical,
    #[error("{}", Joined(.0))]
    Differs(Vec<Difference>),
    #[error("its time is impossible")]
    TimeImpossible,
    #[error("its time is before the last record's")]
    TimeGoesBack,
    #[error("its {0} is impossible")]
    DateImpossible(&'static str),
    #[error(transparent)]
    Date(#[from] DateError),
    #[error("the name of its caller was never introduced")]
    CallerUnnamed,
    #[error("recorded, though it is to be refused {0}")]
    Refused(&'static str),
    #[error("it changes nothing, and would not have been recorded")]
    Unchanged,
    /// An id was decided twice (I5).
    #[error("I5: its {id} has an outcome already, record {first}")]
    Repeated {
        /// The name of its field.
        id: &'static str,
        /// The sequence of the record with the outcome.
        first: u64,
    },

    // Of purchases, reversals and what ends a hold.
    #[error("its programme or channel has no name")]
    Unnamed,
    #[error("decided without what the citizen drew elsewhere, or without the household")]
    DecidedAlone,
    #[error("its hold does not last whole seconds, up to a week")]
    HoldImpossible,
    #[error("recorded {}, though no reversal came before it", .0.name())]
    NotReversedBefore(Reason),
    #[error("recorded {}, though it was reversed before it arrived", .0.name())]
    ReversedBefore(Reason),
    #[error("it repeats the void that its id was answered with")]
    RepeatsVoid,

    // Of rights.
    #[error("it names no person, though the decision depends on it")]
    NoPerson,
    #[error("its person was told so before: it would not have been recorded")]
    ToldBefore,
    #[error("its programme is not in force")]
    ProgramNotInForce,
    #[error("one of its programmes is not in force")]
    OneProgramNotInForce,
    #[error("the programme has no such tier")]
    NoSuchTier,
    #[error("the new programme has no such tier")]
    NoSuchTierInNew,
    #[error("what is decided now is another move")]
    OtherMove,
    #[error("its wallets are one")]
    OneWallet,
    #[error("the old wallet is not its person's")]
    WalletOfAnother,
    #[error("it repeats the record of sequence {0}")]
    RepeatsReplacement(u64),
    #[error("what is decided now is another replacement")]
    OtherReplacement,
    #[error("the name of its list was never introduced")]
    ListUnnamed,
    #[error("its person is on the list already")]
    ListedAlready,

    // Of administration and casework.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the name {0} has the number {1} already")]
    NameKnown(Name, u16),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("its text is of {0}, its number is not")]
    TextOfAnother(Name),
    #[error("its text has a number already")]
    TextKnown,
    #[error("its programmes are not in order")]
    ProgramsNotInOrder,
    #[error("rule {rule} is not of programme {program}")]
    RuleOfAnother { rule: u32, program: u16 },
    #[error("a programme of it has no name")]
    ProgramUnnamed,
    #[error("it says wrongly whether the merchant returns")]
    ReturningWrong,
    #[error("it reaches other wallets than the citizen's")]
    OtherWallets,
    #[error("the name {} was never introduced", .0.name())]
    BlockUnnamed(Block),
    #[error("no authorization of its txn_id was approved")]
    NotApproved,
    #[error("nobody withdrew a consent with its case")]
    NotWithdrawn,
    #[error("it says that {owed} is owed, received was {received}")]
    ReceivedOther { owed: Satang, received: Satang },

    // Of the journal.
    #[error("one copy of the header is damaged, the other is whole")]
    HeaderCopyDamaged,
    #[error("the chain does not pass through {0}")]
    ChainElsewhere(Head),
    /// I4; the sums are in satang.
    #[error(
        "I4 broken in programme {program}: {} baht used in slots, {} authorised, {} given back",
        Baht(*.used),
        Baht(*.all),
        Baht(*.given_back)
    )]
    MoneyNotKept {
        program: u16,
        used: u128,
        all: u128,
        given_back: u128,
    },

    // Of indexes of old days, and snapshots.
    /// What the operating system says.
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    IndexDamaged(#[from] IdIndexDamage),
    #[error(transparent)]
    SnapshotDamaged(#[from] SnapshotDamage),
    #[error("no date has this name")]
    NoDate,
    #[error("the ids of this date have not left memory")]
    NotLeft,
    #[error("the entry of an id is missing: {}", Entry(.0))]
    EntryMissing(IdEntry),
    #[error("no record says what an entry says: {}", Entry(.0))]
    EntryUnfounded(IdEntry),
    #[error("it holds records through sequence {through}, the journal ends at {last}")]
    SnapshotAhead { through: u64, last: u64 },
    #[error("the index of {0} it was taken with is not there")]
    IndexGone(BusinessDate),
}

/// A field of two records of one decision, as `Debug` writes its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} recorded {recorded}, decided {decided}")]
pub struct Difference {
    pub field: &'static str,
    pub recorded: String,
    /// What is decided now.
    pub decided: String,
}

impl Difference {
    /// A field with these values.
    pub fn of<T: Debug>(field: &'static str, recorded: T, decided: T) -> Difference {
        Difference {
            field,
            recorded: format!("{recorded:?}"),
            decided: format!("{decided:?}"),
        }
    }
}

struct Joined<'f>(&'f [Difference]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{difference}")?;
        }
        Ok(())
    }
}

struct Entry<'f>(&'f IdEntry);

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry(entry) = self;
        let place = format!("record {}", entry.sequence());
        match entry.fact() {
            Some(IdFact::Txn) => match entry.txn_state() {
                TxnState::New => write!(f, "an authorization's id that is new, {place}"),
                TxnState::Tombstone { .. } => {
                    write!(f, "an authorization's id, reversed and not arrived yet, {place}")
                }
                TxnState::Seen { tombstone: true, .. } => {
                    write!(f, "an authorization's id, reversed before it arrived, {place}")
                }
                TxnState::Seen { tombstone: false, .. } => {
                    write!(f, "an authorization's id, {place}")
                }
            },
            Some(IdFact::Reversal) => write!(f, "a reversal's id, {place}"),
            Some(IdFact::Closing) => match entry.closing().0 {
                Closing::Captured => write!(f, "a hold's capture, {place}"),
                Closing::Voided => write!(f, "a hold's void, {place}"),
            },
            Some(IdFact::Registration) => write!(f, "a registration's id, {place}"),
            Some(IdFact::Reversed) => write!(f, "given back, {place}"),
            None => f.write_str("nothing known"),
        }
    }
}
