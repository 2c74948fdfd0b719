//! The engine as Python calls it: the class `Engine`, how a process begins and ends to be one, and how calls wait.
//!
//! Owns: which calls let go of the GIL, and how waits are interrupted. Does not own: any of the work
//! (`runtime::engine`), or the other methods of the class: those lie with what they are about.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use roles::worker::Event;
use runtime::clock;
use runtime::engine::{Engine as Core, Outcomes, Patience};
use types::{JobId, Timestamp, WorkerId};
use wire::ToNode;

use crate::current::{self, Process};
use crate::error;

/// A process of the cluster that runs user code.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Engine {
    /// What it knows of itself.
    pub(crate) process: Arc<Process>,
}

/// Calls `call` without the GIL. It may wait until `deadline`: signals end it.
///
/// # Errors
/// What the handler of a signal raised, or what the engine says.
pub(crate) fn waiting<T: Send>(
    py: Python<'_>,
    deadline: Option<Timestamp>,
    call: impl FnOnce(Patience<'_>) -> Outcomes<T> + Send,
) -> PyResult<T> {
    interruptible(py, deadline, call).and_then(error::done)
}

/// The same, with what the engine says as a value.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    deadline: Option<Timestamp>,
    call: impl FnOnce(Patience<'_>) -> Outcomes<T> + Send,
) -> PyResult<Outcomes<T>> {
    let (mut raised, caller) = (None, current::caller(py)?);
    let mut interrupted = || match Python::try_attach(|py| py.check_signals()) {
        Some(Ok(())) => current::is_interrupted_aside(),
        Some(Err(error)) => {
            raised = Some(error);
            true
        }
        // The interpreter is ending, and with it this wait.
        None => true,
    };
    let outcome = py.detach(|| call(Patience { deadline, caller, interrupted: &mut interrupted }));
    raised.map_or(Ok(outcome), Err)
}

/// The moment so many seconds from now.
pub(crate) fn deadline(timeout_s: Option<f64>) -> PyResult<Option<Timestamp>> {
    Ok(timeout_s.map(seconds).transpose()?.map(|span| clock::now() + span))
}

/// A span from a number of seconds.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|why| PyValueError::new_err(format!("{seconds} is no number of seconds: {why}")))
}

#[expect(unsafe_code, reason = "a descriptor that Python hands over is a number only")]
pub(crate) fn adopted(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the descriptor was inherited or made for the engine, and nobody else in this process closes it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

impl Engine {
    pub(crate) fn core(&self) -> &Core {
        &self.process.engine
    }

    /// Puts the process into use.
    fn started(engine: Arc<Core>, job: Option<JobId>) -> Self {
        let process = Arc::new(Process::new(engine, job));
        current::set_process(Some(Arc::clone(&process)));
        Self { process }
    }
}

#[pymethods]
impl Engine {
    /// Joins a cluster as a driver and puts this process into use.
    #[staticmethod]
    #[pyo3(signature = (options, /))]
    fn connect(options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, options) = (options.py(), depythonize(options)?);
        let (engine, job) =
            waiting(py, None, |patience| Core::connect_driver(options, patience.interrupted))?;
        Ok(Self::started(engine, Some(job)))
    }

    /// Takes up the work of a worker process; the descriptor belongs to the engine from now on.
    #[staticmethod]
    fn start_worker(py: Python<'_>, control: RawFd, worker: u64) -> PyResult<Self> {
        let (control, worker) = (adopted(control), WorkerId::from_u64(worker));
        let engine = waiting(py, None, |_patience| Core::start_worker(control, worker))?;
        Ok(Self::started(engine, None))
    }

    /// Leaves the cluster.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core().close());
        current::set_process(None);
    }

    fn flush(&self) -> PyResult<()> {
        error::done(self.core().flush())
    }

    /// A number for a template: each of this process gets another.
    fn new_number(&self) -> u64 {
        self.core().new_number()
    }

    /// Who this process is.
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, self.core().identity())?)
    }

    /// The job on whose behalf this thread works.
    #[getter]
    fn job(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(self.process.parent(py)?.job().0)
    }

    /// The actor here leaves after what it is doing.
    fn leave(&self) -> PyResult<()> {
        error::done(self.core().step(Event::Leave))
    }

    /// What this process is called in the driver's terminal.
    fn set_title(&self, title: String) -> PyResult<()> {
        error::done(self.core().step(Event::TellNode(ToNode::Named(title))))
    }
}
