"""What another server is asked over HTTP, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """`body`: whole; a long one is handed over beside the request. `size`: octets of the answer's
    body that are read; more than that is an error unless it is `cut`. `seconds`: for all of it, to
    the answer's last octet. `redirects`: how many are followed; only GET follows any."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    size: int = 64 * 1024
    cut: bool = False
    seconds: float = 10.0
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """`status`: any, also of errors and of redirects that were not followed. `type`: the media
    type in lower case without parameters, or empty. `url`: where the answer came from.
    `retry_after`: seconds that the server wants to be left alone, 0 where it says nothing."""

    status: int
    type: str
    body: bytes
    url: str
    retry_after: int = 0

    @property
    def is_fine(self) -> bool:
        """Whether the server took it (2xx)."""
        return 200 <= self.status < 300
