"""Servers that take only a few connections from one client: those that stand are shared."""

from __future__ import annotations

from mailhub.model.outbound import Stage
from mailhub.smtp.sender.pool import PROBE
from tests.smtp.sender.peers import PLAIN, SENT, Net, World, hop, world

FULL = "S: 421 4.7.0 too many connections"
ENVELOPE = """
C: MAIL FROM:<from@me.test>
S: 250 2.1.0 ok
C: RCPT TO:<to@mx.test>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
"""
TRANSACTION = ENVELOPE + SENT + "C: .\nS: 250 2.0.0 queued\n"
SLOW = ENVELOPE + SENT + "C: .\nSILENCE\nS: 250 2.0.0 queued\n"


def test_the_connection_that_stands_is_waited_for() -> None:
    here = world(PLAIN + SLOW + TRANSACTION + TRANSACTION, FULL)
    first, second = here.start(), here.start()
    here.net.settle()
    third = here.start()  # others wait already: it does not ask again
    for sent in (first, second, third):
        assert here.net.finish(sent).answers[0].delivered
    assert len(here.net.connections) == 2
    here.net.done()


def test_where_nobody_has_one_there_is_nothing_to_wait_for() -> None:
    here = world(FULL, FULL)
    for _ in range(2):
        answer = here.net.finish(here.start()).answers[0]
        assert (answer.code, answer.status, answer.stage) == (421, "4.7.0", Stage.GREETING)
    here.net.done()


def test_a_connection_that_is_lost_makes_room() -> None:
    here = world(PLAIN + ENVELOPE + SENT + "C: .\nLOST", FULL, FULL, PLAIN + TRANSACTION * 2)
    first, second, third = here.start(), here.start(), here.start()
    here.net.settle()
    assert here.net.finish(first).answers[0].unknown
    assert here.net.finish(second).answers[0].delivered
    assert here.net.finish(third).answers[0].delivered
    here.net.done()


def test_when_it_does_not_all_of_them_end() -> None:
    here = world(PLAIN + ENVELOPE + SENT + "C: .\nLOST", FULL, FULL, FULL)
    waiting = [here.start() for _ in range(3)]
    here.net.settle()
    first, *others = [here.net.finish(one).answers[0] for one in waiting]
    assert first.unknown
    assert [one.status for one in others] == ["4.7.0", "4.7.0"]
    here.net.done()


def test_another_address_is_tried_before_anybody_waits() -> None:
    net = Net(a=[PLAIN + SLOW, FULL], b=[PLAIN + TRANSACTION])
    here = World(net, idle=600)
    first, second = here.start(hops=[hop("a", "b")]), here.start(hops=[hop("a", "b")])
    net.settle()
    assert net.finish(second).address == "b"
    assert net.finish(first).address == "a"
    net.done()


def test_a_stop_ends_the_waiting() -> None:
    here = world(PLAIN + ENVELOPE + SENT + "C: .\n*", FULL)
    first, second = here.start(), here.start()
    here.net.settle()
    here.net.run(here.client.stop())
    assert here.net.finish(first).answers[0].unknown
    assert here.net.finish(second).answers[0].status == "4.7.0"


def test_who_waits_asks_again_now_and_then() -> None:
    count = PROBE + 3
    here = world(PLAIN + TRANSACTION * count, *[FULL] * count)
    waiting = [here.start() for _ in range(count)]
    here.net.settle()
    for sent in waiting:
        assert here.net.finish(sent).answers[0].delivered
    assert len(here.net.connections) == count + 1
    here.net.done()
