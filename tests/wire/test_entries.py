"""Getting into another server: whole conversations, in every split of its octets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence

import pytest

from mailhub.model.elsewhere import Layer
from mailhub.model.errors import AuthenticationFailed, MailhubError, Unavailable
from mailhub.wire import imapentry, popentry
from mailhub.wire.entry import MOST, Claim, Entry, Inside, Refused, Say, Secure

ANN = Claim("ann@x.example", "wörd", Layer.NONE)
SECURED = Claim("ann@x.example", "wörd", Layer.STARTTLS)
FROM = Claim("ann@x.example", "wörd", Layer.NONE, "192.0.2.7", 4711)
PLAIN = b64encode("\0ann@x.example\0wörd".encode())
Make = Callable[[Claim], Entry]
TLS = None
"""Stands for TLS, where a conversation has no words."""

Talk = Sequence[tuple[bytes, bytes | None]]
"""What the server says, and what it hears then: TLS with what follows it as one."""

IMAP: dict[str, tuple[Claim, Talk, bytes]] = {
    "all is told in the greeting and in the answer": (
        ANN,
        [
            (
                b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
                b"l AUTHENTICATE PLAIN " + PLAIN + b"\r\n",
            ),
            (b"l OK [CAPABILITY IMAP4rev1 IDLE] in\r\n", b""),
        ],
        b"IMAP4rev1 IDLE",
    ),
    "capabilities are asked for before and after": (
        ANN,
        [
            (b"* OK hi\r\n", b"c CAPABILITY\r\n"),
            (b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nc OK\r\n", b"l AUTHENTICATE PLAIN\r\n"),
            (b"+ \r\n", PLAIN + b"\r\n"),
            (b"l OK in\r\n", b"d CAPABILITY\r\n"),
            (b"* CAPABILITY IMAP4rev1 MOVE\r\nd OK done\r\n", b""),
        ],
        b"IMAP4rev1 MOVE",
    ),
    "they are told unasked with the login": (
        ANN,
        [
            (
                b"* ok [capability IMAP4rev1 sasl-ir auth=plain] hi\r\n",
                b"l AUTHENTICATE PLAIN " + PLAIN + b"\r\n",
            ),
            (b"* CAPABILITY IMAP4rev1 X\r\nl ok in\r\n", b""),
        ],
        b"IMAP4rev1 X",
    ),
    "only LOGIN, with a literal": (
        ANN,
        [
            (b"* OK [CAPABILITY IMAP4rev1] hi\r\n", b'l LOGIN "ann@x.example" {5}\r\n'),
            (b"+ more\r\n", "wörd\r\n".encode()),
            (b"l OK [CAPABILITY A] in\r\n", b""),
        ],
        b"A",
    ),
    "the client's address goes before": (
        FROM,
        [
            (
                b"* OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] hi\r\n",
                b'i ID ("x-originating-ip" "192.0.2.7" "x-originating-port" "4711")\r\n',
            ),
            (
                b'* ID ("name" "Dovecot")\r\ni OK ID done\r\n',
                b"l AUTHENTICATE PLAIN " + PLAIN + b"\r\n",
            ),
            (b"l OK [CAPABILITY A] in\r\n", b""),
        ],
        b"A",
    ),
    "STARTTLS, and what was told before it counts no more": (
        SECURED,
        [
            (b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n", b"s STARTTLS\r\n"),
            (b"s OK begin\r\n", TLS),
            (b"* CAPABILITY IMAP4rev1\r\nc OK\r\n", b'l LOGIN "ann@x.example" {5}\r\n'),
            (b"+ \r\n", "wörd\r\n".encode()),
            (b"l OK [CAPABILITY A] in\r\n", b""),
        ],
        b"A",
    ),
}
POP3: dict[str, tuple[Claim, Talk, bytes]] = {
    "PLAIN": (
        ANN,
        [
            (b"+OK hi\r\n", b"CAPA\r\n"),
            (b"+OK list\r\nTOP\r\nSASL LOGIN PLAIN\r\n.\r\n", b"AUTH PLAIN\r\n"),
            (b"+ \r\n", PLAIN + b"\r\n"),
            (b"+OK Logged in.\r\n", b""),
        ],
        b"+OK Logged in.",
    ),
    "USER and PASS, where nothing else is known": (
        ANN,
        [
            (b"+OK hi\r\n", b"CAPA\r\n"),
            (b"-ERR what\r\n", b"USER ann@x.example\r\n"),
            (b"+OK\r\n", "PASS wörd\r\n".encode()),
            (b"+OK 3 messages\r\n", b""),
        ],
        b"+OK 3 messages",
    ),
    "STLS, and the client's address": (
        Claim("ann@x.example", "wörd", Layer.STARTTLS, "192.0.2.7", 4711),
        [
            (b"+OK hi\r\n", b"STLS\r\n"),
            (b"+OK begin\r\n", TLS),
            (b"+OK list\r\nXCLIENT\r\nUSER\r\n.\r\n", b"XCLIENT ADDR=192.0.2.7 PORT=4711\r\n"),
            (b"+OK Updated\r\n", b"USER ann@x.example\r\n"),
            (b"+OK\r\n", "PASS wörd\r\n".encode()),
            (b"+OK in\r\n", b""),
        ],
        b"+OK in",
    ),
}
AFTER_TLS = {imapentry.entry: b"c CAPABILITY\r\n", popentry.entry: b"CAPA\r\n"}
TALKS = [
    pytest.param(make, *talk, id=name)
    for make, talks in ((imapentry.entry, IMAP), (popentry.entry, POP3))
    for name, talk in talks.items()
]


def play(make: Make, claim: Claim, talk: Talk, rest: bytes, size: int) -> Inside:
    """Plays the server's part in pieces of `size` octets; where the entry ends."""
    entry = make(claim)
    for place, (said, heard) in enumerate(talk):
        last = place == len(talk) - 1
        said += rest if last else b""
        acts = []
        for start in range(0, len(said), size):
            if acts and isinstance(acts[-1], Inside):
                break
            acts += entry.receive(said[start : start + size])
        if heard is TLS:
            assert acts == [Secure(), Say(AFTER_TLS[make])]
            continue
        assert b"".join(one.data for one in acts if isinstance(one, Say)) == heard
    assert isinstance(acts[-1], Inside)
    return acts[-1]


@pytest.mark.parametrize(("make", "claim", "talk", "greeting"), TALKS)
def test_a_login_in_every_split(make: Make, claim: Claim, talk: Talk, greeting: bytes) -> None:
    longest = max(len(said) for said, _ in talk)
    for size in range(1, longest + 1):
        assert play(make, claim, talk, b"", size).greeting == greeting


@pytest.mark.parametrize(("make", "claim", "talk", "greeting"), TALKS)
def test_what_comes_behind_the_login_is_kept(
    make: Make, claim: Claim, talk: Talk, greeting: bytes
) -> None:
    rest = b"* 1 EXISTS\r\n* OK ha"
    assert play(make, claim, talk, rest, 10_000) == Inside(greeting, rest)


HELLO = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
POP = b"+OK hi\r\n-ERR no\r\n+OK\r\n"
REFUSED: dict[str, tuple[Make, Claim, bytes, type[MailhubError]]] = {
    "wrong": (imapentry.entry, ANN, HELLO + b"l NO [AUTHENTICATIONFAILED] no\r\n", Refused),
    "wrong, without a code": (imapentry.entry, ANN, HELLO + b"l NO\r\n", Refused),
    "away": (imapentry.entry, ANN, HELLO + b"l NO [UNAVAILABLE] later\r\n", Unavailable),
    "in use": (imapentry.entry, ANN, HELLO + b"l NO [INUSE] later\r\n", Unavailable),
    "not understood": (imapentry.entry, ANN, HELLO + b"l BAD what\r\n", Unavailable),
    "goodbye": (imapentry.entry, ANN, HELLO + b"* BYE\r\n", Unavailable),
    "no greeting": (imapentry.entry, ANN, b"* BYE full\r\n", Unavailable),
    "somebody is in already": (imapentry.entry, ANN, b"* PREAUTH hi\r\n", Unavailable),
    "no TLS": (imapentry.entry, SECURED, b"* OK hi\r\ns BAD what\r\n", Unavailable),
    "no login": (
        imapentry.entry,
        ANN,
        b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n",
        Unavailable,
    ),
    "no capabilities": (imapentry.entry, ANN, b"* OK hi\r\nc BAD what\r\n", Unavailable),
    "said before TLS": (
        imapentry.entry,
        SECURED,
        b"* OK hi\r\ns OK begin\r\n* CAPABILITY X\r\n",
        Unavailable,
    ),
    "POP3: wrong": (popentry.entry, ANN, POP + b"-ERR [AUTH] no\r\n", Refused),
    "POP3: away": (popentry.entry, ANN, POP + b"-ERR [SYS/TEMP] no\r\n", Unavailable),
    "POP3: in use": (popentry.entry, ANN, POP + b"-ERR [IN-USE] no\r\n", Unavailable),
    "POP3: nonsense": (popentry.entry, ANN, POP + b"what\r\n", Unavailable),
    "POP3: no TLS": (popentry.entry, SECURED, b"+OK hi\r\n-ERR what\r\n", Unavailable),
    "POP3: no greeting": (popentry.entry, ANN, b"-ERR full\r\n", Unavailable),
    "POP3: said before TLS": (popentry.entry, SECURED, b"+OK hi\r\n+OK b\r\n+", Unavailable),
    "no end of it": (imapentry.entry, ANN, b"* OK " + b"x" * MOST, Unavailable),
}


@pytest.mark.parametrize(("make", "claim", "said", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_let_in(
    make: Make, claim: Claim, said: bytes, kind: type[MailhubError]
) -> None:
    with pytest.raises(kind) as caught:
        make(claim).receive(said)
    assert isinstance(caught.value, AuthenticationFailed) is (kind is Refused)


def test_a_word_with_a_line_end_is_never_sent_over_pop3() -> None:
    entry = popentry.entry(Claim("ann", "a\r\nDELE 1", Layer.NONE))
    with pytest.raises(Refused):
        entry.receive(b"+OK hi\r\n-ERR what\r\n")


def test_quotes_travel_in_literals() -> None:
    entry = imapentry.entry(Claim('a"b', "c\r\nd", Layer.NONE))
    assert entry.receive(b"* OK [CAPABILITY A] hi\r\n") == [Say(b"l LOGIN {3}\r\n")]
    assert entry.receive(b"+ \r\n") == [Say(b'a"b {4}\r\n')]
    assert entry.receive(b"+ \r\n") == [Say(b"c\r\nd\r\n")]
