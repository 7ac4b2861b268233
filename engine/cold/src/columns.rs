//! Rows of one table, column by column, as they are gathered and as they are read back.

use crate::tables::{Column, ColumnType, Table};
use satang_core::calendar::{BusinessDate, Instant};

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    pub table: Table,
    pub columns: Vec<Values>,
    pub rows: usize,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// Those that are there, one behind the other.
    pub data: Data,
    /// By row, 1 for a value and 0 for none; empty for a column that always has one.
    pub present: Vec<i16>,
}

/// Values by type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Integers, and instants in milliseconds.
    Int(Vec<i64>),
    Date(Vec<i32>),
    Text(Texts),
    Flag(Vec<bool>),
}

/// Texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub bytes: Vec<u8>,
    /// Where each ends.
    pub ends: Vec<usize>,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start..*end])
    }
}

impl Values {
    fn new(column: &Column) -> Values {
        let data = match column.of {
            ColumnType::Int | ColumnType::Instant => Data::Int(Vec::new()),
            ColumnType::Date => Data::Date(Vec::new()),
            ColumnType::Text => Data::Text(Texts::default()),
            ColumnType::Flag => Data::Flag(Vec::new()),
        };
        Values {
            data,
            present: Vec::new(),
        }
    }

    /// About how many bytes they take.
    fn bytes(&self) -> usize {
        let data = match &self.data {
            Data::Int(values) => size_of_val(&values[..]),
            Data::Date(values) => size_of_val(&values[..]),
            Data::Text(texts) => texts.bytes.len() + size_of_val(&texts.ends[..]),
            Data::Flag(values) => values.len(),
        };
        data + size_of_val(&self.present[..])
    }
}

impl Columns {
    /// No rows.
    pub fn new(table: Table) -> Columns {
        Columns {
            table,
            columns: table.columns().iter().map(Values::new).collect(),
            rows: 0,
        }
    }

    /// Begins a row, whose values are pushed in the order of the columns.
    pub fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { to: self, next: 0 }
    }

    /// The sequence of each row: the first column of every table.
    pub fn sequences(&self) -> &[i64] {
        self.ints("sequence").expect("every table has it")
    }

    /// The values of a column of integers that always has one.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        let at = self
            .table
            .columns()
            .iter()
            .position(|column| column.name == name)?;
        match &self.columns[at] {
            Values {
                data: Data::Int(values),
                present,
            } if present.is_empty() => Some(values),
            _ => None,
        }
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Values::bytes).sum()
    }
}

/// A row that is being written; dropped with every column filled.
pub struct Row<'c> {
    to: &'c mut Columns,
    next: usize,
}

impl Row<'_> {
    fn put<T>(&mut self, value: Option<T>, push: impl FnOnce(&mut Data, T)) -> &mut Self {
        let column = &self.to.table.columns()[self.next];
        let values = &mut self.to.columns[self.next];
        if column.nullable {
            values.present.push(i16::from(value.is_some()));
        }
        match value {
            Some(value) => push(&mut values.data, value),
            None => assert!(column.nullable, "{} is never null", column.name),
        }
        self.next += 1;
        self
    }

    /// An integer, or money in satang.
    pub fn int(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        self.put(value.into(), |data, value| match data {
            Data::Int(values) => values.push(value),
            _ => panic!("a column of another type"),
        })
    }

    /// An instant.
    pub fn instant(&mut self, value: impl Into<Option<Instant>>) -> &mut Self {
        self.int(value.into().map(Instant::unix_ms))
    }

    /// A date.
    pub fn date(&mut self, value: impl Into<Option<BusinessDate>>) -> &mut Self {
        self.put(value.into(), |data, value| match data {
            Data::Date(values) => values.push(value.days()),
            _ => panic!("a column of another type"),
        })
    }

    /// A text.
    pub fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) -> &mut Self {
        self.put(value.into(), |data, value| match data {
            Data::Text(texts) => texts.push(value.as_bytes()),
            _ => panic!("a column of another type"),
        })
    }

    /// Something that is written as text.
    pub fn display(&mut self, value: Option<impl std::fmt::Display>) -> &mut Self {
        use std::io::Write as _;
        self.put(value, |data, value| match data {
            Data::Text(texts) => {
                write!(texts.bytes, "{value}").expect("memory takes it");
                texts.ends.push(texts.bytes.len());
            }
            _ => panic!("a column of another type"),
        })
    }

    /// Whether something is so.
    pub fn flag(&mut self, value: bool) -> &mut Self {
        self.put(Some(value), |data, value| match data {
            Data::Flag(values) => values.push(value),
            _ => panic!("a column of another type"),
        })
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(
                self.next,
                self.to.columns.len(),
                "a row of {} is whole",
                self.to.table.name()
            );
        }
    }
}
