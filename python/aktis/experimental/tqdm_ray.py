"""Progress bars in the driver's terminal, for whatever process of the job makes progress.

Owns the public class and how often it is heard of. Does not own where and how bars are drawn
(`aktis._kernel.bars`).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from aktis._kernel import bars, session, worker_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

Item = TypeVar("Item")

# As often as tqdm itself looks; more would only be lines.
FLUSH_INTERVAL_S = 0.1


def safe_print(*values: Any, **options: Any) -> None:
    """Prints as `print` does, and does not tear the bars of the terminal."""
    is_torn = options.get("file") in {None, sys.stdout, sys.stderr}
    with bars.aside() if is_torn else nullcontext():
        print(*values, **options)  # noqa: T201 - it is what the caller asked for


class tqdm(Generic[Item]):  # noqa: N801 - Ray's name
    """A bar, drawn by the real tqdm in the driver's terminal if lines of workers appear there.

    Args:
        iterable: What to go through; None where `update` is called instead.
        desc: What precedes the bar.
        total: How far it goes; None is the length of `iterable`, or unknown.
        unit: What is counted.
        position: Its row among the bars of this process.
        flush_interval_s: How often it is drawn at most, in seconds.

    Raises:
        ImportError: tqdm is not installed.
    """

    def __init__(  # noqa: PLR0917 - Ray's signature
        self,
        iterable: Iterable[Item] | None = None,
        desc: str | None = None,
        total: float | None = None,
        unit: str | None = None,
        position: int | None = None,
        flush_interval_s: float | None = None,
    ) -> None:
        self._closed = True
        if not bars.is_available():
            raise ImportError(bars.MISSING)
        if total is None and hasattr(iterable, "__len__"):
            total = len(iterable)  # type: ignore[arg-type]
        self.total = total
        self.n: float = 0
        self._iterable = iterable
        self._description = desc or ""
        self._unit = unit or "it"
        self._position = position or 0
        self._interval_s = FLUSH_INTERVAL_S if flush_interval_s is None else flush_interval_s
        self._key = os.urandom(8).hex()
        self._told_s = 0.0
        self._closed = False
        self.refresh()

    def update(self, n: float = 1) -> None:
        """Goes on by so much."""
        self.n += n
        self.refresh()

    def set_description(self, desc: str | None = None) -> None:
        """Changes what precedes the bar."""
        self._description = desc or ""
        self.refresh()

    def refresh(self) -> None:
        """Has the bar drawn as it is now, unless that was done a moment ago."""
        now_s = time.monotonic()
        if not self._closed and now_s - self._told_s >= self._interval_s:
            self._told_s = now_s
            self._tell()

    def close(self) -> None:
        """Draws the bar as it is for the last time. Harmless if repeated."""
        if not self._closed:
            self._closed = True
            self._tell()

    def __iter__(self) -> Iterator[Item]:
        if self._iterable is None:
            message = "this bar has nothing to go through; give it an iterable, or call update()"
            raise ValueError(message)
        try:
            for item in self._iterable:
                yield item
                self.update()
        finally:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.close()

    def _tell(self) -> None:
        state = bars.BarState(
            key=self._key,
            host=os.uname().nodename,
            pid=os.getpid(),
            position=self._position,
            description=self._description,
            unit=self._unit,
            total=self.total,
            done=self.n,
            closed=self._closed,
        )
        here = session.current()
        if here is None or here.is_driver:
            bars.shown.take(state)
        else:
            worker_output.write_line(here.engine, state.line())
