"""Graphs of calls: bound first, run as often as wanted with `execute`.

Owns nothing: each kind of node has a module of its own.
"""

from __future__ import annotations

from aktis.dag.class_node import ClassMethodNode, ClassNode
from aktis.dag.collective_node import CollectiveOutputNode
from aktis.dag.dag_node import DAGNode
from aktis.dag.function_node import FunctionNode
from aktis.dag.input_node import DAGInputData, InputAttributeNode, InputNode
from aktis.dag.output_node import MultiOutputNode
from aktis.dag.picture import plot

__all__ = [
    "ClassMethodNode",
    "ClassNode",
    "CollectiveOutputNode",
    "DAGInputData",
    "DAGNode",
    "FunctionNode",
    "InputAttributeNode",
    "InputNode",
    "MultiOutputNode",
    "plot",
]
