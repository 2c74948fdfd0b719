//! Calls of functions and methods, on their way out.
//!
//! Owns: what is submitted, and what Python gets for it. Does not own: arguments (`arguments`), or order
//! (`ownership`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;
use runtime::engine::Handle;
use types::{ActorId, Returns, TaskId, TaskSpec};

use crate::arguments::{Arguments, Given};
use crate::current::Process;
use crate::error;
use crate::objectref::ObjectRef;
use crate::template::Template;

/// Calls a function.
pub(crate) fn submit<'py>(
    process: &Process,
    template: &Bound<'py, Template>,
    given: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let parent = process.parent(template.py())?;
    let job = parent.job();
    let arguments = Arguments::encode(process, job, given)?;
    send(process, template, arguments, process.engine.new_task(job), parent)
}

/// Calls a method.
pub(crate) fn call<'py>(
    process: &Process,
    actor: ActorId,
    template: &Bound<'py, Template>,
    given: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let parent = process.parent(template.py())?;
    let arguments = Arguments::encode(process, parent.job(), given)?;
    send(process, template, arguments, process.engine.new_call(actor), parent)
}

fn send<'py>(
    process: &Process,
    template: &Bound<'py, Template>,
    arguments: Arguments,
    id: TaskId,
    parent: TaskId,
) -> PyResult<Bound<'py, PyAny>> {
    let py = template.py();
    let shared = template.get().get();
    let Arguments { payload, dependencies, nested, kept } = arguments;
    let spec = TaskSpec {
        id,
        template: Arc::clone(shared),
        arguments: payload,
        dependencies,
        nested,
        parent,
    };
    let handles = process.engine.submit(spec).map_err(|error| error::of_engine(py, error))?;
    drop(kept);
    if let Some(actor) = id.actor() {
        process.note_call(actor, handles.first());
    }
    match shared.returns {
        Returns::Count(0) => Ok(py.None().into_bound(py)),
        Returns::Count(1) | Returns::Stream | Returns::Dynamic => first(py, handles),
        Returns::Count(_) => {
            let references =
                handles.into_iter().map(|handle| Bound::new(py, ObjectRef::from(handle)));
            Ok(PyList::new(py, references.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
    }
}

fn first(py: Python<'_>, handles: Vec<Handle>) -> PyResult<Bound<'_, PyAny>> {
    match handles.into_iter().next() {
        Some(handle) => Ok(Bound::new(py, ObjectRef::from(handle))?.into_any()),
        None => Ok(py.None().into_bound(py)),
    }
}
