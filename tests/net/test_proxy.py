"""PROXY headers: both versions, whole and byte by byte, and everything that is none."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.net.proxy import V1_LONGEST, V2_LONGEST, V2_SIGNATURE, Proxied, parse


def v2(family: int, block: bytes, command: int = 0x21) -> bytes:
    return V2_SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


BLOCK4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + b"\x30\x39\x00\x19"
BLOCK6 = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + b"\x30\x39\x00\x19"
)
GOOD = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n": ("192.0.2.7", 12345, "198.51.100.1", 25),
    b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 25\r\n": ("2001:db8::7", 12345, "2001:db8::1", 25),
    b"PROXY UNKNOWN\r\n": ("", 0, "", 0),
    b"PROXY UNKNOWN ffff:f:f:: ffff:: 1 2\r\n": ("", 0, "", 0),
    v2(0x11, BLOCK4): ("192.0.2.7", 12345, "198.51.100.1", 25),
    v2(0x21, BLOCK6): ("2001:db8::7", 12345, "2001:db8::1", 25),
    v2(0x11, BLOCK4 + b"\x04\x00\x02hi"): ("192.0.2.7", 12345, "198.51.100.1", 25),
    v2(0x00, b""): ("", 0, "", 0),
    v2(0x31, bytes(216)): ("", 0, "", 0),
    v2(0x11, BLOCK4, command=0x20): ("", 0, "", 0),
}
BAD = [
    b"EHLO client.example\r\n",
    b"PROXY\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 99999\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.700 198.51.100.1 1 2\r\n",
    b"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
    b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY " + b"x" * V1_LONGEST,
    V2_SIGNATURE + b"\x11\x11\x00\x00",
    V2_SIGNATURE + b"\x22\x11\x00\x00",
    v2(0x11, BLOCK4[:11]),
    v2(0x21, BLOCK4),
    V2_SIGNATURE + b"\x21\x11" + struct.pack("!H", V2_LONGEST),
]


@pytest.mark.parametrize("header", GOOD)
def test_whole_headers(header: bytes) -> None:
    source, source_port, destination, destination_port = GOOD[header]
    wanted = Proxied(len(header), source, source_port, destination, destination_port)
    assert parse(header) == wanted
    assert parse(header + b"EHLO x\r\n") == wanted


@pytest.mark.parametrize("header", GOOD)
def test_every_beginning_waits_for_more(header: bytes) -> None:
    for end in range(len(header)):
        assert parse(header[:end]) is None


@pytest.mark.parametrize("header", BAD)
def test_wrong_headers_are_refused(header: bytes) -> None:
    with pytest.raises(Invalid):
        parse(header)


@given(st.binary(max_size=200))
def test_any_bytes_wait_or_are_refused_or_are_a_header(data: bytes) -> None:
    try:
        found = parse(data)
    except Invalid:
        return
    assert found is None or found.length <= len(data)
