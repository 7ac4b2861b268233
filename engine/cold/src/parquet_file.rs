//! Tables as Parquet: written row group by row group, and read back. Nothing in a file depends on when it was written.

use crate::columns::{Columns, Data, Texts, Values};
use crate::tables::{Column, ColumnType, Table};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::io::Write;
use std::sync::Arc;

/// Who wrote a file: other bytes for the same rows are another version.
pub const WRITER: &str = "satang-cold version 1";

/// Rows of a row group.
pub const GROUP_ROWS: usize = 250_000;

/// How hard a sealed file is compressed; an open one is read once more, and soon.
const ZSTD_LEVEL: i32 = 3;

fn schema(table: Table) -> Result<TypePtr> {
    let fields = table
        .columns()
        .iter()
        .map(|column| column_type(column).map(Arc::new));
    let fields = fields.collect::<Result<Vec<TypePtr>>>()?;
    Ok(Arc::new(
        Type::group_type_builder("row").with_fields(fields).build()?,
    ))
}

fn column_type(column: &Column) -> Result<Type> {
    let (physical, logical) = match column.of {
        ColumnType::Int => (Physical::INT64, None),
        ColumnType::Instant => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        ),
        ColumnType::Date => (Physical::INT32, Some(LogicalType::Date)),
        ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Flag => (Physical::BOOLEAN, None),
    };
    let repetition = match column.nullable {
        true => Repetition::OPTIONAL,
        false => Repetition::REQUIRED,
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}

/// How each column is encoded: numbers that rise by differences, ids by what they share with the one before, all else by dictionary.
fn properties(table: Table) -> Result<WriterPropertiesPtr> {
    let mut properties = WriterProperties::builder()
        .set_created_by(WRITER.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for column in table.columns() {
        let path = ColumnPath::from(column.name);
        let rises = matches!(
            column.name,
            "sequence" | "decided_at" | "item_sequence" | "ticket" | "last_sequence"
        );
        if rises {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        if matches!(column.name, "txn_id" | "reversal_id" | "registration_id") {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BYTE_ARRAY);
        }
        if column.is_id {
            properties = properties.set_column_bloom_filter_enabled(path, true);
        }
    }
    Ok(Arc::new(properties.build()))
}

/// Writes one file of a table.
pub struct TableWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins the file.
    pub fn new(to: W, table: Table) -> Result<TableWriter<W>> {
        let file = SerializedFileWriter::new(to, schema(table)?, properties(table)?)?;
        Ok(TableWriter { file })
    }

    /// Writes rows as one row group.
    pub fn write(&mut self, rows: &Columns) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for values in &rows.columns {
            let mut writer = group.next_column()?.ok_or_else(|| misfit("too few columns"))?;
            write_column(&mut writer, values)?;
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file, and gives back what it was written to.
    pub fn finish(self) -> Result<W> {
        self.file.into_inner()
    }
}

fn misfit(what: &str) -> ParquetError {
    ParquetError::General(what.into())
}

fn write_column(writer: &mut SerializedColumnWriter<'_>, values: &Values) -> Result<()> {
    use parquet::data_type::{BoolType, ByteArrayType, Int32Type, Int64Type};
    match &values.data {
        Data::Int(data) => write_values::<Int64Type>(writer, data, values),
        Data::Date(data) => write_values::<Int32Type>(writer, data, values),
        Data::Flag(data) => write_values::<BoolType>(writer, data, values),
        Data::Text(texts) => {
            let all = Bytes::copy_from_slice(&texts.bytes);
            let mut start = 0;
            let cut = |end: &usize| {
                let text = all.slice(start..*end);
                start = *end;
                ByteArray::from(text)
            };
            let data: Vec<ByteArray> = texts.ends.iter().map(cut).collect();
            write_values::<ByteArrayType>(writer, &data, values)
        }
    }
}

fn write_values<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    data: &[T::T],
    values: &Values,
) -> Result<()> {
    let present = (!values.present.is_empty()).then_some(&values.present[..]);
    writer.typed::<T>().write_batch(data, present, None)?;
    Ok(())
}

/// Reads one file of a table in order, some rows at a time.
pub struct TableReader {
    file: SerializedFileReader<Bytes>,
    next_group: usize,
    /// How many columns are read, from the first on.
    wanted: usize,
    /// Of the row group at hand, and how many of its rows are left.
    columns: Vec<ColumnReader>,
    left: usize,
}

impl TableReader {
    /// Opens a file that this program wrote, to read its first `wanted` columns; rows have nothing in the others.
    ///
    /// # Errors
    /// When it is no Parquet file, or its columns are not the table's.
    pub fn open(bytes: Bytes, table: Table, wanted: usize) -> Result<TableReader> {
        let file = SerializedFileReader::new(bytes)?;
        let found = file.metadata().file_metadata().schema();
        if *found != *schema(table)? {
            return Err(misfit("its columns are other ones than this version's"));
        }
        Ok(TableReader {
            file,
            next_group: 0,
            wanted,
            columns: Vec::new(),
            left: 0,
        })
    }

    /// Adds at most so many rows to `rows`; false at the end.
    pub fn read(&mut self, rows: &mut Columns, at_most: usize) -> Result<bool> {
        while self.left == 0 {
            if self.next_group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.next_group)?;
            let columns = 0..self.wanted;
            self.columns = columns
                .map(|at| group.get_column_reader(at))
                .collect::<Result<_>>()?;
            self.left = group.metadata().num_rows() as usize;
            self.next_group += 1;
        }
        let want = at_most.min(self.left);
        for (reader, values) in self.columns.iter_mut().zip(&mut rows.columns) {
            read_column(reader, values, want)?;
        }
        rows.rows += want;
        self.left -= want;
        Ok(true)
    }
}

fn read_column(reader: &mut ColumnReader, values: &mut Values, want: usize) -> Result<()> {
    let Values { data, present } = values;
    match (reader, data) {
        (ColumnReader::Int64ColumnReader(reader), Data::Int(data)) => {
            read_values(reader, data, present, want)
        }
        (ColumnReader::Int32ColumnReader(reader), Data::Date(data)) => {
            read_values(reader, data, present, want)
        }
        (ColumnReader::BoolColumnReader(reader), Data::Flag(data)) => {
            read_values(reader, data, present, want)
        }
        (ColumnReader::ByteArrayColumnReader(reader), Data::Text(texts)) => {
            let mut read = Vec::new();
            read_values(reader, &mut read, present, want)?;
            push_texts(texts, &read);
            Ok(())
        }
        _ => Err(misfit("a column of another type")),
    }
}

fn push_texts(texts: &mut Texts, read: &[ByteArray]) {
    read.iter().for_each(|text| texts.push(text.data()));
}

fn read_values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    data: &mut Vec<T::T>,
    present: &mut Vec<i16>,
    want: usize,
) -> Result<()> {
    let (rows, _, _) = reader.read_records(want, Some(present), None, data)?;
    match rows == want {
        true => Ok(()),
        false => Err(misfit("a column has too few rows")),
    }
}
