//! Answers to those who only ask.
//!
//! Owns: how what the machines know is put into answers. Does not own: anything that is asked for.

use std::sync::Arc;

use types::{ActorId, FunctionId, JobId, Subject, WorkerId};
use wire::{Answer, FromHead, HeadToNode, Question};

use super::membership::job_has_ended;
use super::{Effect, Head};

impl Head {
    pub(super) fn answer(&mut self, asker: (WorkerId, u64), question: Question) {
        let answer = match question {
            Question::Function(job, function) => return self.ask_function(asker, job, function),
            Question::Survey(subject) => return self.ask_all(asker, subject),
            Question::Nodes => Answer::Nodes(self.nodes.infos()),
            Question::ActorNamed(name) => {
                let actor = self.actors.named(&name);
                actor.map_or(Answer::Nothing, |actor| self.describe_actor(actor))
            }
            Question::ActorNames(namespace) => {
                Answer::ActorNames(self.actors.names(namespace.as_deref()))
            }
            Question::Actors => Answer::Actors(self.actors.infos()),
            Question::Groups => Answer::Groups(self.groups.infos()),
            Question::GroupNamed { namespace, name } => {
                let group = self.groups.named(&namespace, &name);
                group.map_or(Answer::Nothing, |group| Answer::Groups(vec![group]))
            }
            Question::Jobs => Answer::Jobs(self.jobs.infos()),
            Question::Get(key) => {
                let value = self.table.get(&key);
                value.map_or(Answer::Nothing, |value| Answer::Bytes(value.clone()))
            }
            Question::Put { key, value, overwrite } => {
                match self.table.put(key, value, overwrite) {
                    Ok(added) => Answer::Count(u64::from(added)),
                    Err(failure) => Answer::Failed(Arc::new(failure)),
                }
            }
            Question::Delete { key, prefix } => Answer::Count(self.table.delete(key, prefix)),
            Question::Keys(prefix) => {
                Answer::Keys(self.table.keys(&prefix).map(|key| key.name.clone()).collect())
            }
        };
        self.reply(asker, answer);
    }

    pub(super) fn reply(&mut self, (asker, request): (WorkerId, u64), answer: Answer) {
        self.effects.push(Effect::ToWorker(asker, FromHead::Answered { request, answer }));
    }

    /// Answers the questions for which all have been heard.
    pub(super) fn answer_surveys(&mut self) {
        for (asker, told) in self.surveys.take_finished() {
            self.reply(asker, Answer::Survey(told));
        }
    }

    /// What who looked a living actor up needs to make a handle.
    pub(super) fn describe_actor(&self, actor: ActorId) -> Answer {
        let handle = self.actors.spec(actor).map(|spec| spec.handle.clone());
        handle.map_or(Answer::Nothing, |handle| Answer::Actor { actor, handle, found: true })
    }

    /// Answers, unless the question waits.
    fn ask_function(&mut self, asker: (WorkerId, u64), job: JobId, function: FunctionId) {
        if !self.is_live(job) {
            self.reply(asker, job_has_ended(job));
        } else if let Some(pickle) = self.functions.ask(job, function, asker) {
            self.reply(asker, Answer::Bytes(pickle));
        }
    }

    fn ask_all(&mut self, asker: (WorkerId, u64), subject: Subject) {
        let survey = self.surveys.ask(asker, subject, self.nodes.iter());
        let ask = |node| Effect::ToNode(node, HeadToNode::Survey(survey, subject));
        self.effects.extend(self.nodes.iter().map(ask));
    }
}
