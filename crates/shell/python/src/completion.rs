//! Tells Python of what it watches: once for many objects and streams.
//!
//! Owns: conversions. Does not own: what is watched (`runtime::engine`), or who waits for it (`aktis._kernel.awaiting`).

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::prelude::*;
use runtime::engine::{Channel as CoreChannel, Completion, Data, Handle};

use crate::current::Process;
use crate::engine::Engine;
use crate::objectref::ObjectRef;
use crate::{error, values};

/// The content of an object that came, kept until somebody asks for its value.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Arrival(pub(crate) Handle, pub(crate) Data);

/// Where waiters are told of what came: on the loop that the engine serves, or elsewhere by a descriptor.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Channel {
    process: Arc<Process>,
    channel: CoreChannel,
}

/// What came: the numbers of watches, each with the arrival of its object; that of a stream has none.
pub(crate) type Told = Vec<(u64, Option<Arrival>)>;

/// What came, as Python is told of it.
pub(crate) fn told(came: Vec<Completion>) -> Told {
    let arrival = |(handle, data)| Arrival(handle, data);
    came.into_iter().map(|it| (it.watch, it.arrival.map(arrival))).collect()
}

#[pymethods]
impl Engine {
    /// Where the loop that the engine serves is told, by `attend`.
    fn served_channel(&self) -> Channel {
        Channel { process: Arc::clone(&self.process), channel: CoreChannel::SERVED_LOOP }
    }

    /// Where others are told, and a descriptor that is readable while something came; read it (8 bytes) before `take`.
    /// With `eager`, the sockets are read for it even while it watches nothing.
    #[pyo3(signature = (*, eager))]
    fn open_channel(&self, eager: bool) -> PyResult<(Channel, RawFd)> {
        let (channel, descriptor) = error::done(self.core().open_channel(eager))?;
        Ok((Channel { process: Arc::clone(&self.process), channel }, descriptor))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.process.engine.close_channel(self.channel);
    }
}

#[pymethods]
impl Channel {
    /// Has the channel told, by the number of this watch, once the object is there.
    #[pyo3(signature = (reference, watch, /))]
    fn watch(&self, reference: &Bound<'_, ObjectRef>, watch: u64) -> PyResult<()> {
        let handle = reference.get().handle()?;
        error::done(self.process.engine.watch(handle, self.channel, watch))
    }

    /// The same once the next item of the stream is there, or its end.
    #[pyo3(signature = (stream, watch, /))]
    fn watch_stream(&self, stream: &Bound<'_, ObjectRef>, watch: u64) -> PyResult<()> {
        let task = stream.get().handle()?.object().task;
        error::done(self.process.engine.watch_stream(task, self.channel, watch))
    }

    /// What came. Raises once the engine ended: nothing more will.
    fn take(&self) -> PyResult<Told> {
        Ok(told(error::done(self.process.engine.completions(self.channel))?))
    }
}

#[pymethods]
impl Arrival {
    /// The value; raises the error of an object that failed.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::read(py, &self.0, &self.1)
    }
}
