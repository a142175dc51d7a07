"""A message's story: whence it came, what was said of it, where it went, and what became of it."""

from __future__ import annotations

import pytest

from mailhub.core.story import Stories, Story, sought
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.story import Part, Sought
from mailhub.model.uids import UidSet
from tests.queue_bench import LATER, bench
from tests.support import run
from tests.world import World, world

JOE, ANN = "joe@example.org", "ann@example.org"
MAIL = b"Message-ID: <one@remote.example>\r\nSubject: hush\r\n\r\nhush\r\n"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", Sought()),
        (" joe@Example.org ", Sought(address="joe@example.org")),
        ("example.org", Sought(address="@example.org")),
        ("@Example.org", Sought(address="@example.org")),
        ("<a@b>", Sought(message_id="<a@b>")),
        ("12", Sought(entry=12)),
        ("a" * 32, Sought(transaction="a" * 32)),
        ("b" * 32 + ".3", Sought(transaction="b" * 32 + ".3")),
    ],
)
def test_what_is_looked_for_is_told_by_its_form(query: str, wanted: Sought) -> None:
    assert sought(query) == wanted


@pytest.mark.parametrize("query", ["a@b@", "<x", "a b", "@", "é" * 300])
def test_what_is_nothing_to_look_for(query: str) -> None:
    with pytest.raises(Invalid):
        sought(query)
    with pytest.raises(Invalid):
        sought("", "nobody")


def tell(here: World, query: str) -> Story:
    stories = Stories(here.store, here.clock)
    [line] = run(stories.search(sought(query))).lines
    return run(stories.tell(line.transaction))


def test_a_message_is_told_from_its_coming_to_its_end() -> None:
    here = world(people=(JOE, ANN))
    arrival = here.deliver(JOE, MAIL)
    account, box = arrival.account, arrival.mailbox
    there = next(
        one.number for one in run(here.store.mailboxes.all(account)) if one.name == "Trash"
    )
    imap, pop3 = Actor(account, "imap 192.0.2.5"), Actor(account, "pop3 192.0.2.6")
    uid = UidSet(((arrival.uid, arrival.uid),))
    messages = here.store.messages
    run(messages.store_flags(account, box, uid, FlagMode.ADD, Flags(SEEN), imap))
    moved = run(messages.move(account, box, uid, there, imap))
    last = UidSet(((moved.destination[0], moved.destination[0]),))
    run(messages.expunge(account, there, last, pop3, only_deleted=False))
    for query in ("a@remote.example", JOE, "<one@remote.example>", "remote.example"):
        story = tell(here, query)
        [taken] = story.accepted
        assert (taken.sender, tuple(taken.recipients)) == ("a@remote.example", (JOE,))
        assert (taken.service, taken.protocol, taken.helo) == ("smtp", "ESMTP", "client.example")
        told = [(one.kind, one.mailbox, one.to, one.service, one.peer) for one in story.tellings]
        assert told == [
            ("stored", "INBOX", "", "", ""),
            ("read", "INBOX", "", "imap", "192.0.2.5"),
            ("moved", "INBOX", "Trash", "imap", "192.0.2.5"),
            ("removed", "Trash", "", "pop3", "192.0.2.6"),
        ]
        assert {one.who for one in story.tellings} == {"", JOE}
    assert "hush" not in repr(tell(here, JOE)), "what it says is nobody's business"


def test_every_try_is_told_in_the_other_servers_words() -> None:
    house = bench()
    house.outbound.says["away.test"] = [LATER]
    house.submit("far@away.test", "other@away.test")
    here = house.world
    story = tell(here, "far@away.test")
    tries = [one for one in story.tellings if one.kind == "deferred"]
    assert {one.recipient for one in tries} == {"far@away.test", "other@away.test"}
    assert {one.said for one in tries} == {f"451 {LATER.text}"}
    assert {one.recipient for one in story.waiting} == {"far@away.test", "other@away.test"}
    [line] = run(Stories(here.store, here.clock).search(sought("away.test"))).lines
    assert line.last == "deferred"
    assert [*line.recipients] == ["far@away.test", "other@away.test"]


def test_nobody_tells_of_what_never_was() -> None:
    here = world(people=(JOE,))
    stories = Stories(here.store, here.clock)
    for transaction in ("", "x", "0" * 32):
        with pytest.raises(NotFound):
            run(stories.tell(transaction))
    assert run(stories.search(Sought(address="nobody@nowhere.test"))).lines == ()


def test_a_part_of_the_envelope_can_be_meant() -> None:
    here = world(people=(JOE, ANN))
    here.deliver(JOE, MAIL, sender=ANN)
    stories = Stories(here.store, here.clock)
    assert len(run(stories.search(sought(ANN, Part.SENDER.value))).lines) == 1
    assert run(stories.search(sought(ANN, Part.RECIPIENT.value))).lines == ()
