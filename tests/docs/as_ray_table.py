"""Writes the table of covered names into the manual: `python -m tests.docs.as_ray_table`.

Owns the place of the table on its page. Does not own what it says (`aktis.as_ray.report`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "manual" / "as_ray.md"
BEGIN = "<!-- written by tests/docs/as_ray_table.py: begin -->\n"
END = "<!-- end -->\n"
PROGRAM = "import sys, aktis.as_ray; sys.stdout.write(aktis.as_ray.report().markdown())"


def computed() -> str:
    """The table as it is now, told by a process of its own: the import holds for a whole one."""
    return subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)


def written() -> str:
    """The table that is on the page."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Writes the table that is computed in place of the one that is on the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{computed()}{END}{after}")


if __name__ == "__main__":
    main()
