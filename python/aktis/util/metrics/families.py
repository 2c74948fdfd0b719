"""Metrics as Prometheus reads them.

Owns the names and labels that it sees, which are those of Ray. Does not own the text format
(`prometheus_client`, needed here from the start).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from prometheus_client import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aktis.util.metrics.values import Value

PREFIX = "ray_"
TOTAL = "_total"

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Single = TypeVar("Single", CounterMetricFamily, GaugeMetricFamily)


def text(found: Iterable[Value], common: Mapping[str, str]) -> bytes:
    """Returns the values in Prometheus' text format, each with the common labels."""
    return generate_latest(_Families(found, common))


class _Families(Collector):
    """Values by kind and name, each group with the labels that any of its values has."""

    def __init__(self, found: Iterable[Value], common: Mapping[str, str]) -> None:
        self._groups: dict[tuple[str, str], list[Value]] = {}
        self._common = common
        for value in found:
            self._groups.setdefault((value.kind, value.name), []).append(value)

    def collect(self) -> Iterable[Family]:
        """The families, one for each group; two for counters."""
        for (kind, name), values in self._groups.items():
            labels = [{**self._common, **_labels(value)} for value in values]
            keys = sorted({key for some in labels for key in some})
            # What has no label of a key has an empty one, which is the same to Prometheus.
            rows = [[some.get(key, "") for key in keys] for some in labels]
            about = (f"{PREFIX}{name}", values[0].description)
            match kind:
                case "counter":
                    yield _filled(CounterMetricFamily(*about, labels=keys), rows, values)
                    if not name.endswith(TOTAL):
                        # Under its bare name too, where the users of old dashboards look.
                        yield _filled(GaugeMetricFamily(*about, labels=keys), rows, values)
                case "gauge":
                    yield _filled(GaugeMetricFamily(*about, labels=keys), rows, values)
                case _:
                    yield _histogram(about, keys, rows, values)


def _labels(value: Value) -> dict[str, str]:
    own = {"JobId": value.job_id, **value.tags}
    return own | {"WorkerId": value.worker_id} if value.worker_id else own


def _filled(family: Single, rows: list[list[str]], values: list[Value]) -> Single:
    for row, value in zip(rows, values, strict=True):
        family.add_metric(row, value.value)
    return family


def _histogram(
    about: tuple[str, str], keys: list[str], rows: list[list[str]], values: list[Value]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(*about, labels=keys)
    for row, value in zip(rows, values, strict=True):
        buckets = [(_bound(end), count) for end, count in value.buckets]
        family.add_metric(row, buckets, sum_value=value.value)
    return family


def _bound(end: float) -> str:
    return "+Inf" if math.isinf(end) else str(float(end))
