//! What all calls of one function with the same options have in common, as Python holds it.
//!
//! Owns: the class `Template`. Does not own: what options mean (`aktis._kernel.submit`).

use std::sync::Arc;

use pyo3::prelude::*;
use pythonize::depythonize;
use types::Returns;

/// Made once for each function and set of options.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Template {
    /// As the engine knows it.
    pub(crate) shared: Arc<types::Template>,
}

#[pymethods]
impl Template {
    #[new]
    #[pyo3(signature = (template, /))]
    fn new(template: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { shared: Arc::new(depythonize(template)?) })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether its objects come one by one.
    #[getter]
    fn streams(&self) -> bool {
        self.shared.returns == Returns::Stream
    }
}
