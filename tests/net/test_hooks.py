"""Hooks as they are reached: over HTTP, and as functions of installed packages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from mailhub.model.errors import Invalid
from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookResult, HookStage
from mailhub.model.settings import HookSettings
from mailhub.net import hooks as net_hooks
from mailhub.net.hooks import ANSWER, PENDING, ServerHooks
from tests.fakes import ListLog

pytestmark = pytest.mark.thorough

URL = "http://hook.test/ask"
RCPT = HookFacts(stage=HookStage.RCPT, sender="a@b.example", recipients=("c@d.example",))
ACCEPTED = HookAnswer()
DEFERRED = HookAnswer(HookAction.DEFER)


@dataclass
class Asked(Resource):
    """A server's resource. `answers`: (status, body), in turn; without one it says nothing."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)
    isLeaf = True

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def render(self, request: Request) -> int | bytes:
        assert request.content is not None
        self.bodies.append(json.loads(request.content.read()))
        kept = ("content-type", "host")
        self.headers.append({name: str(request.getHeader(name)) for name in kept})
        self.open.append(request)
        if not self.answers:
            return NOT_DONE_YET
        status, body = self.answers.pop(0)
        request.setResponseCode(status)
        request.responseHeaders.setRawHeaders("location", ["http://hook.test/elsewhere"])
        return body


@dataclass
class Bench:
    """Hooks over a server in memory, with a clock of the test's."""

    settings: tuple[HookSettings, ...]
    server: Asked = field(default_factory=Asked)
    clock: Clock = field(default_factory=Clock)
    log: ListLog = field(default_factory=ListLog)

    def __post_init__(self) -> None:
        client: Any = StubTreq(self.server)  # type: ignore[no-untyped-call]
        self.hooks = ServerHooks(self.settings, self.clock, self.log, client)
        self.client = client

    def begin(self, facts: HookFacts = RCPT) -> list[HookAnswer]:
        """Asks; the answer is put into the list when it comes."""
        got: list[HookAnswer] = []
        ensureDeferred(self.hooks.ask(facts)).addCallback(got.append)
        self.client.flush()
        return got

    def ask(self, facts: HookFacts = RCPT) -> HookAnswer:
        (answer,) = self.begin(facts)
        return answer

    @property
    def reasons(self) -> list[object]:
        return [one["reason"] for one in self.log.named("hook")]


def over_http(*answers: tuple[int, object], on_failure: str = "defer", hooks: int = 1) -> Bench:
    """One hook (or several) at RCPT, and what its server says."""
    settings = HookSettings(stage="rcpt", url=URL, on_failure=on_failure)
    made = Bench((settings,) * hooks)
    made.server.answers = [
        (status, body if isinstance(body, bytes) else json.dumps(body).encode())
        for status, body in answers
    ]
    return made


# -- over HTTP


def test_the_facts_go_out_as_json() -> None:
    bench = over_http((204, b""))
    assert bench.ask() == ACCEPTED
    assert bench.server.bodies == [
        {"stage": "rcpt", "sender": "a@b.example", "recipients": ["c@d.example"]}
    ]
    assert bench.server.headers == [{"content-type": "application/json", "host": "hook.test"}]
    assert bench.log.events == []


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"action": "accept"}, ACCEPTED),
        ({"action": "accept", "text": "fine", "more": [1]}, HookAnswer(HookAction.ACCEPT, "fine")),
        ({"action": "defer"}, DEFERRED),
        ({"action": "defer", "text": "soon"}, HookAnswer(HookAction.DEFER, "soon")),
        ({"action": "reject", "text": "nein – né"}, HookAnswer(HookAction.REJECT, "nein – né")),
    ],
)
def test_answers(body: object, answer: HookAnswer) -> None:
    expected = answer if answer.action is not HookAction.ACCEPT else ACCEPTED
    assert over_http((200, body)).ask() == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"action": "accept"}),
        (404, b"not here"),
        (302, b""),
        (201, {"action": "accept"}),
        (200, b""),
        (200, b"accept"),
        (200, b"\xff"),
        (200, ["accept"]),
        (200, {}),
        (200, {"action": "accepted"}),
        (200, {"action": None}),
        (200, {"action": ["accept"]}),
        (200, {"action": "reject", "text": 1}),
        (200, {"action": "reject", "text": "x" * ANSWER}),
    ],
)
@pytest.mark.parametrize(("on_failure", "answer"), [("defer", DEFERRED), ("accept", ACCEPTED)])
def test_what_is_no_answer(status: int, body: object, on_failure: str, answer: HookAnswer) -> None:
    bench = over_http((status, body), on_failure=on_failure)
    assert bench.ask() == answer
    ((_, event),) = bench.log.events
    assert event["outcome"] == "failed"
    assert (event["stage"], event["hook"]) == ("rcpt", URL)
    assert len(str(event["reason"])) <= 200
    assert len(bench.server.bodies) == 1


@pytest.mark.parametrize(("on_failure", "answer"), [("defer", DEFERRED), ("accept", ACCEPTED)])
def test_a_server_that_says_nothing(on_failure: str, answer: HookAnswer) -> None:
    settings = HookSettings(stage="rcpt", url=URL, timeout=7, on_failure=on_failure)
    bench = Bench((settings,))
    got = bench.begin()
    bench.clock.advance(6.9)
    assert got == []
    bench.clock.advance(0.2)
    assert got == [answer]
    assert bench.reasons == ["no answer within 7 s"]
    assert bench.clock.getDelayedCalls() == []


def test_the_log_has_no_secrets_of_a_url() -> None:
    url = "https://me:s3cret@hook.test:9000/ask?token=s3cret"
    bench = Bench((HookSettings(stage="rcpt", url=url),))
    bench.server.answers = [(500, b"")]
    bench.ask()
    ((_, event),) = bench.log.events
    assert event["hook"] == "https://hook.test:9000/ask"
    assert "s3cret" not in str(event)


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_that_ends_is_tried_once_more(times: int) -> None:
    """A server that closes what it kept does so just as it is used again."""
    bench = over_http()
    got = bench.begin()
    for number in range(times):
        bench.server.answers = [(204, b"")] if number == 0 and times == 1 else []
        bench.server.open[number].loseConnection()
        bench.client.flush()
    assert got == ([ACCEPTED] if times == 1 else [DEFERRED])
    assert len(bench.server.bodies) == 2
    assert len(bench.reasons) == times - 1


def test_several_hooks_are_asked_in_turn_until_one_objects() -> None:
    accept, reject = {"action": "accept"}, {"action": "reject", "text": "no"}
    bench = over_http((200, accept), (200, reject), (200, accept), hooks=3)
    assert bench.ask() == HookAnswer(HookAction.REJECT, "no")
    assert len(bench.server.bodies) == 2
    bench = over_http((200, accept), (204, b""), (200, accept), hooks=3)
    assert bench.ask() == ACCEPTED
    assert len(bench.server.bodies) == 3


def test_a_stage_without_a_hook() -> None:
    bench = over_http()
    assert bench.hooks.has(HookStage.RCPT)
    assert not bench.hooks.has(HookStage.MAIL)
    assert bench.ask(HookFacts(stage=HookStage.MAIL)) == ACCEPTED
    assert bench.server.bodies == []


# -- what a hook is told


def test_who_is_told_is_not_waited_for() -> None:
    bench = Bench((HookSettings(stage="quit", url=URL, timeout=5),))
    facts = HookFacts(stage=HookStage.QUIT, peer="192.0.2.7")
    for _ in range(PENDING + 10):
        bench.hooks.tell(facts)
    bench.client.flush()
    assert len(bench.server.bodies) == PENDING
    bench.clock.advance(6)
    bench.hooks.tell(facts)
    bench.client.flush()
    assert len(bench.server.bodies) == PENDING + 1


def test_all_that_is_known_of_a_message() -> None:
    text = b"Subject: caf\xc3\xa9 \xff\r\n\r\nbody\r\n"
    facts = HookFacts(
        stage=HookStage.MESSAGE,
        service="submission",
        session="s1",
        peer="192.0.2.7",
        tls="TLSv1.3",
        helo="client.example",
        user="joe@example.org",
        transaction="0123",
        sender="",
        recipients=("a@b.example", "c@d.example"),
        size=len(text),
        message=memoryview(text),
        header_length=text.index(b"body"),
    )
    bench = Bench((HookSettings(stage="message", url=URL),))
    bench.server.answers = [(204, b"")]
    bench.ask(facts)
    assert bench.server.bodies == [
        {
            "stage": "message",
            "service": "submission",
            "session": "s1",
            "peer": "192.0.2.7",
            "tls": "TLSv1.3",
            "helo": "client.example",
            "user": "joe@example.org",
            "transaction": "0123",
            "sender": "",
            "recipients": ["a@b.example", "c@d.example"],
            "size": len(text),
            "header": "Subject: café �\r\n\r\n",
        }
    ]


def test_all_that_is_known_of_a_delivery() -> None:
    facts = HookFacts(
        stage=HookStage.DELIVERED,
        transaction="0123",
        sender="a@b.example",
        recipients=("c@d.example",),
        size=10,
        entries=(7,),
        host="mx.d.example",
        results=(HookResult("c@d.example", 250, "2.0.0", "Ok"),),
    )
    assert facts.as_json() == {
        "stage": "delivered",
        "transaction": "0123",
        "sender": "a@b.example",
        "recipients": ["c@d.example"],
        "size": 10,
        "entries": [7],
        "host": "mx.d.example",
        "results": [{"recipient": "c@d.example", "code": 250, "status": "2.0.0", "text": "Ok"}],
    }


def test_a_long_header_is_cut() -> None:
    text = b"X: " + b"x" * 100_000 + b"\r\n\r\nbody"
    facts = HookFacts(
        stage=HookStage.MESSAGE, message=memoryview(text), header_length=len(text) - 4
    )
    assert len(str(facts.as_json()["header"])) == 64 * 1024


# -- functions


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    """A hook at RCPT that a package brings."""

    def make(function: object, *, on_failure: str = "defer") -> Bench:
        class Point(EntryPoint):
            def load(self) -> Any:
                return function

        points = EntryPoints([Point("ours", "somewhere:hook", net_hooks.GROUP)])
        monkeypatch.setattr(net_hooks, "entry_points", points.select)
        return Bench((HookSettings(stage="rcpt", entry="ours", on_failure=on_failure),))

    return make


async def _soon(answer: object) -> object:
    return answer


@pytest.mark.parametrize(
    "given",
    [
        lambda facts: HookAnswer(HookAction.REJECT, facts.recipients[0]),
        lambda facts: _soon(HookAnswer(HookAction.REJECT, facts.recipients[0])),
        lambda facts: succeed(HookAnswer(HookAction.REJECT, facts.recipients[0])),
    ],
)
def test_a_function_answers_at_once_or_later(installed: Callable[..., Bench], given: Any) -> None:
    assert installed(given).ask() == HookAnswer(HookAction.REJECT, "c@d.example")


@pytest.mark.parametrize("given", [lambda facts: None, lambda facts: _soon(None)])
def test_a_function_without_an_answer_accepts(installed: Callable[..., Bench], given: Any) -> None:
    bench = installed(given)
    assert bench.ask() == ACCEPTED
    assert bench.log.events == []


def _broken(facts: HookFacts) -> HookAnswer:
    raise ZeroDivisionError("of ours")


async def _broken_later(facts: HookFacts) -> HookAnswer:
    raise ZeroDivisionError("of ours")


@pytest.mark.parametrize("given", [_broken, _broken_later, lambda facts: True, "no function"])
@pytest.mark.parametrize(("on_failure", "answer"), [("defer", DEFERRED), ("accept", ACCEPTED)])
def test_a_function_that_fails(
    installed: Callable[..., Bench], given: Any, on_failure: str, answer: HookAnswer
) -> None:
    bench = installed(given, on_failure=on_failure)
    assert bench.ask() == answer
    assert [one["hook"] for one in bench.log.named("hook")] == ["ours"]


def test_a_function_that_waits_too_long_is_cancelled(installed: Callable[..., Bench]) -> None:
    ended: list[object] = []

    def given(facts: HookFacts) -> Deferred[HookAnswer]:
        return Deferred(ended.append)

    bench = installed(given)
    got = bench.begin()
    bench.clock.advance(5.1)
    assert got == [DEFERRED]
    assert bench.reasons == ["no answer within 5 s"]
    assert len(ended) == 1


def test_a_function_sees_the_message_itself(installed: Callable[..., Bench]) -> None:
    seen: list[bytes] = []
    bench = installed(lambda facts: seen.append(bytes(facts.message)))
    bench.ask(replace(RCPT, message=memoryview(b"A: b\r\n\r\nbody")))
    assert seen == [b"A: b\r\n\r\nbody"]


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(Invalid, match="no package offers 'nothing-of-that-name'"):
        Bench((HookSettings(stage="rcpt", entry="nothing-of-that-name"),))
