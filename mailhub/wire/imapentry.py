"""Logging in at another IMAP server (RFC 9051 6.2), sans-io.

PLAIN where it is offered, as it takes any name and password, else LOGIN. The client's address goes
before them in ID, so that the other server's limits on guessing count whoever guesses and not us:
Dovecot believes it of `login_trusted_networks`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Generator

from mailhub.model.elsewhere import Layer
from mailhub.model.errors import Unavailable
from mailhub.wire.entry import Act, Claim, Entry, Refused, Say, Secure, Steps

_CAPABILITY = re.compile(rb"\* (?:OK \[)?CAPABILITY ([^\]]*)", re.I)
_CODED = re.compile(rb"\S+ OK \[CAPABILITY ([^\]]*)\]", re.I)
_PASSING = re.compile(rb"\S+ NO \[(?:UNAVAILABLE|SERVERBUG|LIMIT|INUSE|CONTACTADMIN|ALERT)\b", re.I)
"""Refusals that say nothing about the password (RFC 5530)."""
_SPECIAL = re.compile(rb'[\x00-\x1f\x7f-\xff"\\]')
BYE = "The other server hangs up"


def entry(claim: Claim) -> Entry:
    """A new entry; what it is told first is the greeting."""
    return Entry(_steps(claim))


def _steps(claim: Claim) -> Steps:
    greeting = yield None
    if not re.match(rb"\* OK\b", greeting, re.I):
        raise Unavailable(BYE)
    known = _names(_CAPABILITY.match(greeting))
    if claim.layer is Layer.STARTTLS:
        answer, _ = yield from _ask(b"s", b"STARTTLS")
        if not _is_ok(answer):
            raise Unavailable("The other server has no TLS")
        yield Secure()
        known = None
    if known is None:
        known = yield from _capabilities(b"c")
    if b"ID" in _upper(known) and claim.address:
        given = b'ID ("x-originating-ip" "%b" "x-originating-port" "%d")'
        yield from _ask(b"i", given % (claim.address.encode(), claim.port))
    answer, told = yield from _prove(claim, known)
    if not _is_ok(answer):
        raise _refusal(answer)
    coded = _CODED.match(answer)
    now = coded[1].split() if coded is not None else told
    if now is None:
        now = yield from _capabilities(b"d")
    return b" ".join(now)


Asking = Generator[Act | None, bytes, tuple[bytes, list[bytes] | None]]


def _ask(tag: bytes, command: bytes) -> Asking:
    """The tagged answer, and the capabilities that were told before it."""
    yield Say(tag + b" " + command + b"\r\n")
    return (yield from _answer(tag))


def _answer(tag: bytes) -> Asking:
    told = None
    while True:
        line = yield None
        if line.startswith((tag + b" ", b"+")):
            return line, told
        if line[:5].upper() == b"* BYE":
            raise Unavailable(BYE)
        told = _names(_CAPABILITY.match(line)) or told


def _capabilities(tag: bytes) -> Generator[Act | None, bytes, list[bytes]]:
    answer, told = yield from _ask(tag, b"CAPABILITY")
    if not _is_ok(answer) or told is None:
        raise Unavailable("The other server does not tell its capabilities")
    return told


def _prove(claim: Claim, known: list[bytes]) -> Asking:
    """The answer to the login."""
    upper = _upper(known)
    name, password = claim.name.encode(), claim.password.encode()
    if b"AUTH=PLAIN" in upper:
        response = b64encode(b"\0" + name + b"\0" + password)
        if b"SASL-IR" in upper:
            return (yield from _ask(b"l", b"AUTHENTICATE PLAIN " + response))
        answer, told = yield from _ask(b"l", b"AUTHENTICATE PLAIN")
        if not answer.startswith(b"+"):
            return answer, told
        yield Say(response + b"\r\n")
        return (yield from _answer(b"l"))
    if b"LOGINDISABLED" in upper:
        raise Unavailable("The other server takes no password over this connection")
    *first, last = _login(name, password)
    for line in first:
        yield Say(line + b"\r\n")
        answer, told = yield from _answer(b"l")
        if not answer.startswith(b"+"):
            return answer, told
    yield Say(last + b"\r\n")
    return (yield from _answer(b"l"))


def _login(*words: bytes) -> list[bytes]:
    """The command in the lines that its literals make of it."""
    lines = [b"l LOGIN"]
    for word in words:
        if _SPECIAL.search(word):
            lines[-1] += b" {%d}" % len(word)
            lines.append(word)
        else:
            lines[-1] += b' "%b"' % word
    return lines


def _is_ok(answer: bytes) -> bool:
    return re.match(rb"\S+ OK\b", answer, re.I) is not None


def _refusal(answer: bytes) -> Unavailable | Refused:
    if _PASSING.match(answer) or not re.match(rb"\S+ NO\b", answer, re.I):
        return Unavailable("The other server cannot log anybody in at the moment")
    return Refused()


def _upper(known: list[bytes]) -> frozenset[bytes]:
    return frozenset(name.upper() for name in known)


def _names(found: re.Match[bytes] | None) -> list[bytes] | None:
    return None if found is None else found[1].split()
