//! Decides what the cluster knows about itself.
//!
//! Owns: nodes, jobs, actors, placement groups, functions and keys, as one head sees them. Does not own: who is
//! told in which message (`roles::head`), or which worker process runs what (`scheduler`).
//!
//! Each machine takes requests and facts and answers with what is so now; none waits, and none knows of messages.
//! `docs/machines/control.md` has the states and the rules.

pub mod actors;
pub mod functions;
pub mod groups;
pub mod jobs;
pub mod nodes;
pub mod packing;
pub mod surveys;
pub mod table;
#[cfg(test)]
mod tests;
mod timeline;

pub use actors::{Actors, Fate};
pub use functions::Functions;
pub use groups::{Attempt, Groups, Keeper, Prepared};
pub use jobs::Jobs;
pub use nodes::{Home, Nodes};
pub use surveys::Surveys;
pub use table::Table;
