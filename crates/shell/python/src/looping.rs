//! What the event loop of an async actor is told at each of its turns.
//!
//! Owns: the conversion. Does not own: the loop (`aktis._kernel.loops`), or how its thread waits
//! (`runtime::engine`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Interrupt;
use runtime::engine::{Channel, News};
use types::TaskId;

use crate::current::Process;
use crate::engine::{deadline, waiting};
use crate::execution::Execution;
use crate::{completion, error};

/// Executions that may begin, those that are to end, waiters of what came, and whether the loop is to look at its own
/// descriptors.
pub(crate) type Turn<'py> = (Vec<Execution>, Vec<Py<Execution>>, Bound<'py, PyList>, bool);

/// Waits, at most so long, until something concerns the loop.
pub(crate) fn attend<'py>(
    process: &Arc<Process>,
    py: Python<'py>,
    timeout_s: Option<f64>,
) -> PyResult<Turn<'py>> {
    let news = if timeout_s.is_some_and(|limit| limit <= 0.0) {
        process.engine.news().map_err(|error| error::of_engine(py, error))?
    } else {
        let until = deadline(timeout_s)?;
        waiting(py, |interrupted| process.engine.attend(until, interrupted))?
    };
    let News { tasks, interrupts, completions, descriptors } = news;
    let begin = tasks.into_iter().map(|running| Execution::new(process, running)).collect();
    let end = interrupted(process, py, interrupts);
    let told = completion::told(process, py, Channel::SERVED_LOOP, completions)?;
    Ok((begin, end, told, descriptors))
}

/// The executions of these tasks, which know from now on why they are to end.
pub(crate) fn interrupted(
    process: &Process,
    py: Python<'_>,
    interrupts: Vec<(TaskId, Interrupt)>,
) -> Vec<Py<Execution>> {
    let running = |(task, why): (TaskId, Interrupt)| {
        let execution = process.execution_of(py, task)?;
        execution.get().interrupt(why);
        Some(execution)
    };
    interrupts.into_iter().filter_map(running).collect()
}
