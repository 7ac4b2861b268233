//! Administrative records: rare, of any length.

use super::coding::{Decoder, Encoder};
use super::{
    BenefitNumber, DeskRecord, Earlier, ID_END, NameNumber, RECORD_UNIT, RecordHeader, RecordKind,
    Replacement, finish,
};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{HouseholdId, MerchantId, Name, PersonId, WalletId};
use crate::policy::Category;
use zerocopy::IntoBytes;

/// A change made by an operator or at start: rare, of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRecord {
    /// A name got its number.
    Name {
        /// The number.
        number: NameNumber,
        /// The name.
        name: Name,
    },
    /// The full text of a rule version.
    RuleVersion {
        /// The version's number, dense from 1.
        number: u32,
        /// The number of the programme's name.
        program: NameNumber,
        /// The numbers of its benefits, in the order of the file.
        benefits: Vec<BenefitNumber>,
        /// The file's name.
        file: String,
        /// The file's text; its BLAKE3 hash is the version's hash.
        text: String,
    },
    /// Which rule versions are in force, per programme from the oldest to the newest; the last one that is effective counts.
    RulesInForce(Vec<(NameNumber, Vec<u32>)>),
    /// A merchant was registered or changed.
    Merchant(Merchant),
    /// A wallet was suspended or made active.
    WalletStatus {
        /// The wallet.
        wallet: WalletId,
        /// Its new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A citizen's right in one programme ended, and one in another began.
    Moved(Moved),
    /// A citizen got a new wallet in place of an old one.
    Replacement(Replacement),
    /// A programme was paused or resumed.
    ProgramStatus {
        /// The number of the programme's name.
        program: NameNumber,
        /// Its new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The desk decided something.
    Desk(DeskRecord),
}

/// Whether a merchant, wallet or programme takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It takes part.
    Active = 0,
    /// An operator stopped it.
    Suspended = 1,
}

impl Status {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
        }
    }

    /// The status of this name in JSON, or `None`.
    pub fn parse(text: &str) -> Option<Status> {
        [Status::Active, Status::Suspended]
            .into_iter()
            .find(|status| status.name() == text)
    }
}

/// A citizen who moved from one programme to another, through the same wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The wallet.
    pub wallet: WalletId,
    /// Whose it is.
    pub person: PersonId,
    /// The programme whose right ended.
    pub from: NameNumber,
    /// The benefit whose slot kept it.
    pub from_benefit: BenefitNumber,
    /// The programme in which the citizen holds a right from now on.
    pub to: NameNumber,
    /// The benefit whose slot keeps it.
    pub to_benefit: BenefitNumber,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier; unknown for none.
    pub tier: NameNumber,
    /// The first date the new right may be used, when one was given.
    pub usable_from: Option<BusinessDate>,
    /// What the citizen's earlier right in the new programme leaves to the new one.
    pub earlier: Option<Earlier>,
    /// When the new right was registered.
    pub at: Instant,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A merchant as the record keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id in the merchant app.
    pub id: MerchantId,
    /// What it sells.
    pub category: Category,
    /// Whether it takes part.
    pub status: Status,
    /// The programmes it takes part in.
    pub programs: Vec<NameNumber>,
    /// The channels it sells through.
    pub channels: Vec<NameNumber>,
    /// Its name.
    pub name: String,
    /// Its province.
    pub province: Option<String>,
    /// Its bank account, 10 digits.
    pub bank_account: Option<String>,
    /// The account holder.
    pub account_name: Option<String>,
}

impl AdminRecord {
    /// The finished record of a change made by the caller whose key has the name `by`; `None` without keys, and for what the
    /// process does by itself.
    pub fn encode(&self, at: Instant, by: Option<&Name>) -> Vec<u8> {
        let mut encoder = Encoder {
            bytes: vec![0; size_of::<RecordHeader>()],
        };
        encoder.text(by.map_or("", Name::as_str));
        let kind = self.encode_body(&mut encoder);
        let mut bytes = encoder.bytes;
        bytes.resize(bytes.len().next_multiple_of(RECORD_UNIT), 0);
        let header = RecordHeader::new(kind, at, 0, bytes.len());
        bytes[..size_of::<RecordHeader>()].copy_from_slice(header.as_bytes());
        finish(&mut bytes);
        bytes
    }

    fn encode_body(&self, to: &mut Encoder) -> RecordKind {
        match self {
            AdminRecord::Name { number, name } => {
                to.u16(number.0);
                to.text(name.as_str());
                RecordKind::Name
            }
            AdminRecord::RuleVersion {
                number,
                program,
                benefits,
                file,
                text,
            } => {
                to.u32(*number);
                to.u16(program.0);
                to.numbers(benefits.iter().map(|benefit| benefit.0));
                to.text(file);
                to.text(text);
                RecordKind::RuleVersion
            }
            AdminRecord::RulesInForce(programs) => {
                to.u16(programs.len() as u16);
                for (program, versions) in programs {
                    to.u16(program.0);
                    to.u16(versions.len() as u16);
                    versions.iter().for_each(|version| to.u32(*version));
                }
                RecordKind::RulesInForce
            }
            AdminRecord::Merchant(merchant) => {
                to.u64(merchant.id.number());
                to.u16(u16::from(merchant.category as u8) | u16::from(merchant.status as u8) << 8);
                to.numbers(merchant.programs.iter().map(|name| name.0));
                to.numbers(merchant.channels.iter().map(|name| name.0));
                to.text(&merchant.name);
                for optional in [&merchant.province, &merchant.bank_account, &merchant.account_name] {
                    to.u16(u16::from(optional.is_some()));
                    to.text(optional.as_deref().unwrap_or(""));
                }
                RecordKind::Merchant
            }
            AdminRecord::WalletStatus {
                wallet,
                status,
                reason,
            } => {
                to.u64(wallet.number());
                to.u16(u16::from(*status as u8));
                to.text(reason);
                RecordKind::WalletStatus
            }
            AdminRecord::Moved(moved) => {
                to.u64(moved.wallet.number());
                to.u64(moved.person.number());
                to.u16(moved.from.0);
                to.u16(moved.from_benefit.0);
                to.u16(moved.to.0);
                to.u16(moved.to_benefit.0);
                to.optional(moved.household.map(HouseholdId::number));
                to.u16(moved.tier.0);
                to.optional(moved.usable_from.map(|date| u64::from(date.days() as u32)));
                let (used, earlier) = Earlier::to_number(moved.earlier);
                to.u64(earlier);
                to.u16(u16::from(used));
                to.u64(moved.at.unix_ms() as u64);
                to.text(&moved.reason);
                RecordKind::Moved
            }
            AdminRecord::ProgramStatus {
                program,
                status,
                reason,
            } => {
                to.u16(program.0);
                to.u16(u16::from(*status as u8));
                to.text(reason);
                RecordKind::ProgramStatus
            }
            AdminRecord::Replacement(replacement) => {
                replacement.encode(to);
                RecordKind::Replacement
            }
            AdminRecord::Desk(desk) => {
                desk.encode(to);
                RecordKind::Desk
            }
        }
    }

    /// Who made the change, and the change.
    pub(super) fn decode(kind: RecordKind, body: &[u8]) -> Option<(Option<Name>, AdminRecord)> {
        let mut from = Decoder { rest: body };
        let by = match from.text()? {
            "" => None,
            name => Some(Name::parse(name).ok()?),
        };
        let record = match kind {
            RecordKind::Name => AdminRecord::Name {
                number: NameNumber(from.u16()?),
                name: Name::parse(from.text()?).ok()?,
            },
            RecordKind::RuleVersion => AdminRecord::RuleVersion {
                number: from.u32()?,
                program: NameNumber(from.u16()?),
                benefits: from.numbers()?.map(BenefitNumber).collect(),
                file: from.text()?.to_owned(),
                text: from.text()?.to_owned(),
            },
            RecordKind::RulesInForce => {
                let count = from.u16()?;
                let program = |from: &mut Decoder<'_>| {
                    let (name, versions) = (NameNumber(from.u16()?), from.u16()?);
                    Some((
                        name,
                        (0..versions).map(|_| from.u32()).collect::<Option<Vec<u32>>>()?,
                    ))
                };
                AdminRecord::RulesInForce((0..count).map(|_| program(&mut from)).collect::<Option<_>>()?)
            }
            RecordKind::Merchant => AdminRecord::Merchant(decode_merchant(&mut from)?),
            RecordKind::WalletStatus => AdminRecord::WalletStatus {
                wallet: from.fifteen_digits().map(WalletId::from_number)?,
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            RecordKind::ProgramStatus => AdminRecord::ProgramStatus {
                program: NameNumber(from.u16()?),
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            RecordKind::Moved => AdminRecord::Moved(decode_moved(&mut from)?),
            RecordKind::Replacement => AdminRecord::Replacement(Replacement::decode(&mut from)?),
            RecordKind::Desk => AdminRecord::Desk(DeskRecord::decode(&mut from)?),
            RecordKind::Authorization
            | RecordKind::Reversal
            | RecordKind::Capture
            | RecordKind::Void
            | RecordKind::CutOver
            | RecordKind::Enrollment
            | RecordKind::Registration
            | RecordKind::Listed => return None,
        };
        Some((by, record))
    }
}

fn decode_moved(from: &mut Decoder<'_>) -> Option<Moved> {
    let wallet = from.fifteen_digits().map(WalletId::from_number)?;
    let person = PersonId::from_number(from.u64()?)?;
    let (of, of_benefit) = (NameNumber(from.u16()?), BenefitNumber(from.u16()?));
    let (to, to_benefit) = (NameNumber(from.u16()?), BenefitNumber(from.u16()?));
    let household = from.optional(|number| HouseholdId::try_from_number(number).ok())?;
    let tier = NameNumber(from.u16()?);
    let usable_from =
        from.optional(|days| Some(BusinessDate::from_days(u32::try_from(days).ok()? as i32)))?;
    let earlier = from.u64()?;
    let used = from.flag()?;
    let possible = of_benefit.is_possible() && to_benefit.is_possible();
    let possible = possible && earlier <= ID_END && (earlier != 0 || !used);
    possible.then_some(())?;
    Some(Moved {
        wallet,
        person,
        from: of,
        from_benefit: of_benefit,
        to,
        to_benefit,
        household,
        tier,
        usable_from,
        earlier: Earlier::from_number(used, earlier),
        at: Instant::from_unix_ms(from.u64()? as i64),
        reason: from.text()?.to_owned(),
    })
}

fn decode_merchant(from: &mut Decoder<'_>) -> Option<Merchant> {
    let id = from.fifteen_digits().map(MerchantId::from_number)?;
    let packed = from.u16()?;
    let category = *Category::ALL.get(usize::from(packed & 0xFF))?;
    let status = if packed >> 8 == 0 {
        Status::Active
    } else {
        Status::Suspended
    };
    let programs = from.numbers()?.map(NameNumber).collect();
    let channels = from.numbers()?.map(NameNumber).collect();
    let name = from.text()?.to_owned();
    let mut optional = || {
        let present = from.u16()? != 0;
        let text = from.text()?.to_owned();
        Some(present.then_some(text))
    };
    Some(Merchant {
        id,
        category,
        status,
        programs,
        channels,
        name,
        province: optional()?,
        bank_account: optional()?,
        account_name: optional()?,
    })
}
