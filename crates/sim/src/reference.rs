//! The same program on one thread, one call at a time: what each call returns where nothing goes wrong.
//!
//! Owns: the meaning of scripts. Does not own: anything of the engine: no owner, no worker, no order but the program's.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::script::{
    Kind, Made, NewActor, Op, Program, Slot, Submit, called_path, got_number, made_number, mix,
    result_name,
};

/// The number of each result, by the path of the call and the index of the result.
pub(crate) type Expected = BTreeMap<(u64, usize), u64>;

/// What a program computes.
pub(crate) fn expected(program: &Program) -> Expected {
    let mut model = Model { program, expected: Expected::new() };
    for (driver, root) in program.roots.iter().enumerate() {
        let path = mix(driver as u64, 1);
        let ended = model.run(&Call { script: *root, path, ..Call::default() });
        model.expected.insert((path, 0), result_name(ended.running, 0));
    }
    model.expected
}

struct Model<'a> {
    program: &'a Program,
    expected: Expected,
}

#[derive(Debug)]
struct Value {
    number: u64,
    raised: bool,
    contains: Vec<Thing>,
}

#[derive(Debug, Clone)]
enum Thing {
    Object(Rc<Value>),
    Stream(VecDeque<Rc<Value>>),
    Actor { quiet: bool },
    Group,
}

#[derive(Default)]
struct Call {
    script: usize,
    path: u64,
    dependencies: Vec<Rc<Value>>,
    nested: Vec<Option<Thing>>,
    /// It is tried again after its own exceptions.
    tried_again: bool,
    kind: Kind,
}

struct Ended {
    running: u64,
    results: Vec<Rc<Value>>,
    items: VecDeque<Rc<Value>>,
    raised: Option<Rc<Value>>,
}

struct Frame {
    path: u64,
    running: u64,
    things: BTreeMap<Slot, Thing>,
    found: VecDeque<Thing>,
    items: VecDeque<Rc<Value>>,
}

impl Model<'_> {
    fn run(&mut self, call: &Call) -> Ended {
        let script = &self.program.scripts[call.script];
        let mut frame = Frame {
            path: call.path,
            running: call.path,
            things: placed(&script.inputs, &call.nested),
            found: VecDeque::new(),
            items: VecDeque::new(),
        };
        call.dependencies.iter().for_each(|value| frame.read(value));
        for (position, op) in script.ops.iter().enumerate() {
            let raises = matches!(op, Op::Raise { .. }) && !call.tried_again;
            if raises {
                let raised =
                    Value { number: mix(call.path, 7), raised: true, contains: Vec::new() };
                let Frame { running, items, .. } = frame;
                return Ended {
                    running,
                    results: Vec::new(),
                    items,
                    raised: Some(Rc::new(raised)),
                };
            }
            self.operate(&mut frame, position, op);
        }
        let running = frame.running;
        let mut results = Vec::new();
        if call.kind == Kind::Values {
            for (index, made) in script.results.iter().enumerate() {
                let number = result_name(running, index);
                self.expected.insert((call.path, index), number);
                results.push(frame.make(made, number));
            }
        }
        Ended { running, results, items: frame.items, raised: None }
    }

    fn operate(&mut self, frame: &mut Frame, position: usize, op: &Op) {
        match op {
            Op::Put(slot, made) => {
                let value = frame.make(made, made_number(frame.path, u64::from(*slot)));
                frame.things.insert(*slot, Thing::Object(value));
            }
            Op::Submit(submit) => self.submit(frame, submit),
            Op::Get(slot) => {
                if let Some(Thing::Object(value)) = frame.things.get(slot).cloned() {
                    frame.read(&value);
                }
            }
            Op::GetFound => {
                if let Some(Thing::Object(value)) = frame.found.pop_front() {
                    frame.read(&value);
                }
            }
            Op::Bind(slot) => {
                if let Some(thing @ Thing::Object(_)) = frame.found.pop_front() {
                    frame.things.insert(*slot, thing);
                }
            }
            Op::Drop(slot) | Op::Keep(slot) => {
                frame.things.remove(slot);
            }
            Op::Yield(made) => {
                let item = frame.make(made, made_number(frame.path, position as u64));
                frame.items.push_back(item);
            }
            Op::Take(slot) => {
                if let Some(Thing::Stream(items)) = frame.things.get_mut(slot)
                    && let Some(item) = items.pop_front()
                {
                    frame.read(&item);
                }
            }
            Op::NewActor(new) => self.new_actor(frame, new),
            Op::NewGroup { slot, .. } => {
                frame.things.insert(*slot, Thing::Group);
            }
            Op::AwaitGroup { group, slot } => {
                if frame.things.contains_key(group) {
                    let number = made_number(frame.path, u64::from(*slot));
                    let value = Value { number, raised: false, contains: Vec::new() };
                    frame.things.insert(*slot, Thing::Object(Rc::new(value)));
                }
            }
            Op::Work(_)
            | Op::Wait(_)
            | Op::GetKept
            | Op::FindActor { .. }
            | Op::Kill { .. }
            | Op::Cancel { .. }
            | Op::RemoveGroup(_)
            | Op::Raise { .. }
            | Op::Survey(_)
            | Op::Leave => {}
        }
    }

    fn new_actor(&mut self, frame: &mut Frame, new: &NewActor) {
        frame.things.insert(new.slot, Thing::Actor { quiet: new.get_if_exists });
        let (_, dependencies, nested) = frame.arguments(&new.dependencies, &new.nested);
        let path = called_path(frame.path, new.slot);
        self.run(&Call { script: new.constructor, path, dependencies, nested, ..Call::default() });
    }

    fn submit(&mut self, frame: &mut Frame, submit: &Submit) {
        if let Some(actor) = submit.actor
            && !matches!(frame.things.get(&actor), Some(Thing::Actor { quiet: false }))
        {
            return;
        }
        let (failed, dependencies, nested) = frame.arguments(&submit.dependencies, &submit.nested);
        let path = called_path(frame.path, submit.slot);
        let script = submit.script;
        let tried_again = submit.retries_exceptions;
        let ended = match failed {
            Some(failed) => Ended {
                running: 0,
                results: Vec::new(),
                items: VecDeque::new(),
                raised: Some(failed),
            },
            None => {
                let kind = submit.kind;
                self.run(&Call { script, path, dependencies, nested, tried_again, kind })
            }
        };
        let Ended { mut results, mut items, raised, .. } = ended;
        match submit.kind {
            Kind::Stream => {
                items.extend(raised);
                frame.things.insert(submit.slot, Thing::Stream(items));
                return;
            }
            Kind::Dynamic => {
                let contains = items.into_iter().map(Thing::Object).collect();
                results = vec![Rc::new(Value { number: 0, raised: false, contains })];
            }
            Kind::Values => {}
        }
        if let Some(raised) = raised {
            let count = match submit.kind {
                Kind::Values => self.program.scripts[script].results.len(),
                Kind::Stream | Kind::Dynamic => 1,
            };
            results = vec![raised; count];
        }
        for (slot, value) in (submit.slot..).zip(results) {
            frame.things.insert(slot, Thing::Object(value));
        }
    }
}

impl Frame {
    fn read(&mut self, value: &Value) {
        self.running = got_number(self.running, value.number, value.raised);
        self.found.extend(value.contains.iter().cloned());
    }

    fn make(&self, made: &Made, number: u64) -> Rc<Value> {
        let contains = made.contains.iter().filter_map(|slot| self.ref_in(*slot)).collect();
        Rc::new(Value { number, raised: false, contains })
    }

    fn ref_in(&self, slot: Slot) -> Option<Thing> {
        let thing = self.things.get(&slot)?;
        matches!(thing, Thing::Object(_) | Thing::Actor { quiet: false }).then(|| thing.clone())
    }

    fn arguments(&self, dependencies: &[Slot], nested: &[Slot]) -> Given {
        let mut values = Vec::new();
        for slot in dependencies {
            if let Some(Thing::Object(value)) = self.things.get(slot) {
                values.push(Rc::clone(value));
            }
        }
        let failed = values.iter().find(|value| value.raised).cloned();
        (failed, values, nested.iter().map(|slot| self.ref_in(*slot)).collect())
    }
}

/// The first argument that failed, the values of arguments, the refs inside arguments.
type Given = (Option<Rc<Value>>, Vec<Rc<Value>>, Vec<Option<Thing>>);

/// The refs that came inside arguments, in the slots that the script has for them.
fn placed(inputs: &[Slot], nested: &[Option<Thing>]) -> BTreeMap<Slot, Thing> {
    let both = inputs.iter().zip(nested);
    both.filter_map(|(slot, thing)| Some((*slot, thing.clone()?))).collect()
}
