//! Refs as Python sees them.
//!
//! Owns: the class `ObjectRef`, and how it is pickled. Does not own: counts (`ownership`), or futures
//! (`aktis._kernel.awaiting`).

use std::fmt::Write;
use std::sync::Mutex;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};
use runtime::engine::Handle;
use types::{ObjectId, Ref, TaskId, WorkerId};

use crate::completion::{self, Arrival};
use crate::{current, error, hooks};

/// How many bytes stand for a ref in a pickle: the object's id and its owner.
const PICKLED_LEN: usize = ObjectId::LEN + 8;

/// Refs that were pickled outside the engine: somebody may come with the pickle at any time, so they stay.
static PICKLED_OUTSIDE: Mutex<Vec<Handle>> = Mutex::new(Vec::new());

/// A name for an object that keeps it alive.
#[pyclass(frozen, module = "aktis", generic)]
pub(crate) struct ObjectRef {
    object: ObjectId,
    /// None for an id whose owner is not known.
    handle: Option<Handle>,
}

impl From<Handle> for ObjectRef {
    fn from(handle: Handle) -> Self {
        Self { object: handle.object(), handle: Some(handle) }
    }
}

impl ObjectRef {
    /// The handle.
    ///
    /// # Errors
    /// If the owner of the object is not known.
    pub(crate) fn handle(&self) -> PyResult<&Handle> {
        self.handle.as_ref().ok_or_else(|| {
            let object = self.object;
            let text = format!(
                "nobody knows who owns {object}; get refs from calls and put(), not from ids"
            );
            PyValueError::new_err(text)
        })
    }

    /// What a pickler writes for it.
    pub(crate) fn reduced<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let handle = self.handle()?;
        if !current::collect(handle) {
            current::lock(&PICKLED_OUTSIDE).push(handle.clone());
        }
        let mut bytes = [0; PICKLED_LEN];
        bytes[..ObjectId::LEN].copy_from_slice(&self.object.to_bytes());
        bytes[ObjectId::LEN..].copy_from_slice(&handle.reference().owner.to_u64().to_le_bytes());
        (hooks::restore_ref(py)?, (PyBytes::new(py, &bytes),)).into_pyobject(py)
    }

    fn of_id(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let object = object_id(bytes)?;
        let Some(owner) = owner_by_id(object).filter(|_| !is_nil(object)) else {
            return Ok(Self { object, handle: None });
        };
        let Ok(process) = current::process() else { return Ok(Self { object, handle: None }) };
        let held = process.engine.hold(Ref { object, owner }, current::source());
        Ok(held.map_err(|error| error::of_engine(py, error))?.into())
    }
}

#[pymethods]
impl ObjectRef {
    #[new]
    fn new(py: Python<'_>, identifier: &[u8]) -> PyResult<Self> {
        Self::of_id(py, identifier)
    }

    #[classmethod]
    fn from_binary(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        identifier: &[u8],
    ) -> PyResult<Self> {
        Self::of_id(py, identifier)
    }

    #[classmethod]
    fn from_hex(_class: &Bound<'_, PyType>, py: Python<'_>, text: &str) -> PyResult<Self> {
        Self::of_id(py, &bytes_of_hex(text)?)
    }

    #[classmethod]
    fn nil(_class: &Bound<'_, PyType>) -> Self {
        Self { object: ObjectId::from_bytes([0xff; ObjectId::LEN]), handle: None }
    }

    #[classmethod]
    fn size(_class: &Bound<'_, PyType>) -> usize {
        ObjectId::LEN
    }

    fn binary<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.object.to_bytes())
    }

    fn hex(&self) -> String {
        hex(&self.object.to_bytes())
    }

    fn is_nil(&self) -> bool {
        is_nil(self.object)
    }

    fn task_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        hooks::task_id(py)?.call1((PyBytes::new(py, self.object.task.bytes()),))
    }

    fn job_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        hooks::job_id(py)?.call1((PyBytes::new(py, &self.object.task.job().0.to_le_bytes()),))
    }

    /// The owner, in the form of its process's name.
    fn owner_address(&self) -> PyResult<Vec<u8>> {
        Ok(self.handle()?.reference().owner.to_u64().to_be_bytes().to_vec())
    }

    /// Where the ref was made; not recorded.
    fn call_site(&self) -> &'static str {
        ""
    }

    /// The content, if it is here.
    fn arrival(&self) -> PyResult<Option<Arrival>> {
        completion::arrival(self)
    }

    fn future<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        hooks::future_of(slf.py())?.call1((slf,))
    }

    fn _on_completed(slf: Bound<'_, Self>, callback: Bound<'_, PyAny>) -> PyResult<()> {
        hooks::call_back(slf.py())?.call1((slf, callback)).map(drop)
    }

    fn __await__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        hooks::wait_for(py)?.call1((slf,))?.call_method0(intern!(py, "__await__"))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.reduced(py)
    }

    fn __hash__(&self) -> u64 {
        let mut hash = u64::from(self.object.index);
        for chunk in self.object.task.bytes().chunks_exact(8) {
            // The golden ratio in 64 bits: odd, so that it loses nothing, and its bits are well mixed.
            let word = chunk.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
            hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        hash
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast_exact::<Self>().is_ok_and(|other| other.get().object == self.object)
    }

    fn __repr__(&self) -> String {
        format!("ObjectRef({})", self.hex())
    }
}

/// The ref that was pickled as these bytes.
#[pyfunction]
pub(crate) fn restore_ref(py: Python<'_>, pickled: &[u8]) -> PyResult<ObjectRef> {
    let wrong = || PyValueError::new_err("the pickle of a ref has another length");
    let (object, owner) = pickled.split_at_checked(ObjectId::LEN).ok_or_else(wrong)?;
    let owner = <[u8; 8]>::try_from(owner).map_err(|_length| wrong())?;
    let reference =
        Ref { object: object_id(object)?, owner: WorkerId::from_u64(u64::from_le_bytes(owner)) };
    if let Some(handle) = current::known(reference) {
        return Ok(handle.into());
    }
    let held = current::process()?.engine.hold(reference, current::source());
    let handle = held.map_err(|error| error::of_engine(py, error))?;
    current::found(&handle);
    Ok(handle.into())
}

/// The handles of a list of refs.
pub(crate) fn handles_of(refs: &Bound<'_, pyo3::types::PyList>) -> PyResult<Vec<Handle>> {
    refs.iter()
        .map(|item| match item.cast_exact::<ObjectRef>() {
            Ok(reference) => reference.get().handle().cloned(),
            Err(_) => Err(not_a_ref(&item)),
        })
        .collect()
}

/// What stands where a ref should.
pub(crate) fn not_a_ref(item: &Bound<'_, PyAny>) -> PyErr {
    let kind = item.get_type();
    PyTypeError::new_err(format!("a list of ObjectRef is needed, but it holds a {kind}"))
}

/// Bytes as people write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_of_hex(text: &str) -> PyResult<Vec<u8>> {
    let wrong = || PyValueError::new_err(format!("{text:?} is no id in hexadecimal"));
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let pairs =
        (0..text.len()).step_by(2).map(|start| u8::from_str_radix(&text[start..start + 2], 16));
    pairs.collect::<Result<_, _>>().map_err(|_digit| wrong())
}

fn object_id(bytes: &[u8]) -> PyResult<ObjectId> {
    <[u8; ObjectId::LEN]>::try_from(bytes).map(ObjectId::from_bytes).map_err(|_length| {
        PyValueError::new_err(format!(
            "the id of an object has {} bytes, not {}",
            ObjectId::LEN,
            bytes.len()
        ))
    })
}

fn is_nil(object: ObjectId) -> bool {
    object.to_bytes() == [0xff; ObjectId::LEN]
}

/// Who made the task that makes the object, as far as its id says so: calls on actors do not.
fn owner_by_id(object: ObjectId) -> Option<WorkerId> {
    let task: TaskId = object.task;
    if task.actor().is_some() {
        return None;
    }
    let mut maker = [0; 8];
    maker.copy_from_slice(&task.bytes()[8..16]);
    Some(WorkerId::from_u64(u64::from_be_bytes(maker)))
}
