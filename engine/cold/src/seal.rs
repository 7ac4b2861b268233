//! Files of a table: the small parts of an open date, and what they become once the date is over.

use crate::columns::Columns;
use crate::manifest::{File, TableOfDate, money_columns};
use crate::parquet_file::{GROUP_ROWS, TableReader, TableWriter};
use crate::store::Store;
use crate::tables::Table;
use data_encoding::HEXLOWER;
use std::collections::VecDeque;
use std::io::{self, Write};

/// Rows of a sealed file.
pub const PART_ROWS: usize = 4_000_000;

/// Where the parts of open dates lie.
pub const OPEN: &str = "_open";

/// Counts and hashes what is written through it.
struct Hashed<'w> {
    to: &'w mut (dyn Write + Send),
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes a file of bytes.
pub fn write_bytes(store: &dyn Store, path: String, bytes: &[u8]) -> io::Result<File> {
    store.write(&path, &mut |to| to.write_all(bytes))?;
    Ok(File {
        path,
        rows: 0,
        bytes: bytes.len() as u64,
        blake3: blake3::hash(bytes).to_hex().to_string(),
    })
}

/// Writes a part of an open date.
pub fn write_open(store: &dyn Store, date: &str, rows: Columns) -> io::Result<File> {
    let table = rows.table;
    let sequences = rows.sequences();
    let (first, last) = (sequences[0], sequences[sequences.len() - 1]);
    let path = format!("{OPEN}/{}/date={date}/part-{first}-{last}.parquet", table.name());
    let mut rows = Some(rows);
    write_groups(store, path, table, &mut || Ok(rows.take()))
}

/// Writes a file, row group by row group, until there is none any more.
fn write_groups(
    store: &dyn Store,
    path: String,
    table: Table,
    next: &mut dyn FnMut() -> io::Result<Option<Columns>>,
) -> io::Result<File> {
    let mut file = File {
        path: path.clone(),
        ..File::default()
    };
    store.write(&path, &mut |to| {
        let hashed = Hashed {
            to,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        let mut writer = TableWriter::new(hashed, table).map_err(io::Error::other)?;
        while let Some(rows) = next()? {
            writer.write(&rows).map_err(io::Error::other)?;
            file.rows += rows.rows as u64;
        }
        let hashed = writer.finish().map_err(io::Error::other)?;
        file.bytes = hashed.bytes;
        file.blake3 = HEXLOWER.encode(hashed.hasher.finalize().as_bytes());
        Ok(())
    })?;
    Ok(file)
}

/// The rows of a date's open parts, in order.
struct Parts<'s> {
    store: &'s dyn Store,
    table: Table,
    /// How many of its columns are read, from the first on.
    columns: usize,
    files: VecDeque<&'s File>,
    reader: Option<TableReader>,
}

impl Parts<'_> {
    /// As many rows as a row group has, or what is left of `at_most`.
    fn next(&mut self, at_most: usize) -> io::Result<Columns> {
        let mut rows = Columns::new(self.table);
        let wanted = at_most.min(GROUP_ROWS);
        while rows.rows < wanted {
            let Some(reader) = &mut self.reader else {
                let Some(file) = self.files.pop_front() else {
                    break;
                };
                self.reader = Some(self.open(file)?);
                continue;
            };
            let left = wanted - rows.rows;
            if !reader.read(&mut rows, left).map_err(io::Error::other)? {
                self.reader = None;
            }
        }
        Ok(rows)
    }

    fn open(&self, file: &File) -> io::Result<TableReader> {
        let bytes = file.read(self.store).map_err(io::Error::other)?;
        let reader = TableReader::open(bytes, self.table, self.columns);
        reader.map_err(|error| io::Error::other(format!("{}: {error}", file.path)))
    }
}

/// Writes the files of a table of a date that is over: cut by rows alone, whatever parts it had while it was open.
pub fn seal(store: &dyn Store, table: Table, date: &str, open: &TableOfDate) -> io::Result<TableOfDate> {
    let parts = |columns| Parts {
        store,
        table,
        columns,
        files: open.files.iter().collect(),
        reader: None,
    };
    let mut sealed = TableOfDate::default();
    let mut source = parts(table.columns().len());
    for (first, last) in bounds(&mut parts(1))? {
        let path = format!("{}/date={date}/part-{first}-{last}.parquet", table.name());
        let mut left = PART_ROWS;
        let file = write_groups(store, path, table, &mut || {
            let rows = source.next(left)?;
            left -= rows.rows;
            count(&mut sealed, &rows);
            Ok((rows.rows > 0).then_some(rows))
        })?;
        sealed.files.push(file);
    }
    let counted: u64 = open.files.iter().map(|file| file.rows).sum();
    match sealed.rows == counted && sealed.sums == open.sums {
        true => Ok(sealed),
        false => Err(io::Error::other(format!(
            "{} of {date}: the open parts have other rows or sums than the manifest says",
            table.name()
        ))),
    }
}

/// The first and last sequence of each file that the rows make; the first column, which is the sequence, is enough for them.
fn bounds(parts: &mut Parts<'_>) -> io::Result<Vec<(i64, i64)>> {
    let mut bounds = Vec::new();
    let mut left = 0;
    loop {
        let first_of_part = left == 0;
        if first_of_part {
            left = PART_ROWS;
        }
        let rows = parts.next(left)?;
        let (Some(first), Some(last)) = (rows.sequences().first(), rows.sequences().last()) else {
            return Ok(bounds);
        };
        match (bounds.last_mut(), first_of_part) {
            (Some((_, end)), false) => *end = *last,
            _ => bounds.push((*first, *last)),
        }
        left -= rows.rows;
    }
}

/// What a table of an open date has once `rows` are a part of it.
pub fn count(table: &mut TableOfDate, rows: &Columns) {
    table.rows += rows.rows as u64;
    for column in money_columns(rows.table) {
        let sum: i64 = rows.ints(column).expect("a column of money").iter().sum();
        *table.sums.entry(column.to_owned()).or_default() += sum;
    }
}
