"""An account's Sieve script as one kind of rule: the run, and the decision made of its outcome.

Filters decide first; where one of them chose where a message goes, the script is not asked. A
script that fails changes nothing, and its owner is told. What scripts mean stands in
`policy.sieve`, which asks nothing of the world itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import replace

from mailhub.core import names, rejections, vacations
from mailhub.core.addressed import Addressed
from mailhub.core.addresses import Addresses
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import INBOX, Mailboxes
from mailhub.core.personal import Incoming
from mailhub.core.programs import Loaded, Programs
from mailhub.core.turns import Turns
from mailhub.model.change import Actor
from mailhub.model.decision import Decision, Filed, Once, Redirect, Reply
from mailhub.model.errors import AlreadyExists, Invalid, LimitReached, MailhubError, Unavailable
from mailhub.model.flags import Flags
from mailhub.model.mailbox import SPECIAL_USES, Mailbox
from mailhub.model.settings_sieve import SieveSettings
from mailhub.policy.answering import is_person, may_answer
from mailhub.policy.sieve.bodies import Body
from mailhub.policy.sieve.fields import Fields
from mailhub.policy.sieve.outcome import Bounds, Filing, Outcome, Seen, Surroundings, Vacation
from mailhub.policy.sieve.run import running
from mailhub.policy.sieve.state import Mail, Scope, State
from mailhub.ports import Clock, Log, Storage
from mailhub.wire.mime import Part
from mailhub.wire.sieve.program import Program

SOURCE = "script"
"""Who made a mailbox that a script wanted, for the journal."""
DUPLICATE = "duplicate:"
JUNK = "\\Junk"
KEYWORD_SETS = 1000
"""Different sets of keywords that one script puts on messages. Senders could choose them, where a
script makes keywords of what they write, and the store keeps every set."""
TOO_LONG = "The script takes too much time"


class Scripting:
    """`personal.Rules`: scripts."""

    name = "script"

    def __init__(
        self,
        programs: Programs,
        storage: Storage,
        addresses: Addresses,
        mailboxes: Mailboxes,
        clock: Clock,
        ids: Ids,
        log: Log,
        hostname: str,
        settings: SieveSettings,
    ) -> None:
        self._programs = programs
        self._storage = storage
        self._addresses = addresses
        self._addressed = Addressed(addresses)
        self._mailboxes = mailboxes
        self._clock = clock
        self._ids = ids
        self._log = log
        self._hostname = hostname
        self._settings = settings
        self._bounds = Bounds(
            steps=settings.steps,
            body=settings.body,
            filings=settings.copies,
            redirects=settings.redirects,
            shortest_reply=settings.reply_pause,
        )

    async def begin(self) -> None:
        """See `personal.Rules`."""
        await self._programs.begin()

    def concern(self, account: int) -> bool:
        """See `personal.Rules`."""
        return self._settings.scripts > 0 and self._programs.concern(account)

    async def decide(self, incoming: Incoming, before: Decision) -> Decision:
        """See `personal.Rules`."""
        if before.settled or before.refusal is not None:
            return before
        loaded = await self._programs.of(incoming.account)
        if loaded is None:
            return before
        outcome = Outcome(error=loaded.fault)
        if loaded.program is not None:
            outcome = await self.play(incoming, loaded, loaded.program)
        try:
            decision = await _Deciding(self, incoming, before, loaded).of(outcome)
        except Unavailable:
            raise
        except MailhubError as error:
            outcome, decision = Outcome(error=error.text), before
        if outcome.error:
            await self._failed(incoming, loaded, outcome.error)
            decision = before
        return decision

    # -- the run

    async def play(self, incoming: Incoming, loaded: Loaded, program: Program) -> Outcome:
        """What the script wants done. Raises Unavailable."""
        boxes: Sequence[Mailbox] = ()
        extensions = _all_extensions(loaded, program)
        if extensions & {"mailbox", "special-use"}:
            boxes = await self._storage.mailboxes.all(incoming.account)
        around = Surroundings(
            sender=incoming.sender,
            recipient=incoming.recipient,
            now=incoming.now,
            delimiter=await self._addresses.delimiter(incoming.address) or "+",
            user=incoming.user,
            mailboxes=frozenset(box.name for box in boxes),
            uses=tuple((box.name, box.special_use) for box in boxes if box.special_use),
            items=self._items(incoming),
        )
        mail = incoming.mail
        view = mail.body.view()
        root: Part = await mail.root() if "body" in extensions else Part(0)
        state = State(
            Mail(
                Fields(mail.header, incoming.prefix),
                Body(view, self._bounds.body, lambda: _known(root)),
                mail.body.size + len(incoming.prefix),
            ),
            around,
            self._bounds,
            loaded.includable,
            [Scope(program)],
        )
        return await self._driven(incoming, state)

    async def _driven(self, incoming: Incoming, state: State) -> Outcome:
        """Runs a script, lets others run between its slices, and answers its questions."""
        work = running(state)
        turns = Turns(self._clock)
        used, most = 0.0, self._settings.time / 1000
        answer: bool | None = None
        while True:
            began = self._clock.seconds()
            try:
                question = work.send(answer)
            except StopIteration as done:
                outcome: Outcome = done.value
                return outcome
            used += self._clock.seconds() - began
            if used > most:
                work.close()
                return Outcome(error=TOO_LONG)
            answer = None
            if question is not None:
                key = duplicate_key(question)
                known = await self._storage.filters.marked(incoming.account, (key,), incoming.now)
                answer = key in known
            await turns.rest()

    def _items(self, incoming: Incoming) -> dict[str, str]:
        """RFC 5183 section 4."""
        return {
            "name": "mailhub",
            "location": "MDA",
            "phase": "during",
            "host": self._hostname,
            "domain": incoming.address.rpartition("@")[2],
        }

    async def _failed(self, incoming: Incoming, loaded: Loaded, error: str) -> None:
        """Tells the owner, once for each different failure."""
        self._log.event(
            "script-failed",
            level="info",
            account=incoming.account,
            script=loaded.name,
            transaction=incoming.transaction,
            reason=error,
        )
        if loaded.noted != error:
            loaded.noted = error
            await self._storage.scripts.note_failure(incoming.account, loaded.name, error)

    # -- what a decision needs

    async def mailbox(self, account: int, filing: Filing) -> int | None:
        """The number of where a copy goes, None for INBOX. Raises Invalid where it is missing and
        not to be made, and what `Mailboxes.create` does."""
        use = next((one for one in SPECIAL_USES if one.lower() == filing.special_use.lower()), "")
        if use:
            box = await self._mailboxes.by_special_use(account, use)
            if box is not None:
                return box.number
        name = names.canonical(filing.mailbox)
        if name == INBOX:
            return None
        found = await self._storage.mailboxes.get(account, name)
        if found is not None:
            return found.number
        if not filing.create:
            raise Invalid(f"There is no mailbox {filing.mailbox[:200]!r}")
        try:
            actor = Actor(account, SOURCE)
            return (await self._mailboxes.create(account, name, actor, special_use=use)).number
        except AlreadyExists:  # made meanwhile, for another message
            return (await self._mailboxes.get(account, name)).number

    async def junk(self, account: int) -> int | None:
        """The number of the mailbox for junk; None where there is none."""
        box = await self._mailboxes.by_special_use(account, JUNK)
        return box.number if box is not None else None

    async def answer_to(self, incoming: Incoming, vacation: Vacation) -> Reply | None:
        """The reply; None where none may be sent (RFC 5230 sections 4.5 and 4.6, RFC 3834 section
        2)."""
        if not is_person(incoming.sender) or not may_answer(incoming.mail.header):
            return None
        once = vacations.once_of(vacation, incoming.sender)
        account = incoming.account
        if await self._storage.filters.marked(account, (once.key,), incoming.now):
            return None
        if not await self._addressed.names(incoming, vacation.addresses):
            return None
        own = bool(vacation.sender) and await self._addressed.is_own(account, vacation.sender)
        known = await self._storage.accounts.get(account)
        return vacations.reply(
            vacation,
            incoming,
            sender=vacations.sender_of(vacation, incoming, own),
            name=known.name if known is not None else "",
            message_id=f"<{self._ids.new()}@{self._hostname}>",
        )

    def rejected(self, incoming: Incoming, outcome: Outcome) -> Decision:
        """The message goes back."""
        assert outcome.rejection is not None
        made = rejections.refusal(
            outcome.rejection,
            incoming,
            hostname=self._hostname,
            boundary=self._ids.new(),
        )
        return Decision(filed=(), settled=True, refusal=made)


class _Deciding:
    """One outcome on its way to a decision."""

    def __init__(
        self, scripting: Scripting, incoming: Incoming, before: Decision, loaded: Loaded
    ) -> None:
        self._scripting = scripting
        self._incoming = incoming
        self._before = before
        self._loaded = loaded

    async def of(self, outcome: Outcome) -> Decision:
        """Raises Invalid and others where the outcome cannot be carried out."""
        before, incoming = self._before, self._incoming
        if outcome.error:
            return before
        reasons = (*before.reasons, f"script {self._loaded.name}")
        marks = tuple(Once(duplicate_key(one), one.seconds) for one in outcome.seen)
        if outcome.rejection is not None:
            made = self._scripting.rejected(incoming, outcome)
            return replace(made, reasons=reasons)
        filed, spam = await self._filed(outcome)
        decision = replace(
            before,
            filed=filed,
            settled=outcome.chosen,
            spam=spam,
            marks=(*before.marks, *marks),
            reasons=reasons,
        )
        if before.spam:
            return decision  # junk is neither passed on nor answered, wherever it is kept
        known = {(one.address.lower(), one.header) for one in before.redirects}
        redirects = tuple(
            Redirect(one.address, one.header)
            for one in outcome.forwardings
            if (one.address.lower(), one.header) not in known
        )
        decision = replace(decision, redirects=(*before.redirects, *redirects))
        if outcome.vacation is not None:
            answered = await self._scripting.answer_to(incoming, outcome.vacation)
            if answered is not None:
                decision = replace(decision, replies=(*before.replies, answered))
        return decision

    async def _filed(self, outcome: Outcome) -> tuple[tuple[Filed, ...], bool]:
        """The copies, and whether they are junk as before: only where a script names a mailbox,
        its word is above the server's."""
        account, scripting = self._incoming.account, self._scripting
        named = any(one.mailbox for one in outcome.filings)
        spam = self._before.spam and not named
        marked = self._before.filed[0].flags if self._before.filed else Flags()
        filed: list[Filed] = []
        for one in outcome.filings:
            number: int | None = None
            if one.mailbox:
                number = await scripting.mailbox(account, one)
            elif self._before.spam and not spam:
                number = await scripting.junk(account)
            flags = marked.add(self._flags(one))
            filed.append(Filed(number, flags, self._header(one)))
        return tuple(filed), spam

    def _flags(self, filing: Filing) -> Flags:
        """Raises LimitReached for keywords that are new each time."""
        flags = Flags.of(filing.flags)
        if flags.keywords and flags.keywords not in self._loaded.keywords:
            if len(self._loaded.keywords) >= KEYWORD_SETS:
                raise LimitReached("The script makes too many different keywords")
            self._loaded.keywords.add(flags.keywords)
        return flags

    def _header(self, filing: Filing) -> bytes | None:
        """The edited header. One that is longer than scripts see is left as it came, for its end
        would be lost."""
        mail = self._incoming.mail
        return filing.header if len(mail.header) == mail.rendered.header_length else None


def duplicate_key(seen: Seen) -> str:
    """Under which a mark of the duplicate test is kept."""
    return DUPLICATE + hashlib.sha256(seen.key.encode("utf-8", "replace")).hexdigest()[:40]


def _all_extensions(loaded: Loaded, program: Program) -> frozenset[str]:
    return program.extensions.union(*(one.extensions for one in loaded.includable.values()))


def _known(root: Part) -> Generator[None, None, Part]:
    """A structure that is known already, in the form of one that is being found."""
    yield from ()
    return root
