"""The plugin for mypy: `.remote`, `.options` and `.bind` of classes decorated with `@aktis.remote`.

Owns the hook. Does not own the types it gives (`aktis._typing`). Exists because mypy ignores what
a decorator of a class returns; nothing here is imported while a program runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy.nodes import TypeInfo
from mypy.plugin import ClassDefContext, Plugin
from mypy.types import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

DECORATOR = "aktis.decorator.remote"
# Attributes of a class are looked up in its metaclass last, so those of the class itself win.
METACLASS = "aktis._typing.DecoratedClass"


class AktisPlugin(Plugin):
    """Gives classes decorated with `@aktis.remote` what an actor class has."""

    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        """The hook for the decorator, bare or with options."""
        return _decorated if fullname == DECORATOR else None


def plugin(_version: str) -> type[Plugin]:
    """What mypy asks for."""
    return AktisPlugin


def _decorated(context: ClassDefContext) -> bool:
    """Returns whether the types that the class needs are known already."""
    found = context.api.lookup_fully_qualified_or_none(METACLASS)
    if found is None or not isinstance(found.node, TypeInfo):
        return False
    context.cls.info.metaclass_type = Instance(found.node, [])
    return True
