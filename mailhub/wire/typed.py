"""Addresses as people type them, and as they are shown to be typed again.

Lenient, and never silent: what is no address is told of in the words that were typed.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence

from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import addresslist, composed
from mailhub.wire.composed import Person
from mailhub.wire.slices import finish

MOST = 2000
"""Addresses of one field that are read."""
SLICE = 50
"""Addresses between two chances for others to run."""
LENGTH = 64 * 1024
"""Characters of one field that are read: more would hold others up."""
_ENDS = re.compile(r"[\r\n]+")
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff -]*")


def people(text: str) -> tuple[Sequence[Person], Sequence[str]]:
    """(those that can be written to, in order and once each; what is no address).

    Between addresses stand commas, semicolons or line ends; the members of groups (RFC 5322
    section 3.4) stand for themselves.
    """
    return finish(reading(text))


def reading(text: str) -> Generator[None, None, tuple[Sequence[Person], Sequence[str]]]:
    """`people`, in slices of about a millisecond."""
    if len(text) > LENGTH:
        return (), (text[:40] + "…",)
    flat = _ENDS.sub(",", text.strip())
    found: dict[str, Person] = {}
    wrong = []
    entries = yield from addresslist.parsing(flat.encode("utf-8", "replace"), MOST)
    for number, one in enumerate(entries):
        if not number % SLICE:
            yield
        if one.host is None:
            continue  # the name of a group, or its end
        name, local, host = (_text(part) for part in (one.name, one.mailbox, one.host))
        try:
            if not host:
                raise Invalid
            who = composed.person(f"{grammar.quote_local(local)}@{host}", name)
        except Invalid:
            wrong.append(" ".join(word for word in (name, _spec(local, host)) if word))
            continue
        found.setdefault(grammar.key(who.address, delimiter=""), who)
    return list(found.values()), wrong


def written(several: Iterable[Person]) -> str:
    """The same people as one may type them, with domains as they are read."""
    return ", ".join(map(shown, several))


def shown(one: Person) -> str:
    """One of them."""
    address = grammar.readable(one.address)
    if not one.name:
        return address
    name = one.name if _PLAIN.fullmatch(one.name) else _quoted(one.name)
    return f"{name} <{address}>"


def _quoted(name: str) -> str:
    return '"' + re.sub(r'["\\]', r"\\\g<0>", name) + '"'


def _spec(local: str, host: str) -> str:
    return f"{local}@{host}" if host else local


def _text(part: bytes | None) -> str:
    return (part or b"").decode("utf-8", "replace").strip()
