"""Checks at the call, on the caller's side, that arguments fit the function.

Owns which numbers and names of arguments a function takes, and whether it yields or waits. Does not
look at their values, and does not call anything.

A signature is plain data, so that it travels inside handles of actors. Only the count and the names
of arguments matter, so a call of a form that was found right before costs one look into a set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# Forms of calls remembered for one function; a program has few, and others are checked each time.
FORMS_MAX = 64
_ANY_NUMBER = 1 << 30
# What a callable has that takes something else than its code.
_TELLS_MORE = ("__self__", "__signature__", "__wrapped__")
# Flags of code objects, which `inspect` names too, but takes ten milliseconds to import.
_TAKES_REST = 0x04
_TAKES_NAMED_REST = 0x08
_IS_GENERATOR = 0x20
_IS_COROUTINE = 0x80
_IS_ASYNC_GENERATOR = 0x200


class Parameters(NamedTuple):
    """What a function takes, without `self`."""

    positional: tuple[str, ...]
    positional_only_count: int
    required_count: int
    keyword_only: frozenset[str]
    keyword_required: tuple[str, ...]
    takes_rest: bool
    takes_named_rest: bool


ANYTHING = Parameters((), 0, 0, frozenset(), (), takes_rest=True, takes_named_rest=True)
NOTHING = Parameters((), 0, 0, frozenset(), (), takes_rest=False, takes_named_rest=False)


class Signature:
    """Says whether a call fits, and raises the `TypeError` that calling the function would.

    Attributes:
        count_min: How many positional arguments suffice if nothing is named.
        count_max: How many positional arguments are taken.
    """

    __slots__ = ("_forms", "count_max", "count_min", "name", "parameters")

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name = name
        self.parameters = parameters
        self.count_max = _ANY_NUMBER if parameters.takes_rest else len(parameters.positional)
        # More than can be given, if something must be named: such calls take the slow path.
        self.count_min = parameters.required_count
        if parameters.keyword_required:
            self.count_min = _ANY_NUMBER + 1
        self._forms: set[tuple[Any, ...]] = set()

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raises `TypeError` unless the function can be called so."""
        form = (len(args), *kwargs)
        if form in self._forms:
            return
        problem = _problem(self.parameters, len(args), kwargs.keys())
        if problem:
            message = f"{self.name}() {problem}"
            raise TypeError(message)
        if len(self._forms) < FORMS_MAX:
            self._forms.add(form)

    def __reduce__(self) -> tuple[type[Signature], tuple[str, Parameters]]:
        return Signature, (self.name, self.parameters)


def signature_of(function: Callable[..., Any], *, name: str, skip_first: bool = False) -> Signature:
    """Reads what a function takes; a callable that does not tell takes anything.

    Args:
        function: The function as it will be called.
        name: What errors call it.
        skip_first: Whether its first parameter is `self` and given by others.
    """
    parameters = _from_code(function) or _from_inspection(function)
    if skip_first and parameters.positional:
        parameters = parameters._replace(
            positional=parameters.positional[1:],
            positional_only_count=max(parameters.positional_only_count - 1, 0),
            required_count=max(parameters.required_count - 1, 0),
        )
    return Signature(name, parameters)


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether a call yields rather than returns."""
    return bool(_flags(function) & (_IS_GENERATOR | _IS_ASYNC_GENERATOR))


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a call needs an event loop."""
    return bool(_flags(function) & (_IS_COROUTINE | _IS_ASYNC_GENERATOR))


def _flags(function: Any) -> int:
    """The flags of the code behind a function, a method or a partial of one."""
    function = getattr(function, "__func__", function)
    while hasattr(function, "func"):
        function = function.func
    return int(getattr(getattr(function, "__code__", None), "co_flags", 0))


def _from_code(function: Callable[..., Any]) -> Parameters | None:
    """What a plain Python function takes, read from its code, without importing `inspect`."""
    code = getattr(function, "__code__", None)
    if code is None or any(hasattr(function, name) for name in _TELLS_MORE):
        return None
    names = code.co_varnames
    count = code.co_argcount
    keyword_only = names[count : count + code.co_kwonlyargcount]
    defaults: dict[str, Any] = getattr(function, "__kwdefaults__", None) or {}
    return Parameters(
        positional=names[:count],
        positional_only_count=code.co_posonlyargcount,
        required_count=count - len(getattr(function, "__defaults__", None) or ()),
        keyword_only=frozenset(keyword_only),
        keyword_required=tuple(name for name in keyword_only if name not in defaults),
        takes_rest=bool(code.co_flags & _TAKES_REST),
        takes_named_rest=bool(code.co_flags & _TAKES_NAMED_REST),
    )


def _from_inspection(function: Callable[..., Any]) -> Parameters:
    """What any callable takes, as `inspect` sees it."""
    import inspect

    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ANYTHING
    by_place = [
        one for one in found if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
    ]
    by_name = [one for one in found if one.kind is one.KEYWORD_ONLY]
    kinds = {one.kind for one in found}
    return Parameters(
        positional=tuple(one.name for one in by_place),
        positional_only_count=sum(one.kind is one.POSITIONAL_ONLY for one in by_place),
        required_count=sum(one.default is one.empty for one in by_place),
        keyword_only=frozenset(one.name for one in by_name),
        keyword_required=tuple(one.name for one in by_name if one.default is one.empty),
        takes_rest=inspect.Parameter.VAR_POSITIONAL in kinds,
        takes_named_rest=inspect.Parameter.VAR_KEYWORD in kinds,
    )


def _problem(parameters: Parameters, count: int, named: Any) -> str:
    """What is wrong with a call of this form; nothing if it fits."""
    positional = parameters.positional
    if count > len(positional) and not parameters.takes_rest:
        return f"takes {len(positional)} positional arguments but {count} were given"
    by_name = positional[parameters.positional_only_count :]
    for name in named:
        if name in by_name:
            if positional.index(name) < count:
                return f"got multiple values for argument '{name}'"
        elif name not in parameters.keyword_only and not parameters.takes_named_rest:
            return f"got an unexpected keyword argument '{name}'"
    nameable = set(by_name)
    missing = [
        name
        for name in positional[count : parameters.required_count]
        if name not in named or name not in nameable
    ]
    missing += [name for name in parameters.keyword_required if name not in named]
    if missing:
        return f"missing a required argument: {', '.join(map(repr, missing))}"
    return ""
