//! Actors and placement groups, as Python asks for them.
//!
//! Owns: what is sent and answered. Does not own: defaults and checks (`aktis.actors`,
//! `aktis.util.placement_group`), or their life (`control`).

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pythonize::depythonize;
use roles::worker::Event;
use runtime::clock;
use serde::Deserialize;
use types::{ActorId, ActorName, ActorSpec, Concurrency, GroupId, Payload, Resources};

use crate::arguments::Arguments;
use crate::engine::{Engine, waiting};
use crate::error;
use crate::objectref::ObjectRef;
use crate::questions::{ANSWER_PATIENCE, answered};
use crate::template::Template;
use crate::values::with_encoded;

/// What Python says about an actor besides its class and arguments.
#[derive(Deserialize)]
struct Options {
    placement: Resources,
    name: Option<ActorName>,
    get_if_exists: bool,
    detached: bool,
    restarts_max: Option<u32>,
    concurrency: Concurrency,
    handle: Payload,
}

/// The id of an actor, a ref that keeps it alive, and what the head answered about its name, if it has one.
type Asked<'py> = ([u8; ActorId::LEN], ObjectRef, Option<Bound<'py, PyAny>>);

#[pymethods]
impl Engine {
    /// Asks for an actor. Waits for the answer only if it has a name, which may be taken.
    fn create_actor<'py>(
        &self,
        template: &Bound<'py, Template>,
        positional: &Bound<'py, PyTuple>,
        named: Option<Bound<'py, PyDict>>,
        options: &Bound<'py, PyAny>,
    ) -> PyResult<Asked<'py>> {
        let (py, options) = (template.py(), depythonize::<Options>(options)?);
        let (engine, job) = (self.core(), self.process.parent(py)?.job());
        let shared = &template.get().shared;
        let arguments =
            Arguments::encode(&self.process, job, &shared.name, positional, named.as_ref())?;
        let (creator, is_named) = (engine.identity().worker, options.name.is_some());
        let id = ActorId::new(creator, self.short_number(), job);
        let spec = ActorSpec {
            id,
            creator,
            template: Arc::clone(shared),
            placement: options.placement,
            dependencies: arguments.dependencies(),
            nested: arguments.nested(),
            arguments: arguments.payload,
            name: options.name,
            detached: options.detached,
            restarts_max: options.restarts_max,
            concurrency: options.concurrency,
            handle: options.handle,
        };
        let created = engine.create_actor(Box::new(spec), options.get_if_exists);
        let (request, handle) = error::done(created)?;
        if !is_named {
            return Ok((*id.bytes(), handle.into(), None));
        }
        let until = clock::now() + ANSWER_PATIENCE;
        let answer = waiting(py, Some(until), |patience| engine.answer(request, patience))?;
        Ok((*id.bytes(), handle.into(), Some(answered(py, &answer)?)))
    }

    #[pyo3(signature = (actor, /, *, for_good))]
    fn kill_actor(&self, actor: [u8; ActorId::LEN], for_good: bool) -> PyResult<()> {
        let actor = ActorId::from_bytes(actor);
        error::done(self.core().step(Event::KillActor { actor, for_good }))
    }

    /// An id for a placement group of the job on whose behalf this thread works.
    fn new_group_id(&self, py: Python<'_>) -> PyResult<[u8; GroupId::LEN]> {
        let (creator, job) = (self.core().identity().worker, self.process.parent(py)?.job());
        Ok(*GroupId::new(creator, self.short_number(), job).bytes())
    }

    /// A ref to an object that holds `value` once the group is reserved.
    fn group_ready(
        &self,
        group: [u8; GroupId::LEN],
        value: &Bound<'_, PyAny>,
    ) -> PyResult<ObjectRef> {
        let (group, job) = (GroupId::from_bytes(group), self.process.parent(value.py())?.job());
        let named = || ("the value".to_owned(), "it".to_owned());
        let payload = with_encoded(value, &named, |encoded, _refs| Ok(encoded.to_payload()))?;
        Ok(error::done(self.core().group_ready(job, group, payload))?.into())
    }
}

impl Engine {
    /// Ids of actors and groups hold four bytes of the count: as many as a process can make in its life.
    fn short_number(&self) -> u32 {
        self.core().new_number() as u32
    }
}
