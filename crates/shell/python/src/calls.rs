//! Calls of functions and methods, on their way out.
//!
//! Owns: what is submitted, and what Python gets for it. Does not own: arguments (`arguments`), or order
//! (`ownership`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use types::{ActorId, Returns, TaskId, TaskSpec};

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
        let parent = self.process.parent(template.py())?;
        let arguments = self.encode(template, parent, positional, named.as_ref())?;
        self.send(template, arguments, self.core().new_task(parent.job()), parent)
    }

    #[pyo3(signature = (actor, template, positional, named=None, /))]
    fn call<'py>(
        &self,
        actor: [u8; ActorId::LEN],
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Named<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let parent = self.process.parent(template.py())?;
        let arguments = self.encode(template, parent, positional, named.as_ref())?;
        let id = self.core().new_call(ActorId::from_bytes(actor));
        self.send(template, arguments, id, parent)
    }
}

impl Engine {
    fn encode(
        &self,
        template: &Bound<'_, Template>,
        parent: TaskId,
        positional: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Arguments> {
        let name = &template.get().shared.name;
        Arguments::encode(&self.process, parent.job(), name, positional, named)
    }

    fn send<'py>(
        &self,
        template: &Bound<'py, Template>,
        arguments: Arguments,
        id: TaskId,
        parent: TaskId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, shared) = (template.py(), &template.get().shared);
        let spec = TaskSpec {
            id,
            template: Arc::clone(shared),
            dependencies: arguments.refs.dependencies(),
            nested: arguments.refs.nested(),
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
