"""A small text file that people edit while the server runs: read again when it changed."""

from __future__ import annotations

from pathlib import Path

LARGEST = 1 << 20


class TextFile:
    """Reads `path`. Asked often: the file is opened only where its time or size is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._text: str | None = None

    def __call__(self) -> str | None:
        """The text; None where it cannot be read, is no UTF-8, or is too long."""
        try:
            about = self._path.stat()
            seen = (about.st_mtime_ns, about.st_size, about.st_ino)
            if seen != self._seen:
                self._seen = seen
                self._text = None
                if about.st_size <= LARGEST:
                    self._text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            self._text = None
        return self._text
