"""Mail that others vouch for: zones, signatures and seals of remote domains, for tests of what
comes in."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from mailhub.core.signing import record, record_name
from mailhub.model.settings import PolicySettings
from mailhub.policy import sealing, signing
from mailhub.policy.authentication import Authentication, Author
from mailhub.policy.signing import header_end, signer
from mailhub.policy.step import Step
from mailhub.ports import Clock, Resolver
from mailhub.wire.relaxed import RelaxedBodyHash
from tests.fakes import FakeClock, SeededRandomness
from tests.names import FakeResolver
from tests.signed import pair

CLIENT = "192.0.2.7"
REMOTE = "remote.example"
NOW = 1_800_000_000


def zones(policy: str = "reject", more: str = "") -> dict[tuple[str, str], Any]:
    """remote.example with SPF for one address, DKIM keys and a DMARC policy."""
    rsa, ed25519 = pair(REMOTE)
    return {
        (REMOTE, "TXT"): [f"v=spf1 ip4:{CLIENT} -all"],
        (f"_dmarc.{REMOTE}", "TXT"): [f"v=DMARC1; p={policy}; rua=mailto:d@{REMOTE}{more}"],
        (record_name(rsa), "TXT"): [record(rsa)],
        (record_name(ed25519), "TXT"): [record(ed25519)],
        ("7.2.0.192.in-addr.arpa", "PTR"): [f"mx.{REMOTE}"],
        (f"mx.{REMOTE}", "A"): [CLIENT],
    }


def message(author: str = f"Ann <ann@{REMOTE}>", subject: str = "Hello") -> bytes:
    """A plain message."""
    return (
        f"From: {author}\r\nTo: joe@example.org\r\nSubject: {subject}\r\n"
        f"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@{REMOTE}>\r\n\r\nHello\r\n"
    ).encode()


def parts(data: bytes) -> tuple[bytes, bytes]:
    """(header with its empty line, digest of the body)."""
    end = header_end(data)
    digest = RelaxedBodyHash()
    digest.feed(data[end:])
    return data[:end], digest.digest()


def signed(data: bytes, domain: str = REMOTE) -> bytes:
    """The message with this domain's signatures."""
    header, body = parts(data)
    return signing.sign([signer(key) for key in pair(domain)], header, body, NOW) + data


def sealed(data: bytes, by: str, judged: str) -> bytes:
    """The message as a server of `by` forwards it that found `judged`."""
    data = f"Authentication-Results: mx.{by}; {judged}\r\n".encode() + data
    header, body = parts(data)
    return sealing.seal(signer(pair(by)[0]), header, body, f"mx.{by}", NOW) + data


async def in_turn(work: Sequence[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
    """`ports.Together` for tests: one after the other."""
    return [await one for one in work]


def steps(
    resolver: FakeResolver | Resolver,
    settings: PolicySettings | None = None,
    clock: Clock | None = None,
) -> list[Step]:
    """As the composition root makes them."""
    settings = settings or PolicySettings()
    authentication = Authentication(
        lambda: resolver,
        in_turn,
        clock or FakeClock(NOW),
        SeededRandomness(),
        sealers=settings.arc_sealers,
        receiver="mx.example.org",
    )
    return [Author(), authentication]
