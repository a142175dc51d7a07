"""What is put on top of a message when it leaves: signatures of ours, or a seal.

Mail that began here is signed as its author's domain; mail that is only passed on keeps its own
author's signatures and gets an ARC set that says what we found. Reads a message piece by piece,
so that the longest one costs no memory and holds nobody up.
"""

from __future__ import annotations

from mailhub.core.signing import Keys
from mailhub.core.turns import Turns
from mailhub.model.errors import Invalid
from mailhub.model.queue import QueueMessage
from mailhub.model.settings import DkimSettings
from mailhub.policy import sealing, signing
from mailhub.policy.signing import Signer
from mailhub.ports import Clock, Message
from mailhub.wire import address as grammar
from mailhub.wire import addresslist, header
from mailhub.wire.relaxed import RelaxedBodyHash

PIECE = 128 * 1024
"""Octets read at once: under a millisecond of work."""
HEADER = 2 * 1024 * 1024
"""Octets of header; a message with more leaves as it is."""
AUTHORS = 50
"""Addresses of From that are looked at."""


class Departures:
    """`ports.Departure`. `hostname`: this server's name; `authserv_id`: that of its
    Authentication-Results, empty for the same."""

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        hostname: str,
        default_domain: str,
        settings: DkimSettings,
        *,
        authserv_id: str = "",
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._hostname = hostname
        self._authserv_id = authserv_id or hostname
        self._default_domain = default_domain
        self._settings = settings

    async def prefix(self, queued: QueueMessage, message: Message) -> bytes:
        """See `ports.Departure.prefix`."""
        local = queued.sender.local
        if not (self._settings.sign if local else self._settings.seal):
            return b""
        begin = await self._begin(message)
        end = signing.header_end(begin)
        if end < 0:
            return b""
        block = bytes(begin[:end])
        sender = queued.sender.address
        signers = await (self._author(block, sender) if local else self._sealers(sender))
        if not signers:
            return b""
        body = await self._digest(message, bytes(begin[end:]), len(begin))
        now = int(self._clock.now())
        if local:
            return signing.sign(signers, block, body, now, lifetime=self._settings.lifetime)
        return sealing.seal(signers[0], block, body, self._authserv_id, now)

    async def _begin(self, message: Message) -> bytearray:
        """The message up to where its header certainly has ended, or as much as is looked at."""
        begin = bytearray()
        while len(begin) < min(message.size, HEADER):
            begin += await message.read(len(begin), min(len(begin) + PIECE, message.size))
            if signing.header_end(begin) >= 0:
                break
        else:
            if len(begin) == message.size and begin.endswith(b"\r\n"):
                begin += b"\r\n"  # no body at all: the server that takes it adds the empty line
        return begin

    async def _digest(self, message: Message, body: bytes, start: int) -> bytes:
        digest = RelaxedBodyHash()
        digest.feed(body)
        turns = Turns(self._clock)
        while start < message.size:
            piece = await message.read(start, min(start + PIECE, message.size))
            digest.feed(piece)
            start += len(piece)
            await turns.rest()
        return digest.digest()

    async def _author(self, block: bytes, sender: str) -> tuple[Signer, ...]:
        """The keys of the author's domain, or of the nearest one above it: both align (RFC 7489
        3.1); else of the envelope sender's, so that the message is somebody's at least."""
        domains = []
        for value in header.values(block, b"from")[:1]:
            for one in addresslist.parse(value, AUTHORS):
                domains.append((one.host or b"").decode("utf-8", "replace"))
        domains.append(sender.rpartition("@")[2])
        for domain in domains:
            signers = await self._nearest(domain)
            if signers:
                return signers
        return ()

    async def _sealers(self, sender: str) -> tuple[Signer, ...]:
        """RSA keys of the envelope sender's domain (our own, where it was rewritten), else this
        server's: RFC 8617 knows no other algorithm that everybody verifies."""
        for domain in (sender.rpartition("@")[2], self._hostname, self._default_domain):
            found = await self._nearest(domain)
            signers = tuple(one for one in found if one.algorithm == "rsa-sha256")
            if signers:
                return signers
        return ()

    async def _nearest(self, domain: str) -> tuple[Signer, ...]:
        try:
            name = grammar.domain(domain)
        except Invalid:
            return ()
        while "." in name:
            signers = await self._keys.signers(name)
            if signers:
                return signers
            name = name.partition(".")[2]
        return ()
