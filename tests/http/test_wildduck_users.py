"""WildDuck's user calls against the documented contract: each success and each error."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailhub.core import mailboxes
from tests.http.browsing import Site
from tests.support import run
from tests.wire.test_openpgp import KEY as SIGNING
from tests.wire.test_pgp import FINGERPRINT
from tests.wire.test_pgp import SEALING as KEY
from tests.world import ACTOR, DOMAIN, world

ID = re.compile(r"[0-9a-f]{24}")
ABSENT = "0123456789abcdef01234567"


@pytest.fixture
def site() -> Site:
    return Site()


def made(site: Site, username: str = "joe", **more: object) -> str:
    reply = site.post("/users", {"username": username, "password": "secretpass", **more})
    assert reply.status == 200, reply.json
    id: str = reply.json["id"]
    return id


def unused(allowed: int) -> dict[str, object]:
    return {"allowed": allowed, "used": 0, "ttl": False}


def invalid(reply: Any, details: dict[str, str]) -> None:
    assert reply.status == 400
    assert reply.json == {
        "error": ". ".join(details.values()),
        "code": "InputValidationError",
        "details": details,
    }


# -- POST /users


def test_the_documented_example(site: Site) -> None:
    reply = site.post(
        "/users",
        {
            "username": "testuser",
            "password": "secretpass",
            "address": "testuser@example.com",
            "ip": "192.168.10.10",
        },
    )
    assert reply.status == 200
    assert reply.json == {"success": True, "id": reply.json["id"]}
    assert ID.fullmatch(reply.json["id"])
    login = site.post("/authenticate", {"username": "testuser", "password": "secretpass"})
    assert login.json["id"] == reply.json["id"]


def test_every_parameter_is_kept(site: Site) -> None:
    id = made(
        site,
        "full.name",
        name=" Full Name ",
        address="full@other.example",
        quota=1000,
        retention=86400000,
        language="et",
        recipients=10,
        forwards=20,
        filters=5,
        receivedMax=60,
        imapMaxUpload=7,
        imapMaxDownload=8,
        pop3MaxDownload=9,
        pop3MaxMessages=250,
        imapMaxConnections=15,
        targets=["joe@OTHER.example"],
        spamLevel=25,
        metaData={"colour": ["blue"]},
        internalData='{"plan": 1}',
        disabledScopes=["pop3"],
        tags=["green", "Blue", "blue"],
        pubKey=KEY,
        encryptMessages=True,
        encryptForwarded="yes",
        sess="abc",
        ip="2001:db8::1",
    )
    assert site.get(f"/users/{id}").json == {
        "success": True,
        "id": id,
        "username": "full.name",
        "name": "Full Name",
        "address": "full@other.example",
        "language": "et",
        "retention": 86400000,
        "enabled2fa": [],
        "encryptMessages": True,
        "encryptForwarded": True,
        "pubKey": KEY.strip(),
        "keyInfo": {
            "name": "Joe Doe",
            "address": "joe@example.org",
            "fingerprint": FINGERPRINT,
        },
        "limits": {
            "quota": {"allowed": 1000, "used": 0},
            "recipients": unused(10),
            "filters": {"allowed": 5, "used": 0},
            "forwards": unused(20),
            "received": unused(60),
            "imapUpload": unused(7),
            "imapDownload": unused(8),
            "pop3Download": unused(9),
            "pop3MaxMessages": {"allowed": 250},
            "imapMaxConnections": {"allowed": 15, "used": 0},
        },
        "tags": ["green", "Blue"],
        "targets": ["joe@other.example"],
        "autoreply": False,
        "spamLevel": 25,
        "metaData": {"colour": ["blue"]},
        "internalData": {"plan": 1},
        "disabledScopes": ["pop3"],
        "hasPasswordSet": True,
        "activated": True,
        "disabled": False,
        "suspended": False,
    }


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"username": "joe"}, f"joe@{DOMAIN}"),
        ({"username": "joe@second.example"}, "joe@second.example"),
        ({"username": "joe", "address": "j@third.example"}, "j@third.example"),
        ({"username": "joe", "address": "j+label@third.example"}, "j@third.example"),
        ({"username": "joe", "emptyAddress": True}, ""),
        ({"username": "joe", "address": "j@x.example", "emptyAddress": "1"}, ""),
        ({"username": "joe", "address": ""}, f"joe@{DOMAIN}"),
        ({"username": "joe", "address": "андрис@уайлддак.орг"}, "андрис@уайлддак.орг"),
    ],
)
def test_the_main_address(site: Site, given: dict[str, object], address: str) -> None:
    id = site.post("/users", {"password": "x", **given}).json["id"]
    assert site.get(f"/users/{id}").json["address"] == address


def test_without_a_default_domain_the_first_one_is_home() -> None:
    site = Site(default_domain="")
    assert site.get(f"/users/{made(site)}").json["address"] == f"joe@{DOMAIN}"
    run(site.world.accounts.remove(1, ACTOR))
    run(site.world.domains.remove(DOMAIN, ACTOR))
    reply = site.post("/users", {"username": "joe", "password": "x"})
    assert list(reply.json["details"]) == ["address"]


def test_an_account_without_a_password(site: Site) -> None:
    id = site.post("/users", {"username": "joe", "password": False}).json["id"]
    assert site.get(f"/users/{id}").json["hasPasswordSet"] is False
    for password in ("false", "False", "0"):
        login = site.post("/authenticate", {"username": "joe", "password": password})
        assert login.json["code"] == "AuthFailed"


def test_spaces_are_part_of_a_password(site: Site) -> None:
    made(site, password=" two words ")
    right = {"username": "joe", "password": " two words "}
    assert site.post("/authenticate", right).status == 200
    assert site.post("/authenticate", {**right, "password": "two words"}).status == 403


def test_a_hash_from_another_server_logs_in(site: Site) -> None:
    sha512 = (
        "$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eYs9"
        "0E7bq7JHYJmUJXQJdGIBdoj5yVyDSKbYVpkfDXIqbW."
    )
    reply = site.post("/users", {"username": "joe", "password": sha512, "hashedPassword": True})
    assert reply.status == 200
    assert site.get(f"/users/{reply.json['id']}").json["hasPasswordSet"] is True


CREATE_ERRORS: list[tuple[dict[str, object], dict[str, str]]] = [
    ({"password": "x"}, {"username": '"username" is required'}),
    ({"username": "joe"}, {"password": '"password" is required'}),
    (
        {},
        {"username": '"username" is required', "password": '"password" is required'},
    ),
    ({"username": "", "password": "x"}, {"username": '"username" is required'}),
    ({"username": 1, "password": "x"}, {"username": '"username" must be a string'}),
    (
        {"username": "jo e", "password": "x"},
        {"username": '"username" fails to match the required pattern'},
    ),
    (
        {"username": "j" * 129, "password": "x"},
        {"username": '"username" length must be less than or equal to 128 characters long'},
    ),
    (
        {"username": "joe", "password": "x" * 257},
        {"password": '"password" length must be less than or equal to 256 characters long'},
    ),
    (
        {"username": "joe", "password": True},
        {"password": '"password" must be one of [string, false]'},
    ),
    (
        {"username": "joe", "password": "x", "quota": "much"},
        {"quota": '"quota" must be a number'},
    ),
    (
        {"username": "joe", "password": "x", "quota": False},
        {"quota": '"quota" must be a number'},
    ),
    (
        {"username": "joe", "password": "x", "quota": -1},
        {"quota": '"quota" must be greater than or equal to 0'},
    ),
    (
        {"username": "joe", "password": "x", "quota": 1.5},
        {"quota": '"quota" must be an integer'},
    ),
    (
        {"username": "joe", "password": "x", "retention": 1 << 60},
        {"retention": '"retention" must be less than or equal to 9007199254740991'},
    ),
    (
        {"username": "joe", "password": "x", "tags": "green"},
        {"tags": '"tags" must be an array'},
    ),
    (
        {"username": "joe", "password": "x", "tags": ["ok", 1]},
        {"tags[1]": '"tags[1]" must be a string'},
    ),
    (
        {"username": "joe", "password": "x", "encryptMessages": "maybe"},
        {"encryptMessages": '"encryptMessages" must be a boolean'},
    ),
    (
        {"username": "joe", "password": "x", "ip": "192.168.10.0/24"},
        {"ip": '"ip" must be a valid ip address with a forbidden CIDR'},
    ),
    (
        {"username": "joe", "password": "x", "sess": "x" * 256},
        {"sess": '"sess" length must be less than or equal to 255 characters long'},
    ),
    (
        {"username": "joe", "password": "x", "shoeSize": 43},
        {"shoeSize": '"shoeSize" is not allowed'},
    ),
    (
        {"username": "joe", "password": "x", "pubKey": "not a key"},
        {"pubKey": '"pubKey" Not an armored PGP public key'},
    ),
    (
        {"username": "joe", "password": "x", "spamLevel": 101},
        {"spamLevel": '"spamLevel" must be less than or equal to 100'},
    ),
    (
        {"username": "joe", "password": "x", "metaData": "[1]"},
        {"metaData": '"metaData" must be valid JSON object string'},
    ),
    (
        {"username": "joe", "password": "x", "disabledScopes": ["http"]},
        {"disabledScopes[0]": '"disabledScopes[0]" must be one of [imap, pop3, smtp]'},
    ),
]


@pytest.mark.parametrize(("body", "details"), CREATE_ERRORS)
def test_create_errors(site: Site, body: dict[str, object], details: dict[str, str]) -> None:
    invalid(site.post("/users", body), details)
    assert site.get("/users").json["total"] == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"address": "no at sign"}, "address"),
        ({"address": "a@b..example"}, "address"),
        ({"address": "*@wild.example"}, "address"),
        ({"language": "x" * 3 + "!"}, "language"),
        ({"name": "line\r\nbreak"}, "name"),
        ({"password": "nul\0"}, "password"),
    ],
)
def test_what_core_refuses_names_its_field(site: Site, more: dict[str, str], field: str) -> None:
    reply = site.post("/users", {"username": "joe", "password": "x", **more})
    assert reply.status == 400
    assert reply.json["code"] == "InputValidationError"
    assert list(reply.json["details"]) == [field]
    assert site.get("/users").json["total"] == 0


def test_a_taken_name_or_address(site: Site) -> None:
    made(site, "joe", address="joe@new.example")
    reply = site.post("/users", {"username": "JOE", "password": "x"})
    assert (reply.status, reply.json["code"]) == (400, "UserExistsError")
    taken = {"username": "ann", "password": "x", "address": "Joe@NEW.example"}
    reply = site.post("/users", taken)
    assert (reply.status, reply.json["code"]) == (400, "AddressExistsError")


def test_a_user_that_was_not_made_leaves_no_domain(site: Site) -> None:
    made(site, "joe")
    before = {domain.name for domain in run(site.world.domains.all())}
    taken = {"username": "joe", "password": "x", "address": "joe@elsewhere.example"}
    assert site.post("/users", taken).status == 400
    assert {domain.name for domain in run(site.world.domains.all())} == before


# -- GET /users


def test_the_listing_of_the_document(site: Site) -> None:
    id = made(site, "testuser01", address="testuser01@example.com", tags=["green", "blue"])
    made(site, "another")
    reply = site.get("/users?query=testuser01&tags=red,green")
    assert reply.json == {
        "success": True,
        "query": "testuser01",
        "total": 1,
        "page": 1,
        "previousCursor": False,
        "nextCursor": False,
        "results": [
            {
                "id": id,
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


def test_the_default_quota_shows_where_there_is_no_other() -> None:
    site = Site(quota=107374182400)
    id = made(site)
    assert site.get("/users").json["results"][0]["quota"]["allowed"] == 107374182400
    assert site.get(f"/users/{id}").json["limits"]["quota"]["allowed"] == 107374182400


def test_used_quota_is_what_lies_there(site: Site) -> None:
    id = made(site)
    site.world.deliver(f"joe@{DOMAIN}", b"Subject: x\r\n\r\nbody\r\n")
    assert site.get(f"/users/{id}").json["limits"]["quota"]["used"] > 20


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["ann", "bob", "cid"]),
        ("query=b", ["bob"]),
        ("query=%40example", ["ann", "bob", "cid"]),
        ("query=nobody", []),
        ("query=%25", []),
        ("tags=red", ["ann", "bob"]),
        ("tags=GREEN,blue", ["bob", "cid"]),
        ("requiredTags=red,Green", ["bob"]),
        ("requiredTags=red,nothing", []),
        ("tags=red&requiredTags=green", ["bob"]),
        ("unknown=1", ["ann", "bob", "cid"]),
    ],
)
def test_filters(site: Site, query: str, names: list[str]) -> None:
    made(site, "ann", tags=["red"])
    made(site, "bob", tags=["Red", "green"])
    made(site, "cid", tags=["blue"])
    reply = site.get(f"/users?{query}").json
    assert [user["username"] for user in reply["results"]] == names
    assert reply["total"] == len(names)


def test_pages_forwards_and_back(site: Site) -> None:
    names = [f"user{number}" for number in range(7)]
    for name in names:
        made(site, name)
    pages, path = [], "/users?limit=3"
    reply = site.get(path).json
    while True:
        pages.append([user["username"] for user in reply["results"]])
        assert reply["total"] == 7
        if not reply["nextCursor"]:
            break
        assert re.fullmatch(r"[A-Za-z0-9_-]+", reply["nextCursor"])
        page = len(pages) + 1
        reply = site.get(f"/users?limit=3&next={reply['nextCursor']}&page={page}").json
        assert reply["page"] == page
    assert pages == [names[:3], names[3:6], names[6:]]
    back = []
    while reply["previousCursor"]:
        reply = site.get(f"/users?limit=3&previous={reply['previousCursor']}&page=1").json
        back.append([user["username"] for user in reply["results"]])
        assert reply["nextCursor"]
    assert back == [names[3:6], names[:3]]
    assert reply["page"] == 1


def test_next_beats_previous(site: Site) -> None:
    for name in ("ann", "bob", "cid"):
        made(site, name)
    first = site.get("/users?limit=1").json
    both = f"/users?limit=1&previous={first['nextCursor']}&next={first['nextCursor']}"
    assert site.get(both).json["results"][0]["username"] == "bob"


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", {"limit": '"limit" must be greater than or equal to 1'}),
        ("limit=251", {"limit": '"limit" must be less than or equal to 250'}),
        ("limit=x", {"limit": '"limit" must be a number'}),
        ("next=x", {"next": '"next" is not a valid cursor'}),
        ("previous=bm8", {"previous": '"previous" is not a valid cursor'}),
        ("next=eyJuIjogLTF9", {"next": '"next" is not a valid cursor'}),
        (
            "query=" + "x" * 256,
            {"query": '"query" length must be less than or equal to 255 characters long'},
        ),
    ],
)
def test_listing_errors(site: Site, query: str, details: dict[str, str]) -> None:
    invalid(site.get(f"/users?{query}"), details)


# -- GET, PUT and DELETE /users/{user}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("abc", '"user" length must be 24 characters long'),
        ("z" * 24, '"user" must only contain hexadecimal characters'),
        ("0" * 25, '"user" length must be 24 characters long'),
    ],
)
def test_a_user_id_is_24_hex_digits(site: Site, method: str, id: str, text: str) -> None:
    body = {"name": "x"} if method == "PUT" else None
    invalid(site.ask(method, f"/users/{id}", body), {"user": text})


def test_ids_are_case_blind(site: Site) -> None:
    id = made(site)
    assert site.get(f"/users/{id.upper()}").json["id"] == id


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {"name": "x"})])
def test_an_unknown_user(site: Site, method: str, body: object) -> None:
    reply = site.ask(method, f"/users/{ABSENT}", body)
    assert (reply.status, reply.json) == (
        404,
        {"error": "This user does not exist", "code": "UserNotFound"},
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"name": "New"}, {"name": "New"}),
        ({"name": ""}, {"name": None}),
        ({"name": None}, {"name": None}),
        ({"retention": 5}, {"retention": 5}),
        ({"retention": 0}, {"retention": False}),
        ({"language": "de"}, {"language": "de"}),
        ({"tags": []}, {"tags": []}),
        ({"tags": ["one"]}, {"tags": ["one"]}),
        ({"pubKey": ""}, {"pubKey": "", "keyInfo": False}),
        ({"encryptMessages": 1}, {"encryptMessages": True}),
        ({"encryptForwarded": "off"}, {"encryptForwarded": False}),
        ({"disabled": True}, {"disabled": True}),
        ({"suspended": "true"}, {"suspended": True}),
        ({"password": False}, {"hasPasswordSet": False}),
    ],
)
def test_update_changes_what_is_given_and_nothing_else(
    site: Site, given: dict[str, object], shown: dict[str, object]
) -> None:
    id = made(site, name="Old", retention=9, tags=["x"], pubKey=KEY, encryptForwarded=True)
    before = site.get(f"/users/{id}").json
    reply = site.put(f"/users/{id}", given)
    assert (reply.status, reply.json) == (200, {"success": True})
    assert site.get(f"/users/{id}").json == {**before, **shown}


def test_update_of_limits(site: Site) -> None:
    id = made(site, quota=1, recipients=2, forwards=3)
    assert site.put(f"/users/{id}", {"quota": 1024}).status == 200
    limits = site.get(f"/users/{id}").json["limits"]
    assert [limits[name]["allowed"] for name in ("quota", "recipients", "forwards")] == [1024, 2, 3]


def test_a_new_password_ends_sessions_and_the_old_one(site: Site) -> None:
    id = made(site)
    version = run(site.world.accounts.by_id(id)).auth_version
    assert site.put(f"/users/{id}", {"password": "another"}).status == 200
    assert run(site.world.accounts.by_id(id)).auth_version > version
    assert site.post("/authenticate", {"username": "joe", "password": "secretpass"}).status == 403
    assert site.post("/authenticate", {"username": "joe", "password": "another"}).status == 200


def test_the_existing_password_can_be_asked_for(site: Site) -> None:
    id = made(site)
    wrong = {"existingPassword": "wrong", "name": "New", "password": "another"}
    reply = site.put(f"/users/{id}", wrong)
    assert (reply.status, reply.json["code"]) == (403, "AuthFail")
    assert site.get(f"/users/{id}").json["name"] is None
    assert site.post("/authenticate", {"username": "joe", "password": "another"}).status == 403
    right = {"existingPassword": "secretpass", "name": "New"}
    assert site.put(f"/users/{id}", right).status == 200
    assert site.get(f"/users/{id}").json["name"] == "New"


@pytest.mark.parametrize(
    "body", [{}, {"sess": "a", "ip": "192.0.2.1"}, {"existingPassword": "secretpass"}]
)
def test_an_update_of_nothing(site: Site, body: dict[str, object]) -> None:
    reply = site.put(f"/users/{made(site)}", body)
    assert (reply.status, reply.json["code"]) == (400, "NoUpdates")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"username": "new"}, {"username": '"username" is not allowed'}),
        ({"disabled": "x"}, {"disabled": '"disabled" must be a boolean'}),
        ({"password": 5}, {"password": '"password" must be one of [string, false]'}),
    ],
)
def test_update_errors(site: Site, body: dict[str, object], details: dict[str, str]) -> None:
    invalid(site.put(f"/users/{made(site)}", body), details)


def test_the_path_names_the_user_whatever_the_body_says(site: Site) -> None:
    joe, ann = made(site, "joe"), made(site, "ann")
    assert site.put(f"/users/{joe}?user={ann}", {"user": ann, "name": "New"}).status == 200
    assert site.get(f"/users/{joe}").json["name"] == "New"
    assert site.get(f"/users/{ann}").json["name"] is None


def test_a_key_that_cannot_encrypt_is_refused(site: Site) -> None:
    id = made(site)
    reply = site.put(f"/users/{id}", {"pubKey": SIGNING})
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert "can be encrypted to this key" in reply.json["details"]["pubKey"]
    assert site.get(f"/users/{id}").json["pubKey"] == ""


def test_a_limit_that_is_changed_is_counted_anew(site: Site) -> None:
    id = made(site, recipients=5)
    number = run(site.world.accounts.by_id(id)).number
    run(site.world.allowances.send(number))
    site.world.clock.advance(100)
    shown = site.get(f"/users/{id}").json["limits"]["recipients"]
    assert shown == {"allowed": 5, "used": 1, "ttl": 86300}
    site.put(f"/users/{id}", {"name": "New"})
    assert site.get(f"/users/{id}").json["limits"]["recipients"] == shown
    site.put(f"/users/{id}", {"recipients": 6})
    assert site.get(f"/users/{id}").json["limits"]["recipients"] == unused(6)


LANGUAGES = [
    ({}, ["INBOX", "Drafts", "Sent Mail", "Trash", "Junk", "Archive"]),
    ({"language": "et"}, ["INBOX", "Mustandid", "Saadetud kirjad", "Prügikast", "Rämpspost"]),
    ({"language": "de_AT"}, ["INBOX", "Entwürfe", "Gesendet", "Gelöscht", "Spam"]),
    ({"language": "qq"}, ["INBOX", "Drafts", "Sent Mail", "Trash", "Junk"]),
    ({"mailboxes": {"sent": "Out", "trash": "Bin"}}, ["INBOX", "Drafts", "Out", "Bin", "Junk"]),
]


@pytest.mark.parametrize(("given", "names"), LANGUAGES)
def test_mailboxes_are_called_as_people_say(
    site: Site, given: dict[str, object], names: list[str]
) -> None:
    number = run(site.world.accounts.by_id(made(site, **given))).number
    boxes = run(site.world.mailboxes.all(number))
    assert {box.name for box in boxes} >= set(names)
    assert len(boxes) == 6
    assert all(box.subscribed for box in boxes)


def test_mailboxes_of_one_name_are_refused(site: Site) -> None:
    same = {"sent": "Bin", "trash": "Bin"}
    reply = site.post("/users", {"username": "joe", "password": "x", "mailboxes": same})
    assert (reply.status, list(reply.json["details"])) == (400, ["mailboxes"])


def test_a_name_is_resolved(site: Site) -> None:
    id = made(site, "joe.doe")
    assert site.get("/users/resolve/JOE.doe").json == {"success": True, "id": id}
    reply = site.get("/users/resolve/nobody")
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")


def test_what_applications_store_is_listed_on_request(site: Site) -> None:
    made(site, metaData={"a": 1}, internalData={"b": 2})
    (plain,) = site.get("/users").json["results"]
    assert not {"metaData", "internalData"} & set(plain)
    (row,) = site.get("/users?metaData=1&internalData=yes").json["results"]
    assert (row["metaData"], row["internalData"]) == ({"a": 1}, {"b": 2})


# -- logout, quota


def test_logout_ends_sessions_and_tells_why(site: Site) -> None:
    id = made(site)
    account = run(site.world.accounts.by_id(id))
    told: list[Any] = []
    site.world.watch.subscribe(account.number, told.extend)
    assert site.put(f"/users/{id}/logout", {"reason": "Moving house"}).json == {"success": True}
    (change,) = told
    assert (change.reason, change.auth_version) == ("Moving house", account.auth_version + 1)
    login = site.post("/authenticate", {"username": "joe", "password": "secretpass"})
    assert login.status == 200


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("x" * 129, '"reason" length must be less than or equal to 128 characters long'),
        ("a\r\n* OK", '"reason": Too long, or with control characters'),
    ],
)
def test_logout_errors(site: Site, reason: str, text: str) -> None:
    reply = site.put(f"/users/{made(site)}/logout", {"reason": reason})
    assert (reply.status, reply.json["details"]) == (400, {"reason": text})


def test_used_quota_is_counted_again(site: Site) -> None:
    id = made(site)
    site.world.deliver(f"joe@{DOMAIN}", b"Subject: x\r\n\r\nbody\r\n")
    used = site.get(f"/users/{id}").json["limits"]["quota"]["used"]
    site.world.store.database.execute("UPDATE usage SET used_storage = 5")
    reply = site.post(f"/users/{id}/quota/reset", {})
    assert reply.json == {"success": True, "storageUsed": used, "previousStorageUsed": 5}
    assert site.get(f"/users/{id}").json["limits"]["quota"]["used"] == used


def test_everybodys_quota_is_counted_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailboxes, "ACCOUNTS", 2)
    ids = [made(site, username=f"user{number}") for number in range(5)]
    for number in range(5):
        site.world.deliver(f"user{number}@{DOMAIN}", b"Subject: x\r\n\r\nbody\r\n")
    used = [site.get(f"/users/{id}").json["limits"]["quota"]["used"] for id in ids]
    site.world.store.database.execute("UPDATE usage SET used_storage = 5")
    reply = site.post("/quota/reset", {})
    assert reply.json == {"success": True, "storageUsed": sum(used), "previousStorageUsed": 25}
    for id, size in zip(ids, used, strict=True):
        assert site.get(f"/users/{id}").json["limits"]["quota"]["used"] == size


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "logout"),
        ("POST", "quota/reset"),
        ("GET", "restore"),
        ("POST", "restore"),
    ],
)
def test_calls_on_an_unknown_user(site: Site, method: str, path: str) -> None:
    reply = site.ask(method, f"/users/{ABSENT}/{path}", None if method == "GET" else {})
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")


# -- going, and coming back


def test_delete_frees_the_name_and_the_address_and_can_be_repeated(site: Site) -> None:
    id = made(site, address="joe@new.example")
    reply = site.delete(f"/users/{id}?sess=abc&ip=192.0.2.1")
    assert reply.json == {
        "success": True,
        "code": "TaskScheduled",
        "user": id,
        "addresses": {"deleted": 1},
        "deleteAfter": "2027-01-15T08:00:00.000Z",
        "task": id,
    }
    assert site.delete(f"/users/{id}").json == {"success": True}
    assert site.delete(f"/users/{ABSENT}").json == {"success": True}
    assert site.get(f"/users/{id}").status == 404
    assert site.post("/authenticate", {"username": "joe", "password": "secretpass"}).status == 403
    assert made(site, address="joe@new.example") != id


LATER = "2027-02-01T00:00:00.000Z"


def removed(site: Site, **more: object) -> str:
    id = made(site, **more)
    site.world.deliver(f"joe@{DOMAIN}", b"Subject: x\r\n\r\nbody\r\n")
    reply = site.delete(f"/users/{id}?deleteAfter={LATER}")
    assert (reply.json["deleteAfter"], reply.json["code"]) == (LATER, "TaskScheduled")
    return id


def test_a_removed_user_comes_back_whole(site: Site) -> None:
    id = removed(site, tags=["x"], quota=5000)
    again = site.delete(f"/users/{id}").json
    assert (again["deleteAfter"], again["addresses"]) == (LATER, {"deleted": 0})
    info = site.get(f"/users/{id}/restore").json
    used = info.pop("storageUsed")
    assert used > 20
    assert info == {
        "success": True,
        "user": id,
        "username": "joe",
        "tags": ["x"],
        "deleted": "2027-01-15T08:00:00.000Z",
        "deleteAfter": LATER,
        "recoverableAddresses": [f"joe@{DOMAIN}"],
    }
    assert site.post(f"/users/{id}/restore", {}).json == {
        "success": True,
        "code": "TaskCancelled",
        "user": id,
        "task": id,
        "addresses": {"recovered": 1, "main": f"joe@{DOMAIN}"},
    }
    shown = site.get(f"/users/{id}").json
    assert shown["limits"]["quota"] == {"allowed": 5000, "used": used}
    right = {"username": "joe", "password": "secretpass"}
    assert site.post("/authenticate", right).json["id"] == id
    site.world.deliver(f"joe@{DOMAIN}", b"Subject: y\r\n\r\nbody\r\n")
    assert site.get(f"/users/{id}/restore").status == 404


def test_what_others_took_meanwhile_stays_theirs(site: Site) -> None:
    id = removed(site)
    made(site, "ann", address=f"joe@{DOMAIN}")
    back = site.post(f"/users/{id}/restore", {}).json["addresses"]
    assert back == {"recovered": 0, "main": ""}


def test_a_name_that_was_taken_meanwhile_keeps_the_user_away(site: Site) -> None:
    id = removed(site)
    made(site, "joe", address="other@new.example")
    reply = site.post(f"/users/{id}/restore", {})
    assert (reply.status, reply.json["code"]) == (400, "UserExistsError")
    assert site.get(f"/users/{id}/restore").status == 200


@pytest.mark.parametrize("date", ["soon", "2027-13-01", "[]"])
def test_delete_errors(site: Site, date: str) -> None:
    id = made(site)
    invalid(
        site.delete(f"/users/{id}?deleteAfter={date}"),
        {"deleteAfter": '"deleteAfter" must be a valid date'},
    )
    assert site.get(f"/users/{id}").status == 200


def test_other_peoples_accounts_are_not_touched() -> None:
    here = world()
    site = Site(world=here)
    id = made(site, "ann")
    site.delete(f"/users/{id}")
    assert run(here.accounts.count()) == 1
