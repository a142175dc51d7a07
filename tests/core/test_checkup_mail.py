"""The daily look: who is told, and only of what changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailhub.core.administrators import Administrators
from mailhub.core.aliases import Alias, Aliases
from mailhub.core.checkup_mail import DAY, CheckupMail, compose
from mailhub.core.leaving import Leaving
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
    mail: CheckupMail
    aliases: Aliases

    def day(self) -> int:
        """How many messages a day brought."""
        before = self.count()
        self.world.clock.advance(DAY)
        run(self.mail.round())
        return self.count() - before

    def count(self) -> int:
        account = run(self.world.accounts.get(self.world.people[JOE].number))
        return account.used_messages


@pytest.fixture
def house() -> House:
    here = world(people=(JOE,))
    machine = FakeMachine()
    leaving = Leaving(here.accounts, Administrators(here.accounts), here.domains)
    aliases = Aliases(here.addresses, here.domains, leaving, HOSTNAME)
    looked = checkup(here, machine, certify(here).provisioning, backups(here.clock, here.log))
    mail = CheckupMail(looked, aliases, here.intake, Memory(), here.clock, here.log, HOSTNAME)
    return House(here, machine, mail, aliases)


def named(house: House) -> None:
    run(house.aliases.put(Alias(ADMINISTRATOR, (JOE,)), ACTOR, update=True))


def test_nobody_is_told_while_nobody_is_named(house: House) -> None:
    assert house.day() == 0
    named(house)
    assert house.day() == 1


def test_only_changes_are_told(house: House) -> None:
    named(house)
    assert house.day() == 1
    assert house.day() == 0
    house.machine.free = 5 * GB
    assert house.day() == 1
    assert house.day() == 0
    house.machine.free = 50 * GB
    assert house.day() == 1


def test_it_looks_once_a_day(house: House) -> None:
    named(house)
    house.day()
    house.machine.free = 5 * GB
    before = house.count()
    house.world.clock.advance(DAY // 2)
    run(house.mail.round())
    assert house.count() == before


def test_the_words_say_what_is_new_and_what_is_mended() -> None:
    data = compose(["a: old", "b: stays"], ["b: stays", "c: new\r\nX: y"], "x@h", "h", 0)
    head, _, body = data.decode().partition("\r\n\r\n")
    assert "Auto-Submitted: auto-generated" in head
    assert body == "New:\r\n\r\n- c: new X: y\r\n\r\nNo longer so:\r\n\r\n- a: old\r\n"
