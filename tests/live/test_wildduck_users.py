"""The document's calls on users and quota, as its curl lines make them, on a running server; and
what each of them does to people on SMTP, IMAP and POP3."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from typing import Any

import pytest

from tests.live.pace import prompt
from tests.live.server import Server
from tests.live.web import PASSWORD, ask, call, make
from tests.live.wire import IMAP, SMTP, Wire
from tests.wire.test_openpgp import KEY as SIGNING
from tests.wire.test_pgp import FINGERPRINT, SEALING

pytestmark = pytest.mark.live
ABSENT = "59fc66a03e54454869460e45"
MESSAGE = b"From: a@far.test\r\nSubject: x\r\n\r\n" + b"0123456789" * 40 + b"\r\n"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def smtp(server: Server, recipient: str, *, data: bytes = MESSAGE) -> bytes:
    """The last reply to a message for `recipient`."""
    with SMTP(server.port("smtp")) as client:
        client.say(b"MAIL FROM:<a@far.test>")
        answer = client.say(b"RCPT TO:<%s>" % recipient.encode())
        if not answer.startswith(b"250"):
            return answer
        assert client.say(b"DATA").startswith(b"354")
        return client.say(data + b".")


def imap(server: Server, name: str) -> IMAP:
    return IMAP(server.port("imap", "starttls"), name, PASSWORD)


def append(client: IMAP, data: bytes = MESSAGE) -> bytes:
    return client.say(b"APPEND INBOX {%d+}\r\n%s" % (len(data), data))[-1]


def pop3(server: Server, name: str) -> Wire:
    client = Wire(server.port("pop3", "starttls"))
    client.line()
    for line in (b"USER " + name.encode(), b"PASS " + PASSWORD.encode()):
        client.send(line + b"\r\n")
        assert client.line().startswith(b"+OK")
    return client


# -- as the document has them


def test_the_curl_lines_of_users(server: Server) -> None:
    user = {"username": "testuser", "password": "secretpass", "address": "testuser@example.com"}
    status, made = ask(server, "POST", "/users", {**user, "ip": "192.168.10.10"})
    assert (status, set(made)) == (200, {"success", "id"})
    id = made["id"]
    tagged = {"username": "testuser01", "password": "x", "address": "testuser01@example.com"}
    other = call(server, "POST", "/users", {**tagged, "tags": ["green", "blue"]})["id"]
    status, listing = ask(server, "GET", "/users?query=testuser01&tags=red,green")
    assert listing == {
        "success": True,
        "query": "testuser01",
        "total": 1,
        "page": 1,
        "previousCursor": False,
        "nextCursor": False,
        "results": [
            {
                "id": other,
                "username": "testuser01",
                "name": None,
                "address": "testuser01@example.com",
                "tags": ["green", "blue"],
                "targets": [],
                "autoreply": False,
                "enabled2fa": [],
                "encryptMessages": False,
                "encryptForwarded": False,
                "quota": {"allowed": 0, "used": 0},
                "hasPasswordSet": True,
                "activated": True,
                "disabled": False,
                "suspended": False,
            }
        ],
    }
    assert ask(server, "PUT", f"/users/{id}", {"quota": 1024}) == (200, {"success": True})
    status, shown = ask(server, "GET", f"/users/{id}")
    documented = {
        "success", "id", "username", "name", "address", "retention", "enabled2fa",
        "encryptMessages", "encryptForwarded", "pubKey", "keyInfo", "limits", "tags",
        "hasPasswordSet", "activated", "disabled",
    }  # fmt: skip
    assert documented <= set(shown)
    assert (shown["retention"], shown["pubKey"], shown["keyInfo"]) == (False, "", False)
    assert shown["limits"]["quota"] == {"allowed": 1024, "used": 0}
    assert shown["limits"]["recipients"] == {"allowed": 0, "used": 0, "ttl": False}
    logout = {"reason": "Account was deleted"}
    assert ask(server, "PUT", f"/users/{id}/logout", logout) == (200, {"success": True})
    status, counted = ask(server, "POST", f"/users/{id}/quota/reset", {})
    assert (status, counted) == (200, {"success": True, "storageUsed": 0, "previousStorageUsed": 0})
    status, gone = ask(server, "DELETE", f"/users/{id}")
    assert (status, gone["success"], gone["code"]) == (200, True, "TaskScheduled")
    assert STAMP.fullmatch(gone["deleteAfter"])
    assert ask(server, "GET", f"/users/{id}")[0] == 404


def test_every_documented_field_of_a_user(server: Server) -> None:
    """Both calls that take them, read back; a form and words do as well as JSON."""
    before = {
        "name": "Test User", "quota": 10_000, "retention": 86_400_000, "language": "et",
        "recipients": 7, "forwards": 8, "tags": ["green", "blue"], "pubKey": SEALING,
        "encryptMessages": "yes", "encryptForwarded": 0, "sess": "s", "ip": "192.168.10.10",
    }  # fmt: skip
    id = make(server, "fields@here.test", **before)
    shown: Any = call(server, "GET", f"/user/{id}")
    assert shown["limits"]["recipients"] == {"allowed": 7, "used": 0, "ttl": False}
    assert (shown["limits"]["forwards"]["allowed"], shown["limits"]["quota"]["allowed"]) == (
        8, 10_000,
    )  # fmt: skip
    plain = ("name", "retention", "language", "tags", "encryptMessages", "encryptForwarded")
    assert [shown[name] for name in plain] == [
        "Test User", 86_400_000, "et", ["green", "blue"], True, False,
    ]  # fmt: skip
    assert shown["keyInfo"]["fingerprint"] == FINGERPRINT
    after = {
        "name": "Other", "quota": 20_000, "retention": 0, "language": "en", "recipients": 0,
        "forwards": 0, "tags": "", "pubKey": "", "encryptMessages": "off",
        "encryptForwarded": "n", "password": "Another-Passw0rd", "existingPassword": PASSWORD,
    }  # fmt: skip
    assert ask(server, "PUT", f"/users/{id}?sess=s", after) == (200, {"success": True})
    shown = call(server, "GET", f"/users/{id}")
    assert [shown[name] for name in plain] == [
        "Other", False, "en", ["green", "blue"], False, False,
    ]  # fmt: skip
    assert (shown["pubKey"], shown["limits"]["quota"]["allowed"]) == ("", 20_000)
    with pytest.raises(AssertionError):
        imap(server, "fields@here.test")
    for query, found in (
        ("tags=blue,red", 1), ("requiredTags=blue,red", 0), ("requiredTags=GREEN,blue", 1),
    ):  # fmt: skip
        listing = call(server, "GET", f"/users?query=fields@&limit=1&{query}")
        assert listing["total"] == found, query


def test_everybodys_quota_is_counted_again(server: Server) -> None:
    make(server, "counted@here.test")
    assert smtp(server, "counted@here.test").startswith(b"250")
    counted = call(server, "POST", "/quota/reset", {})
    assert counted["storageUsed"] == counted["previousStorageUsed"]
    assert int(str(counted["storageUsed"])) > len(MESSAGE)


ERRORS: list[tuple[str, str, object, int, str]] = [
    ("POST", "/users", {"username": "x y", "password": "p"}, 400, "InputValidationError"),
    ("POST", "/users", {"username": "noword"}, 400, "InputValidationError"),
    ("POST", "/users", {"username": "taken@here.test", "password": "p"}, 400, "UserExistsError"),
    (
        "POST",
        "/users",
        {"username": "new", "password": "p", "address": "taken@here.test"},
        400,
        "AddressExistsError",
    ),
    (
        "POST",
        "/users",
        {"username": "new", "password": "p", "pubKey": SIGNING},
        400,
        "InputValidationError",
    ),
    ("GET", "/users?limit=1000", None, 400, "InputValidationError"),
    ("GET", "/users/xyz", None, 400, "InputValidationError"),
    ("GET", f"/users/{ABSENT}", None, 404, "UserNotFound"),
    ("PUT", f"/users/{ABSENT}", {"name": "x"}, 404, "UserNotFound"),
    ("PUT", f"/users/{ABSENT}/logout", {}, 404, "UserNotFound"),
    ("POST", f"/users/{ABSENT}/quota/reset", {}, 404, "UserNotFound"),
    ("GET", f"/users/{ABSENT}/restore", None, 404, "UserNotFound"),
    ("POST", f"/users/{ABSENT}/restore", {}, 404, "UserNotFound"),
    ("GET", "/users/resolve/nobody", None, 404, "UserNotFound"),
    ("PUT", "/users/ID", {}, 400, "NoUpdates"),
    ("PUT", "/users/ID", {"color": "red"}, 400, "InputValidationError"),
    ("PUT", "/users/ID", {"name": "x", "existingPassword": "wrong"}, 403, "AuthFail"),
    ("PUT", "/users/ID/logout", {"reason": "x" * 129}, 400, "InputValidationError"),
    ("DELETE", "/users/ID?deleteAfter=soon", None, 400, "InputValidationError"),
]


@pytest.fixture(scope="module")
def taken(server: Server) -> str:
    return make(server, "taken@here.test")


@pytest.mark.parametrize(("method", "path", "fields", "status", "code"), ERRORS)
def test_every_error(
    server: Server, taken: str, method: str, path: str, fields: object, status: int, code: str
) -> None:
    answer = ask(server, method, path.replace("ID", taken), fields)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert answer[1]["error"]
    assert ask(server, "GET", f"/users/{taken}")[1]["name"] is None


# -- what people meet


def test_over_quota_refuses_on_every_protocol(server: Server) -> None:
    id = make(server, "full@here.test")
    assert smtp(server, "full@here.test").startswith(b"250")
    used = storage(server, id)
    assert used > len(MESSAGE)
    call(server, "PUT", f"/users/{id}", {"quota": used + 10})
    assert smtp(server, "full@here.test")[:9] == b"452 4.2.2"
    with imap(server, "full@here.test") as client:
        assert b"NO [OVERQUOTA]" in append(client)
        client.say(b"SELECT INBOX")
        assert b"NO [OVERQUOTA]" in client.say(b"COPY 1 Trash")[-1]
        assert b" OK" in client.say(b"MOVE 1 Trash")[-1], "moving needs no room"
    counted = call(server, "POST", f"/users/{id}/quota/reset", {})
    assert counted["storageUsed"] == counted["previousStorageUsed"] == used
    trash = call(server, "GET", f"/users/{id}/mailboxes/resolve?path=Trash")["id"]
    call(server, "DELETE", f"/users/{id}/mailboxes/{trash}/messages/1")
    assert storage(server, id) == 0
    (kept,) = call(server, "GET", f"/users/{id}/archived")["results"]  # type: ignore[misc]
    call(server, "PUT", f"/users/{id}", {"quota": used - 1})
    status, answer = ask(server, "POST", f"/users/{id}/archived/{kept['id']}/restore", {})
    assert (status, answer["code"]) == (400, "OverQuotaError")


def storage(server: Server, id: str) -> int:
    """Bytes that the user has in mailboxes."""
    limits: Any = call(server, "GET", f"/users/{id}")["limits"]
    used: int = limits["quota"]["used"]
    return used


def test_logout_with_a_reason_ends_sessions_everywhere(server: Server) -> None:
    id = make(server, "busy@here.test")
    client, idle, maildrop = imap(server, "busy@here.test"), imap(server, "busy@here.test"), None
    idle.say(b"SELECT INBOX")
    idle.send(b"i IDLE\r\n")
    assert idle.line().startswith(b"+")
    maildrop = pop3(server, "busy@here.test")
    shown: Any = call(server, "GET", f"/users/{id}")["limits"]
    assert shown["imapMaxConnections"]["used"] == 2
    stream = urllib.request.urlopen(
        f"http://127.0.0.1:{server.port('http')}/wildduck/users/{id}/updates", timeout=10
    )
    with prompt(2, server.pid):
        call(server, "PUT", f"/users/{id}/logout", {"reason": "Account was moved"})
        for session in (client, idle):
            assert session.line() == b"* BYE Account was moved"
            assert session.closed()
        assert maildrop.closed()
        while stream.read(1):
            pass
    with imap(server, "busy@here.test") as again:
        assert b" OK" in again.say(b"NOOP")[-1]


@pytest.mark.parametrize("what", ["disabled", "suspended"])
def test_a_closed_account_is_refused_everywhere(server: Server, what: str) -> None:
    name = f"{what}@here.test"
    id = make(server, name)
    session = imap(server, name)
    call(server, "PUT", f"/users/{id}", {what: True})
    assert session.line().startswith(b"* BYE")
    with IMAP(server.port("imap", "starttls")) as client:
        line = b'LOGIN "%s" "%s"' % (name.encode(), PASSWORD.encode())
        assert b"NO [AUTHORIZATIONFAILED]" in client.say(line)[-1]
    answer = ask(server, "POST", "/authenticate", {"username": name, "password": PASSWORD})
    assert (answer[0], answer[1]["code"]) == (403, "AuthFailed")
    delivered = smtp(server, name)
    assert delivered.startswith(b"250" if what == "suspended" else b"550")
    call(server, "PUT", f"/users/{id}", {what: False})
    imap(server, name).close()


def test_a_user_goes_and_comes_back(server: Server) -> None:
    id = make(server, "leaver@here.test")
    assert smtp(server, "leaver@here.test").startswith(b"250")
    session = imap(server, "leaver@here.test")
    call(server, "DELETE", f"/users/{id}")
    assert session.line().startswith(b"* BYE")
    assert smtp(server, "leaver@here.test").startswith(b"550")
    info = call(server, "GET", f"/users/{id}/restore")
    assert info["recoverableAddresses"] == ["leaver@here.test"]
    assert int(str(info["storageUsed"])) > 400
    back = call(server, "POST", f"/users/{id}/restore", {})
    assert back["addresses"] == {"recovered": 1, "main": "leaver@here.test"}
    with imap(server, "leaver@here.test") as client:
        assert b"* 1 EXISTS" in client.say(b"SELECT INBOX")


def test_limits_hold_where_mail_passes(server: Server) -> None:
    limits = {
        "recipients": 1, "receivedMax": 2, "imapMaxConnections": 1, "imapMaxUpload": 10,
        "pop3MaxMessages": 1, "pop3MaxDownload": 1,
    }  # fmt: skip
    id = make(server, "bound@here.test", **limits)
    for expected in (b"250", b"250", b"452"):
        assert smtp(server, "bound@here.test").startswith(expected)
    with imap(server, "bound@here.test") as client:
        with IMAP(server.port("imap", "starttls")) as second:
            line = b'LOGIN "bound@here.test" "%s"' % PASSWORD.encode()
            assert b"NO [LIMIT]" in second.say(line)[-1]
        assert b" OK" in append(client)
        assert b"NO [LIMIT]" in append(client)
    maildrop = pop3(server, "bound@here.test")
    for command, answer in ((b"STAT", b"+OK 1 "), (b"RETR 1", b"+OK")):
        maildrop.send(command + b"\r\n")
        assert maildrop.line().startswith(answer)
    while maildrop.line() != b".":
        pass
    maildrop.send(b"RETR 1\r\n")
    assert maildrop.line().startswith(b"-ERR [SYS/TEMP]")
    shown: Any = call(server, "GET", f"/users/{id}")["limits"]
    assert shown["received"]["used"] == 2
    assert 0 < shown["received"]["ttl"] <= 60
    assert shown["imapUpload"]["used"] == len(MESSAGE)


def test_a_key_is_shown_with_its_owner(server: Server) -> None:
    id = make(server, "sealed@here.test", pubKey=SEALING, encryptMessages=True)
    shown = call(server, "GET", f"/users/{id}")
    assert shown["keyInfo"] == {
        "name": "Joe Doe", "address": "joe@example.org", "fingerprint": FINGERPRINT,
    }  # fmt: skip
    assert shown["encryptMessages"] is True


def test_the_description_knows_the_calls(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port('http')}/wildduck/openapi.json"
    with urllib.request.urlopen(url, timeout=10) as response:
        paths = json.load(response)["paths"]
    for path, methods in {
        "/addresses/renameDomain": {"put"},
        "/domainaliases": {"get", "post"},
        "/filters": {"get"},
        "/preauth": {"post"},
        "/quota/reset": {"post"},
        "/users/{user}/addressregister": {"get"},
        "/users/{user}/outbound/{queueId}": {"delete"},
        "/users/{user}/storage": {"get", "post"},
        "/users/{user}/storage/{file}": {"get", "delete"},
        "/users/{user}/2fa/custom": {"put", "delete"},
        "/users": {"get", "post"},
        "/users/{user}": {"get", "put", "delete"},
        "/users/{user}/logout": {"put"},
        "/users/{user}/quota/reset": {"post"},
        "/users/{user}/mailboxes": {"get", "post"},
        "/users/{user}/mailboxes/{mailbox}": {"get", "put", "delete"},
        "/users/{user}/addresses": {"get", "post"},
        "/users/{user}/addresses/{address}": {"get", "put", "delete"},
        "/addresses": {"get"},
    }.items():
        assert methods <= set(paths[path]), path


def test_connections_of_strangers_are_not_counted(server: Server) -> None:
    make(server, "alone@here.test", imapMaxConnections=1)
    with socket.create_connection(("127.0.0.1", server.port("imap", "starttls"))):
        imap(server, "alone@here.test").close()
    deadline = time.monotonic() + 60
    while True:
        try:
            imap(server, "alone@here.test").close()
            return
        except AssertionError:
            assert time.monotonic() < deadline
