"""Logging in at another POP3 server (RFC 1939 section 4, RFC 5034), sans-io.

The client's address goes before in XCLIENT where that is offered, which Dovecot does to
`login_trusted_networks` alone: so its limits on guessing count whoever guesses and not us.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Generator

from mailhub.model.elsewhere import Layer
from mailhub.model.errors import Unavailable
from mailhub.wire.entry import Act, Claim, Entry, Refused, Say, Secure, Steps

_PASSING = re.compile(rb"-ERR \[(?:SYS/|IN-USE|LOGIN-DELAY)", re.I)
"""Refusals that say nothing about the password (RFC 2449 8.1, RFC 3206)."""
_LINE_END = re.compile(rb"[\r\n]")


def entry(claim: Claim) -> Entry:
    """A new entry; what it is told first is the greeting."""
    return Entry(_steps(claim))


Asking = Generator[Act | None, bytes, bytes]


def _steps(claim: Claim) -> Steps:
    greeting = yield None
    if not _is_ok(greeting):
        raise Unavailable("The other server hangs up")
    if claim.layer is Layer.STARTTLS:
        if not _is_ok((yield from _ask(b"STLS"))):
            raise Unavailable("The other server has no TLS")
        yield Secure()
    known = yield from _capabilities()
    if b"XCLIENT" in known and claim.address:
        given = b"XCLIENT ADDR=%b PORT=%d" % (claim.address.encode(), claim.port)
        yield from _ask(given)
    answer = yield from _prove(claim, known)
    if _is_ok(answer):
        return answer
    if _PASSING.match(answer) or not answer.upper().startswith(b"-ERR"):
        raise Unavailable("The other server cannot log anybody in at the moment")
    raise Refused


def _ask(command: bytes) -> Asking:
    yield Say(command + b"\r\n")
    return (yield None)


def _capabilities() -> Generator[Act | None, bytes, dict[bytes, list[bytes]]]:
    """By name, with their arguments; none where the server knows no CAPA."""
    found: dict[bytes, list[bytes]] = {}
    if _is_ok((yield from _ask(b"CAPA"))):
        while (line := (yield None)) != b".":
            name, *arguments = line.upper().split() or [b""]
            found[name] = arguments
    return found


def _prove(claim: Claim, known: dict[bytes, list[bytes]]) -> Asking:
    name, password = claim.name.encode(), claim.password.encode()
    if b"PLAIN" in known.get(b"SASL", ()):
        answer = yield from _ask(b"AUTH PLAIN")
        if not answer.startswith(b"+ ") and answer != b"+":
            return answer
        return (yield from _ask(b64encode(b"\0" + name + b"\0" + password)))
    if _LINE_END.search(name + password):
        raise Refused
    answer = yield from _ask(b"USER " + name)
    if not _is_ok(answer):
        return answer
    return (yield from _ask(b"PASS " + password))


def _is_ok(line: bytes) -> bool:
    return line[:3].upper() == b"+OK"
