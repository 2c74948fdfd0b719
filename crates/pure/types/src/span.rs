//! What ran where and when, for people.
//!
//! Owns: the description of one run. Does not own: their collection (`control::timeline`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, WorkerId};

/// One thing that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The job it ran for.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Where it ran.
    pub worker: WorkerId,
    /// The process it ran in.
    pub pid: u32,
    /// When it began, since the Unix epoch.
    pub began: Duration,
    /// How long it ran.
    pub ran: Duration,
    /// Whether it failed.
    pub failed: bool,
}
