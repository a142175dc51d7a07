"""What is said in a transaction, and what recipients get, rule by rule."""

from __future__ import annotations

import pytest

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.outbound import Stage
from mailhub.model.queue import QueueSender
from mailhub.smtp.sender.content import PIECE
from tests.smtp.sender.peers import (
    HELLO,
    PLAIN,
    SENT,
    Net,
    Text,
    World,
    entry,
    hop,
    offering,
    world,
)

MAIL = "C: MAIL FROM:<from@me.test>\n"
RCPT = "C: RCPT TO:<to@mx.test>\n"
OK = "S: 250 2.0.0 ok\n"
FULL = offering("PIPELINING", "8BITMIME", "SIZE 1000000", "DSN", "SMTPUTF8")
CHUNKS = offering("PIPELINING", "CHUNKING")
BODY = SENT + "C: .\n"


def test_pipelined_commands_leave_in_one_write() -> None:
    here = world(
        offering("PIPELINING")
        + MAIL
        + RCPT
        + "C: RCPT TO:<b@mx.test>\nC: DATA\n"
        + OK * 3
        + "S: 354 go\n"
        + BODY
        + OK
    )
    sent = here.send("to@mx.test", "b@mx.test")
    assert [answer.delivered for answer in sent.answers] == [True, True]
    assert len(here.net.servers[0].writes) == 3


def test_without_pipelining_every_answer_is_waited_for() -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + OK)
    here.send()
    assert len(here.net.servers[0].writes) == 5


def test_each_recipient_has_its_own_answer() -> None:
    here = world(
        offering("PIPELINING")
        + MAIL
        + "C: RCPT TO:<a@mx.test>\nC: RCPT TO:<b@mx.test>\nC: RCPT TO:<c@mx.test>\nC: DATA\n"
        + OK
        + "S: 550 5.1.1 no a\nS: 250 2.1.5 ok\nS: 451 4.7.1 c later\nS: 354 go\n"
        + BODY
        + "S: 250 2.0.0 queued\n"
    )
    answers = here.send("a@mx.test", "b@mx.test", "c@mx.test").answers
    assert [(one.code, one.status, one.stage) for one in answers] == [
        (550, "5.1.1", Stage.RCPT),
        (250, "2.0.0", Stage.DOT),
        (451, "4.7.1", Stage.RCPT),
    ]
    assert answers[0].text == "5.1.1 no a"


@pytest.mark.parametrize("code", [250, 554])
def test_data_that_is_taken_for_nobody_ends_with_a_lone_dot(code: int) -> None:
    refused = MAIL + RCPT + "C: DATA\n" + OK + "S: 550 5.1.1 no\nS: 354 go\nC: .\n"
    again = MAIL + RCPT + "C: DATA\n" + OK * 2 + "S: 354 go\n" + BODY + OK
    here = world(offering("PIPELINING") + refused + f"S: {code} what\n" + again)
    assert here.net.finish(here.start()).answers[0].status == "5.1.1"
    assert here.send().answers[0].delivered


def test_data_that_is_refused_for_nobody_is_followed_by_rset() -> None:
    refused = MAIL + RCPT + "C: DATA\n" + OK + "S: 550 5.1.1 no\nS: 554 no valid recipients\n"
    here = world(offering("PIPELINING") + refused + "C: RSET\n" + OK)
    assert here.send().answers[0].status == "5.1.1"


def test_a_refused_sender_is_every_recipient_s_answer() -> None:
    script = MAIL + RCPT + "C: DATA\nS: 550 5.7.1 not you\nS: 503 5.5.1 no\nS: 503 5.5.1 no\n"
    here = world(offering("PIPELINING") + script + "C: QUIT")
    answer = here.net.finish(here.start()).answers[0]
    assert (answer.code, answer.status, answer.stage) == (550, "5.7.1", Stage.MAIL)


def test_a_refused_message() -> None:
    here = world(
        PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + "S: 554 5.6.0 spam"
    )
    answer = here.send().answers[0]
    assert (answer.code, answer.status, answer.stage) == (554, "5.6.0", Stage.DOT)
    assert not answer.unknown


def test_refused_data_is_the_answer_of_those_who_were_accepted() -> None:
    here = world(
        PLAIN
        + MAIL
        + OK
        + "C: RCPT TO:<a@mx.test>\nS: 550 5.1.1 no\nC: RCPT TO:<b@mx.test>\n"
        + OK
        + "C: DATA\nS: 451 4.3.0 disk\nC: RSET\n"
        + OK
    )
    answers = here.send("a@mx.test", "b@mx.test").answers
    assert [one.status for one in answers] == ["5.1.1", "4.3.0"]


# -- the session ends amid it


def test_421_ends_the_session_at_any_time() -> None:
    here = world(
        PLAIN
        + MAIL
        + OK
        + "C: RCPT TO:<a@mx.test>\n"
        + OK
        + "C: RCPT TO:<b@mx.test>\nS: 421 4.3.2 bye"
    )
    answers = here.send("a@mx.test", "b@mx.test").answers
    assert [(one.code, one.status) for one in answers] == [(421, "4.3.2")] * 2
    assert here.net.servers[0].closed_by_client


def test_421_to_mail_is_this_server_s_failure_and_the_next_is_tried() -> None:
    good = PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + OK
    net = Net(a=[PLAIN + MAIL + "S: 421 4.3.2 busy"], b=[good])
    assert World(net).send(hops=[hop("a"), hop("b")]).answers[0].delivered


@pytest.mark.parametrize("end", ["LOST", "S: what is this", "S: 250-a\nS: 550 b"])
def test_what_came_of_a_message_may_be_unknown(end: str) -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + end)
    answer = here.send().answers[0]
    assert (answer.code, answer.stage, answer.unknown) == (0, Stage.DOT, True)
    assert answer.status == ("4.4.2" if end == "LOST" else "4.5.0")
    assert not answer.permanent


def test_421_after_the_dot_is_an_answer() -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + "S: 421 4.3.0 no")
    answer = here.send().answers[0]
    assert (answer.code, answer.unknown) == (421, False)


@pytest.mark.parametrize(
    "script",
    [
        MAIL + "S: 354 what",
        MAIL + OK + RCPT + "S: 354 what",
        MAIL + OK + RCPT + OK + "C: DATA\nS: 250 what",
        MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + "S: 354 what",
    ],
)
def test_replies_in_the_wrong_place_end_the_session_for_now(script: str) -> None:
    here = world(PLAIN + script)
    answer = here.send().answers[0]
    assert (answer.code, answer.status) == (0, "4.5.0")
    assert here.net.servers[0].closed_by_client == "aborted"


# -- the lease


def test_a_lost_lease_keeps_the_dot_back() -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*")
    answer = here.send(holds=lambda: False).answers[0]
    assert (answer.code, answer.status, answer.text) == (0, "4.3.0", "lease lost")
    assert here.net.servers[0].heard[-1] == b"DATA"
    assert here.net.servers[0].closed_by_client == "aborted"


def test_a_lost_lease_keeps_the_last_chunk_back() -> None:
    here = world(CHUNKS + "*")
    assert here.send(holds=lambda: False).answers[0].text == "lease lost"
    assert here.net.servers[0].heard == [b"EHLO me.test"]


def test_the_lease_is_asked_for_after_all_but_the_last_piece() -> None:
    data = b"Subject: x\r\n\r\n" + b"y" * (PIECE * 5 // 2) + b"\r\n"
    asked: list[int] = []
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*\nC: .\n" + OK)

    def holds() -> bool:
        server = here.net.servers[0]
        asked.append(sum(map(len, server.writes)))
        return True

    assert here.send(message=Text(data), holds=holds).answers[0].delivered
    assert len(asked) == 1
    assert len(data) - PIECE <= asked[0] < len(data)


# -- the message on the wire


@pytest.mark.parametrize(
    ("stored", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\rb\r", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n.\rQUIT\r\n", b"a\r\n..\r\nQUIT\r\n.\r\n"),
        (b"a\r\r\n\r\r", b"a\r\n\r\n\r\n\r\n.\r\n"),
    ],
)
def test_dots_and_line_ends(stored: bytes, wire: bytes) -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*\nC: .\n" + OK)
    assert here.send(message=Text(stored)).answers[0].delivered
    assert here.net.servers[0].writes[-1] == wire


@pytest.mark.parametrize("at", range(-4, 5))
def test_a_cut_between_pieces_changes_nothing(at: int) -> None:
    for middle in (b"\r\n.\r\n", b"\r\n..", b"\n.\n", b"\r.\r", b"\r\r\n.\n"):
        head = b"x" * (PIECE + at - 2)
        here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*\nC: .\n" + OK)
        assert here.send(message=Text(head + middle + b"tail")).answers[0].delivered
        wire = b"".join(here.net.servers[0].writes[4:])
        lines = middle.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines[1:]]
        rest = b"\r\n".join([lines[0], *stuffed])
        assert wire == head + rest + b"tail\r\n.\r\n", (at, middle)


def test_a_long_message_waits_while_the_server_takes_nothing() -> None:
    message = Text(b"Subject: x\r\n\r\n" + b"y" * 64 * PIECE)
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nSTUCK\nS: 354 go\n", block_timeout=100)
    waiting = here.start(message=message)
    here.net.settle()
    server = here.net.servers[0]
    held = sum(map(len, server.writes))
    assert held < 3 * PIECE
    server.steps += ["FREE", "*", "C: .", "S: 250 ok"]
    assert here.net.finish(waiting).answers[0].delivered
    assert message.most == PIECE


def test_a_server_that_takes_nothing_for_too_long() -> None:
    message = Text(b"Subject: x\r\n\r\n" + b"y" * 4 * PIECE)
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nSTUCK\nS: 354 go", block_timeout=100)
    answer = here.send(message=message).answers[0]
    assert (answer.status, answer.stage, answer.unknown) == ("4.4.2", Stage.DATA, False)
    assert "nothing was taken" in answer.text


def test_a_server_that_refuses_amid_the_message() -> None:
    message = Text(b"Subject: x\r\n\r\n" + b"y" * 4 * PIECE)
    script = PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nSTUCK\nS: 354 go\n"
    here = world(script)
    waiting = here.start(message=message)
    here.net.settle()
    here.net.servers[0].steps += ["S: 552 5.3.4 enough", "FREE", "*"]
    answer = here.net.finish(waiting).answers[0]
    assert (answer.code, answer.status, answer.stage) == (552, "5.3.4", Stage.DATA)
    assert here.net.servers[0].closed_by_client == "aborted"


class Broken(Text):
    """A message whose bytes cannot be had, from some offset on."""

    def __init__(self, error: Exception, start: int = 0) -> None:
        super().__init__(b"x" * (PIECE * 2))
        self.error = error
        self.start = start

    async def read(self, start: int, stop: int) -> bytes:
        if start >= self.start:
            raise self.error
        return await super().read(start, stop)


@pytest.mark.parametrize("error", [Corrupt(), Unavailable("away"), RuntimeError("a defect")])
@pytest.mark.parametrize("start", [0, PIECE])
def test_a_message_that_cannot_be_read_waits(error: Exception, start: int) -> None:
    here = world(FULL + "*")
    waiting = here.start(message=Broken(error, start))
    answer = here.net.finish(waiting).answers[0]
    assert (answer.code, answer.status, answer.unknown) == (0, "4.3.0", False)
    assert answer.text != "a defect"
    heard = here.net.servers[0].heard
    assert b"." not in heard


# -- chunks


def test_a_small_message_leaves_with_its_envelope() -> None:
    here = world(CHUNKS + MAIL + RCPT + "C: BDAT 21 LAST\n" + SENT + OK * 3)
    assert here.send().answers[0].delivered
    assert len(here.net.servers[0].writes) == 2


def test_refused_recipients_and_a_message_that_left_already() -> None:
    script = MAIL + RCPT + "C: BDAT 21 LAST\n" + SENT
    here = world(CHUNKS + script + OK + "S: 550 5.1.1 no\nS: 503 5.5.1 no\nC: RSET\n" + OK)
    assert here.send().answers[0].status == "5.1.1"
    here = world(CHUNKS + script + "S: 550 5.7.1 no\nS: 503 5.5.1 no\nS: 503 5.5.1 no")
    assert here.send().answers[0].status == "5.7.1"
    here = world(CHUNKS + script + OK * 2 + "S: 554 5.6.0 spam\nC: RSET\n" + OK)
    assert here.send().answers[0].status == "5.6.0"


@pytest.mark.parametrize("replies", [0, 1, 2])
def test_a_connection_that_is_lost_after_everything_left_leaves_it_open(replies: int) -> None:
    here = world(CHUNKS + MAIL + RCPT + "C: BDAT 21 LAST\n" + SENT + OK * replies + "LOST")
    answer = here.send().answers[0]
    assert (answer.status, answer.unknown) == ("4.4.2", True)


def test_421_to_mail_says_that_nothing_was_taken() -> None:
    script = MAIL + RCPT + "C: BDAT 21 LAST\n" + SENT + "S: 421 4.3.2 busy"
    net = Net(a=[CHUNKS + script], b=[CHUNKS.replace("mx", "mx") + script])
    answer = World(net).send(hops=[hop("a"), hop("b")]).answers[0]
    assert (answer.code, answer.unknown) == (421, False)
    assert len(net.connections) == 2


def test_after_a_rest_the_message_waits_for_its_envelope() -> None:
    first = MAIL + RCPT + "C: BDAT 21 LAST\n" + SENT + OK * 3
    later = MAIL + RCPT + OK * 2 + "C: BDAT 21 LAST\n" + SENT + OK
    here = world(CHUNKS + first + first + later)
    here.net.finish(here.start())
    here.net.finish(here.start())
    here.net.advance(2)
    assert here.send().answers[0].delivered


def test_a_long_message_leaves_in_chunks() -> None:
    data = (b"x" * 98 + b"\r\n") * (2 * PIECE // 100) + b"y" * 1000
    here = world(CHUNKS + MAIL + RCPT + OK * 2 + "*")
    waiting = here.start(message=Text(data))
    here.net.settle()
    server = here.net.servers[0]
    # Two may be unanswered; the last one waits, as it is the point of no return.
    assert server.writes[1:] == [
        (MAIL + RCPT).replace("C: ", "").replace("\n", "\r\n").encode(),
        b"BDAT %d\r\n" % PIECE + data[:PIECE],
        b"BDAT %d\r\n" % PIECE + data[PIECE : 2 * PIECE],
    ]
    server.steps = [*["S: 250 ok"] * 2, "*"]
    here.net.settle()
    assert server.writes[4:] == [
        b"BDAT %d LAST\r\n" % (len(data) - 2 * PIECE + 2) + data[2 * PIECE :] + b"\r\n"
    ]
    server.steps = ["S: 250 2.0.0 ok"]
    assert here.net.finish(waiting).answers[0].delivered


def test_behind_a_refused_chunk_nothing_follows() -> None:
    message = Text(b"x" * 10 * PIECE)
    here = world(CHUNKS + MAIL + RCPT + OK * 2 + "*")
    waiting = here.start(message=message)
    here.net.settle()
    server = here.net.servers[0]
    assert b"".join(server.writes).count(b"BDAT") == 4
    server.steps = ["S: 552 5.3.4 too much", *["S: 503 5.5.1 no"] * 3, "*"]
    here.net.settle()
    server.steps = ["S: 250 reset"]
    answer = here.net.finish(waiting).answers[0]
    assert (answer.status, answer.stage) == ("5.3.4", Stage.DATA)
    assert server.writes[-1] == b"RSET\r\n"


def test_chunks_without_pipelining_are_answered_one_by_one() -> None:
    data = b"x" * 98 + b"\r\n"
    message = Text(data * (2 * PIECE // 100) + data)
    here = world(offering("CHUNKING") + MAIL + OK + RCPT + OK + "*")
    waiting = here.start(message=message)
    for chunks in (1, 2, 3):
        here.net.settle()
        server = here.net.servers[0]
        assert b"".join(server.writes).count(b"BDAT") == chunks
        server.steps = ["S: 250 ok", "*"]
    assert here.net.finish(waiting).answers[0].delivered
    assert b"".join(here.net.servers[0].writes).count(b" LAST\r\n") == 1


# -- after a refusal


@pytest.mark.parametrize("end", ["S: 421 4.3.2 bye", "S: 500 what", "LOST", "S: gibberish"])
def test_how_rset_ends_changes_no_answer(end: str) -> None:
    refused = PLAIN + MAIL + OK + RCPT + "S: 550 5.1.1 no\nC: RSET\n"
    here = world(refused + end, PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + OK)
    answer = here.net.finish(here.start()).answers[0]
    assert (answer.code, answer.status, answer.unknown) == (550, "5.1.1", False)
    # The session is not used again.
    assert here.send().answers[0].delivered
    assert len(here.net.connections) == 2


@pytest.mark.parametrize("end", ["S: 421 4.3.2 bye", "LOST"])
def test_how_the_lone_dot_ends_changes_no_answer(end: str) -> None:
    script = MAIL + RCPT + "C: DATA\n" + OK + "S: 550 5.1.1 no\nS: 354 go\nC: .\n" + end
    answer = world(offering("PIPELINING") + script).send().answers[0]
    assert (answer.code, answer.status, answer.unknown) == (550, "5.1.1", False)


# -- what is asked of the server


def test_a_message_that_is_larger_than_the_server_takes() -> None:
    small = offering("SIZE 10") + "C: QUIT"
    large = offering("SIZE 0") + ("C: MAIL FROM:<from@me.test> SIZE=21\nS: 552 5.3.4 no\n")
    here = world(small, idle=0)
    answer = here.send().answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "5.3.4", Stage.MAIL)
    net = Net(a=[small], b=[large + "C: QUIT"])
    assert World(net, idle=0).send(hops=[hop("a", "never"), hop("b")]).answers[0].code == 552


def test_8bitmime_is_said_of_8_bit_messages_only() -> None:
    mail = "C: MAIL FROM:<from@me.test> SIZE={} BODY=8BITMIME\n"
    data = "Subject: x\r\n\r\n\xfc\r\n".encode()
    script = (
        FULL + mail.format(len(data)) + RCPT + "C: DATA\n" + OK * 2 + "S: 354 go\n*\nC: .\n" + OK
    )
    assert world(script).send(message=Text(data)).answers[0].delivered
    plain = FULL + "C: MAIL FROM:<from@me.test> SIZE=21\n" + RCPT + "C: DATA\n" + OK * 2
    declared = QueueSender("from@me.test", body="8BITMIME")
    here = world(plain + "S: 354 go\n" + BODY + OK)
    assert here.send(sender=declared).answers[0].delivered


def test_an_8_bit_message_is_converted_where_it_must_be() -> None:
    data = "Subject: x\r\nMIME-Version: 1.0\r\n\r\nVielen Dank und viele Gr\xfc\xdfe\r\n".encode()
    script = PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*\nC: .\n" + OK
    here = world(script)
    assert here.send(message=Text(data)).answers[0].delivered
    wire = here.net.servers[0].writes[-1]
    assert wire.endswith(b"\r\n\r\nVielen Dank und viele Gr=C3=BC=C3=9Fe\r\n.\r\n")
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in wire
    assert wire.isascii()


def test_what_cannot_be_converted_goes_to_nobody_here() -> None:
    data = "Subject: gr\xfc\xdfe\r\n\r\nx\r\n".encode()
    here = world(PLAIN + "C: QUIT", idle=0)
    answer = here.send(message=Text(data)).answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "5.6.3", Stage.MAIL)


def test_a_binary_message() -> None:
    sender = QueueSender("from@me.test", body="BINARYMIME")
    data = b"Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r"
    mail = "C: MAIL FROM:<from@me.test> BODY=BINARYMIME\n"
    chunk = f"C: BDAT {len(data)} LAST\n*\n"
    here = world(offering("PIPELINING", "CHUNKING", "BINARYMIME") + mail + RCPT + chunk)
    waiting = here.start(sender=sender, message=Text(data))
    here.net.settle()
    server = here.net.servers[0]
    assert server.writes[-1].endswith(b"LAST\r\n" + data)
    server.steps = ["S: 250 ok"] * 3
    assert here.net.finish(waiting).answers[0].delivered

    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n*\nC: .\n" + OK)
    assert here.send(sender=sender, message=Text(data)).answers[0].delivered
    assert b"\r\n\r\nAAoN\r\n.\r\n" in here.net.servers[0].writes[-1]


def test_smtputf8_only_where_it_is_needed() -> None:
    international = QueueSender("from@me.test", utf8=True)
    data = "Subject: gr\xfc\xdfe\r\n\r\nx\r\n".encode()
    size = len(data)
    end = "C: DATA\n" + OK * 2 + "S: 354 go\n*\nC: .\n" + OK
    said = f"C: MAIL FROM:<from@me.test> SIZE={size} BODY=8BITMIME SMTPUTF8\n"
    assert world(FULL + said + RCPT + end).send(sender=international, message=Text(data))
    said = "C: MAIL FROM:<from@me.test> SIZE=21\n"
    assert world(FULL + said + RCPT + end).send(sender=international)
    said = "C: MAIL FROM:<from@me.test> SIZE=21 SMTPUTF8\nC: RCPT TO:<t\xf6@xn--mx-xka.test>\n"
    assert world(FULL + said + end).send("t\xf6@m\xfcx.test").answers
    said = "C: MAIL FROM:<from@me.test> SIZE=21\nC: RCPT TO:<to@xn--mx-yka.test>\n"
    assert world(FULL + said + end).send("to@mx\xfc.test").answers[0].delivered


def test_without_smtputf8_what_needs_it_fails_alone() -> None:
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + OK)
    answers = here.send("t\xf6@mx.test", "to@mx.test").answers
    assert [(one.code, one.status) for one in answers] == [(0, "5.6.7"), (250, "2.0.0")]
    for sender, message in (
        (QueueSender("fr\xf6m@me.test"), None),
        (
            QueueSender("from@me.test", utf8=True),
            Text("Subject: \xfc\r\n\r\nx\r\n".encode()),
        ),
    ):
        here = world(PLAIN + "C: QUIT", idle=0)
        answer = here.send(sender=sender, message=message).answers[0]
        assert (answer.code, answer.status) == (0, "5.6.7")


def test_wishes_for_notification_go_along_where_they_are_understood() -> None:
    sender = QueueSender("from@me.test", ret="FULL", envid="a=b")
    asked = entry("to@mx.test", sender, notify=("NEVER",), orcpt="rfc822;old@me.test")
    said = "C: MAIL FROM:<from@me.test> RET=FULL ENVID=a+3Db\n"
    rcpt = "C: RCPT TO:<to@mx.test> NOTIFY=NEVER ORCPT=rfc822;old@me.test\n"
    end = "C: DATA\nS: 354 go\n" + BODY + OK
    sent = world(offering("DSN") + said + OK + rcpt + OK + end).send(asked, sender=sender)
    assert sent.dsn
    sent = world(PLAIN + MAIL + OK + RCPT + OK + end).send(asked, sender=sender)
    assert not sent.dsn


def test_requiretls_is_no_wish() -> None:
    here = world(offering("REQUIRETLS") + "C: QUIT", idle=0)
    answer = here.send(sender=QueueSender("from@me.test", require_tls=True)).answers[0]
    assert (answer.code, answer.status) == (0, "5.7.30")


# -- how many recipients


def test_as_many_recipients_as_the_server_takes_at_a_time() -> None:
    def transaction(*names: str) -> str:
        rcpts = "".join(f"C: RCPT TO:<{name}@mx.test>\n{OK}" for name in names)
        return MAIL + OK + rcpts + "C: DATA\nS: 354 go\n" + BODY + OK

    script = transaction("a", "b") + transaction("c", "d") + transaction("e")
    here = world(offering("LIMITS RCPTMAX=2") + script)
    answers = here.send(*(f"{name}@mx.test" for name in "abcde")).answers
    assert all(one.delivered for one in answers)
    once = offering("LIMITS RCPTMAX=2 MAILMAX=1")
    here = world(
        once + transaction("a", "b") + "C: QUIT",
        once + transaction("c", "d") + "C: QUIT",
        once + transaction("e") + "C: QUIT",
    )
    assert all(one.delivered for one in here.send(*(f"{n}@mx.test" for n in "abcde")).answers)


def test_as_many_domains_as_the_server_takes_at_a_time() -> None:
    def transaction(*names: str) -> str:
        rcpts = "".join(f"C: RCPT TO:<{name}>\n{OK}" for name in names)
        return MAIL + OK + rcpts + "C: DATA\nS: 354 go\n" + BODY + OK

    script = transaction("a@x.test", "c@x.test") + transaction("b@y.test")
    here = world(offering("LIMITS RCPTDOMAINMAX=1") + script)
    answers = here.send("a@x.test", "b@y.test", "c@x.test").answers
    assert all(one.delivered for one in answers)


@pytest.mark.parametrize("refusal", ["452 4.5.3 too many", "552 5.5.3 too many", "452 too many"])
def test_who_was_too_many_is_in_the_next_transaction(refusal: str) -> None:
    end = "C: DATA\nS: 354 go\n" + BODY + OK
    first = MAIL + OK + f"C: RCPT TO:<a@mx.test>\n{OK}C: RCPT TO:<b@mx.test>\nS: {refusal}\n"
    here = world(PLAIN + first + end + MAIL + OK + f"C: RCPT TO:<b@mx.test>\n{OK}" + end)
    assert [one.delivered for one in here.send("a@mx.test", "b@mx.test").answers] == [True, True]
    # Alone, or for a full mailbox, it is the answer.
    here = world(PLAIN + MAIL + OK + f"C: RCPT TO:<a@mx.test>\nS: {refusal}\nC: RSET\n" + OK)
    assert here.send("a@mx.test").answers[0].code == int(refusal[:3])
    full = first.replace(refusal, "452 4.2.2 full")
    answers = world(PLAIN + full + end).send("a@mx.test", "b@mx.test").answers
    assert [one.code for one in answers] == [250, 452]


@pytest.mark.parametrize("recipient", ["a\r\nRSET\r\n@b.test", "", "a\0@b.test"])
def test_addresses_that_would_break_the_session_are_never_said(recipient: str) -> None:
    here = world()
    assert here.send(recipient).answers[0].status == "5.1.3"
    here = world(PLAIN + MAIL + OK + RCPT + OK + "C: DATA\nS: 354 go\n" + BODY + OK)
    assert [one.status for one in here.send(recipient, "to@mx.test").answers] == ["5.1.3", "2.0.0"]


# -- LMTP


def test_lmtp_answers_for_each_recipient() -> None:
    script = """
    S: 220 lmtp
    C: LHLO me.test
    S: 250-lmtp
    S: 250-PIPELINING
    S: 250 CHUNKING
    C: MAIL FROM:<from@me.test>
    C: RCPT TO:<a@mx.test>
    C: RCPT TO:<b@mx.test>
    C: RCPT TO:<c@mx.test>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no b
    S: 250 ok
    S: 354 go
    """
    here = world(script + BODY + "S: 250 2.0.0 a done\nS: 452 4.2.2 c full")
    answers = here.send("a@mx.test", "b@mx.test", "c@mx.test", hops=[hop(lmtp=True)]).answers
    assert [(one.code, one.stage) for one in answers] == [
        (250, Stage.DOT),
        (550, Stage.RCPT),
        (452, Stage.DOT),
    ]


def test_lmtp_lost_between_answers_leaves_the_rest_open() -> None:
    script = HELLO.replace("EHLO", "LHLO") + "S: 250 lmtp\n" + MAIL + OK
    rcpts = f"C: RCPT TO:<a@mx.test>\n{OK}C: RCPT TO:<b@mx.test>\n{OK}"
    here = world(script + rcpts + "C: DATA\nS: 354 go\n" + BODY + OK + "LOST")
    answers = here.send("a@mx.test", "b@mx.test", hops=[hop(lmtp=True)]).answers
    assert [(one.code, one.unknown) for one in answers] == [(250, False), (0, True)]


def test_lmtp_has_no_helo() -> None:
    here = world("S: 220 x\nC: LHLO me.test\nS: 500 what\nC: QUIT")
    assert here.send(hops=[hop(lmtp=True)]).answers[0].stage is Stage.HELLO
