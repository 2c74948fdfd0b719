//! Tells Python of what it watches: once for many objects and streams.
//!
//! Owns: who waits for which object or stream. Does not own: futures and loops (`aktis._kernel.awaiting`).

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Source;
use runtime::engine::{Channel as CoreChannel, Completion, Data, EngineError, Handle, Watched};
use types::Map;

use crate::current::{Process, lock};
use crate::engine::{Engine, interruptible};
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

/// Waiters by what they wait for and where they are told.
pub(crate) type Waiters = Map<(CoreChannel, Watched), Vec<Py<PyAny>>>;

impl Arrival {
    /// The content of an object, if it is here.
    pub(crate) fn of(handle: &Handle) -> Option<Self> {
        handle.data().map(|data| Self { handle: handle.clone(), data })
    }
}

/// Waiters of what came, each with the arrival of its object; that of a stream has none.
pub(crate) fn told<'py>(
    process: &Process,
    py: Python<'py>,
    channel: CoreChannel,
    came: Vec<Completion>,
) -> PyResult<Bound<'py, PyList>> {
    let told = PyList::empty(py);
    for Completion { watched, arrival: content } in came {
        let waiters = lock(&process.waiters).remove(&(channel, watched));
        for waiter in waiters.into_iter().flatten() {
            let arrival = content.clone().map(|(handle, data)| Arrival { handle, data });
            told.append((waiter, arrival))?;
        }
    }
    Ok(told)
}

#[pymethods]
impl Engine {
    /// Where threads are told of what they watch.
    fn threads_channel(&self) -> Channel {
        self.channel(CoreChannel::THREADS, None)
    }

    /// Where the loop that the engine serves is told, by `attend`.
    fn served_channel(&self) -> Channel {
        self.channel(CoreChannel::SERVED_LOOP, None)
    }

    /// Where another event loop is told.
    fn open_channel(&self) -> PyResult<Channel> {
        let (channel, descriptor) = error::done(self.core().open_channel())?;
        Ok(self.channel(channel, Some(descriptor)))
    }
}

impl Engine {
    fn channel(&self, channel: CoreChannel, descriptor: Option<RawFd>) -> Channel {
        Channel { process: Arc::clone(&self.process), channel, descriptor }
    }
}

impl Channel {
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
        error::done(self.process.engine.watch(handle, self.channel))
    }

    /// Has `waiter` told once the next item of the stream is there, or its end.
    fn watch_stream(
        &self,
        stream: &Bound<'_, ObjectRef>,
        waiter: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let task = stream.get().handle()?.object().task;
        self.note(Watched::Stream(task), waiter);
        error::done(self.process.engine.watch_stream(task, self.channel))
    }

    /// Waiters of what came, each with the arrival of its object.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let came = error::done(self.process.engine.completions(self.channel))?;
        told(&self.process, py, self.channel, came)
    }

    /// The same for threads, waiting for some; None once the engine closed.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let waited =
            interruptible(py, None, |patience| self.process.engine.next_completions(patience))?;
        match waited {
            Err(EngineError::Closed | EngineError::NodeDied(_) | EngineError::Interrupted) => {
                Ok(None)
            }
            came => told(&self.process, py, self.channel, error::done(came)?).map(Some),
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
