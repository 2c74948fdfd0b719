//! Machines put together: one role for each kind of process.
//!
//! Owns: which machine hears of which event, and what follows. Does not own: any decision (the machines decide),
//! any wait, any failure (the shells perform).
//!
//! A role is driven by one contract: hand it one event, perform all effects in their order, then hand it the next.
//! It never asks for the time; `now` never goes backwards.

pub mod worker;
pub mod node;
pub mod head;

use types::Timestamp;

pub use head::Head;
pub use node::Node;
pub use worker::Worker;

/// One process's whole logic: events in, effects out, nothing else.
pub trait Role {
    /// What can happen to it.
    type Event;
    /// What it wants done.
    type Effect;

    /// Takes one event to its end. Never waits, never fails: what can go wrong is an event too.
    fn step(&mut self, now: Timestamp, event: Self::Event, effects: &mut Vec<Self::Effect>);

    /// When [`Self::on_time`] must be called at the latest. An early call is harmless.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// Does what has become due.
    fn on_time(&mut self, now: Timestamp, effects: &mut Vec<Self::Effect>);

    /// Panics unless every rule that this process alone can see holds.
    fn check(&self);
}
