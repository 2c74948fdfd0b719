//! The extension module `aktis._core`: what Python sees of the engine.
//!
//! Owns: conversion between Python objects and the engine's types. Does not own: any decision (`roles`), any wait
//! (`runtime`), or the words of the public interface (`aktis`).
//!
//! Values of the user's own are converted by hand (`values`, `buffer`, `arguments`), since that is hot. What the
//! engine's own messages and descriptions hold goes through serde, and Python sees plain dicts, lists and numbers
//! (`aktis._kernel.forms`).
//!
//! Reading order: how bytes become values, what stands for objects and calls (`objectref`, `template`), who this
//! process and this thread are (`current`), the engine (`engine`; its methods lie in `objects`, `calls`, `actors`,
//! `completion`, `questions` and `work`), and what runs (`execution`, `outcome`).

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
mod objectref;
mod objects;
mod outcome;
mod questions;
mod template;
mod values;
mod work;

#[pyo3::pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::{
        buffer::Buffer,
        completion::{Arrival, Channel},
        current::execution_here,
        daemon::run_node,
        engine::Engine,
        error::sentence,
        execution::Execution,
        objectref::{ObjectRef, restore_ref},
        template::Template,
        values::{decoded, encoded, reduce_fast},
    };
}
