//! Actors and placement groups in random programs.
//!
//! Owns: how they are made, called, and given back. Does not own: tasks and values (`workload`).

use super::{Author, CPU, Draft, Is, SCRIPTS_MAX, Thing, What, is_actor};
use crate::script::{Kind, Made, NewActor, Op, Script, Slot, Submit};

impl Author {
    pub(super) fn actor(&mut self, draft: &mut Draft) {
        let nested = self.some(draft, |is| is == Is::Object { clean: true });
        let dependencies = self.some(draft, |is| is == Is::Object { clean: true });
        let inputs: Vec<Is> = nested.iter().map(|thing| thing.is).collect();
        let (constructor, _) = self.script(What::Constructor, draft.depth + 1, &inputs);
        // An actor that waits keeps its CPUs, which the others may need.
        let ops = &self.program.scripts[constructor].ops;
        let waits = ops.iter().any(|op| matches!(op, Op::Get(_) | Op::Wait(_) | Op::Take(_)));
        let ordered = self.rng.chance(4, 5);
        let slot = draft.slot();
        let named = draft.what == What::Root && self.rng.chance(1, 3);
        let name = named.then(|| {
            self.names += 1;
            format!("actor {}", self.names)
        });
        let new = NewActor {
            slot,
            constructor,
            dependencies: dependencies.iter().map(|thing| thing.slot).collect(),
            nested: nested.iter().map(|thing| thing.slot).collect(),
            name: name.clone(),
            restarts: self.rng.below(3) as u32,
            calls_at_once: if self.rng.chance(1, 3) { 2 + self.rng.below(2) as u32 } else { 1 },
            ordered,
            cpu: (if waits { 0 } else { CPU }, 0),
            ..NewActor::default()
        };
        draft.clean = false;
        draft.script.ops.push(Op::NewActor(Box::new(new.clone())));
        draft.things.push(Thing { slot, is: Is::Actor { ordered } });
        let Some(name) = name else { return };
        // Under its name it is found, or made if there is none.
        let found = draft.slot();
        if self.rng.chance(1, 2) {
            draft.script.ops.push(Op::FindActor { name, slot: found });
        } else {
            let again = NewActor { slot: found, get_if_exists: true, ..new };
            draft.script.ops.push(Op::NewActor(Box::new(again)));
        }
        self.call_method(draft, Thing { slot: found, is: Is::Actor { ordered } });
    }

    pub(super) fn method(&mut self, draft: &mut Draft) {
        if draft.what == What::Method {
            return;
        }
        let Some(actor) = self.pick(draft, is_actor) else { return };
        for _ in 0..=self.rng.below(3) {
            if self.program.scripts.len() < SCRIPTS_MAX {
                let made = self.call_method(draft, actor);
                draft.things.push(made);
            }
        }
    }

    pub(super) fn call_method(&mut self, draft: &mut Draft, actor: Thing) -> Thing {
        let nested = self.some(draft, |is| is == Is::Object { clean: true });
        let dependencies = self.some(draft, |is| is == Is::Object { clean: true });
        let inputs: Vec<Is> = nested.iter().map(|thing| thing.is).collect();
        let (script, _) = self.script(What::Method, draft.depth + 1, &inputs);
        let ordered = actor.is == Is::Actor { ordered: true };
        let options = self.options(draft, script, Kind::Values, &dependencies, &nested);
        let submit = Submit {
            actor: Some(actor.slot),
            ordered,
            timeout_us: None,
            calls_max: 0,
            environment: 0,
            ..options
        };
        let made = Thing { slot: draft.slot(), is: Is::Object { clean: false } };
        draft.clean = false;
        draft.script.ops.push(Op::Submit(Box::new(submit)));
        made
    }

    /// A ref wanders from the worker that made it through the driver to an actor, who reads it when all others let go.
    pub(super) fn wandering(&mut self, draft: &mut Draft) {
        let size = if self.rng.chance(1, 2) { 8_000 + self.rng.below(8_000) } else { 0 };
        let made = Made { size, contains: Vec::new() };
        let maker = self.plain(vec![Op::Put(0, made)], Vec::new(), vec![0]);
        // It comes inside the value of an argument, or as a ref inside the arguments.
        let in_value = self.rng.chance(1, 2);
        let keeper = if in_value {
            self.plain(vec![Op::Bind(0), Op::Keep(0)], Vec::new(), Vec::new())
        } else {
            self.plain(vec![Op::Keep(0)], vec![0], Vec::new())
        };
        let reader = self.plain(vec![Op::GetKept], Vec::new(), Vec::new());
        let constructor = self.plain(Vec::new(), Vec::new(), Vec::new());
        let [actor, value, found, kept, read] = std::array::from_fn(|_| draft.slot());
        let call = |slot, script| Submit {
            slot,
            template: slot,
            script,
            cpu: CPU,
            retries: 3,
            ..Submit::default()
        };
        let method = |slot, script| Submit {
            actor: Some(actor),
            ordered: true,
            retries: 0,
            ..call(slot, script)
        };
        let keep = if in_value {
            Submit { dependencies: vec![value], ..method(kept, keeper) }
        } else {
            Submit { nested: vec![found], ..method(kept, keeper) }
        };
        let new = NewActor {
            slot: actor,
            constructor,
            calls_at_once: 1,
            ordered: true,
            cpu: (CPU, 0),
            ..NewActor::default()
        };
        // What was found before is bound first.
        while self.rng.chance(1, 3) {
            draft.script.ops.push(Op::GetFound);
        }
        draft.script.ops.extend([
            Op::NewActor(Box::new(new)),
            Op::Submit(Box::new(call(value, maker))),
            Op::Get(value),
            Op::Bind(found),
            Op::Submit(Box::new(keep)),
            Op::Get(kept),
            Op::Drop(value),
            Op::Drop(found),
            Op::Work(self.duration()),
            Op::Submit(Box::new(method(read, reader))),
            Op::Get(read),
            Op::Drop(actor),
        ]);
    }

    /// Actors that call each other in a circle and wait: with as many threads as callers they end by themselves.
    pub(super) fn circle(&mut self, draft: &mut Draft) {
        self.program.circular = true;
        let actors: Vec<Slot> = (0..=self.rng.below(3)).map(|_| draft.slot()).collect();
        let count = actors.len();
        let constructor = self.plain(Vec::new(), Vec::new(), Vec::new());
        let ordered = self.rng.chance(1, 2);
        for slot in actors.iter().copied() {
            let calls_at_once = 1 + self.rng.below(2) as u32;
            let new = NewActor { slot, constructor, calls_at_once, ordered, ..NewActor::default() };
            draft.script.ops.push(Op::NewActor(Box::new(new)));
        }
        // Each has the handles of all in its first slots, and what it calls in the next.
        let inputs: Vec<Slot> = (0..count as Slot).collect();
        let result = count as Slot;
        let work = vec![Op::Work(self.duration())];
        let mut next = self.plain(work, inputs.clone(), Vec::new());
        for at in (0..count).rev() {
            let actor = Some(((at + 1) % count) as Slot);
            let call = Submit {
                slot: result,
                template: result,
                script: next,
                actor,
                ordered,
                nested: inputs.clone(),
                ..Submit::default()
            };
            next = self.caller(call.clone(), &inputs);
            if self.rng.chance(1, 3) {
                let task = Submit { script: next, actor: None, cpu: CPU, ..call };
                next = self.caller(task, &inputs);
            }
        }
        let callers: Vec<Slot> = (0..=self.rng.below(3)).map(|_| draft.slot()).collect();
        for slot in callers {
            let call = Submit {
                slot,
                template: slot,
                script: next,
                actor: actors.first().copied(),
                ordered,
                nested: actors.clone(),
                ..Submit::default()
            };
            draft.script.ops.push(Op::Submit(Box::new(call)));
            draft.things.push(Thing { slot, is: Is::Object { clean: false } });
        }
    }

    /// A script that makes this call and waits for it.
    fn caller(&mut self, call: Submit, inputs: &[Slot]) -> usize {
        let slot = call.slot;
        let mut ops = vec![Op::Work(self.duration()), Op::Submit(Box::new(call))];
        ops.extend(self.rng.chance(1, 2).then_some(Op::Wait(slot)));
        ops.push(Op::Get(slot));
        self.plain(ops, inputs.to_vec(), Vec::new())
    }

    /// A script that does just this, and returns a value that holds these.
    fn plain(&mut self, ops: Vec<Op>, inputs: Vec<Slot>, contains: Vec<Slot>) -> usize {
        let results = vec![Made { size: 0, contains }];
        self.program.scripts.push(Script { inputs, ops, results, ..Script::default() });
        self.program.scripts.len() - 1
    }

    /// A placement group of one CPU, used and given back: others always find a CPU beside it.
    pub(super) fn group(&mut self, draft: &mut Draft) {
        if !self.groups {
            return;
        }
        let (group, ready) = (draft.slot(), draft.slot());
        let bundles = if self.rng.chance(1, 2) { vec![CPU] } else { vec![CPU / 2, CPU / 2] };
        let cpu = bundles[0];
        draft.script.ops.push(Op::NewGroup { slot: group, bundles });
        draft.script.ops.push(Op::AwaitGroup { group, slot: ready });
        if self.rng.chance(3, 4) {
            draft.script.ops.push(Op::Get(ready));
        }
        for _ in 0..self.rng.below(3) {
            if self.program.scripts.len() >= SCRIPTS_MAX {
                break;
            }
            let (script, clean) = self.script(What::Task, draft.depth + 1, &[]);
            let options = self.options(draft, script, Kind::Values, &[], &[]);
            let submit = Submit { cpu, group: Some(group), environment: 0, ..options };
            let slot = draft.slots;
            draft.slots += self.program.scripts[script].results.len() as Slot;
            draft.script.ops.push(Op::Submit(Box::new(submit)));
            draft.things.push(Thing { slot, is: Is::Object { clean } });
            // The end of the group is the end of its workers and of what they own.
            self.program.calm = false;
            if self.program.calm || self.rng.chance(2, 3) {
                draft.script.ops.push(Op::Get(slot));
            }
        }
        draft.script.ops.push(Op::RemoveGroup(group));
    }
}
