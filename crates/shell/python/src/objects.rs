//! Objects as Python stores, reads and awaits them.
//!
//! Owns: the way from refs to values. Does not own: the form of values (`values`).

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use runtime::engine::{Data, Engine, EngineError, Got, Handle, Item, Waited};
use types::{Failure, Timestamp};

use crate::current::{self, Process};
use crate::engine::{ANSWER_PATIENCE, deadline, interruptible, waiting};
use crate::objectref::{ObjectRef, handles_of, not_a_ref};
use crate::{error, values, work};

/// Up to so many refs are taken out of a copied list one by one; beyond, the others are gathered.
const FEW: usize = 16;

/// Stores a value.
pub(crate) fn put(process: &Process, value: &Bound<'_, PyAny>) -> PyResult<ObjectRef> {
    let py = value.py();
    if value.is_exact_instance_of::<ObjectRef>() {
        let text =
            "put() of an ObjectRef would only wrap it; put it into a list if that is what you want";
        return Err(PyTypeError::new_err(text));
    }
    let job = process.parent(py)?.job();
    let handle =
        values::with_encoded(value, |encoded, refs| values::put(py, process, job, encoded, &refs))?;
    Ok(handle.into())
}

/// The value of an object.
pub(crate) fn get_one<'py>(
    process: &Arc<Process>,
    reference: &Bound<'py, ObjectRef>,
    timeout_s: Option<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, handle) = (reference.py(), reference.get().handle()?);
    let data = match handle.data() {
        Some(data) => data,
        None => {
            let contents =
                contents(py, process, std::slice::from_ref(handle), deadline(timeout_s)?)?;
            contents.into_iter().next().ok_or_else(|| error::timed_out(py, "nothing came"))?
        }
    };
    current::reading(handle, || values::decode(py, &data, current::source()))
}

/// How many bytes the value of an object has; `None` if the object failed.
pub(crate) fn size(
    process: &Arc<Process>,
    reference: &Bound<'_, ObjectRef>,
) -> PyResult<Option<usize>> {
    let (py, handle) = (reference.py(), reference.get().handle()?);
    let (until, caller) = (Some(Engine::now() + ANSWER_PATIENCE), current::caller());
    loop {
        let got = waiting(py, |interrupted| {
            process.engine.get(std::slice::from_ref(handle), until, caller, interrupted)
        })?;
        match got {
            Got::Ready(contents) => return Ok(contents.first().and_then(len_of)),
            Got::Help(running) => work::help(py, process, running)?,
            Got::TimedOut => return Ok(None),
        }
    }
}

fn len_of(data: &Data) -> Option<usize> {
    match data {
        Data::Bytes(bytes) => Some(bytes.len()),
        Data::Mapped(bytes) => Some(bytes.len()),
        Data::Failed(_) => None,
    }
}

/// The values of objects, in the order of their refs.
pub(crate) fn get<'py>(
    process: &Arc<Process>,
    references: &Bound<'py, PyList>,
    timeout_s: Option<f64>,
) -> PyResult<Bound<'py, PyList>> {
    let py = references.py();
    let handles = handles_of(references)?;
    let contents = contents(py, process, &handles, deadline(timeout_s)?)?;
    let values = PyList::empty(py);
    for (data, handle) in contents.iter().zip(&handles) {
        let value = current::reading(handle, || values::decode(py, data, current::source()));
        values.append(value?)?;
    }
    Ok(values)
}

/// The refs whose objects are there, at most `count`, and the others.
pub(crate) fn wait<'py>(
    process: &Arc<Process>,
    references: &Bound<'py, PyList>,
    count: usize,
    timeout_s: Option<f64>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    let py = references.py();
    let mut survey = process.engine.survey(count);
    for item in references.iter() {
        let Ok(reference) = item.cast_exact::<ObjectRef>() else { return Err(not_a_ref(&item)) };
        survey.see(reference.get().handle()?).map_err(|error| error::of_engine(py, error))?;
    }
    let positions = match survey.enough() {
        Some(positions) => positions,
        None => await_positions(process, references, count, timeout_s)?,
    };
    split(references, &positions)
}

/// The positions of those that are ready, waiting for as many as are wanted.
fn await_positions(
    process: &Arc<Process>,
    references: &Bound<'_, PyList>,
    count: usize,
    timeout_s: Option<f64>,
) -> PyResult<Vec<u32>> {
    let py = references.py();
    let handles = handles_of(references)?;
    let (until, caller) = (deadline(timeout_s)?, current::caller());
    loop {
        let waited = waiting(py, |interrupted| {
            process.engine.wait(&handles, count, until, caller, interrupted)
        })?;
        match waited {
            Waited::Ready(positions) => return Ok(positions),
            Waited::Help(running) => work::help(py, process, running)?,
        }
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

/// The next item of a stream; `None` at its end.
pub(crate) fn next_item(
    process: &Process,
    stream: &Bound<'_, ObjectRef>,
    index: u32,
    timeout_s: Option<f64>,
) -> PyResult<Option<ObjectRef>> {
    let (py, task, until) =
        (stream.py(), stream.get().handle()?.object().task, deadline(timeout_s)?);
    let caller = current::caller();
    let next = waiting(py, |interrupted| {
        process.engine.next_item(task, index, until, caller, interrupted)
    })?;
    match next {
        Item::Next(handle) => Ok(Some(handle.into())),
        Item::End => Ok(None),
        Item::TimedOut => {
            Err(error::timed_out(py, "the stream yielded nothing in the time allowed for it"))
        }
    }
}

/// The contents of all objects. The failure of one ends the wait for the others.
fn contents(
    py: Python<'_>,
    process: &Arc<Process>,
    handles: &[Handle],
    until: Option<Timestamp>,
) -> PyResult<Vec<Data>> {
    let caller = current::caller();
    loop {
        if let Some(failure) = first_failure(handles) {
            return Err(error::of_failure(py, &failure));
        }
        let mut failed = None;
        let got = interruptible(py, |interrupted| {
            process.engine.get(handles, until, caller, &mut || {
                failed = first_failure(handles);
                failed.is_some() || interrupted()
            })
        })?;
        match got {
            Ok(Got::Ready(contents)) => return Ok(contents),
            Ok(Got::Help(running)) => work::help(py, process, running)?,
            Ok(Got::TimedOut) => return Err(missing(py, handles)),
            Err(EngineError::Interrupted) if failed.is_some() => {}
            Err(error) => return Err(error::of_engine(py, error)),
        }
        if let Some(failure) = failed {
            return Err(error::of_failure(py, &failure));
        }
    }
}

fn first_failure(handles: &[Handle]) -> Option<Arc<Failure>> {
    handles.iter().find_map(|handle| match handle.data() {
        Some(Data::Failed(failure)) => Some(failure),
        Some(Data::Bytes(_) | Data::Mapped(_)) | None => None,
    })
}

fn missing(py: Python<'_>, handles: &[Handle]) -> PyErr {
    if let Some(failure) = first_failure(handles) {
        return error::of_failure(py, &failure);
    }
    let late: Vec<&Handle> = handles.iter().filter(|handle| handle.data().is_none()).collect();
    let first =
        late.first().map_or_else(String::new, |handle| format!(", {} first", handle.object()));
    error::timed_out(
        py,
        &format!("{} of {} objects are not here yet{first}", late.len(), handles.len()),
    )
}
