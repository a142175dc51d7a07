"""What the machine says happened on the wire, one value each; the talk answers every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailhub.imap.grammar.uploads import AppendHead, ReplaceHead, Upload
from mailhub.imap.replies import Refusal
from mailhub.imap.verb import Verb
from mailhub.model.errors import MailhubError


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command. `value`: what its verb's `parse` made."""

    tag: bytes
    verb: Verb
    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that will not run; all of it has been read. `tag`: `*` where none was legible.
    An `error` of kind Invalid is the client's syntax (BAD), others are refusals (NO)."""

    tag: bytes
    error: MailhubError | Refusal


@dataclass(frozen=True, slots=True)
class Proceed:
    """The client waits for a continuation before it sends a literal that is welcome."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A message of APPEND or REPLACE is about to come. Answer with `machine.accept` or
    `machine.refuse`. `waits`: the client wants a continuation first."""

    tag: bytes
    verb: Verb
    head: AppendHead | ReplaceHead
    upload: Upload
    waits: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """Octets of the accepted message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """The accepted message is complete."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The command whose messages arrived is complete."""

    tag: bytes
    verb: Verb
    head: AppendHead | ReplaceHead


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an exchange, without its line end."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Fatal:
    """The connection cannot go on: say BYE and close."""

    error: MailhubError


Event = Request | Refused | Proceed | Announced | Chunk | Arrived | Complete | Line | Fatal
