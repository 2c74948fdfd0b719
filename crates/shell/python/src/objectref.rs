//! Refs as Python sees them.
//!
//! Owns: the class `ObjectRef`, and how it is pickled. Does not own: counts (`ownership`), or futures
//! (`aktis._kernel.awaiting`).

use std::sync::Mutex;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple, PyType};
use runtime::engine::Handle;
use types::{Failure, ObjectId, Ref, WorkerId};

use crate::completion::Arrival;
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
    /// If the owner of the object is not known, or the session has ended: in another one its id may be that of something
    /// else.
    pub(crate) fn handle(&self) -> PyResult<&Handle> {
        let object = self.object;
        match &self.handle {
            Some(handle) if handle.is_over() => {
                let why = "the session it belongs to has ended".to_owned();
                Err(error::of_failure(&Failure::ObjectLost(object, why)))
            }
            Some(handle) => Ok(handle),
            None => {
                let what = "get refs from calls and put(), not from ids";
                Err(PyValueError::new_err(format!("nobody knows who owns {object}; {what}")))
            }
        }
    }
}

#[pymethods]
impl ObjectRef {
    #[new]
    fn new(identifier: &[u8]) -> PyResult<Self> {
        let object = object_id(identifier)?;
        let Some(owner) = owner_by_id(object).filter(|_| !is_nil(object)) else {
            return Ok(Self { object, handle: None });
        };
        let Ok(process) = current::process() else { return Ok(Self { object, handle: None }) };
        Ok(error::done(process.engine.hold(Ref { object, owner }, current::source()))?.into())
    }

    #[classmethod]
    fn from_binary(_class: &Bound<'_, PyType>, identifier: &[u8]) -> PyResult<Self> {
        Self::new(identifier)
    }

    #[classmethod]
    fn from_hex(class: &Bound<'_, PyType>, text: &str) -> PyResult<Self> {
        let bytes = class.py().get_type::<PyBytes>().call_method1("fromhex", (text,))?;
        Self::new(bytes.extract()?)
    }

    #[classmethod]
    fn nil(_class: &Bound<'_, PyType>) -> Self {
        Self { object: ObjectId::from_bytes([0xff; ObjectId::LEN]), handle: None }
    }

    #[classmethod]
    fn size(_class: &Bound<'_, PyType>) -> usize {
        ObjectId::LEN
    }

    fn binary(&self) -> [u8; ObjectId::LEN] {
        self.object.to_bytes()
    }

    fn hex<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyBytes::new(py, &self.object.to_bytes()).call_method0(intern!(py, "hex"))
    }

    fn is_nil(&self) -> bool {
        is_nil(self.object)
    }

    fn task_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        hooks::task_id(py)?.call1((*self.object.task.bytes(),))
    }

    fn job_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        hooks::job_id(py)?.call1((self.object.task.job().0.to_le_bytes(),))
    }

    /// The owner, in the form of its process's name.
    fn owner_address(&self) -> PyResult<[u8; 8]> {
        Ok(self.handle()?.reference().owner.to_u64().to_be_bytes())
    }

    /// Where the ref was made; not recorded.
    fn call_site(&self) -> &'static str {
        ""
    }

    /// Whether the object is known to exist, or to have failed.
    fn is_available(&self) -> PyResult<bool> {
        Ok(self.handle()?.is_available())
    }

    /// The content, if it is here.
    fn arrival(&self) -> PyResult<Option<Arrival>> {
        let handle = self.handle()?;
        Ok(handle.data().map(|data| Arrival(handle.clone(), data)))
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

    /// What a pickler writes for it.
    pub(crate) fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let handle = self.handle()?;
        if !current::collect(handle) {
            current::lock(&PICKLED_OUTSIDE).push(handle.clone());
        }
        let mut bytes = [0; PICKLED_LEN];
        bytes[..ObjectId::LEN].copy_from_slice(&self.object.to_bytes());
        bytes[ObjectId::LEN..].copy_from_slice(&handle.reference().owner.to_u64().to_le_bytes());
        (hooks::restore_ref(py)?, (PyBytes::new(py, &bytes),)).into_pyobject(py)
    }

    fn __hash__(&self) -> u64 {
        let (words, _none) = self.object.task.bytes().as_chunks();
        words.iter().fold(u64::from(self.object.index), |hash, word| {
            // The golden ratio in 64 bits: odd, so that it loses nothing, and its bits are well mixed.
            let mixed = (hash ^ u64::from_be_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed.rotate_left(29)
        })
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast_exact::<Self>().is_ok_and(|other| other.get().object == self.object)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ObjectRef({})", self.hex(py)?))
    }
}

/// The ref that was pickled as these bytes.
#[pyfunction]
pub(crate) fn restore_ref(pickled: &[u8]) -> PyResult<ObjectRef> {
    let wrong = || PyValueError::new_err("the pickle of a ref has another length");
    let (object, owner) = pickled.split_at_checked(ObjectId::LEN).ok_or_else(wrong)?;
    let owner = <[u8; 8]>::try_from(owner).map_err(|_length| wrong())?;
    let reference =
        Ref { object: object_id(object)?, owner: WorkerId::from_u64(u64::from_le_bytes(owner)) };
    Ok(current::held(reference)?.into())
}

/// The items of a list, which stay while somebody looks at them.
pub(crate) fn items_of<'py>(list: &Bound<'py, PyList>) -> Vec<Bound<'py, PyAny>> {
    list.iter().collect()
}

/// The handles of refs.
pub(crate) fn handles_of<'a>(items: &'a [Bound<'_, PyAny>]) -> PyResult<Vec<&'a Handle>> {
    items.iter().map(handle_of).collect()
}

/// The handle of the ref that an item of a list is.
pub(crate) fn handle_of<'a>(item: &'a Bound<'_, PyAny>) -> PyResult<&'a Handle> {
    match item.cast_exact::<ObjectRef>() {
        Ok(reference) => reference.get().handle(),
        Err(_) => {
            let kind = item.get_type();
            let text = format!("a list of ObjectRef is needed, but it holds a {kind}");
            Err(PyTypeError::new_err(text))
        }
    }
}

fn object_id(bytes: &[u8]) -> PyResult<ObjectId> {
    let sized = <[u8; ObjectId::LEN]>::try_from(bytes).map(ObjectId::from_bytes);
    let (wanted, len) = (ObjectId::LEN, bytes.len());
    let text = || format!("the id of an object has {wanted} bytes, not {len}");
    sized.map_err(|_length| PyValueError::new_err(text()))
}

fn is_nil(object: ObjectId) -> bool {
    object.to_bytes() == [0xff; ObjectId::LEN]
}

/// Who made the task that makes the object, as far as its id says so: calls on actors do not.
fn owner_by_id(object: ObjectId) -> Option<WorkerId> {
    if object.task.actor().is_some() {
        return None;
    }
    let maker = object.task.bytes()[8..16].try_into().ok()?;
    Some(WorkerId::from_u64(u64::from_be_bytes(maker)))
}
