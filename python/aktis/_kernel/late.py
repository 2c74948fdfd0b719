"""What people are told when objects do not come in time.

Owns the words for how far a task is. Does not own how far it is (the engine), nor why a demand for
workers waits (`aktis.observe`).
"""

from __future__ import annotations

from typing import Any

from aktis._kernel import forms


def lateness(timeout_s: float | None, count: int, all_count: int, first: Any) -> str:
    """Says that `count` of the objects did not come in time, and how far the first of them is.

    `first` holds its ref and, if this process knows that, the task that makes it, how many
    arguments the task misses, and the process that it was sent to.
    """
    sentence = (
        f"get() waited {timeout_s or 0.0:g} s, but {count} of {all_count} objects are not here"
    )
    reference, making = first
    if reference is None:
        return sentence
    if making is None:
        made = reference["object"]
        name = bytes(made["task"]).hex() + made["index"].to_bytes(4, "little").hex()
        owner = _process(reference["owner"])
        return f"{sentence}, the first one from object {name}, which {owner} owns"
    task, missing, executor = making
    how_far = _how_far(task, missing, executor)
    id_ = bytes(task["called"]["task"]).hex()
    return f"{sentence}, the first one from {task['name']}(), which {how_far} [task {id_}]"


def _how_far(task: dict[str, Any], missing: int, executor: dict[str, int] | None) -> str:
    called = task["called"]
    is_call = forms.kind(called["callee"]) != "Function"
    match forms.kind(task["stage"]):
        case "Waiting":
            return "waits for an argument" if missing == 1 else f"waits for {missing} arguments"
        case "Ready" if not is_call:
            amounts = forms.amounts(called["shape"]["resources"])
            held = ", ".join(f"{name}: {amount:g}" for name, amount in amounts.items())
            return f"waits for a worker with {{{held}}}"
        case "Ready" if executor is not None:
            return "waits for calls before it"
        case "Ready":
            return "waits for its actor, which is not there yet"
        case _ if executor is not None:
            return f"runs, or waits for its turn, in {_process(executor)}"
        case _:
            return "runs, or waits for its turn"


def _process(worker: dict[str, int]) -> str:
    return f"worker {worker['node']}.{worker['number']}"
