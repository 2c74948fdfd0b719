"""How many calls an executor sends, by what is under way.

Owns the rule for room. Speeds are measured by the clock, so the limit is set by hand here.
"""

from __future__ import annotations

import pytest

from aktis.util.pace import Pace


@pytest.fixture
def pace() -> Pace:
    """Four at once, and ten ahead."""
    made = Pace(4, may_run_ahead=True)
    made.limit = 10
    return made


@pytest.mark.parametrize(("sent", "room"), [(1, 9), (5, 5), (6, 0), (10, 0)])
def test_calls_are_sent_in_bursts_of_half_the_limit(pace: Pace, sent: int, room: int) -> None:
    assert pace.room(sent) == room


@pytest.mark.parametrize(("sent", "room"), [(0, 5), (2, 3), (3, 1), (4, 0)])
def test_no_worker_is_left_idle_for_the_sake_of_a_burst(pace: Pace, sent: int, room: int) -> None:
    pace.limit = 5

    assert pace.room(sent) == room


def test_what_may_not_run_ahead_stays_at_its_limit() -> None:
    pace = Pace(2, may_run_ahead=False)

    for _ in range(10_000):
        pace.count_one()

    assert pace.limit == 2
    assert [pace.room(sent) for sent in range(3)] == [2, 1, 0]


def test_many_short_calls_raise_the_limit() -> None:
    pace = Pace(1, may_run_ahead=True)

    while pace.limit == 1:
        pace.count_one()

    assert pace.limit > 1
