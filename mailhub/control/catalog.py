"""Every act with one answer, by name: whoever adds acts adds them here."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control import acts, relaying, signing
from mailhub.control.acts import Act

PARTS: tuple[Mapping[str, Act], ...] = (acts.ACTS, relaying.ACTS, signing.ACTS)
ACTS: Mapping[str, Act] = {name: act for part in PARTS for name, act in part.items()}
