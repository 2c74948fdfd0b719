//! A task that runs here, as Python sees it.
//!
//! Owns: what can be asked about it. Does not own: how it is run (`work`, `aktis._kernel.execute`), or how it ends
//! (`outcome`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pythonize::pythonize;
use roles::worker::Interrupt;
use runtime::clock;
use runtime::engine::Running;
use types::{ActorId, Callee, Returns, TaskId, Timestamp};

use crate::current::{self, Process};
use crate::engine::{deadline, waiting};
use crate::{arguments, work};

/// One run of a function, constructor or method.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Execution {
    /// Where it runs.
    pub(crate) process: Arc<Process>,
    /// What runs.
    pub(crate) running: Box<Running>,
    /// Since when.
    pub(crate) began: Timestamp,
}

impl Execution {
    pub(crate) fn new(process: &Arc<Process>, running: Box<Running>) -> Self {
        process.begins(running.task);
        let (process, began) = (Arc::clone(process), clock::now());
        Self { process, running, began }
    }

    /// Why it is to end, if it is.
    pub(crate) fn interrupt(&self) -> Option<Interrupt> {
        self.process.engine.interruption(self.running.task)
    }

    /// Whether it runs a function: its CPUs are lent to others while it waits.
    pub(crate) fn is_plain_task(&self) -> bool {
        self.running.template.callee == Callee::Function
    }

    /// Whether one call makes all there is to it.
    pub(crate) fn is_single_call(&self) -> bool {
        matches!(self.running.template.returns, Returns::Count(0 | 1))
            && !self.method().starts_with("__")
    }

    pub(crate) fn is_constructor(&self) -> bool {
        self.running.template.callee == Callee::Constructor
    }

    /// Whether it is a method that was told that nobody wants its result.
    pub(crate) fn is_cancelled_call(&self) -> bool {
        let is_method = matches!(self.running.template.callee, Callee::Method { .. });
        is_method && self.interrupt() == Some(Interrupt::Cancelled)
    }
}

#[pymethods]
impl Execution {
    #[getter]
    fn task_id(&self) -> [u8; TaskId::LEN] {
        *self.running.task.bytes()
    }

    #[getter]
    fn actor_id(&self) -> Option<[u8; ActorId::LEN]> {
        self.running.task.actor().map(|actor| *actor.bytes())
    }

    #[getter]
    fn job(&self) -> u32 {
        self.running.task.job().0
    }

    /// What people call it.
    #[getter]
    fn name(&self) -> &str {
        &self.running.template.name
    }

    /// The method's name; "" for functions and constructors.
    #[getter]
    fn method(&self) -> &str {
        match &self.running.template.callee {
            Callee::Method { name, .. } => name,
            Callee::Function | Callee::Constructor => "",
        }
    }

    /// "value", "parts", "stream" or "dynamic".
    #[getter]
    fn returns(&self) -> &'static str {
        match self.running.template.returns {
            Returns::Count(0 | 1) => "value",
            Returns::Count(_) => "parts",
            Returns::Stream => "stream",
            Returns::Dynamic => "dynamic",
        }
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.running.attempt
    }

    /// The runtime environment as JSON; "" is none.
    #[getter]
    fn environment(&self) -> &str {
        &self.running.template.shape.environment
    }

    /// Why it is to end: "cancelled" or "timed_out"; "" if it is not.
    #[getter]
    fn interruption(&self) -> &'static str {
        match self.interrupt() {
            Some(Interrupt::Cancelled) => "cancelled",
            Some(Interrupt::TimedOut) => "timed_out",
            None => "",
        }
    }

    /// What it has in common with other calls.
    fn template<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.running.template)?)
    }

    /// What is held for it.
    fn assignment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.running.assignment)?)
    }

    /// The actor that it makes; None if it makes none.
    fn actor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.running.actor)?)
    }

    /// What it calls: a function, a class, or a method of the instance.
    pub(crate) fn callee<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.running.template.callee {
            Callee::Function | Callee::Constructor => {
                self.process.function(py, self.running.template.function, self.running.task.job())
            }
            Callee::Method { name, .. } => self.process.instance(py)?.getattr(name.as_str()),
        }
    }

    /// Positional and keyword arguments.
    fn arguments<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (positional, named) = arguments::decode(py, &self.running)?;
        Ok((positional, named.unwrap_or_else(|| PyDict::new(py))))
    }

    /// Waits, at most so long, while the consumer has as many of the `yielded` items to take as may be; whether it took
    /// enough.
    fn wait_consumed(&self, py: Python<'_>, yielded: u32, timeout_s: f64) -> PyResult<bool> {
        let count = match self.running.template.look_ahead {
            Some(ahead) if yielded >= ahead => yielded - ahead + 1,
            Some(_) | None => return Ok(true),
        };
        let (until, engine) = (deadline(Some(timeout_s))?, &self.process.engine);
        waiting(py, until, |patience| engine.await_consumed(self.running.task, count, patience))
    }

    /// Runs it to its end on this thread.
    fn run(slf: Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        work::run(py, slf.unbind())
    }

    /// Calls `function` on behalf of this execution.
    fn run_as<'py>(
        slf: Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        current::on_behalf_of(slf.unbind(), || function.call0())
    }
}
