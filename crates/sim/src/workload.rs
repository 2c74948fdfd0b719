//! Random programs and machines from a seed.
//!
//! Owns: what a run consists of. Does not own: what its programs mean (`reference`, `fiber`), or what goes wrong
//! (`faults`).
//!
//! Programs are such that they end on one thread and, by Ray's rules, on any number of workers: a method never waits
//! for a call to an actor, and nobody holds so many resources for good that others cannot run. Circles of actors are
//! what departs from that on purpose.

mod actors;

use types::{Amount, JobId, Resources, Rng, Settings, Subject};

use crate::faults::{Fault, plan};
use crate::script::{Kind, Made, Op, Program, Script, Slot, Submit};

/// The most scripts of a program.
const SCRIPTS_MAX: usize = 28;
const CPU: u64 = 10_000;
/// What all processes are asked.
const SUBJECTS: [Subject; 4] =
    [Subject::Tasks, Subject::Objects, Subject::Spans(JobId(1)), Subject::Processes];

/// Everything that a seed fixes.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) program: Program,
    pub(crate) faults: Vec<Fault>,
    pub(crate) cpus: u64,
    pub(crate) arena_bytes: u64,
    pub(crate) settings: Settings,
}

impl Run {
    /// The run of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        // Few processes: those whose tasks wait run the others meanwhile.
        let capped = rng.chance(1, 6);
        let roots = 1 + rng.below(2) as usize;
        let cpus = if capped { 1 + rng.below(3) } else { roots as u64 + 1 + rng.below(2) };
        let settings = Settings {
            workers_max: if capped { 1 + rng.below(3) } else { 64 },
            lease_linger_ms: [50, 5, 1, 0][rng.below(4) as usize],
            idle_worker_life_ms: [1000, 300][rng.below(2) as usize],
            ..Settings::default()
        };
        let tight = rng.chance(1, 4);
        let arena_bytes = if tight { 192 << 10 } else { 64 << 20 };
        let faults = plan(&mut rng);
        let calm = rng.chance(1, 2);
        let author = Author {
            rng: rng.split(),
            program: Program { calm, ..Program::default() },
            capped,
            groups: cpus > roots as u64,
            names: 0,
        };
        let program = author.write(roots);
        Self { seed, program, faults, cpus, arena_bytes, settings }
    }

    pub(crate) fn resources(&self) -> Resources {
        [("CPU", Amount::whole(self.cpus))].into_iter().collect()
    }

    pub(crate) const fn is_tight(&self) -> bool {
        self.arena_bytes < 1 << 20
    }
}

/// Writes one program.
struct Author {
    rng: Rng,
    program: Program,
    capped: bool,
    /// A group may hold a CPU for good.
    groups: bool,
    names: u32,
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Root,
    Task,
    Generator,
    Method,
    Constructor,
}

/// Something that a script has in a slot.
#[derive(Debug, Clone, Copy)]
struct Thing {
    slot: Slot,
    is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// A value; it is `clean` if no actor has to do with it.
    Object {
        clean: bool,
    },
    Actor {
        ordered: bool,
    },
    Stream,
}

/// A script that is being written.
struct Draft {
    what: What,
    depth: u32,
    script: Script,
    things: Vec<Thing>,
    slots: Slot,
    /// No actor has to do with what it returns.
    clean: bool,
    /// Nor with any ref that it finds inside values.
    finds_clean: bool,
}

impl Author {
    fn write(mut self, roots: usize) -> Program {
        for _ in 0..roots {
            let (root, _) = self.script(What::Root, 0, &[]);
            self.program.roots.push(root);
        }
        self.program
    }

    /// Writes a script whose arguments hold refs to `inputs`: its number, and whether its results are clean.
    fn script(&mut self, what: What, depth: u32, inputs: &[Is]) -> (usize, bool) {
        let number = self.program.scripts.len();
        self.program.scripts.push(Script::default());
        let slots = inputs.len() as Slot;
        let things: Vec<Thing> =
            (0..).zip(inputs).map(|(slot, is)| Thing { slot, is: *is }).collect();
        let clean = inputs.iter().all(|is| matches!(is, Is::Object { clean: true }));
        let script = Script { inputs: (0..slots).collect(), ..Script::default() };
        let mut draft = Draft { what, depth, script, things, slots, clean, finds_clean: true };
        let count = match what {
            What::Root => 4 + self.rng.below(9),
            What::Constructor => self.rng.below(2),
            What::Task | What::Generator | What::Method => 1 + self.rng.below(4),
        };
        for _ in 0..count {
            self.operation(&mut draft);
        }
        self.ending(&mut draft);
        let clean = draft.clean;
        self.program.scripts[number] = draft.script;
        (number, clean)
    }

    fn operation(&mut self, draft: &mut Draft) {
        let may_call = draft.depth < 3
            && self.program.scripts.len() < SCRIPTS_MAX
            && draft.what != What::Constructor;
        match self.rng.below(32) {
            0..=2 => {
                let us = self.duration();
                draft.script.ops.push(Op::Work(us));
            }
            3..=5 => self.put(draft),
            6..=12 if may_call => self.call(draft),
            13..=16 => self.get(draft),
            17 => {
                let waited = self.pick(draft, is_object).map(|thing| Op::Wait(thing.slot));
                // Where there is nothing to wait for, one waits for everybody.
                let survey = || Op::Survey(SUBJECTS[draft.slots as usize % SUBJECTS.len()]);
                let op = waited.unwrap_or_else(survey);
                draft.script.ops.push(op);
            }
            18 => self.drop(draft),
            19..=20 if matches!(draft.what, What::Root | What::Task) => {
                draft.script.ops.push(Op::GetFound);
            }
            21..=22 if may_call && matches!(draft.what, What::Root | What::Task) => {
                self.actor(draft)
            }
            23..=24 if may_call => self.method(draft),
            25 if may_call => self.stream(draft),
            26 if may_call && draft.what == What::Root => self.burst(draft),
            27 if draft.what == What::Root && may_call => self.group(draft),
            28 if draft.what == What::Root && may_call => self.wandering(draft),
            29 if draft.what == What::Root && may_call => self.circle(draft),
            30..=31 if !self.program.calm => self.violence(draft),
            _ => {}
        }
    }

    fn duration(&mut self) -> u64 {
        match self.rng.below(10) {
            0 => 5_000 + self.rng.below(20_000),
            1..=3 => 500 + self.rng.below(3_000),
            _ => 5 + self.rng.below(200),
        }
    }

    fn put(&mut self, draft: &mut Draft) {
        let made = self.made(draft);
        let clean = self.all_clean(draft, &made.contains);
        let slot = draft.slot();
        draft.script.ops.push(Op::Put(slot, made));
        draft.things.push(Thing { slot, is: Is::Object { clean } });
    }

    /// A value that may be large and may hold refs.
    fn made(&mut self, draft: &Draft) -> Made {
        let size = if self.rng.chance(1, 4) { 8_000 + self.rng.below(40_000) } else { 0 };
        let holds = self.rng.chance(1, 3);
        let contains = if holds {
            self.pick(draft, |is| is != Is::Stream).into_iter().map(|thing| thing.slot).collect()
        } else {
            Vec::new()
        };
        Made { size, contains }
    }

    fn call(&mut self, draft: &mut Draft) {
        let actors_too = draft.what != What::Method;
        let nested = self.some(draft, |is| is_object(is) || actors_too && is_actor(is));
        let dependencies = self.some(draft, is_object);
        let inputs: Vec<Is> = nested.iter().map(|thing| thing.is).collect();
        let kind = if self.rng.chance(1, 12) { Kind::Dynamic } else { Kind::Values };
        let what = if kind == Kind::Dynamic { What::Generator } else { What::Task };
        let (script, clean) = self.script(what, draft.depth + 1, &inputs);
        let count = self.program.scripts[script].results.len() as Slot;
        let submit = self.options(draft, script, kind, &dependencies, &nested);
        let clean =
            clean && dependencies.iter().all(|thing| thing.is == Is::Object { clean: true });
        draft.clean &= clean;
        let returned = if kind == Kind::Values { count } else { 1 };
        for index in 0..returned {
            draft.things.push(Thing { slot: submit.slot + index, is: Is::Object { clean } });
        }
        draft.slots += returned;
        draft.script.ops.push(Op::Submit(Box::new(submit)));
    }

    fn options(
        &mut self,
        draft: &Draft,
        script: usize,
        kind: Kind,
        dependencies: &[Thing],
        nested: &[Thing],
    ) -> Submit {
        let raises = self.program.scripts[script]
            .ops
            .iter()
            .find_map(|op| if let Op::Raise { attempts } = op { Some(*attempts) } else { None });
        let tried_again = raises.is_some_and(|attempts| attempts < u32::MAX);
        let retries = match (raises, tried_again) {
            (Some(attempts), true) => attempts + self.rng.below(2) as u32,
            _ => [0, 3, 3, 1][self.rng.below(4) as usize],
        };
        let cpu = [CPU, CPU, CPU, CPU / 2, 0][self.rng.below(5) as usize];
        let violent = !self.program.calm;
        Submit {
            slot: draft.slots,
            template: draft.slots,
            script,
            dependencies: dependencies.iter().map(|thing| thing.slot).collect(),
            nested: nested.iter().map(|thing| thing.slot).collect(),
            kind,
            cpu,
            environment: self.environment(),
            retries,
            retries_exceptions: tried_again,
            timeout_us: (violent && self.rng.chance(1, 10)).then(|| 300 + self.rng.below(8_000)),
            calls_max: if self.rng.chance(1, 12) { 1 + self.rng.below(3) as u32 } else { 0 },
            look_ahead: (kind == Kind::Stream && self.rng.chance(1, 2))
                .then(|| 1 + self.rng.below(3) as u32),
            ..Submit::default()
        }
    }

    /// Where few processes may start, those of many environments lack one.
    fn environment(&mut self) -> u64 {
        let chance = if self.capped { self.rng.chance(1, 3) } else { self.rng.chance(1, 15) };
        if chance { 1 + self.rng.below(3) } else { 0 }
    }

    fn get(&mut self, draft: &mut Draft) {
        // A method that waited for a call to an actor could wait for one behind itself.
        let only_clean = draft.what == What::Method;
        let may = |is: Is| is == Is::Object { clean: true } || is_object(is) && !only_clean;
        if let Some(thing) = self.pick(draft, may) {
            draft.script.ops.push(Op::Get(thing.slot));
            draft.finds_clean &= thing.is == Is::Object { clean: true };
            if draft.what == What::Root && self.rng.chance(1, 2) {
                let slot = draft.slot();
                draft.script.ops.push(Op::Bind(slot));
                let clean = draft.finds_clean;
                draft.things.push(Thing { slot, is: Is::Object { clean } });
            }
        } else if let Some(thing) = self.pick(draft, |is| is == Is::Stream) {
            draft.script.ops.push(Op::Take(thing.slot));
            draft.finds_clean = false;
        }
    }

    fn drop(&mut self, draft: &mut Draft) {
        // A method waits for all that it called.
        if draft.things.is_empty() || draft.what == What::Method {
            return;
        }
        let at = self.rng.below(draft.things.len() as u64) as usize;
        let thing = draft.things.remove(at);
        draft.script.ops.push(Op::Drop(thing.slot));
    }

    fn stream(&mut self, draft: &mut Draft) {
        let dependencies = self.some(draft, |is| is == Is::Object { clean: true });
        let (script, _) = self.script(What::Generator, draft.depth + 1, &[]);
        let submit = self.options(draft, script, Kind::Stream, &dependencies, &[]);
        let slot = draft.slot();
        draft.script.ops.push(Op::Submit(Box::new(submit)));
        for _ in 0..self.rng.below(5) {
            draft.script.ops.push(Op::Take(slot));
            draft.finds_clean = false;
        }
        draft.things.push(Thing { slot, is: Is::Stream });
    }

    /// Many small tasks of one function.
    fn burst(&mut self, draft: &mut Draft) {
        let (script, clean) = self.script(What::Task, 3, &[]);
        let first = self.options(draft, script, Kind::Values, &[], &[]);
        let count = self.program.scripts[script].results.len() as Slot;
        for _ in 0..4 + self.rng.below(24) {
            let submit = Submit { slot: draft.slots, ..first.clone() };
            draft.things.push(Thing { slot: submit.slot, is: Is::Object { clean } });
            draft.slots += count;
            draft.script.ops.push(Op::Submit(Box::new(submit)));
        }
    }

    fn violence(&mut self, draft: &mut Draft) {
        match self.rng.below(4) {
            0..=1 => {
                if let Some(thing) = self.pick(draft, is_object) {
                    let (force, recursive) = (self.rng.chance(1, 4), self.rng.chance(1, 2));
                    draft.script.ops.push(Op::Cancel { target: thing.slot, force, recursive });
                }
            }
            2 => {
                if let Some(actor) = self.pick(draft, is_actor) {
                    draft
                        .script
                        .ops
                        .push(Op::Kill { actor: actor.slot, for_good: self.rng.chance(1, 2) });
                }
            }
            _ if draft.what == What::Method && self.rng.chance(1, 3) => {
                draft.script.ops.push(Op::Leave)
            }
            _ => {}
        }
    }

    /// What comes last in a script.
    fn ending(&mut self, draft: &mut Draft) {
        match draft.what {
            What::Root => {
                let clean: Vec<Slot> = draft
                    .things
                    .iter()
                    .filter(|thing| is_object(thing.is))
                    .map(|thing| thing.slot)
                    .collect();
                draft.script.ops.extend(clean.into_iter().map(Op::Get));
            }
            What::Generator => {
                for _ in 0..self.rng.below(5) {
                    let made = self.made(draft);
                    draft.script.ops.push(Op::Yield(made));
                }
                self.raise(draft);
            }
            What::Task => {
                self.raise(draft);
                draft.script.ignores_interrupts = self.rng.chance(1, 8);
                for _ in 0..1 + self.rng.below(2) {
                    let made = self.made(draft);
                    draft.script.results.push(made);
                }
            }
            What::Method => {
                // A child that outlived its actor would end with it, and the worker that runs it too.
                let objects = draft.things.iter().filter(|thing| is_object(thing.is));
                let waits: Vec<Op> = objects.map(|thing| Op::Get(thing.slot)).collect();
                draft.script.ops.extend(waits);
                let keeps = self.rng.chance(1, 3);
                if self.rng.chance(1, 3) {
                    draft.script.ops.push(Op::GetKept);
                }
                if let Some(thing) =
                    self.pick(draft, |is| is == Is::Object { clean: true }).filter(|_| keeps)
                {
                    draft.script.ops.push(Op::Keep(thing.slot));
                }
                let size = if self.rng.chance(1, 5) { 8_000 } else { 0 };
                draft.script.results.push(Made { size, contains: Vec::new() });
            }
            What::Constructor => {
                let keeps = self.rng.chance(1, 2);
                if let Some(thing) =
                    self.pick(draft, |is| is == Is::Object { clean: true }).filter(|_| keeps)
                {
                    draft.script.ops.push(Op::Keep(thing.slot));
                }
                draft.script.results.push(Made::default());
            }
        }
    }

    fn raise(&mut self, draft: &mut Draft) {
        if self.rng.chance(1, 8) {
            let attempts =
                if self.rng.chance(1, 2) { u32::MAX } else { 1 + self.rng.below(2) as u32 };
            draft.script.ops.push(Op::Raise { attempts });
        }
    }

    fn pick(&mut self, draft: &Draft, may: impl Fn(Is) -> bool) -> Option<Thing> {
        let those: Vec<Thing> =
            draft.things.iter().copied().filter(|thing| may(thing.is)).collect();
        (!those.is_empty()).then(|| those[self.rng.below(those.len() as u64) as usize])
    }

    /// None, one or two different ones.
    fn some(&mut self, draft: &Draft, may: impl Fn(Is) -> bool) -> Vec<Thing> {
        let mut picked: Vec<Thing> = Vec::new();
        for _ in 0..[0, 0, 1, 1, 2][self.rng.below(5) as usize] {
            let thing = self.pick(draft, &may);
            picked
                .extend(thing.filter(|thing| picked.iter().all(|other| other.slot != thing.slot)));
        }
        picked
    }

    fn all_clean(&self, draft: &Draft, slots: &[Slot]) -> bool {
        let is_clean = |slot: &Slot| {
            draft
                .things
                .iter()
                .any(|thing| thing.slot == *slot && thing.is == Is::Object { clean: true })
        };
        slots.iter().all(is_clean)
    }
}

impl Draft {
    fn slot(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }
}

const fn is_object(is: Is) -> bool {
    matches!(is, Is::Object { .. })
}

const fn is_actor(is: Is) -> bool {
    matches!(is, Is::Actor { .. })
}
