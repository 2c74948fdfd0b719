//! Runs the daemon of a node.
//!
//! Owns: the conversion of its configuration. Does not own: the daemon (`runtime::daemon`), or what it is told
//! (`aktis.cluster.local`).

use std::os::fd::RawFd;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pythonize::depythonize;
use runtime::daemon::run_daemon;

use crate::engine::adopted;

/// Runs a daemon that plays the node and the head, until it is told to stop.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on.
#[pyfunction]
#[pyo3(signature = (config, *, ready_fd, signals_fd))]
pub(crate) fn run_node(
    config: &Bound<'_, PyAny>,
    ready_fd: RawFd,
    signals_fd: RawFd,
) -> PyResult<()> {
    let (told, ready, signals) = (depythonize(config)?, adopted(ready_fd), adopted(signals_fd));
    let ran = config.py().detach(|| run_daemon(told, ready.into(), signals.into()));
    ran.map_err(|error| PyOSError::new_err(error.to_string()))
}
