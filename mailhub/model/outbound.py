"""What is handed to the SMTP client, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailhub.model.tlsreport import TLSReport


class Stage(Enum):
    """Where in the session an answer came."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    HELLO = "hello"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    """After the last octet of the message: what came of it may be unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one recipient got. `code`: the SMTP reply code; 0 where the remote said nothing: the
    connection was refused or lost, or a rule of ours ended the attempt. `status`: enhanced code,
    made from the reply code where the remote gave none. `text`: verbatim, lines joined by a
    newline. `unknown`: the message was wholly sent and no answer came."""

    code: int
    status: str
    text: str
    stage: Stage
    unknown: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the remote took it: only an answer to the whole message says so."""
        return self.stage is Stage.DOT and 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        """Whether trying again is pointless."""
        return self.status.startswith("5")


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt's report. `answers`: one for each recipient, in order. `host`, `address`: whom
    we spoke to last, or empty; `source`: our own address then. `tls`: version, or empty. `dsn`: the
    remote offered DSN, and took over what was asked for with NOTIFY (RFC 3461 5.2.1). `reports`:
    what TLS came to on each new connection whose hop says under which policy it was made
    (`Security.applied`)."""

    answers: tuple[Answer, ...]
    host: str = ""
    address: str = ""
    tls: str = ""
    dsn: bool = False
    reports: tuple[TLSReport, ...] = ()
    source: str = ""
