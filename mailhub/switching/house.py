"""The mailhub that is moved to, as whoever moves sees it: acts of the control socket.

The command's own connection is fitted to this by `cli.switch`. What the acts mean is said where
they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol


class House(Protocol):
    """Each call raises Refusal where the server refuses, SwitchFault where it went away."""

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        """One act's answer."""
        ...

    def pour(self, act: str, size: int, pieces: Iterable[bytes], **arguments: Any) -> None:
        """Asks with octets and does not wait; each needs its `result`, in order."""
        ...

    def result(self) -> Any:
        """The answer to the oldest `pour`."""
        ...

    def items(self, act: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """The items of an act with several."""
        ...
