//! Tells Python of what it watches: once for many objects and streams.
//!
//! Owns: who waits for which object or stream. Does not own: futures and loops (`aktis._kernel.awaiting`).

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Source;
use runtime::engine::{Channel as CoreChannel, Completion, Data, EngineError, Handle};
use types::{Map, ObjectId, TaskId};

use crate::current::{Process, lock};
use crate::engine::interruptible;
use crate::objectref::ObjectRef;
use crate::{error, values};

/// The content of an object that came, kept until somebody asks for its value.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Arrival {
    handle: Handle,
    data: Data,
}

/// Where waiters are told of what came: on threads, on the loop that the engine serves, or on another loop.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Channel {
    process: Arc<Process>,
    channel: CoreChannel,
    /// That of a loop which the engine does not serve.
    descriptor: Option<RawFd>,
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watched {
    Object(ObjectId),
    Stream(TaskId),
}

/// Waiters by what they wait for and where they are told.
pub(crate) type Waiters = Map<(CoreChannel, Watched), Vec<Py<PyAny>>>;

/// The content of a ref, if it is here.
pub(crate) fn arrival(reference: &ObjectRef) -> PyResult<Option<Arrival>> {
    let handle = reference.handle()?;
    Ok(handle.data().map(|data| Arrival { handle: handle.clone(), data }))
}

/// Waiters of what came, each with the arrival of its object; that of a stream has none.
pub(crate) fn told<'py>(
    process: &Process,
    py: Python<'py>,
    channel: CoreChannel,
    came: Vec<Completion>,
) -> PyResult<Bound<'py, PyList>> {
    let told = PyList::empty(py);
    for completion in came {
        let watched = match &completion {
            Completion::Object { handle, .. } => Watched::Object(handle.object()),
            Completion::Stream(task) => Watched::Stream(*task),
        };
        let waiters = lock(&process.waiters).remove(&(channel, watched));
        for waiter in waiters.into_iter().flatten() {
            let arrival = match &completion {
                Completion::Object { handle, data } => {
                    Some(Arrival { handle: handle.clone(), data: data.clone() })
                }
                Completion::Stream(_) => None,
            };
            told.append((waiter, arrival))?;
        }
    }
    Ok(told)
}

impl Channel {
    pub(crate) const fn lasting(process: Arc<Process>, channel: CoreChannel) -> Self {
        Self { process, channel, descriptor: None }
    }

    /// One for a loop that the engine does not serve.
    pub(crate) fn open(py: Python<'_>, process: Arc<Process>) -> PyResult<Self> {
        let opened = process.engine.open_channel();
        let (channel, descriptor) = opened.map_err(|error| error::of_engine(py, error))?;
        Ok(Self { process, channel, descriptor: Some(descriptor) })
    }

    fn note(&self, watched: Watched, waiter: Bound<'_, PyAny>) {
        let mut waiters = lock(&self.process.waiters);
        waiters.entry((self.channel, watched)).or_default().push(waiter.unbind());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if self.descriptor.is_some() {
            self.process.engine.close_channel(self.channel);
        }
    }
}

#[pymethods]
impl Channel {
    /// A descriptor that is readable while something came; read it (8 bytes) before `take`.
    #[getter]
    fn descriptor(&self) -> PyResult<RawFd> {
        let text = "only the channel of a loop which the engine does not serve has a descriptor";
        self.descriptor.ok_or_else(|| PyValueError::new_err(text))
    }

    /// Has `waiter` told once the object is there.
    fn watch(&self, reference: &Bound<'_, ObjectRef>, waiter: Bound<'_, PyAny>) -> PyResult<()> {
        let handle = reference.get().handle()?;
        self.note(Watched::Object(handle.object()), waiter);
        let watched = self.process.engine.watch(handle, self.channel);
        watched.map_err(|error| error::of_engine(reference.py(), error))
    }

    /// Has `waiter` told once the next item of the stream is there, or its end.
    fn watch_stream(
        &self,
        stream: &Bound<'_, ObjectRef>,
        waiter: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let task = stream.get().handle()?.object().task;
        self.note(Watched::Stream(task), waiter);
        let watched = self.process.engine.watch_stream(task, self.channel);
        watched.map_err(|error| error::of_engine(stream.py(), error))
    }

    /// Waiters of what came, each with the arrival of its object.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let came = self.process.engine.completions(self.channel);
        let came = came.map_err(|error| error::of_engine(py, error))?;
        told(&self.process, py, self.channel, came)
    }

    /// The same for threads, waiting for some; None once the engine closed.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let waited = interruptible(py, |interrupted| {
            self.process.engine.next_completions(None, interrupted)
        })?;
        match waited {
            Ok(came) => told(&self.process, py, CoreChannel::THREADS, came).map(Some),
            Err(EngineError::Closed | EngineError::NodeDied(_) | EngineError::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error::of_engine(py, error)),
        }
    }
}

#[pymethods]
impl Arrival {
    /// The value; raises the error of an object that failed.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::decode(py, &self.data, Source::Value(self.handle.object()))
    }
}
