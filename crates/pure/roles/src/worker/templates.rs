//! Which templates two processes have told each other.
//!
//! Owns: what was sent to and received from each peer, oldest forgotten first, in step on both sides.
//! Does not own: templates themselves, which tasks share.

use std::collections::VecDeque;
use std::sync::Arc;

use types::limits::TEMPLATES_MAX;
use types::{Map, Template, TemplateId, WorkerId};

/// The templates exchanged with each peer.
#[derive(Debug, Default)]
pub(super) struct Templates {
    sent: Map<WorkerId, VecDeque<TemplateId>>,
    received: Map<WorkerId, VecDeque<Arc<Template>>>,
}

impl Templates {
    /// A message to `peer` names a template: it is `news` if it has not been told, which it now will be.
    pub(super) fn tell(
        &mut self,
        peer: WorkerId,
        template: &Arc<Template>,
        news: &mut Vec<Arc<Template>>,
    ) {
        let sent = self.sent.entry(peer).or_default();
        if !sent.contains(&template.id) {
            remember(sent, template.id);
            news.push(Arc::clone(template));
        }
    }

    /// `peer` told these.
    pub(super) fn received(&mut self, peer: WorkerId, templates: Vec<Arc<Template>>) {
        let received = self.received.entry(peer).or_default();
        for template in templates {
            remember(received, template);
        }
    }

    /// A template that `peer` told.
    pub(super) fn told_by(&self, peer: WorkerId, id: TemplateId) -> Arc<Template> {
        let mut newest_first = self.received.get(&peer).into_iter().flatten().rev();
        let told = newest_first.find(|template| template.id == id);
        Arc::clone(told.expect("OWN-15: a template is told before its tasks"))
    }

    /// `peer` is gone.
    pub(super) fn forget(&mut self, peer: WorkerId) {
        self.sent.remove(&peer);
        self.received.remove(&peer);
    }
}

fn remember<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == TEMPLATES_MAX {
        queue.pop_front();
    }
    queue.push_back(item);
}
