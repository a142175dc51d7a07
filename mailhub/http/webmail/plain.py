"""Plain text of a message as HTML: quotations as such, addresses as links, nothing else. Pure.

Everything is escaped; the only tags are those written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from mailhub.core.turns import Turns
from mailhub.core.viewing import Words
from mailhub.http.webmail.links import composing, host
from mailhub.wire import flowed

SHOWN = 130_000
"""Characters of HTML that are made of the texts of a page."""
PIECE = 1024
"""Characters that are looked at between two chances for others to run."""
LINKS = 1000
"""Addresses of a page that become links."""
DEEP = 6
"""Levels of quotation that are told apart."""
_MARKS = re.compile(r"(?:>[ ]?){1,100}")
_LINK = re.compile(
    r"(?<![\w.+-])(?:(https?://[^\s<>\"'\x00-\x20]{1,2000})"
    r"|((?:mailto:)?[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}))",
    re.I,
)
_TRAILING = ".,;:!?)]}*_"


async def shown(texts: Sequence[Words], turns: Turns) -> tuple[Markup, bool]:
    """The texts one after the other, and whether they were cut. In small pieces, since a hostile
    text has more lines and addresses than any other."""
    made: list[str] = []
    links = Allowance(LINKS)
    room = SHOWN
    for number, one in enumerate(texts):
        made += ["<hr>"] if number else []
        above = 0
        for piece in pieces(one.text):
            if room <= 0:
                break
            text = flowed.unflow(piece, delsp=one.delsp) if one.flowed else piece
            lines, above = _text(text, above, links)
            made += lines
            room -= sum(map(len, lines))
            await turns.rest()
        made.append("</blockquote>" * above)
        if room <= 0:
            break
    return Markup("\n".join(filter(None, made))), room <= 0  # noqa: S704  (all of it is escaped)


@dataclass(slots=True)
class Allowance:
    """How many links may still be made."""

    left: int


def pieces(text: str) -> Iterator[str]:
    """A text in pieces that end with a paragraph where one ends, else with a line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    start = 0
    while start < len(lines):
        least, most = start + PIECE, start + 2 * PIECE
        if most >= len(lines):
            yield lines[start:]
            return
        end = lines.find("\n\n", least, most)
        if end < 0:
            end = lines.rfind("\n", start, most)
        if end <= start:
            end = most
        yield lines[start:end]
        start = end + (lines[end] == "\n")


def _text(text: str, above: int, links: Allowance) -> tuple[list[str], int]:
    """Lines of HTML, and how deeply quoted the last one is."""
    made: list[str] = []
    for depth, lines in _blocks(text):
        made.append("<blockquote>" * (depth - above) + "</blockquote>" * (above - depth))
        made.append(f'<p class="text">{linked(lines, links)}</p>' if lines.strip() else "")
        above = depth
    return [one for one in made if one], above


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """(levels of quotation, lines) of what stands together."""
    above = 0
    held: list[str] = []
    for line in text.split("\n"):
        found = _MARKS.match(line)
        depth = min(found[0].count(">"), DEEP) if found else 0
        if depth != above and held:
            yield above, "\n".join(held).strip("\n")
            held = []
        above = depth
        held.append(line[found.end() :] if found else line)
    yield above, "\n".join(held).strip("\n")


def linked(text: str, links: Allowance) -> str:
    """Text with its addresses as links, as long as there may be more."""
    made: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        if links.left <= 0:
            break
        links.left -= 1
        address = found[0].rstrip(_TRAILING)
        made.append(escape(text[end : found.start()], quote=False))
        made.append(_anchor(address, bool(found[1])))
        end = found.start() + len(address)
    made.append(escape(text[end:], quote=False))
    return "".join(made)


def _anchor(address: str, elsewhere: bool) -> str:
    if elsewhere:
        safe = 'rel="noopener noreferrer" target="_blank"'
        # Letters that look like others are shown as the DNS has them.
        leads = "" if address.isascii() else f" [→ {escape(host(address))}]"
        return f'<a href="{escape(address)}" {safe}>{escape(address)}</a>{leads}'
    plain = address if address.lower().startswith("mailto:") else f"mailto:{address}"
    return f'<a href="{escape(composing(plain))}">{escape(address)}</a>'
