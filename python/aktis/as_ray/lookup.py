"""Finds what aktis has for a dotted name of Ray.

Owns the rule, its exceptions applied, and the words about what is missing. Does not own the tables
(`public_names`, `table`), nor the import system (`finder`).
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache, partial
from typing import NoReturn

from aktis.as_ray.public_names import NAMES
from aktis.as_ray.table import ELSEWHERE, NEAREST, RAY_VERSION, REFUSED_WHEN_CALLED

ROOT = "ray"
# As many modules as a program may ask for before the first is looked for again.
MODULES_MAX = 1_000

PUBLIC: dict[str, tuple[str, ...]] = {
    module: tuple(names.split()) for module, names in NAMES.items()
}
_CONSTANTS = {"ray.__version__": RAY_VERSION}


class NotThereError(LookupError):
    """aktis has nothing for a name; the message is the sentence for the user."""


def value_of(module: str, name: str) -> object:
    """What aktis has for the name of an object in a module of Ray.

    Raises:
        NotThereError: it has nothing, or Ray has no such name either.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    dotted = f"{module}.{name}"
    if dotted in _CONSTANTS:
        return _CONSTANTS[dotted]
    if dotted in REFUSED_WHEN_CALLED:
        return partial(_refuse, dotted)
    place = ELSEWHERE.get(dotted)
    if place is None and name not in PUBLIC.get(module, ()):
        raise NotThereError(why_not(dotted))
    home, _, attribute = (place or counterpart(dotted)).rpartition(".")
    absent = object()
    try:
        found: object = getattr(importlib.import_module(home), attribute, absent)
    except ModuleNotFoundError as error:
        if _is_foreign(error):
            raise
        found = absent
    if found is absent:
        raise NotThereError(why_not(dotted))
    return found


@lru_cache(maxsize=MODULES_MAX)
def has_module(module: str) -> bool:
    """Whether aktis has anything that Ray has in this module, or below it."""
    prefix = f"{module}."
    if any(name.startswith(prefix) for name in (*ELSEWHERE, *REFUSED_WHEN_CALLED)):
        return True
    return module in PUBLIC and has_counterpart(module)


def has_counterpart(module: str) -> bool:
    """Whether aktis has a module at the place of this one."""
    try:
        return importlib.util.find_spec(counterpart(module)) is not None
    except ModuleNotFoundError:
        return False


def is_public(dotted: str) -> bool:
    """Whether Ray has a public object or module of this name.

    What is in a library that is missing as a whole is not listed, and taken to be public.
    """
    module, _, name = dotted.rpartition(".")
    if dotted in PUBLIC or name in PUBLIC.get(module, ()):
        return True
    return PUBLIC.get(module) == () and not name.startswith("_")


def counterpart(dotted: str) -> str:
    """The name here of what has the same place in Ray."""
    return f"aktis{dotted.removeprefix(ROOT)}"


def why_not(dotted: str) -> str:
    """What the user reads of a name that does not resolve."""
    if not is_public(dotted):
        module, _, name = dotted.rpartition(".")
        return f"module {module!r} has no attribute {name!r}"
    return f"{dotted} is not in aktis yet; {_nearest(dotted)}"


def _refuse(dotted: str, *_args: object, **_kwargs: object) -> NoReturn:
    raise NotImplementedError(why_not(dotted))


def _nearest(dotted: str) -> str:
    known = [name for name in NEAREST if dotted.startswith(name)]
    if not known:
        return "print(aktis.as_ray.report()) lists what is"
    return NEAREST[max(known, key=len)]


def _is_foreign(error: ModuleNotFoundError) -> bool:
    """Whether a package is missing that the user would have to install."""
    return error.name is not None and error.name.partition(".")[0] != "aktis"
