"""Lines of plain text that may be joined again (RFC 3676): how letters are wrapped, and read.

Pure text: no charset and no header. What people type has one line for each paragraph; on the way
a long one stands in several lines, each but the last with a space at its end.
"""

from __future__ import annotations

import re

WIDTH = 72
"""Columns of a wrapped line, which leave room for marks of quotation (RFC 3676 section 4.2)."""
SIGNATURE = "-- "
"""The line above a signature, which is never joined with another (its section 4.3)."""
_MARKS = re.compile(r"(?:> ?)+")
_STUFFED = (" ", ">", "From ")
"""What a line may not begin with, or somebody on the way takes it for something else (4.4)."""


def flow(text: str, width: int = WIDTH) -> str:
    """`text`, a paragraph in each line, as lines that fit into `width` where they have spaces."""
    return "\n".join(out for line in lines(text) for out in _wrapped(*_taken(line), width))


def unflow(text: str, *, delsp: bool = False) -> str:
    """What `flow` was given, but for spaces at the ends of lines. `delsp`: the space at the end of
    a line is none of the text (RFC 3676 section 4.6)."""
    done: list[str] = []
    held: list[str] = []
    above = 0
    for line in lines(text):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        if held and depth != above:  # badly made: the paragraph ends here (section 4.5)
            done.append(_marked(above, "".join(held)))
            held = []
        above = depth
        soft = content.endswith(" ") and content != SIGNATURE
        if soft and not _ends(held, content):
            held.append(content[:-1] if delsp else content)
            continue
        if content == SIGNATURE and held:
            done.append(_marked(depth, "".join(held)))
            held = []
        done.append(_marked(depth, "".join((*held, content))))
        held = []
    if held:
        done.append(_marked(above, "".join(held)))
    return "\n".join(done)


def quote(text: str) -> str:
    """`text` one step further quoted, without its signature."""
    body = lines(text)
    if SIGNATURE in body:
        body = body[: len(body) - 1 - body[::-1].index(SIGNATURE)]
    while body and not body[-1].strip():
        body.pop()
    return "\n".join(_deeper(line) for line in body)


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
    room = max(width - depth - 1, 20)
    while len(content) > room:
        at = content.rfind(" ", 0, room)
        if not content[: max(at, 0)].strip(" -"):
            at = content.find(" ", room)
        if at < 0:
            break
        made.append(content[: at + 1])
        content = content[at + 1 :]
    made.append(content)
    return [_stuffed(depth, piece) for piece in made]


def _stuffed(depth: int, content: str) -> str:
    space = " " if (depth and content) or content.startswith(_STUFFED) else ""
    return ">" * depth + space + content


def _marked(depth: int, content: str) -> str:
    text = content if content == SIGNATURE else content.rstrip(" ")
    return ">" * depth + (" " if depth and text else "") + text


def _ends(held: list[str], content: str) -> bool:
    """Whether a line of spaces alone ends what stands above it."""
    return bool(held) and not content.strip(" ")
