"""When changes of other processes went by unheard, nothing that is remembered is believed, and
sessions end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from mailhub.core.programs import Programs
from mailhub.core.rulings import Rulings
from mailhub.core.selected import Selections
from mailhub.core.standing import Standing, Standings
from mailhub.model.account import Service
from mailhub.model.change import Change, Missed
from mailhub.model.errors import NotFound
from mailhub.model.filter import Actions, Conditions
from mailhub.model.flags import Flags
from mailhub.model.message import Index
from mailhub.model.settings import StoreSettings
from tests.contract.stores import MESSAGE, TextBody, rendered
from tests.support import run
from tests.world import ACTOR, World, world

JOE = "joe@example.org"
SCRIPT = "keep;"


@pytest.fixture
def here() -> World:
    return world(people=(JOE, "ann@example.org"))


@contextmanager
def unheard(here: World) -> Iterator[None]:
    """What is done meanwhile is heard of as something that was missed."""
    watchers = here.store._watchers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watchers, "tell", lambda changes: None)
        yield
    watchers.tell([Missed()])


def test_where_recipients_lead(here: World) -> None:
    run(here.addresses.create("alias@example.org", ACTOR, targets=(JOE,)))
    assert run(here.addresses.resolve("alias@example.org")).accounts
    with unheard(here):
        found = run(here.addresses.find("alias@example.org"))
        assert found is not None
        run(here.store.addresses.remove(found.number, ACTOR))
        assert run(here.addresses.resolve("alias@example.org")).accounts  # it is remembered
    with pytest.raises(NotFound):
        run(here.addresses.resolve("alias@example.org"))


def test_who_can_take_mail(here: World) -> None:
    standings = Standings(here.store, here.clock, 0)
    joe = here.people[JOE].number
    assert run(standings.of(joe, 1)) is Standing.OPEN
    with unheard(here):
        run(here.store.accounts.remove(joe, ACTOR))
        assert run(standings.of(joe, 1)) is Standing.OPEN
    assert run(standings.of(joe, 1)) is Standing.SHUT


def test_filters_and_scripts_of_accounts(here: World) -> None:
    rulings, programs = Rulings(here.store), Programs(here.store, here.clock, {})
    joe = here.people[JOE]
    run(rulings.begin())
    run(programs.begin())
    with unheard(here):
        conditions, actions = Conditions(subject="x"), Actions(seen=True)
        run(here.filters.create(joe, "x", conditions, actions, ACTOR))
        run(here.scripts.put(joe.number, "s", SCRIPT, ACTOR))
        run(here.scripts.activate(joe.number, "s", ACTOR))
        assert not rulings.concern(joe.number)
        assert not programs.concern(joe.number)
    run(rulings.begin())
    run(programs.begin())
    assert rulings.concern(joe.number)
    assert programs.concern(joe.number)
    assert not run(rulings.of(joe.number)).empty
    assert run(programs.of(joe.number)) is not None
    with unheard(here):
        run(here.scripts.activate(joe.number, "", ACTOR))
    assert run(programs.of(joe.number)) is None


def test_networks_that_may_relay(here: World) -> None:
    run(here.relays.refresh())
    with unheard(here):
        run(here.relays.allow("192.0.2.0/24", ACTOR))
    run(here.relays.refresh())
    assert "192.0.2.7" in here.relays


def test_open_sessions_end_and_others_are_told(here: World) -> None:
    ended: list[str] = []
    heard: list[Change] = []
    here.watch.login(here.principal(JOE, Service.IMAP), ended.append)
    here.watch.login(here.principal("ann@example.org", Service.IMAP), ended.append)
    here.watch.subscribe(here.people[JOE].number, heard.extend)
    with unheard(here):
        assert ended == []
    assert ended == ["The server lost touch with what others changed"] * 2
    assert heard == [Missed()]
    assert here.watch.logins.of_account(here.people[JOE].number) == []


def test_selected_mailboxes_are_read_again(here: World) -> None:
    selections = Selections(here.store, here.watch, StoreSettings())
    account = here.people[JOE].number
    inbox = run(here.mailboxes.get(account, "INBOX"))
    box = run(selections.open(account, inbox.number))
    with unheard(here):
        message = (TextBody(MESSAGE), rendered(), Flags(), 1_700_000_000)
        run(here.store.messages.append(account, inbox.number, [message], ACTOR))
    assert box.gone
    again = run(selections.open(account, inbox.number))
    assert (again is box, list(again.uids)) == (False, [1])
    selections.release(box)
    selections.release(again)


@pytest.mark.parametrize("news", ["missed", "renumbered", "deleted"])
def test_a_mailbox_is_read_again_when_it_became_another_meanwhile(here: World, news: str) -> None:
    selections = Selections(here.store, here.watch, StoreSettings())
    account = here.people[JOE].number
    box = run(here.mailboxes.create(account, "Box", ACTOR))
    messages, read, held = here.store.messages, here.store.messages.index, Deferred[None]()
    readings: list[int] = []

    async def index(*about: int) -> Index:
        found = await read(*about)
        readings.append(len(found.uids))
        await held
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "index", index)
        opened = ensureDeferred(selections.open(account, box.number))
        if news == "deleted":
            run(here.mailboxes.remove(account, "Box", ACTOR))
        else:
            with unheard(here) if news == "missed" else nullcontext():
                message = (TextBody(MESSAGE), rendered(), Flags(), 1_700_000_000)
                run(messages.append(account, box.number, [message], ACTOR))
            if news == "renumbered":
                run(here.mailboxes.renumber(account, ACTOR))
        held.callback(None)
    if news == "deleted":
        with pytest.raises(NotFound):
            run(opened)
    else:
        found = run(opened)
        assert (readings, list(found.uids)) == ([0, 1], [1])
        selections.release(found)


def test_keys_that_sign(here: World) -> None:
    domain = "example.org"
    run(here.keys.enable(domain, ACTOR))
    assert run(here.keys.signers(domain))
    with unheard(here):
        selectors = [key.selector for key in run(here.keys.all(domain))]
        run(here.store.dkim_keys.remove(domain, selectors, ACTOR))
        assert run(here.keys.signers(domain))
    assert not run(here.keys.signers(domain))
