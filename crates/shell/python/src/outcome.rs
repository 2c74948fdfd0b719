//! How executions end.
//!
//! Owns: results and errors on their way to the engine. Does not own: what follows from them (`roles::worker`).

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use roles::worker::Event;
use runtime::clock;
use runtime::engine::Handle;
use types::{ActorEnd, Failure, ObjectId, Payload, Returns, Stored};
use wire::to_worker::Outcome;

use crate::error;
use crate::execution::Execution;
use crate::values::{self, with_encoded};

#[pymethods]
impl Execution {
    /// Ends with what the user's code returned: one value, or a list of as many as there are returns.
    ///
    /// # Errors
    /// If it cannot be pickled.
    pub(crate) fn finish(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let task = self.running.task;
        if self.is_cancelled_call() {
            return self.report_failure(Failure::Cancelled(task), false);
        }
        let mut kept = Vec::new();
        let outputs = match self.running.template.returns {
            Returns::Count(0) => Vec::new(),
            Returns::Count(1) | Returns::Dynamic => {
                vec![self.stored(task.output(1), value, &mut kept)?]
            }
            Returns::Count(count) => (1..=count)
                .zip(value.try_iter()?)
                .map(|(index, part)| self.stored(task.output(index), &part?, &mut kept))
                .collect::<PyResult<_>>()?,
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
        let mut kept = Vec::new();
        let item = self.stored(task.output(index + 2), value, &mut kept)?;
        error::done(self.process.engine.step(Event::Yielded { task, index, item }))
    }
}

impl Execution {
    /// A value as it is stored. The refs in it must be kept until it is reported.
    fn stored(
        &self,
        object: ObjectId,
        value: &Bound<'_, PyAny>,
        kept: &mut Vec<Handle>,
    ) -> PyResult<Stored> {
        let name = &self.running.template.name;
        let named = || (format!("the result of {name}()"), "it".to_owned());
        with_encoded(value, &named, |encoded, mut refs| {
            let contains = values::refs_of(&refs);
            kept.append(&mut refs);
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
        error::done(self.process.engine.finish(&self.running, outcome, ran))
    }
}
