//! What is asked of the head and told to it, and what is told here.
//!
//! Owns: how long answers may take. Does not own: their form, which is that of `wire` in plain Python values, or what
//! is asked (`aktis._kernel.queries`).

use std::time::Duration;

use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use roles::worker::Event;
use runtime::clock;
use runtime::engine::EngineError;
use wire::Answer;

use crate::engine::{Engine, deadline, interruptible, seconds, waiting};
use crate::error;

/// How long an answer of the head may take before the question fails.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

#[pymethods]
impl Engine {
    /// Asks the head, and gives its answer.
    #[pyo3(signature = (question, /, timeout_s=None))]
    fn ask<'py>(
        &self,
        question: &Bound<'py, PyAny>,
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = depythonize(question)?;
        let until = deadline(timeout_s)?.unwrap_or_else(|| clock::now() + ANSWER_PATIENCE);
        let answer =
            waiting(question.py(), Some(until), |patience| self.core().ask(asked, patience))?;
        answered(question.py(), &answer)
    }

    /// Says something to the head.
    #[pyo3(signature = (message, /))]
    fn tell(&self, message: &Bound<'_, PyAny>) -> PyResult<()> {
        error::done(self.core().step(Event::Tell(depythonize(message)?)))
    }

    /// Lines of workers, and how many were dropped before; None once it closed and all were taken.
    fn next_lines<'py>(
        &self,
        py: Python<'py>,
        timeout_s: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let until = deadline(Some(timeout_s))?;
        match interruptible(py, until, |patience| self.core().next_lines(patience))? {
            Err(EngineError::Closed | EngineError::NodeDied(_)) => Ok(None),
            lines => Ok(Some(pythonize(py, &error::done(lines)?)?)),
        }
    }

    /// Waits, at most so long, until all that workers wrote before now is there for `next_lines`.
    #[pyo3(signature = (timeout_s, /))]
    fn await_lines(&self, py: Python<'_>, timeout_s: f64) -> PyResult<()> {
        waiting(py, deadline(Some(timeout_s))?, |patience| self.core().await_lines(patience))
    }

    /// Keeps a span of the user's own for the timeline.
    fn record_span(&self, py: Python<'_>, name: String, ran_s: f64) -> PyResult<()> {
        let (job, ran) = (self.process.parent(py)?.job(), seconds(ran_s)?);
        self.core().record_span(job, name, ran);
        Ok(())
    }
}

/// An answer of the head, or the exception that it is.
pub(crate) fn answered<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    if let Answer::Failed(failure) = answer {
        return Err(error::of_failure(failure));
    }
    Ok(pythonize(py, answer)?)
}
