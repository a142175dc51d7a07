"""Mail for accounts that still live on another server: which of it goes there, which has come home
meanwhile, and how it gets there.

What a transaction is, `queue.lease` knows; who is elsewhere, `core.elsewhere`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub.core.elsewhere import mark
from mailhub.core.trace import delivered_to
from mailhub.model.change import Actor
from mailhub.model.elsewhere import Door, Elsewhere, Layer, Phase
from mailhub.model.errors import Unavailable
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import QueueEntry, Slot
from mailhub.model.route import Route, TLSLevel
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

ACTOR = Actor(source="queue")
MOVING = Answer(450, "4.2.1", "The mailbox is being moved", Stage.RCPT)
NO_WAY = Answer(450, "4.4.4", "No way is known to the server of this mailbox", Stage.RCPT)


@dataclass(frozen=True, slots=True)
class Parted:
    """Entries of a lane. `home`: their mailbox is here; `away`: they go on, each to the address by
    which the other server knows the account; `waiting`: with what they are told."""

    home: Sequence[QueueEntry]
    away: Sequence[QueueEntry]
    waiting: Sequence[tuple[QueueEntry, Answer]]


def parted(entries: Sequence[QueueEntry], known: Mapping[int, Elsewhere]) -> Parted:
    """`known`: of the entries' accounts those that are not here."""
    home: list[QueueEntry] = []
    away: list[QueueEntry] = []
    waiting: list[tuple[QueueEntry, Answer]] = []
    for entry in entries:
        one = known.get(entry.home)
        if one is None:
            home.append(entry)
        elif one.phase is Phase.MOVING:
            waiting.append((entry, MOVING))
        elif one.mail is None:
            waiting.append((entry, NO_WAY))
        else:
            away.append(replace(entry, recipient=recipient(one, one.mail, entry.recipient)))
    return Parted(home, away, waiting)


def recipient(one: Elsewhere, mail: Door, given: str) -> str:
    """The account's address there. Aliases are resolved here, so it is one and the same; but for
    what stands behind a `+`, which the account's own rules may ask for. A login name that is no
    address is a recipient for LMTP alone."""
    if "@" not in one.name:
        return one.name if mail.protocol == "lmtp" else given
    name, domain = grammar.split(one.name)
    local, by = grammar.split(given)
    extended = local.lower().startswith(f"{name.lower()}+") and by == domain
    return given if extended else one.name


async def hastened(
    storage: Storage, entries: Sequence[QueueEntry], known: Mapping[int, Elsewhere], clock: Clock
) -> Mapping[int, Slot]:
    """Makes those due whose account came into another phase since it was `known`: who changed that
    made due what waited, and these were being worked on and put off afterwards. Where they stand
    now, by number. Raises Unavailable."""
    later = await storage.elsewheres.among([entry.home for entry in entries])
    late = [entry.number for entry in entries if later.get(entry.home) != known.get(entry.home)]
    if not late:
        return {}
    await storage.queue.retry(late, int(clock.now()), ACTOR)
    loaded = await storage.queue.load(late, each=0, together=0)
    waiting = [one for one in loaded.entries if not one.held]
    return {one.number: Slot(one.number, one.due, one.lane) for one in waiting}


async def way(storage: Storage, entry: QueueEntry) -> Route:
    """The way to the other server. Raises Unavailable where there is none any more."""
    one = await storage.elsewheres.get(entry.home)
    if one is None or one.mail is None:
        raise Unavailable("The mailbox is here by now")
    mail = one.mail
    levels = {
        Layer.NONE: TLSLevel.NONE,
        Layer.STARTTLS: TLSLevel.OPPORTUNISTIC,
        Layer.IMPLICIT: TLSLevel.VERIFIED,
    }
    return Route(
        number=-entry.home,
        destination=entry.lane,
        host=mail.host,
        port=mail.port,
        tls=levels[mail.layer],
        implicit=mail.layer is Layer.IMPLICIT,
        lmtp=mail.protocol == "lmtp",
    )


async def marked(storage: Storage, entry: QueueEntry) -> bytes:
    """The field by which the message is known, should the other server send it back."""
    one = await storage.elsewheres.get(entry.home)
    return b"" if one is None else delivered_to(mark(one))
