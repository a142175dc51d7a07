"""To whom an answer goes, and what it is called: rules alone, which ask nobody.

Whose addresses are the answering account's own is found out before, and handed in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailhub.wire import address as grammar
from mailhub.wire.composed import Person

_ANSWERED = re.compile(r"(?:(?:re|aw|antw|sv|vs|odp|rép|réf)(?:\[\d{1,3}\])?\s*:\s*)+", re.I)
_PASSED = re.compile(r"(?:(?:fwd?|wg|tr|doorst|vb|vl)\s*:\s*)+", re.I)
"""What programs put before subjects, in English, German, Dutch, French and the North's tongues."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Whom a message names. `followup`: Mail-Followup-To, which mailing lists' readers set.
    `lists`: the addresses in List-Post (RFC 2369)."""

    from_: Sequence[Person] = ()
    reply_to: Sequence[Person] = ()
    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    followup: Sequence[Person] = ()
    lists: Collection[str] = ()

    @property
    def everybody(self) -> Sequence[Person]:
        """All of them."""
        return (*self.from_, *self.reply_to, *self.to, *self.cc, *self.followup)


def key(one: Person) -> str:
    """What two spellings of one address have in common."""
    return grammar.key(one.address)


def answer(
    heard: Heard, own: Collection[str], *, everybody: bool
) -> tuple[Sequence[Person], Sequence[Person]]:
    """(To, Cc) of an answer (RFC 5322 section 3.6.3). `own`: keys of the account's own addresses,
    which are left out where anybody else is there.

    Where a list has put its own address into Reply-To, its author is answered, and the list with
    `everybody`. An answer to what the account itself wrote goes to those that it was written to.
    """
    if heard.from_ and all(key(one) in own for one in heard.from_) and (heard.to or heard.cc):
        to = _once(heard.to, ()) or _once(heard.cc, ())
        return to, _once(heard.cc, to) if everybody else ()
    if everybody and heard.followup:
        to = _once(heard.followup, (), own) or _once(heard.followup, ())
        return to, ()
    lists = {grammar.key(one) for one in heard.lists}
    munged = bool(heard.from_ and heard.reply_to) and {*map(key, heard.reply_to)} <= lists
    asked = heard.from_ if munged or not heard.reply_to else heard.reply_to
    to = _once(asked, (), own) or _once(asked, ())
    if not everybody:
        return to, ()
    others = (*(heard.reply_to if munged else ()), *heard.to, *heard.cc)
    return to, _once(others, to, own)


def _once(
    people: Sequence[Person], before: Sequence[Person], without: Collection[str] = ()
) -> Sequence[Person]:
    """One of each, but for those that were named `before` and those `without` whom it goes."""
    known = {key(one) for one in before} | set(without)
    left: dict[str, Person] = {}
    for one in people:
        if key(one) not in known:
            left.setdefault(key(one), one)
    return list(left.values())


def answered(subject: str) -> str:
    """The subject of an answer: one `Re:`, however many there were."""
    return f"Re: {_without(_ANSWERED, subject)}".rstrip()


def passed_on(subject: str) -> str:
    """The subject of what is forwarded: one `Fwd:`, however many there were."""
    return f"Fwd: {_without(_PASSED, subject)}".rstrip()


def _without(prefixes: re.Pattern[str], subject: str) -> str:
    """A subject in one line, without prefixes at its beginning."""
    clean = "".join(one if one.isprintable() else " " for one in subject)
    line = " ".join(clean.split())
    found = prefixes.match(line)
    return line[found.end() :] if found else line
