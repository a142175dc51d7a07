"""Aliases: where mail goes, and who writes as them, whatever they stand on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailhub.core.administrators import Administrators
from mailhub.core.aliases import Alias, Aliases
from mailhub.core.leaving import Leaving
from mailhub.model.account import Account, Principal, Role, Service
from mailhub.model.errors import AlreadyExists, InUse, Invalid, NotFound
from tests.support import run
from tests.world import ACTOR, HOSTNAME, World, world

ANN, JOE, EVE = "ann@example.org", "joe@example.org", "eve@example.org"


@dataclass
class House:
    world: World
    aliases: Aliases
    leaving: Leaving
    administrators: Administrators

    def put(self, address: str, *targets: str, senders: tuple[str, ...] = ()) -> bool:
        return run(self.aliases.put(Alias(address, targets, senders), ACTOR, update=True))

    def leads(self, address: str) -> set[str]:
        """Usernames and remote addresses; empty for nowhere."""
        try:
            found = run(self.world.addresses.resolve(address))
        except NotFound:
            return set()
        names = {account.number: name for name, account in self.world.people.items()}
        return {names[number] for number, _ in found.accounts} | set(found.remote)

    def writers(self, address: str) -> set[str]:
        return {
            name
            for name, account in self.world.people.items()
            if run(self.world.addresses.owns(principal(account), address))
        }

    def shown(self) -> dict[str, Alias]:
        return {one.address: one for one in run(self.aliases.all())}


def principal(account: Account) -> Principal:
    return Principal(
        account.number, account.id, account.username, account.role, Service.SUBMISSION, 1
    )


@pytest.fixture
def house() -> House:
    here = world(people=(ANN, JOE, EVE))
    administrators = Administrators(here.accounts)
    leaving = Leaving(here.accounts, administrators, here.domains, frozenset({"example.org"}))
    aliases = Aliases(here.addresses, here.domains, leaving, HOSTNAME)
    return House(here, aliases, leaving, administrators)


def test_an_alias_makes_its_domain_local_and_the_last_one_ends_that(house: House) -> None:
    assert house.put("info@new.example", ANN, "far@remote.example")
    assert house.leads("info@new.example") == {ANN, "far@remote.example"}
    assert run(house.aliases.domains()) == ["example.org", "new.example"]
    run(house.aliases.remove("info@new.example", ACTOR))
    assert not run(house.world.addresses.is_local("new.example"))
    with pytest.raises(NotFound):
        run(house.aliases.remove("info@new.example", ACTOR))


def test_an_alias_takes_the_place_of_the_user_that_it_stands_on(house: House) -> None:
    assert house.put(ANN, JOE)
    assert house.leads(ANN) == {JOE}
    assert house.writers(ANN) == {JOE}
    assert house.shown()[ANN] == Alias(ANN, (JOE,))
    house.put(ANN, JOE, ANN)
    assert house.leads(ANN) == {ANN, JOE}
    assert house.writers(ANN) == {ANN, JOE}
    run(house.aliases.remove(ANN, ACTOR))
    assert (house.leads(ANN), house.writers(ANN)) == ({ANN}, {ANN})
    assert ANN not in house.shown()


def test_users_that_lead_to_each_other_get_nothing(house: House) -> None:
    house.put(ANN, JOE)
    house.put(JOE, ANN)
    assert house.leads(ANN) == set()


def test_who_may_write_is_said_by_the_alias(house: House) -> None:
    house.put("sales@example.org", ANN, senders=(JOE,))
    assert (house.leads("sales@example.org"), house.writers("sales@example.org")) == ({ANN}, {JOE})
    house.put(EVE, senders=(JOE,))
    assert (house.leads(EVE), house.writers(EVE)) == ({EVE}, {JOE})
    house.put("@example.org", ANN, senders=(EVE,))
    assert house.writers("whatever@example.org") == {EVE}
    assert house.writers("sales@example.org") == {JOE}


def test_what_only_sends_takes_no_mail(house: House) -> None:
    house.put("noreply@example.org", senders=(JOE,))
    assert house.leads("noreply@example.org") == set()
    assert house.writers("noreply@example.org") == {JOE}
    house.put("@example.org", EVE)
    assert house.leads("noreply@example.org") == {EVE}


def test_a_domain_may_be_another_name_of_a_second_one(house: House) -> None:
    house.put("@other.example", "@example.org")
    assert house.leads("ann@other.example") == {ANN}
    assert house.writers("ann@other.example") == {ANN}
    house.put("joe@other.example", EVE)
    assert house.leads("joe@other.example") == {EVE}
    assert house.shown()["@other.example"].targets == ("@example.org",)
    house.put("@other.example", JOE)
    assert house.leads("ann@other.example") == {JOE}
    with pytest.raises(Invalid):
        house.put("@other.example", "@nowhere.example")
    run(house.aliases.remove("@other.example", ACTOR))
    assert house.leads("ann@other.example") == set()


def test_required_addresses_stand_below_users_and_above_whole_domains(house: House) -> None:
    house.put("@example.org", JOE)
    assert house.leads("postmaster@example.org") == {JOE}, "nobody was named for them"
    house.put(f"administrator@{HOSTNAME}", EVE)
    for local in ("postmaster", "admin", "abuse", "Admin+tag"):
        assert house.leads(f"{local}@example.org") == {EVE}, local
    assert house.leads("hostmaster@example.org") == {JOE}
    assert house.leads(f"hostmaster@{HOSTNAME}") == {EVE}
    assert house.shown()["abuse@example.org"] == Alias(
        "abuse@example.org", (f"administrator@{HOSTNAME}",), automatic=True
    )
    house.put("abuse@example.org", ANN)
    assert house.leads("abuse@example.org") == {ANN}
    assert not house.shown()["abuse@example.org"].automatic
    with pytest.raises(NotFound):
        run(house.aliases.remove("postmaster@example.org", ACTOR))


def test_an_alias_is_made_once(house: House) -> None:
    house.put("info@example.org", ANN)
    again = Alias("INFO@example.org", (JOE,))
    with pytest.raises(AlreadyExists):
        run(house.aliases.put(again, ACTOR, update=False))
    assert not run(house.aliases.put(again, ACTOR, update=True))
    assert house.leads("info@example.org") == {JOE}


def test_the_last_administrator_stays(house: House) -> None:
    root = house.world.account("root@example.org", role=Role.ADMIN)
    for act in (house.administrators.revoke, house.leaving.leave):
        with pytest.raises(InUse):
            run(act(root, ACTOR))
    assert run(house.world.accounts.get(root.number)).role is Role.ADMIN
    run(house.administrators.grant(house.world.people[ANN], ACTOR))
    run(house.leaving.leave(root, ACTOR))
    assert [one.address for one in run(house.administrators.all())] == [ANN]
