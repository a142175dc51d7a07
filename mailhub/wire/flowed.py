"""Lines of plain text that may be joined again (RFC 3676): how letters are wrapped, and read.

Pure text: no charset and no header. What people type has one line for each paragraph; on the way
a long one stands in several lines, each but the last with a space at its end.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from mailhub.wire.slices import finish

WIDTH = 72
"""Columns of a wrapped line, which leave room for marks of quotation (RFC 3676 section 4.2)."""
SLICE = 250
"""Lines between two chances for others to run."""
SIGNATURE = "-- "
"""The line above a signature, which is never joined with another (its section 4.3)."""
_MARKS = re.compile(r"(?>(?:> ?){1,200})")
_STUFFED = (" ", ">", "From ")
"""What a line may not begin with, or somebody on the way takes it for something else (4.4)."""


def flow(text: str) -> str:
    """`text`, a paragraph in each line, as lines that fit into `WIDTH` where they have spaces."""
    return finish(flowing(text))


def flowing(text: str) -> Generator[None, None, str]:
    """`flow`, in slices of about a millisecond."""
    done: list[str] = []
    for number, line in enumerate(lines(text)):
        done += _wrapped(*_taken(line), WIDTH)
        if not number % SLICE:
            yield
    return "\n".join(done)


def unflow(text: str, *, delsp: bool = False) -> str:
    """What `flow` was given, but for spaces at the ends of lines. `delsp`: the space at the end of
    a line is none of the text (RFC 3676 section 4.6)."""
    return finish(unflowing(text, delsp=delsp))


def unflowing(text: str, *, delsp: bool = False) -> Generator[None, None, str]:
    """`unflow`, in slices of about a millisecond."""
    made = _Paragraphs(delsp)
    for number, line in enumerate(lines(text)):
        made.add(line)
        if not number % SLICE:
            yield
    made.end()
    return "\n".join(made.done)


class _Paragraphs:
    """What was joined, and the paragraph that goes on."""

    def __init__(self, delsp: bool) -> None:
        self.done: list[str] = []
        self._held: list[str] = []
        self._depth = 0
        self._delsp = delsp

    def add(self, line: str) -> None:
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        if depth != self._depth or content == SIGNATURE:
            self.end()  # at another depth it was badly made (section 4.5)
        self._depth = depth
        soft = content.endswith(" ") and content != SIGNATURE
        if soft and (not self._held or content.strip(" ")):
            self._held.append(content[:-1] if self._delsp else content)
            return
        self.done.append(_marked(depth, "".join((*self._held, content))))
        self._held = []

    def end(self) -> None:
        """A paragraph whose last line says that it goes on."""
        if self._held:
            self.done.append(_marked(self._depth, "".join(self._held)))
            self._held = []


def quote(text: str) -> str:
    """`text` one step further quoted, without its signature."""
    return finish(quoting(text))


def quoting(text: str) -> Generator[None, None, str]:
    """`quote`, in slices of about a millisecond."""
    body = lines(text)
    if SIGNATURE in body:
        body = body[: len(body) - 1 - body[::-1].index(SIGNATURE)]
    while body and not body[-1].strip():
        body.pop()
    for at in range(0, len(body), SLICE):
        body[at : at + SLICE] = map(_deeper, body[at : at + SLICE])
        yield
    return "\n".join(body)


def _deeper(line: str) -> str:
    return ">" + (line if line.startswith(">") or not line else " " + line)


def lines(text: str) -> list[str]:
    """The lines of a text, whatever ends them; without characters that no text has."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")


def _taken(line: str) -> tuple[int, str]:
    """How deep a line is quoted, and what stands in it."""
    found = _MARKS.match(line)
    marks = found[0] if found else ""
    content = line[len(marks) :]
    return marks.count(">"), content if content == SIGNATURE else content.rstrip(" ")


def _wrapped(depth: int, content: str, width: int) -> list[str]:
    made = []
    room, start = max(width - depth - 1, 20), 0
    while len(content) - start > room:
        at = content.rfind(" ", start, start + room)
        if not content[start : max(at, start)].strip(" -"):
            at = content.find(" ", start + room)
        if at < 0:
            break
        made.append(content[start : at + 1])
        start = at + 1
    made.append(content[start:])
    return [_stuffed(depth, piece) for piece in made]


def _stuffed(depth: int, content: str) -> str:
    space = " " if (depth and content) or content.startswith(_STUFFED) else ""
    return ">" * depth + space + content


def _marked(depth: int, content: str) -> str:
    text = content if content == SIGNATURE else content.rstrip(" ")
    return ">" * depth + (" " if depth and text else "") + text
