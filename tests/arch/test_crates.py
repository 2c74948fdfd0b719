"""The crate graph is the architecture: every allowed edge is written here, and no other exists."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.arch.sources import ROOT, listed, text_of

# Each crate may depend on the crates named after it, and on the outside crates after the bar.
# The four machines name no crate but `types`: they do not know each other.
ALLOWED = {
    "types": "| serde smallvec thiserror rustc-hash",
    "wire": "types | serde postcard thiserror",
    "scheduler": "types | smallvec",
    "ownership": "types | smallvec",
    "objects": "types | smallvec",
    "control": "types | smallvec",
    "roles": "types wire scheduler ownership objects control | smallvec",
    "shm": "types | rustix",
    "runtime": "types wire roles shm | libc rustix hmac sha2 getrandom serde smallvec thiserror",
    "python": "types wire roles shm runtime | pyo3 pythonize serde",
    "sim": "types wire scheduler ownership objects control roles |",
}
# For tests of crates only.
ALLOWED_IN_TESTS = {"proptest"}
PURE = ("types", "wire", "scheduler", "ownership", "objects", "control", "roles")
# Crates that speak to the system or draw chance: no pure crate reaches one, however far away.
SYSTEM = {"getrandom", "libc", "mio", "parking_lot", "rand", "rustix", "socket2", "tokio"}
# The crates that may lift the ban on `unsafe`, and why.
UNSAFE = {
    "shm": "maps memory",
    "runtime": "calls the system where the standard library has no door for it",
    "python": "lends memory to Python and calls its interpreter",
}


def packages() -> dict[str, dict[str, Any]]:
    """The workspace's crates by name, as cargo describes them."""
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    described = json.loads(subprocess.check_output(command, cwd=ROOT))
    return {package["name"]: package for package in described["packages"]}


def allowed_for(crate: str) -> set[str]:
    """Every crate that the table lets this one name."""
    return set(ALLOWED[crate].replace("|", " ").split())


def test_every_crate_is_listed() -> None:
    assert packages().keys() == ALLOWED.keys()


@pytest.mark.parametrize("crate", ALLOWED)
def test_crate_depends_only_on_what_is_allowed(crate: str) -> None:
    named = {d["name"] for d in packages()[crate]["dependencies"] if d["kind"] != "dev"}

    extra = named - allowed_for(crate)

    assert not extra, f"{crate} may not depend on {sorted(extra)}; see ARCHITECTURE.md"


@pytest.mark.parametrize("crate", ALLOWED)
def test_tests_of_a_crate_need_little_more_than_the_crate(crate: str) -> None:
    named = {d["name"] for d in packages()[crate]["dependencies"] if d["kind"] == "dev"}

    extra = named - allowed_for(crate) - ALLOWED_IN_TESTS

    assert not extra, f"tests of {crate} may not depend on {sorted(extra)}"


def test_every_outside_crate_has_a_decision() -> None:
    outside = {name for row in ALLOWED.values() for name in row.partition("|")[2].split()}
    pages = "\n".join(text_of(page) for page in listed("docs/decisions/*.md"))

    unexplained = {name for name in outside | ALLOWED_IN_TESTS if f"`{name}`" not in pages}

    assert not unexplained, f"no page in docs/decisions/ says why {sorted(unexplained)} is here"


@pytest.mark.parametrize("crate", PURE)
def test_nothing_under_a_pure_crate_touches_the_system(crate: str) -> None:
    command = ["cargo", "tree", "--offline", "--package", crate, "--edges", "normal"]
    lines = subprocess.check_output(
        [*command, "--prefix", "none", "--format", "{p}"], cwd=ROOT, text=True
    ).splitlines()
    reached = {line.split()[0] for line in lines if line.strip()}
    assert crate in reached

    assert not reached & SYSTEM, f"{crate} reaches {sorted(reached & SYSTEM)}"


def test_unsafe_is_written_only_where_it_must_be() -> None:
    strangers = [
        path
        for path in listed("crates/*.rs")
        if path.parts[1] == "sim" or path.parts[2] not in UNSAFE
        if re.search(r"^(?!\s*//).*\bunsafe\b", text_of(path), re.MULTILINE)
    ]

    assert not strangers, f"unsafe code outside {sorted(UNSAFE)}: {strangers}"
