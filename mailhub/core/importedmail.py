"""Takes in mail with the UIDs that it had elsewhere, each message once however often it comes.

What surrounds mail, accounts and mailboxes, is `core.importing`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mailhub.core.accounts import Accounts
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.model.change import Actor
from mailhub.model.errors import Conflict, Invalid
from mailhub.model.flags import Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Copy
from mailhub.ports import Body, Storage

MOST_VALIDITY = 0xF000_0000
"""Greatest UIDVALIDITY that is taken over: later mailboxes of the account need greater ones."""
MOST_UID = 0xFFFF_0000


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox that takes mail in. `kept`: with the UIDs that it had elsewhere, so far."""

    mailbox: Mailbox
    kept: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a message went. `kept`: its UID is the one that it had elsewhere."""

    uid: int
    new: bool
    kept: bool


class MailImport:
    """Mail from another server's mailboxes."""

    def __init__(
        self, storage: Storage, accounts: Accounts, mailboxes: Mailboxes, messages: Messages
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._mailboxes = mailboxes
        self._messages = messages

    async def open(self, address: str, name: str, uidvalidity: int, actor: Actor) -> Opened:
        """A mailbox of the account, ready for messages with the UIDs they had under
        `uidvalidity`. Raises NotFound."""
        account = await self._accounts.by_name(address)
        box = await self._mailboxes.get(account.number, name)
        if not 0 < uidvalidity < MOST_VALIDITY:
            return Opened(box, False)
        if box.uidvalidity == uidvalidity:
            return Opened(box, True)
        try:
            box = await self._storage.mailboxes.number_from(
                box.account, box.number, uidvalidity, 1, actor
            )
        except Conflict:
            return Opened(box, False)
        return Opened(box, True)

    async def place(
        self,
        address: str,
        name: str,
        body: Body,
        flags: Flags,
        date: int,
        place: tuple[int, int],
        actor: Actor,
    ) -> Placed:
        """Stores a message, once however often it is asked. `place`: UIDVALIDITY and UID that it
        had elsewhere; these stay where the mailbox has that UIDVALIDITY (`open`).

        A mailbox that got other mail under the UID meanwhile gets a UIDVALIDITY that it never had:
        no client may take one message for another (RFC 9051 section 2.3.1.1). Raises Invalid,
        NotFound, OverQuota, StorageFull, Unavailable.
        """
        validity, uid = place
        if not (0 < uid < MOST_UID and 0 <= date < 1 << 40):
            raise Invalid("Not a UID, or not a date")
        account = await self._accounts.by_name(address)
        box = await self._mailboxes.get(account.number, name)
        keeps = box.uidvalidity == validity
        if keeps and box.uidnext < uid:
            box = await self._storage.mailboxes.number_from(
                box.account, box.number, validity, uid, actor
            )
        kept = await self._messages.kept(box.account, body, flags)
        try:
            rendered = await self._messages.render(kept)
            copy = Copy(box.account, box.number, b"", flags, date)
            (arrival,) = await self._storage.messages.deliver(
                _token(box, place), kept, rendered, [copy], None, [], actor
            )
        finally:
            if kept is not body:
                kept.close()
        new = arrival.uid >= box.uidnext
        if keeps and new and arrival.uid != uid:
            await self._storage.mailboxes.number_from(box.account, box.number, 0, 1, actor)
        return Placed(arrival.uid, new, keeps and arrival.uid == uid)

    async def close(self, address: str, name: str, place: tuple[int, int], actor: Actor) -> None:
        """All messages of a mailbox are there. `place`: its UIDVALIDITY elsewhere, and the UID that
        the next message would have got. Raises NotFound."""
        account = await self._accounts.by_name(address)
        box = await self._mailboxes.get(account.number, name)
        validity, uidnext = place
        if box.uidvalidity == validity and box.uidnext < uidnext < MOST_UID:
            await self._storage.mailboxes.number_from(
                box.account, box.number, validity, uidnext, actor
            )


def _token(box: Mailbox, place: tuple[int, int]) -> str:
    """The transaction id of a message that came from this place into this mailbox."""
    text = f"{box.account}/{box.id}/{place[0]}/{place[1]}"
    return "import-" + hashlib.sha256(text.encode()).hexdigest()[:48]
