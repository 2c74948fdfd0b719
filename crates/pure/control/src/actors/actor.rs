//! One living actor: where it is on its way, and how often it went it.
//!
//! Owns: its state, and what can be read from it. Does not own: which event leads to which state (`actors`).

use std::collections::BTreeSet;
use std::sync::Arc;

use types::failure::ActorEnd;
use types::{ActorInfo, ActorSpec, ActorState, Dependency, GroupId, NodeId, Strategy, WorkerId};

#[derive(Debug)]
pub(super) struct Actor {
    pub(super) spec: Box<ActorSpec>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) life: Life,
    /// How often it was made, or is being made, again.
    pub(super) incarnation: u32,
    /// Why the last incarnation ended; "" before the first restart.
    pub(super) reason: String,
    /// Who hears of each change.
    pub(super) watchers: BTreeSet<WorkerId>,
    /// Why it dies once its process ends.
    pub(super) ending: Option<ActorEnd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// The constructor's arguments are not there.
    Pending,
    /// It is on its way to this node, or wants one.
    Placing(Option<NodeId>),
    /// A process runs the constructor.
    Making(NodeId, WorkerId),
    /// It takes calls.
    Alive(NodeId, WorkerId),
}

impl Actor {
    pub(super) fn new(spec: Box<ActorSpec>) -> Self {
        Self {
            watchers: BTreeSet::from([spec.creator]),
            spec,
            dependencies: Vec::new(),
            life: Life::Pending,
            incarnation: 0,
            reason: String::new(),
            ending: None,
        }
    }

    pub(super) const fn node(&self) -> Option<NodeId> {
        match self.life {
            Life::Pending => None,
            Life::Placing(node) => node,
            Life::Making(node, _) | Life::Alive(node, _) => Some(node),
        }
    }

    pub(super) const fn worker(&self) -> Option<WorkerId> {
        match self.life {
            Life::Pending | Life::Placing(_) => None,
            Life::Making(_, worker) | Life::Alive(_, worker) => Some(worker),
        }
    }

    /// The group in which it wants its node, if in one.
    pub(super) fn group(&self) -> Option<GroupId> {
        let strategy = &self.spec.template.shape.strategy;
        if let Strategy::Group { group, .. } = strategy { Some(*group) } else { None }
    }

    /// A process may speak before its node has said that it is the actor's.
    pub(super) fn may_be(&self, speaker: WorkerId) -> bool {
        match self.life {
            Life::Pending | Life::Placing(None) => false,
            Life::Placing(Some(node)) => node == speaker.node,
            Life::Making(_, worker) | Life::Alive(_, worker) => worker == speaker,
        }
    }

    pub(super) fn may_restart(&self) -> bool {
        self.ending.is_none() && self.spec.restarts_max.is_none_or(|max| self.incarnation < max)
    }

    pub(super) fn state(&self) -> ActorState {
        match self.life {
            Life::Alive(_, worker) => ActorState::Alive { worker, incarnation: self.incarnation },
            Life::Pending | Life::Placing(_) | Life::Making(..) if self.incarnation == 0 => {
                ActorState::Pending
            }
            Life::Pending | Life::Placing(_) | Life::Making(..) => {
                ActorState::Restarting(self.reason.clone())
            }
        }
    }

    pub(super) fn info(&self) -> ActorInfo {
        ActorInfo {
            actor: self.spec.id,
            class: self.spec.template.name.clone(),
            name: self.spec.name.clone(),
            state: self.state(),
            restarts: self.incarnation,
            shape: Arc::clone(&self.spec.template.shape),
            detached: self.spec.detached,
        }
    }
}
