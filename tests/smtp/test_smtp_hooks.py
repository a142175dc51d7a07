"""What hooks are shown of a session at each stage; what they refuse is in the transcripts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.account import Service
from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookStage
from tests.asked import DEFER, REJECT, FakeHooks, everywhere
from tests.smtp.reception import Reception, said, stored
from tests.transcript import Conversation
from tests.world import PASSWORD, world

JOE = "joe@example.org"
MESSAGE = ("Subject: hello", "", "body", ".")


def told(facts: HookFacts) -> Mapping[str, object]:
    """The facts that are not empty, without what differs from run to run."""
    shown = dict(facts.as_json())
    shown.pop("header", None)
    shown.pop("size", None) if facts.stage is HookStage.MESSAGE else None
    return shown


def test_what_each_stage_knows() -> None:
    hooks = everywhere()
    listener = Reception(world(hooks=hooks), hooks=hooks)
    client = listener.greeted()
    said(client, "MAIL FROM:<a@remote.example> SIZE=100", f"RCPT TO:<{JOE}>")
    said(client, "RCPT TO:<joe+two@example.org>", "DATA")
    said(client, *MESSAGE)
    said(client, "QUIT")
    base = {"service": "smtp", "session": "s1", "peer": "192.0.2.7"}
    hello = base | {"helo": "client.example"}
    mail = hello | {"sender": "a@remote.example"}
    both = {"recipients": [JOE, "joe+two@example.org"]}
    *asked, message = map(told, hooks.asked)
    assert asked == [
        {"stage": "connect"} | base,
        {"stage": "hello"} | hello,
        {"stage": "mail", "size": 100} | mail,
        {"stage": "rcpt", "size": 100, "recipients": [JOE]} | mail,
        {"stage": "rcpt", "size": 100} | mail | both,
        {"stage": "data", "size": 100} | mail | both,
    ]
    transaction = hooks.asked[-1].transaction
    assert len(transaction) == 32
    assert message == {"stage": "message", "transaction": transaction} | mail | both
    assert [told(facts) for facts in hooks.told] == [{"stage": "quit"} | hello]


def test_a_hook_is_shown_the_message_as_it_will_be_kept() -> None:
    hooks = everywhere()
    here = world(hooks=hooks)
    client = Reception(here, hooks=hooks).greeted()
    said(client, "MAIL FROM:<a@remote.example>", f"RCPT TO:<{JOE}>", "DATA")
    said(client, *MESSAGE)
    (kept,) = stored(here, JOE)
    (shown,) = hooks.messages
    assert kept.endswith(shown)
    assert shown.endswith(b"Subject: hello\r\n\r\nbody\r\n")
    facts = hooks.asked[-1]
    assert facts.size == len(shown)
    assert facts.message is not None
    assert facts.message.readonly
    assert facts.as_json()["header"] == shown.partition(b"body")[0].decode()


def test_a_user_and_tls_are_told() -> None:
    hooks = everywhere()
    here = world(hooks=hooks)
    client = Reception(here, Service.SUBMISSION, hooks=hooks, implicit=True).greeted()
    said(client, "AUTH PLAIN " + _plain())
    said(client, f"MAIL FROM:<{JOE}>")
    connect, hello, mail = map(told, hooks.asked)
    assert connect["tls"] == hello["tls"] == "TLSv1.3"
    assert "user" not in hello
    assert mail["user"] == JOE
    assert mail["service"] == "submission"


def _plain() -> str:
    from base64 import b64encode

    return b64encode(f"\0{JOE}\0{PASSWORD}".encode()).decode()


def test_tls_is_known_from_the_hello_behind_it_on() -> None:
    hooks = everywhere()
    client = Reception(world(), hooks=hooks).greeted()
    said(client, "STARTTLS")
    said(client, "EHLO client.example")
    assert [facts.tls for facts in hooks.asked] == ["", "", "TLSv1.3"]


def test_what_is_no_command_or_refused_anyway_is_not_asked_about() -> None:
    hooks = everywhere()
    client = Reception(world(), hooks=hooks).greeted()
    hooks.asked.clear()
    said(client, "MAIL FROM:a b", "RCPT TO:<x@y.example>", "DATA", "NOOP")
    said(client, "MAIL FROM:<a@remote.example>", "RCPT TO:<nobody@example.org>")
    assert [facts.stage for facts in hooks.asked] == [HookStage.MAIL]


# -- before the greeting


@pytest.mark.parametrize(
    ("answer", "line"), [(REJECT, b"554 5.7.1 Not today\r\n"), (DEFER, b"421 4.7.1 Not yet\r\n")]
)
def test_who_is_not_wanted_is_told_so_in_place_of_the_greeting(
    answer: HookAnswer, line: bytes
) -> None:
    client = Reception(world(), hooks=FakeHooks({HookStage.CONNECT: answer}))("")
    assert client.read() == line
    assert client.transport.disconnecting


class Slow(FakeHooks):
    """Says nothing until the test does."""

    def __init__(self, stage: HookStage) -> None:
        super().__init__({stage: HookAnswer()})
        self.open: list[Deferred[HookAnswer]] = []

    async def ask(self, facts: HookFacts) -> HookAnswer:
        """See `ports.Hooks`."""
        self.open.append(Deferred())
        return await self.open[-1]


def test_nothing_is_read_while_a_hook_thinks_about_a_connection() -> None:
    hooks = Slow(HookStage.CONNECT)
    client = Reception(world(), hooks=hooks)("")
    assert client.read() == b""
    assert client.transport.producerState == "paused"
    hooks.open.pop().callback(HookAnswer())
    assert client.read().startswith(b"220 ")
    assert client.transport.producerState == "producing"
    assert said(client, "NOOP") == ["250 2.0.0 Ok"]


@pytest.mark.parametrize("action", list(HookAction))
def test_a_client_that_went_meanwhile_is_not_spoken_to(action: HookAction) -> None:
    hooks = Slow(HookStage.CONNECT)
    client = Reception(world(), hooks=hooks)("")
    client.drop()
    hooks.open.pop().callback(HookAnswer(action))
    assert client.read() == b""


def test_commands_behind_the_one_that_a_hook_thinks_about_wait_in_order() -> None:
    hooks = Slow(HookStage.RCPT)
    client = Reception(world(), hooks=hooks).greeted()
    lines = ["MAIL FROM:<a@remote.example>", f"RCPT TO:<{JOE}>", "NOOP", "DATA"]
    assert said(client, *lines) == ["250 2.1.0 Sender ok"]
    assert _goes_on(client, hooks, REJECT) == [
        "550 5.7.1 Not today",
        "250 2.0.0 Ok",
        "554 5.5.1 No valid recipients",
    ]


def _goes_on(client: Conversation, hooks: Slow, answer: HookAnswer) -> list[str]:
    hooks.open.pop().callback(answer)
    client.settle()
    return client.read().decode().splitlines()


def test_words_that_no_reply_can_hold() -> None:
    text = "no\r\n250 2.0.0 Ok\r\nthänks\x00 " + "x" * 2000
    answer = HookAnswer(HookAction.REJECT, text)
    client = Reception(world(), hooks=FakeHooks({HookStage.MAIL: answer})).greeted()
    (line,) = said(client, "MAIL FROM:<a@remote.example>")
    assert line.startswith("550 5.7.1 no??250 2.0.0 Ok??th?nks? xxx")
    assert len(line) <= 510


def test_without_words_there_are_our_own() -> None:
    hooks = FakeHooks({HookStage.MAIL: HookAnswer(HookAction.REJECT)})
    client = Reception(world(), hooks=hooks).greeted()
    assert said(client, "MAIL FROM:<a@remote.example>") == [
        "550 5.7.1 Refused by a rule of this server"
    ]
