//! The reader: batches one at a time, or as a stream.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{RecordBatch as Rows, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator};

use crate::batches::{Batches, Layout, Limits, Source};
use crate::fault::Failure;
use crate::libpq::{Connection, FreeMemory, GetCopyData};
use crate::python::arrow::{RecordBatch, export_schema, export_stream, import_schema};
use crate::python::chunks::Chunks;
use crate::python::errors::exception;

const BATCH_ROWS: usize = 65_536;
const BATCH_BYTES: usize = 4 << 20;

/// What a reader and the streams that were made of it share.
#[derive(Clone)]
struct Shared(Arc<Mutex<Batches>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Batches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the rows of a COPY in batches.
#[pyclass(module = "dativo_pgcopy", frozen)]
pub struct CopyReader {
    batches: Shared,
    schema: SchemaRef,
    /// The failure of a stream, whose consumer is only told its text.
    failure: Arc<Mutex<Option<Failure>>>,
    /// Kept so that the connection is not closed because nobody else needs it.
    connection: Option<Py<PyAny>>,
}

#[pymethods]
impl CopyReader {
    #[new]
    #[pyo3(signature = (
        connection, *, get_copy_data, free, schema, formats,
        batch_rows=BATCH_ROWS, batch_bytes=BATCH_BYTES, nullify=Vec::new(),
    ))]
    #[allow(clippy::too_many_arguments)] // keyword arguments
    fn new(
        connection: &Bound<'_, PyAny>,
        get_copy_data: usize,
        free: usize,
        schema: &Bound<'_, PyAny>,
        formats: Vec<String>,
        batch_rows: usize,
        batch_bytes: usize,
        nullify: Vec<usize>,
    ) -> PyResult<Self> {
        let address = open_address(connection)?;
        if get_copy_data == 0 || free == 0 {
            return Err(PyValueError::new_err("an address of a function is 0"));
        }
        // SAFETY: the caller vouches for the addresses, which is all that can be done for it; they
        // are not 0.
        let (get_copy_data, free) = unsafe {
            (
                std::mem::transmute::<*const c_void, GetCopyData>(get_copy_data as *const c_void),
                std::mem::transmute::<*const c_void, FreeMemory>(free as *const c_void),
            )
        };
        // SAFETY: the caller vouches that the connection is open and used by nobody else; that it
        // was not closed meanwhile is looked at before each batch.
        let source = unsafe { Connection::new(address as *mut c_void, get_copy_data, free) };
        let layout = layout(schema, formats, nullify)?;
        let limits = limits(batch_rows, batch_bytes);
        let mut reader = Self::over(Box::new(source), &layout, limits)?;
        reader.connection = Some(connection.clone().unbind());
        Ok(reader)
    }

    /// Return the next batch, or None at the end.
    fn read_next_batch(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        self.require_open(py)?;
        let batches = &self.batches;
        let read = py.detach(|| batches.lock().next_batch());
        read.map(|batch| batch.map(RecordBatch))
            .map_err(|failure| exception(py, failure))
    }

    /// The failure of a stream that was made of this reader, once.
    fn take_failure(&self, py: Python<'_>) -> Option<PyErr> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map(|failure| exception(py, failure))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        export_schema(py, &self.schema)
    }

    /// Export what is left as a stream; `requested_schema` is not followed.
    #[pyo3(signature = (requested_schema=None))]
    #[allow(unused_variables)] // part of the protocol
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        self.require_open(py)?;
        let stream = Stream {
            batches: self.batches.clone(),
            schema: self.schema.clone(),
            failure: self.failure.clone(),
            _connection: self.connection.as_ref().map(|kept| kept.clone_ref(py)),
        };
        export_stream(py, Box::new(stream))
    }
}

impl CopyReader {
    fn over(source: Box<dyn Source>, layout: &Layout, limits: Limits) -> PyResult<Self> {
        let batches = Batches::new(source, layout, limits).map_err(PyValueError::new_err)?;
        Ok(Self {
            batches: Shared(Arc::new(Mutex::new(batches))),
            schema: layout.schema.clone(),
            failure: Arc::default(),
            connection: None,
        })
    }

    fn require_open(&self, py: Python<'_>) -> PyResult<()> {
        match &self.connection {
            Some(connection) => open_address(connection.bind(py)).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// Read COPY data from chunks of bytes, cut anywhere.
#[pyfunction]
#[pyo3(signature = (
    chunks, *, schema, formats, batch_rows=BATCH_ROWS, batch_bytes=BATCH_BYTES,
    nullify=Vec::new(),
))]
pub fn decode(
    chunks: &Bound<'_, PyAny>,
    schema: &Bound<'_, PyAny>,
    formats: Vec<String>,
    batch_rows: usize,
    batch_bytes: usize,
    nullify: Vec<usize>,
) -> PyResult<CopyReader> {
    let source = Chunks::new(PyIterator::from_object(chunks)?.unbind());
    let layout = layout(schema, formats, nullify)?;
    CopyReader::over(Box::new(source), &layout, limits(batch_rows, batch_bytes))
}

/// Return the address of an open connection of psycopg.
fn open_address(connection: &Bound<'_, PyAny>) -> PyResult<usize> {
    let address: Option<usize> = connection.getattr("pgconn_ptr")?.extract()?;
    address
        .filter(|address| *address != 0)
        .ok_or_else(|| PyValueError::new_err("the connection is closed"))
}

fn layout(
    schema: &Bound<'_, PyAny>,
    formats: Vec<String>,
    nullify: Vec<usize>,
) -> PyResult<Layout> {
    Ok(Layout {
        schema: Arc::new(import_schema(schema)?),
        formats,
        nullify,
    })
}

const fn limits(rows: usize, bytes: usize) -> Limits {
    Limits { rows, bytes }
}

/// What is left of a reader, for a consumer of the C interface.
struct Stream {
    batches: Shared,
    schema: SchemaRef,
    failure: Arc<Mutex<Option<Failure>>>,
    _connection: Option<Py<PyAny>>,
}

impl Iterator for Stream {
    type Item = Result<Rows, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.batches.lock().next_batch();
        read.map_err(|failure| {
            let error = ArrowError::ExternalError(failure.to_string().into());
            let mut kept = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(failure);
            error
        })
        .transpose()
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
