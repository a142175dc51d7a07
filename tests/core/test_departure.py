from __future__ import annotations

import dkim
import pytest

from mailhub.core.departure import HEADER, PIECE, Departures
from mailhub.core.signing import Keys
from mailhub.model.message import BlobRef
from mailhub.model.queue import QueueMessage, QueueSender
from mailhub.model.settings import DkimSettings
from mailhub.policy import authres
from mailhub.policy.authres import Result
from tests.names import FakeResolver
from tests.signed import MESSAGE, Pieces, Workshop, lookup, pair
from tests.support import run
from tests.world import ACTOR, HOSTNAME, world

pytestmark = pytest.mark.thorough

NEAR, FAR = pair(), pair("far.example")


def departures(settings: DkimSettings | None = None) -> Departures:
    here = world(people=())
    here.clock.step(-1e8)  # dkimpy believes no signature of the future
    settings = settings or DkimSettings()
    run(here.store.dkim_keys.add([*NEAR, *FAR], ACTOR))
    box = Keys(here.store, FakeResolver(), Workshop(), here.clock, here.log, settings)
    return Departures(box, here.clock, HOSTNAME, "example.org", settings)


def queued(*, local: bool = True, address: str = "ann@example.org") -> QueueMessage:
    return QueueMessage(1, QueueSender(address, local=local), BlobRef(1, 0, 0), 0)


def prefix(data: bytes, *, settings: DkimSettings | None = None, **envelope: object) -> bytes:
    return run(departures(settings).prefix(queued(**envelope), Pieces(data)))  # type: ignore[arg-type]


def verified(data: bytes) -> list[bool]:
    judge = dkim.DKIM(data)
    return [judge.verify(index, dnsfunc=lookup((*NEAR, *FAR))) for index in (0, 1)]


def domain(made: bytes) -> str:
    return made.decode().partition("d=")[2].partition(";")[0]


@pytest.mark.parametrize("size", [0, 10, PIECE - 600, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_mail_that_began_here_is_signed(size: int) -> None:
    data = MESSAGE + b"0123456789abcdef \t \r\n" * (size // 21)
    assert verified(prefix(data) + data) == [True, True]


def test_a_message_without_a_body_is_signed_as_others_will_see_it() -> None:
    data = b"From: ann@example.org\r\nSubject: all header\r\n"
    assert verified(prefix(data) + data + b"\r\n") == [True, True]


@pytest.mark.parametrize(
    ("author", "sender", "signed"),
    [
        ("Ann <ann@example.org>", "x@far.example", "example.org"),
        ("ann@EXAMPLE.org", "", "example.org"),
        ("MAILER-DAEMON@mx.example.org", "", "example.org"),
        ("ann@deep.down.far.example", "", "far.example"),
        ("x@other.example, ann@far.example", "", "far.example"),
        ("x@other.example", "ann@far.example", "far.example"),
        ("x@other.example", "", ""),
        ("x@notfar.example", "", ""),
        ("undisclosed:;", "", ""),
        ("x@[192.0.2.1]", "", ""),
        ("", "", ""),
    ],
)
def test_whose_signature_it_is(author: str, sender: str, signed: str) -> None:
    data = f"From: {author}\r\n\r\nhi\r\n".encode()
    assert domain(prefix(data, address=sender)) == signed


def test_mail_that_is_passed_on_is_sealed_and_not_signed() -> None:
    data = authres.field(HOSTNAME, [Result("spf", "pass")]) + MESSAGE
    made = prefix(data, local=False, address="SRS0=x=y=z@far.example")
    assert made.startswith(b"ARC-Seal: i=1; a=rsa-sha256; cv=none;\r\n\td=far.example;")
    assert b"DKIM" not in made
    assert dkim.ARC(made + data).verify(dnsfunc=lookup(FAR))[0] == b"pass"
    assert domain(prefix(data, local=False, address="x@other.example")) == "example.org"
    assert prefix(MESSAGE, local=False) == b""


def test_both_can_be_switched_off() -> None:
    data = authres.field(HOSTNAME, [Result("spf", "pass")]) + MESSAGE
    off = DkimSettings(sign=False, seal=False)
    assert prefix(data, settings=off) == b""
    assert prefix(data, settings=off, local=False) == b""


def test_a_long_message_is_read_once_and_in_pieces() -> None:
    message = Pieces(MESSAGE + b"line\r\n" * 200_000)
    assert run(departures().prefix(queued(), message))
    assert message.reads[0][0] == 0
    assert all(stop - start <= PIECE for start, stop in message.reads)
    ends = [stop for _, stop in message.reads]
    assert [start for start, _ in message.reads[1:]] == ends[:-1]
    assert ends[-1] == message.size


def test_a_header_without_an_end_leaves_as_it_is() -> None:
    message = Pieces(b"From: ann@example.org\r\nX: " + b"x" * (HEADER + PIECE))
    assert run(departures().prefix(queued(), message)) == b""
    assert message.reads[-1][1] <= HEADER + PIECE
