"""What is said to ClamAV's daemon, and what it answers: the INSTREAM command of clamd(8).

Pure bytes; a connection carries one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailhub.model.errors import Invalid

CHUNK = 64 * 1024
"""Octets sent under one length."""
ANSWER = 4096
"""Octets of an answer: names of signatures are short."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`virus`: the signature that matched, empty where none did. `error`: why nothing can be said;
    `too_large`: because the daemon takes no stream of this size."""

    virus: str = ""
    error: str = ""

    @property
    def too_large(self) -> bool:
        return "size limit exceeded" in self.error


def question(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The command with the message in chunks, each behind its length, and the empty one."""
    yield b"zINSTREAM\0"
    for piece in pieces:
        for start in range(0, len(piece), CHUNK):
            chunk = piece[start : start + CHUNK]
            yield len(chunk).to_bytes(4, "big")
            yield chunk
    yield bytes(4)


class Reading:
    """Collects an answer that comes in any pieces."""

    def __init__(self) -> None:
        self._text = bytearray()

    def feed(self, data: bytes) -> Verdict | None:
        """The verdict once it is whole. Raises Invalid for what is none."""
        self._text += data
        line, end, _ = self._text.partition(b"\0")
        if len(line) > ANSWER:
            raise Invalid("The answer is too long")
        return verdict(bytes(line)) if end else None


def verdict(line: bytes) -> Verdict:
    """`stream: OK`, `stream: Some.Name FOUND`, `… ERROR`. Raises Invalid."""
    text = line.decode("ascii", "replace").strip()
    _, colon, said = text.partition(": ")
    if colon and said == "OK":
        return Verdict()
    if colon and said.endswith(" FOUND"):
        return Verdict(virus=said.removesuffix(" FOUND"))
    if text.endswith(" ERROR"):
        return Verdict(error=text.removesuffix(" ERROR"))
    raise Invalid("This is no answer of clamd")
