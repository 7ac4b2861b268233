//! Reads a programme file into a [`Program`], or says where and why not. Refuses at the first thing that is wrong.

use super::reader::{Seen, Source, Table, Value};
use super::*;

const PROGRAM_KEYS: &str = "id name_th name_en exclusive_with usable_from effective_from source \
                            merchant_registration registration benefit";
const MERCHANT_REGISTRATION_KEYS: &str = "opens closes returning_closes returning_from";
const REGISTRATION_KEYS: &str = "opens closes hours quota min_age excluded_lists first_use_by returning tier";
const RETURNING_KEYS: &str = "from_program opens usable_from";
const TIER_KEYS: &str = "id required_list caps";
const BENEFIT_KEYS: &str =
    "id state_percent holder caps when_exhausted merchant_categories funded_by channel";
const FUNDING_KEYS: &str = "source up_to";
const CHANNEL_KEYS: &str = "id from to hours merchant_categories";
const CAP_KEYS: &str = "day month quarter program";

/// The oldest age a programme may ask for, in years.
const AGE_MAX: u64 = 150;

impl Program {
    /// Reads the programme file `text`; `file` is how errors name it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and key.
    pub fn load(file: &str, text: &str) -> Result<Program, PolicyError> {
        let source = Source { file, text };
        if text.len() > TEXT_BYTES_MAX {
            let reason = format!("must be at most {TEXT_BYTES_MAX} bytes, not {}", text.len());
            return Err(source.error(0, "(file)", reason));
        }
        let entries = super::syntax::parse(&source)?;
        let root = Table::root(&source, &entries, PROGRAM_KEYS)?;
        let id = root.need("id")?.name()?;
        let mut program = Program {
            id,
            name_th: root.need("name_th")?.one_line()?,
            name_en: root.need("name_en")?.one_line()?,
            exclusive_with: exclusive_with(&root, id)?,
            usable_from: optional(&root, "usable_from", Value::date)?,
            effective_from: optional(&root, "effective_from", Value::date)?,
            source: optional(&root, "source", Value::one_line)?,
            merchant_registration: optional(&root, "merchant_registration", merchant_registration)?,
            registration: None,
            benefits: benefits(&root)?,
            hash: *blake3::hash(text.as_bytes()).as_bytes(),
            text: text.to_owned(),
        };
        program.registration = optional(&root, "registration", |value| registration(value, &program))?;
        Ok(program)
    }
}

fn optional<'a, T>(
    table: &Table<'a>,
    key: &str,
    read: impl FnOnce(&Value<'a>) -> Result<T, PolicyError>,
) -> Result<Option<T>, PolicyError> {
    table.find(key).as_ref().map(read).transpose()
}

fn exclusive_with(root: &Table<'_>, id: Name) -> Result<Vec<Name>, PolicyError> {
    let Some(value) = root.find("exclusive_with") else {
        return Ok(Vec::new());
    };
    let names = value.names("a programme")?;
    match names.iter().position(|name| *name == id) {
        Some(own) => Err(value.elements(ENTRIES_MAX)?[own].error("a programme cannot exclude itself")),
        None => Ok(names),
    }
}

fn merchant_registration(value: &Value<'_>) -> Result<MerchantRegistration, PolicyError> {
    let table = value.table(MERCHANT_REGISTRATION_KEYS)?;
    Ok(MerchantRegistration {
        opens: optional(&table, "opens", Value::date)?,
        closes: closing_date(&table, "closes")?,
        returning_closes: closing_date(&table, "returning_closes")?,
        returning_from: optional(&table, "returning_from", Value::name)?,
    })
}

/// The optional date of `closes`, which `opens` must not come after.
fn closing_date(table: &Table<'_>, closes: &str) -> Result<Option<BusinessDate>, PolicyError> {
    let Some(date) = optional(table, closes, Value::date)? else {
        return Ok(None);
    };
    if let Some(opens) = table.find("opens") {
        in_order(&opens, opens.date()?, closes, date)?;
    }
    Ok(Some(date))
}

/// Refuses a first date after the last one.
fn in_order(
    first_value: &Value<'_>,
    first: BusinessDate,
    last_key: &str,
    last: BusinessDate,
) -> Result<(), PolicyError> {
    if first > last {
        Err(first_value.error(format!("{first} is after `{last_key}`, {last}")))
    } else {
        Ok(())
    }
}

fn registration(value: &Value<'_>, program: &Program) -> Result<Registration, PolicyError> {
    let table = value.table(REGISTRATION_KEYS)?;
    let excluded_lists =
        optional(&table, "excluded_lists", |value| value.names("a list"))?.unwrap_or_default();
    Ok(Registration {
        opens: table.need("opens")?.date()?,
        closes: closing_date(&table, "closes")?,
        hours: table.need("hours")?.hours()?,
        quota: optional(&table, "quota", |value| {
            value.integer(1, i64::MAX as u64, "people")
        })?,
        min_age: optional(&table, "min_age", |value| value.integer(0, AGE_MAX, "years"))?
            .map(|years| years as u8),
        first_use_by: optional(&table, "first_use_by", Value::instant)?,
        returning: optional(&table, "returning", |value| returning(value, program.id))?,
        tiers: optional(&table, "tier", |value| {
            tiers(value, &excluded_lists, &program.benefits)
        })?
        .unwrap_or_default(),
        excluded_lists,
    })
}

fn returning(value: &Value<'_>, program: Name) -> Result<Returning, PolicyError> {
    let table = value.table(RETURNING_KEYS)?;
    let from = table.need("from_program")?;
    let from_program = from.name()?;
    if from_program == program {
        return Err(from.error("must be an earlier programme, not this one"));
    }
    Ok(Returning {
        from_program,
        opens: table.need("opens")?.date()?,
        usable_from: table.need("usable_from")?.date()?,
    })
}

fn tiers(value: &Value<'_>, excluded: &[Name], benefits: &[Benefit]) -> Result<Vec<Tier>, PolicyError> {
    let mut ids = Seen::new("a tier");
    let mut lists = Seen::new("a tier for the list");
    let tier = |table: &Table<'_>| {
        let required = table.need("required_list")?;
        let tier = Tier {
            id: ids.add(&table.need("id")?)?,
            required_list: lists.add(&required)?,
            caps: tier_caps(&table.need("caps")?, benefits)?,
        };
        if excluded.contains(&tier.required_list) {
            return Err(required.error("the list is in `excluded_lists`: nobody on it can register"));
        }
        Ok(tier)
    };
    value
        .tables("registration.tier", TIERS_MAX, TIER_KEYS)?
        .iter()
        .map(tier)
        .collect()
}

/// A tier's caps by benefit; each replaces a cap the benefit has.
fn tier_caps(value: &Value<'_>, benefits: &[Benefit]) -> Result<Vec<(Name, Caps)>, PolicyError> {
    let entries = value.open_table()?.entries();
    if entries.is_empty() {
        return Err(value.error("must name a benefit and a cap, like { co-pay = { program = 240_000 } }"));
    }
    let one = |(id, value): (&str, Value<'_>)| {
        let Some(benefit) = benefits.iter().find(|benefit| benefit.id.as_str() == id) else {
            let ids: Vec<_> = benefits.iter().map(|benefit| benefit.id.as_str()).collect();
            return Err(value.error(format!(
                "there is no such benefit; the programme has {}",
                ids.join(", ")
            )));
        };
        let caps = caps(&value)?;
        for (period, _) in caps.iter() {
            if benefit.caps.get(period).is_none() {
                let cap = value.open_table()?.need(period.name())?;
                return Err(cap.error(format!("the benefit has no {} cap to replace", period.name())));
            }
        }
        Ok((benefit.id, caps))
    };
    entries.into_iter().map(one).collect()
}

fn benefits(root: &Table<'_>) -> Result<Vec<Benefit>, PolicyError> {
    let value = root
        .find("benefit")
        .ok_or_else(|| root.error("benefit", "missing; a programme has at least one [[benefit]]"))?;
    let tables = value.tables("benefit", BENEFITS_MAX, BENEFIT_KEYS)?;
    if tables.is_empty() {
        return Err(value.error("a programme has at least one [[benefit]]"));
    }
    let mut ids = Seen::new("a benefit");
    let mut benefits: Vec<Benefit> = Vec::new();
    for table in &tables {
        let id = ids.add(&table.need("id")?)?;
        let benefit = benefit(table, id, &benefits)?;
        benefits.push(benefit);
    }
    Ok(benefits)
}

fn benefit(table: &Table<'_>, id: Name, earlier: &[Benefit]) -> Result<Benefit, PolicyError> {
    let merchant_categories = categories(&table.need("merchant_categories")?, |category| {
        let other = earlier
            .iter()
            .find(|benefit| benefit.merchant_categories.contains(category))?;
        Some(format!(
            "belongs to benefit {:?} already; a category belongs to at most one benefit",
            other.id.as_str()
        ))
    })?;
    Ok(Benefit {
        id,
        state_percent: table.need("state_percent")?.integer(1, 100, "percent")? as u8,
        holder: table
            .need("holder")?
            .word(&[Holder::Person, Holder::Household].map(|h| (h.name(), h)))?,
        caps: caps(&table.need("caps")?)?,
        when_exhausted: table
            .need("when_exhausted")?
            .word(&[WhenExhausted::Decline, WhenExhausted::CitizenPays].map(|w| (w.name(), w)))?,
        merchant_categories,
        funded_by: optional(table, "funded_by", funded_by)?.unwrap_or_default(),
        channels: channels(table, merchant_categories)?,
    })
}

fn caps(value: &Value<'_>) -> Result<Caps, PolicyError> {
    let table = value.table(CAP_KEYS)?;
    let mut caps = Caps([None; 4]);
    for period in CapPeriod::ALL {
        let cap = optional(&table, period.name(), satang)?;
        caps.0[period as usize] = cap;
    }
    if caps.iter().next().is_none() {
        return Err(value.error("must name at least one of day, month, quarter, program"));
    }
    Ok(caps)
}

/// An amount that a 32-bit bucket can count, and not 0.
fn satang(value: &Value<'_>) -> Result<Satang, PolicyError> {
    value.integer(1, Satang::CAP_MAX.get(), "satang").map(Satang::new)
}

/// A list of different categories, none of which `refusal` has something against.
fn categories(
    value: &Value<'_>,
    refusal: impl Fn(Category) -> Option<String>,
) -> Result<CategorySet, PolicyError> {
    let words = Category::ALL.map(|category| (category.name(), category));
    let elements = value.elements(ENTRIES_MAX)?;
    if elements.is_empty() {
        return Err(value.error("must name at least one category"));
    }
    let mut set = CategorySet::EMPTY;
    for element in &elements {
        let category = element.word(&words)?;
        if let Some(reason) = refusal(category) {
            return Err(element.error(format!("{:?} {reason}", category.name())));
        }
        if !set.insert(category) {
            return Err(element.error(format!("{:?} is given twice", category.name())));
        }
    }
    Ok(set)
}

fn funded_by(value: &Value<'_>) -> Result<Vec<FundingSource>, PolicyError> {
    let elements = value.elements(SOURCES_MAX)?;
    let mut names = Seen::new("a source");
    let mut sources = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let table = element.table(FUNDING_KEYS)?;
        let source = names.add(&table.need("source")?)?;
        let up_to = table.find("up_to");
        let is_last = index + 1 == elements.len();
        let up_to = match (&up_to, is_last) {
            (Some(value), false) => Some(satang(value)?),
            (None, true) => None,
            (Some(value), true) => {
                return Err(value.error("the last source pays the rest: leave `up_to` out"));
            }
            (None, false) => {
                return Err(table.error(
                    "up_to",
                    "missing; every source but the last says how much it pays",
                ));
            }
        };
        sources.push(FundingSource { source, up_to });
    }
    if sources.is_empty() {
        return Err(value.error("must name at least one source; leave the key out when nobody else pays"));
    }
    Ok(sources)
}

fn channels(benefit: &Table<'_>, allowed: CategorySet) -> Result<Vec<Channel>, PolicyError> {
    let value = benefit.find("channel").ok_or_else(|| {
        benefit.error(
            "channel",
            "missing; a benefit has at least one [[benefit.channel]]",
        )
    })?;
    let tables = value.tables("benefit.channel", CHANNELS_MAX, CHANNEL_KEYS)?;
    if tables.is_empty() {
        return Err(value.error("a benefit has at least one [[benefit.channel]]"));
    }
    let mut ids = Seen::new("a channel");
    tables
        .iter()
        .map(|table| channel(table, &mut ids, allowed))
        .collect()
}

fn channel(table: &Table<'_>, ids: &mut Seen, allowed: CategorySet) -> Result<Channel, PolicyError> {
    let id = ids.add(&table.need("id")?)?;
    let from_value = table.need("from")?;
    let (from, to) = (from_value.date()?, table.need("to")?.date()?);
    in_order(&from_value, from, "to", to)?;
    let foreign = |category| {
        let reason = "is not among the benefit's categories; a channel names a subset of them";
        (!allowed.contains(category)).then(|| reason.to_owned())
    };
    Ok(Channel {
        id,
        from,
        to,
        hours: table.need("hours")?.hours()?,
        merchant_categories: optional(table, "merchant_categories", |value| categories(value, foreign))?
            .unwrap_or(allowed),
    })
}
