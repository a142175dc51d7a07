"""Files that are kept for messages still to be written, and mail that is taken back."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from mailhub.core import correspondents, files
from mailhub.core.rights import Role
from tests.http.browsing import FOREIGN, Reply, Site, with_token
from tests.http.mailing import JOE, Mailbox
from tests.http.sending import ANN, FAR, draft, posted, queued, read, source, writing
from tests.support import run
from tests.world import ACTOR, world

pytestmark = pytest.mark.thorough

ABSENT = "0" * 24
OCTETS = bytes(range(256)) * 10


@pytest.fixture
def mail() -> Mailbox:
    return writing()


def kept(mail: Mailbox, **fields: object) -> str:
    reply = posted(mail, f"{mail.user}/storage", fields)
    assert reply.status == 200, reply.json
    assert set(reply.json) == {"success", "id"}
    return str(reply.json["id"])


def raw(mail: Mailbox, octets: bytes, type: str = "image/png", query: str = "") -> Reply:
    return posted(mail, f"{mail.user}/storage{query}", octets, content_type=type)


def listed(mail: Mailbox, query: str = "") -> Any:
    return mail.site.get(f"{mail.user}/storage{query}").json


def refused(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.json["code"]) == (status, code), reply.json


def test_the_life_of_a_file(mail: Mailbox) -> None:
    id = raw(mail, OCTETS, query="?filename=b%C3%AFg.png&cid=%3Cpic@x%3E&sess=s").json["id"]
    (row,) = listed(mail)["results"]
    assert row.pop("created").endswith("Z")
    assert row == {
        "id": id, "filename": "bïg.png", "contentType": "image/png", "cid": "pic@x",
        "size": len(OCTETS),
    }  # fmt: skip
    path = f"{mail.user}/storage/{id}"
    found = mail.site.get(path)
    assert (found.status, found.body, found.headers["content-type"]) == (200, OCTETS, "image/png")
    assert "filename*=UTF-8''b%C3%AFg.png" in found.headers["content-disposition"]
    assert found.headers["x-content-type-options"] == "nosniff"
    assert mail.site.delete(path).json == {"success": True}
    assert listed(mail)["results"] == []
    for method in ("GET", "DELETE"):
        refused(mail.site.ask(method, path), 404, "FileNotFound")


@pytest.mark.parametrize(
    ("fields", "type", "octets"),
    [
        ({"content": "grün", "filename": "a.txt"}, "text/plain; charset=utf-8", "grün".encode()),
        ({"content": "<p>", "filename": "a.html"}, "text/html; charset=utf-8", b"<p>"),
        ({"content": "R3I=", "encoding": "base64"}, "application/octet-stream", b"Gr"),
        ({"content": "{}", "contentType": "application/json"}, "application/json", b"{}"),
        ({"content": "x", "contentType": "no type"}, "application/octet-stream", b"x"),
        ({"filename": "empty.pdf"}, "application/pdf", b""),
    ],
)
def test_files_in_fields(mail: Mailbox, fields: Any, type: str, octets: bytes) -> None:
    found = mail.site.get(f"{mail.user}/storage/{kept(mail, **fields)}")
    assert (found.headers["content-type"], found.body) == (type, octets)


def test_a_large_file_is_kept_in_pieces(mail: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE", 1000)
    octets = OCTETS * 100
    content = base64.b64encode(octets).decode()
    for id in (
        raw(mail, octets, "application/zip").json["id"],
        kept(mail, content=content, encoding="base64"),
    ):
        found = mail.site.get(f"{mail.user}/storage/{id}")
        assert (found.body, int(found.headers["content-length"])) == (octets, len(octets))


def test_pages_and_names(mail: Mailbox) -> None:
    ids = [kept(mail, content="x", filename=f"f{number}.txt") for number in range(3)]
    first = listed(mail, "?limit=2")
    assert (first["total"], first["page"], first["previousCursor"]) == (3, 1, False)
    second = listed(mail, f"?limit=2&next={first['nextCursor']}")
    assert [row["id"] for row in first["results"] + second["results"]] == ids
    assert [row["id"] for row in listed(mail, "?query=F1")["results"]] == ids[1:2]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"content": "*", "encoding": "base64"}, 400, "InputValidationError"),
        ({"content": "x", "encoding": "rot13"}, 400, "InputValidationError"),
        ({"content": "x", "filename": "a\r\nX: y"}, 400, "InputValidationError"),
        ({"content": "x", "filename": "a" * 256}, 400, "InputValidationError"),
        ({"content": "x", "color": "red"}, 400, "InputValidationError"),
    ],
)
def test_what_is_no_file_leaves_nothing(
    mail: Mailbox, fields: object, status: int, code: str
) -> None:
    refused(posted(mail, f"{mail.user}/storage", fields), status, code)
    assert listed(mail)["total"] == 0


def test_bounds(mail: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 1)
    kept(mail, content="x")
    refused(raw(mail, b"x"), 403, "TooMany")
    monkeypatch.setattr(files, "MOST", 9)
    mail.site.put(mail.user, {"quota": 100})
    refused(raw(mail, b"x" * 100), 400, "OverQuotaError")
    mail.world.mailing.files.largest = 50
    refused(raw(mail, b"x" * 51), 413, "TooLarge")
    assert listed(mail)["total"] == 1


def test_nobody_else_has_them(mail: Mailbox) -> None:
    id = kept(mail, content="x")
    hers = f"/users/{mail.world.people[ANN].id}"
    for method in ("GET", "DELETE"):
        refused(mail.site.ask(method, f"{hers}/storage/{id}"), 404, "FileNotFound")
    body = {"to": [{"address": FAR}], "text": "t", "files": [id]}
    refused(mail.site.post(f"{hers}/submit", body), 404, "FileNotFound")
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{id}"), ("DELETE", f"/{id}")):
        content = {} if method == "POST" else None
        reply = mail.site.ask(method, f"/users/{ABSENT}/storage{path}", content)
        refused(reply, 404, "UserNotFound")


# -- in messages


def attached(octets: bytes) -> list[tuple[str | None, str, Any]]:
    found = []
    for one in read(octets).walk():
        if one.get_filename():
            found.append((one.get_filename(), one.get_content_type(), one.get_content()))
    return found


def test_a_draft_has_its_files_until_it_is_sent(mail: Mailbox) -> None:
    one = raw(mail, b"\x89PNG", query="?filename=a.png").json["id"]
    two = kept(mail, content="grün", filename="b.txt")
    uid = draft(mail, files=[one, two], metaData={"color": "red"})
    drafts = mail.path("Drafts")
    assert attached(source(mail, drafts, uid)) == [
        ("a.png", "image/png", b"\x89PNG"),
        ("b.txt", "text/plain", "grün"),
    ]
    shown = mail.site.get(f"{drafts}/{uid}").json
    assert shown["metaData"] == {"color": "red", "files": [one, two]}
    sent = posted(mail, f"{drafts}/{uid}/submit", {"deleteFiles": True})
    assert sent.status == 200, sent.json
    assert listed(mail)["total"] == 0
    assert len(attached(source(mail, mail.path("Sent"), sent.json["message"]["id"]))) == 2


@pytest.mark.parametrize("gone", [False, True])
def test_files_leave_with_what_is_submitted(mail: Mailbox, gone: bool) -> None:
    id = kept(mail, content="x", filename="x.txt", cid="x@x")
    body = {"to": [{"address": FAR}], "text": "t", "files": [id], "deleteFiles": gone}
    sent = posted(mail, f"{mail.user}/submit", body).json
    (file,) = attached(source(mail, mail.path("Sent"), sent["message"]["id"]))
    assert file[0] == "x.txt"
    assert listed(mail)["total"] == int(not gone)


def test_a_file_that_is_not_there_stops_the_message(mail: Mailbox) -> None:
    body = {"to": [{"address": FAR}], "text": "t", "files": [ABSENT]}
    refused(posted(mail, f"{mail.user}/submit", body), 404, "FileNotFound")
    refused(posted(mail, mail.inbox, body), 404, "FileNotFound")
    assert (queued(mail), mail.ids()) == ([], [])


def test_who_may_send_alone_has_no_files() -> None:
    here = world(people=(JOE,))
    mail = Mailbox(here)
    id = kept(mail, content="x")
    mail.site = Site(here, settings=with_token("r00t"), peer=FOREIGN)
    token = run(here.tokens.issue(mail.account, Role.SENDER))[0]
    body = {"to": [{"address": FAR}], "text": "t"}
    for more in ({"files": [id]}, {"deleteFiles": True}):
        reply = posted(mail, f"{mail.user}/submit", {**body, **more}, x_access_token=token)
        refused(reply, 403, "MissingPrivileges")
    assert queued(mail) == []


# -- what has not left


def test_mail_is_taken_back(mail: Mailbox) -> None:
    body = {"to": [{"address": FAR}, {"address": "c@far.example"}], "text": "t"}
    later = {**body, "sendTime": int(mail.world.clock.now() + 3600) * 1000}
    id = posted(mail, f"{mail.user}/submit", later).json["message"]["queueId"]
    other = posted(mail, f"{mail.user}/submit", later).json["message"]["queueId"]
    hers = f"/users/{mail.world.people[ANN].id}"
    refused(mail.site.delete(f"{hers}/outbound/{id}"), 404, "MessageNotFound")
    assert len(queued(mail)) == 4
    reply = mail.site.delete(f"{mail.user}/outbound/{id}")
    assert reply.json == {"success": True, "deleted": 2, "busy": 0}
    assert {entry.sender.transaction for entry in queued(mail)} == {other}
    refused(mail.site.delete(f"{mail.user}/outbound/{id}"), 404, "MessageNotFound")
    refused(mail.site.delete(f"/users/{ABSENT}/outbound/{id}"), 404, "UserNotFound")


# -- whom somebody wrote to


def test_whom_somebody_wrote_to_lately(mail: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correspondents, "PAGE", 2)
    people = [
        ("Test Töster", "test@öxample.example"), ("", "bob@far.example"),
        ("Ann, B", "ann@example.org"), ("Bob again", "BOB@far.example"),
    ]  # fmt: skip
    for name, address in people:
        to = [{"name": name, "address": address}]
        reply = posted(mail, mail.path("Sent"), {"to": to, "cc": [{"address": FAR}], "text": "t"})
        assert reply.status == 200, reply.json

    def found(query: str, **more: object) -> list[tuple[str, str]]:
        reply = mail.site.get(f"{mail.user}/addressregister?query={quote(query)}&{urlencode(more)}")
        assert reply.status == 200, reply.json
        return [(row["name"], row["address"]) for row in reply.json["results"]]

    bob, tester = ("Bob again", "BOB@far.example"), ("Test Töster", "test@öxample.example")
    for query in ("TÖST", "test", "test töst", "öxam", "test@ö"):
        assert found(query) == [tester], query
    assert found("bob") == found("far.ex") == found("again") == [bob]
    assert found("ann") == [("Ann, B", "ann@example.org")]
    assert found("x") == found("öster") == []
    assert len(found("b", limit=1)) == 1
    (row,) = mail.site.get(f"{mail.user}/addressregister?query=again").json["results"]
    assert len(row["id"]) == 24
    for wrong in ("query=", "query=x&limit=0", "limit=2"):
        reply = mail.site.get(f"{mail.user}/addressregister?{wrong}")
        refused(reply, 400, "InputValidationError")
    refused(mail.site.get(f"/users/{ABSENT}/addressregister?query=x"), 404, "UserNotFound")


def test_who_never_wrote_and_who_has_no_sent_mail(mail: Mailbox) -> None:
    path = f"{mail.user}/addressregister?query=a"
    assert mail.site.get(path).json == {"success": True, "results": []}
    sent = mail.boxes["Sent"].number
    run(mail.world.store.mailboxes.set_special_use(mail.account.number, sent, "", ACTOR))
    assert mail.site.get(path).json["results"] == []
