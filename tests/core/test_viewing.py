"""One message as people see it: long texts in a worker, and what is shown where that gives up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mailhub.core.listing import Listings, intro
from mailhub.core.viewing import FALLBACK, Address, View, Views
from mailhub.model.errors import MailhubError, NotFound, TooLarge, Unavailable
from mailhub.net import chores
from tests.support import run
from tests.world import DOMAIN, HOSTNAME, World, world

JOE = f"joe@{DOMAIN}"
LONG = b"Content-Type: text/html\r\n\r\n" + b"<p>word</p>\r\n" * 2000 + b"<script>x</script>"


class Worker:
    """`ports.Workers` in this process; or one that fails."""

    def __init__(self, fails: type[MailhubError] | None = None) -> None:
        self.fails = fails
        self.asked: list[int] = []

    async def run(self, task: str, data: bytes, given: Mapping[str, Any], seconds: float) -> bytes:
        self.asked.append(len(data))
        if self.fails is not None:
            raise self.fails
        return chores.TASKS[task](data, json.loads(json.dumps(given)))


def view(here: World, worker: Worker, message: bytes) -> View:
    arrival = here.deliver(JOE, message)
    reading = here.mailroom.messages.reading
    listings = Listings(here.store, here.clock)
    views = Views(here.store, listings, reading, here.clock, worker, HOSTNAME)
    return run(views.view(Address(arrival.account, arrival.mailbox, arrival.uid)))


def test_long_texts_go_to_a_worker() -> None:
    worker = Worker()
    shown = view(world(), worker, LONG)
    assert worker.asked
    assert shown.html[0].count("<p>word</p>") == 2000
    assert "script" not in shown.html[0]
    assert shown.text.split() == ["word"] * 2000


def test_short_texts_do_not() -> None:
    worker = Worker()
    assert view(world(), worker, b"Content-Type: text/html\r\n\r\n<p>x").html == ["<p>x</p>"]
    assert not worker.asked


@pytest.mark.parametrize("kind", [TooLarge, Unavailable])
def test_what_cannot_be_converted_is_shown_as_its_beginning(kind: type[MailhubError]) -> None:
    shown = view(world(), Worker(kind), LONG)
    assert 0 < len(shown.text) <= FALLBACK
    assert set(shown.text.split()) <= {"word", "wor", "wo", "w"}
    assert "<script" not in shown.html[0]
    plain = view(world(), Worker(kind), b"\r\n" + b"a<b>\r\n" * 4000)
    assert "<b>" not in plain.html[0]


def test_a_message_that_is_gone() -> None:
    here = world()
    joe = here.people[JOE]
    for at in (Address(joe.number, 1, 9), Address(joe.number, 0, 9)):
        with pytest.raises(NotFound):
            run(here.mailroom.views.view(at))
        with pytest.raises(NotFound):
            run(here.mailroom.views.source(at))


@pytest.mark.parametrize(
    ("preview", "shown"),
    [
        ("short", "short"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "x" * 128 + "…"),
        ("word " * 40, ("word " * 25).rstrip() + "…"),
        ("a " + "x" * 200, "a " + "x" * 126 + "…"),
    ],
)
def test_introductions_end_between_words(preview: str, shown: str) -> None:
    assert intro(preview) == shown
