"""The milter protocol, version 6 of sendmail's libmilter, as the server speaks it: packets.

Pure bytes: a packet is four octets of length, one letter, and what belongs to it. Which packet
comes when is `policy.milter`'s. The protocol has no specification but libmilter's own `mfdef.h`;
names here are those of its constants.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntFlag

from mailhub.model.errors import Invalid

VERSION = 6
PACKET = 256 * 1024
"""Octets of one packet from a filter; libmilter's own have at most 64 KiB."""
CHUNK = 65535
"""Octets of the body in one packet (MILTER_CHUNK_SIZE)."""
_LINE = re.compile(rb"([45]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?: |$))?([ -~\x80-\xff]*))?")
_NAME = re.compile(rb"[!-9;-~]{1,200}")


class Does(IntFlag):
    """What a filter may do to a message (SMFIF_*)."""

    ADD_HEADERS = 0x01
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    DELETE_RECIPIENTS = 0x08
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80
    CHOOSE_MACROS = 0x100


class Wish(IntFlag):
    """What a filter does not want to hear, or will not answer (SMFIP_*)."""

    NO_CONNECT = 0x01
    NO_HELO = 0x02
    NO_MAIL = 0x04
    NO_RCPT = 0x08
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADER = 0x40
    SILENT_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    REFUSED_RCPT = 0x800
    SILENT_CONNECT = 0x1000
    SILENT_HELO = 0x2000
    SILENT_MAIL = 0x4000
    SILENT_RCPT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_END_OF_HEADER = 0x40000
    SILENT_BODY = 0x80000
    LEADING_SPACE = 0x100000


class Kind(Enum):
    """A filter's packets."""

    ADD_RECIPIENT = b"+"
    DELETE_RECIPIENT = b"-"
    ADD_RECIPIENT_WITH_PARAMETERS = b"2"
    SHUT_DOWN = b"4"
    ACCEPT = b"a"
    REPLACE_BODY = b"b"
    CONTINUE = b"c"
    DISCARD = b"d"
    CHANGE_SENDER = b"e"
    CONNECTION_FAILED = b"f"
    ADD_HEADER = b"h"
    INSERT_HEADER = b"i"
    CHOOSE_MACROS = b"l"
    CHANGE_HEADER = b"m"
    NEGOTIATE = b"O"
    PROGRESS = b"p"
    QUARANTINE = b"q"
    REJECT = b"r"
    SKIP = b"s"
    DEFER = b"t"
    REPLY = b"y"


@dataclass(frozen=True, slots=True)
class Answer:
    """One packet of a filter. `name`, `value`, `index`: of a header field; `value` also: the words
    of REPLY, with their code, and the reason of QUARANTINE."""

    kind: Kind
    name: bytes = b""
    value: bytes = b""
    index: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides agreed on."""

    version: int
    does: Does
    wishes: Wish


class Packets:
    """Cuts what a filter sends into packets."""

    def __init__(self) -> None:
        self._data = bytearray()

    def receive(self, data: bytes) -> None:
        self._data += data

    def next_packet(self) -> tuple[bytes, bytes] | None:
        """(letter, what belongs to it), None where more has to come. Raises Invalid."""
        data = self._data
        if len(data) < 5:
            return None
        size = int.from_bytes(data[:4], "big")
        if not 0 < size <= PACKET:
            raise Invalid("A packet of the filter has no valid length")
        if len(data) < 4 + size:
            return None
        letter, payload = bytes(data[4:5]), bytes(data[5 : 4 + size])
        del data[: 4 + size]
        return letter, payload


def packet(letter: bytes, payload: bytes = b"") -> bytes:
    """One packet."""
    return (len(payload) + 1).to_bytes(4, "big") + letter + payload


def offer(does: Does, wishes: Wish) -> bytes:
    """The first packet: what a filter may do, and what it may wish."""
    return packet(b"O", struct.pack("!III", VERSION, does, wishes))


def terms(payload: bytes, does: Does, wishes: Wish) -> Terms:
    """A filter's answer to the offer of `does` and `wishes`. Raises Invalid where it wants more.

    Wishes that nobody knows are dropped, as a filter that is told of more than it wants works;
    acts that were not offered are not.
    """
    if len(payload) < 12:
        raise Invalid("The filter's terms are too short")
    version, acts, wanted = struct.unpack("!III", payload[:12])
    if not 2 <= version <= VERSION:
        raise Invalid(f"The filter speaks version {version} of the protocol")
    if acts & ~does:
        raise Invalid(f"The filter wants to do what is not offered ({acts & ~does:#x})")
    return Terms(version, Does(acts), Wish(wanted & wishes))


def macros(letter: bytes, pairs: Iterable[tuple[str, str]]) -> bytes:
    """Values that go before the packet with this letter."""
    words = b"".join(_text(word) for name, value in pairs if value for word in (name, value))
    return packet(b"D", letter + words)


def connect(name: str, address: str, port: int) -> bytes:
    """The client: its confirmed name, or its address in brackets; `unix` has no address."""
    if address == "unix":
        return packet(b"C", _text(name) + b"L" + struct.pack("!H", 0) + _text("unix"))
    family, text = (b"6", f"IPv6:{address}") if ":" in address else (b"4", address)
    return packet(b"C", _text(name) + family + struct.pack("!H", port) + _text(text))


def words(letter: bytes, *texts: str) -> bytes:
    """HELO (H) and its name, MAIL (M) and RCPT (R) and a path with its parameters."""
    return packet(letter, b"".join(map(_text, texts)))


def field(name: bytes, value: bytes, *, leading_space: bool) -> bytes:
    """A header field as filters hear of it: its lines end with LF, and the space behind the colon
    is kept only where the filter wishes it."""
    value = value.replace(b"\r\n", b"\n").replace(b"\0", b"")
    if not leading_space and value[:1] in (b" ", b"\t"):
        value = value[1:]
    return packet(b"L", name + b"\0" + value + b"\0")


def answer(letter: bytes, payload: bytes) -> Answer:
    """What a packet means. Raises Invalid for one that no filter sends, or a malformed one."""
    try:
        kind = Kind(letter)
    except ValueError:
        raise Invalid(f"The filter answered {letter!r}") from None
    if kind in (Kind.ADD_HEADER, Kind.INSERT_HEADER, Kind.CHANGE_HEADER):
        return _header(kind, payload)
    if kind is Kind.REPLY:
        return Answer(kind, value=_reply(_end(payload)))
    if kind is Kind.QUARANTINE:
        return Answer(kind, value=_end(payload))
    return Answer(kind, value=payload)


def _header(kind: Kind, payload: bytes) -> Answer:
    index = 0
    if kind is not Kind.ADD_HEADER:
        if len(payload) < 4:
            raise Invalid("The filter's header field is malformed")
        index = int.from_bytes(payload[:4], "big")
        payload = payload[4:]
    name, middle, rest = payload.partition(b"\0")
    if not middle or not _NAME.fullmatch(name):
        raise Invalid("The filter's header field is malformed")
    return Answer(kind, name, _end(rest), index)


def _reply(text: bytes) -> bytes:
    """A reply of any lines as one: its code, its enhanced code, the words of all."""
    found = [_LINE.fullmatch(line) for line in text.split(b"\r\n")]
    first = found[0]
    if first is None:
        raise Invalid("The filter's reply is malformed")
    said = []
    for one in found:
        if one is None or one[1] != first[1]:
            raise Invalid("The filter's reply is malformed")
        said.append((one[3] or b"").strip())
    return b" ".join(word for word in (first[1], first[2] or b"", *said) if word)


def _end(payload: bytes) -> bytes:
    """The text before the NUL that must end it."""
    text, end, _ = payload.partition(b"\0")
    if not end:
        raise Invalid("The filter's packet does not end")
    return text


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").replace(b"\0", b"") + b"\0"
