"""Replies, capabilities and commands: tables, and every way of cutting the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.queue import QueueSender
from mailhub.smtp.sender import grammar
from mailhub.smtp.sender.grammar import NO_CAPABILITIES, Broken, Capabilities, Reply
from mailhub.smtp.sender.machine import TRANSITIONS, Machine, State
from tests.smtp.sender.peers import entry

SENDER = QueueSender("from@me.test")


def read(data: bytes) -> list[Reply]:
    machine = Machine()
    machine.receive(data)
    replies = []
    while (reply := machine.next_reply()) is not None:
        replies.append(reply)
    assert not machine.pending
    return replies


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"250 ok\r\n", [Reply(250, ("ok",))]),
        (b"250\r\n", [Reply(250, ("",))]),
        (b"250 \r\n", [Reply(250, ("",))]),
        (b"250-\r\n250\r\n", [Reply(250, ("", ""))]),
        (b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", [Reply(250, ("mx", "SIZE 10", "DSN"))]),
        (b"354 go\n250 ok\n", [Reply(354, ("go",)), Reply(250, ("ok",))]),
        (b"550  two  spaces \r\n", [Reply(550, (" two  spaces ",))]),
        ("250 gr\xfc\xdf dich\r\n".encode(), [Reply(250, ("gr\xfc\xdf dich",))]),
        (b"250 gr\xfc\xdf\r\n", [Reply(250, ("gr\\xfc\\xdf",))]),
        (b"250 a\rb\r\n", [Reply(250, ("a\rb",))]),
    ],
)
def test_replies(data: bytes, replies: list[Reply]) -> None:
    assert read(data) == replies


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250_ok\r\n",
        b" 250 ok\r\n",
        b"\x00\x00\x00\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nb\r\n",
        b"250 " + b"x" * grammar.LINE_LIMIT + b"\r\n",
        b"250 " + b"x" * (grammar.LINE_LIMIT + 5),
        b"250-x\r\n" * 9363,
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(Broken):
        read(data)


def test_long_lines_and_replies_are_taken_up_to_the_limit() -> None:
    line = b"250-" + b"x" * (grammar.LINE_LIMIT - 4) + b"\r\n"
    replies = read(line * 31 + b"250 end\r\n")
    assert len(replies[0].lines) == 32


@given(
    st.lists(
        st.tuples(
            st.integers(200, 599),
            st.lists(
                st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20),
                min_size=1,
                max_size=4,
            ),
        ),
        max_size=4,
    ),
    st.data(),
)
@settings(max_examples=50, deadline=None)
def test_replies_are_the_same_however_they_are_cut(
    wanted: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    wire = b""
    for code, lines in wanted:
        for line in lines[:-1]:
            wire += f"{code}-{line}\r\n".encode()
        wire += f"{code} {lines[-1]}\r\n".encode()
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=8).map(sorted))
    machine = Machine()
    replies = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        machine.receive(wire[start:stop])
        while (reply := machine.next_reply()) is not None:
            replies.append(reply)
    assert replies == [Reply(code, tuple(lines)) for code, lines in wanted]


def test_replies_come_byte_by_byte() -> None:
    machine = Machine()
    wire = b"250-mx.test\r\n250-SIZE\r\n250 DSN\r\n354 go\r\n"
    found = []
    for at in range(len(wire)):
        machine.receive(wire[at : at + 1])
        while (reply := machine.next_reply()) is not None:
            found.append(reply)
    assert found == [Reply(250, ("mx.test", "SIZE", "DSN")), Reply(354, ("go",))]


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_replies_or_broken(data: bytes) -> None:
    machine = Machine()
    machine.receive(data)
    refused = "nothing"
    try:
        while machine.next_reply() is not None:
            pass
    except Broken as broken:
        refused = broken.text
    assert refused.isprintable()


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (250, "2.1.5 ok", "2.1.5"),
        (550, "5.1.1 nobody", "5.1.1"),
        (550, "5.1.1", "5.1.1"),
        (450, "4.7.1 <a@b>: later", "4.7.1"),
        (550, "no such user", "5.0.0"),
        (550, "2.1.5 contradiction", "5.0.0"),
        (452, "5.2.2 contradiction", "4.0.0"),
        (550, "5.1.1000 too long", "5.0.0"),
        (550, "5.1 short", "5.0.0"),
        (550, "5.1.1-x", "5.0.0"),
        (354, "go on", "4.5.0"),
        (250, "", "2.0.0"),
    ],
)
def test_enhanced_codes(code: int, text: str, status: str) -> None:
    assert Reply(code, (text,)).status == status


@pytest.mark.parametrize(
    ("lines", "offered"),
    [
        ((), NO_CAPABILITIES),
        (("PIPELINING", "8bitmime", "SMTPUTF8"), Capabilities(True, eight_bit=True, utf8=True)),
        (("SIZE",), Capabilities(has_size=True)),
        (("SIZE 0",), Capabilities(has_size=True)),
        (("SIZE 1000",), Capabilities(has_size=True, size=1000)),
        (("SIZE=1000",), Capabilities(has_size=True, size=1000)),
        (("SIZE -5",), Capabilities(has_size=True)),
        (("SIZE \u0661",), Capabilities(has_size=True)),
        (("SIZE " + "9" * 30,), Capabilities(has_size=True)),
        (("AUTH PLAIN login", "AUTH=PLAIN LOGIN"), Capabilities(mechanisms=("PLAIN", "LOGIN"))),
        (("AUTH",), Capabilities()),
        (("BINARYMIME",), Capabilities()),
        (("BINARYMIME", "CHUNKING"), Capabilities(binary=True, chunking=True)),
        (
            ("LIMITS MAILMAX=5 RCPTMAX=20 RCPTDOMAINMAX=1 OTHER=x",),
            Capabilities(messages=5, recipients=20, domains=1),
        ),
        (("LIMITS RCPTMAX=none",), Capabilities()),
        (
            ("", "-x", "\xfc", "STARTTLS", "REQUIRETLS", "DSN"),
            Capabilities(starttls=True, require_tls=True, dsn=True),
        ),
    ],
)
def test_capabilities(lines: tuple[str, ...], offered: Capabilities) -> None:
    assert grammar.capabilities(Reply(250, ("mx.test greets PIPELINING", *lines))) == offered


def test_the_greeting_line_of_ehlo_offers_nothing() -> None:
    assert grammar.capabilities(Reply(250, ("STARTTLS",))) == NO_CAPABILITIES


ALL = Capabilities(
    eight_bit=True, utf8=True, dsn=True, has_size=True, require_tls=True, mechanisms=("PLAIN",)
)


def test_mail_says_only_what_was_offered() -> None:
    full = QueueSender("a@b.test", ret="HDRS", envid="id+1 x", require_tls=True)
    said = grammar.mail(full, "a@b.test", ALL, size=7, body="8BITMIME", utf8=True)
    assert said == (
        b"MAIL FROM:<a@b.test> SIZE=7 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS "
        b"ENVID=id+2B1+20x\r\n"
    )
    plain = QueueSender("", ret="HDRS", envid="id", require_tls=True)
    said = grammar.mail(plain, "", NO_CAPABILITIES, size=7, body="", utf8=False)
    assert said == b"MAIL FROM:<>\r\n"


def test_rcpt_says_only_what_was_offered() -> None:
    asked = entry("a@b.test", SENDER, notify=("SUCCESS", "DELAY"), orcpt="rfc822;a+x=y@b.test")
    assert grammar.rcpt(asked, "a@b.test", NO_CAPABILITIES, utf8=False) == b"RCPT TO:<a@b.test>\r\n"
    assert grammar.rcpt(asked, "a@b.test", ALL, utf8=False) == (
        b"RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bx+3Dy@b.test\r\n"
    )


def test_international_original_recipients() -> None:
    asked = entry("x@b.test", SENDER, orcpt="utf-8;\xfc\\+@b.test")
    said = grammar.rcpt(asked, "x@b.test", ALL, utf8=False)
    assert said.endswith(b" ORCPT=utf-8;\\x{FC}\\x{5C}\\x{2B}@b.test\r\n")
    said = grammar.rcpt(asked, "x@b.test", ALL, utf8=True)
    assert said.endswith(" ORCPT=utf-8;\xfc\\x{5C}\\x{2B}@b.test\r\n".encode())


@pytest.mark.parametrize(
    ("sender", "said"),
    [
        (QueueSender("a=b@c.test", account=7), b" AUTH=a+3Db@c.test"),
        (QueueSender("a@c.test"), b" AUTH=<>"),
        (QueueSender("", account=7), b" AUTH=<>"),
    ],
)
def test_who_vouches_for_the_sender(sender: QueueSender, said: bytes) -> None:
    assert grammar.submitted_by(sender, sender.address) == said


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
@settings(max_examples=50, deadline=None)
def test_xtext_is_read_back_by_our_own_server(text: str) -> None:
    from mailhub.smtp import parameters

    assert parameters.xtext(grammar.xtext(text)) == text


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("a@b.test", True),
        ('"a b"@c.test', True),
        ("\u00fc@b.test", True),
        ("a@b.test>\r\nRCPT TO:<x", False),
        ("a\x00@b.test", False),
        ("a\x85@b.test", False),
        ("a\n@b.test", False),
    ],
)
def test_paths_that_would_break_a_command(path: str, fine: bool) -> None:
    assert grammar.speakable(path) is fine


def test_bytes_behind_the_answer_to_starttls_are_noticed() -> None:
    machine = Machine()
    machine.receive(b"220 go\r\n")
    assert machine.next_reply() is not None
    machine.capabilities = ALL
    machine.upgrade()
    assert machine.capabilities == NO_CAPABILITIES
    for rest in (b"2", b"250 injected\r\n", b"250-a\r\n"):
        machine = Machine()
        machine.receive(b"220 go\r\n" + rest)
        assert machine.next_reply() is not None
        with pytest.raises(Broken):
            machine.upgrade()


@pytest.mark.parametrize("state", State)
def test_moves_that_are_not_in_the_table_are_defects(state: State) -> None:
    for target in State:
        machine = Machine()
        machine.state = state
        if target in TRANSITIONS[state]:
            machine.enter(target)
            assert machine.state is target
        else:
            with pytest.raises(AssertionError):
                machine.enter(target)
