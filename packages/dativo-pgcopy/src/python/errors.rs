//! The exceptions.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::fault::Failure;

create_exception!(
    dativo_pgcopy,
    CopyError,
    PyException,
    "There is no next batch."
);
create_exception!(
    dativo_pgcopy,
    CopyStoppedError,
    CopyError,
    "Rows stopped coming before the end; the connection knows why."
);
create_exception!(
    dativo_pgcopy,
    MalformedError,
    CopyError,
    "The bytes are no COPY data of these columns."
);
create_exception!(
    dativo_pgcopy,
    ValueRefusedError,
    CopyError,
    "The delivered type has no place for a value."
);

/// Make the exception that tells of `failure`.
pub fn exception(py: Python<'_>, failure: Failure) -> PyErr {
    let text = failure.to_string();
    match failure {
        Failure::Refused {
            column,
            row,
            reason,
        } => {
            let error = ValueRefusedError::new_err(text);
            let value = error.value(py);
            let noted = value
                .setattr("column", column)
                .and_then(|()| value.setattr("row", row))
                .and_then(|()| value.setattr("reason", reason));
            noted.err().unwrap_or(error)
        }
        Failure::Malformed(_) => MalformedError::new_err(text),
        Failure::Stopped => CopyStoppedError::new_err(text),
        Failure::Broken(_) => CopyError::new_err(text),
        Failure::Source(error) => match error.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(error) => CopyError::new_err(error.to_string()),
        },
    }
}
