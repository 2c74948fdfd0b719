"""The three kinds of metric.

Owns what may be counted and under which tags, checked at the call. Does not own where the values
lie (`aktis.measures.book`): metrics of one name are one, wherever they are made.
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from aktis.measures import book, reading
from aktis.measures.book import Series, changing
from aktis.util.debug import log_once
from aktis.util.metrics import page

if TYPE_CHECKING:
    from collections.abc import Sequence

# Made once: a union of types costs more than what is done with the number.
NUMBER = (int, float)
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class Metric:
    """What the three kinds have in common.

    A metric can be sent to any process. Nothing is kept outside of a session.

    Args:
        name: Its name; letters, digits, _ and : only, or nothing is kept of it.
        description: What it measures, for people.
        tag_keys: Tags that each value has.

    Raises:
        ValueError: The name or a tag key is empty.
        TypeError: An argument is of the wrong type.
    """

    kind: ClassVar[str]

    def __init__(
        self, name: str, description: str = "", tag_keys: tuple[str, ...] | None = None
    ) -> None:
        self._name = name
        self._description = description
        self._tag_keys = tag_keys or ()
        self._default_tags: dict[str, str] = {}
        self._boundaries: tuple[float, ...] = ()
        self._check()
        self._is_kept = _is_valid(name)
        self._identity = "\0".join((self.kind, name, *self._tag_keys))
        # Numbers by the tags that were given, in the book of which they are.
        self._known: dict[object, memoryview[float]] = {}
        self._book: book.Book | None = None

    @property
    def info(self) -> dict[str, Any]:
        """The name, description, tag keys and default tags."""
        return {
            "name": self._name,
            "description": self._description,
            "tag_keys": self._tag_keys,
            "default_tags": self._default_tags,
        }

    def set_default_tags(self, default_tags: Mapping[str, str]) -> Self:
        """Sets the tags of values that do not say otherwise, in place of former ones.

        Returns:
            The metric itself.

        Raises:
            ValueError: A key is not among the metric's.
            TypeError: A value is no string.
        """
        self._check_values(default_tags)
        for key in default_tags:
            if key not in self._tag_keys:
                raise ValueError(self._no_tag(key))
        with changing:
            self._default_tags = dict(default_tags)
            self._known.clear()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._arguments(), self._default_tags)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"

    def _arguments(self) -> dict[str, Any]:
        """What makes the same metric elsewhere."""
        return {
            "name": self._name,
            "description": self._description,
            "tag_keys": self._tag_keys,
        }

    def _numbers(self, tags: Mapping[str, str] | None) -> memoryview[float] | None:
        """The numbers of the series with these tags, if any are kept; the caller has the lock."""
        here = book.current()
        if here is not self._book:
            self._book = here
            self._known.clear()
        try:
            return self._known[tuple(tags.items()) if tags else ()]
        except (KeyError, TypeError, AttributeError):
            # Unknown so far, or nothing that could be known.
            return self._find(here, tags or {})

    def _find(self, here: book.Book | None, tags: Mapping[str, str]) -> memoryview[float] | None:
        """The same at the first time, when the tags are checked."""
        self._check_values(tags)
        given = {**self._default_tags, **tags}
        missing = [key for key in self._tag_keys if key not in given]
        if missing:
            message = (
                f"{self!r} has no value for the tag {missing[0]!r}: give it with tags={{...}}, or "
                f"once with set_default_tags"
            )
            raise ValueError(message)
        unknown = [key for key in tags if key not in self._tag_keys]
        if unknown:
            _warn(f"{self._no_tag(unknown[0])}; it is left out")
        if here is None or not self._is_kept:
            return None
        told = {key: given[key] for key in self._tag_keys}
        key = (self._identity, *told.values())
        found = here.series.get(key) or self._begin(here, key, told)
        if found is not None and not unknown:
            self._known[tuple(tags.items())] = found
        return found

    def _begin(
        self, here: book.Book, key: tuple[str, ...], tags: dict[str, str]
    ) -> memoryview[float] | None:
        """The numbers of a series that this process has not yet."""
        is_first = not here.series
        series = Series(self.kind, self._name, self._description, tags, self._boundaries)
        try:
            found = here.add(key, series)
        except (OSError, book.FullError) as problem:
            if log_once(f"metrics of {here.job} are full"):
                import logging

                message = (
                    "not all metrics of this process are kept: there is no room for the tags %s of "
                    "%s; give tags fewer values (%r)"
                )
                logging.getLogger("aktis").warning(message, tags, self._name, problem)
            return None
        if is_first:
            reading.tidy(here.directory)
            page.show(here.directory)
        return found

    def _check(self) -> None:
        if not isinstance(self._name, str):
            message = f"the name of a metric must be a string, not {self._name!r}"
            raise TypeError(message)
        if not self._name:
            message = "the name of a metric must not be empty; give it one"
            raise ValueError(message)
        if not isinstance(self._tag_keys, tuple):
            message = f"tag_keys of {self!r} must be a tuple of strings, not {self._tag_keys!r}"
            raise TypeError(message)
        for key in self._tag_keys:
            if not isinstance(key, str):
                message = f"tag_keys of {self!r} must be strings, but one is {key!r}"
                raise TypeError(message)
            if not key:
                message = f"tag_keys of {self!r} must not be empty; give each a name"
                raise ValueError(message)

    def _check_values(self, tags: Mapping[str, str]) -> None:
        if not isinstance(tags, Mapping):
            message = f"the tags of {self!r} must be a dict of strings, not {tags!r}"
            raise TypeError(message)
        for key, text in tags.items():
            if not isinstance(text, str):
                message = f"the tag {key!r} of {self!r} must be a string, not {text!r}"
                raise TypeError(message)

    def _no_tag(self, key: str) -> str:
        known = ", ".join(self._tag_keys) or "none"
        return f"{self!r} has no tag {key!r}: name it in tag_keys, which are {known}"

    def _refuse(self, value: object) -> NoReturn:
        message = f"the value for {self!r} must be a number, int or float, not {value!r}"
        raise TypeError(message)


class Counter(Metric):
    """A sum that only grows, over all processes of a job.

    Args:
        name: As of any metric; Prometheus sees `ray_<name>_total`.
        description: What it counts.
        tag_keys: Tags that each value has.
    """

    kind = "counter"

    def inc(self, value: float = 1.0, tags: Mapping[str, str] | None = None) -> None:
        """Adds a value.

        Raises:
            ValueError: The value is not above zero, or a tag is missing.
            TypeError: The value is no number, or a tag no string.
        """
        if not isinstance(value, NUMBER):
            self._refuse(value)
        if value <= 0:
            message = f"{self!r} only grows: the value must be above 0, not {value}; see Gauge"
            raise ValueError(message)
        with changing:
            numbers = self._numbers(tags)
            if numbers is not None:
                numbers[0] += value


class Gauge(Metric):
    """A value that is now; each process has its own."""

    kind = "gauge"

    def set(self, value: float | None, tags: Mapping[str, str] | None = None) -> None:
        """Replaces the value; None leaves it.

        Raises:
            ValueError: A tag is missing.
            TypeError: The value is no number, or a tag no string.
        """
        if value is None:
            return
        if not isinstance(value, NUMBER):
            self._refuse(value)
        with changing:
            numbers = self._numbers(tags)
            if numbers is not None:
                numbers[0] = value
                numbers[1] = time.monotonic()


class Histogram(Metric):
    """How many values fell between which boundaries, over all processes of a job.

    Args:
        name: As of any metric.
        description: What it measures.
        boundaries: Upper ends of the buckets, above zero and growing; what is larger than the last
            is counted too.
        tag_keys: Tags that each value has.

    Raises:
        ValueError: There are no boundaries, or they are not above zero, or do not grow.
        TypeError: A boundary is no number.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        description: str = "",
        boundaries: Sequence[float] | None = None,
        tag_keys: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(name, description, tag_keys)
        self.boundaries = _checked_boundaries(name, boundaries)
        self._boundaries = tuple(self.boundaries)
        self._identity = "\0".join((self._identity, *map(str, self.boundaries)))

    @property
    def info(self) -> dict[str, Any]:
        """The same as of other metrics, and the boundaries."""
        return {**super().info, "boundaries": self.boundaries}

    def observe(self, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Counts a value in its bucket.

        Raises:
            ValueError: A tag is missing.
            TypeError: The value is no number, or a tag no string.
        """
        if not isinstance(value, NUMBER):
            self._refuse(value)
        with changing:
            numbers = self._numbers(tags)
            if numbers is not None:
                numbers[0] += value
                numbers[1 + bisect_left(self._boundaries, value)] += 1

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "boundaries": self.boundaries}


def _checked_boundaries(name: str, given: Sequence[float] | None) -> list[float]:
    boundaries = [] if given is None else list(given)
    if not boundaries:
        message = f"Histogram({name!r}) needs boundaries, such as boundaries=[0.1, 1, 10]"
        raise ValueError(message)
    if not all(isinstance(boundary, NUMBER) for boundary in boundaries):
        message = f"the boundaries of Histogram({name!r}) must be numbers, not {boundaries}"
        raise TypeError(message)
    if any(boundary <= 0 for boundary in boundaries):
        message = f"the boundaries of Histogram({name!r}) must be above 0, not {boundaries}"
        raise ValueError(message)
    if any(one >= other for one, other in pairwise(boundaries)):
        message = f"the boundaries of Histogram({name!r}) must grow, not {boundaries}"
        raise ValueError(message)
    return boundaries


def _is_valid(name: str) -> bool:
    if NAME.fullmatch(name):
        return True
    _warn(
        f"nothing is kept of the metric {name!r}: its name may have letters, digits, _ and : only, "
        f"and begin with no digit"
    )
    return False


def _warn(message: str) -> None:
    """Warns of the line that called into this file."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - warnings has no other way before 3.12
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def _restored(
    kind: type[Metric], arguments: dict[str, Any], default_tags: dict[str, str]
) -> Metric:
    return kind(**arguments).set_default_tags(default_tags)
