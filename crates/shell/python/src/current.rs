//! Who this process is, and on whose behalf this thread runs.
//!
//! Owns: the engine in use, and per thread the execution, the refs being pickled and where unpickled refs came from.
//! Does not own: what runs on event loops (`aktis._kernel.context`).

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use roles::worker::Source;
use runtime::engine::{Caller, Engine, Handle};
use types::{Assignment, FunctionId, JobId, Map, Ref, TaskId};

use crate::execution::Execution;
use crate::{error, hooks};

/// How many functions a worker keeps loaded; at the limit all are forgotten and loaded again at their next call.
const FUNCTIONS_MAX: usize = 4096;

/// A process of the cluster, as the binding knows it.
pub(crate) struct Process {
    /// The engine.
    pub(crate) engine: Arc<Engine>,
    /// The job of a driver.
    pub(crate) job: Option<JobId>,
    /// The largest value that is kept inline, in bytes.
    pub(crate) inline_bytes_max: usize,
    functions: Mutex<Map<FunctionId, Py<PyAny>>>,
    /// The job and the lease for which the process was last made ready.
    prepared_for: Mutex<Option<(JobId, Assignment)>>,
    last_begun: Mutex<Option<TaskId>>,
    instance: PyOnceLock<Py<PyAny>>,
    /// How many threads are ready, or about to be, to run tasks while those of the others wait.
    pub(crate) asides_ready: AtomicUsize,
}

/// What is being unpickled.
struct Unpickling {
    source: Source,
    /// The object whose content it is, if it is one.
    outer: Option<Handle>,
    /// How many refs were found in it that the outer handle knows.
    known: usize,
    /// Those that it does not.
    new: Vec<Handle>,
}

static IN_USE: RwLock<Option<Arc<Process>>> = RwLock::new(None);

thread_local! {
    static COLLECTED: RefCell<Option<Vec<Handle>>> = const { RefCell::new(None) };
    static UNPICKLING: RefCell<Option<Unpickling>> = const { RefCell::new(None) };
    static ASIDE: Cell<bool> = const { Cell::new(false) };
    static EXECUTION: RefCell<Option<Py<Execution>>> = const { RefCell::new(None) };
}

impl Process {
    pub(crate) fn new(engine: Arc<Engine>, job: Option<JobId>) -> Self {
        let inline_bytes_max = engine.identity().settings.inline_bytes_max as usize;
        Self {
            engine,
            job,
            inline_bytes_max,
            functions: Mutex::default(),
            prepared_for: Mutex::default(),
            last_begun: Mutex::default(),
            instance: PyOnceLock::new(),
            asides_ready: AtomicUsize::new(0),
        }
    }

    /// The actor that lives in this process.
    pub(crate) fn instance<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let found = self.instance.get(py).map(|instance| instance.bind(py));
        found.ok_or_else(|| PyRuntimeError::new_err("no actor lives in this process"))
    }

    /// From now on this actor lives in this process.
    pub(crate) fn set_instance(&self, py: Python<'_>, instance: Py<PyAny>) -> PyResult<()> {
        let set = self.instance.set(py, instance);
        set.map_err(|_second| PyRuntimeError::new_err("another actor lives in this process"))
    }

    /// The function of this id, fetched at its first call.
    pub(crate) fn function<'py>(
        &self,
        py: Python<'py>,
        id: FunctionId,
        job: JobId,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(function) = lock(&self.functions).get(&id) {
            return Ok(function.bind(py).clone());
        }
        let function = hooks::fetch_function(py)?.call1((id.bytes().as_slice(), job.0))?;
        // Bound to a name, so that they go after the lock: their last references may run the user's finalizers.
        let mut _forgotten = Map::default();
        let mut functions = lock(&self.functions);
        if functions.len() >= FUNCTIONS_MAX {
            _forgotten = std::mem::take(&mut *functions);
        }
        functions.insert(id, function.clone().unbind());
        Ok(function)
    }

    /// Makes the process ready for the job and the lease of an execution, unless it is.
    pub(crate) fn prepare_for(&self, py: Python<'_>, execution: &Py<Execution>) -> PyResult<()> {
        let running = &execution.get().running;
        let (job, assignment) = (running.task.job(), &running.assignment);
        if lock(&self.prepared_for)
            .as_ref()
            .is_none_or(|(one, held)| (*one, held) != (job, assignment))
        {
            hooks::prepare(py)?.call1((execution,))?;
            *lock(&self.prepared_for) = Some((job, assignment.clone()));
        }
        Ok(())
    }

    /// Notes that an execution begins.
    pub(crate) fn begins(&self, task: TaskId) {
        *lock(&self.last_begun) = Some(task);
    }

    /// The task on whose behalf this thread submits, and what it makes belongs to.
    pub(crate) fn parent(&self, py: Python<'_>) -> PyResult<TaskId> {
        if let Some(job) = self.job {
            return Ok(TaskId::driver(job));
        }
        if let Some(execution) = execution_here(py)? {
            return Ok(execution.get().running.task);
        }
        let last = *lock(&self.last_begun);
        last.ok_or_else(|| {
            PyRuntimeError::new_err("this worker has not run anything yet, so it belongs to no job")
        })
    }
}

/// The process in use.
///
/// # Errors
/// If it is not connected.
pub(crate) fn process() -> PyResult<Arc<Process>> {
    let in_use = IN_USE.read().unwrap_or_else(PoisonError::into_inner);
    in_use.as_ref().map(Arc::clone).ok_or_else(|| {
        PyRuntimeError::new_err(
            "this process is not connected to a cluster; call aktis.init() first",
        )
    })
}

/// Puts `process` into use, or none.
pub(crate) fn set_process(process: Option<Arc<Process>>) {
    *IN_USE.write().unwrap_or_else(PoisonError::into_inner) = process;
}

/// What runs in this thread or coroutine.
#[pyfunction]
pub(crate) fn execution_here(py: Python<'_>) -> PyResult<Option<Py<Execution>>> {
    let here = EXECUTION.with_borrow(|here| here.as_ref().map(|execution| execution.clone_ref(py)));
    if here.is_some() || !process().is_ok_and(|process| process.job.is_none()) {
        return Ok(here);
    }
    // Coroutines share their thread, and carry along what they belong to.
    let found = hooks::execution_of_coroutine(py)?.call_method0(intern!(py, "get"))?;
    if found.is_none() { Ok(None) } else { Ok(Some(found.cast_into::<Execution>()?.unbind())) }
}

/// Runs `call` on behalf of `execution`.
pub(crate) fn on_behalf_of<R>(execution: Py<Execution>, call: impl FnOnce() -> R) -> R {
    let outer = EXECUTION.replace(Some(execution));
    let result = call();
    drop(EXECUTION.replace(outer));
    result
}

/// Whether the CPUs of whatever runs here are lent to others while this thread waits.
///
/// Others may come to be run in this process meanwhile: a thread is made ready for them.
pub(crate) fn caller(py: Python<'_>) -> PyResult<Caller> {
    let here = EXECUTION.with_borrow(|here| {
        let here = here.as_ref()?.get();
        Some((here.running.task, here.is_plain_task().then(|| Arc::clone(&here.process))))
    });
    let (task, process) = match here {
        None => return Ok(Caller::Thread),
        Some((call, None)) => return Ok(Caller::Call(call)),
        Some((task, Some(process))) => (task, process),
    };
    let ready = &process.asides_ready;
    if ready.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        hooks::start_aside(py)?.call0().inspect_err(|_error| {
            ready.fetch_sub(1, Ordering::SeqCst);
        })?;
    }
    Ok(Caller::Task(task))
}

/// From now on this thread runs tasks while those of the others wait. No signal reaches it.
pub(crate) fn work_aside() {
    ASIDE.set(true);
}

/// Whether what runs on such a thread is to end.
pub(crate) fn is_interrupted_aside() -> bool {
    let interrupted = |execution: &Py<Execution>| execution.get().interrupt().is_some();
    ASIDE.get() && EXECUTION.with_borrow(|here| here.as_ref().is_some_and(interrupted))
}

/// Runs `call`, and collects the refs that it pickles.
pub(crate) fn collecting<R>(call: impl FnOnce() -> R) -> (R, Vec<Handle>) {
    let outer = COLLECTED.replace(Some(Vec::new()));
    let result = call();
    let collected = COLLECTED.replace(outer);
    (result, collected.unwrap_or_default())
}

/// Notes that a ref is being pickled; false if nobody collects.
pub(crate) fn collect(handle: &Handle) -> bool {
    COLLECTED.with_borrow_mut(|collected| match collected {
        Some(handles) => {
            handles.push(handle.clone());
            true
        }
        None => false,
    })
}

/// Runs `call`, which unpickles what came from `source`: the content of `outer`, if it is that of an object.
pub(crate) fn unpickling<R>(source: Source, outer: Option<&Handle>, call: impl FnOnce() -> R) -> R {
    let inner = Unpickling { source, outer: outer.cloned(), known: 0, new: Vec::new() };
    let before = UNPICKLING.replace(Some(inner));
    let result = call();
    if let Some(Unpickling { outer: Some(outer), new, .. }) = UNPICKLING.replace(before)
        && !new.is_empty()
    {
        outer.remember_contained(new);
    }
    result
}

/// The handle to a ref that is being unpickled: the one that was taken out of the same content before, or a new one.
pub(crate) fn held(reference: Ref) -> PyResult<Handle> {
    let known = UNPICKLING.with_borrow_mut(|unpickling| {
        let Unpickling { outer, known, .. } = unpickling.as_mut()?;
        let handle = outer.as_ref()?.contained()?.get(*known)?;
        *known += 1;
        (handle.reference() == reference).then(|| handle.clone())
    });
    if let Some(handle) = known {
        return Ok(handle);
    }
    let handle = error::done(process()?.engine.hold(reference, source()))?;
    UNPICKLING.with_borrow_mut(|unpickling| {
        if let Some(Unpickling { outer: Some(_), new, .. }) = unpickling {
            new.push(handle.clone());
        }
    });
    Ok(handle)
}

/// Where refs come from that are unpickled or made of ids now.
pub(crate) fn source() -> Source {
    UNPICKLING.with_borrow(|unpickling| unpickling.as_ref().map_or(Source::Outside, |it| it.source))
}

/// The content of a mutex, whoever panicked with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
