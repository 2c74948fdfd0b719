//! Python functions that the binding calls, each found once, at its first use.
//!
//! Owns: their addresses. Does not own: what they do (`aktis._kernel`, `aktis.exceptions`).

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

macro_rules! hooks {
    ($($(#[doc = $doc:literal])+ $name:ident = $module:literal, $attribute:literal;)+) => {
        $($(#[doc = $doc])+
        pub(crate) fn $name<'py>(py: Python<'py>) -> PyResult<&'py Bound<'py, PyAny>> {
            static FOUND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            FOUND.import(py, $module, $attribute)
        })+
    };
}

hooks! {
    /// Pickles a value: `(value) -> (bytes, list of buffers)`.
    dumps = "aktis._kernel.serialize", "dumps";
    /// Makes the error for a value that cannot be pickled: `(error, value, what, name) -> exception`.
    explained = "aktis._kernel.culprits", "explained";
    /// Raises if other processes cannot import this function or class: `(value) -> None`.
    check_importable = "aktis._kernel.serialize", "check_importable";
    /// Unpickles: `(data, *, buffers=()) -> value`.
    loads = "_pickle", "loads";
    /// Unpickles a ref: `(bytes) -> ref`.
    restore_ref = "aktis._core", "restore_ref";
    /// Makes an exception of a failure: `(failure, sentence) -> exception`.
    from_failure = "aktis.exceptions", "from_failure";
    /// The exception for a `get` whose time passed.
    get_timeout_error = "aktis.exceptions", "GetTimeoutError";
    /// Runs what is more than one call of a function: `(execution) -> None`.
    run = "aktis._kernel.execute", "run";
    /// Starts a thread for `Engine.work_aside`: `() -> None`.
    start_aside = "aktis._kernel.aside", "start";
    /// Runs an execution on such a thread: `(execution) -> None`.
    run_aside = "aktis._kernel.aside", "run";
    /// Reports an error of the user's code: `(execution, error) -> None`.
    report_error = "aktis._kernel.execute", "report_error";
    /// Makes the process ready for another job or other devices: `(execution) -> None`.
    prepare = "aktis._kernel.execute", "prepare";
    /// Fetches a function: `(function id, job) -> callable`.
    fetch_function = "aktis._kernel.functions", "fetch";
    /// The variable that says which execution a coroutine belongs to.
    execution_of_coroutine = "aktis._kernel.context", "execution_of_coroutine";
    /// An awaitable of a ref: `(ref) -> awaitable`.
    wait_for = "aktis._kernel.awaiting", "wait_for";
    /// A future of a ref: `(ref) -> future`.
    future_of = "aktis._kernel.awaiting", "future_of";
    /// Calls back with a ref's value: `(ref, callback) -> None`.
    call_back = "aktis._kernel.awaiting", "call_back";
    /// The public class of task ids.
    task_id = "aktis.ids", "TaskID";
    /// The public class of job ids.
    job_id = "aktis.ids", "JobID";
}
