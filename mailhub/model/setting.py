"""How a setting is written down: its default, its words, its unit."""

from __future__ import annotations

from dataclasses import field
from typing import Any

STRICT = {"extra": "forbid"}


def setting(default: Any, doc: str, unit: str = "") -> Any:
    """A documented field. `unit`: seconds, bytes, connections … or empty for plain words."""
    metadata = {"doc": doc, "unit": unit}
    if isinstance(default, (list, dict, tuple)) or callable(default):
        made = default if callable(default) else (lambda: default)
        return field(default_factory=made, metadata=metadata)
    return field(default=default, metadata=metadata)
