"""What is read of messages: arrays, rendered items, bytes, and what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Corrupt, NotFound
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.message import BlobRef
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, ALL, House, TextBody, memory_house, rendered

SETS = [
    UidSet(((1, 1),)),
    UidSet(((2, 3),)),
    UidSet(((1, 1), (3, 3), (5, 9))),
    UidSet(((4, 0xFFFFFFFF),)),
    UidSet(((900, 901),)),
    UidSet(),
]


@pytest.mark.parametrize("uids", SETS, ids=lambda uids: uids.text().decode() or "empty")
def test_items_come_by_uid_and_skip_what_is_not_there(house: House, uids: UidSet) -> None:
    account, boxes = house.account()
    inbox, messages = boxes["INBOX"], house.store.messages
    house.fill(account.number, inbox, 6)
    house.ask(messages.expunge(account.number, inbox, UidSet(((4, 4),)), ACTOR, only_deleted=False))
    wanted = [uid for uid in (1, 2, 3, 5, 6) if uid in uids]
    envelopes = house.ask(messages.envelopes(account.number, inbox, uids))
    assert [uid for uid, _ in envelopes] == wanted
    assert [item for _, item in envelopes] == [
        rendered(mark=b"%d" % (uid - 1)).envelope for uid in wanted
    ]
    structures = house.ask(messages.bodystructures(account.number, inbox, uids))
    assert list(structures) == [
        (uid, rendered(mark=b"%d" % (uid - 1)).bodystructure) for uid in wanted
    ]
    contents = house.ask(messages.contents(account.number, inbox, uids))
    assert [one.uid for one in contents] == wanted
    everything = house.ask(messages.rendered(account.number, inbox, uids))
    assert list(everything) == [(uid, rendered(mark=b"%d" % (uid - 1))) for uid in wanted]
    marks = house.ask(messages.marks(account.number, inbox, uids))
    now = int(house.clock.now())
    assert [(uid, saved, text) for uid, _, _, saved, text in marks] == [
        (uid, now, "a preview") for uid in wanted
    ]


def test_items_are_a_sequence(house: House) -> None:
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 4)
    found: Sequence[tuple[int, bytes]] = house.ask(
        house.store.messages.envelopes(account.number, boxes["INBOX"], ALL)
    )
    as_list = list(found)
    assert len(found) == 4
    assert [found[place] for place in range(4)] == as_list
    assert found[-1] == as_list[-1]
    assert list(found[1:3]) == as_list[1:3]
    with pytest.raises(IndexError):
        found[4]


def test_envelopes_are_bytes_of_any_kind(house: House) -> None:
    account, boxes = house.account()
    odd = [b"", b"\xff\xfe", b"{3}\r\na\0b", "é".encode(), b"\0"]
    messages = [(TextBody(b"x"), rendered(mark=mark), Flags(), 1) for mark in odd]
    house.ask(house.store.messages.append(account.number, boxes["INBOX"], messages, ACTOR))
    found = house.ask(house.store.messages.envelopes(account.number, boxes["INBOX"], ALL))
    assert [item for _, item in found] == [rendered(mark=mark).envelope for mark in odd]


def test_an_index_knows_its_keywords(house: House) -> None:
    account, boxes = house.account()
    flags = [Flags(), Flags(1, ("$A",)), Flags(4, ("$A", "$B")), Flags(0, ("$A",))]
    messages = [(TextBody(b"x"), rendered(), one, 1) for one in flags]
    house.ask(house.store.messages.append(account.number, boxes["INBOX"], messages, ACTOR))
    index = house.ask(house.store.messages.index(account.number, boxes["INBOX"]))
    decoded = [
        Flags(code & 0xFF, index.keyword_sets[code >> 8] if code >> 8 else ())
        for code in index.flags
    ]
    assert decoded == flags
    assert len(index.keyword_sets) == 2


def test_an_empty_mailbox_has_an_empty_index(house: House) -> None:
    account, boxes = house.account()
    index = house.ask(house.store.messages.index(account.number, boxes["INBOX"]))
    assert (list(index.uids), list(index.flags), index.keyword_sets) == ([], [], {})
    assert index.uidnext == 1
    with pytest.raises(NotFound):
        house.ask(house.store.messages.index(account.number, 999))


def test_blobs_are_read_in_the_order_asked_and_repeatedly(house: House) -> None:
    account, boxes = house.account()
    bodies = [b"a" * 10, b"b" * 100_000, b"", b"c" * 3, b"d" * 70_000]
    messages = [(TextBody(body), rendered(), Flags(), 1) for body in bodies]
    house.ask(house.store.messages.append(account.number, boxes["INBOX"], messages, ACTOR))
    refs = [
        one.blob
        for one in house.ask(house.store.messages.contents(account.number, boxes["INBOX"], ALL))
    ]
    order = [4, 0, 2, 2, 1, 3, 0]
    found = house.ask(house.blobs.read([refs[place] for place in order]))
    assert found == [bodies[place] for place in order]
    assert house.ask(house.blobs.read([])) == []


def test_bytes_that_are_not_there_are_corrupt(house: House) -> None:
    with pytest.raises(Corrupt):
        house.ask(house.blobs.read([BlobRef(77, 128, 5)]))


def test_what_changed_since(house: House) -> None:
    account, boxes = house.account()
    inbox, messages = boxes["INBOX"], house.store.messages
    house.fill(account.number, inbox, 5)
    since = house.ask(messages.index(account.number, inbox)).highestmodseq
    assert list(house.ask(messages.changed_flags(account.number, inbox, since))) == []
    stored = house.ask(
        messages.store_flags(
            account.number, inbox, UidSet(((2, 3),)), FlagMode.ADD, Flags(1), ACTOR
        )
    )
    changed = house.ask(messages.changed_flags(account.number, inbox, since))
    assert list(changed) == [(2, 1, stored.modseq), (3, 1, stored.modseq)]
    _, first = house.ask(
        messages.expunge(account.number, inbox, UidSet(((1, 2),)), ACTOR, only_deleted=False)
    )
    house.ask(messages.expunge(account.number, inbox, UidSet(((5, 5),)), ACTOR, only_deleted=False))

    def vanished(since: int, uids: UidSet | None = None) -> list[int]:
        gone = house.ask(messages.vanished(account.number, inbox, since, uids))
        return [uid for uid in (1, 2, 3, 4, 5) if uid in gone]

    assert vanished(since) == [1, 2, 5]
    assert vanished(first) == [5]
    assert vanished(since, UidSet(((2, 4),))) == [2]
    assert vanished(since, UidSet()) == []
    assert vanished(10_000) == []


def test_the_journal_is_read_from_a_number_on(house: House) -> None:
    account, boxes = house.account()
    journal = house.store.journal
    last = house.ask(journal.since(0))[-1].number
    house.fill(account.number, boxes["INBOX"], 2)
    noted = house.ask(journal.note(account.number, "login", '{"ok":true}', ACTOR))
    nobody = house.ask(journal.note(None, "admin", "{}", ACTOR))
    assert nobody == noted + 1
    arrived, login, _ = house.ask(journal.since(last))
    assert (arrived.kind, arrived.uids, arrived.mailbox) == ("arrived", "1:2", boxes["INBOX"])
    assert (arrived.account, arrived.at) == (account.number, int(house.clock.now()))
    assert arrived.actor == ACTOR
    assert (login.number, login.kind, login.detail) == (noted, "login", '{"ok":true}')
    mine = house.ask(journal.since(last, account=account.number, limit=1))
    assert [one.number for one in mine] == [arrived.number]
    numbers = [one.number for one in house.ask(journal.since(0))]
    assert numbers == list(range(1, nobody + 1))


def test_every_change_has_its_row_in_the_journal(house: House) -> None:
    account, boxes = house.account("Other")
    inbox, other = boxes["INBOX"], boxes["Other"]
    house.fill(account.number, inbox, 3)
    messages = house.store.messages
    house.ask(messages.store_flags(account.number, inbox, ALL, FlagMode.ADD, Flags(8), ACTOR))
    house.ask(messages.move(account.number, inbox, UidSet(((1, 1),)), other, ACTOR))
    house.ask(messages.expunge(account.number, inbox, ALL, ACTOR))
    kinds = {one.number: one.kind for one in house.ask(house.store.journal.since(0))}
    told = {
        change.journal: type(change).__name__.lower()
        for change in house.changes
        if hasattr(change, "journal")
    }
    assert told == kinds


@given(st.binary(max_size=300), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_any_bytes_come_back(data: bytes, split: int) -> None:
    """Through a spool, in two chunks, in memory."""

    house = memory_house(Path())
    account, boxes = house.account()
    spool = house.store.spools.open(data[:split])
    spool.write(data[split:])
    body = spool.finish()
    assert body.size == len(data)
    house.ask(
        house.store.messages.append(
            account.number, boxes["INBOX"], [(body, rendered(), Flags(), 1)], ACTOR
        )
    )
    body.close()
    [content] = house.ask(house.store.messages.contents(account.number, boxes["INBOX"], ALL))
    assert house.ask(house.blobs.read([content.blob])) == [data]
