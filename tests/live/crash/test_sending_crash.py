"""The crash loop of sending: its oracle, and a few cycles of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.crash import sending
from tests.live.crash.counting import NEVER, Taken
from tests.live.crash.departures import Kill, Promise, Verdict, judge

PROMISE = Promise("m1", "w0@crash.test", ["ok-1@d0.example.net"], accepted=True)
KEY = ("m1", "ok-1@d0.example.net")
REFUSED = Promise("m2", "w0@crash.test", ["never-2@d0.example.net"], accepted=True)


def judged(taken: list[Taken], *kills: Kill, recorded: int = 1) -> Verdict:
    return judge([PROMISE], {KEY: taken}, {}, {KEY[1]: recorded}, kills)


def test_one_delivery_is_right() -> None:
    assert judged([Taken(1.0, 1.1)]) == Verdict(delivered=1)


@pytest.mark.parametrize(
    ("first", "kill", "cause"),
    [
        (Taken(1.0, NEVER, dropped=True), None, "dropped"),
        (Taken(1.0, NEVER), Kill(1.1, 1.2), "unheard"),
        (Taken(1.0, 1.3), Kill(1.1, 1.2), "unheard"),
        (Taken(1.0, 1.1), Kill(1.15, 1.2), "unrecorded"),
    ],
)
def test_a_second_delivery_has_a_cause(first: Taken, kill: Kill | None, cause: str) -> None:
    verdict = judged([first, Taken(4.0, 4.1)], *([kill] if kill else []))
    assert verdict.problems == []
    assert getattr(verdict, cause) == 1
    assert verdict.dropped + verdict.unheard + verdict.unrecorded == 1


@pytest.mark.parametrize(
    ("taken", "kills", "recorded"),
    [
        ([], [], 1),
        ([Taken(1.0, 1.1)], [], 0),
        ([Taken(1.0, 1.1)], [], 2),
        ([Taken(1.0, 1.1), Taken(2.0, 2.1)], [], 1),
        ([Taken(1.0, 1.1), Taken(5.0, 5.1)], [Kill(3.0, 3.1)], 1),
        ([Taken(1.0, 1.1), Taken(5.0, 5.1)], [Kill(0.5, 0.6)], 1),
        ([Taken(1.0, 1.1), Taken(2.0, 2.1)], [Kill(1.15, 1.2)], 2),
    ],
)
def test_what_is_wrong_is_seen(taken: list[Taken], kills: list[Kill], recorded: int) -> None:
    assert judged(taken, *kills, recorded=recorded).problems


@pytest.mark.parametrize("times", [0, 2])
def test_a_refused_recipient_is_told_of_once(times: int) -> None:
    key = (REFUSED.identity, REFUSED.recipients[0])
    assert judge([REFUSED], {}, {key: 1}, {}, []) == Verdict(refused=1)
    assert judge([REFUSED], {}, {key: times} if times else {}, {}, []).problems


def test_what_nobody_sent_is_seen() -> None:
    assert judge([], {KEY: [Taken(1.0, 1.1)]}, {}, {}, []).problems


@pytest.mark.crash
@pytest.mark.parametrize("name", list(sending.RUNS))
def test_deaths_lose_and_double_nothing(tmp_path: Path, name: str) -> None:
    tally = sending.run(tmp_path, name, 2, seed=7, every=2)
    assert tally.problems == []
    assert tally.accepted > 3
