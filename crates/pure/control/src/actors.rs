//! The life of each actor, from its creation to its death.
//!
//! Owns: states, names, restarts, watchers. Does not own: which node an actor goes to (`nodes`, `groups`), or the
//! order of its calls (`ownership`).

mod actor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::failure::ActorEnd;
use types::{
    ActorId, ActorInfo, ActorName, ActorSpec, ActorState, Death, Dependency, Exit, Failure,
    GroupId, JobId, Memory, NodeId, Resources, Strategy, WorkerId,
};

use actor::{Actor, Life};

/// The actors of the cluster.
#[derive(Debug)]
pub struct Actors {
    living: BTreeMap<ActorId, Actor>,
    dead: Memory<ActorId, ActorInfo>,
    /// Those of the living that are not about to end.
    names: BTreeMap<ActorName, ActorId>,
}

/// What an event means for an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// Nothing that is for others to see.
    Unchanged,
    /// It wants a node.
    WantsNode,
    /// The process on this node is to be ended; what it means for the actor follows when it has.
    EndProcess(NodeId),
    /// This process is to be told to end after the calls at hand.
    Retires(WorkerId),
    /// It is to be buried.
    Dies(ActorEnd),
}

impl Actors {
    /// No actors, and a memory for `dead_max` that will be dead.
    #[must_use]
    pub fn new(dead_max: usize) -> Self {
        Self { living: BTreeMap::new(), dead: Memory::new(dead_max), names: BTreeMap::new() }
    }

    /// A new actor, pending, watched by its creator.
    ///
    /// # Errors
    /// The actor that has its name; nothing changed.
    pub fn create(&mut self, spec: Box<ActorSpec>) -> Result<(), ActorId> {
        if let Some(holder) = spec.name.as_ref().and_then(|name| self.named(name)) {
            return Err(holder);
        }
        let id = spec.id;
        if self.living.contains_key(&id) || self.dead.get(id).is_some() {
            return Ok(());
        }
        self.names.extend(spec.name.clone().map(|name| (name, id)));
        self.living.insert(id, Actor::new(spec));
        Ok(())
    }

    /// The constructor's arguments are there.
    pub fn on_ready(&mut self, id: ActorId, dependencies: Vec<Dependency>) -> Fate {
        match self.living.get_mut(&id) {
            Some(actor) if actor.life == Life::Pending => {
                actor.dependencies = dependencies;
                actor.life = Life::Placing(None);
                Fate::WantsNode
            }
            Some(_) | None => Fate::Unchanged,
        }
    }

    /// What an actor asks of a node, if it wants one.
    #[must_use]
    pub fn wish(&self, id: ActorId) -> Option<(&Strategy, &Resources)> {
        let actor = self.living.get(&id).filter(|actor| actor.life == Life::Placing(None))?;
        Some((&actor.spec.template.shape.strategy, &actor.spec.placement))
    }

    /// An actor that wants a node goes to this one: what it is, the values of constructor arguments that are refs,
    /// and how often it was made before.
    #[must_use]
    pub fn place(
        &mut self,
        id: ActorId,
        node: NodeId,
    ) -> Option<(Box<ActorSpec>, Vec<Dependency>, u32)> {
        let actor = self.living.get_mut(&id).filter(|actor| actor.life == Life::Placing(None))?;
        actor.life = Life::Placing(Some(node));
        Some((actor.spec.clone(), actor.dependencies.clone(), actor.incarnation))
    }

    /// A node gave an actor its process.
    pub fn on_placed(&mut self, id: ActorId, node: NodeId, worker: WorkerId) {
        if let Some(actor) = self.living.get_mut(&id)
            && actor.life == Life::Placing(Some(node))
        {
            actor.life = Life::Making(node, worker);
        }
    }

    /// An actor's process says that its constructor returned: the node, if that is news.
    #[must_use]
    pub fn on_made(&mut self, id: ActorId, worker: WorkerId) -> Option<NodeId> {
        let actor = self.living.get_mut(&id).filter(|actor| actor.may_be(worker))?;
        if matches!(actor.life, Life::Alive(..)) {
            return None;
        }
        let node = actor.node()?;
        actor.life = Life::Alive(node, worker);
        Some(node)
    }

    /// Whether `worker` may be the process of the actor, as far as the node has said.
    #[must_use]
    pub fn may_be(&self, id: ActorId, worker: WorkerId) -> bool {
        self.living.get(&id).is_some_and(|actor| actor.may_be(worker))
    }

    /// An actor's process ended.
    pub fn on_ended(&mut self, id: ActorId, node: NodeId, death: Death) -> Fate {
        let Some(actor) = self.living.get_mut(&id) else {
            return Fate::Unchanged;
        };
        if actor.node() != Some(node) {
            return Fate::Unchanged;
        }
        actor.life = Life::Placing(None);
        if let Some(end) = actor.ending.take() {
            return Fate::Dies(end);
        }
        if !actor.may_restart() {
            return Fate::Dies(ActorEnd::Process(death));
        }
        actor.incarnation += 1;
        actor.reason = death.to_string();
        Fate::WantsNode
    }

    /// Whether the actor was sent to this node and has not ended there.
    #[must_use]
    pub fn is_on(&self, id: ActorId, node: NodeId) -> bool {
        self.living.get(&id).is_some_and(|actor| actor.node() == Some(node))
    }

    /// An actor's process says that it leaves by itself.
    pub fn on_leaves(&mut self, id: ActorId, worker: WorkerId) {
        if let Some(actor) = self.living.get_mut(&id)
            && actor.may_be(worker)
        {
            actor.ending = Some(ActorEnd::Exited);
            self.unname(id);
        }
    }

    /// No handle of an actor is left.
    pub fn on_unreachable(&mut self, id: ActorId) -> Fate {
        let Some(actor) = self.living.get_mut(&id) else {
            return Fate::Unchanged;
        };
        if actor.spec.detached || actor.ending.is_some() {
            return Fate::Unchanged;
        }
        let Some(worker) = actor.worker() else {
            return Fate::Dies(ActorEnd::Unreachable);
        };
        actor.ending = Some(ActorEnd::Unreachable);
        self.unname(id);
        Fate::Retires(worker)
    }

    /// Somebody ends an actor, for good or only its process.
    pub fn kill(&mut self, id: ActorId, for_good: bool) -> Fate {
        let Some(actor) = self.living.get(&id) else {
            return Fate::Unchanged;
        };
        if for_good || !actor.may_restart() {
            return Fate::Dies(ActorEnd::Killed);
        }
        match actor.life {
            Life::Making(node, _) | Life::Alive(node, _) => Fate::EndProcess(node),
            Life::Pending | Life::Placing(_) => Fate::Unchanged,
        }
    }

    /// A node is gone: what that means for each actor on it.
    #[must_use]
    pub fn on_node_lost(&mut self, node: NodeId) -> Vec<(ActorId, Fate)> {
        let there: Vec<_> = self.nodes().filter(|(_, other)| *other == node).collect();
        there.into_iter().map(|(id, _)| (id, self.lose_node(id, node))).collect()
    }

    /// Takes a dead actor away, for this reason: the node that may still run its process, and who is to be told.
    #[must_use]
    pub fn bury(
        &mut self,
        id: ActorId,
        end: ActorEnd,
    ) -> Option<(Option<NodeId>, BTreeSet<WorkerId>)> {
        self.unname(id);
        let actor = self.living.remove(&id)?;
        let state = ActorState::Dead(Arc::new(Failure::ActorDied(id, end)));
        self.dead.remember(id, ActorInfo { state, ..actor.info() });
        Some((actor.node(), actor.watchers))
    }

    /// From now on `worker` hears of each change, unless the actor is dead.
    pub fn watch(&mut self, id: ActorId, worker: WorkerId) {
        if let Some(actor) = self.living.get_mut(&id) {
            actor.watchers.insert(worker);
        }
    }

    /// Who hears of each change.
    #[must_use]
    pub fn watchers(&self, id: ActorId) -> BTreeSet<WorkerId> {
        self.living.get(&id).map(|actor| actor.watchers.clone()).unwrap_or_default()
    }

    /// A process is gone and hears of nothing: the actors that end with it, or with the job that it drove, and what
    /// made them.
    #[must_use]
    pub fn on_worker_gone(
        &mut self,
        worker: WorkerId,
        job: Option<JobId>,
    ) -> Vec<(ActorId, WorkerId)> {
        for actor in self.living.values_mut() {
            actor.watchers.remove(&worker);
        }
        let ends =
            |(id, creator): &(ActorId, WorkerId)| *creator == worker || Some(id.job()) == job;
        self.bound_to_creators().filter(ends).collect()
    }

    /// Whether an actor of the job lives.
    #[must_use]
    pub fn any_of(&self, job: JobId) -> bool {
        self.living.keys().any(|id| id.job() == job)
    }

    /// The actors that want a node: one in this group, or any.
    #[must_use]
    pub fn wanting_node(&self, group: Option<GroupId>) -> Vec<ActorId> {
        let wanting = self
            .living
            .iter()
            .filter(|(_, actor)| actor.life == Life::Placing(None) && actor.group() == group);
        wanting.map(|(id, _)| *id).collect()
    }

    /// The actor of this name.
    #[must_use]
    pub fn named(&self, name: &ActorName) -> Option<ActorId> {
        self.names.get(name).copied()
    }

    /// The names of actors; of one namespace, or of all.
    #[must_use]
    pub fn names(&self, namespace: Option<&str>) -> Vec<ActorName> {
        let wanted = |name: &&ActorName| namespace.is_none_or(|wanted| name.namespace == wanted);
        self.names.keys().filter(wanted).cloned().collect()
    }

    /// The description of a living actor.
    #[must_use]
    pub fn spec(&self, id: ActorId) -> Option<&ActorSpec> {
        self.living.get(&id).map(|actor| &*actor.spec)
    }

    /// The state of an actor, as its callers see it.
    #[must_use]
    pub fn state(&self, id: ActorId) -> ActorState {
        match (self.living.get(&id), self.dead.get(id)) {
            (Some(actor), _) => actor.state(),
            (None, Some(dead)) => dead.state.clone(),
            (None, None) => ActorState::Dead(Arc::new(Failure::ActorDied(id, ActorEnd::Unknown))),
        }
    }

    /// Each actor that lives or is remembered.
    #[must_use]
    pub fn infos(&self) -> Vec<ActorInfo> {
        let dead = self.dead.iter().map(|(_, actor)| actor.clone());
        dead.chain(self.living.values().map(Actor::info)).collect()
    }

    /// The node of each actor that has one.
    pub fn nodes(&self) -> impl Iterator<Item = (ActorId, NodeId)> {
        self.living.iter().filter_map(|(id, actor)| actor.node().map(|node| (*id, node)))
    }

    /// What ends with its creator, and that creator.
    pub fn bound_to_creators(&self) -> impl Iterator<Item = (ActorId, WorkerId)> {
        let bound = self.living.iter().filter(|(_, actor)| !actor.spec.detached);
        bound.map(|(id, actor)| (*id, actor.spec.creator))
    }

    /// The detached actor that lives in this process.
    #[must_use]
    pub fn detached_in(&self, worker: WorkerId) -> Option<ActorId> {
        let mut detached = self.living.values().filter(|actor| actor.spec.detached);
        detached.find(|actor| actor.worker() == Some(worker)).map(|actor| actor.spec.id)
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (id, actor) in &self.living {
            let limit = actor.spec.restarts_max.unwrap_or(u32::MAX);
            let count = actor.incarnation;
            assert!(count <= limit, "CTL-3: {id} was made again {count} times, of {limit} allowed");
            let holder = actor.spec.name.as_ref().and_then(|name| self.named(name));
            let named = actor.spec.name.is_some() && actor.ending.is_none();
            assert_eq!(holder == Some(*id), named, "CTL-1: the name of {id} is held by {holder:?}");
        }
    }

    /// The name of an actor is free for others.
    fn unname(&mut self, id: ActorId) {
        if let Some(name) = self.living.get(&id).and_then(|actor| actor.spec.name.as_ref())
            && self.names.get(name) == Some(&id)
        {
            self.names.remove(name);
        }
    }

    fn lose_node(&mut self, id: ActorId, node: NodeId) -> Fate {
        let Some(actor) = self.living.get_mut(&id) else {
            return Fate::Unchanged;
        };
        let Some(worker) = actor.worker() else {
            actor.life = Life::Placing(None);
            return Fate::WantsNode;
        };
        let death = Death {
            worker,
            pid: 0,
            exit: Exit::Unknown,
            reason: format!("the connection to its {node} is lost"),
            peak_memory_bytes: 0,
            last_lines: Vec::new(),
        };
        self.on_ended(id, node, death)
    }
}
