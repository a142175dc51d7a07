"""What filters make of a message: conditions, actions, and the order in which they count.

All filters of an account run, oldest first, and none stops the others: of each action the first
filter that sets it wins, forwards add up. Everything is looked at within bounds: a header as far
as `personal.HEADER` goes, text as far as the budget does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mailhub.core.collation import fold
from mailhub.core.personal import Incoming, Mail
from mailhub.core.rendered import rendered
from mailhub.core.rulings import Rulings
from mailhub.core.turns import Turns
from mailhub.model.decision import Decision, Filed, Redirect
from mailhub.model.filter import Actions, Conditions, Filter, Ruling
from mailhub.model.flags import FLAGGED, SEEN, Flags
from mailhub.ports import Body, Clock
from mailhub.wire import header, relayurl, text

SENDER = ("from", "sender")
RECIPIENT = ("to", "cc", "delivered-to")
SUBJECT = ("subject",)
LIST = ("list-id",)
"""Header fields that a condition looks at."""
NOTHING = Actions()
NORMAL = 50
"""The spam level at which the server's judgement stands."""


@dataclass(slots=True)
class Outcome:
    """What several filters want together; None: none of them said so."""

    seen: bool | None = None
    flag: bool | None = None
    delete: bool | None = None
    spam: bool | None = None
    mailbox: int = 0
    forwards: dict[str, None] = field(default_factory=dict)
    uploads: dict[str, None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def add(self, one: Filter) -> None:
        """One more filter whose conditions hold; those before it win."""
        wanted = one.actions
        for name in ("seen", "flag", "delete", "spam"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(wanted, name))
        self.mailbox = self.mailbox or wanted.mailbox
        self.forwards |= dict.fromkeys(wanted.forwards)
        self.uploads |= dict.fromkeys(wanted.uploads)
        if wanted != NOTHING:
            self.reasons.append(f"filter {one.id}")


class Filtering:
    """`personal.Rules`: filters, the account's own level for spam, and where all its mail goes on
    to. `junk`: points from which on the server takes mail for spam, 0: never by points; `budget`:
    characters of a message's text that are looked through."""

    name = "filters"

    def __init__(self, rulings: Rulings, clock: Clock, *, junk: float, budget: int) -> None:
        self._rulings = rulings
        self._clock = clock
        self._junk = junk
        self._budget = budget

    async def begin(self) -> None:
        """See `personal.Rules`."""
        await self._rulings.begin()

    def concern(self, account: int) -> bool:
        """See `personal.Rules`."""
        return self._rulings.concern(account)

    async def decide(self, incoming: Incoming, before: Decision) -> Decision:
        """See `personal.Rules`."""
        ruling = await self._rulings.of(incoming.account)
        if ruling.empty:
            return before
        found = await self.outcome(incoming, ruling.filters)
        return decided(found, ruling, self._is_spam(incoming, ruling, found), before)

    async def outcome(self, incoming: Incoming, filters: Sequence[Filter]) -> Outcome:
        """What the filters want together."""
        mail = incoming.mail
        seen = Seen(incoming)
        likely = [one for one in filters if seen.holds(one.conditions)]
        needles = {squeezed(one.conditions.text) for one in likely if one.conditions.text}
        there = await self._containing(mail, needles) if needles else ()
        found = Outcome()
        for one in likely:
            if not one.conditions.text or squeezed(one.conditions.text) in there:
                found.add(one)
        return found

    async def trial(self, account: int, recipient: str, body: Body) -> Outcome:
        """What the account's filters would want done with a message; nothing is done."""
        ruling = await self._rulings.of(account)
        mail = Mail(body, await rendered(body, self._clock), self._clock)
        case = Incoming(account, mail, recipient, recipient, "", b"", int(self._clock.now()))
        return await self.outcome(case, ruling.filters)

    async def _containing(self, mail: Mail, needles: Collection[str]) -> Collection[str]:
        """Those of `needles` that the message's text has, as far as the budget goes."""
        found: set[str] = set()
        left = self._budget
        turns = Turns(self._clock)
        root = await mail.root()
        for piece in text.searchable(mail.body.view(), root):
            plain = compared(piece[:left])
            found.update(one for one in needles if one in plain)
            left -= len(piece)
            if left <= 0 or len(found) == len(needles):
                break
            await turns.rest()
        return found

    def _is_spam(self, incoming: Incoming, ruling: Ruling, found: Outcome) -> bool:
        if incoming.fraud:
            return True
        if found.spam is not None:
            return found.spam
        level = ruling.spam_level
        if level == NORMAL:
            return incoming.spam
        if level <= 0 or level >= 100:
            return level <= 0
        if incoming.named:
            return True
        return self._junk > 0 and incoming.score >= self._junk * level / NORMAL


class Seen:
    """A message as conditions see it: each header field is read at most once for all filters."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._size = incoming.mail.body.size
        self._texts: dict[tuple[str, ...], str] = {}

    def holds(self, wanted: Conditions) -> bool:
        """Whether all conditions hold but that on the text."""
        if wanted.attachments is not None and (
            wanted.attachments != self._incoming.mail.rendered.attachments
        ):
            return False
        size = wanted.size
        if (size > 0 and self._size <= size) or (size < 0 and self._size >= -size):
            return False
        return not (
            (wanted.sender and not self._has(wanted.sender, SENDER))
            or (wanted.recipient and not self._has(wanted.recipient, RECIPIENT))
            or (wanted.subject and not self._has(wanted.subject, SUBJECT))
            or (wanted.list_id and not self._has(wanted.list_id, LIST))
        )

    def _has(self, needle: str, names: tuple[str, ...]) -> bool:
        text = self._texts.get(names)
        if text is None:
            text = self._texts[names] = self._read(names)
        return squeezed(needle) in text

    def _read(self, names: tuple[str, ...]) -> str:
        """All fields of these names as they are compared, one line each."""
        found = [self._incoming.mail.field(name) for name in names]
        if "delivered-to" in names:
            copies = header.values(self._incoming.prefix, b"delivered-to")
            found += [value.decode("utf-8", "replace") for value in copies]
        lines = "\n".join(found).split("\n")
        return "\n".join(map(compared, lines))


def compared(written: str) -> str:
    """Text as it is compared: in one case, each run of spaces and line ends one space."""
    return " ".join(fold(written).split())


squeezed = lru_cache(maxsize=4096)(compared)
"""The same of what filters look for, which is little and comes again with every message."""


def decided(found: Outcome, ruling: Ruling, spam: bool, before: Decision) -> Decision:
    """What filters and forwards of the account lead to."""
    bits = (SEEN if found.seen else 0) | (FLAGGED if found.flag else 0)
    filed: tuple[Filed, ...] = (Filed(None if spam else found.mailbox or None, Flags(bits)),)
    forwards = dict(found.forwards)
    urls = dict(found.uploads)
    if found.delete:
        filed = ()
    else:
        for target in ruling.targets:
            (urls if "://" in target else forwards)[target] = None
    relays = [url for url in urls if relayurl.is_relay(url)]
    redirects = [Redirect(one) for one in forwards] + [Redirect("", relay=url) for url in relays]
    uploads = [url for url in urls if url not in relays]
    return replace(
        before,
        filed=filed,
        settled=bool(found.delete or found.mailbox or spam),
        spam=spam,
        redirects=() if spam else tuple(redirects),
        uploads=() if spam else tuple(uploads),
        reasons=(*before.reasons, *found.reasons),
    )
