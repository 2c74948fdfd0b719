"""Languages of code, and what a process is to a job, under the names that programs know.

Owns the names alone: code is Python only.
"""

from __future__ import annotations

from enum import Enum

SCRIPT_MODE = 0
WORKER_MODE = 1


class Language(Enum):
    """In which language a function is written."""

    PYTHON = 0
    JAVA = 1
    CPP = 2
