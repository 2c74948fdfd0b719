//! What people are told of an object that is not here.
//!
//! Owns: the words for how far a task is. Does not own: why a demand for workers waits (`scheduler::explain`).

use ownership::{Progress, Reach, Submitted};
use types::Ref;

use super::Worker;

impl Worker {
    /// What makes an object that is awaited here and how far that is, as far as this process knows.
    #[must_use]
    pub fn explain(&self, awaited: Ref) -> String {
        let Ref { object, owner } = awaited;
        let Some(Submitted { spec, progress, .. }) = self.tasks.get(object.task) else {
            let known = self.refs.lender(object).is_some();
            return if known {
                format!("{object}, which {owner} owns")
            } else {
                object.to_string()
            };
        };
        let reach = object.task.actor().and_then(|actor| self.calls.reach(actor));
        let how_far = match (progress, reach) {
            (Progress::Waiting(1), _) => "waits for an argument".to_owned(),
            (Progress::Waiting(count), _) => format!("waits for {count} arguments"),
            (Progress::Ready, None) => {
                format!("waits for a worker with {}", spec.template.shape.resources)
            }
            (Progress::Ready, Some(Reach::Alive { .. })) => "waits for calls before it".to_owned(),
            (Progress::Ready, Some(Reach::NotYet | Reach::Dead(_))) => {
                "waits for its actor, which is not there yet".to_owned()
            }
            (Progress::Sent, _) => match self.executor_of(object.task) {
                Some(executor) => format!("runs, or waits for its turn, in {executor}"),
                None => "runs, or waits for its turn".to_owned(),
            },
        };
        format!("{}(), which {how_far} [{}]", spec.template.name, object.task)
    }
}
