//! Runs the daemon of a node.
//!
//! Owns: the conversion of its configuration. Does not own: the daemon (`runtime::daemon`), or what it is told
//! (`aktis.cluster.local`).

use std::os::fd::RawFd;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pythonize::depythonize;
use runtime::daemon::{Descriptors, run_daemon};

use crate::engine::adopted;

/// Runs a daemon that plays the node and the head, until it is told to stop.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on.
#[pyfunction]
#[pyo3(signature = (config, *, ready_fd, processes_fd, listener_fd, arena_fd, spiller_fds))]
pub(crate) fn run_node(
    config: &Bound<'_, PyAny>,
    ready_fd: RawFd,
    processes_fd: RawFd,
    listener_fd: RawFd,
    arena_fd: RawFd,
    spiller_fds: (RawFd, RawFd),
) -> PyResult<()> {
    let descriptors = Descriptors {
        ready: adopted(ready_fd),
        processes: adopted(processes_fd),
        listener: adopted(listener_fd),
        arena: adopted(arena_fd),
        jobs: adopted(spiller_fds.0),
        outcomes: adopted(spiller_fds.1),
    };
    let told = depythonize(config)?;
    let ran = config.py().detach(|| run_daemon(told, descriptors));
    ran.map_err(|error| PyOSError::new_err(format!("the node cannot go on: {error}")))
}
