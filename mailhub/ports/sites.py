"""Where the files of web sites are."""

from __future__ import annotations

from typing import Protocol


class SiteFolders(Protocol):
    """A folder for each domain."""

    def place(self, name: str) -> str:
        """Where the files of a site would be."""
        ...

    def find(self, name: str) -> str:
        """The same where they are; else empty."""
        ...
