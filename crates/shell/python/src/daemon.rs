//! Runs the daemon of a node, and shows the settings that it takes.
//!
//! Owns: the conversion of its configuration. Does not own: the daemon (`runtime::daemon`), or what it is told
//! (`aktis.cluster.local`).

use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use runtime::daemon::{DaemonConfig, run_daemon};
use types::Settings;

use crate::template::resources_of;

/// Runs a daemon that plays the node and the head, until it is told to stop.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on.
#[pyfunction]
#[pyo3(signature = (
    *, session, directory, socket, token, arena_bytes, spill_directory, fork_server, resources, cpus, labels, facts,
    settings, ready_fd
))]
#[expect(clippy::too_many_arguments, reason = "each is a named option, given once by one caller")]
pub(crate) fn run_node(
    py: Python<'_>,
    session: String,
    directory: PathBuf,
    socket: PathBuf,
    token: Vec<u8>,
    arena_bytes: u64,
    spill_directory: PathBuf,
    fork_server: Vec<String>,
    resources: &Bound<'_, PyDict>,
    cpus: u32,
    labels: BTreeMap<String, String>,
    facts: BTreeMap<String, String>,
    settings: BTreeMap<String, u64>,
    ready_fd: RawFd,
) -> PyResult<()> {
    let config = DaemonConfig {
        session,
        directory,
        socket,
        token,
        arena_bytes,
        spill_directory,
        fork_server,
        resources: resources_of(resources)?,
        cpus,
        labels: labels.into_iter().collect(),
        facts: facts.into_iter().collect(),
        settings: settings_of(settings)?,
        ready: Some(inherited(ready_fd)),
    };
    py.detach(|| run_daemon(config)).map_err(|error| PyOSError::new_err(error.to_string()))
}

/// Calls this process `title` in `ps`.
#[pyfunction]
pub(crate) fn set_process_title(title: &str) -> PyResult<()> {
    Ok(runtime::title::set_title(title)?)
}

/// Name, default and sentence of each setting of a cluster.
#[pyfunction]
pub(crate) fn settings_table() -> Vec<(&'static str, u64, &'static str)> {
    Settings::TABLE.to_vec()
}

fn settings_of(values: BTreeMap<String, u64>) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (name, value) in values {
        if !settings.set(&name, value) {
            return Err(PyValueError::new_err(format!("there is no setting {name:?}")));
        }
    }
    Ok(settings)
}

#[expect(unsafe_code, reason = "a descriptor that was inherited is a number only")]
fn inherited(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the starter of this process made the descriptor for it, and nobody else in it knows it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
