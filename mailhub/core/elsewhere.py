"""Accounts whose mail still lives on another server: who they are, and how they come here.

While an account is elsewhere its sessions are handed through to the other server, and mail that
comes for it goes on there. `move` begins the last step: nobody gets in any more, and mail waits in
the queue, so that nothing arrives on the other side while the rest is fetched. `arrive` ends it.
How sessions are handed through is the faces', how mail goes on `core.placing`'s and the queue's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mailhub.model.account import Account
from mailhub.model.change import Actor, Change, ElsewhereChanged, Missed
from mailhub.model.elsewhere import ELSEWHERE_LANES, Away, Elsewhere, Phase
from mailhub.model.errors import Invalid, NotFound, StillElsewhere, Unavailable
from mailhub.ports import Clock, Storage
from mailhub.wire import door

PATIENCE = 60.0
"""Seconds for which a move waits for what is on its way."""
BREATH = 0.05
NAME_LIMIT = 255
"""Characters of a login name."""
AWAY = (Phase.ELSEWHERE.value, Phase.MOVING.value)
NOBODY: Mapping[int, Elsewhere] = {}


@dataclass(frozen=True, slots=True)
class ElsewhereOrder:
    """Where an account's mail is, as an administrator writes it: URLs as of `wire.door`, empty for
    none. `name`: the login name there, empty: the account's main address, or its username."""

    name: str = ""
    imap: str = ""
    pop3: str = ""
    mail: str = ""


def lane(one: Elsewhere) -> str:
    """Where in the queue mail waits for the account's server."""
    return ELSEWHERE_LANES[0] + (door.place(one.mail) if one.mail is not None else "")


def mark(one: Elsewhere) -> str:
    """What messages that went there are known by, when they come back."""
    return f"{one.account}-{one.since}@elsewhere.invalid"


class Elsewheres:
    """Costs nothing but a look at a flag while everybody's mail is here."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._any = False
        """Whether anybody is elsewhere, as far as is known."""
        self._known = False
        self._heard_of = 0
        self._sending: dict[int, int] = {}
        """How many messages are on their way to the other server, by account."""
        self._overtaken: set[int] = set()
        storage.watch(self._heard)

    # -- who is

    async def start(self) -> None:
        """Looks who is, so that the first client is offered what its account takes."""
        await self.possible()

    async def possible(self) -> bool:
        """Whether anybody is elsewhere at all. Raises Unavailable."""
        while not self._known:
            heard_of = self._heard_of
            found = await self._storage.elsewheres.any()
            if heard_of == self._heard_of:
                self._any, self._known = found, True
        return self._any

    @property
    def expected(self) -> bool:
        """The same, as far as is known at once."""
        return self._any

    async def of(self, account: int) -> Elsewhere | None:
        """Where the account's mail is, None: here. Raises Unavailable."""
        return (await self.among((account,))).get(account)

    async def among(self, accounts: Collection[int]) -> Mapping[int, Elsewhere]:
        """Those of them that are not here. Raises Unavailable."""
        if not accounts or not await self.possible():
            return NOBODY
        return await self._storage.elsewheres.among(list(accounts))

    async def away(self, accounts: Collection[int]) -> Mapping[int, Away]:
        """What deliveries must know of those of them that are not here. Raises Unavailable."""
        found = await self.among(accounts)
        return {account: Away(lane(one), mark(one)) for account, one in found.items()}

    async def check_here(self, id: str) -> None:
        """Raises StillElsewhere where the mail of the account with this id is not here;
        Unavailable."""
        if not await self.possible():
            return
        account = await self._storage.accounts.by_id(id.lower())
        if account is not None and await self.of(account.number) is not None:
            raise StillElsewhere

    async def known(self, account: int) -> Elsewhere:
        """What is known of the account's other server, whatever the phase. Raises NotFound."""
        found = await self._storage.elsewheres.get(account)
        if found is None:
            raise NotFound("Nothing is known of another server for this account")
        return found

    async def page(
        self, *, after: int = 0, limit: int = 100
    ) -> Sequence[tuple[Account, Elsewhere]]:
        """Everybody of whom another server is known, by number."""
        found: list[tuple[Account, Elsewhere]] = []
        while not found:
            rows = await self._storage.elsewheres.page(after=after, limit=limit)
            if not rows:
                break
            after = rows[-1].account
            for one in rows:
                account = await self._storage.accounts.get(one.account)
                if account is not None:  # one that can be restored is nowhere meanwhile
                    found.append((account, one))
        return found

    # -- how that changes

    async def set(self, account: Account, order: ElsewhereOrder, actor: Actor) -> Elsewhere:
        """From now on the account's mail is there. What is known of its password here counts as
        that server's, until it is changed here. Raises Invalid (fields `name`, `imap`, `pop3`,
        `mail`)."""
        name = order.name.strip() or account.address or account.username
        if len(name) > NAME_LIMIT or not name.isprintable():
            raise Invalid("Not a login name", "name")
        one = Elsewhere(
            account.number,
            name,
            door.parse(order.imap, ("imap",), "imap") if order.imap else None,
            door.parse(order.pop3, ("pop3",), "pop3") if order.pop3 else None,
            door.parse(order.mail, ("smtp", "lmtp"), "mail") if order.mail else None,
            Phase.ELSEWHERE,
            int(self._clock.now()),
            account.auth_version,
        )
        if one.imap is None and one.pop3 is None and one.mail is None:
            raise Invalid("Say at least where its IMAP server is", "imap")
        await self._storage.elsewheres.put(one, actor)
        return one

    async def change(self, account: int, phase: Phase, actor: Actor) -> Elsewhere:
        """Into another phase; open sessions of the account end, and mail that waits is due. Out of
        ELSEWHERE it ends when nothing is on its way there from this process any more. Raises
        NotFound, Unavailable (something is still on its way; the phase is new all the same)."""
        known = await self.known(account)
        if known.phase is not phase:
            known = replace(known, phase=phase, since=int(self._clock.now()))
            await self._storage.elsewheres.put(known, actor)
        deadline = self._clock.seconds() + PATIENCE
        while phase is not Phase.ELSEWHERE and account in self._sending:
            if self._clock.seconds() > deadline:
                raise Unavailable("A message is still on its way to the former server")
            await self._clock.sleep(BREATH)
        return known

    async def clear(self, account: int, actor: Actor) -> None:
        """Its mail is here, and nothing is known of another server any more. Raises NotFound."""
        await self.change(account, Phase.HERE, actor)
        await self._storage.elsewheres.remove(account, actor)

    # -- what is on its way

    @contextmanager
    def sending(self, accounts: Collection[int]) -> Iterator[None]:
        """While messages for these are sent to their server: who moves an account waits for it."""
        for account in accounts:
            self._sending[account] = self._sending.get(account, 0) + 1
        try:
            yield
        finally:
            for account in accounts:
                self._sending[account] -= 1
                if not self._sending[account]:
                    del self._sending[account]
                    self._overtaken.discard(account)

    def goes_on(self, account: int) -> bool:
        """Whether nothing was heard of it since `sending` began: what was not sent to its last
        octet is not finished otherwise."""
        return account not in self._overtaken

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, (ElsewhereChanged, Missed)):
                self._known = False
                self._heard_of += 1
            if isinstance(change, ElsewhereChanged):
                self._any |= change.phase in AWAY
                if change.account in self._sending:
                    self._overtaken.add(change.account)
