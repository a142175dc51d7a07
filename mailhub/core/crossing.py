"""Logging in where an account's mail still is: whether the other server takes a password, and the
session there that its client is handed through to.

Nobody is asked there who could not log in here: limits on guessing, disabled accounts, services
that are switched off and second factors hold first, and what the other server refuses counts as a
guess like any other. A password that it takes is learned, so that it works when the mail is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from mailhub.core.app_passwords import salt_of
from mailhub.core.credential import MAILBOX, MASTER, Credential, Visit
from mailhub.core.elsewhere import Elsewheres
from mailhub.model.account import Account, Principal, Service
from mailhub.model.change import Actor
from mailhub.model.elsewhere import Door, Elsewhere, Phase
from mailhub.model.errors import AuthenticationFailed, MailhubError, StillElsewhere
from mailhub.ports import Hashing, Log, Storage
from mailhub.ports.passage import Crossing, Passage

MOVING = "The mailbox is being moved, please try again in a few minutes"
OTHERS_WORD = "The former server of this mailbox takes another password"
NO_APP = "An app password works as soon as the mail of this account is here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest(Principal):
    """A principal whose mail is at another server. `crossing`: the session there; whoever gets the
    guest closes it."""

    crossing: Crossing = field(repr=False, compare=False)


def guest(principal: Principal, crossing: Crossing) -> Guest:
    """The principal, with its session."""
    known = {one.name: getattr(principal, one.name) for one in fields(Principal)}
    return Guest(**known, crossing=crossing)


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of asking: `credential` None: wrong. `crossing`: where the client is to be handed
    through."""

    credential: Credential | None
    crossing: Crossing | None = None


class Crossings:
    """`learn`: whether passwords that another server takes are kept."""

    def __init__(
        self,
        elsewheres: Elsewheres,
        passage: Passage,
        storage: Storage,
        hashing: Hashing,
        log: Log,
        *,
        learn: bool,
    ) -> None:
        self._elsewheres = elsewheres
        self._passage = passage
        self._storage = storage
        self._hashing = hashing
        self._log = log
        self._learn = learn

    @property
    def expected(self) -> bool:
        """Whether anybody may be elsewhere: then clients must show their passwords in clear."""
        return self._elsewheres.expected

    async def of(self, account: Account | None) -> Elsewhere | None:
        """Where the account's mail is, None: here, or nowhere. Raises Unavailable."""
        return None if account is None else await self._elsewheres.of(account.number)

    async def prove(
        self,
        one: Elsewhere,
        account: Account,
        password: str,
        known: Credential | None,
        visit: Visit,
    ) -> Proof:
        """`known`: what the password was found to be here. Raises StillElsewhere, Unavailable,
        Untrusted: then nothing was found out."""
        mailbox = visit.service in MAILBOX
        if known is not None and not mailbox:
            return Proof(known)
        if known is not None and known.app is not None:
            raise StillElsewhere(NO_APP)
        if known is None and not await self._counts(one, account):
            return Proof(None)
        if mailbox and one.phase is Phase.MOVING:
            raise StillElsewhere(MOVING)
        wanted = _door(one, visit.service)
        if known is not None and wanted is None:
            raise StillElsewhere
        door = wanted or one.imap or one.pop3
        if door is None:
            return Proof(None)
        try:
            crossing = await self._passage.open(door, one.name, password, visit.peer)
        except AuthenticationFailed:
            if known is None or _is_learned(one, account):
                return Proof(None)
            raise StillElsewhere(OTHERS_WORD) from None
        if known is None and self._learn:
            await self._keep(account, password)
        if wanted is not None:
            return Proof(MASTER, crossing)
        crossing.close()
        if mailbox:
            raise StillElsewhere
        return Proof(MASTER)

    async def _counts(self, one: Elsewhere, account: Account) -> bool:
        """Whether the other server's word about a password counts, where ours is no. A directory's
        word is the last one about its accounts."""
        if account.has_password and not _is_learned(one, account):
            return False
        return await self._storage.mirrors.get(account.number) is None

    async def _keep(self, account: Account, password: str) -> None:
        actor = Actor(account.number, "learned from the former server")
        try:
            now = await self._storage.accounts.get(account.number)
            if now is None or now.auth_version != account.auth_version:
                return
            salt = await salt_of(self._storage, account.number)
            secrets = await self._hashing.hash(password, salt)
            await self._storage.accounts.set_secrets(
                account.number, secrets, actor, end_sessions=False
            )
            await self._storage.elsewheres.learned(account.number, account.auth_version, actor)
        except MailhubError as error:  # the login itself is right: the next one tries again
            self._log.event("password-not-learned", account=account.id, reason=error.text)


def _is_learned(one: Elsewhere, account: Account) -> bool:
    """Whether what is known of the password here is the other server's."""
    return not account.has_password or one.learned == account.auth_version


def _door(one: Elsewhere, service: Service) -> Door | None:
    if service is Service.IMAP:
        return one.imap
    return one.pop3 if service is Service.POP3 else None
