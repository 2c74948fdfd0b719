"""What the knowledge base is made of, free of any cluster.

Owns finding, parsing, slicing, embedding, storing and reporting, each in one module of plain
functions and values. Does not know which process runs them: `knowledge_base.py` decides that.
"""

from __future__ import annotations
