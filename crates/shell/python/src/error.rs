//! Failures and errors of the engine as exceptions.
//!
//! Owns: the fields that each failure hands over. Does not own: the classes and their words (`aktis.exceptions`).

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use runtime::engine::EngineError;
use types::{ActorEnd, Death, Exit, Failure};

use crate::hooks;

/// The exception that stands for `failure`.
pub(crate) fn of_failure(py: Python<'_>, failure: &Failure) -> PyErr {
    match exception(py, failure) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The exception for an error of the engine itself.
pub(crate) fn of_engine(py: Python<'_>, error: EngineError) -> PyErr {
    match error {
        EngineError::NodeDied(why) => of_failure(py, &Failure::LocalNodeDied(why)),
        EngineError::NotAllocated(failure) => of_failure(py, &failure),
        EngineError::NotConnected(_) => PyConnectionError::new_err(error.to_string()),
        EngineError::Repeated(_) => PyValueError::new_err(error.to_string()),
        EngineError::TimedOut => timed_out(py, &error.to_string()),
        EngineError::Forked | EngineError::Closed | EngineError::Interrupted => {
            PyRuntimeError::new_err(error.to_string())
        }
    }
}

/// The exception for a call whose time passed.
pub(crate) fn timed_out(py: Python<'_>, sentence: &str) -> PyErr {
    match hooks::get_timeout_error(py).and_then(|class| class.call1((sentence,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

fn exception<'py>(py: Python<'py>, failure: &Failure) -> PyResult<Bound<'py, PyAny>> {
    let (kind, fields) = described(py, failure)?;
    hooks::from_failure(py)?.call1((kind, fields))
}

fn described<'py>(
    py: Python<'py>,
    failure: &Failure,
) -> PyResult<(&'static str, Bound<'py, PyDict>)> {
    let fields = PyDict::new(py);
    fields.set_item("sentence", failure.to_string())?;
    let kind = match failure {
        Failure::Raised { error, text } => {
            fields.set_item("error", PyBytes::new(py, error))?;
            fields.set_item("text", text)?;
            "raised"
        }
        Failure::Cancelled(task) => {
            fields.set_item("task", PyBytes::new(py, task.bytes()))?;
            "cancelled"
        }
        Failure::TimedOut(task, limit) => {
            fields.set_item("task", PyBytes::new(py, task.bytes()))?;
            fields.set_item("limit_s", limit.as_secs_f64())?;
            "timed_out"
        }
        Failure::WorkerCrashed { task, death: end } => {
            fields.set_item("name", task)?;
            fields.set_item("death", death(py, end)?)?;
            "worker_crashed"
        }
        Failure::ActorDied(actor, end) => {
            fields.set_item("actor", PyBytes::new(py, actor.bytes()))?;
            fields.set_item("end", actor_end(py, end)?)?;
            "actor_died"
        }
        Failure::ActorUnavailable(actor, why) => {
            fields.set_item("actor", PyBytes::new(py, actor.bytes()))?;
            fields.set_item("why", why)?;
            "actor_unavailable"
        }
        Failure::OwnerDied(object, owner) => {
            fields.set_item("object", PyBytes::new(py, &object.to_bytes()))?;
            fields.set_item("owner", owner.to_string())?;
            "owner_died"
        }
        Failure::ObjectLost(object, why) => {
            fields.set_item("object", PyBytes::new(py, &object.to_bytes()))?;
            fields.set_item("why", why)?;
            "object_lost"
        }
        Failure::ObjectFreed(object) => {
            fields.set_item("object", PyBytes::new(py, &object.to_bytes()))?;
            "object_freed"
        }
        Failure::LocalNodeDied(why) => with_why(&fields, why, "local_node_died")?,
        Failure::StoreFull(why) => with_why(&fields, why, "store_full")?,
        Failure::OutOfDisk(why) => with_why(&fields, why, "out_of_disk")?,
        Failure::Unschedulable(why) => with_why(&fields, why, "unschedulable")?,
        Failure::GroupRemoved(group) => {
            fields.set_item("group", PyBytes::new(py, group.bytes()))?;
            "group_removed"
        }
        Failure::EnvironmentFailed(why) => with_why(&fields, why, "environment_failed")?,
        Failure::StreamChanged(task) => {
            fields.set_item("task", PyBytes::new(py, task.bytes()))?;
            "stream_changed"
        }
    };
    Ok((kind, fields))
}

fn with_why(fields: &Bound<'_, PyDict>, why: &str, kind: &'static str) -> PyResult<&'static str> {
    fields.set_item("why", why)?;
    Ok(kind)
}

fn death<'py>(py: Python<'py>, death: &Death) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let (exit_code, signal) = match death.exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
        Exit::Unknown => (None, None),
    };
    fields.set_item("worker", death.worker.to_string())?;
    fields.set_item("pid", death.pid)?;
    fields.set_item("exit_code", exit_code)?;
    fields.set_item("signal", signal)?;
    fields.set_item("reason", &death.reason)?;
    fields.set_item("peak_memory_bytes", death.peak_memory_bytes)?;
    fields.set_item("last_lines", &death.last_lines)?;
    fields.set_item("sentence", death.to_string())?;
    Ok(fields)
}

fn actor_end<'py>(py: Python<'py>, end: &ActorEnd) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("sentence", end.to_string())?;
    let kind = match end {
        ActorEnd::Process(process) => {
            fields.set_item("death", death(py, process)?)?;
            "process"
        }
        ActorEnd::Constructor { error, text } => {
            fields.set_item("error", PyBytes::new(py, error))?;
            fields.set_item("text", text)?;
            "constructor"
        }
        ActorEnd::NotMade(failure) => {
            fields.set_item("failure", described(py, failure)?)?;
            "not_made"
        }
        ActorEnd::Killed => "killed",
        ActorEnd::Exited => "exited",
        ActorEnd::Unreachable => "unreachable",
        ActorEnd::CreatorEnded(creator) => {
            fields.set_item("creator", creator.to_string())?;
            "creator_ended"
        }
        ActorEnd::Unknown => "unknown",
    };
    fields.set_item("kind", kind)?;
    Ok(fields)
}
