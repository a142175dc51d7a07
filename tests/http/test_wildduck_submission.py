"""WildDuck's calls on new messages: upload, submit, drafts that go out, what is passed on."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from mailhub.http import lifted
from tests.http.mailing import JOE, Mailbox, refused
from tests.http.sending import ANN, FAR, draft, posted, queued, read, source, writing
from tests.support import run
from tests.world import DOMAIN, world

pytestmark = pytest.mark.thorough

RAW = b"From: x@far.example\r\nSubject: as it is\r\nBcc: s@far.example\r\n\r\nw\xc3\xb6rds\r\n"


@pytest.fixture
def mail() -> Mailbox:
    return writing()


# -- uploads


def test_a_message_is_stored_octet_for_octet(mail: Mailbox) -> None:
    raw = posted(mail, f"{mail.inbox}?unseen=true", RAW, content_type="message/rfc822")
    assert raw.json == {
        "success": True,
        "message": {"id": 1, "mailbox": mail.boxes["INBOX"].id, "size": len(RAW)},
    }
    coded = posted(mail, mail.inbox, {"raw": base64.b64encode(RAW).decode(), "flagged": True})
    assert coded.json["message"]["id"] == 2
    assert source(mail, mail.inbox, 1) == source(mail, mail.inbox, 2) == RAW
    first, second = (mail.site.get(f"{mail.inbox}/{uid}").json for uid in (1, 2))
    assert (first["seen"], first["flagged"]) == (False, False)
    assert (second["seen"], second["flagged"]) == (True, True)


def test_a_message_is_written_from_fields(mail: Mailbox) -> None:
    picture = base64.b64encode(b"\x89PNG").decode()
    body = {
        "from": {"name": 'Jöe "J", Smith', "address": JOE},
        "to": [{"name": "Müller, Ä" * 20, "address": "jürg@bücher.example"}],
        "cc": {"address": FAR},
        "subject": "Grüße " * 40,
        "text": "Hällo\n.\n",
        "html": '<p>Hällo <img src="cid:pic@x"></p>',
        "headers": {"X-One": "1", "List-Id": ["<a.b>"]},
        "date": "2020-01-02T03:04:05Z",
        "attachments": [
            {"content": picture, "contentType": "image/png", "cid": "pic@x"},
            {"content": "grün", "encoding": "utf8", "filename": "ä\\b.txt"},
        ],
    }
    uid = posted(mail, mail.inbox, body).json["message"]["id"]
    octets = source(mail, mail.inbox, uid)
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    made = read(octets)
    assert made["From"].addresses[0].display_name == 'Jöe "J", Smith'
    assert made["To"].addresses[0].display_name.replace(" ", "") == ("Müller,Ä" * 20)
    assert "<jürg@xn--bcher-kva.example>\r\n".encode() in octets
    assert made["Subject"].split() == ["Grüße"] * 40
    assert made["Date"] == "Thu, 02 Jan 2020 03:04:05 +0000"
    assert (made["X-One"], made["List-Id"]) == ("1", "<a.b>")
    parts = [one for one in made.walk() if not one.is_multipart()]
    assert [one.get_content_type() for one in parts] == [
        *("text/plain", "text/html", "image/png", "text/plain")
    ]
    contents: list[Any] = [one.get_content() for one in parts]
    assert contents[0].split() == ["Hällo", "."]
    assert contents[2:] == [b"\x89PNG", "grün"]
    assert parts[3].get_filename() == "ä\\b.txt"
    assert not any(one.defects for one in made.walk())


INJECTIONS = [
    ({"subject": "a\r\nBcc: e@far.example"}, "subject"),
    ({"from": {"address": JOE, "name": "a\nX: y"}}, "from"),
    ({"to": [{"address": "a@b.example\r\nX: y"}]}, "to"),
    ({"to": [{"address": "a@b.example, c@d.example"}]}, "to"),
    ({"headers": [{"key": "X", "value": "a\n\nb"}]}, "headers"),
    ({"headers": [{"key": "X: y\r\nZ", "value": "a"}]}, "headers"),
    ({"headers": [{"key": "From", "value": "e@far.example"}]}, "headers"),
    ({"headers": [{"key": "Content-Type", "value": "text/html"}]}, "headers"),
    ({"headers": [{"key": "Message-ID", "value": "<a b>"}]}, "headers"),
    ({"attachments": [{"content": "", "filename": "a\r\nX: y"}]}, "attachments"),
    ({"attachments": [{"content": "", "contentType": "a/b\r\nX: y"}]}, "attachments"),
    ({"attachments": [{"content": "", "cid": "a\r\nX"}]}, "attachments"),
    ({"attachments": [{"content": "$$$$"}]}, "attachments"),
    ({"attachments": [{"content": "a", "encoding": "rot13"}]}, "attachments"),
    ({"raw": "*"}, "raw"),
]


@pytest.mark.parametrize(("fields", "field"), INJECTIONS)
def test_no_value_adds_a_line(mail: Mailbox, fields: Mapping[str, object], field: str) -> None:
    body = {"from": {"address": JOE}, "to": [{"address": FAR}], **fields}
    refused(posted(mail, mail.inbox, body), 400, "InputValidationError", field)
    assert mail.ids() == []


@pytest.mark.parametrize("escaped", [False, True])
def test_large_contents_pass_by_the_json_decoder(
    mail: Mailbox, escaped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifted, "_STEP", 1000)
    octets = bytes(range(256)) * 12_000
    content = base64.encodebytes(octets).decode() if escaped else base64.b64encode(octets).decode()
    body = {"subject": 'q"\\', "attachments": [{"content": content, "filename": "b"}]}
    text = json.dumps(body).replace("/", "\\/") if escaped else json.dumps(body)
    uid = posted(mail, mail.inbox, text.encode()).json["message"]["id"]
    made = read(source(mail, mail.inbox, uid))
    assert made["Subject"] == 'q"\\'
    (one,) = made.iter_attachments()
    assert one.get_content() == octets


def test_what_is_no_content_stays_small(mail: Mailbox) -> None:
    body = {"text": "x" * (1 << 20), "subject": "s"}
    refused(posted(mail, mail.inbox, body), 413, "TooLarge")
    refused(posted(mail, mail.inbox, b"x", content_type="text/plain"), 415, "UnsupportedMediaType")
    refused(
        posted(mail, mail.inbox, {"attachments": [{"content": "\0007"}]}),
        400,
        "InputValidationError",
    )


def test_an_upload_replaces_another_message(mail: Mailbox) -> None:
    first = draft(mail, subject="one")
    previous = {"mailbox": mail.boxes["Drafts"].id, "id": first}
    body = {"draft": True, "text": "two", "replacePrevious": previous}
    reply = posted(mail, mail.path("Drafts"), body)
    assert reply.json["previousDeleted"] is True
    assert mail.ids(mail.path("Drafts")) == [first + 1]
    again = posted(mail, mail.path("Drafts"), body)
    assert again.json["previousDeleted"] is False


def test_an_upload_over_quota_is_refused() -> None:
    here = world(people=(), quota=200)
    here.account(JOE)
    mail = Mailbox(here)
    reply = posted(mail, mail.inbox, RAW + b"x" * 300, content_type="message/rfc822")
    refused(reply, 400, "OverQuotaError")


# -- submissions


def test_a_message_is_sent_and_kept(mail: Mailbox) -> None:
    body = {
        "to": [{"name": "Ann", "address": ANN}, {"address": FAR}],
        "bcc": [{"address": "secret@far.example"}],
        "subject": "s",
        "html": "<p>Rich</p>",
    }
    reply = posted(mail, f"{mail.user}/submit", body).json
    assert reply["success"] is True
    assert reply["message"]["mailbox"] == mail.boxes["Sent"].id
    entries = queued(mail)
    assert {one.recipient for one in entries} == {FAR, "secret@far.example"}
    assert {one.sender.transaction for one in entries} == {reply["message"]["queueId"]}
    assert all(one.sender.address == JOE and one.sender.local for one in entries)
    kept = source(mail, mail.path("Sent"), reply["message"]["id"])
    assert read(kept)["Bcc"] == "secret@far.example"
    box = run(mail.world.mailboxes.get(mail.world.people[ANN].number, "INBOX"))
    there = mail.site.get(f"/users/{mail.world.people[ANN].id}/mailboxes/{box.id}/messages")
    came = mail.site.get(
        f"/users/{mail.world.people[ANN].id}/mailboxes/{box.id}/messages/"
        f"{there.json['results'][0]['id']}/message.eml"
    ).body
    assert b"secret" not in came
    assert read(came)["Message-ID"] == read(kept)["Message-ID"]
    assert read(came).get_body(("plain",)) is not None


REFUSED = [
    ({"to": []}, 400, "InputValidationError"),
    ({"to": [{"address": f"nobody@{DOMAIN}"}]}, 400, "InputValidationError"),
    ({"from": {"address": ANN}}, 403, "MissingPrivileges"),
    ({"from": {"address": "ceo@far.example"}}, 403, "MissingPrivileges"),
    ({"envelope": {"from": {"address": ANN}}}, 403, "MissingPrivileges"),
    ({"sendTime": "2999-01-01T00:00:00Z"}, 400, "InputValidationError"),
    ({"mailbox": "f" * 24}, 404, "NoSuchMailbox"),
    ({"unknown": 1}, 400, "InputValidationError"),
]


@pytest.mark.parametrize(("fields", "status", "code"), REFUSED)
def test_what_may_not_be_sent_leaves_nothing(
    mail: Mailbox, fields: Mapping[str, object], status: int, code: str
) -> None:
    body = {"to": [{"address": FAR}], "subject": "s", "text": "t", **fields}
    refused(posted(mail, f"{mail.user}/submit", body), status, code)
    assert queued(mail) == []
    assert mail.ids(mail.path("Sent")) == []


def test_recipients_are_counted_all_or_none(mail: Mailbox) -> None:
    mail.site.put(mail.user, {"recipients": 3})
    two = {"to": [{"address": FAR}, {"address": "c@far.example"}], "text": "t"}
    assert posted(mail, f"{mail.user}/submit", two).status == 200
    refused(posted(mail, f"{mail.user}/submit", two), 403, "RateLimitedError")
    one = {"to": [{"address": FAR}], "text": "t"}
    assert posted(mail, f"{mail.user}/submit", one).status == 200
    assert mail.site.get(mail.user).json["limits"]["recipients"]["used"] == 3


def test_mail_waits_for_its_time(mail: Mailbox) -> None:
    at = int(mail.world.clock.now()) + 3600
    body = {"to": [{"address": FAR}], "text": "t", "sendTime": at * 1000}
    assert posted(mail, f"{mail.user}/submit", body).status == 200
    (entry,) = queued(mail)
    assert entry.due == at
    past = {**body, "sendTime": (at - 7200) * 1000}
    assert posted(mail, f"{mail.user}/submit", past).status == 200


@pytest.mark.parametrize(("field", "box"), [("isDraft", "Drafts"), ("uploadOnly", "Sent")])
def test_what_is_only_stored_is_not_sent(mail: Mailbox, field: str, box: str) -> None:
    body = {"to": [{"address": FAR}], "text": "t", field: True}
    reply = posted(mail, f"{mail.user}/submit", body).json
    assert reply["message"]["mailbox"] == mail.boxes[box].id
    assert "queueId" not in reply["message"]
    assert queued(mail) == []


def test_mail_leaves_where_there_is_no_room_for_a_copy() -> None:
    here = world(people=(), quota=100)
    here.account(JOE)
    mail = Mailbox(here)
    body = {"to": [{"address": FAR}], "text": "t" * 200}
    reply = posted(mail, f"{mail.user}/submit", body).json
    assert reply["overQuota"] is True
    assert (reply["message"]["id"], reply["message"]["mailbox"]) == (False, False)
    assert len(queued(mail)) == 1


ASKED = (
    b"From: Bob <bob@far.example>\r\nTo: joe@example.org, Al <al@far.example>\r\n"
    b"Cc: bob@far.example\r\nSubject: Plan\r\nMessage-ID: <q@far>\r\nReferences: <p@far>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nt\r\n--b\r\n"
    b"Content-Type: application/x-a; name=a.bin\r\nContent-Disposition: attachment\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
)
ANSWERS = [
    ("reply", "Re: Plan", [FAR], None, "answered"),
    ("replyAll", "Re: Plan", [FAR], "al@far.example", "answered"),
    ("forward", "Fwd: Plan", ["to@far.example"], None, "forwarded"),
]


@pytest.mark.parametrize(("action", "subject", "to", "cc", "mark"), ANSWERS)
def test_an_answer_takes_over_what_it_refers_to(
    mail: Mailbox, action: str, subject: str, to: list[str], cc: str | None, mark: str
) -> None:
    uid = mail.world.deliver(JOE, ASKED).uid
    reference = {"mailbox": mail.boxes["INBOX"].id, "id": uid, "action": action}
    body: dict[str, object] = {"reference": {**reference, "attachments": True}, "text": "t"}
    if action == "forward":
        body["to"] = [{"address": to[0]}]
    reply = posted(mail, f"{mail.user}/submit", body).json
    made = read(source(mail, mail.path("Sent"), reply["message"]["id"]))
    assert made["Subject"] == subject
    assert [one.addr_spec for one in made["To"].addresses] == to
    assert (made["Cc"] and made["Cc"].addresses[0].addr_spec) == cc
    assert made["References"] == "<p@far> <q@far>"
    assert made["In-Reply-To"] == (None if action == "forward" else "<q@far>")
    (attached,) = made.iter_attachments()
    assert (attached.get_content(), attached.get_filename()) == (b"\0\1\2", "a.bin")
    assert mail.site.get(f"{mail.inbox}/{uid}").json[mark] is True


def test_what_the_application_keeps_with_a_message(mail: Mailbox) -> None:
    body = {"to": [{"address": FAR}], "text": "t", "metaData": {"a": 1}}
    sent = posted(mail, f"{mail.user}/submit", body).json["message"]["id"]
    kept = posted(mail, mail.inbox, body).json["message"]["id"]
    for path, uid in ((mail.path("Sent"), sent), (mail.inbox, kept)):
        assert mail.site.get(f"{path}/{uid}").json["metaData"] == {"a": 1}
