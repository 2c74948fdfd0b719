"""The only Python that speaks to the engine: sessions, calls, objects, and the running of tasks.

Owns what lies between the public names and the extension module. Does not own public names, options
or their checks (`aktis`), nor any decision of the engine (Rust).
"""

from __future__ import annotations
