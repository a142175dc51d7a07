"""Who may send where: relay domains, then users with that right, then networks; in this order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.relays import Relays
from mailhub.model.account import Sending, Service
from mailhub.model.envelope import ForwardPath, ReversePath
from mailhub.model.errors import (
    AlreadyExists,
    InUse,
    Invalid,
    NotFound,
    NotPermitted,
    Unavailable,
)
from tests.support import run
from tests.world import ACTOR, World, world

JOE, ELSEWHERE = "joe@example.org", "you@elsewhere.example"


@pytest.fixture
def here() -> World:
    made = world()
    run(made.domains.add("relay.example", ACTOR, relay=True))
    return made


def may(here: World, sending: Sending | None, relay: bool, recipient: str) -> bool:
    principal = None
    if sending is not None:
        account = run(here.accounts.by_name(JOE))
        run(here.accounts.update(replace(account, sending=sending), ACTOR))
        principal = here.principal(JOE)
    try:
        found = run(here.intake.recipient(ForwardPath(recipient), principal, relay))
    except NotPermitted:
        return False
    assert found.resolution.remote == (recipient,)
    return True


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("sending", [None, *Sending])
def test_anybody_may_send_to_a_relay_domain(
    here: World, sending: Sending | None, relay: bool
) -> None:
    assert may(here, sending, relay, "whoever@relay.example")


@pytest.mark.parametrize(
    ("sending", "relay", "allowed"),
    [
        (None, False, False),
        (None, True, True),
        (Sending.LOCAL, False, False),
        (Sending.LOCAL, True, True),
        (Sending.OWN, False, True),
        (Sending.ANY, False, True),
    ],
)
def test_other_servers_are_for_users_with_the_right_and_trusted_clients(
    here: World, sending: Sending | None, relay: bool, allowed: bool
) -> None:
    assert may(here, sending, relay, ELSEWHERE) is allowed


def test_everybody_may_send_to_people_here(here: World) -> None:
    account = run(here.accounts.by_name(JOE))
    run(here.accounts.update(replace(account, sending=Sending.LOCAL), ACTOR))
    found = run(here.intake.recipient(ForwardPath(JOE), here.principal(JOE), False))
    assert found.resolution.accounts


@pytest.mark.parametrize(
    ("sending", "sender", "allowed"),
    [
        (Sending.LOCAL, JOE, True),
        (Sending.LOCAL, "printer@example.org", False),
        (Sending.OWN, "printer@example.org", False),
        (Sending.ANY, "printer@example.org", True),
        (Sending.ANY, ELSEWHERE, True),
    ],
)
def test_as_whom_a_user_may_write(
    here: World, sending: Sending, sender: str, allowed: bool
) -> None:
    account = run(here.accounts.by_name(JOE))
    run(here.accounts.update(replace(account, sending=sending), ACTOR))
    principal = here.principal(JOE)
    envelope = here.envelope(JOE, sender=sender, principal=principal, service=Service.SUBMISSION)
    recipient = run(here.intake.recipient(ForwardPath(JOE), principal, False))

    def send() -> None:
        run(here.intake.sender(ReversePath(sender), principal))

    def write() -> None:
        spool = here.intake.spool(envelope)
        spool.write(f"From: {sender}\r\n\r\nhi\r\n".encode())
        run(here.intake.accept(envelope, [recipient], spool))

    for act in (send, write):
        if allowed:
            act()
        else:
            with pytest.raises(NotPermitted):
                act()


def test_a_change_of_the_right_counts_at_once(here: World) -> None:
    assert may(here, Sending.OWN, False, ELSEWHERE)
    assert not may(here, Sending.LOCAL, False, ELSEWHERE)


# -- relay domains


def test_no_address_stands_in_a_relay_domain(here: World) -> None:
    joe = here.people[JOE].number
    with pytest.raises(Invalid):
        run(here.addresses.create("joe@relay.example", ACTOR, account=joe))
    assert not run(here.addresses.is_local("relay.example"))
    with pytest.raises(NotFound):
        run(here.addresses.resolve("joe@relay.example"))


def test_a_domain_in_use_cannot_become_one(here: World) -> None:
    local = run(here.domains.get("example.org"))
    with pytest.raises(InUse):
        run(here.domains.update(replace(local, relay=True), ACTOR))
    run(here.domains.add("one.example", ACTOR))
    run(here.domains.add("two.example", ACTOR, alias_of="one.example"))
    with pytest.raises(InUse):
        run(here.domains.update(replace(run(here.domains.get("one.example")), relay=True), ACTOR))


def test_an_empty_one_can_and_back_again(here: World) -> None:
    made = run(here.domains.add("empty.example", ACTOR))
    assert run(here.addresses.is_local("empty.example"))
    run(here.domains.update(replace(made, relay=True), ACTOR))
    assert not run(here.addresses.is_local("empty.example"))
    assert run(here.addresses.is_relayed("a@empty.example"))
    run(here.domains.update(replace(made, relay=False), ACTOR))
    assert run(here.addresses.is_local("empty.example"))


@pytest.mark.parametrize("more", [{"catch_all": "a@relay.example"}, {"alias_of": "example.org"}])
def test_a_relay_domain_has_neither_catch_all_nor_alias(here: World, more: dict[str, str]) -> None:
    with pytest.raises(Invalid) as raised:
        run(here.domains.add("more.example", ACTOR, relay=True, **more))  # type: ignore[arg-type]
    assert raised.value.field == "relay"
    with pytest.raises(Invalid):
        run(here.domains.add("more.example", ACTOR, alias_of="relay.example"))


def test_an_alias_into_a_relay_domain_goes_on(here: World) -> None:
    run(here.addresses.create("out@example.org", ACTOR, targets=["x@relay.example"]))
    assert run(here.addresses.resolve("out@example.org")).remote == ("x@relay.example",)


# -- networks


def test_networks_come_and_go(here: World) -> None:
    relays = Relays(here.store, ("192.0.2.0/24",))

    def inside(address: str) -> bool:
        run(relays.refresh())
        return address in relays

    assert inside("192.0.2.9")
    assert not inside("198.51.100.7")
    assert run(relays.allow(" 198.51.100.7", ACTOR)) == "198.51.100.7/32"
    assert run(relays.allow("2001:DB8::/32", ACTOR)) == "2001:db8::/32"
    assert inside("198.51.100.7")
    assert inside("2001:db8::9")
    assert inside("192.0.2.9")
    assert list(run(relays.all())) == ["198.51.100.7/32", "2001:db8::/32"]
    with pytest.raises(AlreadyExists):
        run(relays.allow("2001:db8::/32", ACTOR))
    run(relays.disallow("198.51.100.7/32", ACTOR))
    assert not inside("198.51.100.7")
    with pytest.raises(NotFound):
        run(relays.disallow("198.51.100.7", ACTOR))


@pytest.mark.parametrize("network", ["", "x", "192.0.2.1/24", "192.0.2.0/33", "unix"])
def test_what_is_no_network(here: World, network: str) -> None:
    for act in (here.relays.allow, here.relays.disallow):
        with pytest.raises(Invalid) as raised:
            run(act(network, ACTOR))
        assert raised.value.field == "network"


def test_a_look_that_failed_is_made_again(here: World) -> None:
    relays = Relays(here.store)
    run(relays.allow("198.51.100.7", ACTOR))
    asked = []
    networks = here.store.routes.networks

    async def failing() -> list[str]:
        asked.append(1)
        raise Unavailable

    here.store.routes.networks = failing  # type: ignore[method-assign,assignment]
    with pytest.raises(Unavailable):
        run(relays.refresh())
    here.store.routes.networks = networks  # type: ignore[method-assign]
    run(relays.refresh())
    assert "198.51.100.7" in relays
    assert asked == [1]
