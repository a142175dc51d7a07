"""Trace fields: what this server writes on top of a message, and what it reads of others' there.

Received and Return-Path as RFC 5321 4.4 has them, Delivered-To as Postfix and Dovecot write it.
Nothing here decides whether a message is taken.
"""

from __future__ import annotations

import re
import time

from mailhub.model.envelope import Envelope, Peer
from mailhub.model.errors import MailLoop
from mailhub.ports import Clock
from mailhub.wire import header

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HELO = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_NO_HELO = re.compile(r"[^A-Za-z0-9._:\[\]-]")
DELIVERIES = 1000
"""Most Delivered-To fields of a message that goes round in no loop."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Trace:
    """Writes trace fields in the name of `hostname`. `hide_submitter`: where a user's message came
    from is nobody else's business, and not told."""

    def __init__(self, hostname: str, clock: Clock, *, hide_submitter: bool = False) -> None:
        self._hostname = hostname
        self._clock = clock
        self._hide_submitter = hide_submitter
        self._second = -1
        self._date = ""

    def date(self) -> str:
        """Now, as RFC 5322 3.3 writes it, in UTC."""
        second = int(self._clock.now())
        if second != self._second:
            self._second = second
            self._date = date(second)
        return self._date

    def received(self, envelope: Envelope) -> bytes:
        """The Received field. `for` stands only where one recipient is (RFC 5321 7.6), and only
        where its address may stand in this header."""
        paths = envelope.forward_paths
        address = paths[0].address if len(paths) == 1 else ""
        shown = address and (address.isascii() or envelope.reverse_path.utf8)
        recipient = f"\r\n\tfor <{address}>" if shown and not _CONTROL.search(address) else ""
        tls = envelope.peer.tls
        secured = f"\r\n\t({tls.version} {tls.cipher})" if tls is not None and tls.version else ""
        origin = f"from {_helo(envelope)} ({_literal(envelope.peer)})\r\n\t"
        hidden = self._hide_submitter and envelope.principal is not None
        if hidden or not envelope.peer.address:  # of our own making
            origin = ""
        return (
            f"Received: {origin}by {self._hostname} with {envelope.protocol}"
            f" id {envelope.transaction}"
            f"{secured}{recipient};\r\n\t{self.date()}\r\n"
        ).encode()


def date(second: int) -> str:
    """A time, in epoch seconds, as RFC 5322 3.3 writes it, in UTC."""
    now = time.gmtime(second)
    return (
        f"{_DAYS[now.tm_wday]}, {now.tm_mday} {_MONTHS[now.tm_mon - 1]} {now.tm_year} "
        f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} +0000"
    )


def return_path(sender: str) -> bytes:
    """The Return-Path field of final delivery."""
    return f"Return-Path: <{_CONTROL.sub('', sender)}>\r\n".encode()


def delivered_to(address: str) -> bytes:
    """The Delivered-To field of one copy."""
    return f"Delivered-To: {_CONTROL.sub('', address)}\r\n".encode()


def visited(block: bytes, hops: int) -> frozenset[str]:
    """The mailboxes the message was delivered to before, by its Delivered-To fields, folded.

    `block`: the header, its first field being this server's Received. Raises MailLoop where
    other servers wrote `hops` Received fields or more (RFC 5321 6.3).
    """
    if block.lower().count(b"\nreceived:") >= hops:
        raise MailLoop("The message went through too many servers")
    return delivered(block)


def delivered(block: bytes) -> frozenset[str]:
    """The mailboxes that a header's Delivered-To fields name, folded. Raises MailLoop where it
    names too many."""
    folded = block.lower()
    if b"delivered-to:" not in folded:
        return frozenset()
    values = header.values(folded, b"delivered-to")
    if len(values) > DELIVERIES:
        raise MailLoop("The message went through too many mailboxes")
    return frozenset(value.strip().decode("utf-8", "replace") for value in values)


def _helo(envelope: Envelope) -> str:
    """What the client called itself, as far as it may stand in a header; else its address."""
    helo = envelope.helo
    if _HELO.fullmatch(helo):
        return helo
    return _NO_HELO.sub("?", helo)[:255] or "unknown"


def _literal(peer: Peer) -> str:
    if peer.address == "unix":
        return "local socket"
    return f"[IPv6:{peer.address}]" if ":" in peer.address else f"[{peer.address}]"
