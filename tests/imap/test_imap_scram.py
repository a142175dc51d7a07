"""SCRAM over AUTHENTICATE, with an independent client: plain, channel-bound, and tampered with."""

from __future__ import annotations

import base64

import pytest
from scramp import ScramClient

from tests.imap.listener import TLS, IMAPListener
from tests.transcript import Conversation
from tests.wire.test_sasl import prove
from tests.world import PASSWORD, world


def coded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def challenge(conversation: Conversation) -> str:
    line = conversation.read()
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:]).decode()


def exchange(password: str) -> tuple[Conversation, bytes]:
    """Plays the client; the answer to its last message."""
    conversation = IMAPListener(world())()
    conversation.read()
    client = ScramClient(["SCRAM-SHA-256"], "joe@example.org", password)
    first = coded(client.get_client_first())
    conversation.send(b"a AUTHENTICATE SCRAM-SHA-256 %b\r\n" % first)
    client.set_server_first(challenge(conversation))
    conversation.send(coded(client.get_client_final()) + b"\r\n")
    answer = conversation.read()
    if answer.startswith(b"+ "):
        client.set_server_final(base64.b64decode(answer[2:]).decode())
        conversation.send(b"\r\n")
        answer = conversation.read()
    return conversation, answer


def test_the_right_password_logs_in() -> None:
    conversation, answer = exchange(PASSWORD)
    assert answer.startswith(b"a OK [CAPABILITY ")
    conversation.send(b"b SELECT INBOX\r\n")
    assert conversation.read().endswith(b"b OK [READ-WRITE] Selected\r\n")


def test_the_wrong_password_does_not() -> None:
    conversation, answer = exchange("wrong")
    assert answer.startswith(b"a NO [AUTHENTICATIONFAILED]")
    conversation.send(b"b SELECT INBOX\r\n")
    assert conversation.read().startswith(b"b BAD")


@pytest.mark.parametrize(("exporter", "right"), [(TLS.exporter, True), (b"f" * 32, False)])
def test_a_bound_channel_is_this_one_or_none(exporter: bytes, right: bool) -> None:
    """Attack: a man in the middle with a TLS connection on each side (RFC 5802 section 6)."""
    conversation = IMAPListener(world(), implicit=True)()
    conversation.read()
    first = "p=tls-exporter,,n=joe@example.org,r=nonce"
    conversation.send(b"a AUTHENTICATE SCRAM-SHA-256-PLUS %b\r\n" % coded(first))
    asked = challenge(conversation).encode()
    final = prove(PASSWORD, first, asked, gs2="p=tls-exporter,,", exporter=exporter)
    conversation.send(base64.b64encode(final) + b"\r\n")
    answer = conversation.read()
    if right:
        assert answer.startswith(b"+ ")
        conversation.send(b"\r\n")
        answer = conversation.read()
    assert answer.startswith(b"a OK [CAPABILITY" if right else b"a NO [AUTHENTICATIONFAILED]")


def test_plus_is_offered_only_where_there_is_a_channel_to_bind() -> None:
    secure, clear = IMAPListener(world(), implicit=True)(), IMAPListener(world())()
    assert b"AUTH=SCRAM-SHA-256-PLUS" in secure.read()
    assert b"-PLUS" not in clear.read()


@pytest.mark.parametrize("line", [b"", b"=", b"AA==", b"*", b"x", b"\xff", b"A" * 4000])
def test_a_malformed_exchange_ends_it_and_nothing_else(line: bytes) -> None:
    conversation = IMAPListener(world(), implicit=True)()
    conversation.read()
    conversation.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n")
    conversation.read()
    conversation.send(line + b"\r\n")
    answer = conversation.read()
    if not answer.startswith(b"* BYE"):
        assert answer.startswith((b"a NO [AUTH", b"a BAD", b"+ "))
        conversation.send(b"*\r\n" if answer.startswith(b"+ ") else b"b NOOP\r\n")
        assert conversation.read().endswith((b"b OK Done\r\n", b"called off\r\n"))
