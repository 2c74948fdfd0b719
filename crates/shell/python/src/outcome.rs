//! How executions end.
//!
//! Owns: results and errors on their way to the engine. Does not own: what follows from them (`roles::worker`).

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use runtime::engine::Engine;
use types::{ActorEnd, Failure, ObjectId, Payload, Returns, Stored};
use wire::to_worker::Outcome;

use crate::error;
use crate::execution::Execution;
use crate::values::{self, with_encoded};

/// The user's code returned `value`.
///
/// # Errors
/// If it cannot be pickled or has not as many parts as there are returns.
pub(crate) fn returned(execution: &Execution, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let task = execution.running().task;
    if execution.is_cancelled_call() {
        return failed(execution, value.py(), Failure::Cancelled(task), false, 0);
    }
    let outputs = match execution.running().template.returns {
        Returns::Count(0) => Vec::new(),
        Returns::Count(1) | Returns::Dynamic => vec![stored(execution, task.output(1), value)?],
        Returns::Count(count) => several(execution, value, count)?,
        Returns::Stream => {
            return Err(PyTypeError::new_err("a stream ends with the number of its items"));
        }
    };
    report(execution, value.py(), Outcome::Returned(outputs))
}

/// A generator yielded its last item.
pub(crate) fn streamed(execution: &Execution, py: Python<'_>, count: u32) -> PyResult<()> {
    report(execution, py, Outcome::Streamed(count))
}

/// The user's code failed.
pub(crate) fn failed(
    execution: &Execution,
    py: Python<'_>,
    failure: Failure,
    retriable: bool,
    yielded: u32,
) -> PyResult<()> {
    report(execution, py, Outcome::Failed { failure: Arc::new(failure), retriable, yielded })
}

/// The actor leaves, and this call ends with it.
pub(crate) fn left(execution: &Execution, py: Python<'_>) -> PyResult<()> {
    let actor = execution.running().task.actor();
    let actor = actor.ok_or_else(|| PyTypeError::new_err("only an actor can leave"))?;
    let leaving = execution.process().engine.leave();
    leaving.map_err(|error| error::of_engine(py, error))?;
    failed(execution, py, Failure::ActorDied(actor, ActorEnd::Exited), false, 0)
}

/// A generator yielded an item.
pub(crate) fn yielded(execution: &Execution, index: u32, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let task = execution.running().task;
    // The object of the whole has index 1, the first item index 2.
    let item = stored(execution, task.output(index + 2), value)?;
    let told = execution.process().engine.yielded(task, index, item);
    told.map_err(|error| error::of_engine(value.py(), error))
}

/// The failure that an error of the user's code is.
pub(crate) fn raised(error: &[u8], text: String) -> Failure {
    Failure::Raised { error: Payload::from(error), text }
}

fn several(execution: &Execution, value: &Bound<'_, PyAny>, count: u32) -> PyResult<Vec<Stored>> {
    let py = value.py();
    let name = &execution.running().template.name;
    let values = py.get_type::<PyList>().call1((value,)).map_err(|error| {
        if !error.is_instance_of::<PyTypeError>(py) || value.hasattr("__iter__").unwrap_or(true) {
            return error;
        }
        PyTypeError::new_err(format!(
            "{name} has num_returns={count}, but what it returned has no parts"
        ))
    })?;
    let values = values.cast_into::<PyList>()?;
    if values.len() != count as usize {
        let text = format!("{name} has num_returns={count}, but returned {} values", values.len());
        return Err(PyValueError::new_err(text));
    }
    let task = execution.running().task;
    (1..=count)
        .zip(values.iter())
        .map(|(index, value)| stored(execution, task.output(index), &value))
        .collect()
}

fn stored(execution: &Execution, object: ObjectId, value: &Bound<'_, PyAny>) -> PyResult<Stored> {
    let (process, owner) = (execution.process(), execution.running().owner);
    with_encoded(value, |encoded, refs| {
        let contains = values::refs_of(&refs);
        execution.keep(refs);
        let value = values::output(value.py(), process, object, owner, encoded)?;
        Ok(Stored { value, contains })
    })
}

fn report(execution: &Execution, py: Python<'_>, outcome: Outcome) -> PyResult<()> {
    let process = execution.process();
    process.ended(execution.running().task);
    let ran = Engine::now().since(execution.began());
    let told = process.engine.finish(execution.running(), outcome, ran);
    execution.release_kept();
    told.map_err(|error| error::of_engine(py, error))
}
