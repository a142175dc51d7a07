from __future__ import annotations

import dataclasses

import pytest

from mailhub.core import trace
from mailhub.model.account import Principal, Role, Service
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath, TLSFacts
from mailhub.model.errors import MailLoop
from tests.fakes import FakeClock

NOW = 1_795_252_839.0  # Sat, 21 Nov 2026 09:20:39 UTC


def envelope(**changes: object) -> Envelope:
    base = Envelope(
        transaction="0123abcd",
        reverse_path=ReversePath("a@b.example"),
        forward_paths=(ForwardPath("joe@example.org"),),
        service=Service.SMTP,
        peer=Peer("192.0.2.7", 4000),
        helo="client.example",
        protocol="ESMTP",
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def received(**changes: object) -> bytes:
    return trace.Trace("mx.example.org", FakeClock(NOW)).received(envelope(**changes))


def test_received_has_every_clause_of_rfc_5321() -> None:
    assert received() == (
        b"Received: from client.example ([192.0.2.7])\r\n"
        b"\tby mx.example.org with ESMTP id 0123abcd\r\n"
        b"\tfor <joe@example.org>;\r\n"
        b"\tSat, 21 Nov 2026 09:20:39 +0000\r\n"
    )


def test_tls_is_told_in_a_comment() -> None:
    secured = received(
        peer=Peer("2001:db8::1", 1, tls=TLSFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256"))
    )
    assert b"from client.example ([IPv6:2001:db8::1])\r\n" in secured
    assert b"id 0123abcd\r\n\t(TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n\tfor " in secured


def test_where_a_users_message_came_from_can_be_left_out() -> None:
    user = Principal(1, "0" * 24, "joe", Role.USER, Service.SUBMISSION, 0)
    hiding = trace.Trace("mx.example.org", FakeClock(NOW), hide_submitter=True)
    hidden = hiding.received(envelope(principal=user, protocol="ESMTPSA"))
    assert hidden.startswith(b"Received: by mx.example.org with ESMTPSA id 0123abcd\r\n\tfor <joe@")
    assert b"192.0.2.7" not in hidden
    assert b"client.example" not in hidden
    assert b"192.0.2.7" in hiding.received(envelope()), "another server is no submitter"
    assert b"192.0.2.7" in received(principal=user)


def test_several_recipients_are_not_told_to_each_other() -> None:
    both = (ForwardPath("joe@example.org"), ForwardPath("ann@example.org"))
    assert b"for <" not in received(forward_paths=both)


def test_a_recipient_that_is_not_ascii_stands_only_in_a_utf8_message() -> None:
    path = (ForwardPath("grün@example.org"),)
    assert received(forward_paths=path).isascii()
    shown = received(forward_paths=path, reverse_path=ReversePath("a@b.example", utf8=True))
    assert "for <grün@example.org>".encode() in shown


@pytest.mark.parametrize(
    ("helo", "shown"),
    [
        ("[192.0.2.1]", b"[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", b"[IPv6:2001:db8::1]"),
        ("my_host", b"my_host"),
        ("", b"unknown"),
        ("a b(c)\r\nX-Evil: 1", b"a?b?c???X-Evil:?1"),
        ("x" * 300, b"x" * 255),
        ("gr\u00fcn.example", b"gr?n.example"),
    ],
)
def test_a_helo_cannot_write_header_fields(helo: str, shown: bytes) -> None:
    assert received(helo=helo).startswith(b"Received: from " + shown + b" (")
    assert received(helo=helo).count(b"\r\n") == 4


def test_a_local_socket_has_no_address() -> None:
    assert b"from client.example (local socket)\r\n" in received(peer=Peer("unix", 0))


def test_the_date_follows_the_clock() -> None:
    clock = FakeClock(NOW)
    made = trace.Trace("mx", clock)
    assert made.date() == "Sat, 21 Nov 2026 09:20:39 +0000"
    clock.advance(1)
    assert made.date() == "Sat, 21 Nov 2026 09:20:40 +0000"


def test_fields_of_final_delivery() -> None:
    assert trace.return_path("a@b.example") == b"Return-Path: <a@b.example>\r\n"
    assert trace.return_path("") == b"Return-Path: <>\r\n"
    assert trace.delivered_to("joe@example.org") == b"Delivered-To: joe@example.org\r\n"
    assert trace.delivered_to("x\r\nEvil: 1@y") == b"Delivered-To: xEvil: 1@y\r\n"


def test_hops_are_the_received_fields_of_others() -> None:
    own = b"Received: from x\r\n"
    assert trace.visited(own + b"rEcEiVeD: y\r\n" * 99 + b"\r\n", 100) == frozenset()
    with pytest.raises(MailLoop):
        trace.visited(own + b"Received: y\r\n" * 100 + b"\r\n", 100)
    folded = own + b"Subject: x\r\n Received: not a field\r\n" * 200 + b"\r\n"
    assert trace.visited(folded, 100) == frozenset()


def test_earlier_deliveries_are_read_from_the_header() -> None:
    block = (
        b"Received: x\r\nDelivered-To: Joe@Example.org\r\ndelivered-to:\r\n ann@example.org\r\n\r\n"
    )
    assert trace.visited(block, 100) == {"joe@example.org", "ann@example.org"}
