"""Programs written for Ray run on aktis: from this import on, `import ray` gives aktis.

Owns the effect of the import, in the driver and in the workers of its jobs. Does not own the names
(`aktis.as_ray.table`), nor how modules are found (`aktis.as_ray.finder`).

`import aktis.as_ray` in a program, `python -m aktis.as_ray script.py` around one, and
`pytest -p aktis.as_ray` around tests do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aktis._kernel import job_setup
from aktis.as_ray import finder
from aktis.as_ray.table import RAY_VERSION

if TYPE_CHECKING:
    from aktis.as_ray.coverage import Report

__all__ = ["RAY_VERSION", "report"]


def report() -> Report:
    """Tells which public names of Ray are here, and which are not; printed, it is readable."""
    from aktis.as_ray import coverage

    return coverage.counted()


# What can fail comes first: either all of it holds, or nothing.
finder.check()
job_setup.require_module(__name__)
finder.install()
