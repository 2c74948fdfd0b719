"""Counters, gauges and histograms that tasks, actors and drivers count together.

Owns the public names. Does not own where the values lie (`aktis.measures`), nor the page that shows
them to Prometheus (`aktis.util.metrics.page`).
"""

from __future__ import annotations

from aktis.util.metrics.metric import Counter, Gauge, Histogram, Metric
from aktis.util.metrics.values import Value, read

__all__ = ["Counter", "Gauge", "Histogram", "Metric", "Value", "read"]
