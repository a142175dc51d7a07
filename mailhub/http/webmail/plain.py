"""Plain text of a message as HTML: quotations as such, addresses as links, nothing else. Pure.

Everything is escaped; the only tags are those written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from markupsafe import Markup

from mailhub.core.viewing import Words
from mailhub.http.webmail.links import composing, host
from mailhub.wire import flowed

SHOWN = 100 * 1024
"""Characters of text in a page."""
DEEP = 6
"""Levels of quotation that are told apart."""
_MARKS = re.compile(r"(?:>[ ]?){1,100}")
_LINK = re.compile(
    r"(?<![\w.+-])(?:(https?://[^\s<>\"'\x00-\x20]{1,2000})"
    r"|((?:mailto:)?[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}))",
    re.I,
)
_TRAILING = ".,;:!?)]}*_"


def shown(texts: Sequence[Words]) -> tuple[Markup, bool]:
    """The texts one after the other, and whether they were cut."""
    pieces: list[str] = []
    room, cut = SHOWN, False
    for one in texts:
        if room <= 0:
            cut = True
            break
        some = one.text[:room]
        cut |= len(some) < len(one.text)
        room -= len(some)
        pieces.append(_text(some if not one.flowed else flowed.unflow(some, delsp=one.delsp)))
    return Markup("\n<hr>\n".join(pieces)), cut  # noqa: S704  (escaped below)


def _text(text: str) -> str:
    made: list[str] = []
    above = 0
    for depth, lines in _blocks(text):
        made.append("<blockquote>" * (depth - above) + "</blockquote>" * (above - depth))
        made.append(f'<p class="text">{linked(lines)}</p>' if lines.strip() else "")
        above = depth
    made.append("</blockquote>" * above)
    return "\n".join(one for one in made if one)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """(levels of quotation, lines) of what stands together."""
    above = 0
    held: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        found = _MARKS.match(line)
        depth = min(found[0].count(">"), DEEP) if found else 0
        if depth != above and held:
            yield above, "\n".join(held).strip("\n")
            held = []
        above = depth
        held.append(line[found.end() :] if found else line)
    yield above, "\n".join(held).strip("\n")


def linked(text: str) -> str:
    """Text with its addresses as links."""
    pieces: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        address = found[0].rstrip(_TRAILING)
        pieces.append(escape(text[end : found.start()]))
        pieces.append(_anchor(address, bool(found[1])))
        end = found.start() + len(address)
    pieces.append(escape(text[end:]))
    return "".join(pieces)


def _anchor(address: str, elsewhere: bool) -> str:
    if elsewhere:
        safe = 'rel="noopener noreferrer" target="_blank"'
        # Letters that look like others are shown as the DNS has them.
        leads = "" if address.isascii() else f" [→ {escape(host(address))}]"
        return f'<a href="{escape(address)}" {safe}>{escape(address)}</a>{leads}'
    plain = address if address.lower().startswith("mailto:") else f"mailto:{address}"
    return f'<a href="{escape(composing(plain))}">{escape(address)}</a>'
