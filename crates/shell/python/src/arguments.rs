//! The arguments of a call, on their way out and in.
//!
//! Owns: what becomes of each argument: a value, a ref to wait for, or a large value that is stored first.
//! Does not own: the layout of the bytes (`runtime::engine`).

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use roles::worker::Source;
use runtime::engine::{
    Argument, ArgumentReader, ArgumentWriter, Handle, Layout, MalformedValue, Running,
};
use types::{JobId, Payload, Ref};

use crate::buffer::Memory;
use crate::current::Process;
use crate::objectref::ObjectRef;
use crate::values::{self, with_encoded};

/// Arguments as a task carries them.
pub(crate) struct Arguments {
    /// All of them, encoded.
    pub(crate) payload: Payload,
    /// Refs that are arguments themselves.
    pub(crate) dependencies: Box<[Ref]>,
    /// Refs inside arguments.
    pub(crate) nested: Box<[Ref]>,
    /// Keeps all of these until the task is submitted.
    pub(crate) kept: Vec<Handle>,
}

struct Writer<'a> {
    process: &'a Process,
    job: JobId,
    bytes: ArgumentWriter,
    dependencies: Vec<Ref>,
    nested: Vec<Handle>,
    kept: Vec<Handle>,
}

impl Arguments {
    /// Encodes the arguments of a call for `job`.
    ///
    /// # Errors
    /// What pickling raises.
    pub(crate) fn encode(
        process: &Process,
        job: JobId,
        positional: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let count = positional.len() + named.map_or(0, |named| named.len());
        let mut writer = Writer {
            process,
            job,
            bytes: ArgumentWriter::new(count),
            dependencies: Vec::new(),
            nested: Vec::new(),
            kept: Vec::new(),
        };
        for value in positional.iter_borrowed() {
            writer.add(&value)?;
        }
        let mut names = Vec::new();
        if let Some(named) = named {
            for (name, value) in named.iter() {
                writer.add(&value)?;
                names.push(name.cast_into::<PyString>()?);
            }
        }
        let names: Vec<&str> = names.iter().map(|name| name.to_str()).collect::<PyResult<_>>()?;
        let nested = values::refs_of(&writer.nested);
        writer.kept.append(&mut writer.nested);
        Ok(Self {
            payload: writer.bytes.finish(names.into_iter()),
            dependencies: writer.dependencies.into(),
            nested,
            kept: writer.kept,
        })
    }
}

impl Writer<'_> {
    fn add(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(reference) = value.cast_exact::<ObjectRef>() {
            let handle = reference.get().handle()?;
            self.depend_on(handle.clone());
            return Ok(());
        }
        let py = value.py();
        let (process, job) = (self.process, self.job);
        with_encoded(value, |encoded, mut refs| {
            if Layout::of(encoded).size() <= process.inline_bytes_max {
                self.bytes.value(encoded);
                self.nested.append(&mut refs);
            } else {
                let handle = values::put(py, process, job, encoded, &refs)?;
                self.depend_on(handle);
            }
            Ok(())
        })
    }

    fn depend_on(&mut self, handle: Handle) {
        let reference = handle.reference();
        let known = self.dependencies.iter().position(|known| *known == reference);
        self.bytes.dependency(known.unwrap_or(self.dependencies.len()));
        if known.is_none() {
            self.dependencies.push(reference);
            self.kept.push(handle);
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
    let mut reader = ArgumentReader::new(&running.arguments).map_err(malformed)?;
    let mut all = Vec::with_capacity(reader.left());
    while let Some(argument) = reader.next_argument().map_err(malformed)? {
        all.push(match argument {
            Argument::Value(bytes) => {
                // Views into it need an alignment that a place among other arguments does not have.
                values::decode_bytes(py, bytes, Source::Task(running.task), || {
                    Memory::Own(Payload::from(bytes))
                })?
            }
            Argument::Dependency(index) => dependency(py, running, index)?,
        });
    }
    let names = reader.names().map_err(malformed)?;
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

/// Whoever submitted the task keeps the object, and the refs in it, until the task ends.
fn dependency<'py>(
    py: Python<'py>,
    running: &Running,
    index: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let data = running.dependencies().get(index).ok_or_else(|| {
        PyValueError::new_err(format!(
            "the arguments name dependency {index}, which did not come along"
        ))
    })?;
    values::decode(py, data, Source::Task(running.task))
}
