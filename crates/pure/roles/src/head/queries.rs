//! Answers to those who only ask.
//!
//! Owns: how what the machines know is put into answers. Does not own: anything that is asked for.

use std::sync::Arc;

use control::surveys::Survey;
use control::table::Putting;
use types::{Account, ActorId, ActorName, Failure, FunctionId, JobId, Payload, Subject, WorkerId};
use wire::to_head::{Key, Surveyed};
use wire::{Answer, FromHead, HeadToNode, Question};

use super::membership::job_has_ended;
use super::{Effect, Head};

impl Head {
    pub(super) fn answer(&mut self, asker: (WorkerId, u64), question: Question) {
        let answer = match question {
            Question::Function(job, function) => {
                let Some(answer) = self.find_function(job, function, asker) else {
                    return;
                };
                answer
            }
            Question::Survey(subject) => return self.ask_all(asker, subject),
            Question::Nodes => Answer::Nodes(self.nodes.infos()),
            Question::ActorNamed(name) => self.actor_named(&name),
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
            Question::Get(Key { namespace, name }) => {
                let value = self.table.get(&namespace, &name);
                value.map_or(Answer::Nothing, |value| Answer::Bytes(value.clone()))
            }
            Question::Put { key, value, overwrite } => self.put_key(key, value, overwrite),
            Question::Delete { key: Key { namespace, name }, prefix } => {
                Answer::Count(self.table.delete(&namespace, &name, prefix))
            }
            Question::Keys(Key { namespace, name }) => {
                Answer::Keys(self.table.names(&namespace, &name))
            }
        };
        self.reply(asker, answer);
    }

    pub(super) fn reply(&mut self, (asker, request): (WorkerId, u64), answer: Answer) {
        self.effects.push(Effect::ToWorker(asker, FromHead::Answered { request, answer }));
    }

    /// A process told what it knows, and with that what ran there.
    pub(super) fn account_came(&mut self, survey: u64, from: WorkerId, mut account: Box<Account>) {
        let spans = std::mem::take(&mut account.spans);
        if !spans.is_empty() {
            self.timeline.on_spans(from, spans);
        }
        self.surveys.on_account(survey, from, account);
        self.answer_surveys();
    }

    /// Answers the questions for which all have been heard.
    pub(super) fn answer_surveys(&mut self) {
        for survey in self.surveys.take_finished() {
            let (spans, gone) = match survey.subject {
                Subject::Spans(job) => (self.timeline.spans(Some(job)), Vec::new()),
                Subject::Tasks => (self.timeline.spans(None), Vec::new()),
                Subject::Processes => (Vec::new(), self.surveys.gone().cloned().collect()),
                Subject::Objects => (Vec::new(), Vec::new()),
            };
            let Survey { asker, processes, accounts, .. } = survey;
            self.reply(asker, Answer::Survey(Surveyed { processes, gone, accounts, spans }));
        }
    }

    /// What who looked a living actor up needs to make a handle.
    pub(super) fn describe_actor(&self, actor: ActorId) -> Answer {
        let handle = self.actors.spec(actor).map(|spec| spec.handle.clone());
        handle.map_or(Answer::Nothing, |handle| Answer::Actor { actor, handle, found: true })
    }

    /// The answer, unless the question waits.
    fn find_function(
        &mut self,
        job: JobId,
        function: FunctionId,
        asker: (WorkerId, u64),
    ) -> Option<Answer> {
        if !self.is_live(job) {
            return Some(job_has_ended(job));
        }
        self.functions.ask(job, function, asker).map(Answer::Bytes)
    }

    fn ask_all(&mut self, asker: (WorkerId, u64), subject: Subject) {
        let survey = self.surveys.ask(asker, subject, self.nodes.iter());
        let ask = |node| Effect::ToNode(node, HeadToNode::Survey(survey, subject));
        self.effects.extend(self.nodes.iter().map(ask));
        self.answer_surveys();
    }

    fn actor_named(&self, name: &ActorName) -> Answer {
        let actor = self.actors.named(name);
        actor.map_or(Answer::Nothing, |actor| self.describe_actor(actor))
    }

    fn put_key(&mut self, key: Key, value: Payload, overwrite: bool) -> Answer {
        match self.table.put(&key.namespace, key.name, value, overwrite) {
            Putting::Added => Answer::Count(1),
            Putting::Replaced | Putting::Kept => Answer::Count(0),
            Putting::Full(limit) => {
                let text = format!("the key-value table holds at most {limit} bytes");
                Answer::Failed(Arc::new(Failure::StoreFull(text)))
            }
        }
    }
}
