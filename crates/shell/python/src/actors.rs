//! Actors and placement groups, as Python asks for them.
//!
//! Owns: the conversion of what is asked and answered. Does not own: defaults and checks (`aktis.actors`,
//! `aktis.util.placement_group`), or their life (`control`).

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use runtime::engine::Engine as Core;
use types::{
    ActorId, ActorName, ActorSpec, Concurrency, GroupId, GroupSpec, GroupStrategy, JobId, Payload,
    WorkerId,
};
use wire::Answer;

use crate::arguments::{Arguments, Given};
use crate::current::Process;
use crate::engine::{ANSWER_PATIENCE, waiting};
use crate::objectref::ObjectRef;
use crate::template::{RuleFields, Template, resources_of, rules_of};
use crate::values::with_encoded;
use crate::{error, hooks, questions};

/// What Python says about an actor besides its class and arguments.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options<'py> {
    class_info: Vec<u8>,
    name: Option<String>,
    namespace: String,
    get_if_exists: bool,
    detached: bool,
    max_restarts: i64,
    placement: Bound<'py, PyDict>,
    asynchronous: bool,
    calls_max: u32,
    groups: Vec<(String, u32)>,
    ordered: bool,
}

/// A placement group that is asked for.
pub(crate) struct GroupWanted<'py> {
    pub(crate) bundles: Vec<Bound<'py, PyDict>>,
    pub(crate) selectors: Vec<Vec<RuleFields>>,
    pub(crate) strategy: &'py str,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) detached: bool,
}

/// Makes an actor. Waits for the answer only if it has a name, which may be taken.
pub(crate) fn create<'py>(
    process: &Process,
    template: &Bound<'py, Template>,
    given: Given<'_, 'py>,
    options: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = template.py();
    let options: Options<'py> = options.extract()?;
    let (engine, job) = (&process.engine, process.parent(py)?.job());
    let creator = engine.identity().worker;
    let arguments = Arguments::encode(process, job, given)?;
    let id = ActorId::new(creator, number(engine), job);
    let (is_named, get_if_exists) = (options.name.is_some(), options.get_if_exists);
    let class_info = PyBytes::new(py, &options.class_info);
    let spec = spec(id, creator, template, &arguments, options)?;
    let (request, handle) = engine
        .create_actor(Box::new(spec), get_if_exists)
        .map_err(|error| error::of_engine(py, error))?;
    drop(arguments);
    if !is_named {
        engine.forget_answer(request);
        return (PyBytes::new(py, id.bytes()), ObjectRef::from(handle), class_info, false)
            .into_pyobject(py);
    }
    let until = Core::now() + ANSWER_PATIENCE;
    let answer = waiting(py, |interrupted| engine.answer(request, Some(until), interrupted))?;
    if let Answer::NameTaken(taken) = &answer {
        return Err(name_taken(py, taken));
    }
    let Answer::Actor { actor, handle: info, found } = answer else {
        return Err(questions::unexpected(py, answer));
    };
    let reference = (!found).then(|| ObjectRef::from(handle));
    let info = if found { PyBytes::new(py, &info) } else { class_info };
    (PyBytes::new(py, actor.bytes()), reference, info, found).into_pyobject(py)
}

/// Reserves a placement group and gives its id.
pub(crate) fn create_group<'py>(
    process: &Process,
    py: Python<'py>,
    wanted: GroupWanted<'_>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (engine, job) = (&process.engine, process.parent(py)?.job());
    let creator = engine.identity().worker;
    let id = GroupId::new(creator, number(engine), job);
    let GroupWanted { bundles, selectors, strategy, name, namespace, detached } = wanted;
    let spec = GroupSpec {
        id,
        creator,
        name,
        namespace,
        bundles: bundles.iter().map(resources_of).collect::<PyResult<_>>()?,
        selectors: selectors.into_iter().map(rules_of).collect(),
        strategy: match strategy {
            "PACK" => GroupStrategy::Pack,
            "SPREAD" => GroupStrategy::Spread,
            "STRICT_PACK" => GroupStrategy::StrictPack,
            "STRICT_SPREAD" => GroupStrategy::StrictSpread,
            other => {
                return Err(PyValueError::new_err(format!(
                    "{other:?} is no strategy of a placement group"
                )));
            }
        },
        detached,
    };
    engine.create_group(Box::new(spec)).map_err(|error| error::of_engine(py, error))?;
    Ok(PyBytes::new(py, id.bytes()))
}

/// A ref to an object that holds `value` once the group is reserved.
pub(crate) fn group_ready(
    process: &Process,
    group: GroupId,
    value: &Bound<'_, PyAny>,
) -> PyResult<ObjectRef> {
    let py = value.py();
    let job: JobId = process.parent(py)?.job();
    let payload =
        with_encoded(value, |encoded, _refs| Ok(runtime::engine::encoded_value(encoded)))?;
    let handle = process.engine.group_ready(job, group, payload);
    Ok(handle.map_err(|error| error::of_engine(py, error))?.into())
}

fn spec(
    id: ActorId,
    creator: WorkerId,
    template: &Bound<'_, Template>,
    arguments: &Arguments,
    options: Options<'_>,
) -> PyResult<ActorSpec> {
    let namespace = options.namespace;
    Ok(ActorSpec {
        id,
        creator,
        template: Arc::clone(template.get().get()),
        placement: resources_of(&options.placement)?,
        arguments: arguments.payload.clone(),
        dependencies: arguments.dependencies.clone(),
        nested: arguments.nested.clone(),
        name: options.name.map(|name| ActorName { namespace, name }),
        detached: options.detached,
        restarts_max: u32::try_from(options.max_restarts).ok(),
        concurrency: Concurrency {
            asynchronous: options.asynchronous,
            calls_max: options.calls_max,
            groups: options.groups,
            ordered: options.ordered,
        },
        handle: Payload::from(options.class_info),
    })
}

fn name_taken(py: Python<'_>, taken: &ActorName) -> PyErr {
    let ActorName { namespace, name } = taken;
    let text = format!(
        "namespace {namespace:?} has an actor named {name:?} already; take another name, or say get_if_exists=True"
    );
    match hooks::actor_already_exists_error(py).and_then(|class| class.call1((text,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Ids of actors and groups hold four bytes of the count: as many as a process can make in its life.
fn number(engine: &Core) -> u32 {
    engine.new_number() as u32
}
