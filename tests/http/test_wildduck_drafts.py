"""Messages that are there already and leave: drafts that are sent, mail that is passed on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.rights import Role
from mailhub.model.account import Sending
from mailhub.model.errors import Unavailable
from tests.http.browsing import FOREIGN, Site, with_token
from tests.http.mailing import Mailbox, refused
from tests.http.sending import ANN, FAR, PEOPLE, draft, posted, queued, read, source, writing
from tests.support import run
from tests.world import ACTOR, world

pytestmark = pytest.mark.thorough


@pytest.fixture
def mail() -> Mailbox:
    return writing()


# -- drafts


def test_a_draft_goes_out_and_becomes_the_copy(mail: Mailbox) -> None:
    uid = draft(mail, bcc=[{"address": "secret@far.example"}])
    path = f"{mail.path('Drafts')}/{uid}/submit"
    reply = posted(mail, path, {}).json
    assert {one.recipient for one in queued(mail)} == {FAR, "secret@far.example"}
    assert reply["message"]["mailbox"] == mail.boxes["Sent"].id
    assert mail.ids(mail.path("Drafts")) == []
    row = mail.site.get(f"{mail.path('Sent')}/{reply['message']['id']}").json
    assert (row["draft"], row["seen"]) == (False, True)
    refused(posted(mail, path, {}), 404, "MessageNotFound")


def test_a_draft_of_a_mail_program_is_completed(mail: Mailbox) -> None:
    raw = b"To: Bob <bob@far.example>, x: ;\nSubject: s\n\nbare\nends\n"
    reply = posted(mail, f"{mail.inbox}?draft=1", raw, content_type="message/rfc822")
    at = int(mail.world.clock.now()) + 60
    path = f"{mail.inbox}/{reply.json['message']['id']}/submit"
    sent = posted(mail, path, {"sendTime": at * 1000}).json
    made = source(mail, mail.path("Sent"), sent["message"]["id"])
    names = [one.lower() for one in read(made)]
    assert sorted(names) == ["date", "from", "message-id", "subject", "to"]
    (entry,) = queued(mail)
    assert (entry.recipient, entry.due) == (FAR, at)


def test_only_drafts_are_submitted(mail: Mailbox) -> None:
    mail.deliver("one")
    refused(posted(mail, f"{mail.inbox}/1/submit", {}), 400, "Conflict")
    forged = draft(mail, **{"from": {"address": "ceo@far.example"}})
    path = f"{mail.path('Drafts')}/{forged}/submit"
    refused(posted(mail, path, {}), 403, "MissingPrivileges")
    assert mail.ids(mail.path("Drafts")) == [forged]
    assert queued(mail) == []


def test_a_draft_whose_removal_failed_is_not_sent_again(
    mail: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = draft(mail)
    path = f"{mail.path('Drafts')}/{uid}/submit"

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(mail.world.mailroom.messages, "append", fail)
        refused(posted(mail, path, {}), 503, "ServiceUnavailable")
    assert posted(mail, path, {}).status == 200
    assert len(queued(mail)) == 1
    assert mail.ids(mail.path("Drafts")) == []


# -- roles


@pytest.mark.parametrize("role", [Role.SENDER, Role.MAILER])
def test_who_may_send_alone_reads_and_stores_nothing(role: Role) -> None:
    here = world(people=PEOPLE)
    mail = Mailbox(here)
    mail.deliver("one")
    mail.site = Site(here, settings=with_token("r00t"), peer=FOREIGN)
    token = run(here.tokens.issue(mail.account if role.is_personal else None, role))[0]
    body = {"to": [{"address": FAR}], "text": "t"}
    box = mail.boxes["INBOX"].id
    refusals = (
        (mail.inbox, body),
        (f"{mail.inbox}/1/submit", {}),
        (f"{mail.inbox}/1/forward", {"addresses": [FAR]}),
        (f"{mail.user}/submit", {**body, "uploadOnly": True}),
        (f"{mail.user}/submit", {**body, "mailbox": box}),
        (
            f"{mail.user}/submit",
            {**body, "reference": {"mailbox": box, "id": 1, "action": "forward"}},
        ),
    )
    for path, fields in refusals:
        refused(posted(mail, path, fields, x_access_token=token), 403, "MissingPrivileges")
    assert queued(mail) == []
    assert posted(mail, f"{mail.user}/submit", body, x_access_token=token).status == 200


# -- passing on


def test_a_message_is_passed_on_as_it_came(mail: Mailbox) -> None:
    mail.deliver("one")
    path = f"{mail.inbox}/1/forward"
    reply = posted(mail, path, {"addresses": [FAR, "c@far.example", FAR]}).json
    assert [one["value"] for one in reply["forwarded"]] == [FAR, "c@far.example"]
    entries = queued(mail)
    assert [one.recipient for one in entries] == [FAR, "c@far.example"]
    assert all(one.sender.address.startswith("SRS0=") for one in entries)
    assert not any(one.sender.local for one in entries)
    refused(posted(mail, path, {}), 400, "InputValidationError", "addresses")
    refused(posted(mail, f"{mail.inbox}/9/forward", {"addresses": FAR}), 404, "MessageNotFound")
    mail.site.put(mail.user, {"targets": [FAR], "forwards": 1})
    assert posted(mail, path, {}).json["forwarded"][0]["value"] == FAR
    refused(posted(mail, path, {"target": 1}), 403, "RateLimitedError")


def test_who_writes_within_the_house_alone_passes_nothing_out(mail: Mailbox) -> None:
    mail.deliver("one")
    bound = replace(mail.account, sending=Sending.LOCAL)
    run(mail.world.accounts.update(bound, ACTOR))
    path = f"{mail.inbox}/1/forward"
    refused(posted(mail, path, {"addresses": [ANN, FAR]}), 403, "MissingPrivileges")
    assert queued(mail) == []
    assert posted(mail, path, {"addresses": [ANN]}).status == 200
