//! From a source of bytes to record batches.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use crate::columns::{Column, column};
use crate::fault::Failure;
use crate::rows::{BLOCK_ROWS, Block};

/// Where the bytes of a COPY come from.
pub trait Source: Send {
    /// Append the next bytes to `block`; `false` if there are no more.
    ///
    /// # Errors
    /// If they cannot be had.
    fn pull(&mut self, block: &mut Block) -> Result<bool, Failure>;

    /// Say what it means that there are no more, although the trailer was not among them.
    fn cut_short(&self) -> Failure;
}

/// When a batch is large enough; whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows; no batch has more.
    pub rows: usize,
    /// Bytes of Arrow data; looked at once per block, so a batch may have a few more.
    pub bytes: usize,
}

/// What is read: the fields that are delivered, and how the values of each travel.
#[derive(Debug)]
pub struct Layout {
    /// The fields.
    pub schema: SchemaRef,
    /// One name of a format for each of them.
    pub formats: Vec<String>,
    /// The columns in which NULL stands for what cannot be represented.
    pub nullify: Vec<usize>,
}

impl Layout {
    fn columns(&self) -> Result<Vec<Box<dyn Column>>, String> {
        let fields = self.schema.fields();
        if fields.len() != self.formats.len() {
            let (fields, formats) = (fields.len(), self.formats.len());
            return Err(format!("{formats} formats for {fields} fields"));
        }
        if let Some(beyond) = self.nullify.iter().find(|column| **column >= fields.len()) {
            return Err(format!("there is no column {beyond} to nullify"));
        }
        let each = fields.iter().zip(&self.formats).enumerate();
        each.map(|(number, (field, format))| {
            column(format, field, self.nullify.contains(&number))
                .map_err(|what| format!("column {number} ({:?}): {what}", field.name()))
        })
        .collect()
    }
}

/// A stream of batches; after an error there are none.
pub struct Batches {
    source: Box<dyn Source>,
    schema: SchemaRef,
    limits: Limits,
    block: Block,
    columns: Vec<Box<dyn Column>>,
    /// Rows of earlier batches.
    delivered: u64,
    /// Rows of this batch.
    rows: usize,
    is_over: bool,
    failed: Option<String>,
}

impl Batches {
    /// Make a stream; nothing is read yet.
    ///
    /// # Errors
    /// With a message, if the layout is not coherent.
    pub fn new(source: Box<dyn Source>, layout: &Layout, limits: Limits) -> Result<Self, String> {
        if limits.rows == 0 || limits.bytes == 0 {
            return Err("a batch has at least one row and one byte".to_owned());
        }
        let columns = layout.columns()?;
        Ok(Self {
            source,
            schema: layout.schema.clone(),
            limits,
            block: Block::new(columns.len()),
            columns,
            delivered: 0,
            rows: 0,
            is_over: false,
            failed: None,
        })
    }

    /// The fields of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Read the next batch, which has at least one row; `None` at the end.
    ///
    /// # Errors
    /// See [`Failure`].  Nothing of the batch is delivered then, and nothing after it.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Failure> {
        if let Some(what) = &self.failed {
            return Err(Failure::Broken(format!("the reader has failed: {what}")));
        }
        // A panic would end the process where a consumer of the C interface calls.
        let read = catch_unwind(AssertUnwindSafe(|| self.read()))
            .unwrap_or_else(|panic| Err(Failure::Broken(describe(panic.as_ref()))));
        if let Err(failure) = &read {
            self.failed = Some(failure.to_string());
            self.columns.clear();
        }
        read
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        while !self.is_over && !self.is_large() {
            self.fill()?;
            self.decode()?;
        }
        if self.rows == 0 {
            return Ok(None);
        }
        self.take().map(Some)
    }

    fn is_large(&self) -> bool {
        let size = || {
            self.columns
                .iter()
                .map(|column| column.size())
                .sum::<usize>()
        };
        self.rows >= self.limits.rows || (self.rows > 0 && size() >= self.limits.bytes)
    }

    /// Fill the block, or find the end.
    fn fill(&mut self) -> Result<(), Failure> {
        let most = BLOCK_ROWS.min(self.limits.rows - self.rows);
        self.block.scan(most)?;
        while self.block.rows() < most && !self.block.is_full() {
            if !self.source.pull(&mut self.block)? {
                self.is_over = true;
                if self.block.is_ended() {
                    return Ok(());
                }
                return Err(self.source.cut_short());
            }
            self.block.scan(most)?;
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Failure> {
        let first = self.delivered + self.rows as u64;
        for (number, column) in self.columns.iter_mut().enumerate() {
            column
                .extend(self.block.fields(number))
                .map_err(|misfit| Failure::located(number, first, misfit))?;
        }
        self.rows += self.block.rows();
        self.block.clear();
        Ok(())
    }

    fn take(&mut self) -> Result<RecordBatch, Failure> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter_mut().enumerate() {
            let array = column.finish();
            arrays.push(array.map_err(|error| Failure::no_array(number, &error))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| Failure::Malformed(error.to_string()))?;
        self.delivered += self.rows as u64;
        self.rows = 0;
        Ok(batch)
    }
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a defect of dativo-pgcopy: {}", text.unwrap_or("panic"))
}
