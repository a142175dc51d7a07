"""What the journal forgets, and what it keeps although it is old."""

from __future__ import annotations

import json

import pytest

from mailhub.core.forgetting import DAY, Forgetting
from mailhub.model.event import Place
from mailhub.model.settings import JournalSettings
from mailhub.model.webhook import Webhook
from mailhub.store.journal import STEP
from tests.support import run
from tests.world import ACTOR, World, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
MAIL = b"Subject: x\r\n\r\n"


@pytest.fixture
def here() -> World:
    made = world(people=(JOE,))
    for _ in range(10):
        made.deliver(JOE, MAIL)
    return made


def numbers(here: World) -> list[int]:
    rows = here.store.database.execute("SELECT number FROM journal ORDER BY number").fetchall()
    return [row[0] for row in rows]


def sweep(here: World, keep: int = 30) -> None:
    run(Forgetting(here.store, here.clock, JournalSettings(keep=keep)).sweep())


def test_what_is_young_stays(here: World) -> None:
    before = numbers(here)
    here.clock.advance(29 * DAY)
    sweep(here)
    assert numbers(here) == before


def test_what_is_old_goes_but_for_the_last_row(here: World) -> None:
    """Numbers of the journal stand in keys of contents: none may be given twice."""
    last = numbers(here)[-1]
    here.clock.advance(31 * DAY)
    sweep(here)
    assert numbers(here) == [last]
    here.deliver(JOE, MAIL)
    assert numbers(here)[-1] > last
    sweep(here)
    assert numbers(here) == [last + 1, last + 2], "where it went, and whence it came"


def test_everything_stays_where_nothing_is_to_be_forgotten(here: World) -> None:
    before = numbers(here)
    here.clock.advance(1000 * DAY)
    sweep(here, keep=0)
    assert numbers(here) == before


def test_what_a_webhook_was_not_told_stays(here: World) -> None:
    order = Webhook(id="0" * 24, types=("*",), url="https://a.example/", secret="x", created=0)
    hook = run(here.store.webhooks.add(order, ACTOR))
    run(here.store.webhooks.replay(hook.number, Place(5), ACTOR))
    here.clock.advance(31 * DAY)
    sweep(here)
    assert numbers(here)[0] == 6
    run(here.store.webhooks.remove(hook.number, ACTOR))
    sweep(here)
    assert len(numbers(here)) == 1


def test_tries_of_waiting_mail_stay(here: World) -> None:
    database = here.store.database
    at = int(here.clock.now())
    first = numbers(here)[-1] + 1
    for number, entry in ((first, 7), (first + 1, 8)):
        database.execute(
            "INSERT INTO journal (number, at, kind, modseq, uids, source, detail)"
            " VALUES (?, ?, 'deferred', 0, '', '', ?)",
            (number, at, json.dumps({"entry": entry})),
        )
    database.execute(
        "INSERT INTO queue_entry VALUES"
        " (8, 1, 0, 0, '', 1, 0, 0, 0, 0, 0, 'a@b', '', '', '', '', '', '')"
    )
    here.store.runner._journal = first + 1
    here.clock.advance(31 * DAY)
    here.deliver(JOE, MAIL)
    sweep(here)
    assert numbers(here) == [first + 1, first + 2, first + 3]


def test_many_rows_go_in_steps(here: World) -> None:
    for _ in range(STEP * 2):
        run(here.store.journal.note(None, "login", "", ACTOR))
    here.clock.advance(31 * DAY)
    before = here.clock.pauses
    sweep(here)
    assert len(numbers(here)) == 1
    assert here.clock.pauses - before == 3
