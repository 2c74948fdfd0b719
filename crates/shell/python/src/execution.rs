//! A task that runs here, as Python sees it.
//!
//! Owns: what can be asked about it. Does not own: how it is run (`work`, `aktis._kernel.execute`), or how it ends
//! (`outcome`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pythonize::pythonize;
use roles::worker::Interrupt;
use runtime::clock;
use runtime::engine::{Handle, Running};
use types::{ActorId, Callee, Returns, TaskId, Timestamp};

use crate::current::{self, Process, lock};
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
    ended: AtomicBool,
    /// Refs inside its results, until these are reported.
    kept: Mutex<Vec<Handle>>,
}

impl Execution {
    pub(crate) fn new(process: &Arc<Process>, running: Box<Running>) -> Self {
        let (process, began) = (Arc::clone(process), clock::now());
        let (ended, kept) = (AtomicBool::new(false), Mutex::default());
        Self { process, running, began, ended, kept }
    }

    /// Why it is to end, if it is. Once the engine ended, nobody knows.
    pub(crate) fn interrupt(&self) -> Option<Interrupt> {
        self.process.engine.interruption(self.running.task).ok().flatten()
    }

    /// Whether it runs a function: its CPUs are lent to others while it waits.
    pub(crate) fn is_plain_task(&self) -> bool {
        self.running.template.callee == Callee::Function
    }

    /// Whether one call makes all there is to it.
    pub(crate) fn is_single_call(&self) -> bool {
        matches!(self.running.template.returns, Returns::Count(_))
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

    /// Keeps these until its results are reported.
    pub(crate) fn keep(&self, mut handles: Vec<Handle>) {
        if !handles.is_empty() {
            lock(&self.kept).append(&mut handles);
        }
    }

    /// Its results are reported.
    pub(crate) fn release_kept(&self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(std::mem::take(&mut *lock(&self.kept)));
    }

    /// Whether its results, or why there are none, are reported.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
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

    /// "count", "stream" or "dynamic".
    #[getter]
    fn returns(&self) -> &'static str {
        match self.running.template.returns {
            Returns::Count(_) => "count",
            Returns::Stream => "stream",
            Returns::Dynamic => "dynamic",
        }
    }

    #[getter]
    fn look_ahead(&self) -> Option<u32> {
        self.running.template.look_ahead
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

    /// Begins: what a thread without an execution submits belongs to it from now on.
    fn begin(&self) {
        self.process.began(self.running.task);
    }

    /// Waits, at most so long, until the consumer took `count` items; whether it did.
    fn wait_consumed(&self, py: Python<'_>, count: u32, timeout_s: f64) -> PyResult<bool> {
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

    fn __repr__(&self) -> String {
        format!("<execution of {} as {}>", self.running.template.name, self.running.task)
    }
}
