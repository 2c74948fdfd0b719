"""Counters, gauges and histograms, wherever they are counted.

Owns `aktis.util.metrics` but for its page (`test_metrics_page`). Each test has names of its own:
the values of a session stay.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import aktis
from aktis.exceptions import WorkerCrashedError
from aktis.util.metrics import Counter, Gauge, Histogram, Metric, Value, read
from tests.conformance.drivers import Driver

pytestmark = pytest.mark.usefixtures("session")

KINDS: dict[str, Callable[..., Any]] = {
    "counter": Counter,
    "gauge": Gauge,
    "histogram": partial(Histogram, boundaries=[1.0]),
}
RECORD = {"counter": "inc", "gauge": "set", "histogram": "observe"}


def values(name: str) -> list[Value]:
    """The series of one metric."""
    return [value for value in read() if value.name == name]


def count(name: str, **tags: str) -> float:
    """The value of its only series, or of that with these tags."""
    (found,) = [value.value for value in values(name) if value.tags == tags]
    return found


@aktis.remote(max_retries=0)
def count_in_task(name: str, amount: float, *, end: bool = False) -> None:
    Counter(name).inc(amount)
    if end:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_counter_adds_what_it_is_given_and_one_unless_told() -> None:
    counter = Counter("plain")

    counter.inc()
    counter.inc(2)
    counter.inc(value=0.5)

    assert count("plain") == 3.5


def test_driver_tasks_and_actors_count_together() -> None:
    @aktis.remote
    class Cell:
        def count(self) -> None:
            Counter("together").inc(100)

    Counter("together").inc()
    aktis.get([count_in_task.remote("together", 10) for _ in range(4)])
    aktis.get(Cell.remote().count.remote())

    assert count("together") == 141


def test_metrics_of_one_name_are_one_wherever_they_are_made() -> None:
    Counter("made_often", tag_keys=("kind",)).inc(1, {"kind": "a"})
    Counter("made_often", tag_keys=("kind",)).inc(2, {"kind": "a"})
    Counter("made_often", "said later", tag_keys=("kind",)).inc(4, {"kind": "b"})

    assert count("made_often", kind="a") == 3
    assert count("made_often", kind="b") == 4


def test_a_process_that_is_killed_loses_nothing() -> None:
    with pytest.raises(WorkerCrashedError):
        aktis.get(count_in_task.remote("killed", 7, end=True))

    assert count("killed") == 7


def test_a_process_that_ends_by_itself_loses_nothing() -> None:
    @aktis.remote(max_calls=1)
    def once() -> None:
        Counter("ended").inc()

    aktis.get([once.remote() for _ in range(5)])

    assert count("ended") == 5


def test_threads_of_a_process_lose_nothing_to_each_other() -> None:
    @aktis.remote(max_concurrency=4)
    class Cell:
        def __init__(self) -> None:
            self.counter = Counter("threads")

        def count(self) -> None:
            for _ in range(2_000):
                self.counter.inc()

    cell = Cell.remote()
    aktis.get([cell.count.remote() for _ in range(8)])

    assert count("threads") == 16_000


def test_a_process_that_a_program_forks_counts_on(drive: Callable[..., Driver]) -> None:
    driver = drive(
        """
        import os
        import aktis
        from aktis.util.metrics import Counter, read

        aktis.init(num_cpus=1)
        counter = Counter("forked")
        counter.inc()
        children = []
        for _ in range(4):
            child = os.fork()
            if not child:
                for _ in range(2_000):
                    counter.inc()
                os._exit(0)
            children.append(child)
        for _ in range(2_000):
            counter.inc()
        for child in children:
            os.waitpid(child, 0)
        print([value.value for value in read()])
        """
    )

    assert driver.printed == "[10001.0]\n"


def test_an_async_actor_counts_too() -> None:
    @aktis.remote
    class Cell:
        async def count(self) -> None:
            Counter("asynchronous").inc()

    cell = Cell.remote()
    aktis.get([cell.count.remote() for _ in range(3)])

    assert count("asynchronous") == 3


def test_a_metric_can_be_sent_with_its_default_tags() -> None:
    counter = Counter("sent", tag_keys=("kind",)).set_default_tags({"kind": "a"})

    @aktis.remote
    def use(given: Counter) -> None:
        given.inc()
        counter.inc()

    aktis.get(use.remote(counter))

    assert count("sent", kind="a") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_is_the_same_after_pickling(kind: str) -> None:
    metric = KINDS[kind]("pickled", "What it is.", tag_keys=("a", "b"))
    metric.set_default_tags({"b": "2"})

    restored = pickle.loads(pickle.dumps(metric))

    assert type(restored) is type(metric)
    assert restored.info == metric.info


def test_a_gauge_is_its_last_value() -> None:
    gauge = Gauge("last")

    for value in (5, -2.5):
        gauge.set(value)
    gauge.set(None)

    assert count("last") == -2.5


def test_each_process_has_its_own_gauge() -> None:
    @aktis.remote
    class Cell:
        def set(self, value: float) -> str:
            Gauge("own").set(value)
            return aktis.get_runtime_context().get_worker_id()

    cells = [Cell.remote() for _ in range(2)]
    workers = aktis.get([cell.set.remote(value) for value, cell in enumerate(cells)])

    assert {value.worker_id: value.value for value in values("own")} == {
        workers[0]: 0.0,
        workers[1]: 1.0,
    }


def test_a_histogram_counts_what_is_at_most_its_boundaries() -> None:
    histogram = Histogram("sizes", boundaries=[1, 10], tag_keys=("kind",))

    for value in (0.5, 1, 7, 11, 12):
        histogram.observe(value, {"kind": "a"})

    (found,) = values("sizes")
    assert (found.value, found.tags) == (31.5, {"kind": "a"})
    assert found.buckets == ((1, 2.0), (10, 3.0), (float("inf"), 5.0))


def test_a_value_says_what_it_is_and_for_which_job() -> None:
    Counter("described", "What it is.", ("kind",)).inc(2, {"kind": "a"})

    assert values("described") == [
        Value(
            kind="counter",
            name="described",
            description="What it is.",
            tags={"kind": "a"},
            job_id=aktis.get_runtime_context().get_job_id(),
            worker_id="",
            value=2.0,
        )
    ]


def test_tags_of_a_call_come_before_default_tags() -> None:
    counter = Counter("defaults", tag_keys=("a", "b"))

    same = counter.set_default_tags({"a": "1", "b": "2"})
    counter.inc()
    counter.inc(10, {"b": "3"})
    counter.set_default_tags({"a": "4"})
    counter.inc(100, {"b": "3"})

    assert same is counter
    assert count("defaults", a="1", b="2") == 1
    assert count("defaults", a="1", b="3") == 10
    assert count("defaults", a="4", b="3") == 100


@pytest.mark.parametrize("kind", KINDS)
def test_info_says_what_was_given(kind: str) -> None:
    metric = KINDS[kind]("told", "What it is.", tag_keys=("a",)).set_default_tags({"a": "1"})

    expected: dict[str, Any] = {
        "name": "told",
        "description": "What it is.",
        "tag_keys": ("a",),
        "default_tags": {"a": "1"},
    }
    if kind == "histogram":
        expected["boundaries"] = [1.0]
    assert metric.info == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"name": ""}, ValueError, "the name of a metric must not be empty"),
        ({"name": 3}, TypeError, "the name of a metric must be a string, not 3"),
        ({"name": "n", "tag_keys": ["a"]}, TypeError, "must be a tuple of strings, not"),
        ({"name": "n", "tag_keys": "a"}, TypeError, "must be a tuple of strings, not 'a'"),
        ({"name": "n", "tag_keys": (1,)}, TypeError, "must be strings, but one is 1"),
        ({"name": "n", "tag_keys": ("",)}, ValueError, "must not be empty; give each a name"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(
    kind: str, arguments: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        KINDS[kind](**arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("value", "tags", "refusal"),
    [
        ("1", {"a": "1"}, "TypeError: .* must be a number, int or float, not '1'"),
        (1, None, "ValueError: .* has no value for the tag 'a'"),
        (1, {}, "ValueError: .* has no value for the tag 'a'"),
        (1, {"b": "1"}, "ValueError: .* has no value for the tag 'a'"),
        (1, {"a": 1}, "TypeError: the tag 'a' of .* must be a string, not 1"),
        (1, {"a": ["1"]}, "TypeError: the tag 'a' of .* must be a string, not"),
        (1, "a", "TypeError: the tags of .* must be a dict of strings, not 'a'"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    kind: str, value: object, tags: object, refusal: str
) -> None:
    metric = KINDS[kind]("refusing", tag_keys=("a",))

    with pytest.raises((TypeError, ValueError)) as refused:
        getattr(metric, RECORD[kind])(value, tags)

    assert re.match(refusal, f"{refused.type.__name__}: {refused.value}")
    assert values("refusing") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_tag_that_is_not_named_is_warned_of_and_left_out(kind: str) -> None:
    metric = KINDS[kind](f"unnamed_{kind}", tag_keys=("a",))

    with pytest.warns(
        UserWarning, match=r"has no tag 'b': name it in tag_keys, which are a; it is"
    ) as warned:
        getattr(metric, RECORD[kind])(1, {"a": "1", "b": "2"})

    assert warned[0].filename == __file__
    assert [value.tags for value in values(f"unnamed_{kind}")] == [{"a": "1"}]


@pytest.mark.parametrize("value", [0, -1, -0.5])
def test_a_counter_does_not_fall(value: float) -> None:
    with pytest.raises(ValueError, match=f"must be above 0, not {value}; see Gauge"):
        Counter("falling").inc(value)


@pytest.mark.parametrize(
    ("boundaries", "sentence"),
    [
        (None, "needs boundaries"),
        ([], "needs boundaries"),
        ([0, 1], "must be above 0"),
        ([-1], "must be above 0"),
        ([2, 1], "must grow"),
        ([1, 1], "must grow"),
    ],
)
def test_boundaries_that_make_no_sense_are_refused(
    boundaries: list[float] | None, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Histogram("unbounded", boundaries=boundaries)


def test_boundaries_that_are_no_numbers_are_refused() -> None:
    wrong: list[Any] = [1, "2"]

    with pytest.raises(TypeError, match=r"must be numbers, not \[1, '2'\]"):
        Histogram("unbounded", boundaries=wrong)


@pytest.mark.parametrize(
    ("tags", "error", "sentence"),
    [
        ({"b": "1"}, ValueError, "has no tag 'b': name it in tag_keys, which are a"),
        ({"a": 1}, TypeError, "must be a string, not 1"),
    ],
)
def test_default_tags_that_make_no_sense_are_refused(
    tags: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        Counter("defaulted", tag_keys=("a",)).set_default_tags(tags)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_prometheus_would_not_take_is_warned_of_and_nothing_is_kept(kind: str) -> None:
    def make() -> Any:
        return KINDS[kind]("wrong-name")

    with pytest.warns(UserWarning, match="nothing is kept of the metric 'wrong-name'") as warned:
        metric = make()
    getattr(metric, RECORD[kind])(1)

    assert (warned[0].filename, warned[0].lineno) == (__file__, make.__code__.co_firstlineno + 1)
    assert values("wrong-name") == []


def test_the_kinds_are_metrics() -> None:
    assert all(issubclass(kind, Metric) for kind in (Counter, Gauge, Histogram))


def test_without_a_session_nothing_is_kept_and_nothing_begins(
    drive: Callable[..., Driver],
) -> None:
    driver = drive(
        """
        import aktis
        from aktis.util.metrics import Counter, read

        early = Counter("early")
        early.inc(5)
        print("session", aktis.is_initialized())
        try:
            read()
        except RuntimeError as error:
            print(error)
        aktis.init(num_cpus=1)
        print(read())
        early.inc(2)
        print([value.value for value in read()])
        aktis.shutdown()
        early.inc(4)
        aktis.init(num_cpus=1)
        early.inc(8)
        print([value.value for value in read()])
        """
    )

    assert driver.lines == [
        "session False",
        "read() needs a session; call aktis.init() first",
        "[]",
        "[2.0]",
        "[8.0]",
    ], driver.printed


def test_what_an_attached_driver_counted_stays_when_it_has_left(
    session: aktis.Context, drive: Callable[..., Driver]
) -> None:
    driver = drive(
        f"""
        import aktis
        from aktis.util.metrics import Counter

        aktis.init({session.address_info["address"]!r})
        Counter("visiting").inc(3)
        print(aktis.get_runtime_context().get_job_id())
        """
    )

    (found,) = values("visiting")
    assert (found.value, found.job_id) == (3.0, driver.stdout.strip())


def test_a_program_that_measures_nothing_pays_nothing(drive: Callable[..., Driver]) -> None:
    driver = drive(
        """
        import os, sys
        import aktis

        context = aktis.init(num_cpus=1)

        @aktis.remote
        def loaded():
            return [name for name in sys.modules if "measures.book" in name or "metrics" in name]

        print(aktis.get(loaded.remote()))
        print([name for name in sys.modules if "measures.book" in name or "metrics" in name])
        print(aktis.util.list_named_actors(all_namespaces=True))
        print("metrics" in os.listdir(context.address_info["session_dir"]))
        print(aktis.nodes()[0]["MetricsExportPort"])
        """
    )

    assert driver.lines == ["[]", "[]", "[]", "False", "0"], driver.printed


def test_a_process_with_too_many_series_says_so_once_and_goes_on(
    drive: Callable[..., Driver],
) -> None:
    driver = drive(
        """
        import aktis
        from aktis.util.metrics import Histogram, Counter, read

        aktis.init(num_cpus=1)
        Histogram("wide", boundaries=range(1, 1 << 17)).observe(1)
        counter = Counter("narrow")
        counter.inc()
        counter.inc()
        print([value.name for value in read()])
        """
    )

    assert driver.stdout == "['narrow']\n"
    assert driver.stderr.count("not all metrics of this process are kept") == 1


def test_no_warning_is_given_for_a_good_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Counter("good:name_1")
