//! Failures and errors of the engine as exceptions.
//!
//! Owns: which exception an error of the engine is. Does not own: classes, words, and what becomes of failures
//! (`aktis.exceptions`).

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use runtime::engine::{EngineError, Outcomes};
use types::Failure;

use crate::hooks;

/// What the engine answered, or the exception for its error.
pub(crate) fn done<T>(outcome: Outcomes<T>) -> PyResult<T> {
    outcome.map_err(of_engine)
}

/// The exception for an error of the engine itself.
pub(crate) fn of_engine(error: EngineError) -> PyErr {
    match error {
        EngineError::NodeDied(why) => of_failure(&Failure::LocalNodeDied(why)),
        EngineError::Failed(failure) => of_failure(&failure),
        EngineError::NotConnected(_) => PyConnectionError::new_err(error.to_string()),
        EngineError::Repeated(_) => PyValueError::new_err(error.to_string()),
        EngineError::TimedOut => {
            made(|py| hooks::get_timeout_error(py)?.call1((error.to_string(),)))
        }
        EngineError::Forked | EngineError::Closed | EngineError::Interrupted => {
            PyRuntimeError::new_err(error.to_string())
        }
    }
}

/// The exception that stands for `failure`.
pub(crate) fn of_failure(failure: &Failure) -> PyErr {
    made(|py| hooks::from_failure(py)?.call1((pythonize(py, failure)?, failure.to_string())))
}

/// What a failure says to people.
#[pyfunction]
pub(crate) fn sentence(failure: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(depythonize::<Failure>(failure)?.to_string())
}

fn made(make: impl FnOnce(Python<'_>) -> PyResult<Bound<'_, PyAny>>) -> PyErr {
    Python::attach(|py| make(py).map_or_else(|error| error, PyErr::from_value))
}
