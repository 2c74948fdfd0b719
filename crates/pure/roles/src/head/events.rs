//! What can happen to the head, and what it wants done.
//!
//! Owns: the two lists. Does not own: what leads from one to the other (`head`), or how it is done (`runtime`).

use types::{JobId, NodeId, WorkerId};
use wire::to_node::NodeReport;
use wire::{FromHead, HeadToNode, ToHead};

/// What can happen to the head.
#[derive(Debug)]
pub enum Event {
    /// A worker or driver said something.
    Worker(WorkerId, ToHead),
    /// A node said something.
    Node(NodeId, NodeReport),
    /// The connection to a node is gone.
    NodeLost(NodeId),
}

/// What the head wants done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Say this to a worker or driver.
    ToWorker(WorkerId, FromHead),
    /// Say this to a node.
    ToNode(NodeId, HeadToNode),
    /// Tell a node which job one of its drivers has.
    JobStarted(WorkerId, JobId),
}
