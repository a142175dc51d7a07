"""The daily look: who is told, when, and only of what changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailhub.core.administrators import Administrators
from mailhub.core.aliases import Alias, Aliases
from mailhub.core.checkup import Checkup, CheckupMail, changes
from mailhub.core.checkup.telling import DAY, SPREAD, compose
from mailhub.core.leaving import Leaving
from mailhub.model.checkup import Change, Chapter, Light, error, ok, unsure, warning
from mailhub.model.errors import Unavailable
from tests.backing import backups
from tests.certified import certify
from tests.checked import GB, FakeMachine, Memory, checkup
from tests.support import run
from tests.world import ACTOR, HOSTNAME, World, world

JOE = "joe@example.org"
ADMINISTRATOR = f"administrator@{HOSTNAME}"


@dataclass
class House:
    world: World
    machine: FakeMachine
    memory: Memory
    checkup: Checkup
    aliases: Aliases
    on: bool = True

    def mail(self) -> CheckupMail:
        """As a process that was just started has it."""
        here = self.world
        parts = (self.checkup, self.aliases, here.intake, self.memory, here.clock, here.randomness)
        return CheckupMail(*parts, here.log, HOSTNAME, on=self.on)

    def day(self) -> int:
        """How many messages a day brought."""
        before = self.count()
        self.world.clock.advance(DAY + SPREAD)
        run(self.mail().round())
        return self.count() - before

    def count(self) -> int:
        account = run(self.world.accounts.get(self.world.people[JOE].number))
        return account.used_messages


@pytest.fixture
def house() -> House:
    here, machine, memory = world(people=(JOE,)), FakeMachine(), Memory()
    leaving = Leaving(here.accounts, Administrators(here.accounts), here.domains)
    aliases = Aliases(here.addresses, here.domains, leaving, HOSTNAME)
    looks = checkup(here, machine, certify(here), backups(here.clock, here.log), memory=memory)
    return House(here, machine, memory, looks, aliases)


def named(house: House) -> None:
    run(house.aliases.put(Alias(ADMINISTRATOR, (JOE,)), ACTOR, update=True))


def test_nobody_is_told_while_nobody_is_named(house: House) -> None:
    assert house.day() == 0
    assert house.memory.kept is None


def test_the_first_time_everything_is_new_and_nothing_is_told(house: House) -> None:
    named(house)
    assert house.day() == 0
    assert house.memory.kept["known"]["System"]["disk"][0] == "ok"


def test_only_changes_are_told_and_once(house: House) -> None:
    named(house)
    house.day()
    assert house.day() == 0
    house.machine.free = 5 * GB
    assert house.day() == 1
    assert house.day() == 0, "every day() is another process: what was told outlives it"
    house.machine.free = 50 * GB
    assert house.day() == 1
    assert house.day() == 0


def test_it_can_be_switched_off(house: House) -> None:
    named(house)
    house.day()
    house.machine.free, house.on = 5 * GB, False
    assert house.day() == 0
    house.on = True
    assert house.day() == 1


def test_it_looks_once_a_day_and_each_day_at_another_time(house: House) -> None:
    named(house)
    due = set()
    for _ in range(4):
        house.day()
        kept = house.memory.kept
        assert abs(kept["next"] - kept["at"] - DAY) <= SPREAD / 2
        due.add(kept["next"] - kept["at"])
        house.world.clock.advance(DAY // 2)
        run(house.mail().round())
        assert house.memory.kept is kept
    assert len(due) > 1


def test_a_clock_that_was_wrong_does_not_silence_it(house: House) -> None:
    named(house)
    house.day()
    house.world.clock.step(-300 * DAY)
    house.machine.free = 5 * GB
    assert house.day() == 1


def test_a_dns_that_is_away_is_no_news(house: House) -> None:
    named(house)
    house.world.resolver.set("example.org", "MX", [(10, HOSTNAME)])
    house.day()
    house.world.resolver.set("example.org", "MX", Unavailable("SERVFAIL"))
    assert house.day() == 0
    house.world.resolver.set("example.org", "MX", [(10, "far.example")])
    assert house.day() == 1


def test_what_could_not_be_told_is_told_later(house: House) -> None:
    named(house)
    house.day()
    house.machine.free = 5 * GB
    accept = house.world.intake.accept

    async def full(*_: object) -> None:
        raise Unavailable("away")

    house.world.intake.accept = full  # type: ignore[method-assign,assignment]
    assert house.day() == 0
    house.world.intake.accept = accept  # type: ignore[method-assign]
    before = house.count()
    run(house.mail().round())
    assert house.count() == before + 1


# -- what changed


def look(*findings: object, at: int = 5, title: str = "a.example") -> Chapter:
    return Chapter(title, findings, at)  # type: ignore[arg-type]


BEFORE = {"a.example": {"mx": ("error", "MX is bad"), "spf": ("ok", "SPF is good")}}


@pytest.mark.parametrize(
    ("chapter", "news"),
    [
        (look(error("mx", "MX is still bad", "x"), ok("spf", "")), []),
        (look(ok("mx", "good"), ok("spf", "")), [("mx", "error", "ok")]),
        (look(warning("mx", "so so", "x"), ok("spf", "")), [("mx", "error", "warning")]),
        (look(unsure("mx", "?"), ok("spf", "")), []),
        (look(ok("spf", "")), [("mx", "error", "ok")]),
        (look(unsure("all", "?")), []),
        (look(error("mx", "", ""), error("new", "", "")), [("new", "ok", "error")]),
        (look(ok("two", ""), error("two", "", ""), error("mx", "", "")), [("two", "ok", "error")]),
        (look(at=0), []),
        (look(warning("b", "", ""), title="b.example"), [("b", "ok", "warning")]),
    ],
)
def test_what_is_news(chapter: Chapter, news: list[tuple[str, str, str]]) -> None:
    found = changes.changes(BEFORE, [chapter])  # type: ignore[arg-type]
    assert [(one.what, one.before.value, one.now.value) for one in found] == news
    kept = changes.remembered([chapter], BEFORE)  # type: ignore[arg-type]
    assert changes.changes(kept, [chapter]) == [], "it is told once"


@pytest.mark.parametrize(
    "kept", [None, 3, [], {"a": 1}, {"a": {"b": ["purple", "x"]}}, {"a": {"b": 1}}]
)
def test_what_was_kept_may_be_damaged(kept: object) -> None:
    assert not any(changes.read(kept).values())


def test_the_words_say_what_is_new_what_to_do_and_what_is_mended() -> None:
    news = [
        Change("b.example", "mx", Light.OK, Light.ERROR, "MX\r\nX: y", "Mend it."),
        Change("System", "disk", Light.ERROR, Light.OK, "There is room."),
    ]
    head, _, body = compose(news, "x@h", "h", 0).decode().partition("\r\n\r\n")
    assert "Auto-Submitted: auto-generated" in head
    assert "Subject: What changed on h: 1 worse, 1 well again" in head
    assert body.split("\r\n") == [
        *("System", "", "- [well again] There is room.", ""),
        *("b.example", "", "- [wrong] MX X: y", "  Mend it.", ""),
    ]


def test_a_message_does_not_grow_without_end() -> None:
    news = [Change(f"d{n}.example", "mx", Light.OK, Light.ERROR, "x" * 2000) for n in range(600)]
    lines = compose(news, "x@h", "h", 0).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert b"And 100 more: see the status page." in lines
