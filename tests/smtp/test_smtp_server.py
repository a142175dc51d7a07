"""Whole sessions in memory: what is stored, what is not, and what is said when things fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from mailhub.model.account import Service
from mailhub.model.envelope import Envelope
from mailhub.model.errors import (
    MailhubError,
    MailLoop,
    NotPermitted,
    OverQuota,
    StorageFull,
    TooLarge,
    Unavailable,
)
from mailhub.smtp.server import SMTPServer
from tests.smtp.reception import Reception, said, stored
from tests.transcript import Conversation
from tests.world import PASSWORD, World, world

JOE = "joe@example.org"
HEAD = ("MAIL FROM:<ann@remote.example>", f"RCPT TO:<{JOE}>", "DATA")
MESSAGE = ("Subject: x", "", "body", ".")


@pytest.fixture
def people() -> World:
    return world(people=(JOE, "ann@example.org"))


class Spool:
    """A spool that counts, and fails on demand."""

    def __init__(self, inner: Any, failure: Exception | None) -> None:
        self.inner = inner
        self.failure = failure
        self.aborted = 0

    @property
    def size(self) -> int:
        size: int = self.inner.size
        return size

    def write(self, chunk: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.inner.write(chunk)

    def finish(self) -> Any:
        return self.inner.finish()

    def abort(self) -> None:
        self.aborted += 1
        self.inner.abort()


class Intake:
    """Core's own, with failures where a test wants them."""

    def __init__(self, world: World) -> None:
        self.inner = world.intake
        self.envelopes: list[Envelope] = []
        self.spools: list[Spool] = []
        self.open_failure: Exception | None = None
        self.write_failure: Exception | None = None
        self.accept_failure: Exception | None = None
        self.gate: Deferred[None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def spool(self, envelope: Envelope) -> Spool:
        if self.open_failure is not None:
            raise self.open_failure
        self.envelopes.append(envelope)
        self.spools.append(Spool(self.inner.spool(envelope), self.write_failure))
        return self.spools[-1]

    async def accept(self, *args: Any) -> Any:
        await self._before(args[2])
        return await self.inner.accept(*args)

    async def accept_each(self, *args: Any) -> Any:
        await self._before(args[2])
        return await self.inner.accept_each(*args)

    async def _before(self, spool: Spool) -> None:
        if self.gate is not None:
            await self.gate
        if self.accept_failure is not None:
            spool.abort()
            raise self.accept_failure


def test_a_message_is_stored_byte_for_byte_behind_its_trace_fields(people: World) -> None:
    conversation = Reception(people).greeted()
    said(conversation, *HEAD)
    sent = b"Subject: x\r\n\r\n..dot\r\n\x00\xff" + b"long " * 500 + b"\r\n"
    conversation.send(sent + b".\r\n")
    assert conversation.read().startswith(b"250 2.0.0")
    (message,) = stored(people, JOE)
    assert message.endswith(b"\r\nSubject: x\r\n\r\n.dot" + sent[19:])
    assert message.startswith(b"Return-Path: <ann@remote.example>\r\n")
    received = re.search(rb"^Received: ((?:.*\r\n[ \t])*.*)\r\n", message, re.MULTILINE)
    assert received is not None
    assert b"client.example" in received[1]
    assert b"with ESMTP" in received[1]


def test_a_message_is_answered_only_after_it_was_accepted(people: World) -> None:
    intake = Intake(people)
    intake.gate = Deferred()
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD)
    assert said(conversation, *MESSAGE, "NOOP", "QUIT") == []
    assert stored(people, JOE) == []
    intake.gate.callback(None)
    answers = conversation.read().decode().splitlines()
    assert [answer[:9] for answer in answers] == ["250 2.0.0", "250 2.0.0", "221 2.0.0"]
    assert len(stored(people, JOE)) == 1


@pytest.mark.parametrize("cut", ["DATA", "Subject: x", "body", "."])
def test_a_connection_lost_before_the_dot_stores_nothing(people: World, cut: str) -> None:
    intake = Intake(people)
    conversation = Reception(people, intake=intake).greeted()
    lines = (*HEAD, *MESSAGE)
    said(conversation, *lines[: lines.index(cut) + (cut == "DATA")])
    if cut == ".":
        conversation.send(b".\r")
    conversation.drop()
    assert stored(people, JOE) == []
    assert [spool.aborted for spool in intake.spools] == [1]


def test_a_message_being_accepted_outlives_its_connection(people: World) -> None:
    intake = Intake(people)
    intake.gate = Deferred()
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD)
    said(conversation, *MESSAGE)
    conversation.drop()
    intake.gate.callback(None)
    assert len(stored(people, JOE)) == 1
    assert intake.spools[0].aborted == 0


@pytest.mark.parametrize("ending", ["RSET", "EHLO again.example", "QUIT"])
def test_what_ends_a_transaction_of_chunks_drops_them(people: World, ending: str) -> None:
    intake = Intake(people)
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD[:2])
    conversation.send(b"BDAT 3\r\nabc")
    said(conversation, ending)
    if ending == "QUIT":
        conversation.drop()
    assert [spool.aborted for spool in intake.spools] == [1]
    assert stored(people, JOE) == []


FAILURES = [
    (Unavailable(), "451 4.3.1"),
    (StorageFull(), "452 4.3.1"),
    (OverQuota(), "452 4.2.2"),
    (MailLoop(), "554 5.4.6"),
    (NotPermitted(), "550 5.7.1"),
    (TooLarge(), "552 5.3.4"),
    (MailhubError(), "451 4.3.0"),
    (RuntimeError("a secret of the store"), "451 4.3.0"),
]


@pytest.mark.parametrize(("failure", "code"), FAILURES)
def test_a_refused_message_is_answered_with_its_code(
    people: World, failure: Exception, code: str
) -> None:
    intake = Intake(people)
    intake.accept_failure = failure
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD)
    first, second = said(conversation, *MESSAGE, f"RCPT TO:<{JOE}>")
    assert first.startswith(code)
    assert "secret" not in first
    assert second == "503 5.5.1 MAIL first"
    assert stored(people, JOE) == []


@pytest.mark.parametrize(("failure", "code"), FAILURES)
def test_lmtp_says_it_once_for_each_recipient(people: World, failure: Exception, code: str) -> None:
    intake = Intake(people)
    intake.accept_failure = failure
    conversation = Reception(people, Service.LMTP, intake=intake).greeted("LHLO agent.example")
    said(conversation, *HEAD[:2], "RCPT TO:<ann@example.org>", "DATA")
    answers = said(conversation, *MESSAGE, "NOOP")
    assert [answer[:9] for answer in answers] == [code, code, "250 2.0.0"]


@pytest.mark.parametrize(("failure", "code"), [FAILURES[0], FAILURES[1], (OSError(), "451 4.3.1")])
def test_content_that_cannot_be_kept_is_read_to_its_end(
    people: World, failure: Exception, code: str
) -> None:
    intake = Intake(people)
    intake.write_failure = failure
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD)
    answers = said(conversation, "Subject: x", "", "QUIT", "..", ".", "NOOP")
    assert [answer[:9] for answer in answers] == [code, "250 2.0.0"]
    said(conversation, *HEAD[:2])
    conversation.send(b"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n")
    answers = conversation.read().decode().splitlines()
    assert [answer[:9] for answer in answers] == [code, "503 5.5.1", "250 2.0.0"]
    assert [spool.aborted for spool in intake.spools] == [1, 1]


@pytest.mark.parametrize(("failure", "code"), [FAILURES[0], FAILURES[-1]])
def test_without_a_spool_no_content_begins(people: World, failure: Exception, code: str) -> None:
    intake = Intake(people)
    intake.open_failure = failure
    conversation = Reception(people, intake=intake).greeted()
    answers = said(conversation, *HEAD, "NOOP")[2:]
    assert [answer[:9] for answer in answers] == [code, "250 2.0.0"]
    conversation.send(b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
    answers = conversation.read().decode().splitlines()
    assert [answer[:9] for answer in answers] == [code, "250 2.0.0"]


def test_a_full_mailbox_is_permanent_where_that_is_configured(people: World) -> None:
    intake = Intake(people)
    intake.accept_failure = OverQuota()
    conversation = Reception(people, intake=intake, over_quota="permanent").greeted()
    said(conversation, *HEAD)
    assert said(conversation, *MESSAGE)[0].startswith("552 5.2.2")


# -- the end of the server


def test_at_shutdown_an_idle_session_is_told(people: World) -> None:
    conversation = Reception(people).greeted()
    conversation.protocol.retire()  # type: ignore[attr-defined]
    assert conversation.read() == b"421 4.3.2 The server is stopping, closing the connection\r\n"
    assert conversation.transport.disconnecting


def test_at_shutdown_a_message_being_accepted_is_still_answered(people: World) -> None:
    intake = Intake(people)
    intake.gate = Deferred()
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD)
    said(conversation, *MESSAGE, "NOOP")
    conversation.protocol.retire()  # type: ignore[attr-defined]
    assert conversation.read() == b""
    intake.gate.callback(None)
    answers = conversation.read().decode().splitlines()
    assert [answer[:9] for answer in answers] == ["250 2.0.0", "421 4.3.2"]
    assert conversation.transport.disconnecting


def test_at_shutdown_half_a_message_is_dropped(people: World) -> None:
    intake = Intake(people)
    conversation = Reception(people, intake=intake).greeted()
    said(conversation, *HEAD, "Subject: x")
    conversation.protocol.retire()  # type: ignore[attr-defined]
    assert conversation.read().startswith(b"421 4.3.2")
    conversation.drop()
    assert intake.spools[0].aborted == 1


# -- TLS


@pytest.mark.parametrize(
    "sent",
    [
        b"STARTTLS\r\nEHLO evil.example\r\n",
        b"NOOP\r\nSTARTTLS\r\nN",
        b"STARTTLS\r\n\x16\x03\x01",
        b"STARTTLS\r\n\r\n",
    ],
)
def test_bytes_behind_starttls_end_the_connection(people: World, sent: bytes) -> None:
    conversation = Reception(people).greeted()
    conversation.send(sent)
    assert conversation.read().decode().splitlines()[-1].startswith("554 5.5.1")
    assert conversation.transport.disconnecting
    assert conversation.transport.tls is None


def test_tls_forgets_a_login(people: World) -> None:
    listener = Reception(people, Service.SUBMISSION, plaintext_auth=True)
    conversation = listener.greeted()
    secret = base64.b64encode(f"\0{JOE}\0{PASSWORD}".encode()).decode()
    assert said(conversation, f"AUTH PLAIN {secret}")[0].startswith("235")
    said(conversation, "STARTTLS")
    assert conversation.transport.tls is listener.factory.tls
    assert said(conversation, f"MAIL FROM:<{JOE}>") == ["503 5.5.1 Say hello first"]
    said(conversation, "EHLO client.example")
    assert said(conversation, f"MAIL FROM:<{JOE}>") == ["530 5.7.0 Authenticate first"]


def test_starttls_is_not_offered_without_a_certificate(people: World) -> None:
    conversation = Reception(people, tls=False)("")
    answers = said(conversation, "EHLO client.example", "STARTTLS")
    assert not any("STARTTLS" in answer for answer in answers[:-1])
    assert answers[-1].startswith("502 5.5.1")


# -- authentication


def scram(conversation: Conversation, password: str, *, plus: bool, initial: bool = True) -> str:
    """SCRAM-SHA-256 as a client does it (RFC 5802); the server's last answer."""
    header = b"p=tls-exporter,," if plus else b"n,,"
    bare = b"n=" + JOE.encode() + b",r=clientnonce"
    first = base64.b64encode(header + bare).decode()
    mechanism = "SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256"
    if initial:
        (answer,) = said(conversation, f"AUTH {mechanism} {first}")
    else:
        assert said(conversation, f"AUTH {mechanism}") == ["334 "]
        (answer,) = said(conversation, first)
    challenge = base64.b64decode(answer.removeprefix("334 "))
    values = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(values[b"s"]), int(values[b"i"])
    )
    key = hmac.digest(salted, b"Client Key", "sha256")
    binding = base64.b64encode(header + (b"e" * 32 if plus else b""))
    final = b"c=" + binding + b",r=" + values[b"r"]
    message = bare + b"," + challenge + b"," + final
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True)))
    (answer,) = said(conversation, base64.b64encode(final + b",p=" + proof).decode())
    if not answer.startswith("334 "):
        return answer
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    verifier = base64.b64encode(hmac.digest(server_key, message, "sha256"))
    assert base64.b64decode(answer.removeprefix("334 ")) == b"v=" + verifier
    return said(conversation, "")[0]


@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize("initial", [False, True])
def test_scram(people: World, plus: bool, initial: bool) -> None:
    conversation = Reception(people, Service.SUBMISSION, implicit=True).greeted()
    assert scram(conversation, "wrong", plus=plus, initial=initial).startswith("535 5.7.8")
    assert scram(conversation, PASSWORD, plus=plus, initial=initial) == "235 2.7.0 Authenticated"
    assert said(conversation, f"MAIL FROM:<{JOE}>") == ["250 2.1.0 Sender ok"]


def test_guessing_is_limited(people: World) -> None:
    listener = Reception(people, Service.SUBMISSION, implicit=True)
    wrong = base64.b64encode(f"\0{JOE}\0wrong".encode()).decode()
    codes = [said(listener.greeted(), f"AUTH PLAIN {wrong}")[0][:9] for _ in range(12)]
    assert codes == ["535 5.7.8"] * 10 + ["454 4.7.0"] * 2


def test_auth_on_a_plain_listener_is_a_setting(people: World) -> None:
    conversation = Reception(people, implicit=True, auth_on_smtp=True).greeted()
    assert scram(conversation, PASSWORD, plus=False).startswith("235")
    assert said(conversation, f"MAIL FROM:<{JOE}>", "RCPT TO:<bob@elsewhere.example>") == [
        "250 2.1.0 Sender ok",
        "250 2.1.5 Recipient ok",
    ]


# -- patience


def test_a_stranger_is_slowed_and_then_ended(people: World) -> None:
    listener = Reception(people)
    conversation = listener.greeted()
    said(conversation, "MAIL FROM:<a@remote.example>")
    for number in range(1, 21):
        answers = said(conversation, f"RCPT TO:<guess{number}@example.org>")
        if number > 10:
            assert answers == []
            listener.reactor.advance(1)
            answers = conversation.read().decode().splitlines()
        assert answers[0].startswith("550 5.1.1")
    assert answers[1:] == ["421 4.7.0 Too many errors, closing the connection"]
    assert conversation.transport.disconnecting


@pytest.mark.parametrize(
    ("service", "changes", "hello"),
    [
        (Service.LMTP, {}, "LHLO agent.example"),
        (Service.SMTP, {"trusted_networks": ("192.0.2.7",)}, "EHLO list.example"),
    ],
)
def test_dead_addresses_of_a_known_client_are_only_refused(
    people: World, service: Service, changes: dict[str, Any], hello: str
) -> None:
    conversation = Reception(people, service, **changes).greeted(hello)
    lines = [f"RCPT TO:<dead{number}@example.org>" for number in range(50)]
    answers = said(conversation, "MAIL FROM:<a@remote.example>", *lines, f"RCPT TO:<{JOE}>")
    assert answers == [
        "250 2.1.0 Sender ok",
        *["550 5.1.1 No such mailbox here"] * 50,
        "250 2.1.5 Recipient ok",
    ]


def test_a_client_that_leaves_while_it_has_to_wait_breaks_nothing(people: World) -> None:
    listener = Reception(people, errors=2)
    conversation = listener.greeted()
    said(conversation, "FOO", "FOO", "NOOP")
    conversation.drop()
    listener.reactor.advance(5)
    assert people.log.named("disconnect")


# -- the envelope


def envelope(listener: Reception, intake: Intake, *lines: str, hello: str) -> Envelope:
    conversation = listener.greeted(hello)
    for line in (*lines, "DATA", *MESSAGE):
        said(conversation, line)
    assert len(intake.envelopes) == 1
    return intake.envelopes[0]


@pytest.mark.parametrize(
    ("service", "implicit", "hello", "mail", "word"),
    [
        (Service.SMTP, False, "EHLO c.example", "", "ESMTP"),
        (Service.SMTP, True, "EHLO c.example", "", "ESMTPS"),
        (Service.SMTP, True, "EHLO c.example", " SMTPUTF8", "UTF8SMTPS"),
        (Service.SMTP, False, "EHLO c.example", " SMTPUTF8", "UTF8SMTP"),
        (Service.LMTP, False, "LHLO c.example", "", "LMTP"),
        (Service.LMTP, True, "LHLO c.example", "", "LMTPS"),
        (Service.LMTP, False, "LHLO c.example", " SMTPUTF8", "UTF8LMTP"),
    ],
)
def test_the_protocol_is_named_as_rfc_3848_wants(
    people: World, service: Service, implicit: bool, hello: str, mail: str, word: str
) -> None:
    intake = Intake(people)
    listener = Reception(people, service, implicit=implicit, intake=intake)
    made = envelope(
        listener, intake, f"MAIL FROM:<a@b.example>{mail}", f"RCPT TO:<{JOE}>", hello=hello
    )
    assert made.protocol == word


def test_the_envelope_carries_what_the_client_said(people: World) -> None:
    intake = Intake(people)
    listener = Reception(people, intake=intake)
    made = envelope(
        listener,
        intake,
        "MAIL FROM:<a@b.example> RET=HDRS ENVID=x+2By BODY=8BITMIME SIZE=42 AUTH=evil@b.example",
        f"RCPT TO:<@r.example:{JOE}> NOTIFY=DELAY,SUCCESS ORCPT=rfc822;old+40x",
        "RCPT TO:<nobody@example.org>",
        hello="EHLO client.example",
    )
    path = made.reverse_path
    assert (path.address, path.ret, path.envid, path.body, path.size) == (
        "a@b.example",
        "HDRS",
        "x+y",
        "8BITMIME",
        42,
    )
    assert path.auth == ""  # RFC 4954 section 5: a stranger's word
    (recipient,) = made.forward_paths
    assert (recipient.address, recipient.notify, recipient.orcpt) == (
        JOE,
        ("DELAY", "SUCCESS"),
        "rfc822;old@x",
    )
    assert (made.helo, made.peer.address, made.service) == (
        "client.example",
        "192.0.2.7",
        Service.SMTP,
    )


def test_xclient_names_the_real_client(people: World) -> None:
    intake = Intake(people)
    listener = Reception(people, intake=intake, xclient_from=("192.0.2.0/24",))
    conversation = listener.greeted()
    said(
        conversation,
        "XCLIENT ADDR=203.0.113.5 PORT=77 HELO=real.example DESTADDR=198.51.100.9 DESTPORT=26",
        *HEAD,
        *MESSAGE,
    )
    (made,) = intake.envelopes
    assert (made.peer.address, made.peer.port, made.helo) == ("203.0.113.5", 77, "real.example")
    assert (made.peer.local_address, made.peer.local_port) == ("198.51.100.9", 26)


def test_each_transaction_has_its_own_id(people: World) -> None:
    intake = Intake(people)
    conversation = Reception(people, intake=intake).greeted()
    for _ in range(3):
        said(conversation, *HEAD, *MESSAGE)
    assert len({made.transaction for made in intake.envelopes}) == 3
    assert len(stored(people, JOE)) == 3


# -- the log


def test_the_log_tells_what_happened_and_no_secret(people: World) -> None:
    listener = Reception(people, Service.SUBMISSION, implicit=True)
    conversation = listener.greeted()
    secret = base64.b64encode(f"\0{JOE}\0{PASSWORD}".encode()).decode()
    said(conversation, f"AUTH PLAIN {secret}", "FOO", f"MAIL FROM:<{JOE}>", f"RCPT TO:<{JOE}>")
    said(conversation, "DATA", f"From: {JOE}", "Subject: private", "", "text", ".", "QUIT")
    conversation.drop()
    told = repr(people.log.events)
    assert secret not in told
    assert PASSWORD not in told
    assert "private" not in told
    (message,) = people.log.named("message")
    assert message["recipients"] == 1
    assert message["outcome"] == "accepted"
    assert message["account"] == people.people[JOE].id
    for verb in ("connect", "auth", "refused", "disconnect"):
        assert people.log.named(verb), verb
        assert all(fields["session"] == "s1" for fields in people.log.named(verb))


# -- anything at all


WORDS = [
    b"EHLO x\r\n",
    b"LHLO x\r\n",
    b"HELO x\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SMTPUTF8 BODY=BINARYMIME SIZE=9\r\n",
    b"RCPT TO:<joe@example.org>\r\n",
    b"RCPT TO:<nobody@example.org> NOTIFY=NEVER\r\n",
    b"DATA\r\n",
    b"BDAT 5\r\n",
    b"BDAT 3 LAST\r\n",
    b"BDAT 0 LAST\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"RSET\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH SCRAM-SHA-256 biwsbj1qLHI9YQ==\r\n",
    b"*\r\n",
    b"XCLIENT ADDR=1.2.3.4 HELO=x\r\n",
    b"VRFY joe\r\n",
    b"NOOP\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"abcde",
]


@pytest.mark.parametrize("service", [Service.SMTP, Service.SUBMISSION, Service.LMTP])
def test_any_bytes_in_any_order_never_break_a_session(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a defect was logged")

    monkeypatch.setattr(SMTPServer, "report", broken)
    monkeypatch.setattr(SMTPServer, "failed", broken)
    listener = Reception(
        world(),
        service,
        errors=1000,
        implicit=True,
        xclient_from=("192.0.2.7",),
        trusted_networks=("192.0.2.7",),
    )

    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=20)), max_size=40))
    def any_bytes(pieces: list[bytes]) -> None:
        whole, parted = listener(""), listener("")
        whole.send(b"".join(pieces))
        for piece in pieces:
            parted.send(piece)
            assert parted.protocol.machine.pending <= 12290  # type: ignore[attr-defined]
        assert codes(whole) == codes(parted)
        for conversation in (whole, parted):
            conversation.drop()

    any_bytes()


def codes(conversation: Conversation) -> list[bytes]:
    """Codes of all answers: ids and nonces differ between two sessions."""
    return [line[:4] for line in conversation.read().splitlines()]
