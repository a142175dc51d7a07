"""Hooks that answer as the test says, and remember what they were asked."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookStage

REJECT = HookAnswer(HookAction.REJECT, "Not today")
DEFER = HookAnswer(HookAction.DEFER, "Not yet")


class FakeHooks:
    """`ports.Hooks`. `says`: the answer at each stage that has a hook; `asked`, `told`: facts, with
    the message's bytes kept apart in `messages`, as they are valid for the moment alone."""

    def __init__(self, says: Mapping[HookStage, HookAnswer] | None = None) -> None:
        self.says = dict(says or {})
        self.asked: list[HookFacts] = []
        self.told: list[HookFacts] = []
        self.messages: list[bytes] = []

    def has(self, stage: HookStage) -> bool:
        """See `ports.Hooks`."""
        return stage in self.says

    async def ask(self, facts: HookFacts) -> HookAnswer:
        """See `ports.Hooks`."""
        self.asked.append(facts)
        if facts.message is not None:
            self.messages.append(bytes(facts.message))
        return self.says[facts.stage]

    def tell(self, facts: HookFacts) -> None:
        """See `ports.Hooks`."""
        self.told.append(facts)


def everywhere() -> FakeHooks:
    """A hook at each stage, which accepts."""
    return FakeHooks(dict.fromkeys(HookStage, HookAnswer()))


class Objecting(FakeHooks):
    """Objects where the words `<stage>-reject` or `<stage>-defer` stand in anything it is shown."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(HookStage, HookAnswer()))

    async def ask(self, facts: HookFacts) -> HookAnswer:
        """See `ports.Hooks`."""
        await super().ask(facts)
        shown = " ".join([facts.helo, facts.sender or "", *facts.recipients])
        if facts.message is not None:
            shown += self.messages[-1].decode()
        for answer in (REJECT, DEFER):
            if f"{facts.stage.value}-{answer.action.value}" in shown:
                return answer
        return HookAnswer()
