//! Bytes from a Python iterator.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyIterator;

use crate::batches::Source;
use crate::fault::Failure;
use crate::rows::{BLOCK_BYTES, Block};

/// What is left of an iterator, and of the chunk that it gave last.
pub struct Chunks {
    iterator: Py<PyIterator>,
    chunk: Option<PyBackedBytes>,
    used: usize,
}

impl Chunks {
    /// Take chunks from `iterator` as they are needed.
    pub const fn new(iterator: Py<PyIterator>) -> Self {
        Self {
            iterator,
            chunk: None,
            used: 0,
        }
    }

    fn next(&self) -> PyResult<Option<PyBackedBytes>> {
        Python::attach(|py| {
            let next = self.iterator.bind(py).clone().next();
            next.map(|chunk| Ok(chunk?.extract()?)).transpose()
        })
    }
}

impl Source for Chunks {
    fn pull(&mut self, block: &mut Block) -> Result<bool, Failure> {
        if self.chunk.is_none() {
            self.chunk = self.next().map_err(|error| Failure::Source(error.into()))?;
            self.used = 0;
        }
        let Some(chunk) = &self.chunk else {
            return Ok(false);
        };
        let rest = &chunk[self.used..];
        let part = &rest[..rest.len().min(BLOCK_BYTES)];
        block.append(part)?;
        self.used += part.len();
        if self.used == chunk.len() {
            self.chunk = None;
        }
        Ok(true)
    }

    fn cut_short(&self) -> Failure {
        Failure::Malformed("the data end before the trailer".to_owned())
    }
}
