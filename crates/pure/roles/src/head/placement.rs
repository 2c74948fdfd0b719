//! Actors and placement groups find their nodes, live there and end.
//!
//! Owns: what is said to nodes and watchers on the way. Does not own: states (`control::actors`,
//! `control::groups`), or which node fits (`control::nodes`).

use std::sync::Arc;

use control::{Attempt, Fate, Home, Keeper, Prepared};
use types::failure::ActorEnd;
use types::{
    ActorId, ActorSpec, ActorState, Death, Failure, GroupId, GroupSpec, NodeId, Strategy, WorkerId,
};
use wire::{Answer, FromHead, HeadToNode};

use super::{Effect, Head};

impl Head {
    pub(super) fn create_actor(
        &mut self,
        asker: (WorkerId, u64),
        spec: Box<ActorSpec>,
        get_if_exists: bool,
    ) {
        let (actor, creator, handle) = (spec.id, spec.creator, spec.handle.clone());
        // What a driver said last may come after its end.
        let orphan = !spec.detached && self.jobs.ended_with(actor.job(), creator);
        let name = spec.name.clone();
        let made = self.actors.create(spec);
        let answer = match (made, name) {
            (Ok(()), _) => Answer::Actor { actor, handle, found: false },
            (Err(_), Some(name)) if !get_if_exists => Answer::NameTaken(name),
            (Err(holder), _) => self.describe_actor(holder),
        };
        self.reply(asker, answer);
        if made.is_err() {
            self.tell_of_actor(actor, [creator]);
        }
        if orphan {
            self.bury(actor, ActorEnd::CreatorEnded(creator));
        }
    }

    /// Does what an actor's fate asks for.
    pub(super) fn meet(&mut self, actor: ActorId, fate: Fate) {
        match fate {
            Fate::Unchanged => {}
            Fate::WantsNode => {
                if matches!(self.actors.state(actor), ActorState::Restarting(_)) {
                    self.publish_actor(actor);
                }
                self.place_actor(actor);
            }
            Fate::EndProcess(node) => self.effects.push(end_actor(node, actor, &ActorEnd::Killed)),
            Fate::Retires(worker) => self.effects.push(Effect::ToWorker(worker, FromHead::Retire)),
            Fate::Dies(end) => self.bury(actor, end),
        }
    }

    pub(super) fn actor_made(&mut self, actor: ActorId, worker: WorkerId) {
        if let Some(node) = self.actors.on_made(actor, worker) {
            self.effects.push(Effect::ToNode(node, HeadToNode::ActorMade(actor)));
            self.publish_actor(actor);
        }
    }

    pub(super) fn actor_not_made(
        &mut self,
        actor: ActorId,
        worker: WorkerId,
        failure: Arc<Failure>,
    ) {
        if self.actors.may_be(actor, worker) {
            let failure = Arc::unwrap_or_clone(failure);
            let end = if let Failure::Raised { error, text } = failure {
                ActorEnd::Constructor { error, text }
            } else {
                ActorEnd::not_made(failure)
            };
            self.bury(actor, end);
        }
    }

    pub(super) fn actor_hopeless(&mut self, actor: ActorId, failure: Arc<Failure>) {
        let end = ActorEnd::not_made(Arc::unwrap_or_clone(failure));
        self.bury(actor, end);
    }

    pub(super) fn actor_not_placed(&mut self, actor: ActorId, node: NodeId, failure: Arc<Failure>) {
        if self.actors.is_on(actor, node) {
            self.actor_hopeless(actor, failure);
        }
    }

    pub(super) fn actor_ended(&mut self, actor: ActorId, node: NodeId, death: Death) {
        if self.actors.is_on(actor, node) {
            self.nodes.remove_actor(node);
            let fate = self.actors.on_ended(actor, node, death);
            self.meet(actor, fate);
        }
    }

    /// The one way out of life.
    pub(super) fn bury(&mut self, actor: ActorId, end: ActorEnd) {
        let reason = end.clone();
        let Some((node, watchers)) = self.actors.bury(actor, end) else {
            return;
        };
        if let Some(node) = node {
            self.nodes.remove_actor(node);
            self.effects.push(end_actor(node, actor, &reason));
        }
        self.tell_of_actor(actor, watchers);
        for group in self.groups.kept_by(Keeper::Actor(actor)) {
            self.remove_group(group);
        }
        self.clear_functions_unless_live(actor.job());
    }

    pub(super) fn watch_actor(&mut self, actor: ActorId, watcher: WorkerId) {
        self.actors.watch(actor, watcher);
        self.tell_of_actor(actor, [watcher]);
    }

    /// Places the actors that want a node: in this group, or anywhere.
    pub(super) fn place_wanting(&mut self, group: Option<GroupId>) {
        for actor in self.actors.wanting_node(group) {
            self.place_actor(actor);
        }
    }

    pub(super) fn create_group(&mut self, spec: Box<GroupSpec>) {
        let (group, creator) = (spec.id, spec.creator);
        let orphan = !spec.detached && self.jobs.ended_with(group.job(), creator);
        let keeper = self.keeper(group, creator);
        if !self.groups.create(spec, keeper) {
            self.tell_of_group(group, [creator]);
        } else if orphan {
            self.remove_group(group);
        } else if self.groups.first_like(group) == Some(group) {
            self.try_group(group);
        }
    }

    pub(super) fn remove_group(&mut self, group: GroupId) {
        if self.drop_group(group, Failure::GroupRemoved(group)) {
            self.try_waiting_groups();
        }
    }

    pub(super) fn watch_group(&mut self, group: GroupId, watcher: WorkerId) {
        self.groups.watch(group, watcher);
        self.tell_of_group(group, [watcher]);
    }

    pub(super) fn bundles_prepared(&mut self, group: GroupId, node: NodeId, ok: bool) {
        let prepared = self.groups.on_prepared(group, node, ok, &mut self.nodes);
        let waits = matches!(prepared, Prepared::Waits(_));
        self.settle_group(group, prepared);
        if waits {
            // What was reported while answers were missing, and what is given back, may be room.
            self.try_waiting_groups();
        }
    }

    pub(super) fn groups_lost_node(&mut self, node: NodeId) {
        for (group, prepared) in self.groups.on_node_lost(node, &mut self.nodes) {
            if matches!(prepared, Prepared::Waits(_)) {
                self.publish_group(group);
            }
            self.settle_group(group, prepared);
        }
    }

    /// There may be room: one attempt for each kind of group, and further ones while they succeed.
    pub(super) fn try_waiting_groups(&mut self) {
        for first in self.groups.waiting() {
            let mut next = Some(first);
            while let Some(group) = next {
                let tried = self.try_group(group);
                next = tried.then(|| self.groups.first_like(group)).flatten();
            }
        }
    }

    /// Tries to reserve a group; false if it waits.
    fn try_group(&mut self, group: GroupId) -> bool {
        match self.groups.attempt(group, &mut self.nodes) {
            Attempt::Prepare(asked) => {
                for (node, bundles) in asked {
                    let message = HeadToNode::PrepareBundles { group, bundles };
                    self.effects.push(Effect::ToNode(node, message));
                }
                true
            }
            Attempt::Waits => false,
            Attempt::Never(failure) => self.drop_group(group, failure),
        }
    }

    fn settle_group(&mut self, group: GroupId, prepared: Prepared) {
        match prepared {
            Prepared::Unsettled => {}
            Prepared::Created(nodes) => {
                let commit = |node| Effect::ToNode(node, HeadToNode::CommitBundles(group));
                self.effects.extend(nodes.into_iter().map(commit));
                self.publish_group(group);
                self.place_wanting(Some(group));
            }
            Prepared::Waits(nodes) => {
                let give_back = |node| Effect::ToNode(node, HeadToNode::ReturnBundles(group));
                self.effects.extend(nodes.into_iter().map(give_back));
            }
        }
    }

    /// The one way out for a group; false if it is not there.
    fn drop_group(&mut self, group: GroupId, failure: Failure) -> bool {
        let Some(watchers) = self.groups.remove(group, failure, &mut self.nodes) else {
            return false;
        };
        // Nodes that hold no bundle of it too: owners may wait there for leases in the group.
        let give_back = |node| Effect::ToNode(node, HeadToNode::ReturnBundles(group));
        self.effects.extend(self.nodes.iter().map(give_back));
        self.tell_of_group(group, watchers);
        self.place_wanting(Some(group));
        true
    }

    fn place_actor(&mut self, actor: ActorId) {
        let Some((strategy, needs)) = self.actors.wish(actor) else {
            return;
        };
        let home = match strategy {
            Strategy::Group { group, bundle } => self.groups.home(*group, *bundle, needs),
            Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
                self.nodes.choose(strategy, needs)
            }
        };
        match home {
            Home::On(node) => self.start_actor(actor, node),
            Home::Wait => {}
            Home::Never(failure) => self.bury(actor, ActorEnd::not_made(failure)),
        }
    }

    fn start_actor(&mut self, actor: ActorId, node: NodeId) {
        if let Some((spec, dependencies, incarnation)) = self.actors.place(actor, node) {
            self.nodes.add_actor(node);
            let message = HeadToNode::StartActor { spec, dependencies, incarnation };
            self.effects.push(Effect::ToNode(node, message));
        }
    }

    /// With whom a group ends: the driver, or what made the group if it outlives the driver.
    fn keeper(&self, group: GroupId, creator: WorkerId) -> Keeper {
        match self.actors.detached_in(creator) {
            Some(actor) => Keeper::Actor(actor),
            None => Keeper::Process(self.jobs.driver(group.job()).unwrap_or(creator)),
        }
    }

    fn publish_actor(&mut self, actor: ActorId) {
        self.tell_of_actor(actor, self.actors.watchers(actor));
    }

    fn publish_group(&mut self, group: GroupId) {
        self.tell_of_group(group, self.groups.watchers(group));
    }

    fn tell_of_actor(&mut self, actor: ActorId, watchers: impl IntoIterator<Item = WorkerId>) {
        let state = self.actors.state(actor);
        let told = || FromHead::ActorChanged { actor, state: state.clone() };
        self.effects.extend(watchers.into_iter().map(|to| Effect::ToWorker(to, told())));
    }

    fn tell_of_group(&mut self, group: GroupId, watchers: impl IntoIterator<Item = WorkerId>) {
        let state = self.groups.state(group);
        let told = || FromHead::GroupChanged { group, state: state.clone() };
        self.effects.extend(watchers.into_iter().map(|to| Effect::ToWorker(to, told())));
    }
}

fn end_actor(node: NodeId, actor: ActorId, end: &ActorEnd) -> Effect {
    Effect::ToNode(node, HeadToNode::EndActor { actor, reason: end.to_string() })
}
