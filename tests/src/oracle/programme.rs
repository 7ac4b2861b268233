//! A programme file, read leniently: only what the model acts on. Refusing wrong files is the product's work.

use toml::Spanned;
use toml::de::{DeTable as Table, DeValue as Value};

use super::calendar::{Date, Instant, Period};

/// One scheme.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Its name on the wire.
    pub id: String,
    /// The whole text: another text is another version.
    pub text: String,
    /// This version counts from that day on; absent: from the moment it is read.
    pub effective_from: Option<Date>,
    /// Programmes nobody draws on along with this one on one date; they need not be there.
    pub exclusive_with: Vec<String>,
    /// Nobody spends before this day.
    pub usable_from: Option<Date>,
    /// When merchants join by themselves; without it they are put only.
    pub merchant_registration: Option<MerchantRegistration>,
    /// How people come in by themselves; without it holders are imported only.
    pub registration: Option<Registration>,
    /// In the order of the file.
    pub benefits: Vec<Benefit>,
}

/// The days on which merchants join.
#[derive(Clone, Debug)]
pub struct MerchantRegistration {
    /// First day; absent: from ever.
    pub opens: Option<Date>,
    /// Last day; absent: without end.
    pub closes: Option<Date>,
    /// Last day of those who come back, if it is another one.
    pub returning_closes: Option<Date>,
    /// Who takes part in this programme comes back; absent: who does in any other.
    pub returning_from: Option<String>,
}

impl MerchantRegistration {
    /// Whether today is one of the days, for one who comes back or does not.
    pub fn is_open(&self, today: Date, returning: bool) -> bool {
        let last = match self.returning_closes {
            Some(day) if returning => Some(day),
            _ => self.closes,
        };
        self.opens.is_none_or(|opens| today >= opens) && last.is_none_or(|last| today <= last)
    }
}

/// When and by whom the programme may be registered for.
#[derive(Clone, Debug)]
pub struct Registration {
    /// First day.
    pub opens: Date,
    /// Last day, if there is one.
    pub closes: Option<Date>,
    /// The hours as the file spells them.
    pub hours: String,
    /// Open from this millisecond of the day on.
    pub opens_ms: i64,
    /// Closed from this millisecond of the day on.
    pub closes_ms: i64,
    /// The most rights there may be at a time.
    pub quota: Option<u64>,
    /// Complete years on the day of registration.
    pub min_age: Option<i64>,
    /// Nobody on one of these lists gets in; in the order of the file.
    pub excluded_lists: Vec<String>,
    /// A right registered before this instant must be used before it.
    pub first_use_by: Option<Instant>,
    /// What holds for those who were in an earlier programme.
    pub returning: Option<Returning>,
    /// In the order of the file: the first that fits is a person's.
    pub tiers: Vec<Tier>,
}

/// What holds for those who were in an earlier programme.
#[derive(Clone, Debug)]
pub struct Returning {
    /// A programme, or a list of that name.
    pub from_program: String,
    /// They may register from this day on.
    pub opens: Date,
    /// They may spend from this day on.
    pub usable_from: Date,
}

/// Other caps for those on a list.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name inside the programme.
    pub id: String,
    /// Who is on this list has it.
    pub required_list: String,
    /// The caps that are replaced: benefit, cap and its size in satang.
    pub caps: Vec<(String, Cap, u128)>,
}

/// One share of a programme with its own caps and categories.
#[derive(Clone, Debug)]
pub struct Benefit {
    /// Its name inside the programme.
    pub id: String,
    /// What the state pays of the eligible part, 1 to 100.
    pub state_percent: u128,
    /// Held by a household instead of a person.
    pub household: bool,
    /// With the shorter period first.
    pub caps: Vec<(Cap, u128)>,
    /// Without room the citizen pays all instead of being declined.
    pub citizen_pays: bool,
    /// The kinds of merchant it may be spent at.
    pub categories: Vec<String>,
    /// Who pays the state's part, in order: a name, and up to how much in the period of the shortest cap.
    pub funded_by: Vec<(String, Option<u128>)>,
    /// The ways it may be spent.
    pub channels: Vec<Channel>,
}

/// One way to spend, with its dates and hours.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name on the wire.
    pub id: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Open from this millisecond of the day on.
    pub opens_ms: i64,
    /// Closed from this millisecond of the day on.
    pub closes_ms: i64,
    /// The kinds of merchant this channel is narrowed to.
    pub categories: Option<Vec<String>>,
}

/// The kinds of cap, the shorter period first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cap {
    /// Per calendar day.
    Day,
    /// Per calendar month.
    Month,
    /// Per calendar quarter.
    Quarter,
    /// Once for the whole programme.
    Programme,
}

impl Cap {
    /// All of them, the shorter period first.
    pub const ALL: [Cap; 4] = [Cap::Day, Cap::Month, Cap::Quarter, Cap::Programme];

    /// The key in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Cap::Day => "day",
            Cap::Month => "month",
            Cap::Quarter => "quarter",
            Cap::Programme => "program",
        }
    }

    /// The reason of a decline when this cap has no room.
    pub fn exhausted(self) -> &'static str {
        match self {
            Cap::Day => "daily_cap_exhausted",
            Cap::Month => "monthly_cap_exhausted",
            Cap::Quarter => "quarterly_cap_exhausted",
            Cap::Programme => "program_cap_exhausted",
        }
    }

    /// The period of this cap that holds the day.
    pub fn period(self, date: Date) -> Period {
        match self {
            Cap::Day => Period::Day(date),
            Cap::Month => Period::Month(date.year, date.month),
            Cap::Quarter => Period::Quarter(date.year, date.quarter()),
            Cap::Programme => Period::Programme,
        }
    }
}

impl Programme {
    /// Reads a file's text.
    pub fn read(text: &str) -> Result<Programme, String> {
        let document = Table::parse(text).map_err(|error| format!("{error}"))?;
        let table = document.get_ref();
        let mut benefits = Vec::new();
        for benefit in tables(table, "benefit")? {
            benefits.push(read_benefit(benefit)?);
        }
        let registration = match find(table, "registration") {
            Some(value) => Some(read_registration(
                value.as_table().ok_or("registration is a table")?,
            )?),
            None => None,
        };
        let merchant_registration = match find(table, "merchant_registration") {
            Some(value) => Some(read_merchant_registration(
                value.as_table().ok_or("merchant_registration is a table")?,
            )?),
            None => None,
        };
        Ok(Programme {
            id: string(table, "id")?,
            text: text.to_owned(),
            effective_from: optional_date(table, "effective_from")?,
            exclusive_with: strings(table, "exclusive_with")?.unwrap_or_default(),
            usable_from: optional_date(table, "usable_from")?,
            merchant_registration,
            registration,
            benefits,
        })
    }

    /// The tier of that name.
    pub fn tier(&self, id: &str) -> Option<&Tier> {
        let tiers = self
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        tiers.into_iter().find(|tier| tier.id == id)
    }
}

fn read_merchant_registration(table: &Table<'_>) -> Result<MerchantRegistration, String> {
    let returning_from = find(table, "returning_from").map(|_| string(table, "returning_from"));
    Ok(MerchantRegistration {
        opens: optional_date(table, "opens")?,
        closes: optional_date(table, "closes")?,
        returning_closes: optional_date(table, "returning_closes")?,
        returning_from: returning_from.transpose()?,
    })
}

fn read_registration(table: &Table<'_>) -> Result<Registration, String> {
    let (opens_ms, closes_ms) = hours_ms(table)?;
    let mut tiers = Vec::new();
    if find(table, "tier").is_some() {
        for tier in tables(table, "tier")? {
            tiers.push(read_tier(tier)?);
        }
    }
    let returning = match find(table, "returning") {
        Some(value) => Some(read_returning(value.as_table().ok_or("returning is a table")?)?),
        None => None,
    };
    Ok(Registration {
        opens: required_date(table, "opens")?,
        closes: optional_date(table, "closes")?,
        hours: string(table, "hours")?,
        opens_ms,
        closes_ms,
        quota: optional_number(table, "quota")?.map(|quota| quota as u64),
        min_age: optional_number(table, "min_age")?.map(|years| years as i64),
        excluded_lists: strings(table, "excluded_lists")?.unwrap_or_default(),
        first_use_by: optional_bangkok_time(table, "first_use_by")?,
        returning,
        tiers,
    })
}

fn read_returning(table: &Table<'_>) -> Result<Returning, String> {
    Ok(Returning {
        from_program: string(table, "from_program")?,
        opens: required_date(table, "opens")?,
        usable_from: required_date(table, "usable_from")?,
    })
}

fn read_tier(table: &Table<'_>) -> Result<Tier, String> {
    let benefits = find(table, "caps")
        .and_then(Value::as_table)
        .ok_or("caps is a table")?;
    let mut caps = Vec::new();
    for (benefit, amounts) in benefits {
        let amounts = amounts
            .get_ref()
            .as_table()
            .ok_or("a benefit's caps are a table")?;
        for cap in Cap::ALL {
            if let Some(amount) = find(amounts, cap.name()) {
                caps.push((benefit.get_ref().to_string(), cap, whole(amount)?));
            }
        }
    }
    Ok(Tier {
        id: string(table, "id")?,
        required_list: string(table, "required_list")?,
        caps,
    })
}

fn read_benefit(table: &Table<'_>) -> Result<Benefit, String> {
    let amounts = find(table, "caps")
        .and_then(Value::as_table)
        .ok_or("caps is a table")?;
    let mut caps = Vec::new();
    for cap in Cap::ALL {
        if let Some(amount) = find(amounts, cap.name()) {
            caps.push((cap, whole(amount)?));
        }
    }
    let mut channels = Vec::new();
    for channel in tables(table, "channel")? {
        channels.push(read_channel(channel)?);
    }
    Ok(Benefit {
        id: string(table, "id")?,
        state_percent: whole(find(table, "state_percent").ok_or("state_percent is required")?)?,
        household: one_of_two(table, "holder", "person", "household")?,
        caps,
        citizen_pays: one_of_two(table, "when_exhausted", "decline", "citizen_pays")?,
        categories: strings(table, "merchant_categories")?.ok_or("merchant_categories is required")?,
        funded_by: funded_by(table)?,
        channels,
    })
}

fn funded_by(table: &Table<'_>) -> Result<Vec<(String, Option<u128>)>, String> {
    if find(table, "funded_by").is_none() {
        return Ok(Vec::new());
    }
    let mut sources = Vec::new();
    for source in tables(table, "funded_by")? {
        sources.push((string(source, "source")?, optional_number(source, "up_to")?));
    }
    Ok(sources)
}

fn read_channel(table: &Table<'_>) -> Result<Channel, String> {
    let (opens_ms, closes_ms) = hours_ms(table)?;
    Ok(Channel {
        id: string(table, "id")?,
        from: required_date(table, "from")?,
        to: required_date(table, "to")?,
        opens_ms,
        closes_ms,
        categories: strings(table, "merchant_categories")?,
    })
}

/// The hours of a table: open from the first millisecond of the day on, closed from the second on.
fn hours_ms(table: &Table<'_>) -> Result<(i64, i64), String> {
    let hours = string(table, "hours")?;
    let (opens, closes) = hours.split_once('-').ok_or("hours are HH:MM-HH:MM")?;
    Ok((clock_ms(opens)?, clock_ms(closes)?))
}

fn clock_ms(text: &str) -> Result<i64, String> {
    let (hours, minutes) = text.split_once(':').ok_or("a time is HH:MM")?;
    let number = |text: &str| text.parse::<i64>().map_err(|error| format!("{text}: {error}"));
    Ok((number(hours)? * 60 + number(minutes)?) * 60_000)
}

fn tables<'a, 't>(table: &'a Table<'t>, key: &str) -> Result<Vec<&'a Table<'t>>, String> {
    let list = find(table, key)
        .and_then(Value::as_array)
        .ok_or(format!("no {key}"))?;
    list.iter()
        .map(|item| item.get_ref().as_table().ok_or(format!("{key} holds tables")))
        .collect()
}

fn string(table: &Table<'_>, key: &str) -> Result<String, String> {
    find(table, key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or(format!("{key} is a string"))
}

fn strings(table: &Table<'_>, key: &str) -> Result<Option<Vec<String>>, String> {
    let Some(value) = find(table, key) else {
        return Ok(None);
    };
    let list = value.as_array().ok_or(format!("{key} is a list"))?;
    let words = list.iter().map(|item| {
        item.get_ref()
            .as_str()
            .map(str::to_owned)
            .ok_or(format!("{key} holds strings"))
    });
    Ok(Some(words.collect::<Result<_, _>>()?))
}

fn whole(value: &Value<'_>) -> Result<u128, String> {
    let number = value
        .as_integer()
        .ok_or(format!("{value:?} is no whole number"))?;
    let digits = number.as_str().replace('_', "");
    u128::from_str_radix(&digits, number.radix()).map_err(|error| format!("{digits}: {error}"))
}

fn find<'a, 't>(table: &'a Table<'t>, key: &str) -> Option<&'a Value<'t>> {
    table.get(key).map(Spanned::get_ref)
}

fn optional_date(table: &Table<'_>, key: &str) -> Result<Option<Date>, String> {
    let Some(value) = find(table, key) else {
        return Ok(None);
    };
    let date = value
        .as_datetime()
        .and_then(|datetime| datetime.date)
        .ok_or(format!("{key} is a date"))?;
    Date::new(i64::from(date.year), i64::from(date.month), i64::from(date.day))
        .map(Some)
        .ok_or(format!("{key} is no day"))
}

fn required_date(table: &Table<'_>, key: &str) -> Result<Date, String> {
    optional_date(table, key)?.ok_or(format!("{key} is required"))
}

/// A date and a time of day without an offset: they are Bangkok's.
fn optional_bangkok_time(table: &Table<'_>, key: &str) -> Result<Option<Instant>, String> {
    let (Some(date), Some(value)) = (optional_date(table, key)?, find(table, key)) else {
        return Ok(None);
    };
    let time = value
        .as_datetime()
        .and_then(|datetime| datetime.time)
        .ok_or(format!("{key} has a time"))?;
    let seconds = (i64::from(time.hour) * 60 + i64::from(time.minute)) * 60;
    let milliseconds =
        i64::from(time.second.unwrap_or(0)) * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    Ok(Some(Instant(date.midnight().0 + seconds * 1000 + milliseconds)))
}

fn optional_number(table: &Table<'_>, key: &str) -> Result<Option<u128>, String> {
    find(table, key).map(whole).transpose()
}

/// Whether the word is the second of the two it may be.
fn one_of_two(table: &Table<'_>, key: &str, first: &str, second: &str) -> Result<bool, String> {
    match string(table, key)? {
        word if word == first => Ok(false),
        word if word == second => Ok(true),
        word => Err(format!("{key}: {word}")),
    }
}
