"""Scanners' steps over scripted connections: what is asked, what comes of each answer, and what of
none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Service
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.errors import Unavailable
from mailhub.model.settings import (
    ClamAVSettings,
    GreylistSettings,
    LevelSettings,
    MilterSettings,
    RspamdSettings,
    Settings,
    SpamAssassinSettings,
)
from mailhub.policy import filters, scored
from mailhub.policy.clamav import ClamAV
from mailhub.policy.consequences import Consequence, rules
from mailhub.policy.pipeline import Pipeline
from mailhub.policy.rspamd import Rspamd
from mailhub.policy.spamassassin import SpamAssassin
from mailhub.policy.step import Content, Facts, Finding, Stage, Step, Visit
from mailhub.ports import Buffer
from mailhub.wire import rspamd
from tests.fakes import FakeClock, ListLog
from tests.support import run

FACTS = Facts(
    Peer("192.0.2.7", 40000, tls=TLSFacts("TLSv1.3", "C")),
    Service.SMTP,
    helo="client.example",
    sender="a@b.example",
    recipients=("joe@us.example", "ann@us.example"),
    content=Content(b"From: a@b.example\r\n\r\n", memoryview(b"Hello\r\n")),
    transaction="t1",
)


class Scripted:
    """`ports.Dial` and its Dialogue at once: keeps what is sent, answers `pieces`. `closes_after`:
    octets that it hears before it closes."""

    def __init__(self, *pieces: bytes, closes_after: int = 1 << 40) -> None:
        self.pieces = list(pieces)
        self.heard = b""
        self.closed = 0
        self._room = closes_after

    async def open(self, seconds: float) -> Scripted:
        return self

    async def send(self, data: Buffer) -> bool:
        self.heard += bytes(data)
        return len(self.heard) < self._room

    async def receive(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def expire_in(self, seconds: float | None) -> None:
        raise AssertionError("the time was given at the start")

    def close(self, last: bytes = b"") -> None:
        assert not last
        self.closed += 1


class Posts:
    """`ports.Post` that answers `answer`."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    async def post(
        self, path: str, headers: Sequence[tuple[str, str]], pieces: Sequence[Buffer]
    ) -> bytes:
        assert path == "/checkv2"
        self.headers, self.body = list(headers), b"".join(pieces)
        return self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()


# -- ClamAV


def test_clamav_gets_the_message_and_the_connection_ends() -> None:
    dial = Scripted(b"stream: ", b"OK\0")
    (finding,) = run(ClamAV(ClamAVSettings(), dial).run(FACTS))
    assert finding.name == "clean"
    assert dial.closed == 1
    message = b"From: a@b.example\r\n\r\n", b"Hello\r\n"
    assert dial.heard == b"zINSTREAM\0" + b"".join(
        len(piece).to_bytes(4, "big") + piece for piece in message
    ) + bytes(4)


def test_a_daemon_that_has_heard_enough_may_still_say_why() -> None:
    dial = Scripted(b"INSTREAM size limit exceeded. ERROR\0", closes_after=20)
    (finding,) = run(ClamAV(ClamAVSettings(unscanned=3), dial).run(FACTS))
    assert (finding.name, finding.score) == ("unscanned", 3.0)
    assert len(dial.heard) < 40


@pytest.mark.parametrize("pieces", [(), (b"stream: O",), (b"nonsense\0",), (b"stream: x ERROR\0",)])
def test_no_answer_of_clamav_is_unavailable(pieces: tuple[bytes, ...]) -> None:
    dial = Scripted(*pieces)
    with pytest.raises(Unavailable):
        run(ClamAV(ClamAVSettings(), dial).run(FACTS))
    assert dial.closed == 1


def test_which_mail_is_scanned() -> None:
    users = replace(FACTS, service=Service.SUBMISSION)
    for scan, facts, asked in (
        ("all", users, True),
        ("incoming", users, False),
        ("incoming", replace(FACTS, trusted=True), False),
        ("incoming", FACTS, True),
    ):
        step = ClamAV(ClamAVSettings(scan=scan), Scripted(b"stream: OK\0"))
        assert bool(run(step.run(facts))) is asked


# -- SpamAssassin


def test_spamassassin_reads_fields_that_are_not_there_yet() -> None:
    dial = Scripted(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 7.5 / 5.0\r\n\r\n", b"A_RULE,B")
    made = SpamAssassin(SpamAssassinSettings(weight=2.0), dial, FakeClock(), "mx.us.example")
    facts = replace(
        FACTS, findings=(Finding("iprev", "pass", "c.example"),), helo="cl(ient)\r\nX: y"
    )
    (finding,) = run(made.run(facts))
    assert (finding.name, finding.score) == ("spam", 15.0)
    assert finding.fields == (
        b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=7.5 required=5.0\r\n tests=A_RULE,B\r\n"
    )
    head, _, message = dial.heard.partition(b"\r\n\r\n")
    assert int(head.rpartition(b" ")[2]) == len(message)
    assert message.startswith(
        b"Received: from clientX:y (c.example [192.0.2.7])\r\n"
        b"\tby mx.us.example (mailhub) with ESMTP id t1;\r\n"
    )
    assert b"X-Envelope-From: <a@b.example>\r\nFrom: a@b.example\r\n\r\nHello" in message


def test_spamassassin_is_spared_large_mail_and_its_errors_are_unavailable() -> None:
    made = SpamAssassin(SpamAssassinSettings(size=5), Scripted(), FakeClock(), "mx")
    assert [one.name for one in run(made.run(FACTS))] == ["unscanned"]
    dial = Scripted(b"SPAMD/1.1 75 EX_TEMPFAIL\r\n\r\n")
    made = SpamAssassin(SpamAssassinSettings(), dial, FakeClock(), "mx")
    with pytest.raises(Unavailable, match="EX_TEMPFAIL"):
        run(made.run(FACTS))


def test_a_status_field_says_nothing_but_what_it_should() -> None:
    tests = [f"RULE_{number}" for number in range(200)] + ["a\r\nX-Bad: 1"]
    made = scored.field(False, 1.25, 5, tests)
    assert made.endswith(b"\r\n")
    assert made.count(b"RULE_") == scored.TESTS
    assert all(len(line) < 100 for line in made.split(b"\r\n"))
    assert b"X-Bad" not in made
    assert scored.field(False, 0, 5, []) == (
        b"X-Spam-Status: No, score=0.0 required=5.0\r\n tests=none\r\n"
    )


# -- rspamd


def answer(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "score": 7.0, "required_score": 15.0, "symbols": {}, **more}


@pytest.mark.parametrize(
    ("action", "name"), [(action, name) for action, name in rspamd.ACTIONS.items()]
)
def test_actions_of_rspamd(action: str, name: str) -> None:
    (finding,) = run(Rspamd(RspamdSettings(), Posts(answer(action)), "mx").run(FACTS))
    assert (finding.name, finding.score) == (name, 0.0)


def test_rspamd_is_told_of_the_envelope() -> None:
    post = Posts(answer("no action"))
    facts = replace(FACTS, helo="a\r\nUser: root")
    run(Rspamd(RspamdSettings(password="secret"), post, "mx").run(facts))
    assert post.body == b"From: a@b.example\r\n\r\nHello\r\n"
    assert post.headers == [
        ("IP", "192.0.2.7"),
        ("Helo", "aUser: root"),
        ("From", "a@b.example"),
        ("Rcpt", "joe@us.example"),
        ("Rcpt", "ann@us.example"),
        ("Queue-Id", "t1"),
        ("MTA-Name", "mx"),
        ("TLS-Version", "TLSv1.3"),
        ("TLS-Cipher", "C"),
        ("Password", "secret"),
        ("Content-Type", "application/octet-stream"),
    ]


def test_what_rspamd_puts_into_the_header_stays_in_its_fields() -> None:
    milter = {
        "add_headers": {
            "X-A": {"value": "one\n two\r\nX-Bad: 3", "order": 1},
            "X-B": [{"value": "ü"}, "plain"],
            "Bad Name": "x",
            "X-C": 5,
        }
    }
    made = answer("reject", milter=milter, messages={"smtp_message": "No\r\n250"})
    found = rspamd.verdict(json.dumps(made).encode())
    assert found.fields == (
        b"X-A: one\r\n\ttwo\r\n\tX-Bad: 3\r\n",
        b"X-B: ?\r\n",
        b"X-B: plain\r\n",
    )
    assert found.said == "No?\n250"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        answer("launch"),
        {"action": "reject", "score": "7", "required_score": 1},
        {"action": ["reject"], "score": 7, "required_score": 1},
        {"action": "reject", "score": True, "required_score": 1},
    ],
)
def test_what_rspamd_never_says_is_unavailable(said: Any) -> None:
    with pytest.raises(Unavailable):
        run(Rspamd(RspamdSettings(), Posts(said), "mx").run(FACTS))


# -- what it all leads to


class Broken:
    """A step that cannot tell."""

    stage = Stage.BODY

    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        self.error = error

    async def run(self, facts: Facts) -> Sequence[Finding]:
        raise self.error


def judged(settings: Settings, *steps: Step) -> Consequence:
    found = rules(settings.policy, filters.table(settings), filters.levels(settings.levels))
    return run(Pipeline(steps, found, "mx", ListLog()).run(Stage.BODY, FACTS)).consequence


@pytest.mark.parametrize("error", [Unavailable("x"), ZeroDivisionError("x")])
@pytest.mark.parametrize("name", ["clamav", "rspamd", "spamassassin", "milter odd"])
def test_a_filter_that_is_away_holds_up_mail_only_where_it_is_set_so(
    name: str, error: Exception
) -> None:
    odd = MilterSettings(endpoint="unix:x", name="odd")
    assert judged(Settings(milter=(odd,)), Broken(name, error)) is Consequence.ADD
    settings = Settings(
        clamav=ClamAVSettings(on_failure="defer"),
        rspamd=RspamdSettings(on_failure="defer"),
        spamassassin=SpamAssassinSettings(on_failure="defer"),
        milter=(replace(odd, on_failure="defer"),),
    )
    assert judged(settings, Broken(name, error)) is Consequence.DEFER


@pytest.mark.parametrize(
    ("action", "settings", "consequence"),
    [
        ("reject", RspamdSettings(), Consequence.REJECT),
        ("add header", RspamdSettings(), Consequence.JUNK),
        ("add header", RspamdSettings(add_header=5.9), Consequence.ADD),
        ("add header", RspamdSettings(add_header=6.0), Consequence.JUNK),
        ("no action", RspamdSettings(weight=1.0), Consequence.JUNK),
        ("no action", RspamdSettings(weight=2.2), Consequence.REJECT),
        ("discard", RspamdSettings(discard="discard"), Consequence.DISCARD),
        ("soft reject", RspamdSettings(), Consequence.DEFER),
        ("greylist", RspamdSettings(), Consequence.ADD),
    ],
)
def test_outcomes_and_levels(
    action: str, settings: RspamdSettings, consequence: Consequence
) -> None:
    step = Rspamd(settings, Posts(answer(action)), "mx")
    assert judged(Settings(rspamd=settings), step) is consequence


def test_levels_of_zero_are_none() -> None:
    assert filters.levels(LevelSettings(junk=0.0, reject=3.0)) == ((3.0, Consequence.REJECT),)
    table = filters.table(Settings(greylist=GreylistSettings()))
    assert table["greylist", "early"] is Consequence.DEFER
    assert ("hello", "ours") not in table


def test_what_steps_keep_ends_with_the_visit() -> None:
    class Kept:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    visit, kept = Visit("s"), Kept()
    visit.kept["x"] = kept
    visit.close()
    visit.close()
    assert kept.closed == 1
