//! Actors and placement groups that a script makes, finds and awaits.
//!
//! Owns: what is said for that, and what comes of the answers. Does not own: calls (`making`).

use roles::worker::Event;
use std::sync::Arc;
use types::group::GroupStrategy;
use types::{
    ActorId, ActorName, ActorSpec, Callee, Concurrency, GroupId, GroupSpec, ObjectId, Payload, Ref,
    Retries, Retry, Returns, Shape, Template, TemplateId,
};
use wire::{Answer, Question, ToHead};

use crate::content::Content;
use crate::fiber::{Flow, Var, Wait};
use crate::making::{cpus, function_of};
use crate::outside::Outside;
use crate::process::Process;
use crate::script::{NewActor, Slot, made_number};

/// The namespace of all names.
const NAMESPACE: &str = "sim";

impl Process {
    pub(crate) fn new_actor(&mut self, out: &mut Outside, number: u64, new: &NewActor) -> Flow {
        if let Some(request) = self.fiber(number).request.take() {
            let answer = self.answers.remove(&request);
            let own = self.fiber(number).vars.get(&new.slot).copied();
            let told =
                if let Some(Answer::Actor { actor, .. }) = &answer { Some(*actor) } else { None };
            let made = if let Some(Var::Actor { actor, .. }) = own { Some(actor) } else { None };
            if made.is_some() && made == told {
                return Flow::Next;
            }
            if let (Some(_), Some(actor)) = (made, told) {
                let found = Var::Actor { actor, handle: None, quiet: true };
                self.fiber(number).vars.insert(new.slot, found);
            } else {
                self.fiber(number).vars.remove(&new.slot);
            }
            if let Some(var) = own {
                self.drop_var(out, var);
            }
            return Flow::Next;
        }
        self.publish(out, number, new.constructor);
        self.counts.actors += 1;
        self.counts.requests += 1;
        self.counts.templates += 1;
        let request = self.counts.requests;
        let spec = self.actor_spec(number, new);
        let handle = Ref { object: spec.id.handle(), owner: self.me };
        self.handles.hold(handle);
        let var = Var::Actor { actor: spec.id, handle: Some(handle), quiet: new.get_if_exists };
        self.fiber(number).vars.insert(new.slot, var);
        let get_if_exists = new.get_if_exists;
        self.step(out, Event::CreateActor { request, spec: Box::new(spec), get_if_exists });
        if new.name.is_none() {
            return Flow::Next;
        }
        self.fiber(number).request = Some(request);
        Flow::Wait(Wait::Answer(request))
    }

    fn actor_spec(&mut self, number: u64, new: &NewActor) -> ActorSpec {
        let called = (new.constructor, new.slot);
        let (arguments, dependencies) =
            self.arguments(number, called, &new.dependencies, &new.nested);
        let shape = Shape { resources: cpus(new.cpu.1), ..Shape::default() };
        let template = Template {
            id: TemplateId(self.counts.templates),
            function: function_of(new.constructor),
            name: format!("actor of script {}", new.constructor),
            callee: Callee::Constructor,
            shape: Arc::new(shape),
            returns: Returns::Count(1),
            retries: Retries { max: Some(0), exceptions: Retry::Never },
            timeout: None,
            calls_max: 0,
            look_ahead: None,
        };
        ActorSpec {
            id: ActorId::new(self.me, self.counts.actors, self.job_of(number)),
            creator: self.me,
            template: Arc::new(template),
            placement: cpus(new.cpu.0),
            arguments: arguments.encode(),
            dependencies: dependencies.into(),
            nested: arguments.nested.into(),
            name: new.name.clone().map(|name| ActorName { namespace: NAMESPACE.to_owned(), name }),
            detached: false,
            restarts_max: Some(new.restarts),
            concurrency: Concurrency {
                asynchronous: false,
                calls_max: new.calls_at_once,
                groups: Vec::new(),
                ordered: new.ordered,
            },
            handle: Payload::EMPTY,
        }
    }

    pub(crate) fn find_actor(
        &mut self,
        out: &mut Outside,
        number: u64,
        name: &str,
        slot: Slot,
    ) -> Flow {
        if let Some(request) = self.fiber(number).request.take() {
            if let Some(Answer::Actor { actor, .. }) = self.answers.remove(&request) {
                let var = Var::Actor { actor, handle: None, quiet: true };
                self.fiber(number).vars.insert(slot, var);
            }
            return Flow::Next;
        }
        let name = ActorName { namespace: NAMESPACE.to_owned(), name: name.to_owned() };
        let request = self.ask(out, Question::ActorNamed(name));
        self.fiber(number).request = Some(request);
        Flow::Wait(Wait::Answer(request))
    }

    pub(crate) fn new_group(
        &mut self,
        out: &mut Outside,
        number: u64,
        slot: Slot,
        bundles: &[u64],
    ) {
        self.counts.groups += 1;
        let id = GroupId::new(self.me, self.counts.groups, self.job_of(number));
        let spec = GroupSpec {
            id,
            creator: self.me,
            name: String::new(),
            namespace: NAMESPACE.to_owned(),
            bundles: bundles.iter().map(|units| cpus(*units)).collect(),
            selectors: Vec::new(),
            strategy: GroupStrategy::Pack,
            detached: false,
        };
        self.fiber(number).vars.insert(slot, Var::Group(id));
        self.step(out, Event::Tell(ToHead::CreateGroup(Box::new(spec))));
    }

    pub(crate) fn await_group(&mut self, out: &mut Outside, number: u64, group: Slot, slot: Slot) {
        let Some(Var::Group(group)) = self.var(number, group) else { return };
        let object = ObjectId { task: self.new_task(number), index: 0 };
        let reference = Ref { object, owner: self.me };
        self.handles.hold(reference);
        let path = self.fiber(number).path;
        let content = Content { number: made_number(path, u64::from(slot)), ..Content::default() };
        self.fiber(number).vars.insert(slot, Var::Object { reference, quiet: false });
        self.step(out, Event::AwaitGroup { group, object, value: content.encode() });
    }
}
