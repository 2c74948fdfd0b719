"""What a driver tells the workers of its job, and what they do with it before their first task.

Owns those facts on their way through the head's table, import paths, modules that change what
imports mean, and the job's setup hook. Does not own variables, with which processes begin (the
node), nor log records (`aktis._kernel.records`).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aktis._kernel import functions, queries, session
from aktis.exceptions import RuntimeEnvSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis._kernel.session import Session

# Entries of the head's key-value table that tell workers about a job.
JOBS = "aktis.jobs"

# A function, or the full name of one.
Hook: TypeAlias = Callable[[], object] | str


def require_module(name: str) -> None:
    """Has each worker of this process's jobs import a module before its first task.

    Raises:
        RuntimeError: this process drives a job already, whose workers may have begun without it.
    """
    if name in _required_modules:
        return
    here = session.current()
    if here is not None and here.is_driver:
        message = (
            f"import {name} before the session begins: its workers may run already, and would not "
            f"know of it; call aktis.shutdown() first, and aktis.init() after the import"
        )
        raise RuntimeError(message)
    _required_modules.append(name)


# In the order of their requests; it has one line for each module that asks when it is imported.
_required_modules: list[str] = []


def describe(
    here: Session,
    *,
    logging: Mapping[str, Any] | None,
    setup_hook: Hook | None,
    tracing_hook: str | None,
) -> None:
    """Tells the workers of this process's job all they need to know before their first task.

    Args:
        here: The session of the driver.
        logging: How workers log, if that was said.
        setup_hook: What each worker calls first.
        tracing_hook: What sets up the export of spans, if calls are traced.
    """
    # "" is the directory that is now the current one.
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - pathlib costs milliseconds
    facts = {
        "namespace": here.namespace,
        "environment": here.default_environment,
        "paths": list(dict.fromkeys(paths)),
        "modules": _required_modules,
        "logging": logging,
        "setup_hook": _named(setup_hook),
        "tracing_hook": tracing_hook,
    }
    if tracing_hook is not None:
        from aktis._kernel import tracing

        tracing.begin(here, tracing_hook)
    queries.kv_put(_key(here.job_id), json.dumps(facts).encode(), namespace=JOBS)


def take_up(here: Session, job: int) -> None:
    """Makes this worker ready for the first task of a job.

    Raises:
        RuntimeEnvSetupError: the job's setup hook failed.
    """
    told = queries.kv_get(_key(job), namespace=JOBS)
    facts: dict[str, Any] = json.loads(told) if told else {}
    here.namespace = facts.get("namespace", "")
    here.default_environment = facts.get("environment", "")
    known = set(sys.path)
    sys.path.extend(path for path in facts.get("paths", []) if path not in known)
    for module in facts.get("modules", []):
        importlib.import_module(module)
    if facts.get("logging"):
        from aktis._kernel import records

        records.configure(**facts["logging"])
    # Where the setup hook failed, all of this is done once more.
    if facts.get("tracing_hook") and here.tracer is None:
        from aktis._kernel import tracing

        tracing.begin(here, facts["tracing_hook"])
    if facts.get("setup_hook"):
        _run_hook(job, **facts["setup_hook"])


def _key(job: int) -> bytes:
    return str(job).encode()


def _named(hook: Hook | None) -> dict[str, str] | None:
    if hook is None:
        return None
    if isinstance(hook, str):
        return {"name": hook}
    return {"function": functions.publish(hook).hex()}


def _run_hook(job: int, *, name: str = "", function: str = "") -> None:
    try:
        if name:
            module, _, attribute = name.rpartition(".")
            hook = cast("Callable[[], object]", getattr(importlib.import_module(module), attribute))
        else:
            hook = functions.fetch(bytes.fromhex(function), job)
        hook()
    except Exception as error:
        message = f"the worker_process_setup_hook {name} of the job failed: {error!r}"
        raise RuntimeEnvSetupError(message) from error
