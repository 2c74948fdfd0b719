//! Questions to the head, and answers as plain Python values.
//!
//! Owns: their conversion. Does not own: the public form of the answers (`aktis._kernel.queries`).

use std::collections::BTreeMap;

use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use runtime::engine::Engine as Core;
use types::{ActorName, ActorState, FunctionId, GroupState, GroupStrategy, JobId, Payload, Span};
use wire::to_head::{ActorInfo, GroupInfo, JobInfo, Key, NodeInfo};
use wire::to_worker::OutputLines;
use wire::{Answer, Question};

use crate::current::Process;
use crate::engine::{ANSWER_PATIENCE, waiting};
use crate::error;
use crate::ids::Scope;
use crate::template::resources_dict;

/// Asks the head and gives its answer.
pub(crate) fn ask<'py>(
    process: &Process,
    py: Python<'py>,
    question: &str,
    arguments: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let question = question_of(question, &Given(arguments))?;
    let until = Core::now() + ANSWER_PATIENCE;
    let answer = waiting(py, |interrupted| process.engine.ask(question, Some(until), interrupted))?;
    answered(py, &process.scope, answer)
}

/// The exception for an answer that does not belong to its question.
pub(crate) fn unexpected(py: Python<'_>, answer: Answer) -> PyErr {
    if let Answer::Failed(failure) = answer {
        return error::of_failure(py, &failure);
    }
    PyRuntimeError::new_err(format!("the head answered another question: {answer:?}"))
}

/// Lines of output, and how many were dropped before them.
pub(crate) fn lines<'py>(
    py: Python<'py>,
    (bursts, dropped): (Vec<OutputLines>, u64),
) -> PyResult<Bound<'py, PyTuple>> {
    let list = PyList::empty(py);
    for burst in bursts {
        list.append((burst.name, burst.pid, burst.error, burst.lines))?;
    }
    (list, dropped).into_pyobject(py)
}

struct Given<'a, 'py>(Option<&'a Bound<'py, PyDict>>);

impl<'py> Given<'_, 'py> {
    fn get<T>(&self, name: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    {
        let value = self.0.map(|given| given.get_item(name)).transpose()?.flatten();
        value.ok_or_else(|| PyValueError::new_err(format!("the question needs {name}")))?.extract()
    }

    fn key(&self) -> PyResult<Key> {
        Ok(Key { namespace: self.get("namespace")?, name: self.get("key")? })
    }
}

fn question_of(question: &str, given: &Given<'_, '_>) -> PyResult<Question> {
    Ok(match question {
        "function" => Question::Function(
            JobId(given.get("job")?),
            FunctionId::from_bytes(given.get("function")?),
        ),
        "nodes" => Question::Nodes,
        "total_resources" => Question::TotalResources,
        "free_resources" => Question::FreeResources,
        "actor_named" => Question::ActorNamed(ActorName {
            namespace: given.get("namespace")?,
            name: given.get("name")?,
        }),
        "actor_names" => Question::ActorNames(given.get("namespace")?),
        "actors" => Question::Actors,
        "groups" => Question::Groups,
        "group_named" => {
            Question::GroupNamed { namespace: given.get("namespace")?, name: given.get("name")? }
        }
        "timeline" => Question::Timeline(JobId(given.get("job")?)),
        "jobs" => Question::Jobs,
        "get" => Question::Get(given.key()?),
        "put" => Question::Put {
            key: given.key()?,
            value: Payload::from(given.get::<Vec<u8>>("value")?),
            overwrite: given.get("overwrite")?,
        },
        "delete" => Question::Delete { key: given.key()?, prefix: given.get("prefix")? },
        "keys" => Question::Keys(given.key()?),
        other => return Err(PyValueError::new_err(format!("{other:?} is no question"))),
    })
}

fn answered<'py>(py: Python<'py>, scope: &Scope, answer: Answer) -> PyResult<Bound<'py, PyAny>> {
    Ok(match answer {
        Answer::Nothing => py.None().into_bound(py),
        Answer::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
        Answer::Count(count) => count.into_pyobject(py)?.into_any(),
        Answer::Keys(keys) => {
            PyList::new(py, keys.iter().map(|key| PyBytes::new(py, key)))?.into_any()
        }
        Answer::Resources(resources) => resources_dict(py, &resources)?.into_any(),
        Answer::Nodes(nodes) => list(py, nodes, |py, info| node(py, scope, info))?,
        Answer::Actor { actor, handle, found: _ } => {
            (PyBytes::new(py, actor.bytes()), PyBytes::new(py, &handle))
                .into_pyobject(py)?
                .into_any()
        }
        Answer::ActorNames(names) => {
            list(py, names, |py, full| (full.name, full.namespace).into_pyobject(py))?
        }
        Answer::Actors(actors) => list(py, actors, actor)?,
        Answer::Groups(groups) => list(py, groups, |py, info| group(py, scope, info))?,
        Answer::Jobs(jobs) => list(py, jobs, |py, info| job(py, scope, info))?,
        Answer::Spans(spans) => list(py, spans, |py, one| span(py, scope, one))?,
        Answer::NameTaken(_) | Answer::Failed(_) => return Err(unexpected(py, answer)),
    })
}

fn list<'py, T, U: PyTypeInfo>(
    py: Python<'py>,
    items: Vec<T>,
    convert: impl Fn(Python<'py>, T) -> PyResult<Bound<'py, U>>,
) -> PyResult<Bound<'py, PyAny>> {
    let list = PyList::empty(py);
    for item in items {
        list.append(convert(py, item)?)?;
    }
    Ok(list.into_any())
}

fn node<'py>(py: Python<'py>, scope: &Scope, info: NodeInfo) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("node_id", PyBytes::new(py, &scope.node(info.node)))?;
    fields.set_item("alive", info.alive)?;
    fields.set_item("resources", resources_dict(py, &info.resources)?)?;
    fields.set_item("labels", text_dict(py, info.labels)?)?;
    fields.set_item("facts", text_dict(py, info.facts)?)?;
    Ok(fields)
}

fn actor(py: Python<'_>, info: ActorInfo) -> PyResult<Bound<'_, PyDict>> {
    let fields = PyDict::new(py);
    let (state, why) = match &info.state {
        ActorState::Pending => ("PENDING_CREATION", None),
        ActorState::Alive { .. } => ("ALIVE", None),
        ActorState::Restarting { reason, .. } => ("RESTARTING", Some(reason.clone())),
        ActorState::Dead(failure) => ("DEAD", Some(failure.to_string())),
    };
    let name = info.name.map(|full| (full.name, full.namespace));
    fields.set_item("actor_id", PyBytes::new(py, info.actor.bytes()))?;
    fields.set_item("class_name", info.class)?;
    fields.set_item("name", name)?;
    fields.set_item("state", state)?;
    fields.set_item("why", why)?;
    fields.set_item("restarts", info.restarts)?;
    Ok(fields)
}

fn group<'py>(py: Python<'py>, scope: &Scope, info: GroupInfo) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let spec = info.spec;
    let (state, nodes, why) = match &info.state {
        GroupState::Pending => ("PENDING", Vec::new(), None),
        GroupState::Created(nodes) => ("CREATED", nodes.clone(), None),
        GroupState::Removed(failure) => ("REMOVED", Vec::new(), Some(failure.to_string())),
    };
    let strategy = match spec.strategy {
        GroupStrategy::Pack => "PACK",
        GroupStrategy::Spread => "SPREAD",
        GroupStrategy::StrictPack => "STRICT_PACK",
        GroupStrategy::StrictSpread => "STRICT_SPREAD",
    };
    let bundles = PyList::empty(py);
    for bundle in &spec.bundles {
        bundles.append(resources_dict(py, bundle)?)?;
    }
    let nodes = nodes.iter().map(|node| PyBytes::new(py, &scope.node(*node)));
    let nodes = PyList::new(py, nodes)?;
    fields.set_item("group_id", PyBytes::new(py, spec.id.bytes()))?;
    fields.set_item("name", spec.name)?;
    fields.set_item("namespace", spec.namespace)?;
    fields.set_item("bundles", bundles)?;
    fields.set_item("strategy", strategy)?;
    fields.set_item("detached", spec.detached)?;
    fields.set_item("state", state)?;
    fields.set_item("nodes", nodes)?;
    fields.set_item("why", why)?;
    Ok(fields)
}

fn job<'py>(py: Python<'py>, scope: &Scope, info: JobInfo) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("job", info.job.0)?;
    fields.set_item("driver", PyBytes::new(py, &scope.worker(info.driver)))?;
    fields.set_item("pid", info.pid)?;
    fields.set_item("namespace", info.namespace)?;
    fields.set_item("entrypoint", info.entrypoint)?;
    fields.set_item("running", info.running)?;
    Ok(fields)
}

fn span<'py>(py: Python<'py>, scope: &Scope, span: Span) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("name", span.name)?;
    fields.set_item("job", span.job.0)?;
    fields.set_item("worker_id", PyBytes::new(py, &scope.worker(span.worker)))?;
    fields.set_item("pid", span.pid)?;
    fields.set_item("began_s", span.began.as_secs_f64())?;
    fields.set_item("ran_s", span.ran.as_secs_f64())?;
    fields.set_item("failed", span.failed)?;
    Ok(fields)
}

fn text_dict(py: Python<'_>, texts: BTreeMap<String, String>) -> PyResult<Bound<'_, PyDict>> {
    let fields = PyDict::new(py);
    for (name, text) in texts {
        fields.set_item(name, text)?;
    }
    Ok(fields)
}
