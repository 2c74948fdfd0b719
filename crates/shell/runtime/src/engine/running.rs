//! Tasks that came to run here, as threads run them.
//!
//! Owns: what a thread is handed. Does not own: which tasks come (`roles::Worker`), or where they wait (`guarded`).

use std::ops::Deref;

use roles::worker::Execution;
use types::Callee;

use super::pins::Data;

/// A task as a thread runs it.
#[derive(Debug)]
pub struct Running {
    pub(super) execution: Box<Execution>,
    /// The contents of arguments that are refs, by position.
    pub dependencies: Vec<Data>,
}

impl Running {
    /// The concurrency group it runs in.
    #[must_use]
    pub fn group(&self) -> &str {
        match &self.template.callee {
            Callee::Method { group, .. } => group,
            Callee::Function | Callee::Constructor => "",
        }
    }
}

impl Deref for Running {
    type Target = Execution;

    fn deref(&self) -> &Execution {
        &self.execution
    }
}
