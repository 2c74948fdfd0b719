//! Takes what is to run or to end, and runs tasks one after the other on the calling thread.
//!
//! Owns: the short way from a task to its result, without a line of Python besides the user's. Does not own: what
//! takes more than one call (`aktis._kernel.execute`), who runs on which thread (`aktis._kernel.worker_main`), or the
//! event loop of an async actor (`aktis._kernel.loops`).

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use runtime::engine::{EngineError, News, Outcomes, Patience, Running};
use types::TaskId;

use crate::completion::{Told, told};
use crate::current::{self, Process};
use crate::engine::{Engine, adopted, deadline, interruptible, waiting};
use crate::execution::Execution;
use crate::{arguments, error, hooks};

/// Executions that may begin, the tasks that are to end, what came, and whether the loop is to look at its own
/// descriptors.
type Turn = (Vec<Execution>, Vec<[u8; TaskId::LEN]>, Told, bool);

#[pymethods]
impl Engine {
    /// Runs tasks of a group on this thread until the engine closes, or until one is to make an actor.
    #[pyo3(signature = (group="", /))]
    fn work(&self, py: Python<'_>, group: &str) -> PyResult<Option<Py<Execution>>> {
        while let Some(execution) =
            self.next(py, |patience| self.core().next_task(group, patience))?
        {
            let execution = Py::new(py, execution)?;
            if execution.get().is_constructor() {
                return Ok(Some(execution));
            }
            run(py, execution)?;
        }
        Ok(None)
    }

    /// Runs tasks on this thread while those of the others wait, as long as no other thread is ready to do so.
    fn work_aside(&self, py: Python<'_>) -> PyResult<()> {
        current::work_aside();
        let ready = &self.process.asides_ready;
        while let Some(execution) = self.next(py, |patience| self.core().next_aside(patience))? {
            ready.fetch_sub(1, Ordering::SeqCst);
            hooks::run_aside(py)?.call1((execution,))?;
            if ready.fetch_add(1, Ordering::SeqCst) > 0 {
                ready.fetch_sub(1, Ordering::SeqCst);
                break;
            }
        }
        Ok(())
    }

    /// Running tasks that are to end, each told once. The main thread gets SIGINT when there are some.
    fn take_interrupted(&self) -> Vec<[u8; TaskId::LEN]> {
        bytes_of(self.core().take_interrupted())
    }

    /// From now on this actor lives in this process.
    fn set_instance(&self, py: Python<'_>, instance: Py<PyAny>) -> PyResult<()> {
        self.process.set_instance(py, instance)
    }

    /// Serves the event loop whose poller this is, from its thread; the descriptor belongs to the engine from now on.
    fn serve_loop(&self, poller: RawFd) -> PyResult<()> {
        error::done(self.core().serve_loop(adopted(poller)))
    }

    /// Waits, at most so long, until something concerns the loop that is served.
    #[pyo3(signature = (timeout_s, /))]
    fn attend(&self, py: Python<'_>, timeout_s: Option<f64>) -> PyResult<Turn> {
        let process = &self.process;
        let news = if timeout_s.is_some_and(|limit| limit <= 0.0) {
            error::done(process.engine.news())?
        } else {
            let until = deadline(timeout_s)?;
            waiting(py, until, |patience| process.engine.attend(patience))?
        };
        let News { tasks, interrupted, completions, descriptors } = news;
        let begin = tasks.into_iter().map(|running| Execution::new(process, running)).collect();
        Ok((begin, bytes_of(interrupted), told(completions), descriptors))
    }
}

impl Engine {
    /// What `take` waits for; none once the engine closed.
    fn next(
        &self,
        py: Python<'_>,
        take: impl FnOnce(Patience<'_>) -> Outcomes<Option<Box<Running>>> + Send,
    ) -> PyResult<Option<Execution>> {
        match interruptible(py, None, take)? {
            Err(EngineError::Closed) => Ok(None),
            next => Ok(error::done(next)?.map(|running| Execution::new(&self.process, running))),
        }
    }
}

fn bytes_of(tasks: Vec<TaskId>) -> Vec<[u8; TaskId::LEN]> {
    tasks.into_iter().map(|task| *task.bytes()).collect()
}

/// Runs an execution to its end.
pub(crate) fn run(py: Python<'_>, execution: Py<Execution>) -> PyResult<()> {
    let process = Arc::clone(&execution.get().process);
    let here = execution.clone_ref(py);
    current::on_behalf_of(here, || {
        attempt(py, &process, &execution).or_else(|error| report(py, &execution, error))
    })
}

fn attempt(py: Python<'_>, process: &Process, execution: &Py<Execution>) -> PyResult<()> {
    let this = execution.get();
    process.prepare_for(py, execution)?;
    if !this.is_single_call() {
        return hooks::run(py)?.call1((execution,)).map(drop);
    }
    let target = this.callee(py)?;
    let (positional, named) = arguments::decode(py, &this.running)?;
    let value = target.call(positional, named.as_ref())?;
    this.finish(&value)
}

/// Says how the user's code failed; if even that fails, in words.
fn report(py: Python<'_>, execution: &Py<Execution>, error: PyErr) -> PyResult<()> {
    let error = error.into_value(py);
    let told = hooks::report_error(py).and_then(|report| report.call1((execution, &error)));
    match told {
        Ok(_) => Ok(()),
        Err(second) => {
            let text = format!("{error}\nIts story cannot be told whole: {second}");
            execution.get().fail(&[], text, false)
        }
    }
}
