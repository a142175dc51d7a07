"""The maildrop: lock, numbering, reading in slices, and what a commit does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.coord.memory import MemorySeats
from mailhub.core import maildrop
from mailhub.core.maildrop import Maildrop, Maildrops
from mailhub.model.errors import Corrupt, InUse, NotFound
from mailhub.model.flags import SEEN
from mailhub.model.message import BlobRef
from mailhub.model.settings import POP3Settings
from mailhub.model.uids import UidSet
from tests.pop3.visits import names, put
from tests.support import run
from tests.world import ACTOR, World, world

JOE = "joe@example.org"


def opened(here: World, **changes: object) -> Maildrop:
    settings = POP3Settings(**changes)  # type: ignore[arg-type]
    drops = Maildrops(here.store, here.mailboxes, settings, MemorySeats())
    return run(drops.open(here.principal(JOE), "pop3 192.0.2.7"))


def with_mail(*messages: bytes) -> World:
    here = world()
    put(here, JOE, *messages)
    return here


class CountingBlobs:
    """Counts the reads that reach the store, and their bytes."""

    def __init__(self, here: World) -> None:
        self.sizes: list[int] = []
        inner = here.store.blobs.read

        async def read(refs: list[BlobRef]) -> object:
            self.sizes.append(sum(ref.length for ref in refs))
            return await inner(refs)

        here.store.blobs.read = read  # type: ignore[method-assign,assignment]


def whole(drop: Maildrop, number: int) -> bytes:
    data = b""
    while len(data) < drop.size(number):
        data += run(drop.read(number, len(data)))
    return data


def test_one_session_at_a_time_holds_it() -> None:
    here = with_mail(b"a\r\n")
    drops = Maildrops(here.store, here.mailboxes, POP3Settings(), MemorySeats())
    first = run(drops.open(here.principal(JOE), "pop3"))
    with pytest.raises(InUse):
        run(drops.open(here.principal(JOE), "pop3"))
    first.close()
    second = run(drops.open(here.principal(JOE), "pop3"))
    first.close()
    with pytest.raises(InUse):
        run(drops.open(here.principal(JOE), "pop3"))
    second.close()


def test_a_lock_that_is_lost_between_processes_harms_nothing() -> None:
    here = with_mail(b"a\r\n", b"b\r\n", b"c\r\n")
    settings = POP3Settings(delete="trash")
    one, two = (
        run(
            Maildrops(here.store, here.mailboxes, settings, MemorySeats()).open(
                here.principal(JOE), "pop3"
            )
        )
        for _ in range(2)
    )
    for drop in (one, two):
        drop.mark(1)
    two.mark(2)
    run(one.commit())
    assert whole(two, 3) == b"c\r\n"
    put(here, JOE, b"d\r\n")
    run(two.commit())
    assert names(here, JOE) == [3, 4]
    assert len(names(here, JOE, "Trash")) == 2, "each went there once"


def test_a_failed_open_leaves_no_lock() -> None:
    here = with_mail(b"a\r\n")
    drops = Maildrops(here.store, here.mailboxes, POP3Settings(), MemorySeats())
    inner = here.store.messages.index

    async def fails(account: int, mailbox: int) -> object:
        raise NotFound

    here.store.messages.index = fails  # type: ignore[method-assign,assignment]
    with pytest.raises(NotFound):
        run(drops.open(here.principal(JOE), "pop3"))
    here.store.messages.index = inner  # type: ignore[method-assign]
    assert run(drops.open(here.principal(JOE), "pop3")).count == 1


def test_numbers_sizes_and_ids() -> None:
    here = with_mail(b"a\r\n", b"bb\r\n", b"ccc\r\n")
    drop = opened(here)
    assert (drop.count, drop.octets) == (3, 12)
    drop.mark(2)
    assert (drop.count, drop.octets, list(drop.numbers())) == (2, 8, [1, 3])
    for number in (0, 2, 4, -1, 1 << 40):
        with pytest.raises(NotFound):
            drop.size(number)
        with pytest.raises(NotFound):
            drop.unique_id(number)
        with pytest.raises(NotFound):
            run(drop.read(number))
    drop.reset()
    assert (drop.count, drop.octets, list(drop.numbers())) == (3, 12, [1, 2, 3])


def test_ids_are_unique_for_ever_and_printable() -> None:
    here = with_mail(b"a\r\n", b"b\r\n")
    drop = opened(here)
    seen = {drop.unique_id(1), drop.unique_id(2)}
    drop.mark(1)
    drop.mark(2)
    run(drop.commit())
    drop.close()
    put(here, JOE, b"c\r\n")
    later = opened(here).unique_id(1)
    assert len({*seen, later}) == 3
    assert all(1 <= len(one) <= 70 and one.isascii() and one.isprintable() for one in seen)


def test_messages_that_arrive_later_are_not_seen() -> None:
    here = with_mail(b"a\r\n")
    drop = opened(here)
    put(here, JOE, b"b\r\n")
    assert drop.count == 1
    with pytest.raises(NotFound):
        drop.size(2)


def test_what_another_session_expunged_is_not_found() -> None:
    here = with_mail(b"a\r\n", b"b\r\n")
    drop = opened(here)
    account = here.people[JOE].number
    box = run(here.mailboxes.get(account, "INBOX")).number
    run(here.store.messages.expunge(account, box, UidSet.from_any([1]), ACTOR, only_deleted=False))
    with pytest.raises(NotFound):
        run(drop.read(1))
    assert whole(drop, 2) == b"b\r\n"
    drop.mark(1)
    run(drop.commit())
    assert names(here, JOE) == [2]


def test_in_order_small_messages_are_read_ahead_in_few_hops() -> None:
    messages = [b"Subject: %d\r\n\r\n" % number + b"x" * 10_000 for number in range(100)]
    here = with_mail(*messages)
    drop, blobs = opened(here), CountingBlobs(here)
    assert [whole(drop, number) for number in range(1, 101)] == messages
    assert len(blobs.sizes) == 4
    assert max(blobs.sizes) <= maildrop.SLICE


def test_out_of_order_only_what_is_asked_for_is_read() -> None:
    here = with_mail(*[b"x" * 10_000] * 10)
    drop, blobs = opened(here), CountingBlobs(here)
    for number in (9, 4, 2):
        assert whole(drop, number) == b"x" * 10_000
    assert blobs.sizes == [10_000] * 3


def test_the_same_message_can_be_read_again() -> None:
    here = with_mail(b"a\r\n", b"b\r\n")
    drop = opened(here)
    assert [whole(drop, number) for number in (1, 1, 2, 1)] == [
        b"a\r\n",
        b"a\r\n",
        b"b\r\n",
        b"a\r\n",
    ]


def test_large_messages_come_in_slices() -> None:
    large = bytes(range(256)) * 4096
    here = with_mail(b"small\r\n", large, b"small\r\n")
    drop, blobs = opened(here), CountingBlobs(here)
    assert whole(drop, 1) == b"small\r\n"
    assert whole(drop, 2) == large
    assert whole(drop, 3) == b"small\r\n"
    assert run(drop.read(2, len(large))) == b""
    assert max(blobs.sizes) <= maildrop.SLICE


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_message_that_compaction_moved_meanwhile_is_found_again(size: int) -> None:
    here = with_mail(b"x" * size)
    drop = opened(here)
    account = here.people[JOE].number
    place = run(drop.place(1))
    assert place.blob.length == size
    inner, contents = here.store.blobs.read, here.store.messages.contents
    new = replace(place.blob, segment=place.blob.segment + 1)

    async def read(refs: list[BlobRef]) -> object:
        if any(ref.segment != new.segment for ref in refs):
            raise Corrupt
        return await inner(refs)

    async def moved(*arguments: Any) -> object:
        assert arguments[0] == account
        return [replace(found, blob=new) for found in await contents(*arguments)]

    here.store.blobs.read = read  # type: ignore[method-assign,assignment]
    here.store.messages.contents = moved  # type: ignore[method-assign,assignment]
    assert whole(drop, 1) == b"x" * size
    here.store.messages.contents = contents  # type: ignore[method-assign]
    new = replace(new, segment=-1)
    with pytest.raises(Corrupt):
        run(drop.read(1))


def test_a_delivered_message_has_its_prefix() -> None:
    here = world()
    here.deliver(JOE, b"Subject: x\r\n\r\n" + b"y" * 300_000 + b"\r\n")
    drop = opened(here)
    data = whole(drop, 1)
    place = run(drop.place(1))
    assert place.prefix
    assert data.startswith(place.prefix)
    assert data[: place.header_length].endswith(b"Subject: x\r\n\r\n")
    assert len(data) == drop.size(1)


def test_newest_hides_older_ones_and_leaves_them_alone() -> None:
    here = with_mail(b"a\r\n", b"bb\r\n", b"ccc\r\n")
    drop = opened(here, newest=2)
    assert (drop.count, drop.octets) == (2, 9)
    assert whole(drop, 1) == b"bb\r\n"
    drop.mark(1)
    run(drop.commit())
    assert names(here, JOE) == [1, 3]


def test_nothing_is_deleted_without_a_commit() -> None:
    here = with_mail(b"a\r\n")
    drop = opened(here)
    drop.mark(1)
    drop.close()
    assert names(here, JOE) == [1]


def test_delete_can_move_to_trash() -> None:
    here = with_mail(b"a\r\n", b"b\r\n", b"c\r\n")
    drop = opened(here, delete="trash")
    drop.mark(1)
    drop.mark(3)
    run(drop.commit())
    assert names(here, JOE) == [2]
    assert len(names(here, JOE, "Trash")) == 2


@pytest.mark.parametrize("special", [True, False])
def test_trash_is_found_or_made(special: bool) -> None:
    here = with_mail(b"a\r\n")
    account = here.people[JOE].number
    run(here.mailboxes.remove(account, "Trash", ACTOR))
    if not special:
        run(here.mailboxes.create(account, "Trash", ACTOR))
    drop = opened(here, delete="trash")
    drop.mark(1)
    run(drop.commit())
    assert names(here, JOE) == []
    assert len(names(here, JOE, "Trash")) == 1


@pytest.mark.parametrize("mark_seen", [True, False])
def test_what_was_retrieved_is_seen_after_a_commit(mark_seen: bool) -> None:
    here = with_mail(b"a\r\n", b"b\r\n", b"c\r\n")
    drop = opened(here, mark_seen=mark_seen)
    drop.was_read(1)
    drop.was_read(3)
    drop.mark(3)
    run(drop.commit())
    account = here.people[JOE].number
    box = run(here.mailboxes.get(account, "INBOX")).number
    index = run(here.store.messages.index(account, box))
    assert list(index.uids) == [1, 2]
    assert [bool(code & SEEN) for code in index.flags] == [mark_seen, False]
