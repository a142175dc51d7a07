"""Mail-in-a-Box's calls about users and who they are: each success and each failure."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailhub.core.accounts import AccountOrder
from mailhub.model.account import Role
from tests.http.box import ADMIN, JOE, TEXT, Box, refused, said
from tests.http.browsing import SYSTEM_KEY
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR

NEW = {"email": "ann@new.example", "password": "s3curE_pa5Sw0rD"}
UPDATED = "updated DNS: new.example\n"
WRONG = "Incorrect email address or password."


@pytest.fixture(scope="module")
def still() -> Box:
    """For tests that change nothing."""
    return Box()


@pytest.fixture
def box() -> Box:
    return Box()


# -- who is there


def test_a_session_key_does_for_the_password_until_it_changes(box: Box) -> None:
    reply = box.ask("POST", "/login")
    assert (reply.status, set(reply.json)) == (200, {"status", "email", "privileges", "api_key"})
    assert (reply.json["email"], reply.json["privileges"]) == (ADMIN, ["admin"])
    key = reply.json["api_key"]
    assert len(key) == 64
    assert reply.body.endswith(b"\n}\n")
    assert reply.body.startswith(b'{\n  "api_key": "')
    mine = basic(ADMIN, key)
    assert box.get("/mail/users", authorization=mine).status == 200
    assert box.get("/mail/users", authorization=basic(JOE, key)).status == 401
    assert box.ask("POST", "/login", authorization=mine).json["status"] == "invalid"
    box.form("/mail/users/password", email=ADMIN, password="another password")
    assert box.get("/mail/users", authorization=mine).status == 401


def test_a_session_key_slides_two_days_and_ends_by_logging_out(box: Box) -> None:
    mine = basic(ADMIN, box.get("/login").json["api_key"])
    for _ in range(3):
        box.world.clock.advance(86400)
        assert box.get("/mail/domains", authorization=mine).status == 200
    box.world.clock.advance(2 * 86400 + 1)
    assert box.get("/mail/domains", authorization=mine).status == 401
    mine = basic(ADMIN, box.get("/me").json["api_key"])
    assert box.get("/mail/domains", authorization=mine).status == 200
    for _ in range(2):
        assert box.get("/logout", authorization=mine).json == {"status": "ok"}
    assert box.get("/mail/domains", authorization=mine).status == 401


def test_the_newest_sixty_four_keys_are_good(box: Box) -> None:
    keys = box.parts.administration.session_keys
    account = box.world.people[ADMIN]
    made = [run(keys.issue(account)) for _ in range(66)]
    good = [run(keys.account(ADMIN, key)) is not None for key in made]
    assert good == [False, False, *[True] * 64]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "Authorization header invalid."),
        ("Basic x", "Authorization header invalid."),
        (basic(ADMIN).replace("Basic", "basic"), "Authorization header invalid."),
        (basic(ADMIN, " "), "Enter a password."),
        (basic(ADMIN, "wrong"), WRONG),
        (basic("nobody@example.org"), WRONG),
        (basic(JOE), "You are not an administrator."),
    ],
)
def test_a_refusal_gives_its_reason_as_its_caller_likes_it(
    still: Box, given: str, reason: str
) -> None:
    headers = {"authorization": given}
    plain = still.get("/mail/users", **headers)
    assert plain.status == 401
    assert plain.headers["x-reason"].startswith(reason)
    assert plain.headers["www-authenticate"] == 'Basic realm="Mail-in-a-Box Management Server"'
    assert plain.body.decode() == plain.headers["x-reason"] + "\n"
    assert plain.headers["content-type"].startswith("text/plain")
    page = still.get(
        "/mail/users", accept="text/html", x_requested_with="XMLHttpRequest", **headers
    )
    assert page.status == 403
    assert not {"x-reason", "www-authenticate"} & set(page.headers)
    assert page.json == {"status": "error", "reason": plain.headers["x-reason"]}


def test_logging_in_always_ends_well_for_http(box: Box) -> None:
    for given in ("", basic(ADMIN, "wrong"), basic(SYSTEM_KEY, "x")):
        reply = box.ask("POST", "/login", authorization=given)
        assert (reply.status, reply.json["status"]) == (200, "invalid")
    assert box.get("/login", authorization=basic(ADMIN, "wrong")).json["reason"] == WRONG
    joe = box.ask("POST", "/login", authorization=basic(JOE)).json
    assert (joe["status"], joe["privileges"]) == ("ok", [])


def test_the_system_key_opens_everything_but_is_nobody(box: Box) -> None:
    system = basic(SYSTEM_KEY, "anything")
    assert box.get("/mail/users", authorization=system).status == 200
    assert box.get("/me", authorization=system).json["status"] == "invalid"


def test_a_page_of_another_site_is_refused(box: Box) -> None:
    for path in ("/mail/users", "/login", "/logout"):
        assert box.get(path, sec_fetch_site="cross-site").status == 403


def test_a_password_that_must_change_opens_nothing(box: Box) -> None:
    given = run(box.world.identity.recovery.reset(box.world.people[ADMIN].number, ACTOR))
    assert box.get("/mail/users", authorization=basic(ADMIN, given)).status == 401


# -- lists


def test_users_are_listed(box: Box) -> None:
    said(box.get("/mail/users"), f"{JOE}\n{ADMIN}\n")
    box.form("/mail/users/add", **NEW, quota="1G")
    box.form("/mail/users/remove", email=JOE)
    reply = box.get("/mail/users?format=json")
    assert reply.headers["content-type"] == "application/json"
    ours, new = reply.json
    assert (ours["domain"], new["domain"]) == ("example.org", "new.example")
    assert ours["users"] == [
        {
            "email": ADMIN,
            "privileges": ["admin"],
            "status": "active",
            "quota": "0",
            "box_quota": 0,
            "box_size": "0",
            "percent": "",
        },
        {
            "email": JOE,
            "privileges": [],
            "status": "inactive",
            "mailbox": "mail/mailboxes/example.org/joe",
            "quota": "",
            "box_quota": 0,
            "box_size": "0",
            "percent": "",
        },
    ]
    (ann,) = new["users"]
    assert (ann["quota"], ann["box_quota"], ann["percent"]) == ("1G", 1 << 30, "0%")
    said(box.get("/mail/domains"), "example.org\nnew.example\n")


def test_a_long_list_comes_in_pieces_and_reads_the_same(box: Box) -> None:
    for number in range(230):
        run(box.world.accounts.create(AccountOrder(username=f"u{number:03}@example.org"), ACTOR))
    reply = box.get("/mail/users?format=json")
    assert reply.headers["transfer-encoding"] == "chunked"
    (ours,) = reply.json
    assert len(ours["users"]) == 232
    written = json.dumps(reply.json, indent=2, sort_keys=True)
    assert reply.body.decode() == f"{written}\n"
    assert len(box.get("/mail/users").body.splitlines()) == 232


# -- one user


def test_a_user_comes_goes_and_comes_back_with_its_mail(box: Box) -> None:
    said(box.form("/mail/users/add", **NEW, privileges="admin\nops"), f"mail user added\n{UPDATED}")
    said(box.get(f"/mail/users/privileges?email={NEW['email']}"), "admin\nops")
    account = run(box.world.accounts.by_name(NEW["email"]))
    assert account.role is Role.ADMIN
    box.world.people[NEW["email"]] = account
    run(box.world.accounts.update(replace(account, disabled=False), ACTOR))
    box.world.deliver(NEW["email"], b"Subject: kept\r\n\r\ntext\r\n")
    run(box.world.accounts.update(replace(account, disabled=True), ACTOR))
    said(box.form("/mail/users/remove", email=NEW["email"]), "mail user removed\n")
    assert box.get("/dns/zones").json == ["example.org"]
    assert not run(box.world.addresses.is_local("new.example"))
    box.world.clock.advance(400 * 86400)
    again = {**NEW, "password": "an0ther password"}
    said(box.form("/mail/users/add", **again), f"mail user added\n{UPDATED}")
    back = run(box.world.accounts.by_name(NEW["email"]))
    assert (back.number, back.role, back.used_messages) == (account.number, Role.USER, 1)
    said(box.get(f"/mail/users/privileges?email={NEW['email']}"), "")
    for password, status in ((NEW["password"], "invalid"), (again["password"], "ok")):
        given = basic(NEW["email"], password)
        assert box.ask("POST", "/login", authorization=given).json["status"] == status


BAD = [
    ({"email": ""}, "No email address provided."),
    ({"email": "ann"}, "Invalid email address."),
    ({"email": "ann@new.example", "password": ""}, "No password provided."),
    ({"password": "seven77"}, "Passwords must be at least eight characters."),
    ({"privileges": "admin\n \n"}, "That's not a valid privilege ( )."),
    ({"quota": "1.5G"}, "Quotas cannot contain spaces, commas, or decimal points."),
    ({"quota": "1 G"}, "Quotas cannot contain spaces, commas, or decimal points."),
    ({"quota": "1T"}, "Invalid quota."),
    ({"email": JOE}, "User already exists."),
]
NARROW = ["ANN@new.example", "ann+x@new.example", "ann@müller.example"]
RESERVED = ["admin", "administrator", "postmaster", "hostmaster", "webmaster", "abuse"]


@pytest.mark.parametrize(("change", "words"), BAD)
def test_a_new_user_keeps_the_rules(still: Box, change: dict[str, str], words: str) -> None:
    refused(still.form("/mail/users/add", **{**NEW, **change}), words)
    assert not run(still.world.addresses.is_local("new.example"))


@pytest.mark.parametrize("email", [*NARROW, *(f"{local}@new.example" for local in RESERVED)])
def test_some_addresses_are_no_user_s(still: Box, email: str) -> None:
    reply = still.form("/mail/users/add", **{**NEW, "email": email})
    assert reply.status == 400
    expected = "You may not make" if email.partition("@")[0] in RESERVED else "User account email"
    assert reply.body.decode().startswith(expected)


def test_the_order_of_complaints(box: Box) -> None:
    said(
        box.form("/mail/users/add", email="admin@new.example", password="x", quota="x"),
        box.form("/mail/users/add", email="abuse@new.example").body.decode(),
        400,
    )
    refused(
        box.form("/mail/users/add", email=JOE, password="x", quota="x"),
        "Passwords must be at least eight characters.",
    )


@pytest.mark.parametrize(
    "path", ["password", "remove", "privileges/add", "privileges/remove", "quota"]
)
def test_who_is_no_user_is_told(box: Box, path: str) -> None:
    run(box.world.addresses.create("alias@example.org", ACTOR, targets=(JOE,)))
    for email in ("nobody@example.org", "alias@example.org", "", "@"):
        fields = {"email": email, "password": "long enough", "privilege": "x", "quota": "1G"}
        refused(box.form(f"/mail/users/{path}", **fields), f"That's not a user ({email}).")
    refused(box.get("/mail/users/privileges?email=x"), "That's not a user (x).")
    refused(box.get("/mail/users/quota?email=x"), "That's not a user (x).")


def test_a_password_is_changed(box: Box) -> None:
    refused(box.form("/mail/users/password", email=JOE), "No password provided.")
    said(box.form("/mail/users/password", email=JOE, password="n3w password"), "OK")
    assert box.get("/login", authorization=basic(JOE, "n3w password")).json["status"] == "ok"


@pytest.mark.parametrize("name", ["privilege", "privileges"])
def test_privileges_come_and_go(box: Box, name: str) -> None:
    for _ in range(2):
        said(box.form("/mail/users/privileges/add", email=JOE, **{name: "admin"}), "OK")
        said(box.form("/mail/users/privileges/add", email=JOE, **{name: "ops"}), "OK")
    said(box.get(f"/mail/users/privileges?email={JOE}"), "admin\nops")
    assert box.get("/mail/users", authorization=basic(JOE)).status == 200
    for _ in range(2):
        said(box.form("/mail/users/privileges/remove", email=JOE, **{name: "admin"}), "OK")
        said(box.form("/mail/users/privileges/remove", email=JOE, **{name: "ops"}), "OK")
    reply = box.get(f"/mail/users/privileges?email={JOE}")
    assert (reply.body, reply.headers["content-type"]) == (b"", TEXT)
    assert box.get("/mail/users", authorization=basic(JOE)).status == 401
    for bad in ("", "a\nb"):
        refused(
            box.form("/mail/users/privileges/add", email=JOE, **{name: bad}),
            f"That's not a valid privilege ({bad}).",
        )


def test_the_last_administrator_stays(box: Box) -> None:
    words = "This is the last administrator. Make another one first."
    refused(box.form("/mail/users/remove", email=ADMIN), words)
    refused(box.form("/mail/users/privileges/remove", email=ADMIN, privilege="admin"), words)
    assert box.get("/mail/users").status == 200
    box.form("/mail/users/privileges/add", email=JOE, privilege="admin")
    said(box.form("/mail/users/remove", email=ADMIN), "mail user removed\n")


def test_quotas(box: Box) -> None:
    said(box.form("/mail/users/quota", email=JOE, quota="500m"), "OK")
    assert box.get(f"/mail/users/quota?email={JOE}").json == {"email": JOE, "quota": "500M"}
    said(box.get(f"/mail/users/quota?email={JOE}&text=1"), "500M")
    box.form("/mail/users/quota", email=JOE, quota="1234567")
    said(box.get(f"/mail/users/quota?email={JOE}&text=1"), "1234567")
    for bad, words in (("1,5G", "Quotas cannot"), ("", "Invalid quota."), ("-1", "Invalid quota.")):
        reply = box.form("/mail/users/quota", email=JOE, quota=bad)
        assert (reply.status, reply.body.decode().startswith(words)) == (400, True)


def test_what_is_no_form_has_no_fields(box: Box) -> None:
    refused(box.ask("POST", "/mail/users/add", NEW), "No email address provided.")
    form = "application/x-www-form-urlencoded"
    refused(
        box.ask("POST", "/mail/users/add", b"\xff", content_type=form), "The form cannot be read."
    )


def test_a_disabled_account_has_no_session(box: Box) -> None:
    mine = basic(ADMIN, box.get("/login").json["api_key"])
    account = run(box.world.accounts.by_name(ADMIN))
    run(box.world.accounts.update(replace(account, disabled=True), ACTOR))
    assert box.get("/mail/users", authorization=mine).status == 401
