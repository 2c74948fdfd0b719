//! Actors find their process, hold what they need, and are ended.
//!
//! Owns: the actors of the node. Does not own: whether an actor is made again (`head`).

use std::sync::Arc;

use scheduler::{Claimant, Holding};
use types::{ActorId, ActorSpec, Failure, JobId, Resources, Shape, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::{Dependency, FromNode};

use super::{Effect, Node};

/// One actor.
#[derive(Debug)]
pub(super) struct Actor {
    /// It outlives its job.
    detached: bool,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// It waits for resources or a process.
    Waiting { spec: Box<ActorSpec>, dependencies: Vec<Dependency>, incarnation: u32 },
    /// It has its process.
    Placed {
        worker: WorkerId,
        holding: Holding,
        /// What of that it needs while it lives.
        lasting: Resources,
    },
}

impl Actor {
    pub(super) const fn holding(&self) -> Option<&Holding> {
        match &self.progress {
            Progress::Waiting { .. } => None,
            Progress::Placed { holding, .. } => Some(holding),
        }
    }

    pub(super) const fn worker(&self) -> Option<WorkerId> {
        match &self.progress {
            Progress::Waiting { .. } => None,
            Progress::Placed { worker, .. } => Some(*worker),
        }
    }
}

impl Node {
    pub(super) fn start_actor(
        &mut self,
        spec: Box<ActorSpec>,
        dependencies: Vec<Dependency>,
        incarnation: u32,
    ) {
        let id = spec.id;
        if self.actors.contains_key(&id) {
            return;
        }
        let shape = Arc::new(Shape {
            resources: spec.placement.clone(),
            environment: spec.template.shape.environment.clone(),
            strategy: spec.template.shape.strategy.clone(),
        });
        let detached = spec.detached;
        let progress = Progress::Waiting { spec, dependencies, incarnation };
        self.actors.insert(id, Actor { detached, progress });
        let claimant = Claimant::Actor(id);
        self.queue.want(self.now, claimant, (Some(shape), id.job()), (1, 0));
        self.admit(claimant);
    }

    /// The actor has a process and resources: makes it there.
    pub(super) fn place_actor(&mut self, id: ActorId, worker: WorkerId, holding: Holding) {
        let Some(Actor {
            detached,
            progress: Progress::Waiting { spec, dependencies, incarnation },
        }) = self.actors.remove(&id)
        else {
            unreachable!("SCH-9: an actor that gets a process waits for it")
        };
        let lasting = spec.template.shape.resources.clone();
        let assignment = holding.part(&lasting);
        let progress = Progress::Placed { worker, holding, lasting };
        self.actors.insert(id, Actor { detached, progress });
        let start = FromNode::Start { spec, dependencies, incarnation, assignment };
        self.effects.push(Effect::ToWorker(worker, start));
        self.effects.push(Effect::ToHead(NodeReport::ActorPlaced(id, worker)));
    }

    pub(super) fn actor_refused(&mut self, id: ActorId, failure: Arc<Failure>) {
        self.actors.remove(&id);
        self.effects.push(Effect::ToHead(NodeReport::ActorNotPlaced(id, failure)));
    }

    /// The constructor returned: what only its placement needed is free.
    pub(super) fn actor_made(&mut self, id: ActorId) {
        let actor = self.actors.get_mut(&id).map(|actor| &mut actor.progress);
        if let Some(Progress::Placed { holding, lasting, .. }) = actor {
            self.touched.insert(holding.pot());
            self.ledger.shrink(holding, lasting);
        }
    }

    pub(super) fn end_actor(&mut self, id: ActorId, reason: &str) {
        let Some(actor) = self.actors.get(&id) else {
            return;
        };
        match actor.worker() {
            Some(worker) => self.kill(worker, reason),
            None => {
                self.withdraw_promise(Claimant::Actor(id));
                self.queue.forget(Claimant::Actor(id));
                self.actors.remove(&id);
            }
        }
    }

    /// The process of the actor is gone.
    pub(super) fn actor_gone(&mut self, id: ActorId) {
        if let Some(Actor { progress: Progress::Placed { holding, .. }, .. }) =
            self.actors.remove(&id)
        {
            self.give_back(holding);
        }
    }

    /// Whether the process belongs to an actor that outlives its job.
    pub(super) fn outlives_job(&self, worker: WorkerId) -> bool {
        match self.pool.work(worker) {
            Some(scheduler::Work::Actor(actor)) => {
                self.actors.get(&actor).is_some_and(|actor| actor.detached)
            }
            Some(_) | None => false,
        }
    }

    /// The actors of a job that wait for their place and do not outlive it.
    pub(super) fn unplaced_of(&self, job: JobId) -> Vec<ActorId> {
        let all = self
            .actors
            .iter()
            .filter(|(id, actor)| id.job() == job && !actor.detached && actor.worker().is_none());
        all.map(|(id, _)| *id).collect()
    }
}
