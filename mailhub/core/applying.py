"""Carries out what accounts' rules decided: from a plan to a plan, and what goes into its commit
beside it.

Whatever way a message came (another server, the queue, a user here), this is asked with its plan
before it is committed. What rules decide is theirs (`core.personal`); nothing is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.personal import Incoming, Mail, Personal
from mailhub.core.placing import MARKS, junked
from mailhub.core.plan import Plan
from mailhub.core.rendered import passing, rendered
from mailhub.core.ruled import Applied, Case, Making, Place
from mailhub.core.sealing import Sealing
from mailhub.core.trace import delivered_to
from mailhub.core.turns import Turns
from mailhub.model.decision import Decision, Filed, Redirect, Reply
from mailhub.model.errors import Invalid, Unsupported
from mailhub.model.message import Copy, Note
from mailhub.model.queue import Onward, QueueSender
from mailhub.policy.consequences import Consequence
from mailhub.ports import Body, Clock, Companion, Log, Storage
from mailhub.wire import relayurl
from mailhub.wire.header import values
from mailhub.wire.weburl import parse

NEVER = ("NEVER",)
"""Nobody is told of what becomes of it (RFC 3461 6.1)."""
PIECE = 128 * 1024
"""Octets that are copied at once."""
REDIRECTS = 100
"""Most addresses, and most URLs, that one message goes on to for one account."""


class Applying:
    """`allowances`: what accounts may forward a day, None: anything. `sealing`: encrypts what is
    kept and goes on."""

    def __init__(
        self,
        personal: Personal,
        storage: Storage,
        addresses: Addresses,
        allowances: Allowances | None,
        clock: Clock,
        log: Log,
        sealing: Sealing,
    ) -> None:
        self._personal = personal
        self._sealing = sealing
        self._storage = storage
        self._addresses = addresses
        self._allowances = allowances
        self._clock = clock
        self._log = log

    async def concern(self, made: Plan) -> bool:
        """Whether any rule has a say in where these copies go."""
        return await self._personal.concern(copy.account for copy in made.copies)

    async def apply(self, case: Case, made: Plan) -> Applied:
        """The plan as the rules have it. The caller closes it. Raises Unavailable, StorageFull."""
        making = Making(case, made)
        mail = self._personal.mail(case.body, case.rendered)
        turns = Turns(self._clock)
        try:
            for copy in made.copies:
                await turns.rest()
                decision = case.decisions.get(copy.account)
                if decision is None:
                    decision = await self._decide(case, copy, mail)
                    case.decisions[copy.account] = decision
                await self._carry_out(making, copy, decision)
            if len(making.refusals) < len(made.copies) or made.onward:
                for account, refusal in making.refusals.items():
                    if refusal.reply is not None:
                        self._reply(making, account, refusal.reply)
        except BaseException:
            making.close()
            raise
        return making.applied()

    # -- deciding

    async def _decide(self, case: Case, copy: Copy, mail: Mail) -> Decision:
        address = _address(copy)
        incoming = Incoming(
            account=copy.account,
            mail=mail,
            recipient=copy.recipient,
            address=address,
            sender=case.sender,
            prefix=copy.prefix,
            now=case.now,
            transaction=case.token,
            orcpt=case.orcpt.get(copy.recipient, ""),
            spam=case.consequence in MARKS,
            named=case.named,
            fraud=case.consequence is Consequence.QUARANTINE,
            score=case.score,
            visited=case.visited,
            user=case.user,
        )
        decision = await self._personal.decide(incoming)
        if incoming.fraud and not decision.spam:
            decision = replace(decision, spam=True)
        if decision.spam:
            return replace(decision, redirects=(), replies=(), uploads=())
        if not decision.redirects and len(decision.uploads) <= REDIRECTS:
            return decision
        wanted = await self._passed_on(case, copy, address, decision.redirects[:REDIRECTS])
        cut = len(wanted) < len(decision.redirects)
        if cut and not decision.filed and decision.refusal is None:
            # What cannot go on as it should is not lost for it.
            decision = replace(decision, filed=(Filed(),))
        return replace(decision, redirects=wanted, uploads=decision.uploads[:REDIRECTS])

    async def _passed_on(
        self, case: Case, copy: Copy, address: str, redirects: Sequence[Redirect]
    ) -> tuple[Redirect, ...]:
        """Those that lead to no loop, as far as the account may forward."""
        wanted = []
        for one in redirects:
            # What a relay sends back is known by our Delivered-To.
            if not one.relay and await self._comes_back(case, copy, address, one.address):
                self._note(case, copy, "loop", one.address)
            elif self._allowances is not None and not await self._allowances.pass_on(copy.account):
                self._note(case, copy, "limit", one.address or address)
            else:
                wanted.append(one)
        return tuple(wanted)

    async def _comes_back(self, case: Case, copy: Copy, address: str, target: str) -> bool:
        folded = target.lower()
        if folded in case.visited or folded in (address.lower(), copy.recipient.lower()):
            return True
        try:
            if not await self._addresses.is_local_address(target):
                return False
        except Invalid:
            return True
        found = await self._addresses.find(target)
        return found is not None and found.account == copy.account

    def _note(self, case: Case, copy: Copy, why: str, address: str) -> None:
        self._log.event(
            "not-forwarded",
            outcome=why,
            account=copy.account,
            transaction=case.token,
            recipient=address,
        )

    # -- carrying out

    async def _carry_out(self, making: Making, copy: Copy, decision: Decision) -> None:
        encryption = await self._sealing.of(copy.account)
        refused = decision.refusal is not None
        places: list[Place] = []
        messages: dict[bytes | None, int] = {}
        for one in () if refused else decision.filed:
            kept = await self._kept(making.case, copy, one, decision.spam)
            if one.header not in messages:
                messages[one.header] = await self._message(making, copy, one, encryption.storing)
            places.append(making.keep(messages[one.header], kept))
        making.places.append(places[0] if places else None)
        if decision.refusal is not None:
            making.refusals[copy.account] = decision.refusal
            return
        if decision.redirects:
            await self._redirect(making, copy, decision.redirects, encryption.forwarding)
        if decision.uploads:
            await self._upload(making, copy, decision.uploads, encryption.forwarding)
        for reply in decision.replies:
            self._reply(making, copy.account, reply)
        making.marks += [(copy.account, once) for once in decision.marks]
        making.note(copy.account, decision)

    async def _message(self, making: Making, copy: Copy, filed: Filed, key: str) -> int:
        """Which message of the commit it is that is filed: the one that came, or one made here."""
        case = making.case
        body = await self._sealed(making, copy, key, filed.header)
        if body is None and filed.header is None:
            return 0
        if body is None:
            body = await self._written(case, b"", filed.header)
        making.messages.append(Companion(body, case.rendered))
        shown = await rendered(body, self._clock)
        making.messages[-1] = replace(making.messages[-1], rendered=shown)
        return len(making.messages)

    async def _kept(self, case: Case, copy: Copy, filed: Filed, spam: bool) -> Copy:
        """The copy where it is wanted, and marked as it shall be."""
        was = MARKS.get(case.consequence)
        if spam:
            base = copy if was else await junked(self._storage, copy, MARKS[Consequence.JUNK])
            return replace(base, flags=base.flags.add(filed.flags))
        flags = copy.flags.remove(was) if was else copy.flags
        return replace(copy, mailbox=filed.mailbox, flags=flags.add(filed.flags))

    async def _redirect(
        self, making: Making, copy: Copy, redirects: Sequence[Redirect], key: str
    ) -> None:
        """Redirects of one header go out as one message, which names us: should it come back, it is
        known."""
        case = making.case
        sender = await case.forwarder(case.sender)
        alike: dict[bytes | None, list[Redirect]] = {}
        for one in redirects:
            alike.setdefault(one.header, []).append(one)
        for header, group in alike.items():
            head, queued = _delivered(case, copy), case.queued
            body = await self._sealed(making, copy, key, header, head)
            if body is not None:
                queued = replace(queued, body="7BIT")
            else:
                body = await self._written(case, head, header)
            orcpt = case.orcpt.get(copy.recipient) or f"rfc822;{copy.recipient}"
            onward = tuple(
                Onward(
                    one.address or _address(copy),
                    one.notify,
                    orcpt if orcpt.isascii() else "",
                    due=case.now,
                    # Who relays mail for an address is its server, and passes nothing on.
                    sender=None if one.relay else sender,
                    lane=relayurl.parse(one.relay).place if one.relay else "",
                    home=copy.account if one.relay else 0,
                )
                for one in group
            )
            making.messages.append(Companion(body, case.rendered, (), queued, onward))

    async def _upload(self, making: Making, copy: Copy, urls: Sequence[str], key: str) -> None:
        """The message is posted to these URLs as well."""
        case = making.case
        onward = tuple(
            Onward(
                url,
                NEVER,
                f"rfc822;{copy.recipient}",
                case.now,
                lane=lane_of(url),
                home=copy.account,
            )
            for url in urls
        )
        body = await self._sealed(making, copy, key, None)
        if body is None:
            making.onward += onward
        else:
            making.messages.append(Companion(body, case.rendered, (), case.queued, onward))

    async def _sealed(
        self, making: Making, copy: Copy, key: str, header: bytes | None, head: bytes = b""
    ) -> Body | None:
        """The message, encrypted; None where it goes as it is."""
        if not key:
            return None
        case = making.case
        begin = case.rendered.header_length
        block = bytes(case.body.view()[:begin]) if header is None else header
        try:
            return await self._sealing.sealed(key, case.body, begin, block, head)
        except (Invalid, Unsupported) as error:
            self._sealing.note(copy.account, error.text, case.token)
            making.notes.append(Note(copy.account, "unencrypted", {"reason": error.text}))
            return None

    def _reply(self, making: Making, account: int, reply: Reply) -> None:
        spool = self._storage.spools.open(reply.data)
        try:
            body = spool.finish()
        except BaseException:
            spool.abort()
            raise
        shown = passing(reply.data[:PIECE])
        sender = QueueSender(
            reply.sender,
            body="7BIT" if reply.data.isascii() else "8BITMIME",
            utf8=reply.utf8,
            account=account,
            transaction=f"{making.case.token}.r{len(making.messages)}",
            message_id=shown.message_id,
            local=True,
        )
        onward = (Onward(reply.recipient, NEVER, due=making.case.now),)
        made = Companion(body, shown, (), sender, onward, account, reply.once)
        making.messages.append(made)

    async def _written(self, case: Case, head: bytes, header: bytes | None) -> Body:
        """The message behind `head`, with `header` in place of its own where one is given."""
        turns = Turns(self._clock)
        view = case.body.view()
        start = 0 if header is None else case.rendered.header_length
        spool = self._storage.spools.open(head + (header or b""))
        try:
            for at in range(start, len(view), PIECE):
                spool.write(view[at : at + PIECE])
                await turns.rest()
            return spool.finish()
        except BaseException:
            spool.abort()
            raise


def lane_of(url: str) -> str:
    """Where a URL's uploads wait: one lane for each server, told from domains by its slashes."""
    found = parse(url)
    return f"{found.scheme}://{found.authority}"


def _address(copy: Copy) -> str:
    """The account's address that the copy came by: it is written into its Delivered-To."""
    found = values(copy.prefix, b"delivered-to")
    return found[0].strip().decode("utf-8", "replace") if found else copy.recipient


def _delivered(case: Case, copy: Copy) -> bytes:
    """The Delivered-To field of the copy, where the message's header may hold it."""
    field = delivered_to(_address(copy))
    return field if field.isascii() or case.queued.utf8 else b""
