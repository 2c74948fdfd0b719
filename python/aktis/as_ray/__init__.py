"""Programs written for Ray run on aktis: from this import on, `import ray` gives aktis.

Owns the effect of the import, in the driver and in the workers of its jobs. Does not own the names
(`aktis.as_ray.table`), nor how modules are found (`aktis.as_ray.finder`).

`import aktis.as_ray` in a program, `python -m aktis.as_ray script.py` around one, and
`pytest -p aktis.as_ray` around tests do the same.
"""

from __future__ import annotations

from aktis._kernel import job_setup
from aktis.as_ray.coverage import Report, report
from aktis.as_ray.finder import install
from aktis.as_ray.table import RAY_VERSION

__all__ = ["RAY_VERSION", "Report", "report"]

install()
job_setup.require_module(__name__)
