"""Every Python block of the manual runs, page by page, in a process of its own.

Owns how blocks are found and run. Does not own what they say.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "manual"
# The index has links alone.
PAGES = sorted({*MANUAL.rglob("*.md"), ROOT / "README.md"} - {MANUAL / "README.md"})
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs_in_order(page: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall(page.read_text())
    program = tmp_path / f"page_{page.stem.lower()}.py"
    program.write_text("\n".join(blocks))

    finished = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )

    assert blocks, "a page of the manual shows how it is done"
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == "", "a healthy run is silent"
