//! How executions end.
//!
//! Owns: results and errors on their way to the engine. Does not own: what follows from them (`roles::worker`).

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Event;
use runtime::clock;
use types::{ActorEnd, Failure, ObjectId, Payload, Returns, Stored};
use wire::to_worker::Outcome;

use crate::error;
use crate::execution::Execution;
use crate::values::{self, with_encoded};

#[pymethods]
impl Execution {
    /// Ends with what the user's code returned: one value, or as many as there are returns.
    ///
    /// # Errors
    /// If it cannot be pickled or has not as many parts as there are returns.
    pub(crate) fn finish(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let task = self.running.task;
        if self.is_cancelled_call() {
            return self.report_failure(Failure::Cancelled(task), false);
        }
        let outputs = match self.running.template.returns {
            Returns::Count(0) => Vec::new(),
            Returns::Count(1) | Returns::Dynamic => vec![self.stored(task.output(1), value)?],
            Returns::Count(count) => self.several(value, count)?,
            Returns::Stream => {
                return Err(PyTypeError::new_err("a stream ends with the number of its items"));
            }
        };
        self.report(Outcome::Returned(outputs))
    }

    /// Ends a stream of so many items.
    fn finish_stream(&self, count: u32) -> PyResult<()> {
        self.report(Outcome::Streamed(count))
    }

    /// Ends with an error: its pickle, its story for people, and whether to try again.
    #[pyo3(signature = (error, text, *, retriable))]
    pub(crate) fn fail(&self, error: &[u8], text: String, retriable: bool) -> PyResult<()> {
        let failure = Failure::Raised { error: Payload::from(error), text };
        self.report_failure(failure, retriable)
    }

    /// Ends because its actor leaves.
    fn fail_leaving(&self) -> PyResult<()> {
        let actor = self.running.task.actor();
        let actor = actor.ok_or_else(|| PyTypeError::new_err("only an actor can leave"))?;
        error::done(self.process.engine.step(Event::Leave))?;
        self.report_failure(Failure::ActorDied(actor, ActorEnd::Exited), false)
    }

    /// Yields an item of a stream.
    fn yield_item(&self, index: u32, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let task = self.running.task;
        // The object of the whole has index 1, the first item index 2.
        let item = self.stored(task.output(index + 2), value)?;
        error::done(self.process.engine.step(Event::Yielded { task, index, item }))
    }
}

impl Execution {
    fn several(&self, value: &Bound<'_, PyAny>, count: u32) -> PyResult<Vec<Stored>> {
        let (py, name) = (value.py(), &self.running.template.name);
        let values = py.get_type::<PyList>().call1((value,)).map_err(|error| {
            if !error.is_instance_of::<PyTypeError>(py) || value.hasattr("__iter__").unwrap_or(true)
            {
                return error;
            }
            PyTypeError::new_err(format!(
                "{name} has num_returns={count}, but what it returned has no parts"
            ))
        })?;
        let values = values.cast_into::<PyList>()?;
        if values.len() != count as usize {
            let len = values.len();
            let text = format!("{name} has num_returns={count}, but returned {len} values");
            return Err(PyValueError::new_err(text));
        }
        let objects = (1..=count).map(|index| self.running.task.output(index));
        objects.zip(values.iter()).map(|(object, value)| self.stored(object, &value)).collect()
    }

    fn stored(&self, object: ObjectId, value: &Bound<'_, PyAny>) -> PyResult<Stored> {
        let name = &self.running.template.name;
        let named = || (format!("the result of {name}()"), "it".to_owned());
        with_encoded(value, &named, |encoded, refs| {
            let contains = values::refs_of(&refs);
            self.keep(refs);
            let (process, owner) = (&self.process, self.running.owner);
            let value = values::output(value.py(), process, object, owner, encoded)?;
            Ok(Stored { value, contains })
        })
    }

    fn report_failure(&self, failure: Failure, retriable: bool) -> PyResult<()> {
        self.report(Outcome::Failed { failure: Arc::new(failure), retriable })
    }

    fn report(&self, outcome: Outcome) -> PyResult<()> {
        let ran = clock::now().since(self.began);
        let told = self.process.engine.finish(&self.running, outcome, ran);
        self.release_kept();
        error::done(told)
    }
}
