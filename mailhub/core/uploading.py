"""Posts messages to the URLs that filters name: `action_targetUrl`, tried from the queue.

The request is signed as webhooks are (Standard Webhooks), with a key of the account's own, so that
a server on the Internet knows that its answer is worth giving. The message is read piece by piece,
once for the signature and once for the request. When it is tried again is the queue's business.
"""

from __future__ import annotations

import hmac
from base64 import b64encode

from mailhub.core.turns import Turns
from mailhub.model.errors import Corrupt, Invalid, MailhubError, NotPermitted
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import QueueEntry
from mailhub.model.web import WebRequest
from mailhub.ports import Clock, Message, Storage, Web

KEY = "whsec_"
"""What a key begins with, where people see it."""
PIECE = 128 * 1024
"""Octets that are read at once."""
ANSWER = 1024
"""Octets of an answer that are read; nobody looks at them."""
GONE = 410
"""The one status that ends it: everything else may be mended (a wrong path, a server that is
being changed), and a message is not lost for that."""


class Keys:
    """Keys of accounts, made of one secret of the server's: they need no place of their own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, id: str) -> bytes:
        """The key of the account with this 24-hex id."""
        return hmac.digest(self._secret, f"upload {id}".encode(), "sha256")

    def shown(self, id: str) -> str:
        """The same as libraries for Standard Webhooks take it."""
        return KEY + b64encode(self.of(id)).decode()


class Uploads:
    """`seconds`: for all of one request."""

    def __init__(
        self, storage: Storage, web: Web, keys: Keys, clock: Clock, *, seconds: float
    ) -> None:
        self._storage = storage
        self._web = web
        self._keys = keys
        self._clock = clock
        self._seconds = seconds

    async def post(self, entry: QueueEntry, message: Message) -> Answer:
        """Hands the message to the URL that is the entry's recipient. Never raises for what may
        happen to it."""
        try:
            account = await self._storage.accounts.get(entry.home)
            if account is None or account.disabled:
                return Answer(550, "5.2.1", "The account is disabled, or gone", Stage.RCPT)
            request = await self._request(entry, message, self._keys.of(account.id))
            answer = await self._web.ask(request, message)
        except (Invalid, NotPermitted) as error:
            return Answer(550, "5.7.1", error.text, Stage.RCPT)
        except Corrupt as error:
            return Answer(554, "5.3.0", error.text, Stage.DATA)
        except MailhubError as error:
            return Answer(451, "4.4.1", error.text, Stage.DATA)
        text = f"{entry.lane} answers {answer.status}"
        if answer.is_fine:
            return Answer(250, "2.0.0", text, Stage.DOT)
        if answer.status == GONE:
            return Answer(550, "5.1.1", text, Stage.DOT)
        return Answer(451, "4.3.0", text, Stage.DOT)

    async def _request(self, entry: QueueEntry, message: Message, key: bytes) -> WebRequest:
        id, timestamp = f"msg_{entry.number}", str(int(self._clock.now()))
        signed = hmac.new(key, f"{id}.{timestamp}.".encode(), "sha256")
        turns = Turns(self._clock)
        for start in range(0, message.size, PIECE):
            signed.update(await message.read(start, min(start + PIECE, message.size)))
            await turns.rest()
        recipient = entry.orcpt.partition(";")[2]
        return WebRequest(
            url=entry.recipient,
            method="POST",
            headers=(
                ("Content-Type", "message/rfc822"),
                ("webhook-id", id),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", "v1," + b64encode(signed.digest()).decode()),
                ("X-Envelope-From", _printed(entry.sender.address)),
                ("X-Envelope-To", _printed(recipient)),
            ),
            size=ANSWER,
            cut=True,
            seconds=self._seconds,
        )


def _printed(address: str) -> str:
    """An address as the value of a field."""
    return "".join(one if one.isprintable() else "?" for one in address)
