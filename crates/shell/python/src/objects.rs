//! Objects as Python stores, reads and awaits them.
//!
//! Owns: the way from refs to values. Does not own: the form of values (`values`).

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pythonize::pythonize;
use roles::worker::Event;
use runtime::engine::{Data, Handle};
use wire::ToNode;
use wire::to_worker::CancelReach;

use crate::engine::{Engine, deadline, waiting};
use crate::objectref::{ObjectRef, handle_of, handles_of, items_of};
use crate::{error, values};

/// Up to so many refs are taken out of a copied list one by one; beyond, the others are gathered.
const FEW: usize = 16;

#[pymethods]
impl Engine {
    fn put(&self, value: &Bound<'_, PyAny>) -> PyResult<ObjectRef> {
        let (py, process) = (value.py(), &self.process);
        if value.is_exact_instance_of::<ObjectRef>() {
            let text = "put() of an ObjectRef would only wrap it; put it into a list if that is what you want";
            return Err(PyTypeError::new_err(text));
        }
        let job = process.parent(py)?.job();
        let named = || ("the value given to put()".to_owned(), "it".to_owned());
        let handle = values::with_encoded(value, &named, |encoded, refs| {
            values::put(py, process, job, encoded, &refs)
        })?;
        Ok(handle.into())
    }

    #[pyo3(signature = (reference, timeout_s, /))]
    fn get_one<'py>(
        &self,
        reference: &Bound<'py, ObjectRef>,
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, handle) = (reference.py(), reference.get().handle()?);
        let data = match handle.data() {
            Some(data) => data,
            None => self.contents(py, &[handle], timeout_s)?.remove(0),
        };
        values::read(py, handle, &data)
    }

    /// The values of objects, in the order of their refs.
    #[pyo3(signature = (references, timeout_s, /))]
    fn get<'py>(
        &self,
        references: &Bound<'py, PyList>,
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (py, items) = (references.py(), items_of(references));
        let handles = handles_of(&items)?;
        let contents = self.contents(py, &handles, timeout_s)?;
        let values = PyList::empty(py);
        for (data, handle) in contents.iter().zip(&handles) {
            values.append(values::read(py, handle, data)?)?;
        }
        Ok(values)
    }

    /// What is known here of an object: the unfinished task that makes it, the process that has that task, and where the
    /// object lies.
    #[pyo3(signature = (reference, /))]
    fn object_facts<'py>(&self, reference: &Bound<'py, ObjectRef>) -> PyResult<Bound<'py, PyAny>> {
        let facts = self.core().object_facts(reference.get().handle()?.object());
        Ok(pythonize(reference.py(), &error::done(facts)?)?)
    }

    /// The refs that are ready, at most `count`, and the others, both in the order of the list.
    #[pyo3(signature = (references, count, timeout_s, /))]
    fn wait<'py>(
        &self,
        references: &Bound<'py, PyList>,
        count: usize,
        timeout_s: Option<f64>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let mut survey = self.core().survey(count);
        for item in references.iter() {
            error::done(survey.see(handle_of(&item)?))?;
        }
        let positions = match survey.enough() {
            Some(positions) => positions,
            None => {
                let (items, until) = (items_of(references), deadline(timeout_s)?);
                let handles = handles_of(&items)?;
                waiting(references.py(), until, |patience| {
                    self.core().wait(&handles, count, patience)
                })?
            }
        };
        split(references, &positions)
    }

    /// The next item of a stream; None at its end.
    ///
    /// Raises `GetTimeoutError` when the time is up.
    #[pyo3(signature = (stream, timeout_s, /))]
    fn next_item(
        &self,
        stream: &Bound<'_, ObjectRef>,
        timeout_s: Option<f64>,
    ) -> PyResult<Option<ObjectRef>> {
        let (task, until) = (stream.get().handle()?.object().task, deadline(timeout_s)?);
        let item = waiting(stream.py(), until, |patience| self.core().next_item(task, patience))?;
        Ok(item.map(ObjectRef::from))
    }

    fn abandon(&self, stream: &Bound<'_, ObjectRef>) -> PyResult<()> {
        error::done(self.core().step(Event::Abandoned(stream.get().handle()?.object().task)))
    }

    /// Waits until one of the refs or the next item of one of the streams is there; whether it is.
    #[pyo3(signature = (references, streams, timeout_s, /))]
    fn wait_any(
        &self,
        references: &Bound<'_, PyList>,
        streams: &Bound<'_, PyList>,
        timeout_s: Option<f64>,
    ) -> PyResult<bool> {
        let (items, streams) = (items_of(references), items_of(streams));
        let (handles, streams) = (handles_of(&items)?, handles_of(&streams)?);
        let tasks = streams.iter().map(|stream| stream.object().task).collect();
        let until = deadline(timeout_s)?;
        waiting(references.py(), until, |patience| self.core().wait_any(&handles, tasks, patience))
    }

    /// Objects in shared memory go, whoever has refs to them.
    #[pyo3(signature = (references, /))]
    fn free(&self, references: &Bound<'_, PyList>) -> PyResult<()> {
        let items = items_of(references);
        let objects = handles_of(&items)?.into_iter().map(Handle::object).collect();
        error::done(self.core().step(Event::TellNode(ToNode::Free(objects))))
    }

    #[pyo3(signature = (reference, /, *, force, recursive))]
    #[expect(clippy::fn_params_excessive_bools, reason = "both are named, and are Ray's")]
    fn cancel(
        &self,
        reference: &Bound<'_, ObjectRef>,
        force: bool,
        recursive: bool,
    ) -> PyResult<()> {
        let target = reference.get().handle()?.reference();
        let reach = CancelReach { force, recursive };
        error::done(self.core().step(Event::Cancel { target, reach }))
    }
}

impl Engine {
    /// The contents of all objects. The failure of one ends the wait for the others.
    fn contents(
        &self,
        py: Python<'_>,
        handles: &[&Handle],
        timeout_s: Option<f64>,
    ) -> PyResult<Vec<Data>> {
        let until = deadline(timeout_s)?;
        waiting(py, until, |patience| self.core().get(handles, patience))
    }
}

/// The refs at `positions`, which ascend, and the others.
fn split<'py>(
    references: &Bound<'py, PyList>,
    positions: &[u32],
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    let (py, len) = (references.py(), references.len());
    let ready = PyList::empty(py);
    for position in positions {
        ready.append(references.get_item(*position as usize)?)?;
    }
    if positions.len() > FEW {
        let others = PyList::empty(py);
        let mut taken = positions.iter().peekable();
        for (position, reference) in references.iter().enumerate() {
            if taken.next_if(|ready| **ready as usize == position).is_none() {
                others.append(reference)?;
            }
        }
        return Ok((ready, others));
    }
    let others = references.get_slice(0, len);
    for position in positions.iter().rev() {
        others.del_item(*position as usize)?;
    }
    Ok((ready, others))
}
