"""Deliveries and appends: together or not at all, and once per hand-over, on every store."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mailhub.model.account import Limits
from mailhub.model.change import Arrived, KeywordSet, Queued
from mailhub.model.errors import MailhubError, NotFound, OverQuota
from mailhub.model.flags import DELETED, SEEN, Flags
from mailhub.model.message import Arrival, Copy
from mailhub.model.queue import Onward, QueueSender, Slot
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, ALL, MESSAGE, House, TextBody, rendered

PREFIX = b"Return-Path: <a@b.example>\r\n"


def deliver(
    house: House, copies: list[Copy], token: str = "", body: bytes = MESSAGE
) -> list[Arrival]:
    token = token or house.token()
    return list(
        house.ask(
            house.store.messages.deliver(
                token, TextBody(body), rendered("<1@x>"), copies, None, (), ACTOR
            )
        )
    )


def whole(house: House, account: int, mailbox: int, uids: UidSet = ALL) -> list[bytes]:
    """The bytes of messages, as IMAP would send them."""
    contents = house.ask(house.store.messages.contents(account, mailbox, uids))
    blobs = house.ask(house.blobs.read([one.blob for one in contents]))
    return [one.prefix + blob for one, blob in zip(contents, blobs, strict=True)]


def test_a_delivery_reaches_the_inbox(house: House) -> None:
    account, boxes = house.account()
    before = house.ask(house.store.mailboxes.get(account.number, "INBOX"))
    assert before is not None
    [arrival] = deliver(
        house, [Copy(account.number, None, PREFIX, Flags(SEEN), 1_234_567_890, "joe@x")]
    )
    assert (arrival.account, arrival.mailbox) == (account.number, boxes["INBOX"])
    assert (arrival.uid, arrival.uidvalidity) == (1, before.uidvalidity)
    assert arrival.modseq > before.highestmodseq
    index = house.ask(house.store.messages.index(account.number, arrival.mailbox))
    size = len(PREFIX + MESSAGE)
    assert list(index.uids) == [1]
    assert list(index.modseqs) == [arrival.modseq]
    assert (list(index.flags), list(index.sizes)) == ([SEEN], [size])
    assert list(index.dates) == [1_234_567_890]
    assert (index.uidnext, index.highestmodseq) == (2, arrival.modseq)
    after = house.ask(house.store.mailboxes.get(account.number, "INBOX"))
    assert after is not None
    assert (after.messages, after.unseen, after.deleted, after.size) == (1, 0, 0, size)
    assert whole(house, account.number, arrival.mailbox) == [PREFIX + MESSAGE]
    [content] = house.ask(house.store.messages.contents(account.number, arrival.mailbox, ALL))
    assert content.header_length == len(PREFIX) + 14
    [told] = [change for change in house.changes if isinstance(change, Arrived)]
    assert (told.modseq, [row.uid for row in told.rows]) == (arrival.modseq, [1])


def test_copies_of_one_delivery_keep_their_order_and_their_prefix(house: House) -> None:
    ann, ann_boxes = house.account("Lists")
    bob, bob_boxes = house.account()
    arrivals = deliver(
        house,
        [
            Copy(bob.number, None, b"X: bob\r\n"),
            Copy(ann.number, ann_boxes["Lists"], b"X: list\r\n", Flags(0, ("$List",))),
            Copy(ann.number, None, b"X: ann\r\n"),
            Copy(ann.number, None, b"X: ann\r\n"),
        ],
    )
    places = [(one.account, one.mailbox, one.uid) for one in arrivals]
    assert places == [
        (bob.number, bob_boxes["INBOX"], 1),
        (ann.number, ann_boxes["Lists"], 1),
        (ann.number, ann_boxes["INBOX"], 1),
        (ann.number, ann_boxes["INBOX"], 2),
    ]
    assert whole(house, bob.number, bob_boxes["INBOX"]) == [b"X: bob\r\n" + MESSAGE]
    assert whole(house, ann.number, ann_boxes["INBOX"]) == [b"X: ann\r\n" + MESSAGE] * 2
    assert whole(house, ann.number, ann_boxes["Lists"]) == [b"X: list\r\n" + MESSAGE]
    known = house.ask(house.store.accounts.get(ann.number))
    assert known is not None
    assert known.used_messages == 3
    assert known.used_storage == 3 * len(MESSAGE) + len(b"X: list\r\n") + 2 * len(b"X: ann\r\n")
    kinds = [type(change) for change in house.changes if isinstance(change, Arrived | KeywordSet)]
    assert kinds == [KeywordSet, Arrived, Arrived, Arrived]


def test_the_same_hand_over_again_changes_nothing(house: House) -> None:
    account, boxes = house.account()
    first = deliver(house, [Copy(account.number)], "token-1")
    house.changes.clear()
    assert deliver(house, [Copy(account.number)], "token-1", b"other bytes") == first
    assert house.uids(account.number, boxes["INBOX"]) == [1]
    assert house.changes == []
    assert deliver(house, [Copy(account.number)], "token-2") != first


def test_what_never_comes_again_is_not_remembered(house: House) -> None:
    account, _ = house.account()
    copies = [Copy(account.number, None, PREFIX, Flags(), 1, "joe@x")]
    token = house.token()
    given = (token, TextBody(MESSAGE), rendered("<1@x>"), copies, None, (), ACTOR)
    found = [
        house.ask(house.store.messages.deliver(*given, again=again))[0].uid
        for again in (False, False, True, True)
    ]
    assert found == [1, 2, 3, 3]
    entries = house.ask(house.store.journal.since(0, account=account.number))
    arrived = [json.loads(one.detail) for one in entries if one.kind == "arrived"]
    assert [one["transaction"] for one in arrived] == [token] * 3


def test_a_hand_over_twice_in_one_commit_counts_once(house: House) -> None:
    account, boxes = house.account()
    store = house.store.messages

    async def both() -> list[list[Arrival]]:
        waiting = [
            store.deliver(
                "same", TextBody(MESSAGE), rendered(), [Copy(account.number)], None, (), ACTOR
            )
            for _ in range(2)
        ]
        return [list(await one) for one in waiting]

    first, second = house.ask(both())
    assert first == second
    assert house.uids(account.number, boxes["INBOX"]) == [1]


@pytest.mark.parametrize(
    "bad", [Copy(999), Copy(1, 999)], ids=["unknown account", "unknown mailbox"]
)
def test_one_copy_that_cannot_be_made_stops_all(house: House, bad: Copy) -> None:
    account, boxes = house.account()
    assert account.number == 1
    house.changes.clear()
    with pytest.raises(NotFound):
        deliver(house, [Copy(account.number), bad])
    assert house.uids(account.number, boxes["INBOX"]) == []
    assert house.changes == []


def test_quota_is_exact_and_counts_prefixes(make_house: Callable[..., House]) -> None:
    house = make_house(quota=3 * len(MESSAGE))
    account, boxes = house.account()
    inbox = boxes["INBOX"]
    house.fill(account.number, inbox, 2)
    with pytest.raises(OverQuota):
        deliver(house, [Copy(account.number, None, b"X")])
    deliver(house, [Copy(account.number)])
    assert house.uids(account.number, inbox) == [1, 2, 3]
    with pytest.raises(OverQuota):
        house.fill(account.number, inbox, 1)
    house.ask(house.store.messages.expunge(account.number, inbox, ALL, ACTOR, only_deleted=False))
    house.fill(account.number, inbox, 3)


def test_an_accounts_own_limits_come_first(make_house: Callable[..., House]) -> None:
    house = make_house(quota=1)
    roomy, roomy_boxes = house.account(limits=Limits(storage=1000))
    counted, counted_boxes = house.account(limits=Limits(storage=1000, messages=2))
    house.fill(roomy.number, roomy_boxes["INBOX"], 3)
    house.fill(counted.number, counted_boxes["INBOX"], 2)
    with pytest.raises(OverQuota):
        deliver(house, [Copy(roomy.number), Copy(counted.number)])
    assert house.uids(roomy.number, roomy_boxes["INBOX"]) == [1, 2, 3]


def test_many_at_once_cannot_pass_the_quota(make_house: Callable[..., House]) -> None:
    house = make_house(quota=5 * len(MESSAGE))
    account, boxes = house.account()

    async def storm() -> list[str]:
        waiting = [
            house.store.messages.deliver(
                house.token(),
                TextBody(MESSAGE),
                rendered(),
                [Copy(account.number)],
                None,
                (),
                ACTOR,
            )
            for _ in range(12)
        ]
        outcomes = []
        for one in waiting:
            try:
                await one
                outcomes.append("in")
            except MailhubError as error:
                outcomes.append(type(error).__name__)
        return outcomes

    outcomes = house.ask(storm())
    assert outcomes == ["in"] * 5 + ["OverQuota"] * 7
    assert house.uids(account.number, boxes["INBOX"]) == [1, 2, 3, 4, 5]


def test_onward_recipients_are_queued_in_the_same_commit(house: House) -> None:
    account, _ = house.account()
    sender = QueueSender("ann@x.example", "HDRS", "env+2B", "8BITMIME", True, account.number)
    onward = [
        Onward("one@far.example", ("SUCCESS", "FAILURE"), "rfc822;one@far.example", 7),
        Onward("two@far.example"),
    ]
    house.ask(
        house.store.messages.deliver(
            house.token(),
            TextBody(MESSAGE),
            rendered(),
            [Copy(account.number)],
            sender,
            onward,
            ACTOR,
        )
    )
    (first, second), total = house.ask(house.store.queue.page())
    assert total == 2
    assert house.ask(house.store.queue.count()) == 2
    assert (first.recipient, first.notify, first.orcpt, first.due) == (
        "one@far.example",
        ("SUCCESS", "FAILURE"),
        "rfc822;one@far.example",
        7,
    )
    assert (second.recipient, second.notify, second.attempts) == ("two@far.example", (), 0)
    assert first.sender == second.sender == sender
    assert first.message == second.message
    assert (first.size, first.created) == (len(MESSAGE), int(house.clock.now()))
    [queued] = [change for change in house.changes if isinstance(change, Queued)]
    assert queued.slots == (
        Slot(first.number, 7, "far.example"),
        Slot(second.number, 0, "far.example"),
    )
    page, total = house.ask(house.store.queue.page(after=first.number, limit=5))
    assert (list(page), total) == ([second], 2)


def test_a_delivery_may_be_for_others_only(house: House) -> None:
    arrivals = house.ask(
        house.store.messages.deliver(
            house.token(),
            TextBody(MESSAGE),
            rendered(),
            [],
            QueueSender(""),
            [Onward("a@b")],
            ACTOR,
        )
    )
    assert list(arrivals) == []
    assert house.ask(house.store.queue.count()) == 1


def test_an_empty_message_is_a_message(house: House) -> None:
    account, boxes = house.account()
    deliver(house, [Copy(account.number)], body=b"")
    deliver(house, [Copy(account.number)], body=b"")
    assert whole(house, account.number, boxes["INBOX"]) == [b"", b""]


# -- append


def test_append_is_all_or_none(make_house: Callable[..., House]) -> None:
    house = make_house(quota=2 * len(MESSAGE))
    account, boxes = house.account("Drafts")
    messages = [
        (TextBody(MESSAGE), rendered(mark=b"%d" % place), Flags(DELETED * place), 100 + place)
        for place in range(3)
    ]
    drafts = boxes["Drafts"]
    with pytest.raises(OverQuota):
        house.ask(house.store.messages.append(account.number, drafts, messages, ACTOR))
    assert house.uids(account.number, drafts) == []
    arrivals = house.ask(house.store.messages.append(account.number, drafts, messages[:2], ACTOR))
    assert [one.uid for one in arrivals] == [1, 2]
    assert len({one.modseq for one in arrivals}) == 1
    index = house.ask(house.store.messages.index(account.number, drafts))
    assert (list(index.flags), list(index.dates)) == ([0, DELETED], [100, 101])


def test_replace_swaps_in_one_commit(house: House) -> None:
    account, boxes = house.account("Drafts")
    drafts, inbox = boxes["Drafts"], boxes["INBOX"]
    house.fill(account.number, drafts, 2)
    house.changes.clear()
    message = [(TextBody(b"new"), rendered(), Flags(), 1)]
    [arrival] = house.ask(
        house.store.messages.append(account.number, inbox, message, ACTOR, replaces=(drafts, 1))
    )
    assert (arrival.mailbox, arrival.uid) == (inbox, 1)
    assert house.uids(account.number, drafts) == [2]
    assert whole(house, account.number, inbox) == [b"new"]
    house.changes.clear()
    with pytest.raises(NotFound):
        house.ask(
            house.store.messages.append(account.number, inbox, message, ACTOR, replaces=(drafts, 1))
        )
    assert house.uids(account.number, inbox) == [1]
    assert house.changes == []


def test_an_unknown_mailbox_takes_nothing(house: House) -> None:
    account, _ = house.account()
    with pytest.raises(NotFound):
        house.fill(account.number, 999, 1)
    known = house.ask(house.store.accounts.get(account.number))
    assert known is not None
    assert known.used_messages == 0


# -- threads and ids


def marks(house: House, account: int, mailbox: int) -> list[tuple[str, str]]:
    rows = house.ask(house.store.messages.marks(account, mailbox, ALL))
    return [(email, thread) for _, email, thread, _, _ in rows]


def put(house: House, account: int, mailbox: int, *ids: str) -> None:
    one = (TextBody(MESSAGE), rendered(ids[0], ids[1:]), Flags(), 1)
    house.ask(house.store.messages.append(account, mailbox, [one], ACTOR))


def test_replies_join_the_thread_whatever_comes_first(house: House) -> None:
    account, boxes = house.account("Sent")
    inbox, sent = boxes["INBOX"], boxes["Sent"]
    put(house, account.number, inbox, "<a@x>")
    put(house, account.number, sent, "<b@x>", "<a@x>")
    put(house, account.number, inbox, "<other@x>")
    put(house, account.number, inbox, "<d@x>", "<c@x>")
    put(house, account.number, inbox, "<c@x>")
    put(house, account.number, inbox, "")
    threads = [thread for _, thread in marks(house, account.number, inbox)]
    assert threads[0] == marks(house, account.number, sent)[0][1]
    assert threads[2] == threads[3]
    assert len(set(threads)) == 4


def test_threads_join_within_one_commit(house: House) -> None:
    account, boxes = house.account()
    messages = [
        (TextBody(b"%d" % place), rendered(f"<{place}@x>", ("<root@x>",)), Flags(), 1)
        for place in range(3)
    ]
    house.ask(house.store.messages.append(account.number, boxes["INBOX"], messages, ACTOR))
    assert len({thread for _, thread in marks(house, account.number, boxes["INBOX"])}) == 1


def test_threads_of_accounts_are_apart(house: House) -> None:
    ann, ann_boxes = house.account()
    bob, bob_boxes = house.account()
    put(house, ann.number, ann_boxes["INBOX"], "<a@x>")
    put(house, bob.number, bob_boxes["INBOX"], "<b@x>", "<a@x>")
    mine, others = (
        marks(house, ann.number, ann_boxes["INBOX"]),
        marks(house, bob.number, bob_boxes["INBOX"]),
    )
    assert not {*mine[0]} & {*others[0]}


def test_ids_are_24_hex_and_stay_with_copies(house: House) -> None:
    account, boxes = house.account("Copy")
    put(house, account.number, boxes["INBOX"], "<a@x>")
    house.ask(house.store.messages.copy(account.number, boxes["INBOX"], ALL, boxes["Copy"], ACTOR))
    [first] = marks(house, account.number, boxes["INBOX"])
    assert marks(house, account.number, boxes["Copy"]) == [first]
    for one in first:
        assert len(one) == 24
        assert int(one, 16) > 0


def test_hostile_ids_and_subjects_are_kept_or_cleaned(house: House) -> None:
    """Whatever decoding made of a header must not fail a delivery."""
    account, boxes = house.account()
    odd = rendered("<\udcff@x>", ("<\ud800@y>", "<z@z>"), subject="nul \0 and \udc80 and 😀")
    one = (TextBody(MESSAGE), odd, Flags(), 1)
    house.ask(house.store.messages.append(account.number, boxes["INBOX"], [one], ACTOR))
    [(_, back)] = house.ask(house.store.messages.rendered(account.number, boxes["INBOX"], ALL))
    assert back.subject == "nul  and ? and 😀"
    assert back.references[-1] == "<z@z>"
