//! A programme file, read leniently: only what the model acts on. Refusing wrong files is the product's work.

use toml::Spanned;
use toml::de::{DeTable as Table, DeValue as Value};

use super::calendar::{Date, Period};

/// One scheme.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Its name on the wire.
    pub id: String,
    /// Nobody spends before this day.
    pub usable_from: Option<Date>,
    /// In the order of the file.
    pub benefits: Vec<Benefit>,
}

/// One share of a programme with its own caps and categories.
#[derive(Clone, Debug)]
pub struct Benefit {
    /// Its name inside the programme.
    pub id: String,
    /// What the state pays of the eligible part, 1 to 100.
    pub state_percent: u128,
    /// Held by a household, which cannot buy yet.
    pub household: bool,
    /// With the shorter period first.
    pub caps: Vec<(Cap, u128)>,
    /// Without room the citizen pays all instead of being declined.
    pub citizen_pays: bool,
    /// The kinds of merchant it may be spent at.
    pub categories: Vec<String>,
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
        Ok(Programme {
            id: string(table, "id")?,
            usable_from: optional_date(table, "usable_from")?,
            benefits,
        })
    }
}

fn read_benefit(table: &Table<'_>) -> Result<Benefit, String> {
    let amounts = find(table, "caps")
        .and_then(Value::as_table)
        .ok_or("caps is a table")?;
    let mut caps = Vec::new();
    for cap in Cap::ALL {
        if let Some(amount) = find(amounts, cap.name()) {
            caps.push((cap, satang(amount)?));
        }
    }
    let mut channels = Vec::new();
    for channel in tables(table, "channel")? {
        channels.push(read_channel(channel)?);
    }
    Ok(Benefit {
        id: string(table, "id")?,
        state_percent: satang(find(table, "state_percent").ok_or("state_percent is required")?)?,
        household: one_of_two(table, "holder", "person", "household")?,
        caps,
        citizen_pays: one_of_two(table, "when_exhausted", "decline", "citizen_pays")?,
        categories: strings(table, "merchant_categories")?.ok_or("merchant_categories is required")?,
        channels,
    })
}

fn read_channel(table: &Table<'_>) -> Result<Channel, String> {
    let hours = string(table, "hours")?;
    let (opens, closes) = hours.split_once('-').ok_or("hours are HH:MM-HH:MM")?;
    Ok(Channel {
        id: string(table, "id")?,
        from: optional_date(table, "from")?.ok_or("from is required")?,
        to: optional_date(table, "to")?.ok_or("to is required")?,
        opens_ms: clock_ms(opens)?,
        closes_ms: clock_ms(closes)?,
        categories: strings(table, "merchant_categories")?,
    })
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

fn satang(value: &Value<'_>) -> Result<u128, String> {
    let number = value.as_integer().ok_or(format!("{value:?} is no amount"))?;
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

/// Whether the word is the second of the two it may be.
fn one_of_two(table: &Table<'_>, key: &str, first: &str, second: &str) -> Result<bool, String> {
    match string(table, key)? {
        word if word == first => Ok(false),
        word if word == second => Ok(true),
        word => Err(format!("{key}: {word}")),
    }
}
