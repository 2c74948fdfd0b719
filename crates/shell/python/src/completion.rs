//! Tells Python of what it watches: once for many objects and streams.
//!
//! Owns: who waits for which object or stream. Does not own: futures and loops (`aktis._kernel.awaiting`).

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use roles::worker::Source;
use runtime::engine::{Channel as CoreChannel, Completion, Data, Handle, Outcomes, Watched};
use types::Map;

use crate::current::{Process, lock};
use crate::engine::{Engine, interruptible};
use crate::objectref::ObjectRef;
use crate::{error, values};

/// The content of an object that came, kept until somebody asks for its value; or why nothing comes any more.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Arrival(Outcomes<(Handle, Data)>);

/// Where waiters are told of what came: on threads, on the loop that the engine serves, or on another loop.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Channel {
    process: Arc<Process>,
    channel: CoreChannel,
    /// That of a loop which the engine does not serve.
    descriptor: Option<RawFd>,
}

/// Waiters by where they are told and what they wait for.
pub(crate) type Waiters = Map<CoreChannel, Map<Watched, Vec<Py<PyAny>>>>;

impl Arrival {
    /// The content of an object, if it is here.
    pub(crate) fn of(handle: &Handle) -> Option<Self> {
        handle.data().map(|data| Self(Ok((handle.clone(), data))))
    }
}

/// Waiters of what came, each with the arrival of its object; that of a stream has none. Once the engine ended those of
/// all that will not come, each with that end.
pub(crate) fn told<'py>(
    process: &Process,
    py: Python<'py>,
    channel: CoreChannel,
    came: Outcomes<Vec<Completion>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut waiters = lock(&process.waiters);
    let all: Vec<_> = match came {
        Ok(came) => {
            let ours = waiters.entry(channel).or_default();
            let mut of = |watched| ours.remove(&watched).unwrap_or_default();
            came.into_iter().map(|it| (of(it.watched), it.arrival.map(Ok))).collect()
        }
        Err(ended) => {
            let ours = waiters.remove(&channel).unwrap_or_default();
            ours.into_values().map(|them| (them, Some(Err(ended.clone())))).collect()
        }
    };
    // The collector may run the user's finalizers below, which may wait for something else.
    drop(waiters);
    let told = PyList::empty(py);
    for (waiters, arrival) in all {
        for waiter in waiters {
            told.append((waiter, arrival.clone().map(Arrival)))?;
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
        let ours = waiters.entry(self.channel).or_default();
        ours.entry(watched).or_default().push(waiter.unbind());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if self.descriptor.is_some() {
            self.process.engine.close_channel(self.channel);
            // Bound to a name, so that they go after the lock: their last references may run the user's finalizers.
            let _forgotten = lock(&self.process.waiters).remove(&self.channel);
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
        told(&self.process, py, self.channel, self.process.engine.completions(self.channel))
    }

    /// The same for threads, waiting for some; None once the engine ended and all were told.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let came =
            interruptible(py, None, |patience| self.process.engine.next_completions(patience))?;
        let goes_on = came.is_ok();
        let told = told(&self.process, py, self.channel, came)?;
        Ok((goes_on || !told.is_empty()).then_some(told))
    }
}

#[pymethods]
impl Arrival {
    /// The value; raises the error of an object that failed, or the end of the engine.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (handle, data) = self.0.as_ref().map_err(|ended| error::of_engine(ended.clone()))?;
        values::decode(py, data, Source::Value(handle.object()))
    }
}
