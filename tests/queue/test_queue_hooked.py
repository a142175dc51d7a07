"""Hooks around the SMTP client: asked before an attempt, told after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookResult, HookStage
from mailhub.queue.hooked import HookedOutbound
from mailhub.queue.runner import Runner
from tests.asked import DEFER, REJECT, FakeHooks, everywhere
from tests.queue_bench import LATER, REFUSED, UNREACHED, QueueBench, bench
from tests.support import run

JOE = "joe@example.org"
DELIVER, DELIVERED = HookStage.DELIVER, HookStage.DELIVERED


def hooked(hooks: FakeHooks) -> QueueBench:
    """A queue whose client has these hooks around it."""
    b = bench(start=False)
    b.runner = Runner(replace(b.means, outbound=HookedOutbound(b.outbound, hooks)))
    b.start()
    return b


def test_without_hooks_nothing_is_asked() -> None:
    hooks = FakeHooks()
    b = hooked(hooks)
    b.submit("a@example.net")
    assert b.waiting() == []
    assert hooks.asked == hooks.told == []


def test_what_is_asked_and_told() -> None:
    hooks = everywhere()
    b = hooked(hooks)
    b.outbound.says["b@example.net"] = [REFUSED]
    b.outbound.says["c@example.net"] = [LATER]
    b.submit("a@example.net", "b@example.net", "c@example.net")
    (asked,), (told,) = hooks.asked, hooks.told
    sent = b.outbound.calls[0]
    assert (asked.stage, told.stage) == (DELIVER, DELIVERED)
    for facts in (asked, told):
        assert facts.sender == JOE
        assert facts.recipients == ("a@example.net", "b@example.net", "c@example.net")
        assert facts.entries == tuple(entry.number for entry in sent.recipients)
        assert facts.transaction == sent.sender.transaction
        assert facts.size == len(sent.data)
        assert facts.host == "mx.example.net"
    assert asked.results == ()
    assert told.results == (
        HookResult("a@example.net", 250, "2.0.0", "Ok"),
        HookResult("b@example.net", 550, "5.1.1", "nobody of that name"),
        HookResult("c@example.net", 451, "4.3.0", "later"),
    )
    assert [entry.recipient for entry in b.waiting()] == ["c@example.net"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [(REJECT, "Not today"), (HookAnswer(HookAction.REJECT), "Refused by a rule of this server")],
)
def test_what_is_rejected_comes_back_to_its_sender(answer: HookAnswer, text: str) -> None:
    hooks = FakeHooks({DELIVER: answer, DELIVERED: HookAnswer()})
    b = hooked(hooks)
    b.submit("a@example.net", "b@example.net")
    assert (b.waiting(), b.outbound.calls, hooks.told) == ([], [], [])
    (told,) = b.mail(JOE)
    assert told.count(b"Status: 5.7.1\r\n") == 2
    assert text.encode() in told


@pytest.mark.parametrize(
    ("answer", "text"),
    [(DEFER, "Not yet"), (HookAnswer(HookAction.DEFER), "Put off by a rule of this server")],
)
def test_what_is_put_off_is_asked_about_again(answer: HookAnswer, text: str) -> None:
    hooks = FakeHooks({DELIVER: answer})
    b = hooked(hooks)
    b.submit("a@example.net")
    (entry,) = b.waiting()
    assert (entry.status, entry.reply, entry.attempts) == ("4.7.1", text, 1)
    assert b.outbound.calls == []
    hooks.says[DELIVER] = HookAnswer()
    b.clock.advance(4000)
    assert b.waiting() == []
    assert len(hooks.asked) == 2
    assert len(b.outbound.calls) == 1


def test_a_hook_speaks_of_one_message_and_not_of_its_destination() -> None:
    """Other messages of the same lease are neither refused with it nor wait because of it."""

    class Once(FakeHooks):
        async def ask(self, facts: HookFacts) -> HookAnswer:
            answer = await super().ask(facts)
            self.says[DELIVER] = HookAnswer()
            return answer

    for answer in (REJECT, DEFER):
        hooks = Once({DELIVER: answer})
        b = bench(start=False)
        b.runner = Runner(replace(b.means, outbound=HookedOutbound(b.outbound, hooks)))
        b.submit("a@example.net")
        b.submit("b@example.net")
        b.start()
        assert b.outbound.recipients == [["b@example.net"]]
        assert run(b.schedule.size()) == len(b.waiting()) == (0 if answer is REJECT else 1)
        b.submit("c@example.net")
        assert b.outbound.recipients[1:] == [["c@example.net"]]


def test_a_destination_that_failed_has_not_recovered_because_of_a_hook() -> None:
    hooks = FakeHooks({DELIVER: HookAnswer()})
    b = hooked(hooks)
    b.outbound.says["example.net"] = [UNREACHED]
    b.submit("a@example.net")
    hooks.says[DELIVER] = DEFER
    b.clock.advance(1000)
    assert [one["outcome"] for one in b.world.log.named("lane")] == ["backs off"]
