//! Wakes Python once for many completions.
//!
//! Owns: who waits for which object. Does not own: futures and loops (`aktis._kernel.awaiting`).

use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Source;
use runtime::engine::{Completion, Data, EngineError, Handle};
use types::{Map, ObjectId};

use crate::current::{Process, lock};
use crate::engine::interruptible;
use crate::objectref::ObjectRef;
use crate::{error, values};

/// The content of an object that came, kept until somebody asks for its value.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Arrival {
    handle: Handle,
    data: Data,
}

/// Waiters by object.
pub(crate) type Waiters = Map<ObjectId, Vec<Py<PyAny>>>;

/// Has `waiter` told once the object is there.
pub(crate) fn watch(
    process: &Process,
    reference: &Bound<'_, ObjectRef>,
    waiter: Py<PyAny>,
) -> PyResult<()> {
    let handle = reference.get().handle()?;
    lock(&process.waiters).entry(handle.object()).or_default().push(waiter);
    process.engine.watch(handle).map_err(|error| error::of_engine(reference.py(), error))
}

/// The content of a ref, if it is here.
pub(crate) fn arrival(reference: &ObjectRef) -> PyResult<Option<Arrival>> {
    let handle = reference.handle()?;
    Ok(handle.data().map(|data| Arrival { handle: handle.clone(), data }))
}

/// Waiters whose objects are there, each with its arrival; `None` once the engine closed. Waits for some.
pub(crate) fn next<'py>(
    process: &Process,
    py: Python<'py>,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let came = match interruptible(py, |interrupted| {
        process.engine.next_completions(None, interrupted)
    })? {
        Ok(came) => came,
        Err(EngineError::Closed | EngineError::NodeDied(_) | EngineError::Interrupted) => {
            return Ok(None);
        }
        Err(error) => return Err(error::of_engine(py, error)),
    };
    let told = PyList::empty(py);
    for Completion { handle, data } in came {
        let waiters = lock(&process.waiters).remove(&handle.object());
        for waiter in waiters.into_iter().flatten() {
            told.append((waiter, Arrival { handle: handle.clone(), data: data.clone() }))?;
        }
    }
    Ok(Some(told))
}

#[pymethods]
impl Arrival {
    /// The value; raises the error of an object that failed.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::decode(py, &self.data, Source::Value(self.handle.object()))
    }
}
