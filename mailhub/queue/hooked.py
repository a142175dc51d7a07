"""The SMTP client with hooks around it: they are asked before an attempt, and told after it.

What is sent, and to whom, is the client's and the runner's; a hook can only keep it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookResult, HookStage
from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Hop
from mailhub.ports import Hooks, Message, Outbound

WORDS = {
    HookAction.DEFER: "Put off by a rule of this server",
    HookAction.REJECT: "Refused by a rule of this server",
}


class HookedOutbound:
    """`ports.Outbound` over another."""

    def __init__(self, outbound: Outbound, hooks: Hooks) -> None:
        self._outbound = outbound
        self._hooks = hooks

    async def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Sent:
        """See `ports.Outbound`."""
        hooks = self._hooks
        if hooks.has(HookStage.DELIVER):
            first = hops[0].host if hops else ""
            facts = _facts(HookStage.DELIVER, sender, recipients, message, first)
            answer = await hooks.ask(facts)
            if answer.action is not HookAction.ACCEPT:
                return _kept(answer, len(recipients))
        sent = await self._outbound.send(hops, sender, recipients, message, holds)
        if hooks.has(HookStage.DELIVERED):
            results = tuple(
                HookResult(entry.recipient, one.code, one.status, one.text)
                for entry, one in zip(recipients, sent.answers, strict=True)
            )
            stage = HookStage.DELIVERED
            hooks.tell(_facts(stage, sender, recipients, message, sent.host, results))
        return sent


def _facts(
    stage: HookStage,
    sender: QueueSender,
    recipients: Sequence[QueueEntry],
    message: Message,
    host: str,
    results: tuple[HookResult, ...] = (),
) -> HookFacts:
    return HookFacts(
        stage=stage,
        transaction=sender.transaction,
        sender=sender.address,
        recipients=tuple(entry.recipient for entry in recipients),
        size=message.size,
        entries=tuple(entry.number for entry in recipients),
        host=host,
        results=results,
    )


def _kept(answer: HookAnswer, count: int) -> Sent:
    status = "5.7.1" if answer.action is HookAction.REJECT else "4.7.1"
    text = answer.text or WORDS[answer.action]
    # An earlier stage would speak of the destination, and of all messages to it.
    return Sent((Answer(0, status, text, Stage.MAIL),) * count)
