"""What the process that keeps the index and the server say to each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Thread

import pytest

from mailhub.indexing import line as lines
from mailhub.indexing.line import AwayError, EndedError, Line
from mailhub.model.message import BlobRef


class Pair:
    """A line, and the server's ends of it."""

    def __init__(self) -> None:
        source, self.to = os.pipe()
        self.out, target = os.pipe()
        self.line = Line(source, target)
        self.ends = [source, self.to, self.out, target]

    def say(self, data: bytes) -> None:
        os.write(self.to, data)

    def heard(self) -> bytes:
        return os.read(self.out, 1 << 16)

    def hang_up(self) -> None:
        os.close(self.to)
        self.ends.remove(self.to)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    for end in made.ends:
        os.close(end)


def test_what_is_secret_comes_first(pair: Pair) -> None:
    pair.say(b'{"database": "postgresql://mail:se')
    Thread(target=lambda: pair.say(b'cret@db/mail"}\n')).start()
    assert pair.line.told() == {"database": "postgresql://mail:secret@db/mail"}


def test_the_same_is_said_once(pair: Pair) -> None:
    for what in ("building", "following", "following", "waiting: no\nroom"):
        pair.line.say(what)
    assert pair.heard() == b"building\nfollowing\nwaiting: no room\n"


def test_it_ends_with_the_server(pair: Pair) -> None:
    assert not pair.line.ended(0)
    pair.say(b"\n\n")
    assert not pair.line.ended(0)
    pair.hang_up()
    assert pair.line.ended(0)
    with pytest.raises(EndedError):
        pair.line.bodies([BlobRef(1, 0, 1)])


def test_bodies_come_after_news(pair: Pair) -> None:
    pair.say(b"\n\n3 -1 0\na\nb")
    refs = [BlobRef(7, 0, 3), BlobRef(8, 5, 2), BlobRef(9, 0, 1)]
    assert pair.line.bodies(refs) == [b"a\nb", None, b""]
    assert pair.heard() == b"bodies [[7,0,3],[8,5,2],[9,0,1]]\n"


def test_bodies_may_be_away(pair: Pair) -> None:
    pair.say(b"away\n")
    with pytest.raises(AwayError):
        pair.line.bodies([BlobRef(7, 0, 3)])


def test_long_ones_are_asked_for_in_parts(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server never has more than one part in memory."""
    monkeypatch.setattr(lines, "PIECE", 4)
    pair.say(
        b"2\nab4\ncdef3\nghi-1\n-1\n2\nxy".replace(b"3\nghi-1\n-1\n2\nxy", b"3 1\nghiz-1\n2\nxy")
    )
    refs = [
        BlobRef(1, 0, 2),
        BlobRef(2, 0, 7),
        BlobRef(3, 0, 1),
        BlobRef(4, 0, 4),
        BlobRef(5, 9, 2),
    ]
    assert pair.line.bodies(refs) == [b"ab", b"cdefghi", b"z", None, b"xy"]
    assert pair.heard().splitlines() == [
        b"bodies [[1,0,2]]",
        b"bodies [[2,0,4]]",
        b"bodies [[2,4,3],[3,0,1]]",
        b"bodies [[4,0,4]]",
        b"bodies [[5,9,2]]",
    ]


def test_no_bodies_ask_nothing(pair: Pair) -> None:
    assert pair.line.bodies([]) == []
    assert pair.line.bodies([BlobRef(1, 0, 0)]) == [b""]
