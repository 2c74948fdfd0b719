//! Calls of functions and methods, on their way out.
//!
//! Owns: what is submitted, and what Python gets for it. Does not own: arguments (`arguments`), or order
//! (`ownership`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use runtime::engine::Engine as Core;
use types::{ActorId, JobId, Returns, TaskId, TaskSpec};

use crate::arguments::Arguments;
use crate::engine::Engine;
use crate::error;
use crate::objectref::ObjectRef;
use crate::template::Template;

type Named<'py> = Option<Bound<'py, PyDict>>;

#[pymethods]
impl Engine {
    #[pyo3(signature = (template, positional, named=None, /))]
    fn submit<'py>(
        &self,
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.send(template, positional, named, |core, job| core.new_task(job))
    }

    #[pyo3(signature = (actor, template, positional, named=None, /))]
    fn call<'py>(
        &self,
        actor: [u8; ActorId::LEN],
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let actor = ActorId::from_bytes(actor);
        self.send(template, positional, named, |core, _job| core.new_call(actor))
    }
}

impl Engine {
    fn send<'py>(
        &self,
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
        new_id: impl FnOnce(&Core, JobId) -> TaskId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, shared) = (template.py(), &template.get().shared);
        let parent = self.process.parent(py)?;
        let job = parent.job();
        let arguments =
            Arguments::encode(&self.process, job, &shared.name, positional, named.as_ref())?;
        let spec = TaskSpec {
            id: new_id(self.core(), job),
            template: Arc::clone(shared),
            dependencies: arguments.dependencies(),
            nested: arguments.nested(),
            arguments: arguments.payload,
            parent,
        };
        let handles = error::done(self.core().submit(spec))?;
        let mut made = handles.into_iter().map(ObjectRef::from);
        match shared.returns {
            Returns::Count(0 | 1) | Returns::Stream | Returns::Dynamic => {
                made.next().into_pyobject(py)
            }
            Returns::Count(_) => made.collect::<Vec<_>>().into_pyobject(py),
        }
    }
}
