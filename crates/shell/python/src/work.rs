//! Runs tasks one after the other on the calling thread.
//!
//! Owns: the short way from a task to its result, without a line of Python besides the user's. Does not own: what
//! takes more than one call (`aktis._kernel.execute`), or who runs on which thread (`aktis._kernel.worker_main`).

use std::sync::Arc;

use pyo3::prelude::*;
use runtime::engine::{EngineError, Running};

use crate::current::{self, Process};
use crate::execution::Execution;
use crate::{arguments, engine, error, hooks, outcome};

/// Runs tasks of `group` until the engine closes, or until one is to make an actor, which is returned.
pub(crate) fn work(
    py: Python<'_>,
    process: &Arc<Process>,
    group: &str,
) -> PyResult<Option<Py<Execution>>> {
    loop {
        let next = engine::interruptible(py, |interrupted| {
            process.engine.next_task(group, None, interrupted)
        })?;
        let running = match next {
            Ok(Some(running)) => running,
            Ok(None) => continue,
            Err(EngineError::Closed) => return Ok(None),
            Err(error) => return Err(error::of_engine(py, error)),
        };
        let execution = Py::new(py, Execution::new(process, running))?;
        if execution.get().is_constructor() {
            return Ok(Some(execution));
        }
        run(py, execution)?;
    }
}

/// Runs a task for a thread that waits meanwhile.
pub(crate) fn help(py: Python<'_>, process: &Arc<Process>, running: Box<Running>) -> PyResult<()> {
    run(py, Py::new(py, Execution::new(process, running))?)
}

/// Runs an execution to its end.
pub(crate) fn run(py: Python<'_>, execution: Py<Execution>) -> PyResult<()> {
    let process = Arc::clone(execution.get().process());
    process.began(py, &execution);
    let here = execution.clone_ref(py);
    current::on_behalf_of(here, || {
        let attempted = attempt(py, &process, &execution);
        match attempted {
            Ok(()) => Ok(()),
            Err(error) => report(py, &execution, error),
        }
    })
}

fn attempt(py: Python<'_>, process: &Process, execution: &Py<Execution>) -> PyResult<()> {
    let this = execution.get();
    if process.prepare_for(this) {
        let prepared = hooks::prepare(py)?.call1((execution,));
        prepared.inspect_err(|_error| process.forget_preparation())?;
    }
    if !this.is_single_call() {
        return hooks::run(py)?.call1((execution,)).map(drop);
    }
    let target = this.target(py)?;
    let (positional, named) = arguments::decode(py, this.running())?;
    let value = target.call(positional, named.as_ref())?;
    outcome::returned(this, &value)
}

/// Says how the user's code failed; if even that fails, in words.
fn report(py: Python<'_>, execution: &Py<Execution>, error: PyErr) -> PyResult<()> {
    let error = error.into_value(py);
    let told = hooks::report_error(py).and_then(|report| report.call1((execution, &error)));
    match told {
        Ok(_) => Ok(()),
        Err(second) if execution.get().has_ended() => Err(second),
        Err(second) => {
            let text = format!("{error}\nIts story cannot be told whole: {second}");
            outcome::failed(execution.get(), py, outcome::raised(&[], text), false, 0)
        }
    }
}
