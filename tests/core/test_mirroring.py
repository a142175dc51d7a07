"""Accounts that follow a directory: one by one, and all of them against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from mailhub.core.directories import MixedDirectory
from mailhub.core.mirroring import MOST_GONE, Mirroring
from mailhub.model.account import Role, Service
from mailhub.model.directory import Entry
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    Conflict,
    NotFound,
    Unavailable,
)
from tests.support import run
from tests.world import ACTOR, PEER, World, world

DOMAIN = "corp.test"
SECRET = "their secret"


def entry(name: str, *more: str, **changes: object) -> Entry:
    made = Entry(f"key-{name}", f"uid={name}", name, name.title(), (f"{name}@{DOMAIN}", *more))
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class FakeEntries:
    """`ports.Entries`. `away`: nobody answers; `asked`: every name that was looked for."""

    people: list[Entry] = field(default_factory=list)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def find(self, name: str) -> Entry | None:
        self.asked.append(name)
        self._there()
        return next((one for one in self.people if name in (one.username, *one.addresses)), None)

    async def get(self, key: str) -> Entry | None:
        self._there()
        return next((one for one in self.people if one.key == key), None)

    async def prove(self, place: str, password: str) -> bool:
        self._there()
        return password == SECRET and any(one.place == place for one in self.people)

    async def all(self) -> Sequence[Entry]:
        self._there()
        return list(self.people)

    def _there(self) -> None:
        if self.away:
            raise Unavailable("The directory is away")


class Corp:
    """A server in memory whose domain corp.test is a directory's."""

    def __init__(self, *people: Entry) -> None:
        self.world: World = world(people=("own@example.org",))
        here = self.world
        self.entries = FakeEntries(list(people))
        self.mirroring = Mirroring(
            self.entries,
            here.store,
            here.accounts,
            here.addresses,
            here.domains,
            here.clock,
            here.log,
            names=(DOMAIN,),
            life=300,
        )
        here.addresses.ask_also(self.mirroring.discover)
        here.login._directory = MixedDirectory(here.directory, self.mirroring)
        run(self.mirroring.settle())

    def login(self, name: str, password: str = SECRET) -> int:
        return run(self.world.login.plain(name, password, PEER, Service.IMAP)).account

    def owner(self, address: str) -> int:
        return run(self.world.addresses.resolve(address)).accounts[0][0]

    def replace(self, before: Entry, after: Entry) -> None:
        self.entries.people[self.entries.people.index(before)] = after


def test_an_entry_is_an_account_from_its_first_login() -> None:
    corp = Corp(entry("joe", f"sales@{DOMAIN}", "joe@elsewhere.test", quota=500, admin=True))
    number = corp.login("joe")
    account = run(corp.world.accounts.get(number))
    assert (account.username, account.address, account.name) == ("joe", f"joe@{DOMAIN}", "Joe")
    assert (account.limits.storage, account.role) == (500, Role.ADMIN)
    assert corp.login(f"sales@{DOMAIN}") == corp.login("JOE") == number
    assert corp.owner(f"sales+x@{DOMAIN}") == number
    with pytest.raises(AuthenticationFailed):
        corp.login("joe", "wrong")
    with pytest.raises(AuthenticationFailed):
        corp.login("joe@elsewhere.test")


def test_mail_finds_who_never_logged_in_even_past_a_catch_all() -> None:
    corp = Corp(entry("joe"))
    here = corp.world
    run(here.domains.take_catch_all(DOMAIN, "own@example.org", ACTOR))
    assert corp.owner(f"anybody@{DOMAIN}") == here.people["own@example.org"].number
    assert corp.owner(f"joe@{DOMAIN}") == corp.login("joe")


def test_nobody_is_looked_for_again_while_what_was_said_is_believed() -> None:
    corp = Corp()
    for _ in range(3):
        with pytest.raises(NotFound):
            run(corp.world.addresses.resolve(f"nobody@{DOMAIN}"))
    assert corp.entries.asked == [f"nobody@{DOMAIN}"]
    corp.world.clock.advance(301)
    corp.entries.people.append(entry("nobody"))
    assert corp.owner(f"nobody@{DOMAIN}")


def test_names_of_other_domains_are_not_asked_about() -> None:
    corp = Corp()
    with pytest.raises(NotFound):
        run(corp.world.addresses.resolve("nobody@example.org"))
    with pytest.raises(AuthenticationFailed):
        corp.login("nobody@example.org")
    assert corp.entries.asked == []


def test_away_it_is_not_known_whether_there_is_somebody() -> None:
    corp = Corp(entry("joe"))
    number = corp.login("joe")
    corp.entries.away = True
    assert corp.owner(f"joe@{DOMAIN}") == number
    with pytest.raises(Unavailable):
        run(corp.world.addresses.resolve(f"ann@{DOMAIN}"))
    with pytest.raises(Unavailable):
        corp.login("joe", "another password")
    corp.world.clock.advance(301)
    assert corp.owner(f"joe@{DOMAIN}") == number


def test_an_account_follows_its_entry_and_keeps_what_people_here_added() -> None:
    joe = entry("joe", f"sales@{DOMAIN}")
    corp = Corp(joe)
    number = corp.login("joe")
    run(corp.world.addresses.create(f"added@{DOMAIN}", ACTOR, account=number))
    after = replace(joe, username="joseph", addresses=(f"joseph@{DOMAIN}",), quota=7)
    corp.replace(joe, after)
    assert run(corp.mirroring.compare()).changed == 1
    account = run(corp.world.accounts.get(number))
    rows = run(corp.world.addresses.of_account(number))
    assert {row.address for row in rows} == {f"joseph@{DOMAIN}", f"added@{DOMAIN}"}
    assert (account.username, account.address, account.limits.storage) == (
        "joseph",
        f"joseph@{DOMAIN}",
        7,
    )
    assert run(corp.mirroring.compare()).changed == 0


def test_locked_there_is_shut_here_and_opened_again() -> None:
    joe = entry("joe")
    corp = Corp(joe)
    corp.login("joe")
    corp.replace(joe, replace(joe, locked=True))
    run(corp.mirroring.compare())
    with pytest.raises(AccountDisabled):
        corp.login("joe")
    corp.replace(corp.entries.people[0], joe)
    run(corp.mirroring.compare())
    assert corp.login("joe")


def test_what_an_administrator_here_shut_stays_shut() -> None:
    joe = entry("joe")
    corp = Corp(joe)
    account = run(corp.world.accounts.get(corp.login("joe")))
    run(corp.world.accounts.update(replace(account, disabled=True), ACTOR))
    corp.replace(joe, replace(joe, name="Other"))
    run(corp.mirroring.compare())
    assert run(corp.world.accounts.get(account.number)).disabled


def test_who_is_gone_there_is_shut_at_the_next_look_or_comparison() -> None:
    corp = Corp(entry("joe"), entry("ann"))
    joe, ann = corp.login("joe"), corp.login("ann")
    corp.entries.people.clear()
    corp.world.clock.advance(301)
    with pytest.raises((AccountDisabled, AuthenticationFailed)):
        corp.login("joe")
    assert run(corp.world.accounts.get(joe)).disabled
    assert run(corp.mirroring.compare()).locked == 1
    assert run(corp.world.accounts.get(ann)).disabled


def test_most_accounts_are_not_shut_by_one_comparison() -> None:
    people = [entry(f"p{number}") for number in range(2 * MOST_GONE + 4)]
    corp = Corp(*people)
    assert run(corp.mirroring.compare()).created == len(people)
    corp.entries.people = people[:2]
    with pytest.raises(Conflict):
        run(corp.mirroring.compare())
    run(corp.mirroring.keep_up())
    assert corp.world.log.named("directory")[-1]["outcome"] == "not-compared"
    assert run(corp.mirroring.compare(force=True)).locked == len(people) - 2


def test_what_others_have_here_is_not_taken_from_them() -> None:
    corp = Corp(entry("joe", f"sales@{DOMAIN}"), entry("own"))
    here = corp.world
    other = here.account(f"sales@{DOMAIN}")
    run(here.accounts.update(replace(here.people["own@example.org"], username="own"), ACTOR))
    found = run(corp.mirroring.compare())
    assert (found.created, [name for name, _ in found.refused]) == (1, ["own"])
    assert corp.owner(f"sales@{DOMAIN}") == other.number
    assert corp.owner(f"joe@{DOMAIN}") == corp.login("joe")


def test_an_account_that_was_removed_here_does_not_come_back_by_itself() -> None:
    corp = Corp(entry("joe"))
    number = corp.login("joe")
    due = int(corp.world.clock.now()) + 1000
    run(corp.world.accounts.remove(number, ACTOR, due=due))
    with pytest.raises(AuthenticationFailed):
        corp.login("joe")
    assert [name for name, _ in run(corp.mirroring.compare()).refused] == ["joe"]
