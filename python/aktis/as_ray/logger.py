"""The logger that Ray exports as `ray.logger`: here it is that of the engine.

Owns the name alone. Does not own how records are written (`aktis.logging_config`).
"""

from __future__ import annotations

import logging

logger = logging.getLogger("aktis")
