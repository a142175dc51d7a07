"""APPEND and REPLACE as values: they arrive in parts, so what is known grows with each.

A head comes first, then each message is announced (`Upload`) and arrives (`Uploaded`), and at
last the whole command is there. How octets arrive is the machine's, where they go the talk's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.flags import Flags
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body


@dataclass(frozen=True, slots=True)
class Upload:
    """One message of APPEND or REPLACE, announced. `date`: epoch seconds or None for now. `size`:
    octets of its literal. `binary`: a literal8. `utf8`: UTF8 (…) of RFC 6855."""

    flags: Flags
    date: int | None
    size: int
    binary: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class AppendHead:
    """What is known of an APPEND before its first message."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ReplaceHead:
    """What is known of a REPLACE before its message. `message`: one number or `STAR`."""

    uid: bool
    message: int
    mailbox: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One message, arrived. The frame closes `body` after the command ran, on every path."""

    upload: Upload
    body: Body


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND, complete: several messages are MULTIAPPEND (RFC 3502), all or none. `mailbox`: as it
    was when the first message was admitted."""

    mailbox: Mailbox
    messages: Sequence[Uploaded]


@dataclass(frozen=True, slots=True)
class Replace:
    """REPLACE, UID REPLACE, complete (RFC 8508)."""

    uid: bool
    message: int
    mailbox: Mailbox
    uploaded: Uploaded
