"""ENVELOPE as IMAP bytes, and read back as values (RFC 9051 7.5.2).

Of fields that may stand once and are repeated, the first counts; repeated address fields are
joined in their order. Text stays as the message has it, encoded words included; see
`wire.nstring` for 8-bit text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from mailhub.wire import addresslist, datum, words
from mailhub.wire.addresslist import HeaderAddress
from mailhub.wire.nstring import NIL, nstring
from mailhub.wire.slices import finish

Fields = Mapping[bytes, Sequence[bytes]]
"""Raw values by name in lower case, as `wire.mime.Part.fields` holds them."""


_SHORT = 500
_ATOM = rb"[!#-'*+\--9=?A-Z^-~]++"
_QUOTED = rb"[!#-\[\]-~]++"
_USUAL = re.compile(
    rb'(?:(?:"(%b(?>(?: %b)*))"|(%b(?>(?: %b)*))) ?)?<(%b)@(%b)>|(%b)@(%b)'
    % (_QUOTED, _QUOTED, *[_ATOM] * 6)
)
"""`Name <a@b>`, `<a@b>` and `a@b`, as nearly all From and To fields are: reading and quoting them
by the general rules took three times as long."""


@dataclass(frozen=True, slots=True)
class EnvelopeAddress:
    """An address as people read it. `host` empty: a group's name, or a broken address."""

    name: str
    mailbox: str
    host: str


@dataclass(frozen=True, slots=True)
class EnvelopeFields:
    """An ENVELOPE's decoded content. `date`, `in_reply_to`, `message_id`: as written."""

    date: str
    subject: str
    from_: tuple[EnvelopeAddress, ...]
    sender: tuple[EnvelopeAddress, ...]
    reply_to: tuple[EnvelopeAddress, ...]
    to: tuple[EnvelopeAddress, ...]
    cc: tuple[EnvelopeAddress, ...]
    bcc: tuple[EnvelopeAddress, ...]
    in_reply_to: str
    message_id: str


def envelope(fields: Fields) -> bytes:
    """The parenthesized ENVELOPE of a header with these fields."""
    return finish(enveloping(fields))


def enveloping(fields: Fields) -> Generator[None, None, bytes]:
    """`envelope`, in slices of about a millisecond."""
    left = addresslist.LIMIT
    lists: dict[bytes, bytes] = {}
    for name in (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"):
        values = fields.get(name)
        if values is None or left <= 0:
            lists[name] = NIL
            continue
        rendered = _single(values)
        if rendered is None:
            found: list[HeaderAddress] = []
            for number, value in enumerate(values[:left], start=1):
                found += yield from addresslist.parsing(value, left - len(found))
                if number % 256 == 0:
                    yield
            left -= len(found)
            rendered = (yield from _addresses(found)) if found else NIL
        lists[name] = rendered
    author = lists[b"from"]
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _first(fields, b"date"),
        _first(fields, b"subject"),
        author,
        author if lists[b"sender"] is NIL else lists[b"sender"],
        author if lists[b"reply-to"] is NIL else lists[b"reply-to"],
        lists[b"to"],
        lists[b"cc"],
        lists[b"bcc"],
        _first(fields, b"in-reply-to"),
        _first(fields, b"message-id"),
    )


def _single(values: Sequence[bytes]) -> bytes | None:
    """The usual address field whole: one address, in characters that need no care."""
    value = words.unfold(values[0])
    found = _USUAL.fullmatch(value) if len(value) <= _SHORT else None
    if found is None or len(values) > 1:
        return None
    quoted, phrase, mailbox, host, bare, bare_host = found.groups()
    name = quoted or phrase
    if name is None:
        return b'((NIL NIL "%b" "%b"))' % (mailbox or bare, host or bare_host)
    return b'(("%b" NIL "%b" "%b"))' % (name, mailbox, host)


def _first(fields: Fields, name: bytes) -> bytes:
    values = fields.get(name)
    return NIL if values is None else nstring(words.unfold(values[0]))


def _addresses(found: Sequence[HeaderAddress]) -> Generator[None, None, bytes]:
    pieces: list[bytes] = []
    for number, address in enumerate(found, start=1):
        name, route, mailbox, host = address
        pieces.append(
            b"(%b %b %b %b)" % (nstring(name), nstring(route), nstring(mailbox), nstring(host))
        )
        if number % 500 == 0:
            yield
    return b"(" + b"".join(pieces) + b")"


_STRING = rb'"([^"\\]*+)"'
_ADDRESS = rb'\((?:NIL|"[^"\\]*+") NIL "[^"\\]*+" "[^"\\]*+"\)'
_LIST = rb"(\((?>(?:%b)+)\))" % _ADDRESS
_ORDINARY = re.compile(
    rb"\((?:NIL|%b) (?:NIL|%b) %b \3 \3 (?:NIL|%b) (?:NIL|%b) NIL (?:NIL|%b) (?:NIL|%b)\)"
    % (_STRING, _STRING, *[_LIST] * 3, _STRING, _STRING)
)
"""What nearly all messages have: no string with a quote in it or as a literal, no group, no route,
and an author who sent it himself and gets the replies. To read it takes a third of the time."""
_ONE = re.compile(rb'\((?:NIL|"([^"]*+)") NIL "([^"]*+)" "([^"]*+)"\)')


def parse(rendered: bytes, *, cut: bool = False) -> EnvelopeFields:
    """What `envelope` made, decoded. Raises Invalid for anything else. `cut`: its end may be
    missing; what stood there is empty."""
    usual = _ORDINARY.fullmatch(rendered)
    if usual is not None:
        date, subject, author, to, cc, answered, id = usual.groups(b"")
        decode = words.decoder(rendered)
        named = _people(author, decode)
        return EnvelopeFields(
            date=decode(date),
            subject=decode(subject),
            from_=named,
            sender=named,
            reply_to=named,
            to=_people(to, decode) if to else (),
            cc=_people(cc, decode) if cc else (),
            bcc=(),
            in_reply_to=decode(answered),
            message_id=decode(id),
        )
    return _parse(rendered, cut)


def _people(addresses: bytes, decode: Callable[[bytes], str]) -> tuple[EnvelopeAddress, ...]:
    found = [
        EnvelopeAddress(decode(name), decode(mailbox), decode(host))
        for name, mailbox, host in _ONE.findall(addresses)
    ]
    return tuple(one for one in found if one.name or one.mailbox or one.host)


def _parse(rendered: bytes, cut: bool) -> EnvelopeFields:
    """`parse` by the general rules."""
    if cut:
        read = datum.read(rendered, cut=True)
        items = [*(read if isinstance(read, list) else ()), *[None] * 10][:10]
    else:
        items = datum.read_list(rendered, 10)
    texts = [words.decode(item) if isinstance(item, bytes) else "" for item in items]
    author = items[2]  # nearly always the sender too, and who gets replies (RFC 9051 7.5.2)
    named = _decoded(author) if isinstance(author, list) else ()
    lists = [
        (named if item == author else _decoded(item)) if isinstance(item, list) else ()
        for item in items
    ]
    return EnvelopeFields(
        date=texts[0],
        subject=texts[1],
        from_=lists[2],
        sender=lists[3],
        reply_to=lists[4],
        to=lists[5],
        cc=lists[6],
        bcc=lists[7],
        in_reply_to=texts[8],
        message_id=texts[9],
    )


def _decoded(addresses: Sequence[datum.Datum]) -> tuple[EnvelopeAddress, ...]:
    found: list[EnvelopeAddress] = []
    for address in addresses:
        if isinstance(address, list) and len(address) == 4:
            name, _, mailbox, host = (
                words.decode(part) if isinstance(part, bytes) else "" for part in address
            )
            if name or mailbox or host:
                found.append(EnvelopeAddress(name, mailbox, host))
    return tuple(found)
