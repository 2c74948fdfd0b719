//! Actors and calls on them, as their caller sees it.

use super::*;

#[test]
fn a_constructor_can_read_its_arguments_though_its_handle_is_gone() {
    let mut creator = TestWorker::new(1);
    let (argument, actor) = (creator.object_of(1), ActorId::new(worker(1), 1, JobId(1)));
    creator.step(Event::Put(argument, inline(b"x")));
    let spec = actor_with(actor, Ref { object: argument, owner: worker(1) });
    creator.step(Event::CreateActor { request: 1, spec: Box::new(spec), get_if_exists: false });

    creator.step(Event::Release(vec![argument, actor.handle()]));
    assert_eq!(creator.role.objects_known(), 1);
    let state = ActorState::Alive { worker: worker(2), incarnation: 0 };
    creator.step(Event::Head(FromHead::ActorChanged { actor, state }));

    assert_eq!(creator.role.objects_known(), 0);
}

#[test]
fn a_call_that_fails_before_it_goes_out_holds_back_none_behind_it() {
    let mut caller = TestWorker::new(1);
    let actor = ActorId::new(worker(3), 1, JobId(1));
    let state = ActorState::Alive { worker: worker(2), incarnation: 0 };
    let argument = caller.task(1);
    caller.step(Event::Submit(argument.clone()));
    let call = |count, dependencies| TaskSpec {
        id: TaskId::call(actor, worker(1), count),
        dependencies,
        ..TestWorker::new(1).task_with(1, |template| {
            let (name, group) = ("f".to_owned(), String::new());
            template.callee = Callee::Method { name, group, ordered: true };
        })
    };
    let awaited = Ref { object: argument.id.output(1), owner: worker(1) };
    caller.step(Event::Submit(call(2, Box::new([awaited]))));
    caller.step(Event::Submit(call(3, Box::default())));
    caller.step(Event::Head(FromHead::ActorChanged { actor, state }));

    let cancel = Event::Cancel { target: awaited, reach: reach(false) };
    let effects = caller.step(cancel);

    let sent = effects.iter().find_map(|effect| {
        let Effect::ToPeer(to, FromPeer::Tasks { lease: None, tasks: calls }) = effect else {
            return None;
        };
        Some((*to, calls[0].id))
    });
    assert_eq!(sent, Some((worker(2), TaskId::call(actor, worker(1), 3))), "{effects:?}");
}
