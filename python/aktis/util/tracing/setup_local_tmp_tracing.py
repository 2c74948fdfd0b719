"""A hook that writes the spans of each process to a file of this machine.

`aktis.init(_tracing_startup_hook="aktis.util.tracing.setup_local_tmp_tracing:setup_tracing")`
"""

from __future__ import annotations

import os

from aktis.cluster import session_dir

__all__ = ["setup_tracing"]

# A name that is passed over where directories of sessions are looked for.
DIRECTORY = ".spans"
PRIVATE = 0o700


def setup_tracing() -> None:
    """Has this process write each span, as soon as it ends, as one line of JSON.

    The file is `<tmp>/aktis-<uid>/.spans/<pid>.json`, which only its user can read.

    Raises:
        PermissionError: somebody else could enter the directory.
    """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

    spans = session_dir.root() / DIRECTORY
    spans.mkdir(mode=PRIVATE, exist_ok=True)
    # Open as long as the process lives: any of its threads may end a span.
    file = (spans / f"{os.getpid()}.json").open("a", encoding="utf-8")
    exporter = ConsoleSpanExporter(
        out=file, formatter=lambda span: span.to_json(indent=None) + "\n"
    )
    provider = TracerProvider()
    # One by one, since a process of a cluster may be ended at any time.
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
