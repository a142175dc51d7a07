"""What a submission server does to a user's message (RFC 6409 section 8), while it arrives.

Fields that a message needs and lacks are added, and those that are nobody else's business are
taken out. Only the header is held back for that; whose names may stand in it is asked here and
answered by `core.intake`.
"""

from __future__ import annotations

import re

from mailhub.model.errors import Invalid, NotPermitted, TooLarge
from mailhub.ports import Body, Buffer, Spool
from mailhub.wire import address as grammar
from mailhub.wire import addresslist, header
from mailhub.wire.words import unfold

HEADER_LIMIT = 1 << 20
"""Octets of header that are held back."""
AUTHORS = 50
"""Most addresses in From and Sender together."""
AUTHORS_LENGTH = 64 * 1024
"""Octets of one of these fields: reading more would hold others up for over five milliseconds."""
PRIVATE = b"x-mailhub-draft"
"""What a draft says to who writes on at it."""
REMOVED = frozenset({b"bcc", b"resent-bcc", b"return-path", PRIVATE})
"""Blind copies are for the sender's eyes alone (RFC 5322 3.6.3); Return-Path is for delivery."""
_FIELD = re.compile(rb"[^\s:]+[ \t]*:")
_END = b"\r\n\r\n"
_ENDS = (_END, b"\n\n", b"\n\r\n")
_USUAL = 16 * 1024
"""Octets in which nearly all headers end."""
_ATOM = rb"[!#-'*+\--9=?A-Z^-~\x80-\xff]++"
_QUOTED = rb'"(?>(?:[^"\\\x00-\x1f\x7f]++|\\[ -~])*)"'
_IN_COMMENT = rb"[^()\\\x00-\x1f\x7f]++|\\[ -~]"
_COMMENT = rb"\((?>(?:%b|\((?>(?:%b)*)\))*)\)" % (_IN_COMMENT, _IN_COMMENT)
_SPEC = rb"(?:%b|%b)@(?:%b|\[[^][\s<>]++\])" % (_ATOM, _QUOTED, _ATOM)
_AROUND = rb"(?>(?:[ \t]++|%b)*)" % _COMMENT
_PHRASE = rb"(?>(?:[ \t]++|%b|%b|%b)*)" % (_ATOM, _QUOTED, _COMMENT)
# Scripts write an address as its own name, without the quotes that its @ needs there.
_SAID_TWICE = rb"%b(?P<said>%b)[ \t]*+<(?P=said)>" % (_AROUND, _SPEC)
_MAILBOX = rb"(?:%b|%b<%b>|%b%b)%b" % (_SAID_TWICE, _PHRASE, _SPEC, _AROUND, _SPEC, _AROUND)
_MAILBOXES = re.compile(rb"(?>(?:(?:\A|,)%b)+)" % _MAILBOX)
"""RFC 5322 section 3.4 without groups and routes, with the dots of 4.1 in names, and UTF-8."""


class SubmissionSpool:
    """`ports.Spool` that completes the header on its way into `inner`.

    `sender`: for From, where the message has none and the sender is not null; `date` and
    `message_id`: the values of these fields, where missing.
    """

    def __init__(self, inner: Spool, sender: str, date: str, message_id: str) -> None:
        self._inner = inner
        self._sender = sender
        self._date = date
        self._message_id = message_id
        self._held: bytearray | None = bytearray()
        self.plain = False

    @property
    def size(self) -> int:
        """Octets so far."""
        return self._inner.size + (len(self._held) if self._held is not None else 0)

    def write(self, chunk: Buffer) -> None:
        """Raises StorageFull, TooLarge (the header alone passes its limit)."""
        held = self._held
        if held is None:
            self._inner.write(chunk)
            return
        searched = max(0, len(held) - len(_END) + 1)
        held += chunk
        if held.startswith(b"\r\n"):
            self._release(0)
            return
        end = held.find(_END, searched)
        if 0 <= end <= HEADER_LIMIT:
            self._release(end + 2)
        elif len(held) > HEADER_LIMIT:
            raise TooLarge("The header is too large", HEADER_LIMIT)

    def finish(self) -> Body:
        """Ends the message; one without an empty line is all header."""
        if self._held is not None:
            self._release(len(self._held))
        self._inner.plain = self.plain
        return self._inner.finish()

    def abort(self) -> None:
        """Drops everything."""
        self._held = None
        self._inner.abort()

    def _release(self, end: int) -> None:
        """Writes the header, whose fields end at `end`, and what came behind it."""
        held, self._held = bytes(self._held or b""), None
        block = held[:end]
        self._inner.write(self._completed(block) + held[end:])

    def _completed(self, block: bytes) -> bytes:
        present = {name for name, _ in header.fields(block)}
        added = []
        if b"date" not in present:
            added.append(f"Date: {self._date}\r\n")
        if b"message-id" not in present:
            added.append(f"Message-ID: {self._message_id}\r\n")
        if b"from" not in present and self._sender:
            added.append(f"From: <{self._sender}>\r\n")
        if not present.isdisjoint(REMOVED):
            block = header.select_fields(block, REMOVED, negate=True)
        if added and block and not _FIELD.match(block):
            added.append("\r\n")  # no header at all: the message is text from its first line on
        return "".join(added).encode() + block


def header_of(body: Body, limit: int) -> bytes:
    """A message's header with its empty line, or all of a message without one. Raises TooLarge."""
    view = body.view()
    size = min(_USUAL, body.size)
    while True:
        begin = bytes(view[:size])
        end = _header_end(begin)
        if end >= 0:
            return begin[:end]
        if size == body.size:
            return begin
        if size >= limit:
            raise TooLarge("The header is too large", limit)
        size = min(limit, body.size)


def _header_end(begin: bytes) -> int:
    """Behind the first empty line, whose line ends may be LF alone; -1 where there is none."""
    for empty in (b"\r\n", b"\n"):
        if begin.startswith(empty):
            return len(empty)
    end = len(begin) + 1
    for empty in _ENDS:
        at = begin.find(empty, 0, end)
        if at >= 0:
            end = min(end, at + len(empty))
    return end if end <= len(begin) else -1


def authors(block: bytes) -> list[str]:
    """The addresses that From and Sender claim, canonically (RFC 5322 3.6.2).

    Strict, as another reader must not see another author: one From, at most one Sender, nothing
    that looks like one of them and is none, no group, nothing that is not a plain address.
    Raises NotPermitted, Invalid.
    """
    found = header.values(block, b"from")
    sender = header.values(block, b"sender")
    claimed = header.claims(block, b"from") + header.claims(block, b"sender")
    if len(found) != 1 or len(sender) > 1 or claimed != 1 + len(sender):
        raise NotPermitted("A message needs exactly one From field, and at most one Sender")
    names: list[str] = []
    for value in (*found, *sender):
        if len(value) > AUTHORS_LENGTH:
            raise Invalid("The From or Sender field is too long")
        if _MAILBOXES.fullmatch(unfold(value)) is None:
            raise NotPermitted("The From or Sender field is not a list of plain addresses")
        addresses = addresslist.parse(value, AUTHORS + 1)
        if not addresses:
            raise NotPermitted("The From or Sender field names nobody")
        names.extend(_plain(one) for one in addresses)
    if len(names) > AUTHORS:
        raise Invalid(f"A message has at most {AUTHORS} authors")
    return list(dict.fromkeys(names))


def _plain(one: addresslist.HeaderAddress) -> str:
    if not one.mailbox or not one.host or one.route:
        raise NotPermitted("The From or Sender field is not a plain address")
    try:
        local = grammar.quote_local(one.mailbox.decode())
        return grammar.join(*grammar.split(f"{local}@{one.host.decode()}"))
    except (Invalid, UnicodeDecodeError):
        raise NotPermitted("The From or Sender field is not a plain address") from None


def recipients(block: bytes, limit: int) -> list[str]:
    """Whom To, Cc and Bcc name, once each: at most about `limit`. Raises Invalid."""
    found: dict[str, str] = {}
    for name in (b"to", b"cc", b"bcc"):
        for value in header.values(block, name):
            for entry in addresslist.parse(value, limit):
                if entry.host is None:
                    continue
                local = grammar.quote_local((entry.mailbox or b"").decode("utf-8", "replace"))
                host = entry.host.decode("utf-8", "replace")
                address = _canonical(f"{local}@{host}")
                found.setdefault(grammar.key(address, delimiter=""), address)
    return list(found.values())


def _canonical(address: str) -> str:
    try:
        return grammar.join(*grammar.split(address))
    except Invalid:
        raise Invalid(f"{address[:100]} is no address", "to") from None
