"""ClamAV, SpamAssassin, rspamd, OpenDKIM and a filter on libmilter, asked by the steps over real
sockets, and by a whole server."""

from __future__ import annotations

import smtplib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mailhub.core.signing import record, record_name
from mailhub.model.account import Principal, Role, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import (
    ClamAVSettings,
    MilterSettings,
    RspamdSettings,
    SpamAssassinSettings,
)
from mailhub.net.clock import ReactorClock
from mailhub.net.dialogue import EndpointDial
from mailhub.net.post import ServerPost
from mailhub.policy import milter, signing
from mailhub.policy.clamav import ClamAV
from mailhub.policy.rspamd import Rspamd
from mailhub.policy.spamassassin import SpamAssassin
from mailhub.policy.step import Content, Facts, Finding, Stage, Step, Visit
from mailhub.wire.header import edited
from mailhub.wire.relaxed import RelaxedBodyHash
from tests import turning
from tests.live import scanners
from tests.live.conftest import DOMAIN, User
from tests.live.scanners import GTUBE, VIRUS, Daemon
from tests.live.server import PLAIN, Server
from tests.signed import MESSAGE, pair

pytestmark = pytest.mark.live
T = TypeVar("T")
HOST = "mx.example.org"
HEADER = b"From: Ada <ada@b.example>\r\nTo: joe@us.example\r\nSubject: %b\r\n\r\n"
FACTS = Facts(
    Peer("193.0.6.139", 40000),
    Service.SMTP,
    helo="client.example",
    sender="ada@b.example",
    recipients=("joe@us.example", "ann@us.example"),
    transaction="t1",
)
JOE = Principal(7, "7", "joe", Role.USER, Service.SUBMISSION, 0)


def run(awaitable: Awaitable[T]) -> T:
    return turning.result(awaitable)


def mail(body: bytes, subject: bytes = b"Hello") -> Facts:
    return replace(FACTS, content=Content(HEADER % subject, memoryview(body)))


def daemon(make: Callable[[], Daemon]) -> Iterator[Daemon]:
    made = make()
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """Names were looked up in threads."""
    yield
    turning.release_threads()


@pytest.fixture(scope="module")
def clamd() -> Iterator[Daemon]:
    yield from daemon(scanners.clamd)


@pytest.fixture(scope="module")
def rspamd() -> Iterator[Daemon]:
    yield from daemon(scanners.rspamd)


@pytest.fixture(scope="module")
def spamd() -> Iterator[Daemon]:
    yield from daemon(scanners.spamd)


@pytest.fixture
def odd() -> Iterator[Daemon]:
    yield from daemon(scanners.odd_milter)


# -- ClamAV


def clamav(where: str, **settings: Any) -> ClamAV:
    dial = EndpointDial(where, settings.get("concurrency", 2), turning.reactor())
    return ClamAV(ClamAVSettings(endpoint=where, **settings), dial)


@pytest.mark.parametrize(
    ("body", "name", "text"),
    [
        (b"Hello\r\n", "clean", ""),
        (b"Look: " + VIRUS + b"\r\n", "virus", "Mailhub.Test.UNOFFICIAL"),
        (b"", "clean", ""),
        (b"x" * (900 << 10), "clean", ""),
        (b"x" * (3 << 20), "unscanned", "INSTREAM size limit exceeded."),
    ],
)
def test_clamav_says(clamd: Daemon, body: bytes, name: str, text: str) -> None:
    (finding,) = run(clamav(f"unix:{clamd.socket}").run(mail(body)))
    assert (finding.name, finding.text) == (name, text)


def test_clamav_is_not_asked_about_what_is_too_large(clamd: Daemon) -> None:
    step = clamav("unix:/nowhere", size=10)
    (finding,) = run(step.run(mail(b"Hello\r\n")))
    assert finding.name == "unscanned"


def test_many_messages_share_few_connections(clamd: Daemon) -> None:
    step = clamav(f"unix:{clamd.socket}", concurrency=2)
    bodies = [VIRUS if number % 2 else b"clean" for number in range(12)]
    answers = turning.together(*(step.run(mail(body)) for body in bodies))
    assert [one[0].name for one in answers] == ["clean", "virus"] * 6


def test_a_scanner_that_is_away_or_silent_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        run(clamav(f"unix:{tmp_path}/none").run(mail(b"Hello")))
    port = scanners.free_port()
    with pytest.raises(Unavailable, match="cannot be reached"):
        run(clamav(f"tcp:127.0.0.1:{port}").run(mail(b"Hello")))


# -- SpamAssassin


def test_spamassassin_says(spamd: Daemon) -> None:
    where = f"tcp:127.0.0.1:{spamd.port}"
    reactor = turning.reactor()
    settings = SpamAssassinSettings(endpoint=where, high_score=900.0, weight=0.01)
    step = SpamAssassin(settings, EndpointDial(where, 2, reactor), ReactorClock(reactor), HOST)
    (finding,) = run(step.run(mail(GTUBE + b"\r\n")))
    assert finding.name == "high"
    assert 9 < finding.score < 12
    assert finding.fields.startswith(b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=1")
    assert b"GTUBE" in finding.fields
    assert b"NO_RECEIVED" not in finding.fields  # it read ours
    header = f"Date: {formatdate()}\r\nMessage-ID: <4f1c77ab@mail.b.example>\r\n".encode()
    content = Content(header + HEADER % b"Friday", memoryview(b"Shall we meet on Friday?\r\n"))
    named = (Finding("iprev", "pass", "client.example"),)
    (finding,) = run(step.run(replace(FACTS, content=content, findings=named)))
    assert finding.name == "ham", finding
    assert finding.fields.startswith(b"X-Spam-Status: No, score=")


# -- rspamd


def rspamd_step(daemon: Daemon, **settings: Any) -> Rspamd:
    url = f"http://127.0.0.1:{daemon.port}"
    post = ServerPost(url, 10.0, 2, turning.reactor())
    return Rspamd(RspamdSettings(url=url, **settings), post, HOST)


@pytest.mark.parametrize(
    ("body", "subject", "name", "symbol"),
    [
        (b"Hello\r\n", b"Hello", "no_action", b"tests=ENVELOPE"),
        (b"Hello\r\n", b"seven", "add_header", b"SUBJECT_SEVEN"),
        (GTUBE + b"\r\n", b"Hello", "reject", b"GTUBE"),
        (b"x" * 300_000, b"seven", "add_header", b"SUBJECT_SEVEN"),
    ],
)
def test_rspamd_says(rspamd: Daemon, body: bytes, subject: bytes, name: str, symbol: bytes) -> None:
    (finding,) = run(rspamd_step(rspamd).run(mail(body, subject)))
    assert finding.name == name
    assert symbol in finding.fields
    assert (b"X-Spam-Flag: YES" in finding.fields) is (name != "no_action")


def test_rspamd_hears_of_the_envelope_and_its_fields_are_kept(rspamd: Daemon) -> None:
    (finding,) = run(rspamd_step(rspamd, weight=2.0).run(mail(b"Hello\r\n", b"seven")))
    assert finding.score == 15.0
    assert b"X-Seen: 193.0.6.139 client.example ada@b.example - 2\r\n" in finding.fields
    facts = replace(mail(b"Hello\r\n"), principal=JOE)
    assert run(rspamd_step(rspamd).run(facts)) == ()
    (finding,) = run(rspamd_step(rspamd, scan="all").run(facts))
    assert b"X-Seen: 193.0.6.139 client.example ada@b.example joe 2\r\n" in finding.fields
    (finding,) = run(rspamd_step(rspamd, headers=False).run(mail(b"Hello\r\n")))
    assert b"X-Seen" not in finding.fields


def test_rspamd_away_is_unavailable() -> None:
    url = f"http://127.0.0.1:{scanners.free_port()}"
    post = ServerPost(url, 5.0, 2, turning.reactor())
    with pytest.raises(Unavailable, match="cannot be asked"):
        run(Rspamd(RspamdSettings(url=url), post, HOST).run(mail(b"Hello")))


# -- milters


class Session:
    """A client's stages, run over the steps of one filter."""

    def __init__(self, where: Daemon, **settings: Any) -> None:
        endpoint = f"unix:{where.socket}"
        dial = EndpointDial(endpoint, 10, turning.reactor())
        made = MilterSettings(endpoint=endpoint, name="odd", **settings)
        self.steps: dict[Stage, Step] = {
            step.stage: step for step in milter.steps(made, dial, HOST)
        }
        self.visit = Visit("s1")

    def ask(self, stage: Stage, facts: Facts = FACTS) -> list[Finding]:
        return list(run(self.steps[stage].run(replace(facts, visit=self.visit))))

    def early(self, sender: str = "ada@b.example", *recipients: str) -> None:
        """All stages before the message, in which the filter has nothing to say."""
        facts = replace(FACTS, helo="", sender=None, recipients=())
        assert not self.ask(Stage.CONNECT, facts)
        facts = replace(facts, helo="client.example")
        assert not self.ask(Stage.HELLO, facts)
        facts = replace(facts, sender=sender)
        assert not self.ask(Stage.SENDER, facts)
        for number in range(len(recipients)):
            facts = replace(facts, recipients=recipients[: number + 1])
            assert not self.ask(Stage.RECIPIENT, facts)


def heard(where: Daemon) -> list[str]:
    path = where.folder / "heard"
    return path.read_text().splitlines() if path.exists() else []


def test_a_filter_hears_each_thing_once_and_changes_the_header(odd: Daemon) -> None:
    session = Session(odd)
    session.early("ada@b.example", *FACTS.recipients)
    header = HEADER[:-2] % b"Hello" + b"X-Gone: a\r\nX-Gone: b\r\n\r\n"
    facts = replace(FACTS, content=Content(header, memoryview(b"x" * 200_000)))
    (finding,) = session.ask(Stage.BODY, facts)
    assert finding.fields == b"X-First: 1\r\nX-Odd: 200000\r\n\toctets\r\n"
    assert edited(header, finding.edits) == HEADER[:-2] % b"[odd] Hello" + b"X-Gone: a\r\n\r\n"
    session.visit.close()
    turning.until(lambda: "close" in heard(odd))
    assert heard(odd) == [
        f"connect [193.0.6.139] 193.0.6.139 {HOST}",
        "hello client.example",
        "mail <ada@b.example> -",
        "rcpt <joe@us.example>",
        "rcpt <ann@us.example>",
        "header From",
        "header To",
        "header Subject",
        "header X-Gone",
        "header X-Gone",
        "eom 200000 t1",
        "close",
    ]


def test_without_a_session_all_is_told_at_the_end(odd: Daemon) -> None:
    session = Session(odd)
    facts = replace(mail(b"Hello\r\n"), principal=JOE)
    (finding,) = list(run(session.steps[Stage.BODY].run(facts)))
    assert finding.name == "edited"
    turning.until(lambda: "close" in heard(odd))
    assert heard(odd)[:5] == [
        f"connect [193.0.6.139] 193.0.6.139 {HOST}",
        "hello client.example",
        "mail <ada@b.example> joe",
        "rcpt <joe@us.example>",
        "rcpt <ann@us.example>",
    ]


def test_what_a_filter_refuses(odd: Daemon) -> None:
    session = Session(odd)
    (finding,) = session.ask(Stage.HELLO, replace(FACTS, helo="bad.example", sender=None))
    assert finding.name == "reject"
    session.early()
    (finding,) = session.ask(Stage.RECIPIENT, replace(FACTS, recipients=("refused@us.example",)))
    assert (finding.name, finding.said) == ("reject", "553 5.1.3 Not this one")
    (finding,) = session.ask(Stage.RECIPIENT, replace(FACTS, recipients=("later@us.example",)))
    assert finding.name == "defer"
    assert not session.ask(Stage.RECIPIENT, replace(FACTS, recipients=("joe@us.example",)))
    facts = replace(mail(b"Hello\r\n", b"refuse"), recipients=("joe@us.example",))
    (finding,) = session.ask(Stage.BODY, facts)
    assert (finding.name, finding.said) == ("reject", "554 5.7.1 Two lines")


def test_several_messages_of_a_session(odd: Daemon) -> None:
    session = Session(odd)
    for subject in (b"one", b"hold", b"two"):
        session.early("ada@b.example", "joe@us.example")
        facts = replace(mail(b"Hello\r\n", subject), recipients=("joe@us.example",))
        names = [one.name for one in session.ask(Stage.BODY, facts)]
        assert names == (["quarantine", "edited"] if subject == b"hold" else ["edited"])
    session.early("ada@b.example", "joe@us.example")
    session.early("other@b.example", "joe@us.example")
    turning.until(lambda: heard(odd).count("mail <ada@b.example> -") == 4)
    assert heard(odd).count("hello client.example") == 1
    assert heard(odd)[-3:] == ["abort", "mail <other@b.example> -", "rcpt <joe@us.example>"]


def test_a_filter_takes_and_drops_or_wants_to_hear_no_more(odd: Daemon) -> None:
    session = Session(odd)
    (finding,) = session.ask(Stage.SENDER, replace(FACTS, sender="drop@b.example", recipients=()))
    assert finding.name == "discard"
    assert not session.ask(Stage.BODY, mail(b"Hello\r\n"))
    session.early("accept@b.example", "refused@us.example")
    assert not session.ask(Stage.BODY, mail(b"Hello\r\n", b"refuse"))
    assert not [line for line in heard(odd) if line.startswith("rcpt")]


def test_a_filter_that_comes_back_is_told_all_again(odd: Daemon) -> None:
    session = Session(odd)
    session.early("ada@b.example", "joe@us.example")
    odd.stop()
    scanners.start_odd_milter(odd)
    facts = replace(mail(b"Hello\r\n"), recipients=("joe@us.example",))
    (finding,) = session.ask(Stage.BODY, facts)
    assert finding.name == "edited"
    assert heard(odd).count("mail <ada@b.example> -") == 2
    odd.stop()
    with pytest.raises(Unavailable):
        session.ask(Stage.SENDER, replace(FACTS, recipients=()))


def test_a_filter_that_dies_over_a_message_is_unavailable(odd: Daemon) -> None:
    session = Session(odd)
    session.early("ada@b.example", "joe@us.example")
    with pytest.raises(Unavailable):
        session.ask(Stage.BODY, mail(b"Hello\r\n", b"crash"))


def test_opendkim_verifies_as_a_filter() -> None:
    keys = pair()
    digest = RelaxedBodyHash()
    end = signing.header_end(MESSAGE)
    digest.feed(MESSAGE[end:])
    signature = signing.sign(
        [signing.signer(keys[0])], MESSAGE[:end], digest.digest(), int(turning.reactor().seconds())
    )
    zone = "".join(f"{record_name(key)} {record(key)}\n" for key in keys)
    made = scanners.opendkim(zone)
    try:
        for forged in (b"", b"forged"):
            session = Session(made)
            session.early("ada@b.example", "joe@us.example")
            content = Content(signature + MESSAGE[:end], memoryview(MESSAGE[end:] + forged))
            found = session.ask(
                Stage.BODY, replace(FACTS, content=content, recipients=("joe@us.example",))
            )
            passes = [one for one in found if b"dkim=pass" in one.fields]
            assert bool(passes) is not bool(forged), found
            session.visit.close()
    finally:
        made.close()


# -- a whole server


def test_a_server_with_all_of_them(
    clamd: Daemon, rspamd: Daemon, odd: Daemon, tmp_path: Path
) -> None:
    sections = f"""
[policy]
authenticate = false
exempt_networks = []
[clamav]
endpoint = "unix:{clamd.socket}"
[rspamd]
url = "http://127.0.0.1:{rspamd.port}"
[spamassassin]
endpoint = "unix:{tmp_path}/away"
on_failure = "accept"
[[milter]]
endpoint = "unix:{odd.socket}"
name = "odd"
"""
    server = Server(tmp_path / "hub", PLAIN + sections)
    server.start()
    try:
        server.add_domain(DOMAIN)
        user = User(f"joe@{DOMAIN}", "Live-Passw0rd-1")
        for name in ("joe", "refused"):
            server.add_user(f"{name}@{DOMAIN}", user.password)
        _deliver(server, user)
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]
    assert "Traceback" not in server.log.read_text()


def _deliver(server: Server, user: User) -> None:
    answers = []
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), "client.example", timeout=20) as smtp:
        smtp.ehlo()
        for subject, body in (
            (b"Hello", b"Hello\r\n"),
            (b"seven", b"Hello\r\n"),
            (b"Hello", VIRUS + b"\r\n"),
            (b"Hello", GTUBE + b"\r\n"),
            (b"refuse", b"Hello\r\n"),
        ):
            smtp.mail("ada@b.example")
            assert smtp.rcpt(f"refused@{DOMAIN}") == (553, b"5.1.3 Not this one")
            assert smtp.rcpt(user.address)[0] == 250
            answers.append(smtp.data(HEADER % subject + body))
        smtp.mail("drop@b.example")
        assert smtp.rcpt(user.address)[0] == 250
        answers.append(smtp.data(HEADER % b"dropped" + b"Hello\r\n"))
    codes = [code for code, _ in answers]
    assert codes == [250, 250, 550, 550, 554, 250], answers
    assert b"Mailhub.Test" in answers[2][1]
    inbox, junk = _read(server, user, "INBOX"), _read(server, user, "Junk")
    assert len(inbox) == len(junk) == 1
    assert b"\r\nSubject: [odd] Hello\r\n" in inbox[0]
    assert b"\r\nX-Odd: 7\r\n\toctets\r\n" in inbox[0]
    assert b"\r\nX-Spam-Status: No, score=0.5 required=15.0\r\n" in inbox[0]
    assert b"\r\nX-Spam-Flag: YES\r\n" in junk[0]


def _read(server: Server, user: User, mailbox: str) -> list[bytes]:
    import imaplib

    with imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=20) as imap:
        imap.login(user.address, user.password)
        imap.select(mailbox)
        _, answer = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [one[1] for one in answer if isinstance(one, tuple)]
