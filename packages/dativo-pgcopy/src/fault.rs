//! What can be wrong with a value, with a stream, and with its source.

use std::error::Error;
use std::fmt;

use arrow_schema::ArrowError;

/// What is wrong with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A value that Postgres can hold and the delivered type cannot.
    Refused(&'static str),
    /// Bytes that Postgres does not send for the format.
    Malformed(&'static str),
}

/// A value whose length is not that of its format.
pub const WRONG_LENGTH: Fault = Fault::Malformed("a value has the wrong length");

/// What is wrong with one value of a column, and with which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its row, counted from the first of the fields that were given.
    pub row: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Why there is no next batch.
#[derive(Debug)]
pub enum Failure {
    /// A value cannot be represented.
    Refused {
        /// Its column, from 0.
        column: usize,
        /// Its row in the stream, from 0.
        row: u64,
        /// What it is.
        reason: &'static str,
    },
    /// The bytes are no COPY data of these columns.
    Malformed(String),
    /// Rows stopped coming before the end; the connection knows why.
    Stopped,
    /// What the bytes are taken from raised an error of its own.
    Source(Box<dyn Error + Send + Sync>),
    /// A defect of this library, or a second use after an error.
    Broken(String),
}

impl Failure {
    /// Locate what a column found in a block that begins with row `first` of the stream.
    #[must_use]
    pub fn located(column: usize, first: u64, misfit: Misfit) -> Self {
        let row = first + misfit.row as u64;
        match misfit.fault {
            Fault::Refused(reason) => Self::Refused {
                column,
                row,
                reason,
            },
            Fault::Malformed(reason) => {
                Self::Malformed(format!("column {column}, row {row}: {reason}"))
            }
        }
    }

    /// Tell that a column's values do not make an array.
    #[must_use]
    pub fn no_array(column: usize, error: &ArrowError) -> Self {
        Self::Malformed(format!("column {column}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                column,
                row,
                reason,
            } => write!(formatter, "column {column}, row {row}: {reason}"),
            Self::Malformed(what) => write!(formatter, "no COPY data of these columns: {what}"),
            Self::Stopped => formatter
                .write_str("rows stopped coming before the end; ask the connection for its result"),
            Self::Source(error) => error.fmt(formatter),
            Self::Broken(what) => formatter.write_str(what),
        }
    }
}

impl Error for Failure {}
