"""Filters as bytes: what is said when, and answers that no filter may give."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import MilterSettings
from mailhub.policy import milter
from mailhub.policy.step import Content, Facts, Finding, Stage, Visit
from mailhub.ports import Buffer
from mailhub.wire.header import edited
from mailhub.wire.milter import Packets, Wish, packet
from tests.support import run

FACTS = Facts(
    Peer("192.0.2.7", 40000),
    Service.SMTP,
    helo="client.example",
    sender="a@b.example",
    recipients=("joe@us.example",),
    content=Content(b"From: a@b.example\r\nSubject: x\r\n\r\n", memoryview(b"Hello\r\n")),
    transaction="t1",
)
CONTINUE = packet(b"c")


class Filter:
    """`ports.Dial` to a filter that answers CONTINUE, but to letters in `says`; letters in
    `silent` get no answer. It keeps the letters that it heard, without macros."""

    def __init__(
        self, says: dict[bytes, bytes], *, version: int = 6, wishes: int = 0, silent: bytes = b""
    ) -> None:
        self.says = says
        self.heard: list[bytes] = []
        self.opened = self.closed = 0
        self._terms = packet(b"O", struct.pack("!III", version, 0x31 & 0x31, wishes))
        self._silent = silent + b"DAKQ"
        self._packets = Packets()
        self._out = b""

    async def open(self, seconds: float) -> Filter:
        self.opened += 1
        return self

    async def send(self, data: Buffer) -> bool:
        self._packets.receive(bytes(data))
        while (found := self._packets.next_packet()) is not None:
            letter, _ = found
            if letter == b"O":
                self._out += self._terms
                continue
            if letter != b"D":
                self.heard.append(letter)
            if letter not in self._silent:
                self._out += self.says.get(letter, CONTINUE)
        return True

    async def receive(self) -> bytes:
        data, self._out = self._out[:3], self._out[3:]
        return data

    def expire_in(self, seconds: float | None) -> None:
        assert seconds is None or seconds == 30

    def close(self, last: bytes = b"") -> None:
        assert last == packet(b"Q")
        self.closed += 1


def ask(filter: Filter, stage: Stage = Stage.BODY, facts: Facts = FACTS) -> list[Finding]:
    steps = milter.steps(MilterSettings(endpoint="unix:x", name="f"), filter, "mx")
    (step,) = [one for one in steps if one.stage is stage]
    return list(run(step.run(facts)))


def test_all_is_told_in_order() -> None:
    filter = Filter({})
    assert ask(filter) == []
    assert b"".join(filter.heard) == b"CHMRTLLNBE"
    assert filter.closed == 1


@pytest.mark.parametrize(
    ("wishes", "silent", "heard"),
    [
        (Wish.NO_CONNECT | Wish.NO_HELO | Wish.NO_MAIL | Wish.NO_RCPT, b"", b"TLLNBE"),
        (Wish.NO_BODY | Wish.NO_HEADERS | Wish.NO_END_OF_HEADER | Wish.NO_DATA, b"", b"CHMRE"),
        (Wish.SILENT_HEADER | Wish.SILENT_BODY, b"LB", b"CHMRTLLNBE"),
        (Wish.SILENT_CONNECT | Wish.SILENT_RCPT | Wish.SILENT_DATA, b"CRT", b"CHMRTLLNBE"),
    ],
)
def test_wishes_are_kept(wishes: Wish, silent: bytes, heard: bytes) -> None:
    filter = Filter({}, wishes=wishes, silent=silent)
    assert ask(filter) == []
    assert b"".join(filter.heard) == heard


def test_an_old_filter_hears_no_data() -> None:
    filter = Filter({}, version=2)
    ask(filter)
    assert b"".join(filter.heard) == b"CHMRLLNBE"


@pytest.mark.parametrize("letter", [b"C", b"H", b"M", b"R", b"T", b"L", b"N", b"B", b"E"])
@pytest.mark.parametrize(
    ("answer", "name"),
    [(b"r", "reject"), (b"t", "defer"), (b"d", "discard"), (b"a", None)],
)
def test_any_packet_may_decide(letter: bytes, answer: bytes, name: str | None) -> None:
    filter = Filter({letter: packet(answer)})
    found = ask(filter)
    assert [one.name for one in found] == ([] if name is None else [name])
    assert filter.heard[-1] == letter


def test_skip_ends_the_body_alone() -> None:
    filter = Filter({b"B": packet(b"s")})
    long = replace(FACTS, content=Content(b"\r\n", memoryview(bytes(200_000))))
    assert ask(filter, facts=long) == []
    assert b"".join(filter.heard) == b"CHMRTNBE"


@pytest.mark.parametrize(
    "says",
    [
        {b"M": packet(b"h", b"X-A\0b\0")},
        {b"H": packet(b"s")},
        {b"E": packet(b"b", b"another body")},
        {b"E": packet(b"+", b"<x@y>\0") + CONTINUE},
        {b"E": packet(b"h", b"X-A\0b\0") * 1001 + CONTINUE},
        {b"R": b"\0\0\0\0c"},
        {b"R": packet(b"y", b"250 fine\0")},
        {b"R": packet(b"4")},
        {b"R": packet(b"O", bytes(12))},
        {b"C": b""},
    ],
)
def test_what_a_filter_may_not_say(says: dict[bytes, bytes]) -> None:
    filter = Filter(says)
    with pytest.raises(Unavailable):
        ask(filter)
    assert filter.closed >= 1


def test_progress_is_no_answer() -> None:
    assert ask(Filter({b"E": packet(b"p") * 3 + packet(b"r")}))[0].name == "reject"


def test_fields_stay_fields() -> None:
    end = (
        packet(b"h", b"X-Added\0a\r\nX-Bad: 1\n\n c\0")
        + packet(b"i", b"\0\0\0\x01X-Second\0 two\0")
        + packet(b"i", b"\0\0\0\0X-First\0one\0")
        + packet(b"m", b"\0\0\0\x01Subject\0new\n line\0")
        + packet(b"m", b"\0\0\0\x01From\0\0")
        + packet(b"q", b"odd\0")
        + CONTINUE
    )
    quarantine, changed = ask(Filter({b"E": end}))
    assert (quarantine.name, quarantine.text) == ("quarantine", "odd")
    assert changed.fields == (
        b"X-First: one\r\nX-Second: two\r\nX-Added: a\r\n\tX-Bad: 1\r\n\tc\r\n"
    )
    assert FACTS.content is not None
    assert edited(FACTS.content.header, changed.edits) == b"Subject: new\r\n\tline\r\n\r\n"


def test_another_client_on_the_same_connection_is_a_new_one() -> None:
    filter, visit = Filter({}), Visit()
    steps = {
        one.stage: one
        for one in milter.steps(MilterSettings(endpoint="unix:x", name="f"), filter, "mx")
    }
    facts = replace(FACTS, visit=visit, helo="", sender=None, recipients=(), content=None)
    run(steps[Stage.CONNECT].run(facts))
    run(steps[Stage.CONNECT].run(facts))
    assert filter.heard == [b"C"]
    run(steps[Stage.CONNECT].run(replace(facts, peer=Peer("192.0.2.8", 1))))
    assert filter.heard == [b"C", b"C"]
    assert (filter.opened, filter.closed) == (2, 1)


def test_a_large_message_is_not_shown() -> None:
    filter = Filter({})
    large = replace(FACTS, content=Content(b"", memoryview(bytes(65 << 20))))
    assert [one.name for one in ask(filter, facts=large)] == ["unscanned"]
    assert filter.opened == 0


@pytest.mark.parametrize(
    ("edits", "after"),
    [
        ((), b"A: 1\r\nB: 2\r\n c\r\na: 3\r\n\r\n"),
        (((b"a", 2, b" x"),), b"A: 1\r\nB: 2\r\n c\r\na: x\r\n\r\n"),
        (((b"A", 0, b""),), b"B: 2\r\n c\r\na: 3\r\n\r\n"),
        (((b"B", 1, b""), (b"A", 1, b"")), b"a: 3\r\n\r\n"),
        (((b"C", 1, b" 4"),), b"A: 1\r\nB: 2\r\n c\r\na: 3\r\nC: 4\r\n\r\n"),
        (((b"A", 3, b""),), b"A: 1\r\nB: 2\r\n c\r\na: 3\r\n\r\n"),
    ],
)
def test_edits_of_a_header(edits: tuple[tuple[bytes, int, bytes], ...], after: bytes) -> None:
    assert edited(b"A: 1\r\nB: 2\r\n c\r\na: 3\r\n\r\n", edits) == after
