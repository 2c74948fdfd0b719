//! Actors find their process, hold what they need, and are ended.
//!
//! Owns: the actors that wait for their place. Does not own: whether an actor is made again (`head`).

use std::sync::Arc;

use scheduler::{Bond, Claimant, Holding, Placed};
use types::{ActorId, ActorSpec, JobId, Shape, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::{Dependency, FromNode};

use super::{Effect, Node};

/// An actor that waits for resources or a process.
#[derive(Debug)]
pub(super) struct Unplaced {
    spec: Box<ActorSpec>,
    dependencies: Vec<Dependency>,
    incarnation: u32,
}

impl Node {
    pub(super) fn start_actor(
        &mut self,
        spec: Box<ActorSpec>,
        dependencies: Vec<Dependency>,
        incarnation: u32,
    ) {
        let id = spec.id;
        if self.unplaced.contains_key(&id) || self.pool.placed(id).is_some() {
            return;
        }
        let shape = Arc::new(Shape {
            resources: spec.placement.clone(),
            environment: spec.template.shape.environment.clone(),
            strategy: spec.template.shape.strategy.clone(),
        });
        self.unplaced.insert(id, Unplaced { spec, dependencies, incarnation });
        let claimant = Claimant::Actor(id);
        self.queue.want(self.now, claimant, (Some(shape), id.job()), (1, 0));
        self.admit(claimant);
    }

    /// The actor has a process and resources: makes it there.
    pub(super) fn place_actor(&mut self, actor: ActorId, worker: WorkerId, holding: Holding) {
        let unplaced = self.unplaced.remove(&actor);
        let unplaced = unplaced.expect("SCH-9: an actor that gets a process waits for it");
        let Unplaced { spec, dependencies, incarnation } = unplaced;
        let (lasting, detached) = (spec.template.shape.resources.clone(), spec.detached);
        let assignment = holding.part(&lasting);
        let bond = Bond::new(actor.job(), &holding);
        self.pool.place(worker, bond, Placed { actor, holding, lasting, detached });
        let start = FromNode::Start { spec, dependencies, incarnation, assignment };
        self.effects.push(Effect::ToWorker(worker, start));
        self.effects.push(Effect::ToHead(NodeReport::ActorPlaced(actor, worker)));
    }

    /// The constructor returned: what only its placement needed is free.
    pub(super) fn actor_made(&mut self, id: ActorId) {
        if let Some((_, placed)) = self.pool.placed(id) {
            self.changed = true;
            self.ledger.shrink(&mut placed.holding, &placed.lasting);
        }
    }

    pub(super) fn end_actor(&mut self, id: ActorId, reason: &str) {
        if let Some((worker, _)) = self.pool.placed(id) {
            self.kill(worker, reason);
        } else if self.unplaced.remove(&id).is_some() {
            self.withdraw_promise(Claimant::Actor(id));
            self.queue.forget(Claimant::Actor(id));
        }
    }

    /// The actors of a job that wait for their place and do not outlive it.
    pub(super) fn unplaced_of(&self, job: JobId) -> Vec<ActorId> {
        let of_job =
            |(id, unplaced): &(&ActorId, &Unplaced)| id.job() == job && !unplaced.spec.detached;
        self.unplaced.iter().filter(of_job).map(|(id, _)| *id).collect()
    }
}
