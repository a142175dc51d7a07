"""Webhooks: what is sent, signed how, in which order, how often, and where it goes on."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from hmac import new as hmac
from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.core.webhook_calls import REFUSALS, WebhookCalls
from mailhub.core.webhooks import MOST, Webhooks
from mailhub.model.errors import Invalid, LimitReached, NotFound, Unavailable
from mailhub.model.event import Place
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.settings import WebhookSettings
from mailhub.model.uids import UidSet
from mailhub.model.web import WebRequest
from mailhub.model.webhook import Webhook
from mailhub.net.clock import ReactorClock
from mailhub.net.together import together
from tests.support import run
from tests.web import FakeWeb
from tests.world import ACTOR, World, world

JOE, ANN = "joe@example.org", "ann@example.org"
MAIL = b"From: a@remote.example\r\nSubject: hello\r\n\r\nhi\r\n"
URL = "https://hooks.example/mail"


class Stage:
    """A world whose webhooks are told by a reactor that tests turn."""

    def __init__(self, **settings: Any) -> None:
        self.world: World = world(people=(JOE, ANN))
        self.web = FakeWeb()
        self.settings = WebhookSettings(**settings)
        here = self.world
        self.hooks = Webhooks(here.store, self.web, here.clock, here.ids, here.randomness)
        self.begin()

    def begin(self) -> None:
        """The server starts."""
        self.reactor = Clock()
        self.reactor.advance(self.world.clock.seconds())
        clock = ReactorClock(self.reactor, self.world.clock.now)
        here = self.world
        self.calls = WebhookCalls(here.store, self.web, together, clock, here.log, self.settings)
        run(self.calls.start())

    def end(self, *, crash: bool = False) -> None:
        """The server stops, or is gone at once."""
        if crash:
            self.calls._unhear()  # type: ignore[misc]
            self.calls._told.clear()
        else:
            stopped = Deferred.fromCoroutine(self.calls.stop())
            self.go(10)
            assert stopped.called

    def go(self, seconds: float = 1.0) -> None:
        for _ in range(20):
            self.world.clock.advance(seconds / 20)
            self.reactor.advance(seconds / 20)

    def add(self, *types: str, user: str = "") -> Webhook:
        account = self.world.people[user] if user else None
        return run(self.hooks.add(URL, types or ("*",), account, ACTOR))

    def hook(self) -> Webhook:
        return run(self.hooks.all())[0]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.web.asked]

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.told]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_event_is_posted_and_signed(stage: Stage) -> None:
    hook = stage.add("message.*")
    stage.world.deliver(JOE, MAIL)
    stage.go()
    (request,) = stage.web.asked
    headers = dict(request.headers)
    told = json.loads(request.body)
    assert (request.method, request.url, headers["Content-Type"]) == (
        "POST",
        URL,
        "application/json",
    )
    assert told["data"]["command"] == "EXISTS"
    assert told["data"]["uid"] == 1
    assert told["user"] == stage.world.people[JOE].id
    assert told["ev"] == told["type"] == "message.arrived"
    assert headers["webhook-id"] == f"evt_{told['id']}"
    assert abs(int(headers["webhook-timestamp"]) - stage.world.clock.now()) < 5
    # As Standard Webhooks has it, written out once more.
    key = b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert b64decode(signature) == hmac(key, signed, sha256).digest()
    assert len(key) == 32


def test_secrets_differ(stage: Stage) -> None:
    assert stage.add().secret != stage.add().secret


@pytest.mark.parametrize(
    ("types", "user", "expected"),
    [
        (("*",), "", ["message.arrived", "message.arrived", "message.flagged", "mailbox.created"]),
        (("message.arrived",), JOE, ["message.arrived"]),
        (("message.*",), ANN, ["message.arrived"]),
        (("mailbox.created", "user.created"), "", ["mailbox.created"]),
        (("filter.*",), "", []),
    ],
)
def test_each_is_told_what_it_wants(
    stage: Stage, types: tuple[str, ...], user: str, expected: list[str]
) -> None:
    stage.add(*types, user=user)
    _life(stage)
    stage.go()
    assert sorted(stage.types) == sorted(expected)
    assert [one["type"] for one in stage.told if one["user"] == stage.world.people[JOE].id] == [
        type
        for type in ("message.arrived", "message.flagged", "mailbox.created")
        if type in expected and user != ANN
    ]


def _life(stage: Stage) -> None:
    """Two messages, one flag, one mailbox."""
    here = stage.world
    arrival = here.deliver(JOE, MAIL)
    here.deliver(ANN, MAIL)
    account = here.people[JOE].number
    uids = UidSet.of([(arrival.uid, arrival.uid)])
    run(
        here.store.messages.store_flags(
            account, arrival.mailbox, uids, FlagMode.ADD, Flags(SEEN), ACTOR
        )
    )
    run(here.mailboxes.create(account, "Work", ACTOR))


def test_what_befalls_an_account_is_told_too(stage: Stage) -> None:
    stage.add("user.*", "address.*")
    made = stage.world.account("new@example.org")
    run(stage.world.accounts.set_password(made.number, "another one", ACTOR))
    run(stage.world.accounts.remove(made.number, ACTOR))
    stage.go()
    assert stage.types == [
        "user.created",
        "address.user.created",
        "user.password.changed",
        "address.user.deleted",
        "user.delete.started",
    ]
    assert {one["user"] for one in stage.told} == {made.id}
    assert stage.told[1]["data"]["address"] == "new@example.org"
    assert "secret" not in stage.web.asked[2].body.decode()


def test_second_factors_are_told_by_their_name(stage: Stage) -> None:
    stage.add("mfa.*")
    account = stage.world.people[JOE].number
    detail = '{"what":"on","factor":"totp"}'
    run(stage.world.store.journal.note(account, "factorchanged", detail, ACTOR))
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert stage.types == ["mfa.totp.enabled"]
    assert stage.told[0]["data"] == {"factor": "totp"}


# -- at least once, and in order


def test_one_that_fails_is_asked_again_and_what_follows_waits(stage: Stage) -> None:
    statuses = iter([503, 500, 200])
    stage.web.answer = lambda request: next(statuses, 200)
    stage.add("message.arrived", user=JOE)
    for _ in range(3):
        stage.world.deliver(JOE, MAIL)
    stage.go(0.5)
    assert [one["data"]["uid"] for one in stage.told] == [1]
    assert stage.hook().failure == "It answers 503"
    stage.go(20)
    assert [one["data"]["uid"] for one in stage.told] == [1, 1, 1, 2, 3]
    assert len({dict(one.headers)["webhook-id"] for one in stage.web.asked[:3]}) == 1
    assert stage.hook().failure == ""
    assert stage.hook().failing == 0


def test_pauses_grow_and_the_server_may_ask_for_more(stage: Stage) -> None:
    times: list[float] = []

    def answer(request: WebRequest) -> int:
        times.append(stage.world.clock.now())
        return 500

    stage.web.answer = answer
    stage.add()
    stage.world.deliver(JOE, MAIL)
    for _ in range(60):
        stage.go(2)
    gaps = [round(later - earlier) for earlier, later in pairwise(times)]
    assert gaps[:6] == [1, 2, 5, 10, 30, 60]


def test_one_account_does_not_wait_for_another(stage: Stage) -> None:
    """A refused event holds up its own account, for a while."""
    joe = stage.world.people[JOE].id
    first: list[str] = []

    def answer(request: WebRequest) -> int:
        told = json.loads(request.body)
        return 422 if told["user"] == joe and told["data"]["uid"] == 1 else 200

    stage.web.answer = answer
    stage.add("message.arrived")
    stage.world.deliver(JOE, MAIL)
    stage.world.deliver(ANN, MAIL)
    stage.world.deliver(JOE, MAIL)
    stage.go(0.5)
    ann = stage.world.people[ANN].id
    first = [one["user"] for one in stage.told]
    assert sorted(first) == sorted([joe, ann])
    stage.go(60)
    # Offered some times, then left out; the next one follows, and nothing was told twice.
    joes = [one["data"]["uid"] for one in stage.told if one["user"] == joe]
    assert joes == [1] * REFUSALS + [2]
    assert [one["user"] for one in stage.told].count(ann) == 1
    assert "given-up" in str(stage.world.log.events)


def test_an_event_that_is_too_old_is_left_out() -> None:
    stage = Stage(give_up=600)
    stage.web.answer = lambda request: Unavailable("No answer in 10 s")
    stage.add("message.arrived")
    stage.world.deliver(JOE, MAIL)
    for _ in range(40):
        stage.go(30)
    tries = len(stage.web.asked)
    stage.go(900)
    assert len(stage.web.asked) == tries
    stage.web.answer = lambda request: 200
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert stage.told[-1]["data"]["uid"] == 2


@pytest.mark.parametrize("crash", [False, True])
def test_after_a_restart_it_goes_on(stage: Stage, crash: bool) -> None:
    stage.add("message.arrived")
    stage.world.deliver(JOE, MAIL)
    stage.go()
    stage.end(crash=crash)
    stage.world.deliver(JOE, MAIL)
    stage.world.deliver(JOE, MAIL)
    stage.begin()
    stage.go()
    assert [one["data"]["uid"] for one in stage.told] == [1, 2, 3]


def test_a_stop_in_the_middle_repeats_nothing_that_was_told(stage: Stage) -> None:
    for _ in range(5):
        stage.world.deliver(JOE, MAIL)
    stage.web.answer = lambda request: 200 if len(stage.web.asked) < 4 else 503
    hook = stage.add("message.arrived")
    run(stage.hooks.replay(hook.id, Place(0), ACTOR))
    stage.go()
    stage.end()
    assert stage.hook().failure == "It answers 503"
    stage.web.answer = lambda request: 200
    stage.begin()
    stage.go()
    uids = [one["data"]["uid"] for one in stage.told]
    assert uids[:3] == [1, 2, 3]
    assert uids[uids.index(5) - 1 :] == [4, 5]
    assert uids.count(3) == 1


def test_what_was_under_way_in_a_crash_is_told_again(stage: Stage) -> None:
    waiting: list[Deferred[Any]] = []

    async def ask(request: WebRequest, message: object = None) -> Any:
        stage.web.asked.append(request)
        waiting.append(Deferred())
        return await waiting[-1]

    real, stage.web.ask = stage.web.ask, ask  # type: ignore[method-assign]
    stage.add("message.arrived")
    stage.world.deliver(JOE, MAIL)
    stage.go()
    stage.end(crash=True)
    stage.web.ask = real  # type: ignore[method-assign]
    stage.begin()
    stage.go()
    assert [one["data"]["uid"] for one in stage.told] == [1, 1]


def test_it_can_be_told_again_from_any_place(stage: Stage) -> None:
    hook = stage.add("message.arrived")
    for _ in range(3):
        stage.world.deliver(JOE, MAIL)
    stage.go()
    second = Place.read(stage.told[0]["id"])
    run(stage.hooks.replay(hook.id, second, ACTOR))
    stage.go()
    assert [one["data"]["uid"] for one in stage.told] == [1, 2, 3, 2, 3]
    run(stage.hooks.replay(hook.id, Place(0), ACTOR))
    stage.go()
    assert [one["data"]["uid"] for one in stage.told][5:] == [1, 2, 3]


def test_many_events_in_one_row(stage: Stage) -> None:
    for _ in range(450):
        stage.world.deliver(JOE, MAIL)
    stage.add("message.flagged")
    account = stage.world.people[JOE].number
    inbox = run(stage.world.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    every = UidSet.of([(1, 999)])
    store = stage.world.store.messages.store_flags
    run(store(account, inbox.number, every, FlagMode.ADD, Flags(SEEN), ACTOR))
    stage.go()
    assert [one["data"]["uid"] for one in stage.told] == list(range(1, 451))


# -- making and removing them


@pytest.mark.parametrize(
    ("url", "types", "field"),
    [
        ("http://127.0.0.1/", ("*",), "url"),
        ("https://user@hooks.example/", ("*",), "url"),
        ("file:///etc/passwd", ("*",), "url"),
        (URL, (), "type"),
        (URL, ("Message Arrived",), "type"),
        (URL, ("mess*",), "type"),
        (URL, ("a" * 200,), "type"),
    ],
)
def test_what_cannot_be_one(stage: Stage, url: str, types: tuple[str, ...], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        run(stage.hooks.add(url, types, None, ACTOR))
    assert caught.value.field == field
    assert run(stage.hooks.all()) == []


def test_there_may_be_so_many(stage: Stage) -> None:
    for _ in range(MOST):
        stage.add()
    with pytest.raises(LimitReached):
        stage.add()


def test_one_that_is_removed_is_told_no_more(stage: Stage) -> None:
    hook = stage.add()
    run(stage.hooks.remove(hook.id, ACTOR))
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert stage.told == []
    with pytest.raises(NotFound):
        run(stage.hooks.remove(hook.id, ACTOR))


def test_it_goes_with_its_account(stage: Stage) -> None:
    stage.add("message.arrived", user=JOE)
    everybody = stage.add("message.arrived")
    run(stage.world.accounts.remove(stage.world.people[JOE].number, ACTOR))
    stage.go()
    assert [hook.id for hook in run(stage.hooks.all())] == [everybody.id]
