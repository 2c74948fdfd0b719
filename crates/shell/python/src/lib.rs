//! The extension module `aktis._core`: what Python sees of the engine.
//!
//! Owns: conversion between Python objects and the engine's types. Does not own: any decision (`roles`), any wait
//! (`runtime`), or the words of the public interface (`aktis`).
//!
//! Reading order: how bytes become values (`values`, `buffer`, `arguments`), what stands for objects and calls
//! (`objectref`, `template`), who this process and this thread are (`current`), the engine (`engine`), what runs
//! (`execution`), and the rest of what can be asked (`actors`, `questions`, `completion`).

mod actors;
mod arguments;
mod buffer;
mod calls;
mod completion;
mod current;
mod daemon;
mod engine;
mod error;
mod execution;
mod hooks;
mod ids;
mod looping;
mod objects;
mod objectref;
mod outcome;
mod questions;
mod reading;
mod template;
mod values;
mod work;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<buffer::Buffer>()?;
    module.add_class::<completion::Arrival>()?;
    module.add_class::<completion::Channel>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<execution::Execution>()?;
    module.add_class::<objectref::ObjectRef>()?;
    module.add_class::<template::Template>()?;
    module.add_function(wrap_pyfunction!(current::engine_in_use, module)?)?;
    module.add_function(wrap_pyfunction!(current::execution_here, module)?)?;
    module.add_function(wrap_pyfunction!(daemon::run_node, module)?)?;
    module.add_function(wrap_pyfunction!(daemon::set_process_title, module)?)?;
    module.add_function(wrap_pyfunction!(daemon::settings_table, module)?)?;
    module.add_function(wrap_pyfunction!(objectref::restore_ref, module)?)?;
    module.add_function(wrap_pyfunction!(values::decoded, module)?)?;
    module.add_function(wrap_pyfunction!(values::encoded, module)?)?;
    module.add_function(wrap_pyfunction!(values::reduce_fast, module)?)?;
    module.add("NeedsCloudpickleError", module.py().get_type::<values::NeedsCloudpickleError>())?;
    Ok(())
}
