"""Asks hooks on behalf of core and the faces: what they refuse becomes an error kind.

Which hooks there are, and how they are reached, is `net.hooks`'.
"""

from __future__ import annotations

from mailhub.model.errors import HookRefused
from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookStage
from mailhub.ports import Hooks


class NoHooks:
    """`ports.Hooks` where none are configured."""

    def has(self, stage: HookStage) -> bool:
        """None."""
        return False

    async def ask(self, facts: HookFacts) -> HookAnswer:
        """Nobody to ask."""
        return HookAnswer()

    def tell(self, facts: HookFacts) -> None:
        """Nobody to tell."""


async def check(hooks: Hooks, facts: HookFacts) -> None:
    """Raises HookRefused where a hook of this stage does."""
    answer = await hooks.ask(facts)
    if answer.action is not HookAction.ACCEPT:
        raise HookRefused(answer.text, permanent=answer.action is HookAction.REJECT)
