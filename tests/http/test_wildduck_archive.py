"""WildDuck's archive against the documented contract."""

from __future__ import annotations

import pytest

from tests.http.mailing import JOE, RICH, Mailbox, refused
from tests.support import run
from tests.world import world

pytestmark = pytest.mark.thorough


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox(world())


# -- the archive


def test_deleted_messages_are_listed_shown_and_restored(mail: Mailbox) -> None:
    mail.world.deliver(JOE, RICH)
    assert mail.site.delete(f"{mail.inbox}/1").json == {"success": True}
    assert mail.ids() == []
    for path in ("archived", "archived/messages"):
        listing = mail.site.get(f"{mail.user}/{path}").json
        (row,) = listing["results"]
        assert (listing["total"], listing["specialUse"], row["subject"]) == (1, None, "Grüße")
        assert row["mailbox"] == mail.boxes["INBOX"].id
        shown = mail.site.get(f"{mail.user}/{path}/{row['id']}").json
        assert (shown["id"], shown["text"], shown["archived"]) == (
            row["id"],
            "Plain words",
            row["archived"],
        )
    one = f"{mail.user}/archived/{row['id']}"
    assert mail.site.get(f"{one}/message.eml").body.endswith(RICH)
    assert mail.site.get(f"{one}/attachments/ATT00002").body == "café".encode()
    reply = mail.site.post(f"{one}/restore", {})
    inbox = mail.boxes["INBOX"].id
    assert reply.json == {"success": True, "mailbox": inbox, "uid": 2, "id": 2}
    refused(mail.site.post(f"{one}/restore", {}), 404, "MessageNotFound")
    assert mail.ids() == [2]
    mail.site.delete(f"{mail.inbox}/2")
    (row,) = mail.site.get(f"{mail.user}/archived").json["results"]
    path = f"{mail.user}/archived/messages/{row['id']}/restore"
    sent = mail.boxes["Sent"].id
    assert mail.site.post(path, {"mailbox": sent}).json["mailbox"] == sent


def test_the_newest_deleted_come_first(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c")
    for uid in (2, 1, 3):
        mail.site.delete(f"{mail.inbox}/{uid}")
    path = f"{mail.user}/archived"
    first = mail.site.get(f"{path}?limit=2").json
    assert [row["subject"] for row in first["results"]] == ["c", "a"]
    rest = mail.site.get(f"{path}?next={first['nextCursor']}").json
    assert [row["subject"] for row in rest["results"]] == ["b"]
    rising = mail.site.get(f"{path}?order=asc").json["results"]
    assert [row["subject"] for row in rising] == ["b", "a", "c"]


def test_deleting_and_restoring_all(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c")
    mail.site.put(f"{mail.inbox}/2", {"draft": True})
    assert mail.site.delete(mail.inbox).json == {"success": True, "deleted": 3, "errors": 0}
    assert mail.site.get(f"{mail.user}/archived").json["total"] == 2
    span = {"start": "2020-01-01", "end": "2040-01-01"}
    reply = mail.site.post(f"{mail.user}/archived/restore", span)
    assert reply.json == {"success": True, "restored": 2}
    assert mail.ids() == [5, 4]
    late = {"start": "2039-01-01", "end": "2040-01-01"}
    assert mail.site.post(f"{mail.user}/archived/restore", late).json["restored"] == 0
    mail.site.delete(f"{mail.inbox}?skipArchive=true")
    assert mail.site.get(f"{mail.user}/archived").json["total"] == 0


def test_what_was_kept_long_enough_goes(mail: Mailbox) -> None:
    mail.deliver("a")
    mail.site.delete(f"{mail.inbox}/1")
    mail.world.clock.advance(14 * 86_400 - 1)
    run(mail.world.mailroom.arranging.sweep())
    assert mail.site.get(f"{mail.user}/archived").json["total"] == 1
    mail.world.clock.advance(1)
    run(mail.world.mailroom.arranging.sweep())
    assert mail.site.get(f"{mail.user}/archived").json["total"] == 0
