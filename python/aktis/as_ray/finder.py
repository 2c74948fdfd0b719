"""Answers `import ray...` with modules whose names are those of aktis.

Owns the modules named `ray`, which hold nothing of their own, and their place in the import system.
Does not own what their names mean (`aktis.as_ray.lookup`).

The modules are plain ones with a `__getattr__`, which keeps what it found: the second use of a name
costs what it costs in any module.
"""

from __future__ import annotations

import importlib
import sys
from functools import partial
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, cast

from aktis.as_ray import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.abc import Loader
    from importlib.metadata import Distribution, DistributionFinder
    from types import ModuleType


class RayFinder:
    """Finds `ray` and all below it; nothing else of that name is ever loaded.

    It is a finder by what it does: the class for finders costs each worker twenty milliseconds.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's signature
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's signature
    ) -> ModuleSpec | None:
        """How to load a module of Ray; None for all others.

        Raises:
            ModuleNotFoundError: there is no such module here.
        """
        if fullname.partition(".")[0] != lookup.ROOT:
            return None
        if lookup.has_module(fullname):
            # All are packages to the import system, so that it asks here for each missing name.
            return ModuleSpec(fullname, _LOADER, origin="aktis.as_ray", is_package=True)
        if lookup.is_public(fullname):
            # Without the name, or `from ray import tune` would drop the sentence for its own.
            raise ModuleNotFoundError(lookup.why_not(fullname))
        message = f"No module named {fullname!r}"
        raise ModuleNotFoundError(message, name=fullname)

    def find_distributions(self, context: DistributionFinder.Context) -> Iterator[Distribution]:
        """Tells who asks for installed packages that Ray is one."""
        from aktis.as_ray.distribution import RayDistribution

        if context.name is None or context.name.lower() == lookup.ROOT:
            yield RayDistribution()


class _Loader:
    """Fills a module of Ray."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves it to the import system to make a plain module."""

    def exec_module(self, module: ModuleType) -> None:
        """Has the module look its names up when they are used."""
        vars(module).update(
            __doc__=f"{module.__name__}: the names are Ray's, the objects are those of aktis.",
            __getattr__=partial(_attribute, module),
            __dir__=partial(_names, module),
        )
        _bind_over_modules(module)


_LOADER = cast("Loader", _Loader())


def check() -> None:
    """Raises `ImportError` if Ray itself was imported before."""
    if lookup.ROOT not in sys.modules or _is_installed():
        return
    where = getattr(sys.modules[lookup.ROOT], "__file__", None) or "an unknown place"
    message = (
        f"ray was imported before aktis.as_ray, from {where}; import aktis.as_ray first, or run "
        f"the program with python -m aktis.as_ray"
    )
    raise ImportError(message)


def install() -> None:
    """From now on `import ray` is answered here. Harmless if it is already."""
    if not _is_installed():
        sys.meta_path.insert(0, RayFinder())


def public_names_of(module: str) -> list[str]:
    """The names in a module of Ray that aktis has."""
    return [name for name in lookup.PUBLIC.get(module, ()) if _has(module, name)]


def _is_installed() -> bool:
    return any(isinstance(finder, RayFinder) for finder in sys.meta_path)


def _attribute(module: ModuleType, name: str) -> object:
    value: object
    if name == "__all__":
        value = public_names_of(module.__name__)
    elif lookup.has_module(dotted := f"{module.__name__}.{name}"):
        return importlib.import_module(dotted)
    else:
        try:
            value = lookup.value_of(module.__name__, name)
        except lookup.NotThereError as absent:
            raise AttributeError(str(absent), name=name, obj=module) from None
    vars(module)[name] = value
    return value


def _names(module: ModuleType) -> list[str]:
    return sorted({*vars(module), *public_names_of(module.__name__)})


def _has(module: str, name: str) -> bool:
    try:
        lookup.value_of(module, name)
    except lookup.NotThereError:
        return False
    except ModuleNotFoundError:
        # It is there for whoever installs the package that it needs.
        return True
    return True


def _bind_over_modules(module: ModuleType) -> None:
    """Binds what has the name of a module below, such as `ray.util.placement_group`.

    To import a module sets its name in its package, so it comes first.
    """
    for name in lookup.PUBLIC.get(module.__name__, ()):
        below = f"{module.__name__}.{name}"
        if below in lookup.PUBLIC and lookup.has_module(below) and _has(module.__name__, name):
            importlib.import_module(below)
            setattr(module, name, lookup.value_of(module.__name__, name))
