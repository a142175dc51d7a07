"""Automatic replies: whom an account answers while its owner is away, and what (RFC 3834).

Whether a message may be answered by a machine at all is `policy.answering`'s. A reply is a value
of `Decision`; it goes out in the commit of the message that it answers, and once in `pause`
seconds to one sender, which the same commit writes down.
"""

from __future__ import annotations

from dataclasses import replace

from mailhub.core.addressed import Addressed
from mailhub.core.addresses import Addresses
from mailhub.core.autoanswer import SUBJECT, answer, encoding, lines
from mailhub.core.ids import Ids
from mailhub.core.personal import Incoming
from mailhub.core.rulings import Rulings
from mailhub.model.decision import Decision, Once, Reply
from mailhub.model.filter import Autoreply
from mailhub.policy.answering import is_person, may_answer
from mailhub.ports import Storage
from mailhub.wire import address as grammar
from mailhub.wire import text


class Replying:
    """`personal.Rules`: the automatic reply. `pause`: seconds between two to one sender."""

    name = "autoreply"

    def __init__(
        self,
        rulings: Rulings,
        storage: Storage,
        addresses: Addresses,
        ids: Ids,
        hostname: str,
        *,
        pause: int,
    ) -> None:
        self._rulings = rulings
        self._storage = storage
        self._addressed = Addressed(addresses)
        self._ids = ids
        self._hostname = hostname
        self._pause = pause

    async def begin(self) -> None:
        """See `personal.Rules`."""
        await self._rulings.begin()

    def concern(self, account: int) -> bool:
        """See `personal.Rules`."""
        return self._rulings.concern(account)

    async def decide(self, incoming: Incoming, before: Decision) -> Decision:
        """See `personal.Rules`. What is refused, dropped or junk is not answered."""
        ruling = await self._rulings.of(incoming.account)
        reply = ruling.autoreply
        if reply is None or not is_on(reply, incoming.now):
            return before
        if before.spam or before.refusal is not None or not (before.filed or before.redirects):
            return before
        if before.replies:  # a script has answered
            return before
        if not is_person(incoming.sender) or not may_answer(incoming.mail.header):
            return before
        once = Once(f"autoreply:{grammar.key(incoming.sender)}", self._pause)
        done = await self._storage.filters.marked(incoming.account, (once.key,), incoming.now)
        if done or not await self._addressed.names(incoming):
            return before
        data = compose(
            reply,
            incoming,
            sender=incoming.address,
            name=reply.name or ruling.name,
            message_id=f"<{self._ids.new()}@{self._hostname}>",
        )
        utf8 = not (incoming.sender.isascii() and incoming.address.isascii())
        made = Reply(incoming.sender, data, once=once, utf8=utf8)
        return replace(before, replies=(*before.replies, made))


def is_on(reply: Autoreply, now: int) -> bool:
    """Whether it is switched on and its time has come and not gone."""
    if not reply.status:
        return False
    return (reply.starts is None or reply.starts <= now) and (
        reply.ends is None or now <= reply.ends
    )


def compose(
    reply: Autoreply, incoming: Incoming, *, sender: str, name: str, message_id: str
) -> bytes:
    """The reply as it leaves. `sender`: the account's address that the message came to."""
    made = answer(
        incoming,
        sender=sender,
        name=name,
        subject=_subject(reply, incoming.mail.rendered.subject),
        message_id=message_id,
        by="",
    )
    plain = reply.text or text.from_html(reply.html)
    made.set_content(lines(plain), cte=encoding(plain))
    if reply.html:
        made.add_alternative(lines(reply.html), subtype="html", cte=encoding(reply.html))
    return made.as_bytes()


def _subject(reply: Autoreply, answered: str) -> str:
    if reply.subject:
        return f"Auto: {reply.subject}"
    return f"Auto: Re: {answered[:SUBJECT]}".rstrip()
