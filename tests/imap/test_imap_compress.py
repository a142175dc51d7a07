"""COMPRESS=DEFLATE (RFC 4978): both ways, bounded, and the end of a session that cheats."""

from __future__ import annotations

import zlib

import pytest

from mailhub.imap.deflate import Deflate
from mailhub.model.errors import Invalid
from mailhub.net.stream import INPUT_LIMIT
from tests.imap.listener import LOGGED_IN, SELECTED, IMAPListener
from tests.transcript import Conversation
from tests.world import world

pytestmark = pytest.mark.thorough


class Client:
    """The other end of the compressed streams."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.pack = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.unpack = zlib.decompressobj(-15)

    def packed(self, data: bytes) -> bytes:
        return self.pack.compress(data) + self.pack.flush(zlib.Z_SYNC_FLUSH)

    def say(self, data: bytes, piece: int = 0) -> bytes:
        self.conversation.send(self.packed(data), piece)
        return self.heard()

    def heard(self) -> bytes:
        return self.unpack.decompress(self.conversation.read())


def compressed(steps: bytes = SELECTED) -> Client:
    conversation = IMAPListener(world(), steps=steps)()
    conversation.send(b"c COMPRESS DEFLATE\r\n")
    assert conversation.read() == b"c OK DEFLATE active\r\n"
    return Client(conversation)


@pytest.mark.parametrize("piece", [0, 1, 5])
def test_everything_behind_the_answer_is_compressed(piece: int) -> None:
    client = compressed()
    assert client.say(b"a NOOP\r\nb NOOP\r\n", piece) == b"a OK Done\r\nb OK Done\r\n"
    assert client.say(b"c COMPRESS DEFLATE\r\n", piece).startswith(b"c NO [COMPRESSIONACTIVE]")
    assert b"COMPRESS=DEFLATE" not in client.say(b"d CAPABILITY\r\n", piece)
    ended = client.say(b"e LOGOUT\r\n", piece)
    assert ended == b"* BYE Logging out\r\ne OK Goodbye\r\n"
    assert client.conversation.transport.disconnecting


def test_news_during_idle_are_compressed() -> None:
    people = world()
    conversation = IMAPListener(people, steps=SELECTED)()
    conversation.send(b"c COMPRESS DEFLATE\r\n")
    conversation.read()
    client = Client(conversation)
    assert client.say(b"i IDLE\r\n") == b"+ idling\r\n"
    people.deliver("joe@example.org", b"Subject: x\r\n\r\ny\r\n")
    assert client.heard() == b"* 1 EXISTS\r\n* 1 RECENT\r\n"


def test_a_large_upload_is_unpacked_in_steps() -> None:
    client = compressed()
    message = b"Subject: x\r\n\r\n" + b"all work and no play\r\n" * 50_000
    answer = client.say(b"a APPEND INBOX {%d+}\r\n%b\r\nb NOOP\r\n" % (len(message), message))
    assert b"a OK [APPENDUID" in answer
    assert answer.endswith(b"b OK Done\r\n")


def test_a_bomb_costs_one_bounded_step_at_a_time() -> None:
    """Attack: 64 MiB of nothing in 64 KiB. Steps are bounded, and reading pauses meanwhile."""
    client = compressed(LOGGED_IN)
    protocol, transport = client.conversation.protocol, client.conversation.transport
    protocol.dataReceived(client.packed(b"x" * (64 << 20)))
    seen_paused = False
    for _ in range(4000):
        assert protocol.machine.pending <= INPUT_LIMIT  # type: ignore[attr-defined]
        seen_paused = seen_paused or transport.producerState == "paused"
        client.conversation.reactor.advance(0)
        if transport.producerState == "producing":
            break
    assert seen_paused
    assert transport.producerState == "producing"
    assert client.say(b"\r\na NOOP\r\n").endswith(b"a OK Done\r\n")


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff", b"a NOOP\r\n"])
def test_what_is_not_deflate_ends_the_session(junk: bytes) -> None:
    client = compressed()
    client.conversation.send(junk * 100)
    assert client.heard() == b"* BYE The compressed data is damaged\r\n"
    assert client.conversation.transport.disconnecting


def test_an_ended_stream_ends_the_session() -> None:
    deflate = Deflate()
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.receive(pack.compress(b"abc") + pack.flush(zlib.Z_FINISH) + b"more")
    with pytest.raises(Invalid):
        deflate.unpacked(100)


def test_no_step_yields_more_than_it_is_asked_for() -> None:
    deflate = Deflate()
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.receive(pack.compress(b"x" * 100_000) + pack.flush(zlib.Z_SYNC_FLUSH))
    sizes = []
    while data := deflate.unpacked(1000):
        sizes.append(len(data))
    assert sum(sizes) == 100_000
    assert max(sizes) <= 1000
