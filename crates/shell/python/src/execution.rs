//! A task that runs here, as Python sees it.
//!
//! Owns: what can be asked about it. Does not own: how it is run (`work`, `aktis._kernel.execute`), or how it ends
//! (`outcome`).

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use roles::worker::Interrupt;
use runtime::engine::{Engine, Handle, Running};
use types::{ActorSpec, Callee, Retry, Returns, Strategy, Timestamp};

use crate::arguments;
use crate::current::{self, Process};
use crate::engine::waiting;
use crate::template::resources_dict;
use crate::{outcome, work};

const GOES_ON: u8 = 0;
const CANCELLED: u8 = 1;
const TIMED_OUT: u8 = 2;

/// Asynchronous, the limit of the default group, and the limits of further ones by name.
type Concurrency = (bool, u32, Vec<(String, u32)>);

/// One run of a function, constructor or method.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Execution {
    process: Arc<Process>,
    running: Box<Running>,
    began: Timestamp,
    interrupt: AtomicU8,
    ended: AtomicBool,
    /// Refs inside its results, until these are reported.
    kept: Mutex<Vec<Handle>>,
}

impl Execution {
    pub(crate) fn new(process: &Arc<Process>, running: Box<Running>) -> Self {
        let (process, began) = (Arc::clone(process), Engine::now());
        let (interrupt, ended, kept) =
            (AtomicU8::new(GOES_ON), AtomicBool::new(false), Mutex::default());
        Self { process, running, began, interrupt, ended, kept }
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    pub(crate) const fn began(&self) -> Timestamp {
        self.began
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

    /// What it calls.
    pub(crate) fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.running.template.callee {
            Callee::Function | Callee::Constructor => {
                self.process.function(py, self.running.template.function, self.running.task.job())
            }
            Callee::Method { name, .. } => self.process.instance(py)?.getattr(name.as_str()),
        }
    }

    pub(crate) fn is_constructor(&self) -> bool {
        self.running.template.callee == Callee::Constructor
    }

    /// Whether it is a method that was told that nobody wants its result.
    pub(crate) fn is_cancelled_call(&self) -> bool {
        let is_method = matches!(self.running.template.callee, Callee::Method { .. });
        is_method && self.interrupt.load(Ordering::Relaxed) == CANCELLED
    }

    /// Keeps these until its results are reported.
    pub(crate) fn keep(&self, mut handles: Vec<Handle>) {
        if !handles.is_empty() {
            current::lock(&self.kept).append(&mut handles);
        }
    }

    /// Its results are reported.
    pub(crate) fn release_kept(&self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(std::mem::take(&mut *current::lock(&self.kept)));
    }

    /// Whether its results, or why there are none, are reported.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Notes that it is to end.
    pub(crate) fn interrupt(&self, why: Interrupt) {
        let why = match why {
            Interrupt::Cancelled => CANCELLED,
            Interrupt::TimedOut => TIMED_OUT,
        };
        self.interrupt.store(why, Ordering::Relaxed);
    }

    fn spec(&self) -> PyResult<&ActorSpec> {
        self.running
            .actor
            .as_deref()
            .ok_or_else(|| PyRuntimeError::new_err("this execution makes no actor"))
    }
}

#[pymethods]
impl Execution {
    #[getter]
    fn task_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.running.task.bytes())
    }

    #[getter]
    fn actor_id<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.running.task.actor().map(|actor| PyBytes::new(py, actor.bytes()))
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

    #[getter]
    fn is_method(&self) -> bool {
        matches!(self.running.template.callee, Callee::Method { .. })
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

    #[getter]
    fn incarnation(&self) -> u32 {
        self.running.incarnation
    }

    /// The runtime environment as JSON; "" is none.
    #[getter]
    fn environment(&self) -> &str {
        &self.running.template.shape.environment
    }

    /// The placement group it runs in.
    #[getter]
    fn group_id<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match &self.running.template.shape.strategy {
            Strategy::Group { group, .. } => Some(PyBytes::new(py, group.bytes())),
            Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
                None
            }
        }
    }

    /// What its lease holds.
    #[getter]
    fn resources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        resources_dict(py, &self.running.assignment.resources)
    }

    /// Indexes of the devices its lease holds, by resource.
    #[getter]
    fn devices<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let devices = PyDict::new(py);
        for (name, shares) in &self.running.assignment.devices {
            devices.set_item(name, shares.iter().map(|share| share.index).collect::<Vec<_>>())?;
        }
        Ok(devices)
    }

    /// Which errors of the user ask for another attempt: True, False, or a pickle of their classes.
    #[getter]
    fn retry_exceptions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.running.template.retries.exceptions {
            Retry::Never => Ok(false.into_pyobject(py)?.to_owned().into_any()),
            Retry::Always => Ok(true.into_pyobject(py)?.to_owned().into_any()),
            Retry::Listed(pickle) => Ok(PyBytes::new(py, pickle).into_any()),
        }
    }

    /// Why it is to end: "cancelled" or "timed_out"; "" if it is not.
    #[getter]
    fn interruption(&self) -> &'static str {
        match self.interrupt.load(Ordering::Relaxed) {
            CANCELLED => "cancelled",
            TIMED_OUT => "timed_out",
            _ => "",
        }
    }

    /// How the actor that it makes runs: asynchronous, the limit of the default group, limits of further groups.
    fn concurrency(&self) -> PyResult<Concurrency> {
        let concurrency = &self.spec()?.concurrency;
        Ok((concurrency.asynchronous, concurrency.calls_max, concurrency.groups.clone()))
    }

    /// The name and namespace of the actor that it makes, if it has a name.
    fn actor_name(&self) -> PyResult<Option<(String, String)>> {
        let name = self.spec()?.name.as_ref();
        Ok(name.map(|full| (full.name.clone(), full.namespace.clone())))
    }

    /// What a handle of the actor that it makes needs to know, pickled.
    fn actor_handle<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.spec()?.handle))
    }

    /// What it calls: a function, a class, or a method of the instance.
    fn callee<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.target(py)
    }

    /// Positional and keyword arguments.
    fn arguments<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (positional, named) = arguments::decode(py, &self.running)?;
        Ok((positional, named.unwrap_or_else(|| PyDict::new(py))))
    }

    /// Begins: this process knows it as running from now on.
    fn begin(slf: Bound<'_, Self>) {
        let py = slf.py();
        slf.get().process.began(py, slf.as_unbound());
    }

    /// Ends with what the user's code returned: one value, or as many as there are returns.
    fn finish(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        outcome::returned(self, value)
    }

    /// Ends a stream of so many items.
    fn finish_stream(&self, py: Python<'_>, count: u32) -> PyResult<()> {
        outcome::streamed(self, py, count)
    }

    /// Ends with an error: its pickle, its story for people, whether to try again, and how many items came before.
    #[pyo3(signature = (error, text, *, retriable, yielded))]
    fn fail(
        &self,
        py: Python<'_>,
        error: &[u8],
        text: String,
        retriable: bool,
        yielded: u32,
    ) -> PyResult<()> {
        outcome::failed(self, py, outcome::raised(error, text), retriable, yielded)
    }

    /// Ends because its actor leaves.
    fn fail_leaving(&self, py: Python<'_>) -> PyResult<()> {
        outcome::left(self, py)
    }

    /// Yields an item of a stream.
    fn yield_item(&self, index: u32, value: &Bound<'_, PyAny>) -> PyResult<()> {
        outcome::yielded(self, index, value)
    }

    /// Waits, at most so long, until the consumer took `count` items; whether it did.
    fn wait_consumed(&self, py: Python<'_>, count: u32, timeout_s: f64) -> PyResult<bool> {
        let deadline = crate::engine::deadline(Some(timeout_s))?;
        let (process, task) = (&self.process, self.running.task);
        waiting(py, |interrupted| process.engine.await_consumed(task, count, deadline, interrupted))
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
