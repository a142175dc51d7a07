"""How sessions begin and end: greeting, EHLO, HELO, the order of servers, time."""

from __future__ import annotations

import pytest

from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import Credentials, Hop, Security, TLSLevel
from mailhub.smtp.sender.dialer import spelled
from tests.smtp.sender.peers import PLAIN, SENT, Net, World, hop, offering, world

ENVELOPE = """
C: MAIL FROM:<from@me.test>
S: 250 2.1.0 ok
C: RCPT TO:<to@mx.test>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
"""
TRANSACTION = ENVELOPE + SENT + "C: .\nS: 250 2.0.0 queued as 1\n"


def test_a_message_is_delivered() -> None:
    here = world(PLAIN + TRANSACTION)
    sent = here.send()
    assert sent.answers == (Answer(250, "2.0.0", "2.0.0 queued as 1", Stage.DOT),)
    assert (sent.host, sent.address, sent.tls, sent.dsn) == ("mx.test", "mx", "", False)


def test_who_does_not_know_ehlo_is_asked_with_helo() -> None:
    here = world(
        "S: 220 old\nC: EHLO me.test\nS: 500 what\nC: HELO me.test\nS: 250 hi\n" + TRANSACTION
    )
    assert here.send().answers[0].delivered


@pytest.mark.parametrize("level", [TLSLevel.REQUIRED, TLSLevel.VERIFIED, TLSLevel.DANE])
def test_helo_is_no_way_around_tls(level: TLSLevel) -> None:
    here = world("S: 220 old\nC: EHLO me.test\nS: 500 what\nC: QUIT\n")
    answer = here.send(hops=[hop(level=level)]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.4", Stage.TLS)


@pytest.mark.parametrize(
    ("script", "code", "status", "stage"),
    [
        ("S: 554 5.7.1 go away\nC: QUIT", 554, "5.7.1", Stage.GREETING),
        ("S: 450 4.7.1 later\nC: QUIT", 450, "4.7.1", Stage.GREETING),
        ("S: 421 4.3.2 closing", 421, "4.3.2", Stage.GREETING),
        ("S: 250 what\nC: QUIT", 0, "4.5.0", Stage.GREETING),
        ("S: HTTP/1.1 400 Bad Request", 0, "4.5.0", Stage.GREETING),
        ("S: 220 hi\nC: EHLO me.test\nS: 450 4.7.1 later\nC: QUIT", 450, "4.7.1", Stage.HELLO),
        (
            "S: 220 hi\nC: EHLO me.test\nS: 550 no\nC: HELO me.test\nS: 550 5.7.1 no\nC: QUIT",
            550,
            "5.7.1",
            Stage.HELLO,
        ),
        ("S: 220 hi\nC: EHLO me.test\nLOST", 0, "4.4.2", Stage.HELLO),
        ("S: 220-hi\nS: 221 you\n", 0, "4.5.0", Stage.GREETING),
        ("refused", 0, "4.4.1", Stage.CONNECT),
        ("unanswered", 0, "4.4.1", Stage.CONNECT),
        ("unbound", 0, "4.3.5", Stage.CONNECT),
    ],
)
def test_a_server_that_fails_is_followed_by_the_next(
    script: str, code: int, status: str, stage: Stage
) -> None:
    alone = world(script).send().answers[0]
    assert (alone.code, alone.status, alone.stage) == (code, status, stage)

    net = Net(bad=[script], mx=[PLAIN + TRANSACTION])
    sent = World(net).send(hops=[Hop("bad.test", ("bad",)), hop()])
    assert sent.answers[0].delivered
    assert sent.host == "mx.test"


LOGIN = Credentials("me", "secret")


def test_a_refused_login_waits_to_be_mended_and_is_tried_once_a_server() -> None:
    refusing = """
S: 220 hi
C: EHLO me.test
S: 250-mx.test
S: 250 AUTH PLAIN
C: AUTH PLAIN AG1lAHNlY3JldA==
S: 535 5.7.8 wrong
C: QUIT
"""
    level = TLSLevel.NONE
    net = Net(a=[refusing])
    answer = World(net).send(hops=[hop("a", "b", level=level, credentials=LOGIN)]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (535, "4.7.8", Stage.AUTH)
    assert not answer.permanent
    assert [address for address, *_ in net.connections] == ["a"]

    net = Net(a=[refusing], c=[PLAIN + TRANSACTION])
    first = hop("a", level=level, credentials=LOGIN)
    assert World(net).send(hops=[first, hop("c")]).answers[0].delivered


def test_a_password_is_not_shown_in_clear() -> None:
    here = world("S: 220 hi\nC: EHLO me.test\nS: 250-mx.test\nS: 250 AUTH PLAIN\nC: QUIT\n")
    answer = here.send(hops=[hop(credentials=LOGIN)]).answers[0]
    assert (answer.status, answer.stage) == ("4.7.0", Stage.AUTH)
    assert answer.text.endswith("offered: PLAIN; without TLS no password is shown")


def test_the_addresses_of_a_server_are_tried_in_order() -> None:
    six, four, last = "2001:db8::25", "192.0.2.25", "192.0.2.26"
    net = Net(**{six: ["refused"], four: ["unanswered"], last: [PLAIN + TRANSACTION]})
    sent = World(net).send(hops=[hop(six, four, last)])
    assert sent.answers[0].delivered
    assert sent.address == last
    assert [address for address, *_ in net.connections] == [six, four, last]


def test_all_servers_failing_one_for_now_is_a_failure_for_now() -> None:
    net = Net(a=["S: 451 4.3.0 busy\nC: QUIT"], b=["S: 554 5.7.1 no\nC: QUIT"])
    hops = [Hop("a.test", ("a",)), Hop("b.test", ("b",))]
    assert World(net).send(hops=hops).answers[0].status == "4.3.0"
    net = Net(a=["S: 554 5.3.2 no\nC: QUIT"], b=["S: 554 5.7.1 no\nC: QUIT"])
    assert World(net).send(hops=hops).answers[0].status == "5.7.1"


def test_who_reads_the_log_sees_which_port_was_called() -> None:
    usual = world("refused").send().answers[0].text
    other = world("refused").send(hops=[hop(port=587)]).answers[0].text
    assert usual.startswith("mx: ")
    assert other.startswith("mx:587: ")
    assert spelled("2001:db8::1", 587) == "[2001:db8::1]:587"


def test_without_a_server_the_answer_says_so() -> None:
    here = world()
    sent = here.net.finish(here.start(hops=[Hop("nowhere.test", ())]))
    assert sent.answers[0].status == "4.4.4"


def test_an_address_that_did_not_answer_is_let_alone_for_a_while() -> None:
    net = Net(mx=["unanswered", PLAIN + TRANSACTION])
    here = World(net, away=300)
    net.finish(here.start())
    again = net.finish(here.start())
    assert "did not answer shortly before" in again.answers[0].text
    assert len(net.connections) == 1
    net.advance(301)
    assert here.send().answers[0].delivered


def test_only_so_many_connections_to_one_address_are_begun_at_a_time() -> None:
    net = Net(mx=["unanswered"] * 2)
    here = World(net, attempts_per_address=2, away=300)
    waiting = [here.start() for _ in range(10)]
    net.settle()
    assert len(net.connections) == 2
    answers = [net.finish(one).answers[0] for one in waiting]
    assert {one.status for one in answers} == {"4.4.1"}
    assert len(net.connections) == 2


def test_connections_in_all_are_limited_and_idle_ones_make_room() -> None:
    net = Net(a=[PLAIN + TRANSACTION + "C: QUIT"], b=[PLAIN + TRANSACTION])
    here = World(net, connections=1)
    first, second = here.start(hops=[hop("a")]), here.start(hops=[hop("b")])
    net.settle()
    assert net.finish(first).answers[0].delivered
    assert net.finish(second).answers[0].delivered
    net.done()


def test_an_idle_connection_makes_room_at_once() -> None:
    net = Net(a=[PLAIN + TRANSACTION + "C: QUIT"], b=[PLAIN + TRANSACTION])
    here = World(net, connections=1)
    for name in "ab":
        sent = here.start(hops=[hop(name)])
        net.settle()
        assert net.finish(sent).answers[0].delivered
    net.done()


def test_sources_are_tried_in_order_and_only_of_the_right_family() -> None:
    net = Net(**{"192.0.2.1": ["unbound", PLAIN + TRANSACTION]})
    here = World(net)
    server = hop("192.0.2.1", sources=("2001:db8::1", "192.0.2.7", "192.0.2.8"))
    assert here.send(hops=[server]).answers[0].delivered
    assert [source for *_, source in net.connections] == ["192.0.2.7", "192.0.2.8"]

    net = Net()
    sent = World(net).send(hops=[hop("192.0.2.1", sources=("2001:db8::1",))])
    assert sent.answers[0].status == "4.3.5"


# -- time


@pytest.mark.parametrize(
    ("script", "setting", "stage"),
    [
        ("SILENCE", "greeting_timeout", Stage.GREETING),
        ("S: 220 hi\nC: EHLO me.test\nSILENCE", "hello_timeout", Stage.HELLO),
        (PLAIN + "C: MAIL FROM:<from@me.test>\nSILENCE", "mail_timeout", Stage.MAIL),
        (
            PLAIN + "C: MAIL FROM:<from@me.test>\nS: 250 ok\nC: RCPT TO:<to@mx.test>\nSILENCE",
            "rcpt_timeout",
            Stage.RCPT,
        ),
        (PLAIN + ENVELOPE.replace("S: 354 go on", "SILENCE"), "data_timeout", Stage.DATA),
        (PLAIN + ENVELOPE + SENT + "C: .\nSILENCE", "dot_timeout", Stage.DOT),
    ],
)
def test_every_step_has_its_time(script: str, setting: str, stage: Stage) -> None:
    here = world(script, **{setting: 30})
    answer = here.send().answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.4.2", stage)
    assert answer.unknown is (stage is Stage.DOT)
    assert "30 seconds" in answer.text
    assert here.net.servers[0].closed_by_client == "aborted"
    # Half an hour of other steps would have been allowed.
    here = world(script, **{setting: 90})
    here.net.settle()
    waiting = here.start()
    here.net.settle()
    assert not waiting.called
    here.net.finish(waiting)


def test_a_reply_of_one_octet_a_second_does_not_hold_a_session() -> None:
    here = world(PLAIN + "C: MAIL FROM:<from@me.test>\n", mail_timeout=20)
    waiting = here.start()
    here.net.settle()
    server = here.net.servers[0]
    for octet in b"250-slow\r\n250-slower\r\n250-slowest\r\n":
        server.steps.insert(0, f"RAW: \\x{octet:02x}")
        here.net.advance(1)
        here.net.settle()
        if waiting.called:
            break
    assert waiting.called
    assert here.net.seconds() < 25
    assert here.net.finish(waiting).answers[0].status == "4.4.2"


def test_an_attempt_has_an_end_over_all_servers() -> None:
    net = Net(mx=["SILENCE"], other=["SILENCE"], third=["SILENCE"])
    here = World(net, greeting_timeout=60, session_timeout=100)
    sent = net.finish(here.start(hops=[hop(), hop("other"), hop("third")]))
    assert net.seconds() < 125
    assert sent.answers[0].status == "4.4.2"
    assert len(net.connections) == 2


# -- reuse


def test_a_connection_is_kept_and_used_again_without_a_reset() -> None:
    here = world(PLAIN + TRANSACTION + TRANSACTION + "C: QUIT")
    assert here.net.finish(here.start()).answers[0].delivered
    assert here.net.finish(here.start()).answers[0].delivered
    here.net.advance(6)
    here.net.settle()
    here.net.done()
    assert len(here.net.connections) == 1


def test_a_transaction_that_was_left_open_is_reset_first() -> None:
    refused = """
    C: MAIL FROM:<from@me.test>
    S: 250 ok
    C: RCPT TO:<to@mx.test>
    S: 550 5.1.1 no such user
    C: RSET
    S: 250 ok
    """
    here = world(PLAIN + refused + TRANSACTION)
    assert here.net.finish(here.start()).answers[0] == Answer(
        550, "5.1.1", "5.1.1 no such user", Stage.RCPT
    )
    assert here.send().answers[0].delivered


def test_a_kept_connection_that_died_is_replaced_and_nobody_hears_of_it() -> None:
    # It dies when MAIL comes, as servers do that close without a word.
    first = PLAIN + TRANSACTION + "C: MAIL FROM:<from@me.test>\nLOST"
    here = world(first, PLAIN + TRANSACTION)
    assert here.net.finish(here.start()).answers[0].delivered
    assert here.send().answers[0].delivered
    # Or it says 421 there.
    first = PLAIN + TRANSACTION + "C: MAIL FROM:<from@me.test>\nS: 421 4.4.2 idle for too long"
    here = world(first, PLAIN + TRANSACTION)
    assert here.net.finish(here.start()).answers[0].delivered
    assert here.send().answers[0].delivered


def test_a_server_that_speaks_unasked_is_not_used_again() -> None:
    here = world(PLAIN + TRANSACTION, PLAIN + TRANSACTION)
    here.net.finish(here.start())
    here.net.servers[0].steps += ["S: 421 4.4.2 too slow", "C: QUIT"]
    here.net.settle()
    assert here.send().answers[0].delivered
    assert len(here.net.connections) == 2


@pytest.mark.parametrize("settings", [{"messages": 1}, {"idle": 0}, {"age": 0}])
def test_a_connection_is_not_kept_beyond_its_limits(settings: dict[str, int]) -> None:
    here = world(PLAIN + TRANSACTION + "C: QUIT", PLAIN + TRANSACTION + "C: QUIT", **settings)
    here.net.finish(here.start())
    here.send()
    assert len(here.net.connections) == 2


def test_a_server_s_own_limit_of_messages_is_kept() -> None:
    once = offering("LIMITS MAILMAX=1") + TRANSACTION + "C: QUIT"
    here = world(once, once)
    here.net.finish(here.start())
    here.send()
    assert len(here.net.connections) == 2


def test_connections_are_not_shared_between_kinds_of_security() -> None:
    here = world(PLAIN + TRANSACTION, PLAIN + TRANSACTION)
    here.net.finish(here.start())
    here.send(hops=[hop(security=Security(TLSLevel.NONE))])
    assert len(here.net.connections) == 2


def test_stopping_closes_idle_connections_and_cuts_the_others() -> None:
    here = world(PLAIN + TRANSACTION + "C: QUIT", PLAIN + "C: MAIL FROM:<from@me.test>")
    here.net.finish(here.start())
    here.net.servers[0].steps[:0] = ["C: MAIL FROM:<from@me.test>"]
    reused, fresh = here.start(), here.start()
    here.net.settle()
    here.net.run(here.client.stop())
    assert here.net.finish(reused).answers[0].status == "4.3.2"
    assert here.net.finish(fresh).answers[0].status == "4.4.2"
    assert here.net.finish(here.start()).answers[0].status == "4.3.2"
    assert not here.net.getDelayedCalls()


def test_an_attempt_that_is_cancelled_drops_its_connection() -> None:
    here = world(PLAIN + "C: MAIL FROM:<from@me.test>")
    waiting = here.start()
    here.net.settle()
    waiting.cancel()
    answer = here.net.finish(waiting).answers[0]
    assert (answer.status, answer.unknown) == ("4.3.2", False)
    assert here.net.servers[0].closed_by_client == "aborted"
