"""tmail's user calls as its document has them: each success and each failure."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Sending
from mailhub.model.settings import HTTPSettings, LimitSettings
from tests.http.browsing import FOREIGN
from tests.http.tmail import ADMIN, JSON, TMail, basic, failed
from tests.support import run
from tests.world import ACTOR, world

pytestmark = pytest.mark.thorough

FULL = {
    "passwd": "mot de passe",
    "authRelay": True,
    "haveMailbox": True,
    "mailboxQuota": "1G",
}
"""The document's example."""


@pytest.fixture
def site() -> TMail:
    return TMail()


def made(site: TMail, login: str = "test@tmail.io", **more: object) -> Any:
    reply = site.post(f"/users/{login}", {**FULL, **more})
    assert reply.status == 201, reply.json
    return site.get(f"/users/{login}").json


# -- POST


def test_the_documented_example(site: TMail) -> None:
    reply = site.post("/users/test@tmail.io", FULL)
    assert (reply.status, reply.body) == (201, b"")
    assert reply.headers["location"] == "http://localhost/users/test@tmail.io"
    shown = site.get("/users/test@tmail.io")
    assert shown.status == 200
    assert shown.headers["content-type"] == JSON
    assert list(shown.json.items()) == [
        ("Id", shown.json["Id"]),
        ("Login", "test@tmail.io"),
        ("Passwd", ""),
        ("DovePasswd", ""),
        ("Active", "Y"),
        ("AuthRelay", True),
        ("HaveMailbox", True),
        ("IsCatchall", False),
        ("MailboxQuota", "1G"),
        ("Home", "/mailboxes/t/tmail.io/t/test"),
    ]
    assert isinstance(shown.json["Id"], int)
    account = run(site.world.accounts.by_name("test@tmail.io"))
    assert account.limits.storage == 1 << 30
    assert run(site.world.addresses.resolve("test@tmail.io")).accounts[0][0] == account.number


def test_the_prefix_stands_in_the_location() -> None:
    reply = TMail().ask("POST", "/tmail/users/a@tmail.io", FULL, host="mail.example.org:8080")
    assert reply.headers["location"] == "http://mail.example.org:8080/tmail/users/a@tmail.io"


def test_keys_match_in_any_case_and_unknown_ones_are_passed_over(site: TMail) -> None:
    body = {"PASSWD": "secret1", "havemailbox": True, "MailBoxQuota": "5m", "more": [1]}
    assert site.post("/users/a@tmail.io", body).status == 201
    assert site.get("/users/a@tmail.io").json["MailboxQuota"] == "5m"


def test_null_is_nothing(site: TMail) -> None:
    shown = made(site, mailboxQuota=None, isCatchall=None)
    assert (shown["MailboxQuota"], shown["IsCatchall"]) == ("", False)


def test_curl_without_a_type_says_form_and_means_json(site: TMail) -> None:
    reply = site.ask(
        "POST",
        "/users/relay1",
        b'{"passwd":"secret1"}',
        content_type="application/x-www-form-urlencoded",
    )
    assert reply.status == 201


def test_the_login_is_lower_case(site: TMail) -> None:
    reply = site.post("/users/Test@TMail.io", FULL)
    assert reply.headers["location"].endswith("/users/test@tmail.io")
    assert site.get("/users/TEST@tmail.io").json["Login"] == "test@tmail.io"


@pytest.mark.parametrize(
    ("quota", "octets"),
    [("", 0), ("0", 0), ("1000", 1000), ("2K", 2048), ("3m", 3 << 20), ("1T", 1 << 40)],
)
def test_a_quota_is_read_and_shown_as_written(site: TMail, quota: str, octets: int) -> None:
    assert made(site, mailboxQuota=quota)["MailboxQuota"] == quota
    assert run(site.world.accounts.by_name("test@tmail.io")).limits.storage == octets


def test_a_quota_that_was_changed_elsewhere_is_shown_as_it_is(site: TMail) -> None:
    made(site)
    account = run(site.world.accounts.by_name("test@tmail.io"))
    limits = replace(account.limits, storage=77)
    run(site.world.accounts.update(replace(account, limits=limits), ACTOR))
    assert site.get("/users/test@tmail.io").json["MailboxQuota"] == "77"


@pytest.mark.parametrize(("auth_relay", "sending"), [(True, Sending.ANY), (False, Sending.LOCAL)])
@pytest.mark.parametrize("login", ["printer", "printer@tmail.io"])
def test_a_user_without_a_mailbox(
    site: TMail, login: str, auth_relay: bool, sending: Sending
) -> None:
    shown = made(site, login, haveMailbox=False, authRelay=auth_relay)
    assert shown["HaveMailbox"] is False
    assert shown["AuthRelay"] is auth_relay
    assert (shown["Home"], shown["MailboxQuota"]) == ("", "")
    account = run(site.world.accounts.by_name(login))
    assert (account.address, account.sending) == ("", sending)
    assert all(one.name != "tmail.io" for one in run(site.world.domains.all()))


@pytest.mark.parametrize(("auth_relay", "sending"), [(True, Sending.OWN), (False, Sending.LOCAL)])
def test_a_user_with_a_mailbox_writes_as_itself(
    site: TMail, auth_relay: bool, sending: Sending
) -> None:
    made(site, authRelay=auth_relay)
    assert run(site.world.accounts.by_name("test@tmail.io")).sending is sending


def test_a_catchall_takes_what_nobody_else_does(site: TMail) -> None:
    shown = made(site, "all@tmail.io", isCatchall=True)
    assert shown["IsCatchall"] is True
    accounts = run(site.world.addresses.resolve("whoever@tmail.io")).accounts
    assert accounts == ((shown["Id"], "all@tmail.io"),)
    reply = site.post("/users/more@tmail.io", {**FULL, "isCatchall": True})
    failed(reply, 422, "unable to create new user", "domain tmail.io has a catchall already")
    assert site.get("/users/more@tmail.io").status == 404
    assert site.delete("/users/all@tmail.io").status == 200
    assert run(site.world.domains.get("tmail.io")).catch_all == ""
    assert made(site, "more@tmail.io", isCatchall=True)["IsCatchall"] is True


def test_the_document_s_error_for_a_login_that_is_taken(site: TMail) -> None:
    made(site)
    reply = site.post("/users/test@tmail.io", FULL)
    assert reply.body == (
        b'{"msg":"unable to create new user","raw":"UNIQUE constraint failed: users.login"}'
    )
    assert len(reply.body) == 81
    assert reply.status == 422


@pytest.mark.parametrize(
    ("login", "changes", "raw"),
    [
        ("abc", {}, "login must have 4 to 256 characters"),
        ("a" * 257, {}, "login must have 4 to 256 characters"),
        ("test@tmail.io", {"passwd": "12345"}, "password must have at least 6 characters"),
        ("test@tmail.io", {"passwd": None}, "password must have at least 6 characters"),
        ("test", {}, "the login of a user with a mailbox must be an address"),
        ("test@tmail.io", {"haveMailbox": False, "isCatchall": True}, "a catchall needs a mailbox"),
        ("a@b@c@d", {}, "The local part is malformed"),
        ("one@relay.example", {}, "domain relay.example is remote"),
        ("one@alias.example", {}, "domain alias.example is an alias"),
        *(
            (
                "test@tmail.io",
                {"mailboxQuota": quota},
                "mailboxQuota must be a number, with K, M, G or T behind it or without",
            )
            for quota in ("1GB", "-1", "G", "1 G", "1.5G", "9999999999999T", "١")
        ),
    ],
)
def test_rules(site: TMail, login: str, changes: dict[str, object], raw: str) -> None:
    run(site.world.domains.add("relay.example", ACTOR, relay=True))
    run(site.world.domains.add("alias.example", ACTOR, alias_of="example.org"))
    before = {one.name for one in run(site.world.domains.all())}
    reply = site.post(f"/users/{login}", {**FULL, **changes})
    failed(reply, 422, "unable to create new user", raw)
    assert {one.name for one in run(site.world.domains.all())} == before


def test_no_body_breaks_a_rule(site: TMail) -> None:
    raw = "password must have at least 6 characters"
    failed(site.ask("POST", "/users/a@b.example"), 422, "unable to create new user", raw)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"passwd":1}', b'{"passwd":["a"]}']
)
def test_what_is_no_json_of_the_right_kind_is_a_bad_request(
    site: TMail, method: str, body: bytes
) -> None:
    reply = site.ask(method, "/users/joe@example.org", body)
    assert (reply.status, reply.json["msg"]) == (400, "bad request")
    assert reply.json["raw"]


@pytest.mark.parametrize(
    "field", [{"authRelay": "yes"}, {"haveMailbox": 1}, {"mailboxQuota": 1}, {"isCatchall": "true"}]
)
def test_fields_have_their_own_type(site: TMail, field: dict[str, object]) -> None:
    reply = site.post("/users/a@tmail.io", {**FULL, **field})
    assert (reply.status, reply.json["msg"]) == (400, "bad request")
    assert reply.json["raw"].startswith(next(iter(field)))


# -- GET


def test_all_users(site: TMail) -> None:
    made(site)
    reply = site.get("/users")
    assert reply.status == 200
    assert [user["Login"] for user in reply.json] == ["joe@example.org", ADMIN, "test@tmail.io"]
    assert reply.json[2] == site.get("/users/test@tmail.io").json
    assert "link" not in reply.headers


def test_users_in_parts(site: TMail) -> None:
    made(site)
    first = site.get("/users?limit=2")
    assert len(first.json) == 2
    cursor = first.json[1]["Id"]
    assert first.headers["link"] == f'</users?limit=2&cursor={cursor}>; rel="next"'
    rest = site.get(f"/users?limit=2&cursor={cursor}")
    assert [user["Login"] for user in rest.json] == ["test@tmail.io"]
    assert "link" not in rest.headers
    assert site.get(f"/users?cursor={(1 << 63) - 1}").body == b"[]"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "cursor=-1", "cursor=%ff"])
def test_parts_that_are_none(site: TMail, query: str) -> None:
    assert site.get(f"/users?{query}").status == 400


def test_many_users_come_in_one_answer(site: TMail) -> None:
    for number in range(600):
        site.world.account(f"user{number}@example.org", "")
    assert len(site.get("/users").json) == 602


def test_hashes_are_shown_to_who_has_that_right() -> None:
    settings = HTTPSettings(
        tmail_hashes=("Root@Example.org",), tmail_login="admin", tmail_password="s3cret"
    )
    site = TMail(settings=settings)
    account = run(site.world.accounts.by_name(ADMIN))
    hashed = run(site.world.accounts.password_hash(account.number))
    shown = site.get(f"/users/{ADMIN}").json
    assert shown["Passwd"] == hashed
    assert shown["DovePasswd"] == "{ARGON2ID}" + hashed
    assert site.get("/users").json[1] == shown
    for path in (f"/users/{ADMIN}", "/users"):
        reply = site.get(path, authorization=basic("admin", "s3cret"))
        assert reply.status == 200
        assert b"argon2" not in reply.body
        assert b'"Passwd":"","DovePasswd":""' in reply.body


def test_the_right_to_see_hashes_is_no_right_to_call() -> None:
    site = TMail(settings=HTTPSettings(tmail_hashes=("joe@example.org",)))
    assert site.get("/users", authorization=basic("joe@example.org")).status == 403
    assert b"argon2" not in site.get("/users").body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("login", ["nobody@tmail.io", "info@example.org", "x@example.org", "ab@"])
def test_who_is_no_user(site: TMail, method: str, login: str) -> None:
    """An alias, or what a wildcard takes, is none: DELETE would take somebody's account away."""
    joe = site.world.people["joe@example.org"].number
    run(site.world.addresses.create("info@example.org", ACTOR, account=joe))
    run(site.world.addresses.create("*@example.org", ACTOR, account=joe))
    reply = site.ask(method, f"/users/{login}", {"passwd": "secret2"})
    failed(reply, 404, f"no such user {login}")


# -- PUT, DELETE


def test_a_new_password(site: TMail) -> None:
    made(site)
    reply = site.put("/users/test@tmail.io", {"passwd": "another one"})
    assert (reply.status, reply.body) == (204, b"")
    right = site.get("/users", authorization=basic("test@tmail.io", "another one"))
    assert right.status == 403
    assert site.get("/users", authorization=basic("test@tmail.io", "mot de passe")).status == 401


def test_a_password_that_is_too_short(site: TMail) -> None:
    raw = "password must have at least 6 characters"
    reply = site.put("/users/joe@example.org", {"passwd": "short"})
    failed(reply, 422, "unable to change user password", raw)


def test_an_end(site: TMail) -> None:
    made(site)
    reply = site.delete("/users/test@tmail.io")
    assert (reply.status, reply.body) == (200, b"")
    failed(site.delete("/users/test@tmail.io"), 404, "no such user test@tmail.io")


def test_a_disabled_user_is_not_active(site: TMail) -> None:
    joe = run(site.world.accounts.by_name("joe@example.org"))
    run(site.world.accounts.update(replace(joe, disabled=True), ACTOR))
    assert site.get("/users/joe@example.org").json["Active"] == "N"


# -- who may call


def test_ping_is_for_everybody(site: TMail) -> None:
    reply = site.get("/ping", authorization="")
    assert (reply.status, reply.body) == (200, b'{"msg":"pong"}')
    assert reply.headers["content-type"] == JSON


CALLS = [
    ("GET", "/users"),
    ("GET", "/users/joe@example.org"),
    ("POST", "/users/joe@example.org"),
    ("PUT", "/users/joe@example.org"),
    ("DELETE", "/users/joe@example.org"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("", 401),
        ("Bearer abc", 401),
        ("Basic !", 401),
        ("Basic " + b64encode(b"nocolon").decode(), 401),
        ("Basic " + b64encode(b"\xff:\xff").decode(), 401),
        (basic(ADMIN, "wrong"), 401),
        (basic("nobody", "wrong"), 401),
        (basic("joe@example.org"), 403),
    ],
)
def test_credentials(site: TMail, method: str, path: str, given: str, status: int) -> None:
    reply = site.ask(method, path, {"passwd": "taken over"}, authorization=given)
    assert reply.status == status
    assert set(reply.json) == {"msg", "raw"}
    assert reply.headers["content-type"] == JSON
    challenge = 'Basic realm="tmail REST server", charset="UTF-8"'
    assert reply.headers.get("www-authenticate") == (challenge if status == 401 else None)
    run(site.world.accounts.by_name("joe@example.org"))


def test_a_page_of_another_site_may_not_use_the_browser_s_password(site: TMail) -> None:
    assert site.ask("POST", "/users/a@b.example", FULL, sec_fetch_site="cross-site").status == 403
    assert site.ask("POST", "/users/a@b.example", FULL, sec_fetch_site="same-origin").status == 201


def test_the_configured_name() -> None:
    site = TMail(settings=HTTPSettings(tmail_login="admin", tmail_password="s3cret"))
    assert site.get("/users", authorization=basic("admin", "s3cret")).status == 200
    assert site.get("/users", authorization=basic("admin", "s3cre")).status == 401
    assert site.get("/users", authorization=basic("admin", "")).status == 401
    assert TMail().get("/users", authorization=basic("", "")).status == 401


@pytest.mark.parametrize("name", ["admin", ADMIN, "nobody"])
def test_guesses_are_limited(name: str) -> None:
    here = world(limits=LimitSettings(guesses_per_address=3), people=("joe@example.org",))
    settings = HTTPSettings(tmail_login="admin", tmail_password="s3cret")
    site = TMail(world=here, settings=settings, peer=FOREIGN)
    said = [site.get("/users", authorization=basic(name, "guess")).status for _ in range(4)]
    assert said == [401, 401, 401, 429]
    held = site.get("/users", authorization=basic("admin", "s3cret"))
    assert held.status == 429
    assert held.headers["retry-after"] == "60"
    assert set(held.json) == {"msg", "raw"}


# -- the rest


@pytest.mark.parametrize("prefix", ["", "/tmail"])
def test_unknown_paths_and_methods(site: TMail, prefix: str) -> None:
    assert site.get(f"{prefix}/msdata/x").status == 404
    assert set(site.get(f"{prefix}/nothing").json) == {"msg", "raw"}
    reply = site.ask("PATCH", f"{prefix}/users/joe@example.org")
    assert reply.status == 405
    assert reply.headers["allow"] == "DELETE, GET, HEAD, POST, PUT"
    assert set(reply.json) == {"msg", "raw"}
