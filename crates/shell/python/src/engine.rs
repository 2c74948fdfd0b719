//! The engine as Python calls it: the class `Engine`, one line of conversion for each call.
//!
//! Owns: which calls let go of the GIL, and how waits are interrupted. Does not own: any of the work
//! (`runtime::engine`), or what larger answers look like (`questions`, `actors`).

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use runtime::engine::{
    Channel as CoreChannel, DriverOptions, Engine as Core, EngineError, Interrupted, Outcomes,
    WorkerOptions,
};
use types::{ActorId, FunctionId, GroupId, JobId, Timestamp, WorkerId};

use crate::completion::Channel;
use crate::current::{self, Process};
use crate::execution::Execution;
use crate::objectref::{ObjectRef, handles_of};
use crate::template::{RuleFields, Template, seconds};
use crate::{actors, calls, error, looping, objects, questions, work};

type Named<'py> = Option<Bound<'py, PyDict>>;

/// A process of the cluster that runs user code.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Engine {
    process: Arc<Process>,
}

/// Calls `call` without the GIL. It may wait: signals end it.
///
/// # Errors
/// What the handler of a signal raised, or what the engine says.
pub(crate) fn waiting<T: Send>(
    py: Python<'_>,
    call: impl FnOnce(Interrupted<'_>) -> Outcomes<T> + Send,
) -> PyResult<T> {
    interruptible(py, call)?.map_err(|error| error::of_engine(py, error))
}

/// The same, with what the engine says as a value.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    call: impl FnOnce(Interrupted<'_>) -> Outcomes<T> + Send,
) -> PyResult<Outcomes<T>> {
    let mut raised = None;
    let outcome = py.detach(|| {
        call(&mut || match Python::try_attach(|py| py.check_signals()) {
            Some(Ok(())) => false,
            Some(Err(error)) => {
                raised = Some(error);
                true
            }
            // The interpreter is ending, and with it this wait.
            None => true,
        })
    });
    raised.map_or(Ok(outcome), Err)
}

/// The moment so many seconds from now.
pub(crate) fn deadline(timeout_s: Option<f64>) -> PyResult<Option<Timestamp>> {
    Ok(timeout_s.map(seconds).transpose()?.map(|span| Core::now() + span))
}

impl Engine {
    pub(crate) const fn of(process: Arc<Process>) -> Self {
        Self { process }
    }

    fn core(&self) -> &Core {
        &self.process.engine
    }
}

fn done<T>(py: Python<'_>, outcome: Outcomes<T>) -> PyResult<T> {
    outcome.map_err(|error| error::of_engine(py, error))
}

#[pymethods]
impl Engine {
    /// Joins a cluster as a driver and puts this process into use.
    #[staticmethod]
    #[pyo3(signature = (*, socket, token, namespace, entrypoint, owns_cluster))]
    fn connect(
        py: Python<'_>,
        socket: PathBuf,
        token: Vec<u8>,
        namespace: String,
        entrypoint: String,
        owns_cluster: bool,
    ) -> PyResult<Self> {
        let options = DriverOptions { socket, token, namespace, entrypoint, owns_cluster };
        let (engine, job) = waiting(py, |interrupted| Core::connect_driver(options, interrupted))?;
        let process = Arc::new(Process::new(engine, Some(job)));
        current::set_process(Some(Arc::clone(&process)));
        Ok(Self { process })
    }

    /// Takes up the work of a worker process; the descriptor belongs to the engine from now on.
    #[staticmethod]
    fn start_worker(py: Python<'_>, control: RawFd, worker: u64) -> PyResult<Self> {
        let options =
            WorkerOptions { control: adopted(control), worker: WorkerId::from_u64(worker) };
        let engine = waiting(py, |_interrupted| Core::start_worker(options))?;
        let process = Arc::new(Process::new(engine, None));
        current::set_process(Some(Arc::clone(&process)));
        Ok(Self { process })
    }

    /// Leaves the cluster.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core().close());
        current::set_process(None);
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        done(py, self.core().flush())
    }

    #[getter]
    fn worker_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.process.scope.worker(self.core().identity().worker))
    }

    #[getter]
    fn node_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.process.scope.node(self.core().identity().worker.node))
    }

    #[getter]
    fn session_name(&self) -> &str {
        &self.core().identity().session
    }

    #[getter]
    fn socket(&self) -> PathBuf {
        self.core().identity().socket.clone()
    }

    /// The job on whose behalf this thread works.
    #[getter]
    fn job(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(self.process.parent(py)?.job().0)
    }

    // Objects.

    fn put(&self, value: &Bound<'_, PyAny>) -> PyResult<ObjectRef> {
        objects::put(&self.process, value)
    }

    #[pyo3(signature = (reference, timeout_s, /))]
    fn get_one<'py>(
        &self,
        reference: &Bound<'py, ObjectRef>,
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        objects::get_one(&self.process, reference, timeout_s)
    }

    #[pyo3(signature = (references, timeout_s, /))]
    fn get<'py>(
        &self,
        references: &Bound<'py, PyList>,
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        objects::get(&self.process, references, timeout_s)
    }

    /// How many bytes the value of an object has that is ready; None if there is none.
    #[pyo3(signature = (reference, /))]
    fn object_size(&self, reference: &Bound<'_, ObjectRef>) -> PyResult<Option<usize>> {
        objects::size(&self.process, reference)
    }

    /// The refs that are ready, at most `count`, and the others, both in the order of the list.
    #[pyo3(signature = (references, count, timeout_s, /))]
    fn wait<'py>(
        &self,
        references: &Bound<'py, PyList>,
        count: usize,
        timeout_s: Option<f64>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        objects::wait(&self.process, references, count, timeout_s)
    }

    /// The next item of a stream; None at its end.
    ///
    /// Raises `GetTimeoutError` when the time is up.
    #[pyo3(signature = (stream, index, timeout_s, /))]
    fn next_item(
        &self,
        stream: &Bound<'_, ObjectRef>,
        index: u32,
        timeout_s: Option<f64>,
    ) -> PyResult<Option<ObjectRef>> {
        objects::next_item(&self.process, stream, index, timeout_s)
    }

    fn abandon(&self, py: Python<'_>, stream: &Bound<'_, ObjectRef>) -> PyResult<()> {
        done(py, self.core().abandon(stream.get().handle()?.object().task))
    }

    /// Waits until one of the refs or the next item of one of the streams is there; whether it is.
    #[pyo3(signature = (references, streams, timeout_s, /))]
    fn wait_any(
        &self,
        references: &Bound<'_, PyList>,
        streams: &Bound<'_, PyList>,
        timeout_s: Option<f64>,
    ) -> PyResult<bool> {
        let (handles, streams) = (handles_of(references)?, handles_of(streams)?);
        let tasks = streams.iter().map(|stream| stream.object().task).collect();
        let until = deadline(timeout_s)?;
        waiting(references.py(), |interrupted| {
            self.core().wait_any(&handles, tasks, until, interrupted)
        })
    }

    /// Where threads are told of what they watch.
    fn threads_channel(&self) -> Channel {
        Channel::lasting(Arc::clone(&self.process), CoreChannel::THREADS)
    }

    /// Where the loop that the engine serves is told, by `attend`.
    fn served_channel(&self) -> Channel {
        Channel::lasting(Arc::clone(&self.process), CoreChannel::SERVED_LOOP)
    }

    /// Where another event loop is told.
    fn open_channel(&self, py: Python<'_>) -> PyResult<Channel> {
        Channel::open(py, Arc::clone(&self.process))
    }

    #[pyo3(signature = (reference, /, *, force, recursive))]
    #[expect(clippy::fn_params_excessive_bools, reason = "both are named, and are Ray's")]
    fn cancel(
        &self,
        py: Python<'_>,
        reference: &Bound<'_, ObjectRef>,
        force: bool,
        recursive: bool,
    ) -> PyResult<()> {
        done(py, self.core().cancel(reference.get().handle()?.reference(), force, recursive))
    }

    // Calls.

    #[pyo3(signature = (template, positional, named=None, /))]
    fn submit<'py>(
        &self,
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        calls::submit(&self.process, template, (positional, named.as_ref()))
    }

    #[pyo3(signature = (actor, template, positional, named=None, /))]
    fn call<'py>(
        &self,
        actor: [u8; ActorId::LEN],
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        calls::call(
            &self.process,
            ActorId::from_bytes(actor),
            template,
            (positional, named.as_ref()),
        )
    }

    /// How many calls of this process on the actor are unfinished, of those made since this was first asked.
    fn pending_calls(&self, actor: [u8; ActorId::LEN]) -> usize {
        self.process.pending_calls(ActorId::from_bytes(actor))
    }

    /// Asks for an actor; see `aktis._kernel.submit`. Gives its id, its handle, what the handle needs to know, and
    /// whether it was there before.
    fn create_actor<'py>(
        &self,
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
        options: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        actors::create(&self.process, template, (positional, named.as_ref()), options)
    }

    #[pyo3(signature = (actor, /, *, for_good))]
    fn kill_actor(
        &self,
        py: Python<'_>,
        actor: [u8; ActorId::LEN],
        for_good: bool,
    ) -> PyResult<()> {
        done(py, self.core().kill_actor(ActorId::from_bytes(actor), for_good))
    }

    #[pyo3(signature = (bundles, *, selectors, strategy, name, namespace, detached))]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a named option, given once by one caller"
    )]
    fn create_group<'py>(
        &self,
        py: Python<'py>,
        bundles: Vec<Bound<'py, PyDict>>,
        selectors: Vec<Vec<RuleFields>>,
        strategy: &str,
        name: String,
        namespace: String,
        detached: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let wanted =
            actors::GroupWanted { bundles, selectors, strategy, name, namespace, detached };
        actors::create_group(&self.process, py, wanted)
    }

    /// A ref to an object that holds `value` once the group is reserved.
    fn group_ready(
        &self,
        group: [u8; GroupId::LEN],
        value: &Bound<'_, PyAny>,
    ) -> PyResult<ObjectRef> {
        actors::group_ready(&self.process, GroupId::from_bytes(group), value)
    }

    fn remove_group(&self, py: Python<'_>, group: [u8; GroupId::LEN]) -> PyResult<()> {
        done(py, self.core().remove_group(GroupId::from_bytes(group)))
    }

    // Work.

    /// Runs tasks of a group on this thread until the engine closes, or until one is to make an actor.
    #[pyo3(signature = (group="", /))]
    fn work(&self, py: Python<'_>, group: &str) -> PyResult<Option<Py<Execution>>> {
        work::work(py, &self.process, group)
    }

    /// A descriptor that is readable after an interrupt came.
    fn interrupts_fd(&self, py: Python<'_>) -> PyResult<RawFd> {
        done(py, self.core().interrupts_fd())
    }

    /// Executions that are to end, each told once; they know why.
    fn take_interrupts(&self, py: Python<'_>) -> Vec<Py<Execution>> {
        looping::interrupted(&self.process, py, self.core().take_interrupts())
    }

    /// Serves the event loop whose poller this is, from its thread; the descriptor belongs to the engine from now on.
    fn serve_loop(&self, py: Python<'_>, poller: RawFd) -> PyResult<()> {
        done(py, self.core().serve_loop(adopted(poller)))
    }

    /// Waits, at most so long, until something concerns the loop that is served: executions to begin, others to end,
    /// waiters of what came, and whether its own descriptors are to be looked at.
    #[pyo3(signature = (timeout_s, /))]
    fn attend<'py>(&self, py: Python<'py>, timeout_s: Option<f64>) -> PyResult<looping::Turn<'py>> {
        looping::attend(&self.process, py, timeout_s)
    }

    /// Whether interrupts also send SIGINT to the main thread.
    fn signal_main_thread(&self, on: bool) {
        self.core().signal_main_thread(on);
    }

    /// From now on this actor lives in this process.
    fn set_instance(&self, py: Python<'_>, instance: Py<PyAny>) -> PyResult<()> {
        self.process.set_instance(py, instance)
    }

    /// The actor here leaves after what it is doing.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        done(py, self.core().leave())
    }

    /// What this process is called in the driver's terminal.
    fn set_title(&self, py: Python<'_>, title: String) -> PyResult<()> {
        done(py, self.core().named(title))
    }

    /// Keeps a span of the user's own for the timeline.
    fn record_span(&self, py: Python<'_>, name: String, ran_s: f64) -> PyResult<()> {
        let (job, ran) = (self.process.parent(py)?.job(), seconds(ran_s)?);
        let began = Timestamp(
            Core::now().0.saturating_sub(u64::try_from(ran.as_nanos()).unwrap_or(u64::MAX)),
        );
        self.core().record_span(job, name, began, ran, false);
        Ok(())
    }

    /// Lines of workers, as `(name, pid, is error, lines)`, and how many were dropped before; None once it closed.
    fn next_lines<'py>(
        &self,
        py: Python<'py>,
        timeout_s: f64,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let until = deadline(Some(timeout_s))?;
        match interruptible(py, |interrupted| self.core().next_lines(until, interrupted))? {
            Ok(lines) => questions::lines(py, lines).map(Some),
            Err(EngineError::Closed | EngineError::NodeDied(_)) => Ok(None),
            Err(error) => Err(error::of_engine(py, error)),
        }
    }

    // Questions to the head.

    /// Asks; see `questions` for what can be asked with which arguments, and what is answered.
    #[pyo3(signature = (question, /, **arguments))]
    fn ask<'py>(
        &self,
        py: Python<'py>,
        question: &str,
        arguments: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        questions::ask(&self.process, py, question, arguments.as_ref())
    }

    /// Publishes the pickle of a function for tasks of a job.
    fn put_function(
        &self,
        py: Python<'_>,
        job: u32,
        function: [u8; FunctionId::LEN],
        pickle: &[u8],
    ) -> PyResult<()> {
        let (job, function) = (JobId(job), FunctionId::from_bytes(function));
        done(
            py,
            self.core().tell(wire::ToHead::PutFunction { job, function, pickle: pickle.into() }),
        )
    }

    fn __repr__(&self) -> String {
        format!("<engine of {}>", self.core().identity().worker)
    }
}

/// How long an answer of the head may take before the question fails.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

#[expect(unsafe_code, reason = "a descriptor that Python hands over is a number only")]
fn adopted(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the descriptor was inherited or made for the engine, and nobody else in this process closes it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
