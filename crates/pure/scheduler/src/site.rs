//! What this node is, apart from what it has: its id and its labels.
//!
//! Owns: whether work may run here at all. Does not own: whether there is room (`ledger`).

use std::collections::BTreeMap;

use types::{Failure, NodeId, Strategy};

use crate::explain;

/// One node, as strategies see it.
#[derive(Debug)]
pub struct Site {
    node: NodeId,
    labels: BTreeMap<String, String>,
}

impl Site {
    /// The node with this id and these labels.
    #[must_use]
    pub const fn new(node: NodeId, labels: BTreeMap<String, String>) -> Self {
        Self { node, labels }
    }

    /// Whether `strategy` lets work run here.
    ///
    /// # Errors
    /// Why it does not.
    pub fn admits(&self, strategy: &Strategy) -> Result<(), Failure> {
        match strategy {
            Strategy::Node { node, soft: false } if *node != self.node => {
                Err(explain::other_node(*node, self.node))
            }
            Strategy::Labels(required, _) => {
                let broken = required.iter().find(|rule| !rule.holds(self.labels.get(&rule.label)));
                broken.map_or(Ok(()), |rule| {
                    let value = self.labels.get(&rule.label).map(String::as_str);
                    Err(explain::label(self.node, rule, value))
                })
            }
            Strategy::Pack | Strategy::Spread | Strategy::Group { .. } | Strategy::Node { .. } => {
                Ok(())
            }
        }
    }
}
