"""Slices of TPUs: the names that programs import.

Owns the words about what is missing. A slice is several machines that hold TPUs, and what is here
would reserve all of them at once.
"""

from __future__ import annotations

from typing import Any, NoReturn


class SlicePlacementGroup:
    """The machines of one slice or several, reserved together."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Raises: slices are not there yet."""
        _refuse("SlicePlacementGroup")


class SubslicePlacementGroup:
    """A part of a slice, reserved as a whole."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Raises: slices are not there yet."""
        _refuse("SubslicePlacementGroup")


def slice_placement_group(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: slices are not there yet."""
    _refuse("slice_placement_group")


def subslice_placement_group(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: slices are not there yet."""
    _refuse("subslice_placement_group")


def run_on_slice(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: slices are not there yet."""
    _refuse("run_on_slice")


def dispatch(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: slices are not there yet; the older name of `run_on_slice`."""
    _refuse("dispatch")


def _refuse(name: str) -> NoReturn:
    message = (
        f"{name}() reserves TPUs of several machines at once, and a session of aktis has one "
        f'machine; there, resources={{"TPU": 1}} of a task or an actor reserves them'
    )
    raise NotImplementedError(message)
