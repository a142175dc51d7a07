"""DMARC policy records (RFC 9989 4.7, RFC 7489 6.3), and where a domain's stands: the tree walk.

Asks the resolver it is given, and remembers the answers for one message. What a policy leads to is
not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import NotFound
from mailhub.ports import Resolver

LABELS = 8
"""A name of so many labels or more is cut to one fewer after the first question: eight questions
find any policy (RFC 9989 4.10)."""
LENGTH = 4096
"""Octets of a record that are read."""
_TAG = re.compile(r"\s*([A-Za-z]++)\s*=\s*(.*?)\s*", re.DOTALL)
_VERSION = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI = re.compile(r"mailto:[^\s@,;]+@[^\s@,;!]+(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


class Policy(Enum):
    """What a domain asks to be done with mail that fails, mildest first."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def milder(self) -> Policy:
        """The next weaker one, for a domain that tests its policy."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


@dataclass(frozen=True, slots=True)
class Record:
    """A record. `policy`: None where it has none that can be used. `strict_dkim`, `strict_spf`:
    alignment. `percent`: of failing mail that the policy is meant for. `suffix`: `y`: a public
    suffix, `n`: an organizational domain, `u`: not said. `reports`: `rua`, as written."""

    policy: Policy | None
    subdomains: Policy | None = None
    nonexistent: Policy | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    percent: int = 100
    testing: bool = False
    suffix: str = "u"
    reports: tuple[str, ...] = ()


def parse(text: bytes) -> Record | None:
    """None where it is no DMARC record at all. Tags that cannot be read count as absent; policies
    that cannot make it `none` where there is somebody to report to (RFC 9989 4.10.1)."""
    if _VERSION.match(text) is None or len(text) > LENGTH:
        return None
    said: dict[str, str] = {}
    for piece in text.decode("ascii", "replace").split(";")[1:]:
        tag = _TAG.fullmatch(piece)
        if tag is not None:
            said.setdefault(tag[1].lower(), tag[2])
    reports = tuple(uri.strip() for uri in said.get("rua", "").split(",") if uri.strip())
    policy, usable = _policy(said.get("p")), True
    for name in ("sp", "np"):
        usable = usable and (name not in said or _policy(said[name]) is not None)
    if policy is None or not usable:
        told = any(_URI.fullmatch(uri) for uri in reports)
        return Record(Policy.NONE if told else None, suffix=_suffix(said), reports=reports)
    return Record(
        policy,
        _policy(said.get("sp")),
        _policy(said.get("np")),
        said.get("adkim", "").lower() == "s",
        said.get("aspf", "").lower() == "s",
        _percent(said.get("pct", "")),
        said.get("t", "").lower() == "y",
        _suffix(said),
        reports,
    )


def _policy(word: str | None) -> Policy | None:
    try:
        return Policy(word.lower()) if word is not None else None
    except ValueError:
        return None


def _suffix(said: dict[str, str]) -> str:
    word = said.get("psd", "u").lower()
    return word if word in ("y", "n") else "u"


def _percent(word: str) -> int:
    return min(int(word), 100) if word.isascii() and word.isdigit() and len(word) < 4 else 100


@dataclass(frozen=True, slots=True)
class Found:
    """A record and the domain it stands at."""

    domain: str
    record: Record


class Records:
    """The records that concern one message."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, Record | None] = {}

    async def at(self, domain: str) -> Record | None:
        """The record of this very domain; None also where there are several. Raises Unavailable."""
        if domain not in self._known:
            self._known[domain] = await self._asked(domain)
        return self._known[domain]

    async def _asked(self, domain: str) -> Record | None:
        try:
            answer = await self._resolver.query(f"_dmarc.{domain}", "TXT")
        except NotFound:
            return None
        found = [one for text in answer.records if (one := parse(text)) is not None]
        return found[0] if len(found) == 1 else None

    async def exists(self, domain: str) -> bool:
        """Whether the domain is in the DNS at all (RFC 8020). Raises Unavailable."""
        try:
            await self._resolver.query(domain, "A")
        except NotFound:
            return False
        return True

    async def walk(self, domain: str) -> Sequence[Found]:
        """The records from `domain` up to the root, the longest name first (RFC 9989 4.10).
        Raises Unavailable."""
        found: list[Found] = []
        for name in names(domain):
            record = await self.at(name)
            if record is not None:
                found.append(Found(name, record))
                if record.suffix != "u":
                    break
        return found

    async def organization(self, domain: str) -> str:
        """The organizational domain (RFC 9989 4.10.2). Raises Unavailable."""
        return organization(domain, await self.walk(domain))


def names(domain: str) -> list[str]:
    """The names that a tree walk asks about, in order; never more than eight."""
    labels = domain.split(".")
    start = 1 if len(labels) < LABELS else len(labels) - (LABELS - 1)
    return [domain, *(".".join(labels[at:]) for at in range(start, len(labels)))]


def organization(domain: str, found: Sequence[Found]) -> str:
    """The organizational domain of `domain`, whose walk found these."""
    for one in found:
        if one.record.suffix == "n":
            return one.domain
        if one.record.suffix == "y" and one.domain != domain:
            below = len(one.domain.split(".")) + 1
            return ".".join(domain.split(".")[-below:])
    return found[-1].domain if found else domain
