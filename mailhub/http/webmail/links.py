"""Shows where the links of a message's HTML lead.

Takes what `wire.sanitized` made, where every `<` begins a tag and every value stands in quotes, and
changes links alone: a pointer on one shows its target whatever its title said, and where its words
name another place than it leads to, that place stands behind it.
"""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from mailhub.core.turns import Turns

STEP = 100
"""Tags between two chances for others to run."""
SHOWN = 300
"""Characters of a target that are shown."""
_TAG = re.compile(r'<(/?)([a-z0-9]+)([^">]*+(?>(?:"[^"]*+"[^">]*+)*))>', re.I)
_ATTRIBUTE = re.compile(r'\s([a-z-]+)="([^"]*+)"', re.I)
_NAMED = re.compile(
    r"(?<![\w.@-])(?:https?://)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?![\w.@-])", re.I
)
_REMOTE = re.compile(r'\ssrc="https?:', re.I)
_LEADS = (
    '<span style="all:initial;display:inline;font:bold 12px sans-serif;color:#8a1f11;'
    'background:#fff3f0"> [→ {}]</span>'
)


async def marked(source: str, turns: Turns) -> str:
    """The document with its links marked."""
    made: list[str] = []
    end = 0
    opened: tuple[int, str] | None = None
    for count, tag in enumerate(_TAG.finditer(source)):
        if count % STEP == 0:
            await turns.rest()
        if tag[2].lower() != "a":
            continue
        if opened is not None:
            start, target = opened
            opened = None
            made += [source[end : tag.start()]]
            end = tag.start()
            if tag[1]:
                made.append(tag[0])
                end = tag.end()
            if strays(_TAG.sub("", source[start : tag.start()]), target):
                made.append(_LEADS.format(html.escape(host(target))))
        if not tag[1]:
            written, target = _link(tag[3])
            made += [source[end : tag.start()], written]
            end = tag.end()
            opened = (end, target) if target else None
    return "".join((*made, source[end:]))


def fetches(source: str) -> bool:
    """Whether it has pictures of other servers."""
    return _REMOTE.search(source) is not None


def strays(words: str, target: str) -> bool:
    """Whether the words of a link name another host than it leads to."""
    where = host(target)
    if not where:
        return False
    named = [ascii_host(one[1]) for one in _NAMED.finditer(html.unescape(words)[:1000])]
    return bool(named) and not any(_same(one, where) for one in named)


def host(target: str) -> str:
    """Where a link leads, in ASCII, so that no letter passes for another; empty for no host."""
    try:
        parts = urlsplit(target)
        return ascii_host(parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def ascii_host(name: str) -> str:
    """A host as the DNS has it."""
    folded = name.lower().rstrip(".")
    if folded.isascii():
        return folded
    try:
        return folded.encode("idna").decode()
    except UnicodeError:
        return folded.encode("ascii", "backslashreplace").decode()


def composing(target: str) -> str:
    """Where a `mailto:` leads here (RFC 6068)."""
    rest, _, query = target[len("mailto:") :].partition("?")
    given = {"to": unquote(rest)}
    for name, value in parse_qsl(query, max_num_fields=None)[:10]:
        if name.lower() in ("to", "cc", "bcc", "subject", "body"):
            given[name.lower()] = value
    pairs = "&".join(f"{name}={quote(value[:2000], safe='')}" for name, value in given.items())
    return f"/mail/compose?{pairs}"


def _link(attributes: str) -> tuple[str, str]:
    """The tag that begins a link, and where it leads; nothing where it leads nowhere else."""
    given = {name.lower(): html.unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
    target = given.get("href", "")
    if not target or target.startswith("#"):
        return f"<a{attributes}>", ""
    if target.lower().startswith("mailto:"):
        given["href"] = composing(target)
    given["title"] = f"{ascii_target(target)[:SHOWN]}"
    given["rel"], given["target"] = "noopener noreferrer", "_blank"
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in given.items())
    return f"<a{written}>", target


def ascii_target(target: str) -> str:
    """A target as it is shown: its host in ASCII."""
    where = host(target)
    if not where or where in target.lower():
        return target
    return f"{where} ({target})"


def _same(one: str, other: str) -> bool:
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
