"""Calls of functions and actors, on their way out.

Owns how options become templates and answers become refs or streams. Does not own defaults of
options and their checks (`aktis.remote_function`, `aktis.actors`), nor arguments (Rust).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aktis import _core
from aktis._kernel import forms
from aktis._kernel.session import require
from aktis._kernel.streams import ObjectRefGenerator
from aktis.exceptions import ActorAlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Template = _core.Template

Callee = Literal["function", "constructor", "method"]
Returns = int | Literal["streaming", "dynamic"]
Rule = forms.Rule
Made = _core.ObjectRef[Any] | list[_core.ObjectRef[Any]] | ObjectRefGenerator | None

_RETURNS = {"streaming": "Stream", "dynamic": "Dynamic"}


class CreatedActor(NamedTuple):
    """An actor that was asked for.

    Attributes:
        handle_ref: Keeps the actor alive; None if it was there before.
        class_info: What a handle needs to know, pickled.
        found: It was there before.
    """

    actor_id: bytes
    handle_ref: _core.ObjectRef[Any] | None
    class_info: bytes
    found: bool


def make_template(  # noqa: PLR0913 - the options are many
    *,
    function: bytes,
    name: str,
    callee: Callee,
    method: str = "",
    group: str = "",
    ordered: bool = True,
    resources: Mapping[str, float],
    environment: str = "",
    strategy: tuple[Any, ...] = ("pack",),
    returns: Returns = 1,
    max_retries: int = 3,
    retry_exceptions: bool | Sequence[type[BaseException]] = False,
    timeout_s: float | None = None,
    max_calls: int = 0,
    look_ahead: int | None = None,
) -> _core.Template:
    """What all calls of one function with the same options have in common; make it once."""
    here = require()
    called = {"name": method, "group": group, "ordered": ordered}
    return _core.Template(
        {
            "id": here.engine.new_number(),
            "function": function,
            "name": name,
            "callee": {"Method": called} if callee == "method" else callee.capitalize(),
            "shape": {
                "resources": forms.units(resources),
                "environment": environment,
                "strategy": forms.strategy(here, strategy),
            },
            "returns": _RETURNS[returns] if isinstance(returns, str) else {"Count": returns},
            "retries": {
                "max": forms.limit(max_retries),
                "exceptions": _retry_exceptions(retry_exceptions),
            },
            "timeout": forms.span(timeout_s),
            "calls_max": max_calls,
            "look_ahead": look_ahead,
        }
    )


def submit(template: _core.Template, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Made:
    """Calls a function. Returns at once."""
    made = require().engine.submit(template, args, kwargs)
    return ObjectRefGenerator(made) if template.streams else made


def call(  # noqa: PLR0917 - positional, since this is the hot path
    actor_id: bytes,
    handle_ref: _core.ObjectRef[Any] | None,  # noqa: ARG001 - stays until then
    template: _core.Template,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Made:
    """Calls a method. Returns at once; the call keeps the actor alive."""
    here = require()
    made = here.engine.call(actor_id, template, args, kwargs)
    if actor_id in here.unfinished and made is not None:
        with here.unfinished_lock:
            here.unfinished[actor_id].append(made[0] if isinstance(made, list) else made)
    return ObjectRefGenerator(made) if template.streams else made


def create_actor(  # noqa: PLR0913 - the options are many
    template: _core.Template,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    class_info: bytes,
    name: str | None,
    namespace: str,
    get_if_exists: bool,
    detached: bool,
    max_restarts: int,
    placement: Mapping[str, float],
    asynchronous: bool,
    calls_max: int,
    groups: Sequence[tuple[str, int]],
    ordered: bool,
) -> CreatedActor:
    """Asks for an actor. Waits for the head only if the actor has a name.

    Raises:
        ActorAlreadyExistsError: another actor of the namespace has the name.
    """
    options = {
        "placement": forms.units(placement),
        "name": None if name is None else {"namespace": namespace, "name": name},
        "get_if_exists": get_if_exists,
        "detached": detached,
        "restarts_max": forms.limit(max_restarts),
        "concurrency": {
            "asynchronous": asynchronous,
            "calls_max": calls_max,
            "groups": groups,
            "ordered": ordered,
        },
        "handle": class_info,
    }
    actor_id, handle_ref, answer = require().engine.create_actor(template, args, kwargs, options)
    match answer:
        case {"NameTaken": _}:
            message = (
                f"namespace {namespace!r} has an actor named {name!r} already; take another name, "
                "or say get_if_exists=True"
            )
            raise ActorAlreadyExistsError(message)
        case {"Actor": {"actor": found, "handle": known, "found": True}}:
            return CreatedActor(bytes(found), None, known, found=True)
        case _:
            return CreatedActor(actor_id, handle_ref, class_info, found=False)


def kill_actor(actor_id: bytes, *, no_restart: bool) -> None:
    """Ends the process of an actor."""
    require().engine.kill_actor(actor_id, for_good=no_restart)


def cancel(ref: _core.ObjectRef[Any], *, force: bool, recursive: bool) -> None:
    """Cancels the task that makes the object; without effect once it ended."""
    require().engine.cancel(ref, force=force, recursive=recursive)


def pending_calls(actor_id: bytes) -> int:
    """How many calls of this process on the actor are unfinished, since this was first asked."""
    here = require()
    with here.unfinished_lock:
        results = here.unfinished.get(actor_id, [])
        left = here.unfinished[actor_id] = [one for one in results if not one.is_available()]
    return len(left)


def create_group(
    bundles: Sequence[Mapping[str, float]],
    strategy: str,
    name: str,
    *,
    selectors: Sequence[Sequence[Rule]],
    detached: bool,
) -> bytes:
    """Reserves bundles of resources, all or none. Returns at once."""
    session = require()
    group_id = session.engine.new_group_id()
    group = {
        "id": group_id,
        "creator": session.worker,
        "name": name,
        "namespace": session.namespace,
        "bundles": [forms.units(bundle) for bundle in bundles],
        "selectors": [forms.rules(rules) for rules in selectors],
        "strategy": forms.GROUP_STRATEGIES[strategy],
        "detached": detached,
    }
    session.engine.tell({"CreateGroup": group})
    return group_id


def group_ready_ref(group_id: bytes, value: object) -> _core.ObjectRef[Any]:
    """A ref to an object that holds `value` once the group is reserved."""
    return require().engine.group_ready(group_id, value)


def remove_group(group_id: bytes) -> None:
    """Gives the bundles of a group back; what runs in them ends."""
    require().engine.tell({"RemoveGroup": group_id})


def _retry_exceptions(given: bool | Sequence[type[BaseException]]) -> str | dict[str, bytes]:  # noqa: FBT001 - Ray's argument
    if isinstance(given, bool):
        return "Always" if given else "Never"
    from aktis._kernel import carrying

    return {"Listed": carrying.dumps(tuple(given))}
