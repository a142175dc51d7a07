"""The PROXY protocol's header, versions 1 and 2: bytes to addresses, pure.

Who may send one is not decided here but in `net.listeners`. A header must be complete and
correct; the specification wants the connection dropped otherwise.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from mailhub.model.errors import Invalid

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1_LONGEST = 107
"""Bytes of the longest version 1 header with its CRLF (section 2.1)."""
V2_LONGEST = 16 + 1024
"""Address block and TLVs past this are refused, though the length field could say 65535."""
_V1 = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (\d{1,5}) (\d{1,5})\r\n")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")


@dataclass(frozen=True, slots=True)
class Proxied:
    """A whole header. `length`: its bytes. Addresses are empty where the proxy speaks for itself
    (LOCAL, UNKNOWN): the connection's own count then."""

    length: int
    source: str = ""
    source_port: int = 0
    destination: str = ""
    destination_port: int = 0


def parse(data: bytes) -> Proxied | None:
    """The header at the start of `data`; None while it is incomplete. Raises Invalid."""
    if data[:12] == V2_SIGNATURE[: len(data)]:
        return _parse_v2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _parse_v1(data)
    raise Invalid("no PROXY header")


def _parse_v1(data: bytes) -> Proxied | None:
    end = data.find(b"\r\n", 0, V1_LONGEST)
    if end < 0:
        if len(data) >= V1_LONGEST:
            raise Invalid("PROXY header too long")
        return None
    line = data[: end + 2]
    if _V1_UNKNOWN.fullmatch(line):
        return Proxied(len(line))
    match = _V1.fullmatch(line)
    if match is None:
        raise Invalid("malformed PROXY header")
    family = IPv4Address if match[1] == b"TCP4" else IPv6Address
    try:
        source = ip_address(match[2].decode("ascii"))
        destination = ip_address(match[3].decode("ascii"))
    except ValueError:
        raise Invalid("malformed address in a PROXY header") from None
    ports = int(match[4]), int(match[5])
    if not (isinstance(source, family) and isinstance(destination, family)) or max(ports) > 65535:
        raise Invalid("malformed address in a PROXY header")
    return Proxied(len(line), str(source), ports[0], str(destination), ports[1])


def _parse_v2(data: bytes) -> Proxied | None:
    if len(data) < 16:
        return None
    version_command, family, size = struct.unpack_from("!BBH", data, 12)
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise Invalid("unknown PROXY version or command")
    length = 16 + size
    if length > V2_LONGEST:
        raise Invalid("PROXY header too long")
    if len(data) < length:
        return None
    if version_command & 15 == 0:  # LOCAL: a health check of the proxy itself
        return Proxied(length)
    width = {0x11: 4, 0x21: 16}.get(family)
    if width is None:  # UNSPEC and the rest: accept, use the real addresses (section 2.2)
        return Proxied(length)
    if size < 2 * width + 4:
        raise Invalid("PROXY address block too short")
    source = ip_address(data[16 : 16 + width])
    destination = ip_address(data[16 + width : 16 + 2 * width])
    source_port, destination_port = struct.unpack_from("!HH", data, 16 + 2 * width)
    return Proxied(length, str(source), source_port, str(destination), destination_port)
