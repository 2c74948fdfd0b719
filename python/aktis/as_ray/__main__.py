"""Runs a program written for Ray on aktis: `python -m aktis.as_ray script.py [args]`.

Owns the command line. Does not own what `import ray` gives then (`aktis.as_ray`).
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from aktis.as_ray import report

USAGE = """\
usage: python -m aktis.as_ray script.py [argument ...]
       python -m aktis.as_ray -m module [argument ...]
       python -m aktis.as_ray --report

Runs a program written for Ray: what it imports as ray is aktis.
--report lists the public names of Ray that aktis has, and those it has not.
"""
WRONG_USE = 2


def main(arguments: list[str]) -> int:
    """Runs the program that the arguments name, as if it had been started itself."""
    match arguments:
        case ["-h" | "--help"]:
            sys.stdout.write(USAGE)
        case ["--report"]:
            sys.stdout.write(f"{report()}\n")
        case ["-m", module, *rest]:
            sys.argv[:] = [module, *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [script, *rest] if not script.startswith("-"):
            return _run_script(script, rest)
        case _:
            sys.stderr.write(USAGE)
            return WRONG_USE
    return 0


def _run_script(script: str, arguments: list[str]) -> int:
    if not Path(script).exists():
        sys.stderr.write(f"python -m aktis.as_ray: there is no file {script!r}\n")
        return WRONG_USE
    sys.argv[:] = [script, *arguments]
    if not sys.flags.safe_path:
        # A script finds the modules beside it; this module was found from the current directory.
        sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
