"""A graph as a picture.

Owns what is drawn. Does not own how: pydot writes the drawing down, and Graphviz makes the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from aktis.dag.dag_node import DAGNode

# What can be written without Graphviz: the drawing in its own language.
PLAIN = frozenset({"dot", "gv"})


class Picture:
    """A picture that notebooks show."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    def _repr_png_(self) -> bytes:
        return self._png


def plot(dag: DAGNode, to_file: str | PathLike[str] | None = None) -> Picture | None:
    """Draws the graph that ends in a node, from left to right.

    Args:
        dag: The node.
        to_file: Where to write it. The ending says how: `.png`, `.svg`, `.pdf`, and `.dot` for the
            drawing in words. Without a file, a picture is returned that notebooks show.

    Raises:
        ImportError: pydot is missing, or Graphviz, which makes pictures.
        ValueError: Graphviz makes no such picture.
    """
    drawing = _drawn(dag)
    if to_file is None:
        return Picture(_rendered(drawing, "png"))
    path = Path(to_file)
    ending = path.suffix.removeprefix(".") or "png"
    if ending in PLAIN:
        path.write_text(drawing.to_string())
    else:
        path.write_bytes(_rendered(drawing, ending))
    return None


def _drawn(dag: DAGNode) -> Any:
    try:
        import pydot
    except ModuleNotFoundError as error:
        message = "plot() needs pydot: pip install 'aktis[plot]'"
        raise ImportError(message) from error
    drawing = pydot.Dot(graph_type="digraph", rankdir="LR")
    names, needs = dag.outlined()
    for place, name in enumerate(names):
        drawing.add_node(pydot.Node(str(place), label=name, shape="box"))
    for needed, user in needs:
        drawing.add_edge(pydot.Edge(str(needed), str(user)))
    return drawing


def _rendered(drawing: Any, ending: str) -> bytes:
    try:
        picture: bytes = drawing.create(format=ending)
    except FileNotFoundError as error:
        message = (
            "plot() makes pictures with the program `dot`: install graphviz with the system's "
            "packages, or write a .dot file, which needs none"
        )
        raise ImportError(message) from error
    except AssertionError as error:
        # So pydot says it, and prints what Graphviz said.
        message = f"Graphviz made no {ending!r} of the graph; the lines above say why"
        raise ValueError(message) from error
    return picture
