"""What a message's header says of its way here, and what this server found when it came. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.policy import sealing
from mailhub.policy.authres import Result
from mailhub.wire import header, words

_SECURED = re.compile(rb"\((TLSv[0-9.]+|SSLv[0-9.]+) ([A-Z0-9_-]+)\)")
_PROTOCOL = re.compile(rb"\bwith ([A-Za-z0-9]{1,20}) id ")


@dataclass(frozen=True, slots=True)
class Vouched:
    """What this server found when the message came. `spf`, `dkim`: the domain that passed, or
    empty. `tls`: version and cipher of the connection."""

    tls: tuple[str, str] | None
    spf: str
    dkim: str
    results: Sequence[Result] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What the header says of the way. `vouched`: None where this server did not judge it."""

    sender: str
    recipients: Sequence[str]
    protocol: str
    list_id: str
    unsubscribe: str
    vouched: Vouched | None


def trace(block: bytes, authserv_id: str) -> Trace:
    """Of a header. `authserv_id`: this server's name in Authentication-Results."""

    def first(name: bytes) -> str:
        found = header.values(block, name)
        return words.decode(found[0]) if found else ""

    received = next(iter(header.values(block, b"received")), b"")
    protocol = _PROTOCOL.search(received)
    return Trace(
        sender=first(b"return-path").strip("<> "),
        recipients=[words.decode(one) for one in header.values(block, b"delivered-to")[:1]],
        protocol=protocol[1].decode() if protocol else "",
        list_id=first(b"list-id"),
        unsubscribe=first(b"list-unsubscribe"),
        vouched=_vouched(block, received, authserv_id),
    )


def _vouched(block: bytes, received: bytes, authserv_id: str) -> Vouched | None:
    """Only a field under our own name counts: others' were removed when the message came."""
    found = sealing.judgement(block, authserv_id) if authserv_id else None
    if found is None:
        return None
    results = found[1].results
    secured = _SECURED.search(words.unfold(received))
    tls = (secured[1].decode(), secured[2].decode()) if secured else None
    return Vouched(
        tls,
        _passed(results, "spf", ("smtp.mailfrom", "smtp.helo")),
        _passed(results, "dkim", ("header.d", "header.i")),
        results,
    )


def _passed(results: Sequence[Result], method: str, names: Sequence[str]) -> str:
    for one in results:
        if one.method == method and one.result == "pass":
            for name in names:
                if value := one.get(name):
                    return value.rpartition("@")[2]
    return ""
