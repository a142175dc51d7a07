"""COPY, MOVE and EXPUNGE: sets of messages that change their place, or go, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.change import Actor, Arrived, ArrivedRow, Expunged
from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.flags import DELETED, SEEN
from mailhub.model.mailbox import Mailbox, NewMailbox
from mailhub.model.message import Arrival, Copied
from mailhub.model.uids import MAX_UID, UidSet
from mailhub.store import archive, contents, conversations, mailboxes
from mailhub.store.arrivals import arrive
from mailhub.store.expiry import expires
from mailhub.store.flag_notes import noted
from mailhub.store.orders import Order
from mailhub.store.sql import Ranged, integers, next_number, put_rows
from mailhub.store.transaction import Transaction
from mailhub.store.usages import take_quota

SWEEP_LATER = 1000
"""Expunging more than this many leaves their bodies' rows to `sweeps`, off this transaction."""

_WHERE = "WHERE m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
_DOOMED = " AND (m.flags & :mask) = :mask"

_SUMS = Ranged(
    "SELECT group_concat(m.uid), group_concat(m.flags), group_concat(m.size),"
    f" group_concat(m.internaldate), group_concat({conversations.thread_of('m')})"
    " FROM message AS m " + _WHERE + _DOOMED + " ORDER BY m.uid"
)
_PUT_COPIES = Ranged(
    "INSERT INTO message (account, mailbox, uid, modseq, flags, internaldate, savedate, size,"
    " content, expires, thread) SELECT m.account, :destination, :before + row_number() OVER"
    " (ORDER BY m.uid), :modseq, m.flags, m.internaldate, :now, m.size, m.content, :expires,"
    " m.thread FROM message AS m " + _WHERE
)
_USE_AGAIN = Ranged(
    "UPDATE content SET uses = uses + more.count FROM (SELECT m.content AS key, count(*) AS count"
    " FROM message AS m " + _WHERE + " GROUP BY m.content) AS more"
    " WHERE content.key = more.key AND content.account = :account"
)
_TAKE_OUT = Ranged(
    "DELETE FROM message WHERE account = :account AND mailbox = :mailbox AND {uids:uid}"
    " AND (flags & :mask) = :mask"
)
_SET_ASIDE = Ranged(
    "UPDATE message SET mailbox = :aside WHERE account = :account AND mailbox = :mailbox"
    " AND {uids:uid} AND (flags & :mask) = :mask"
)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Messages of one mailbox: parallel columns by UID."""

    uids: list[int]
    flags: list[int]
    sizes: list[int]
    dates: list[int]
    threads: list[int]

    def sums(self) -> dict[str, object]:
        """What a mailbox's counters gain or lose by them."""
        return {
            "count": len(self.uids),
            "unseen": sum(not code & SEEN for code in self.flags),
            "deleted": sum(bool(code & DELETED) for code in self.flags),
            "size": sum(self.sizes),
        }


def _choose(tx: Transaction, account: int, mailbox: int, uids: UidSet, mask: int) -> _Chosen:
    if not uids:
        return _Chosen([], [], [], [], [])
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "mask": mask}
    row = _SUMS.run(tx.cursor, uids, key).fetchone()
    return _Chosen(*map(integers, row))


def copy(
    tx: Transaction, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
) -> Copied:
    """See `ports.Messages.copy`."""
    mailboxes.known(tx.cursor, account, mailbox)
    target = mailboxes.known(tx.cursor, account, destination)
    chosen = _choose(tx, account, mailbox, uids, 0)
    if not chosen.uids:
        return Copied(target.uidvalidity, (), ())
    take_quota(tx, account, sum(chosen.sizes), len(chosen.uids))
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    _USE_AGAIN.run(tx.cursor, uids, key)
    of = [mailbox, UidSet.from_sorted(chosen.uids).text().decode()]
    return _put(tx, account, mailbox, uids, destination, chosen, actor, of)


def move(
    tx: Transaction, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
) -> Copied:
    """See `ports.Messages.move`. To the same mailbox, messages get new UIDs at its end."""
    mailboxes.known(tx.cursor, account, mailbox)
    target = mailboxes.known(tx.cursor, account, destination)
    chosen = _choose(tx, account, mailbox, uids, 0)
    if not chosen.uids:
        return Copied(target.uidvalidity, (), ())
    copied = _put(tx, account, mailbox, uids, destination, chosen, actor)
    gone = UidSet.from_sorted(chosen.uids)
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "mask": 0}
    _TAKE_OUT.run(tx.cursor, gone, key)
    _bury(tx, account, mailbox, chosen, gone, actor, [destination, copied.destination[0]])
    return copied


def expunge(
    tx: Transaction,
    account: int,
    mailbox: int,
    uids: UidSet,
    actor: Actor,
    only_deleted: bool,
    keep: bool = False,
) -> tuple[UidSet, int]:
    """See `ports.Messages.expunge`."""
    mailboxes.known(tx.cursor, account, mailbox)
    mask = DELETED if only_deleted else 0
    chosen = _choose(tx, account, mailbox, uids, mask)
    if not chosen.uids:
        return UidSet(), 0
    gone = UidSet.from_sorted(chosen.uids)
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "mask": mask}
    if len(chosen.uids) > SWEEP_LATER:
        aside = next_number(tx.cursor, "mailbox")
        _SET_ASIDE.run(tx.cursor, uids, key | {"aside": aside})
        tx.execute(
            "INSERT INTO sweep (account, mailbox, source) VALUES (:account, :aside, :source)",
            {"account": account, "aside": aside, "source": mailbox if keep else 0},
        )
    else:
        if keep:
            flags = list(zip(chosen.uids, chosen.flags, strict=True))
            archive.keep(tx, account, mailbox, flags, mailbox)
        else:
            contents.release(tx, account, mailbox, gone)
        _TAKE_OUT.run(tx.cursor, uids, key)
    tx.execute(
        "UPDATE usage SET used_storage = used_storage - :size,"
        " used_messages = used_messages - :messages WHERE account = :account",
        {"size": sum(chosen.sizes), "messages": len(chosen.uids), "account": account},
    )
    return gone, _bury(tx, account, mailbox, chosen, gone, actor)


def drain(tx: Transaction, account: int, source: int, order: NewMailbox, actor: Actor) -> Mailbox:
    """See `ports.Mailboxes.drain`."""
    fresh = mailboxes.create(tx, account, [order], actor)[0]
    move(tx, account, source, UidSet(((1, MAX_UID),)), fresh.number, actor)
    return mailboxes.known(tx.cursor, account, fresh.number)


def replace(tx: Transaction, order: Order, replaced: tuple[int, int]) -> Sequence[Arrival]:
    """APPEND that takes the place of (mailbox, uid) in the same commit (RFC 8508). What was
    replaced is not kept: it has a successor. Raises NotFound when that message is gone."""
    outcome = arrive(tx, [order])[0]
    if isinstance(outcome, MailhubError):
        raise outcome
    mailbox, uid = replaced
    account = order.entries[0].account
    gone, _ = expunge(tx, account, mailbox, UidSet(((uid, uid),)), order.actor, False)
    if not gone:
        raise NotFound("No such message")
    return outcome


def _put(
    tx: Transaction,
    account: int,
    mailbox: int,
    uids: UidSet,
    destination: int,
    chosen: _Chosen,
    actor: Actor,
    of: list[object] | None = None,
) -> Copied:
    """New rows in `destination`; its counters, journal and change. `of`: the mailbox and UIDs that
    they are copies of, for the journal."""
    count = len(chosen.uids)
    threads = conversations.gained(tx, account, destination, chosen.threads)
    uidvalidity, uidnext, modseq, retention = tx.execute(
        "UPDATE mailbox SET uidnext = uidnext + :count, highestmodseq = highestmodseq + 1,"
        " messages = messages + :count, unseen = unseen + :unseen, deleted = deleted + :deleted,"
        " size = size + :size, threads = threads + :threads"
        " WHERE account = :account AND number = :mailbox"
        " RETURNING uidvalidity, uidnext, highestmodseq, retention",
        chosen.sums() | {"account": account, "mailbox": destination, "threads": threads},
    ).fetchone()
    first = uidnext - count
    key: dict[str, object] = {
        "account": account,
        "mailbox": mailbox,
        "destination": destination,
        "before": first - 1,
        "modseq": modseq,
        "now": tx.now,
        "expires": expires(tx.now, retention),
    }
    _PUT_COPIES.run(tx.cursor, uids, key)
    archive.keep_steady(tx, account, destination, first, chosen.dates)
    fresh = range(first, uidnext)
    columns = zip(fresh, chosen.flags, chosen.sizes, chosen.dates, strict=True)
    rows = [ArrivedRow(*row) for row in columns]
    text = UidSet(((first, uidnext - 1),)).text().decode()
    facts = noted(list(zip(fresh, chosen.flags, strict=True)), set(chosen.flags))
    if of is not None:
        facts["of"] = of
    detail = json.dumps(facts) if facts else ""
    entry = tx.journal("arrived", actor, account, destination, modseq, text, detail)
    tx.tell(Arrived(entry, account, destination, modseq, rows))
    return Copied(uidvalidity, chosen.uids, fresh)


def _bury(
    tx: Transaction,
    account: int,
    mailbox: int,
    chosen: _Chosen,
    gone: UidSet,
    actor: Actor,
    to: list[int] | None = None,
) -> int:
    """What a mailbox that lost messages remembers of them; the MODSEQ. `to`: the mailbox that they
    went to, and the first of their UIDs there, for the journal."""
    threads = conversations.lost(tx, account, mailbox, chosen.threads)
    modseq = int(
        tx.execute(
            "UPDATE mailbox SET highestmodseq = highestmodseq + 1, messages = messages - :count,"
            " unseen = unseen - :unseen, deleted = deleted - :deleted, size = size - :size,"
            " threads = threads - :threads"
            " WHERE account = :account AND number = :mailbox RETURNING highestmodseq",
            chosen.sums() | {"account": account, "mailbox": mailbox, "threads": threads},
        ).fetchone()[0]
    )
    put_rows(
        tx.cursor,
        "INSERT INTO expunged (account, mailbox, modseq, low, high) VALUES",
        [(account, mailbox, modseq, low, high) for low, high in gone.ranges],
    )
    detail = json.dumps({"to": to}) if to is not None else ""
    entry = tx.journal("expunged", actor, account, mailbox, modseq, gone.text().decode(), detail)
    tx.tell(Expunged(entry, account, mailbox, modseq, gone))
    return modseq
