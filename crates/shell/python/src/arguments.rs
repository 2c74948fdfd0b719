//! The arguments of a call, on their way out and in.
//!
//! Owns: what becomes of each argument: a value, a ref to wait for, or a large value that is stored first.
//! Does not own: the layout of the bytes (`runtime::engine`).

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use roles::worker::Source;
use runtime::engine::{Argument, ArgumentWriter, Handle, MalformedValue, Running, read_arguments};
use types::{JobId, Payload, Ref};

use crate::buffer::Memory;
use crate::current::Process;
use crate::objectref::ObjectRef;
use crate::values::{self, Named, with_encoded};

/// Arguments as a task carries them. Keeps the refs among and in them: until the task is submitted.
pub(crate) struct Arguments {
    /// All of them, encoded.
    pub(crate) payload: Payload,
    dependencies: Vec<Handle>,
    nested: Vec<Handle>,
}

/// Arguments on their way out.
struct Encoder<'a> {
    process: &'a Process,
    job: JobId,
    bytes: ArgumentWriter,
    /// Refs that are arguments themselves, each once.
    dependencies: Vec<Handle>,
    /// Those inside arguments.
    nested: Vec<Handle>,
}

impl Arguments {
    /// Encodes the arguments of a call of `function` for `job`.
    ///
    /// # Errors
    /// What pickling raises.
    pub(crate) fn encode(
        process: &Process,
        job: JobId,
        function: &str,
        positional: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let count = positional.len() + named.map_or(0, |named| named.len());
        let (bytes, dependencies, nested) = (ArgumentWriter::new(count), Vec::new(), Vec::new());
        let mut encoder = Encoder { process, job, bytes, dependencies, nested };
        for (position, value) in positional.iter_borrowed().enumerate() {
            let which = || (format!("argument {} of {function}()", position + 1), "it".to_owned());
            encoder.add(&value, &which)?;
        }
        let mut names = Vec::new();
        if let Some(named) = named {
            for (name, value) in named.iter() {
                let which = || (format!("argument {name} of {function}()"), name.to_string());
                encoder.add(&value, &which)?;
                names.push(name.cast_into::<PyString>()?);
            }
        }
        let names: Vec<&str> = names.iter().map(|name| name.to_str()).collect::<PyResult<_>>()?;
        let Encoder { bytes, dependencies, nested, .. } = encoder;
        Ok(Self { payload: bytes.finish(names.into_iter()), dependencies, nested })
    }

    /// Refs that are arguments themselves, in the order in which they were given.
    pub(crate) fn dependencies(&self) -> Box<[Ref]> {
        self.dependencies.iter().map(Handle::reference).collect()
    }

    /// Refs inside arguments, each once.
    pub(crate) fn nested(&self) -> Box<[Ref]> {
        values::refs_of(&self.nested)
    }
}

impl Encoder<'_> {
    fn add(&mut self, value: &Bound<'_, PyAny>, which: Named<'_>) -> PyResult<()> {
        if let Ok(reference) = value.cast_exact::<ObjectRef>() {
            self.depend_on(reference.get().handle()?.clone());
            return Ok(());
        }
        with_encoded(value, which, |encoded, mut inside| {
            if encoded.size() <= self.process.inline_bytes_max {
                self.bytes.value(encoded);
                self.nested.append(&mut inside);
            } else {
                let stored = values::put(value.py(), self.process, self.job, encoded, &inside)?;
                self.depend_on(stored);
            }
            Ok(())
        })
    }

    fn depend_on(&mut self, handle: Handle) {
        let object = handle.object();
        let known = self.dependencies.iter().position(|known| known.object() == object);
        self.bytes.dependency(known.unwrap_or(self.dependencies.len()));
        if known.is_none() {
            self.dependencies.push(handle);
        }
    }
}

/// The arguments of a task that runs here.
///
/// # Errors
/// What unpickling raises, and the exception of a dependency that has no value.
pub(crate) fn decode<'py>(
    py: Python<'py>,
    running: &Running,
) -> PyResult<(Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>)> {
    let malformed = |error: MalformedValue| PyValueError::new_err(error.to_string());
    let (arguments, names) = read_arguments(&running.arguments).map_err(malformed)?;
    let mut all = Vec::with_capacity(arguments.len());
    for argument in arguments {
        all.push(match argument {
            Argument::Value(bytes) => {
                // Views into it need an alignment that a place among other arguments does not have.
                values::decode_bytes(py, bytes, Source::Task(running.task), None, || {
                    Memory::Own(Payload::from(bytes))
                })?
            }
            // Whoever submitted the task keeps the object, and the refs in it, until the task ends.
            Argument::Dependency(index) => match running.dependencies.get(index) {
                Some(data) => values::decode(py, data, Source::Task(running.task), None)?,
                None => return Err(PyValueError::new_err("a dependency did not come along")),
            },
        });
    }
    if names.is_empty() {
        return Ok((PyTuple::new(py, all)?, None));
    }
    let named = PyDict::new(py);
    let positional = all.len().saturating_sub(names.len());
    for (name, value) in names.into_iter().zip(all.drain(positional..)) {
        named.set_item(name, value)?;
    }
    Ok((PyTuple::new(py, all)?, Some(named)))
}
