//! Values between Python and bytes: simple ones directly, all others through pickle.
//!
//! Owns: which values need no pickle, and where contents are written. Does not own: the layout of the bytes
//! (`runtime::engine`), or what the pickler does (`aktis._kernel.serialize`).

use std::sync::Arc;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFunction, PyInt, PyList, PyString, PyTuple, PyType,
};
use roles::worker::Source;
use runtime::engine::{Data, Encoded, Handle, View, read_value};
use types::{JobId, ObjectId, Payload, Ref, Stored, Value, WorkerId};

use crate::buffer::{Buffer, Memory, bytes_of};
use crate::current::{self, Process};
use crate::objectref::ObjectRef;
use crate::{engine, error, hooks};

/// What a value is to the user, and what to call it where something in it is named: only errors tell.
pub(crate) type Named<'a> = &'a dyn Fn() -> (String, String);

/// Calls `take` with `value` in the form in which it is written, and handles of the refs inside it.
///
/// # Errors
/// If it cannot be pickled: in words that say what in it is the reason.
pub(crate) fn with_encoded<R>(
    value: &Bound<'_, PyAny>,
    named: Named<'_>,
    take: impl FnOnce(Encoded<'_>, Vec<Handle>) -> PyResult<R>,
) -> PyResult<R> {
    if let Some(simple) = simple(value) {
        return take(simple, Vec::new());
    }
    let py = value.py();
    let (pickled, refs) = current::collecting(|| hooks::dumps(py)?.call1((value,)));
    let pickled = pickled.map_err(|error| explained(error, value, named));
    let pickled = pickled?.cast_into::<PyTuple>()?;
    let pickle = pickled.get_item(0)?.cast_into::<PyBytes>()?;
    let views = contiguous(&pickled.get_item(1)?.cast_into::<PyList>()?)?;
    let buffers: Vec<&[u8]> = views.iter().map(bytes_of).collect();
    take(Encoded::Pickle(pickle.as_bytes(), &buffers), refs)
}

/// The error for a value that cannot be pickled.
fn explained(error: PyErr, value: &Bound<'_, PyAny>, named: Named<'_>) -> PyErr {
    let (py, (what, name)) = (value.py(), named());
    let told = hooks::explained(py)
        .and_then(|explained| explained.call1((error.into_value(py), value, what, name)));
    told.map_or_else(|second| second, PyErr::from_value)
}

/// The value in its direct form, if its type is exactly one of a few.
fn simple<'a>(value: &'a Bound<'_, PyAny>) -> Option<Encoded<'a>> {
    if value.is_none() {
        Some(Encoded::None)
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        text.to_str().ok().map(Encoded::Text)
    } else if let Ok(number) = value.cast_exact::<PyInt>() {
        number.extract().ok().map(Encoded::Int)
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        Some(Encoded::Float(number.value()))
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        Some(Encoded::Bytes(bytes.as_bytes()))
    } else if let Ok(truth) = value.cast_exact::<PyBool>() {
        Some(Encoded::Bool(truth.is_true()))
    } else {
        None
    }
}

/// The memory of each buffer, in the order in which it lies.
fn contiguous(buffers: &Bound<'_, PyList>) -> PyResult<Vec<PyUntypedBuffer>> {
    let raw = intern!(buffers.py(), "raw");
    buffers.iter().map(|buffer| PyUntypedBuffer::get(&buffer.call_method0(raw)?)).collect()
}

/// Stores a value for `job`, of which this process is the owner.
pub(crate) fn put(
    py: Python<'_>,
    process: &Process,
    job: JobId,
    encoded: Encoded<'_>,
    refs: &[Handle],
) -> PyResult<Handle> {
    let engine = &process.engine;
    let object = ObjectId { task: engine.new_task(job), index: 0 };
    let value = output(py, process, object, engine.identity().worker, encoded)?;
    error::done(engine.put(object, Stored { value, contains: refs_of(refs) }))
}

/// The value of `object`, which `owner` gets or awaits. A large one is written to shared memory, without the GIL.
pub(crate) fn output(
    py: Python<'_>,
    process: &Process,
    object: ObjectId,
    owner: WorkerId,
    encoded: Encoded<'_>,
) -> PyResult<Value> {
    if encoded.size() <= process.inline_bytes_max {
        return Ok(Value::Inline(encoded.to_payload()));
    }
    engine::waiting(py, None, |patience| process.engine.store(object, owner, encoded, patience))
}

/// The refs of `handles`, each once.
pub(crate) fn refs_of(handles: &[Handle]) -> Box<[Ref]> {
    let mut refs: Vec<Ref> = handles.iter().map(Handle::reference).collect();
    refs.sort_unstable();
    refs.dedup();
    refs.into()
}

/// The value of the object of `handle`, whose content is `data`, or the exception of its failure.
pub(crate) fn read<'py>(
    py: Python<'py>,
    handle: &Handle,
    data: &Data,
) -> PyResult<Bound<'py, PyAny>> {
    decode(py, data, Source::Value(handle.object()), Some(handle))
}

/// The value that `data` holds, or the exception of its failure. Refs in it come from `source`.
pub(crate) fn decode<'py>(
    py: Python<'py>,
    data: &Data,
    source: Source,
    outer: Option<&Handle>,
) -> PyResult<Bound<'py, PyAny>> {
    match data {
        Data::Bytes(payload) => {
            decode_bytes(py, payload, source, outer, || Memory::Own(payload.clone()))
        }
        Data::Mapped(pinned) => {
            decode_bytes(py, pinned, source, outer, || Memory::Shared(Arc::clone(pinned)))
        }
        Data::Failed(failure) => Err(error::of_failure(failure)),
    }
}

/// The value that `bytes` are. `keep` gives the memory they lie in to those who look at parts of it.
pub(crate) fn decode_bytes<'py>(
    py: Python<'py>,
    bytes: &[u8],
    source: Source,
    outer: Option<&Handle>,
    keep: impl FnOnce() -> Memory,
) -> PyResult<Bound<'py, PyAny>> {
    let view =
        read_value(bytes).map_err(|malformed| PyValueError::new_err(malformed.to_string()))?;
    Ok(match view {
        View::None => py.None().into_bound(py),
        View::Bool(truth) => PyBool::new(py, truth).to_owned().into_any(),
        View::Int(number) => PyInt::new(py, number).into_any(),
        View::Float(number) => PyFloat::new(py, number).into_any(),
        View::Text(text) => PyString::new(py, text).into_any(),
        View::Bytes(content) => PyBytes::new(py, content).into_any(),
        View::Pickle(pickle, buffers) if buffers.is_empty() => {
            let loads = hooks::loads(py)?;
            current::unpickling(source, outer, || loads.call1((PyBytes::new(py, pickle),)))?
        }
        View::Pickle(pickle, buffers) => {
            let memory = keep();
            let parts = PyList::empty(py);
            for range in buffers {
                parts.append(Bound::new(py, Buffer::new(memory.clone(), range))?)?;
            }
            let named = PyDict::new(py);
            named.set_item(intern!(py, "buffers"), parts)?;
            let loads = hooks::loads(py)?;
            current::unpickling(source, outer, || {
                loads.call((PyBytes::new(py, pickle),), Some(&named))
            })?
        }
    })
}

/// The C pickler's `reducer_override`: notices what other processes could not import.
///
/// # Errors
/// What `aktis._kernel.serialize` raises for such a function or class.
#[pyfunction]
pub(crate) fn reduce_fast<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if let Ok(reference) = value.cast_exact::<ObjectRef>() {
        return Ok(reference.get().__reduce__(py)?.into_any());
    }
    if value.is_exact_instance_of::<PyFunction>() || value.is_instance_of::<PyType>() {
        hooks::check_importable(py)?.call1((value,))?;
    }
    Ok(py.NotImplemented().into_bound(py))
}

/// The bytes of a value, wherever it will lie; refs in it must be kept by the caller.
#[pyfunction]
pub(crate) fn encoded<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    let named = || ("the value".to_owned(), "it".to_owned());
    with_encoded(value, &named, |form, _refs| Ok(PyBytes::new(py, &form.to_payload())))
}

/// The value that [`encoded`] made bytes of.
#[pyfunction]
pub(crate) fn decoded<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let payload = Payload::from(data);
    decode_bytes(py, &payload, Source::Outside, None, || Memory::Own(payload.clone()))
}
