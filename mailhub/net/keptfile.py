"""A small JSON file of settings that somebody made while the server ran: each change is durable
before it counts. For what may be lost there is `net.shelf`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailhub.model.errors import Unavailable
from mailhub.net.folder import write_json


class KeptFile:
    """`path`: readable by its owner alone; its folder is made where it is missing. `changed`:
    called when it was written."""

    def __init__(self, path: Path, changed: Callable[[], object] = lambda: None) -> None:
        self._path = path
        self._changed = changed

    def read(self) -> Any:
        """What was written last; None for nothing. Raises Unavailable."""
        try:
            return json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self._path.name} cannot be read: {error}") from None

    def write(self, value: Any) -> None:
        """Keeps it. Raises Unavailable."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(self._path, value, 0o600)
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be kept: {error.strerror}") from None
        self._changed()
