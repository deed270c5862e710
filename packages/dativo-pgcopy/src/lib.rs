//! Reads the binary COPY format of PostgreSQL into Arrow record batches.
//!
//! Rows are collected in blocks ([`rows::Block`]), whose fields are then decoded one column at a
//! time ([`columns::Column`]), so that the code of each format runs in a tight loop of its own.
//! Only [`libpq`] and the Python module touch memory of others; all decoding is safe Rust, and no
//! length is believed before the bytes that it speaks of are there.

pub mod batches;
pub mod columns;
pub mod fault;
pub mod fields;
pub mod flags;
pub mod inet;
pub mod libpq;
pub mod lists;
pub mod numeric;
pub mod numeric_text;
pub mod plain;
pub mod primitive;
pub mod ranges;
pub mod rows;
pub mod spare;
pub mod temporal;
pub mod temporal_text;
pub mod text;
pub mod uuid;
pub mod validity;

#[cfg(feature = "python")]
mod python;
