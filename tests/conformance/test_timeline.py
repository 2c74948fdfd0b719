"""What `timeline` shows of the tasks that ran.

Owns the events of the timeline and their form.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_task_that_ran_is_in_the_timeline() -> None:
    @aktis.remote
    def leave_a_trace() -> None: ...

    aktis.get(leave_a_trace.remote())

    wait_for(lambda: find(aktis.timeline(), "leave_a_trace"))


def test_a_call_of_an_actor_is_in_the_timeline() -> None:
    @aktis.remote
    class Tracer:
        def leave_a_trace(self) -> None: ...

    tracer = Tracer.remote()
    aktis.get(tracer.leave_a_trace.remote())

    wait_for(lambda: find(aktis.timeline(), "Tracer.leave_a_trace"))


def test_an_event_says_when_and_where_and_for_how_long() -> None:
    @aktis.remote
    def measured() -> None: ...

    aktis.get(measured.remote())
    wait_for(lambda: find(aktis.timeline(), "measured"))
    event = find(aktis.timeline(), "measured")[0]

    assert event["ph"] == "X"
    assert event["dur"] >= 0
    assert event["ts"] > 0
    assert event["pid"] is not None
    assert event["tid"] is not None


def test_the_timeline_may_be_written_to_a_file(tmp_path: Path) -> None:
    @aktis.remote
    def written() -> None: ...

    aktis.get(written.remote())
    wait_for(lambda: find(aktis.timeline(), "written"))
    path = tmp_path / "timeline.json"
    aktis.timeline(filename=str(path))

    assert find(json.loads(path.read_text()), "written")


def find(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The complete events whose name or category holds `name`."""
    return [
        event
        for event in events
        if event.get("ph") == "X" and name in f"{event.get('cat')} {event.get('name')}"
    ]
