"""Joe writes messages over HTTP, for tests of calls that store and send them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from mailhub.core.srs import SRS
from tests.http.browsing import Reply
from tests.http.mailing import JOE, Mailbox
from tests.support import run
from tests.world import DOMAIN, world

ANN = f"ann@{DOMAIN}"
FAR = "bob@far.example"
PEOPLE = (JOE, ANN)


def writing() -> Mailbox:
    """Joe, with Ann beside him."""
    return Mailbox(world(people=PEOPLE, srs=SRS(b"secret", DOMAIN)))


def source(mail: Mailbox, path: str, uid: int) -> bytes:
    reply = mail.site.get(f"{path}/{uid}/message.eml")
    assert reply.status == 200
    return reply.body


def read(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def queued(mail: Mailbox) -> list[Any]:
    found, _ = run(mail.world.store.queue.page())
    return list(found)


def posted(mail: Mailbox, path: str, body: object, **headers: str) -> Reply:
    return mail.site.ask("POST", path, body, **headers)


def draft(mail: Mailbox, **fields: object) -> int:
    body = {"draft": True, "to": [{"address": FAR}], "subject": "later", "text": "t", **fields}
    reply = posted(mail, mail.path("Drafts"), body)
    assert reply.status == 200, reply.json
    uid: int = reply.json["message"]["id"]
    return uid
