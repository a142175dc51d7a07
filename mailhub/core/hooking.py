"""Asks hooks on behalf of core and the faces: what they refuse becomes an error kind.

Which hooks there are, and how they are reached, is `net.hooks`'.
"""

from __future__ import annotations

from mailhub.model.envelope import Envelope
from mailhub.model.errors import HookRefused
from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookStage
from mailhub.model.message import Rendered
from mailhub.ports import Body, Hooks


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


def message_facts(envelope: Envelope, body: Body, shown: Rendered) -> HookFacts:
    """The facts of a whole message; valid while the body is open."""
    peer, principal = envelope.peer, envelope.principal
    return HookFacts(
        stage=HookStage.MESSAGE,
        service=envelope.service.value,
        session=envelope.session,
        peer=peer.address,
        tls=peer.tls.version if peer.tls is not None else "",
        helo=envelope.helo,
        user=principal.username if principal is not None else "",
        transaction=envelope.transaction,
        sender=envelope.reverse_path.address,
        recipients=tuple(path.address for path in envelope.forward_paths),
        size=body.size,
        message=body.view().toreadonly(),
        header_length=shown.header_length,
    )


async def check(hooks: Hooks, facts: HookFacts) -> None:
    """Raises HookRefused where a hook of this stage does."""
    answer = await hooks.ask(facts)
    if answer.action is not HookAction.ACCEPT:
        raise HookRefused(answer.text, permanent=answer.action is HookAction.REJECT)
