//! The Python module: what is described in `dativo_pgcopy.pyi`.

mod arrow;
mod chunks;
mod errors;
mod reader;

use pyo3::prelude::*;

/// Grows when formats or arguments change their meaning.
const FORMAT_VERSION: u32 = 1;

#[pymodule]
fn dativo_pgcopy(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("FORMAT_VERSION", FORMAT_VERSION)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("CopyError", py.get_type::<errors::CopyError>())?;
    module.add(
        "CopyStoppedError",
        py.get_type::<errors::CopyStoppedError>(),
    )?;
    module.add("MalformedError", py.get_type::<errors::MalformedError>())?;
    module.add(
        "ValueRefusedError",
        py.get_type::<errors::ValueRefusedError>(),
    )?;
    module.add_class::<reader::CopyReader>()?;
    module.add_class::<arrow::RecordBatch>()?;
    module.add_function(wrap_pyfunction!(reader::decode, module)?)
}
