"""A DNS server of our own zones, that can be told to misbehave.

In a test: `with DNSServer({"example.org": ZONE}) as server:`, then `server.address` is what
`[resolver] servers` takes. As a process: `python -m tests.dns FILE… --port 5353`, one zone in each
file, whose name is the zone's; files are read again when they change.

It answers as a recursive resolver would: RA is set and CNAMEs are followed through all its zones.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

HEAD = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
"""Put before a zone's text that has no SOA."""
FAULTS = (
    "servfail",
    "refused",
    "formerr",
    "silent",
    "truncated",
    "wrong-id",
    "wrong-question",
    "forged-first",
    "no-edns",
    "garbage",
    "hang-up",
    "lame",
)
CHAIN = 20


@dataclass(frozen=True)
class Fault:
    """What is done to a question: `kind` one of FAULTS or empty, after `slow` seconds."""

    kind: str = ""
    slow: float = 0.0


@cache
def _zone(name: dns.name.Name, text: str) -> dns.zone.Zone:
    """Zones are not changed once they are read: tests share them."""
    return dns.zone.from_text(text, name, relativize=False, check_origin=False)


class DNSServer:
    """Answers on UDP and TCP at `address`, one thread for each and one for every slow question.

    `zones`: text by origin. `authentic`: whether AD is set; or only for names in a set.
    `faults`: by (name, type), type `*` for all; name `*` for every name. `asked`: (name, type,
    transport) of every question, in order. All may be changed while it runs.
    """

    def __init__(
        self, zones: Mapping[str, str] | None = None, *, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.zones: dict[dns.name.Name, dns.zone.Zone] = {}
        self.authentic: bool | set[str] = False
        self.faults: dict[tuple[str, str], Fault] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.flags: list[int] = []
        for origin, text in (zones or {}).items():
            self.load(origin, text)
        self._host = host
        self._udp, self._tcp = _sockets(host, port)
        self.port: int = self._udp.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._stopping = False

    @property
    def address(self) -> str:
        """As `[resolver] servers` takes it."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    def load(self, origin: str, text: str) -> None:
        """Adds or replaces a zone."""
        if "SOA" not in text:
            text = HEAD + text
        name = dns.name.from_text(origin)
        self.zones[name] = _zone(name, text)

    def count(self, name: str, kind: str = "") -> int:
        """How often `name` was asked for."""
        return sum(1 for one in self.asked if one[0] == name and kind in ("", one[1]))

    def __enter__(self) -> DNSServer:
        for serve in (self._serve_udp, self._serve_tcp):
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends both threads."""
        self._stopping = True
        with socket.socket(self._udp.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self._host, self.port))
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    # -- sockets

    def _serve_udp(self) -> None:
        while True:
            try:
                packet, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if self._stopping:
                return
            self._apart(packet, lambda answer, peer=peer: self._send_udp(answer, peer), "udp")

    def _send_udp(self, answer: bytes, peer: object) -> None:
        with contextlib.suppress(OSError):
            self._udp.sendto(answer, peer)  # type: ignore[call-overload]

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk_tcp, args=(connection,), daemon=True).start()

    def _talk_tcp(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            stream = connection.makefile("rb")
            while head := stream.read(2):
                packet = stream.read(int.from_bytes(head, "big"))
                for answer in self._answers(packet, "tcp"):
                    if not answer:
                        return
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _apart(self, packet: bytes, send, transport: str) -> None:  # type: ignore[no-untyped-def]
        """Answers, in a thread of its own where that takes time."""

        def work() -> None:
            for answer in self._answers(packet, transport):
                if answer:
                    send(answer)

        fault = self._fault(packet)
        if fault.slow:
            threading.Thread(target=work, daemon=True).start()
        else:
            work()

    # -- answers

    def _fault(self, packet: bytes) -> Fault:
        try:
            question = dns.message.from_wire(packet).question[0]
        except Exception:
            return Fault("silent")
        name = _text(question.name)
        kind = dns.rdatatype.to_text(question.rdtype)
        for key in ((name, kind), (name, "*"), ("*", kind), ("*", "*")):
            if key in self.faults:
                return self.faults[key]
        return Fault()

    def _answers(self, packet: bytes, transport: str) -> Iterator[bytes]:
        """The packets sent for one; an empty one ends a connection."""
        fault = self._fault(packet)
        if fault.kind == "silent" and transport == "udp":
            with contextlib.suppress(Exception):
                self._note(dns.message.from_wire(packet), transport)
            return
        query = dns.message.from_wire(packet)
        self._note(query, transport)
        if fault.slow:
            time.sleep(fault.slow)
        if fault.kind in ("hang-up", "silent") and transport == "tcp":
            yield b""
            return
        response = self._response(query, fault, transport)
        size = 65535 if transport == "tcp" else (query.payload if query.edns >= 0 else 512)
        try:
            wire = response.to_wire(max_size=size)
        except dns.exception.TooBig:
            wire = self._cut(response).to_wire()
        yield from _damaged(wire, fault)

    def _note(self, query: dns.message.Message, transport: str) -> None:
        question = query.question[0]
        self.flags.append(query.flags)
        self.asked.append((_text(question.name), dns.rdatatype.to_text(question.rdtype), transport))

    def _response(
        self, query: dns.message.Message, fault: Fault, transport: str
    ) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        codes = {
            "servfail": dns.rcode.SERVFAIL,
            "refused": dns.rcode.REFUSED,
            "formerr": dns.rcode.FORMERR,
        }
        if fault.kind in codes:
            response.set_rcode(codes[fault.kind])
            return response
        if fault.kind == "no-edns" and query.edns >= 0:
            response.use_edns(False)
            response.set_rcode(dns.rcode.FORMERR)
            return response
        if fault.kind == "lame":
            response.flags &= ~(dns.flags.RA | dns.flags.AA)
            return response
        if fault.kind == "truncated" and transport == "udp":
            return self._cut(response)
        self._fill(response)
        return response

    def _cut(self, response: dns.message.Message) -> dns.message.Message:
        response.answer.clear()
        response.authority.clear()
        response.flags |= dns.flags.TC
        return response

    def _fill(self, response: dns.message.Message) -> None:
        """Answer, or SOA of the zone that knows better (RFC 1034 4.3.2, RFC 2308)."""
        question = response.question[0]
        name = question.name
        signed = True
        for _ in range(CHAIN):
            zone = self._zone(name)
            signed = signed and self._signed(name)
            if zone is None:
                response.set_rcode(dns.rcode.REFUSED)
                return
            found = zone.get_rrset(name, question.rdtype)
            if found is not None:
                response.answer.append(found)
                break
            alias = zone.get_rrset(name, dns.rdatatype.CNAME)
            if alias is not None:
                response.answer.append(alias)
                name = alias[0].target
                continue
            assert zone.origin is not None
            soa = zone.get_rrset(zone.origin, dns.rdatatype.SOA)
            if soa is not None:
                response.authority.append(soa)
            if not any(known.is_subdomain(name) for known in zone.nodes):
                response.set_rcode(dns.rcode.NXDOMAIN)
            break
        if signed:
            response.flags |= dns.flags.AD

    def _zone(self, name: dns.name.Name) -> dns.zone.Zone | None:
        while True:
            if name in self.zones:
                return self.zones[name]
            if name == dns.name.root:
                return None
            name = name.parent()

    def _signed(self, name: dns.name.Name) -> bool:
        return self.authentic if isinstance(self.authentic, bool) else _text(name) in self.authentic


def _damaged(wire: bytes, fault: Fault) -> Iterator[bytes]:
    if fault.kind == "wrong-id":
        yield bytes((wire[0] ^ 0x55,)) + wire[1:]
    elif fault.kind == "wrong-question":
        yield wire[:13] + bytes((wire[13] ^ 0x01,)) + wire[14:]
    elif fault.kind == "garbage":
        yield wire[:-4]
    elif fault.kind == "forged-first":
        yield bytes((wire[0] ^ 0x55,)) + wire[1:]
        yield b"\0"
        yield wire[:2] + b"\x01" + wire[3:]
        yield wire
    else:
        yield wire


def _sockets(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP at the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(20):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp = socket.socket(family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind((host, port))
        try:
            tcp.bind((host, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            if port:
                raise
            continue
        tcp.listen(100)
        return udp, tcp
    raise OSError("no port is free for both UDP and TCP")


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def main() -> None:
    """Serves zone files until it is killed; prints the port when it is ready."""
    parser = argparse.ArgumentParser(description="A DNS server of test zones")
    parser.add_argument("zone", nargs="*", type=Path, help="a zone file named after its zone")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--authentic", action="store_true", help="set AD in every answer")
    parser.add_argument(
        "--fault", action="append", default=[], help=f"NAME=KIND or *=KIND; {', '.join(FAULTS)}"
    )
    given = parser.parse_args()
    server = DNSServer(port=given.port, host=given.host)
    server.authentic = given.authentic
    for fault in given.fault:
        name, _, kind = fault.partition("=")
        if kind not in FAULTS:
            parser.error(f"{kind!r} is no fault")
        server.faults[name, "*"] = Fault(kind)
    stamps: dict[Path, int] = {}

    def look() -> None:
        for path in given.zone:
            stamp = os.stat(path).st_mtime_ns
            if stamps.get(path) != stamp:
                stamps[path] = stamp
                server.load(path.name.removesuffix(".zone"), path.read_text())

    look()
    with server:
        print(server.port, flush=True)
        while True:
            time.sleep(0.2)
            look()


if __name__ == "__main__":
    main()
