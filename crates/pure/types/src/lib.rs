//! The nouns of aktis, in reading order.
//!
//! Owns: what things are called and what they hold. Does not own: any behaviour beyond arithmetic and display.

pub mod ids;
pub mod time;
pub mod rng;
pub mod payload;
pub mod resources;
pub mod object;
pub mod task;
pub mod actor;
pub mod probe;
pub mod group;
pub mod info;
pub mod key;
pub mod span;
pub mod account;
pub mod failure;
pub mod settings;
pub mod limits;
pub mod collections;
pub mod memory;

pub use account::{
    Account, ObjectInfo, ProcessInfo, Stage, Subject, Surveyed, TaskInfo, Whereabouts,
};
pub use actor::{ActorName, ActorSpec, ActorState, Concurrency};
pub use collections::{Map, Set};
pub use failure::{ActorEnd, Death, Exit, Failure};
pub use group::{GroupSpec, GroupState, GroupStrategy};
pub use ids::{
    ActorId, FunctionId, GroupId, JobId, LeaseId, NodeId, ObjectId, TaskId, TemplateId, WorkerId,
};
pub use info::{ActorInfo, GroupInfo, JobInfo, NodeInfo};
pub use key::Key;
pub use memory::Memory;
pub use object::{Dependency, Ref, Stored, Value};
pub use payload::Payload;
pub use probe::{Finding, Place, Probe};
pub use resources::{Amount, Assignment, DeviceShare, Resources};
pub use rng::Rng;
pub use settings::Settings;
pub use span::{Called, Span};
pub use task::{Callee, LabelRule, Retries, Retry, Returns, Shape, Strategy, TaskSpec, Template};
pub use time::Timestamp;
