r"""Plays written dialogues against a server's real protocol objects, in memory.

A transcript is text; each line is one of

    # words                a comment; empty lines count for nothing
    C: EHLO client         the client sends this line and a CRLF
    C> a\r\nb\x00          the client sends exactly this; \r \n \t \\ \xNN are bytes
    C drops                the client closes the connection
    S: 250 Ok              the server's next line
    S...                   any number of lines of the server, up to one that fits the next `S:`
    S silent               nothing more came from the server
    S closes               the server closed, and said nothing more
    S tls                  the server began TLS, and said nothing more
    * wait 300             so many seconds pass

A word before `C` or `S` names the connection (`1C:`, `otherS:`); each is opened where it is first
named. Several client lines in a row are one write, so pipelining is written as it looks. Before a
connection's client speaks again, everything that the server said to it must have been read.

In a server's line `%{name}` stands for some text without spaces and remembers it: later, on both
sides, it stands for the same. `%{name=regex}` fits that expression, `%{*}` fits anything.

`piece=1` sends everything byte by byte: a dialogue has to read the same whatever its cuts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

LINE = re.compile(r"(?P<name>\w*?)(?P<side>[CS])(?P<what>: ?|> ?|\.\.\.$| )(?P<text>.*)")
SLOT = re.compile(r"%\{(\*|[a-z]\w*)(?:=([^}]*))?\}")
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
TURNS = 50


class Transport(StringTransport):
    """A transport in memory that also takes `startTLS`."""

    def __init__(self, peer: IAddress | None = None, host: IAddress | None = None) -> None:
        super().__init__(hostAddress=host, peerAddress=peer)
        self.tls: Any = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """TLS from the first byte passes this on to whatever it runs over."""

    def startTLS(self, context: Any) -> None:
        assert self.tls is None, "TLS began twice"
        self.tls = context


@dataclass
class Conversation:
    """One connection of a transcript, open. `reactor`: the clock that the protocol runs on."""

    protocol: Protocol
    transport: Transport
    reactor: Clock
    unread: bytes = b""
    told_tls: bool = False

    def __post_init__(self) -> None:
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes, piece: int = 0) -> None:
        """Gives bytes to the protocol, in pieces of this size; what it waits for comes to pass."""
        for start in range(0, len(data), piece or len(data) or 1):
            if not self.transport.disconnecting:
                self.protocol.dataReceived(data[start : start + (piece or len(data))])
                self.settle()

    def settle(self) -> None:
        """Lets calls happen that are due now."""
        for _ in range(TURNS):
            self.reactor.advance(0)

    def read(self) -> bytes:
        """What the server said since the last call."""
        said = self.transport.value()
        self.transport.clear()
        return said

    def line(self) -> bytes | None:
        """The server's next line without its CRLF, None when there is no whole one."""
        self.unread += self.read()
        line, end, rest = self.unread.partition(b"\r\n")
        if not end:
            return None
        self.unread = rest
        return line

    def silent(self) -> bool:
        """Whether everything that the server said was read."""
        self.unread += self.read()
        return not self.unread

    def drop(self) -> None:
        """The client is gone."""
        self.protocol.connectionLost(Failure(connectionDone.value))
        self.settle()


Connect = Callable[[str], Conversation]


@dataclass
class _Play:
    connect: Connect
    piece: int
    open: dict[str, Conversation] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    waiting: tuple[str, bytes] = ("", b"")
    skipping: bool = False

    def run(self, script: str) -> None:
        for number, line in enumerate(script.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                try:
                    self.step(line)
                except AssertionError as error:
                    raise AssertionError(f"line {number}: {line}\n{error}") from error
        self.flush()
        for name, conversation in self.open.items():
            assert conversation.silent(), f"{name} was also told {conversation.unread!r}"

    def step(self, line: str) -> None:
        if line.startswith("* wait "):
            self.flush()
            self.wait(float(line.removeprefix("* wait ")))
            return
        match = LINE.fullmatch(line)
        assert match is not None, "this is no line of a transcript"
        name, text = match["name"], match["text"]
        what = match["what"].strip()
        if match["side"] == "C" and what:
            if self.waiting[0] != name:
                self.flush()
            data = self.filled(text) + "\r\n" if what == ":" else unescaped(self.filled(text))
            self.waiting = (name, self.waiting[1] + data.encode("utf-8", "surrogateescape"))
            return
        self.flush()
        if match["side"] == "C":
            assert text == "drops", "a client sends or drops"
            self.at(name).drop()
        else:
            self.server(self.at(name), what, text)

    def server(self, conversation: Conversation, what: str, text: str) -> None:
        if what == "...":
            self.skipping = True
            return
        if what:
            self.expect(conversation, text)
            return
        assert text in ("silent", "closes", "tls"), "a server does not do that"
        assert conversation.silent(), f"also said {conversation.unread!r}"
        if text == "closes":
            assert conversation.transport.disconnecting, "it did not close"
        elif text == "tls":
            assert conversation.transport.tls is not None, "it did not begin TLS"
            assert not conversation.told_tls
            conversation.told_tls = True

    def expect(self, conversation: Conversation, text: str) -> None:
        pattern = self.pattern(text)
        skipping, self.skipping = self.skipping, False
        while True:
            line = conversation.line()
            assert line is not None, f"the server said no more than {conversation.unread!r}"
            found = pattern.fullmatch(line.decode("utf-8", "surrogateescape"))
            if found is not None:
                self.known.update(found.groupdict())
                return
            assert skipping, f"the server said {line!r}"

    def flush(self) -> None:
        name, data = self.waiting
        self.waiting = ("", b"")
        if data:
            conversation = self.at(name)
            assert conversation.silent(), f"not read yet: {conversation.unread!r}"
            conversation.send(data, self.piece)

    def wait(self, seconds: float) -> None:
        for reactor in {id(one.reactor): one.reactor for one in self.open.values()}.values():
            reactor.advance(seconds)
        for conversation in self.open.values():
            conversation.settle()

    def at(self, name: str) -> Conversation:
        if name not in self.open:
            self.open[name] = self.connect(name)
        return self.open[name]

    def filled(self, text: str) -> str:
        return SLOT.sub(lambda match: self.known[match[1]], text)

    def pattern(self, text: str) -> re.Pattern[str]:
        """A server's line as an expression."""
        parts: list[str] = []
        end = 0
        named: set[str] = set()
        for match in SLOT.finditer(text):
            parts.append(re.escape(text[end : match.start()]))
            end = match.end()
            name, form = match[1], match[2]
            if name == "*":
                parts.append(".*")
            elif name in self.known:
                parts.append(re.escape(self.known[name]))
            elif name in named:
                parts.append(f"(?P={name})")
            else:
                named.add(name)
                parts.append(f"(?P<{name}>{form if form is not None else r'[^ ]+'})")
        parts.append(re.escape(text[end:]))
        return re.compile("".join(parts))


def unescaped(text: str) -> str:
    """The characters of a `C>` line."""

    def one(match: re.Match[str]) -> str:
        if match[1][0] == "x" and len(match[1]) == 3:
            return bytes([int(match[1][1:], 16)]).decode("utf-8", "surrogateescape")
        return ESCAPES[match[1]]

    return ESCAPE.sub(one, text)


def play(script: str, connect: Connect, *, piece: int = 0) -> dict[str, str]:
    """Plays a transcript and returns what its placeholders stood for.

    `connect` opens the connection of a name. Raises AssertionError with the line that failed.
    """
    running = _Play(connect, piece)
    running.run(script)
    return running.known
