"""WildDuck's calls on logins against the documented contract: each success and each error."""

from __future__ import annotations

import base64
import plistlib
import re
from typing import Any

import pytest

from mailhub.model.account import Role, Service
from mailhub.model.errors import AuthenticationFailed, WrongScope
from mailhub.wire import otp
from tests.http.browsing import Reply, Site, with_token
from tests.support import run
from tests.world import PASSWORD, PEER, world

pytestmark = pytest.mark.thorough

ID = re.compile(r"[0-9a-f]{24}")
ABSENT = "0123456789abcdef01234567"
SECRET = "secretpass"


@pytest.fixture
def site() -> Site:
    return Site()


def made(site: Site, username: str = "joe", **more: object) -> str:
    reply = site.post("/users", {"username": username, "password": SECRET, **more})
    assert reply.status == 200, reply.json
    id: str = reply.json["id"]
    return id


def refused(reply: Reply, status: int, code: str, **more: object) -> None:
    found = reply.json
    text = found.pop("error")
    assert isinstance(text, str)
    assert text
    assert (reply.status, found) == (status, {"code": code, **more})


def invalid(reply: Reply, *fields: str) -> None:
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError"), reply.json
    assert set(reply.json["details"]) == set(fields)


def login(site: Site, password: str = SECRET, **more: object) -> Reply:
    return site.post("/authenticate", {"username": "joe", "password": password, **more})


def asp(site: Site, id: str, *scopes: str, **more: object) -> Any:
    fields = {"description": "phone", "scopes": list(scopes) or ["*"]} | more
    reply = site.post(f"/users/{id}/asps", fields)
    assert reply.status == 200, reply.json
    return reply.json


def enable(site: Site, id: str) -> str:
    seed: str = site.post(f"/users/{id}/2fa/totp/setup", {"issuer": "testikas"}).json["seed"]
    reply = site.post(f"/users/{id}/2fa/totp/enable", {"token": code(site, seed)})
    assert reply.json == {"success": True}
    return seed


def code(site: Site, seed: str, steps: int = 0) -> str:
    return otp.code(seed, int(site.world.clock.now()) // 30 + steps)


# -- authenticate


def test_a_right_password_in_every_scope(site: Site) -> None:
    id = made(site)
    for scope in ("master", "imap", "pop3", "smtp", "IMAP"):
        assert login(site, scope=scope, sess="s", ip="192.0.2.1").json == {
            "success": True,
            "id": id,
            "username": "joe",
            "address": "joe@example.org",
            "scope": scope.lower(),
            "require2fa": False,
            "requirePasswordChange": False,
        }
    assert site.post("/authenticate", {"username": "JOE@example.org", "password": SECRET}).json[
        "id"
    ] == (id)


def test_refusals_of_authenticate(site: Site) -> None:
    id = made(site)
    refused(login(site, "wrong"), 403, "AuthFailed", id=id)
    nobody = site.post("/authenticate", {"username": "nobody", "password": SECRET})
    refused(nobody, 403, "AuthFailed")
    refused(login(site, scope="everything"), 403, "InvalidAuthScope")
    invalid(site.post("/authenticate", {}), "username", "password")
    invalid(login(site, unknown=1), "unknown")
    invalid(login(site, protocol="IMAP\r\nX"), "protocol")
    site.put(f"/users/{id}", {"disabled": True})
    refused(login(site), 403, "AuthFailed", id=id)


def test_guesses_are_limited(site: Site) -> None:
    made(site)
    answers = [login(site, f"wrong {number}").json["code"] for number in range(12)]
    assert answers == ["AuthFailed"] * 10 + ["RateLimitedError"] * 2
    assert int(login(site, "wrong").headers["retry-after"]) > 0


def test_a_token_for_a_whole_login_alone(site: Site) -> None:
    id = made(site)
    token = login(site, token=True).json["token"]
    assert re.fullmatch(r"[0-9a-f]{40}", token)
    assert "token" not in login(site, token=True, scope="imap").json
    mine = Site(site.world, settings=with_token("root"))
    bearer = {"authorization": f"Bearer {token}"}
    assert mine.get("/users/me/asps", **bearer).json == {"success": True, "results": []}
    assert mine.get(f"/users/{id}/asps", **bearer).status == 200
    assert mine.get(f"/users/{ABSENT}/asps", **bearer).status == 403


def test_a_token_waits_for_the_second_factor(site: Site) -> None:
    id = made(site)
    seed = enable(site, id)
    reply = login(site, token=True)
    assert reply.json["require2fa"] == ["totp"]
    mine = Site(site.world, settings=with_token("root"))
    bearer = {"authorization": f"Bearer {reply.json['token']}"}
    assert mine.get("/users/me/asps", **bearer).status == 403
    wrong = mine.ask("POST", "/users/me/2fa/totp/check", {"token": "000000"}, **bearer)
    refused(wrong, 403, "InvalidToken")
    assert mine.get("/users/me/asps", **bearer).status == 403
    right = mine.ask("POST", "/users/me/2fa/totp/check", {"token": code(site, seed, 1)}, **bearer)
    assert right.json == {"success": True}
    assert mine.get("/users/me/asps", **bearer).json == {"success": True, "results": []}


# -- second factors


def test_setup_shows_a_seed_and_its_picture_until_it_is_on(site: Site) -> None:
    id = made(site)
    first = site.post(f"/users/{id}/2fa/totp/setup", {"issuer": "testikas"}).json
    assert re.fullmatch(r"[A-Z2-7]{32}", first["seed"])
    kind, _, picture = first["qrcode"].partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert site.post(f"/users/{id}/2fa/totp/setup", {}).json["seed"] == first["seed"]
    fresh = site.post(f"/users/{id}/2fa/totp/setup", {"fresh": True}).json["seed"]
    assert fresh != first["seed"]
    site.world.clock.advance(6 * 3600)
    late = site.post(f"/users/{id}/2fa/totp/enable", {"token": code(site, fresh)})
    refused(late, 400, "TotpDisabled")
    assert site.post(f"/users/{id}/2fa/totp/setup", {}).json["seed"] != fresh


def test_codes_from_setup_to_the_end(site: Site) -> None:
    id = made(site)
    totp = f"/users/{id}/2fa/totp"
    refused(site.post(f"{totp}/enable", {"token": "123456"}), 400, "TotpDisabled")
    refused(site.post(f"{totp}/check", {"token": "123456"}), 400, "TotpDisabled")
    refused(site.delete(totp), 400, "TotpDisabled")
    seed = site.post(f"{totp}/setup", {}).json["seed"]
    refused(site.post(f"{totp}/enable", {"token": "000000"}), 400, "InvalidToken")
    invalid(site.post(f"{totp}/enable", {"token": "12345"}), "token")
    invalid(site.post(f"{totp}/enable", {}), "token")
    assert site.post(f"{totp}/enable", {"token": code(site, seed)}).json == {"success": True}
    refused(site.post(f"{totp}/enable", {"token": code(site, seed, 1)}), 400, "TotpEnabled")
    refused(site.post(f"{totp}/setup", {}), 400, "TotpEnabled")
    refused(site.post(f"{totp}/check", {"token": code(site, seed)}), 403, "InvalidToken")
    assert site.post(f"{totp}/check", {"token": code(site, seed, 1)}).json == {"success": True}
    assert login(site).json["require2fa"] == ["totp"]
    assert site.delete(totp + "?ip=192.168.10.10").json == {"success": True}
    refused(site.delete(totp), 400, "TotpDisabled")
    assert login(site).json["require2fa"] is False
    for _ in range(2):
        assert site.delete(f"/users/{id}/2fa?sess=x").json == {"success": True}


@pytest.mark.parametrize("steps", [-6, 6])
def test_a_telephone_may_be_three_minutes_wrong(site: Site, steps: int) -> None:
    id = made(site)
    seed = site.post(f"/users/{id}/2fa/totp/setup", {}).json["seed"]
    further = steps + (1 if steps > 0 else -1)
    path = f"/users/{id}/2fa/totp/enable"
    refused(site.post(path, {"token": code(site, seed, further)}), 400, "InvalidToken")
    assert site.post(path, {"token": code(site, seed, steps)}).status == 200


def test_wrong_codes_shut_the_factor(site: Site) -> None:
    id = made(site)
    seed = enable(site, id)
    path = f"/users/{id}/2fa/totp/check"
    for _ in range(6):
        refused(site.post(path, {"token": "000000"}), 403, "InvalidToken")
    refused(site.post(path, {"token": code(site, seed, 1)}), 403, "RateLimitedError")
    site.world.clock.advance(180)
    assert site.post(path, {"token": code(site, seed)}).status == 200


def test_with_a_second_factor_the_password_opens_no_mail(site: Site) -> None:
    id = made(site)
    enable(site, id)
    for scope in ("imap", "pop3", "smtp"):
        refused(login(site, scope=scope), 403, "InvalidAuthScope", id=id)
        refused(login(site, "wrong", scope=scope), 403, "AuthFailed", id=id)
    assert login(site).status == 200
    here = site.world.login
    for service in (Service.IMAP, Service.POP3, Service.SUBMISSION, Service.SIEVE, Service.HTTP):
        with pytest.raises(WrongScope):
            run(here.plain("joe", SECRET, PEER, service))


def test_with_a_second_factor_a_password_alone_administers_nothing() -> None:
    here = world(people=())
    here.account("root@example.org", role=Role.ADMIN)
    basic = base64.b64encode(f"root@example.org:{PASSWORD}".encode()).decode()
    site = Site(here)
    assert site.get("/tmail/users", authorization=f"Basic {basic}").status == 200
    id = site.get("/users/resolve/root@example.org").json["id"]
    enable(site, id)
    assert site.get("/tmail/users", authorization=f"Basic {basic}").status == 401
    site.delete(f"/users/{id}/2fa")
    assert site.get("/tmail/users", authorization=f"Basic {basic}").status == 200
    site.post(f"/users/{id}/password/reset", {})
    assert site.get("/tmail/users", authorization=f"Basic {basic}").status == 401


# -- a reset password


def test_a_reset_password_has_to_be_replaced(site: Site) -> None:
    id = made(site)
    enable(site, id)
    reply = site.post(f"/users/{id}/password/reset", {})
    password = reply.json["password"]
    assert reply.json == {"success": True, "password": password}
    assert re.fullmatch(r"[A-Za-z0-9]{12}", password)
    refused(login(site), 403, "AuthFailed", id=id)
    shown = login(site, password).json
    assert (shown["require2fa"], shown["requirePasswordChange"]) == (False, True)
    refused(login(site, password, scope="imap"), 403, "InvalidAuthScope", id=id)
    assert site.put(f"/users/{id}", {"password": "an own one"}).status == 200
    assert login(site, "an own one", scope="imap").json["requirePasswordChange"] is False


# -- app passwords


def test_an_app_password_opens_what_it_is_for(site: Site) -> None:
    id = made(site)
    answer = asp(site, id, "imap", ip="192.168.10.10")
    password = answer["password"]
    assert set(answer) == {"success", "id", "password"}
    assert re.fullmatch(r"[a-z]{16}", password)
    assert ID.fullmatch(answer["id"])
    spaced = " ".join(password[at : at + 4] for at in range(0, 16, 4)).capitalize()
    for given in (password, spaced):
        assert login(site, given, scope="imap").json["id"] == id
    refused(login(site, password, scope="pop3"), 403, "InvalidAuthScope", id=id)
    refused(login(site, password), 403, "AuthFailed", id=id)
    (shown,) = site.get(f"/users/{id}/asps").json["results"]
    assert shown["lastUse"]["time"]
    entry = site.get(f"/users/{id}/authlog/{shown['lastUse']['event']}").json
    assert (entry["action"], entry["asp"]) == ("authentication", answer["id"])
    assert {**shown, "lastUse": 0, "created": 0} == {
        "id": answer["id"],
        "description": "phone",
        "scopes": ["imap"],
        "created": 0,
        "lastUse": 0,
        "expires": False,
    }
    assert site.get(f"/users/{id}/asps/{answer['id']}").json == {"success": True, **shown}
    assert site.delete(f"/users/{id}/asps/{answer['id']}?ip=192.168.10.10").status == 200
    refused(login(site, password, scope="imap"), 403, "AuthFailed", id=id)
    for method in ("GET", "DELETE"):
        gone = site.ask(method, f"/users/{id}/asps/{answer['id']}")
        refused(gone, 404, "AspNotFound")


@pytest.mark.parametrize(
    ("scopes", "shown"),
    [
        (["*"], ["*"]),
        ("*", ["*"]),
        ("imap, smtp", ["imap", "smtp"]),
        (["smtp", "pop3", "imap"], ["*"]),
        (["imap", "*"], ["*"]),
    ],
)
def test_scopes_as_an_array_or_words(site: Site, scopes: object, shown: list[str]) -> None:
    id = made(site)
    reply = site.post(f"/users/{id}/asps", {"description": "x", "scopes": scopes})
    assert reply.status == 200
    assert site.get(f"/users/{id}/asps").json["results"][0]["scopes"] == shown


def test_app_passwords_that_are_refused(site: Site) -> None:
    id = made(site)
    path = f"/users/{id}/asps"
    invalid(site.post(path, {}), "description")
    invalid(site.post(path, {"description": "x" * 256}), "description")
    invalid(site.post(path, {"description": "a\r\nb"}), "description")
    invalid(site.post(path, {"description": "x", "scopes": ["master"]}), "scopes")
    invalid(site.post(path, {"description": "x", "scopes": []}), "scopes")
    invalid(site.post(path, {"description": "x", "password": "short"}), "password")
    invalid(site.post(path, {"description": "x", "ttl": -1}), "ttl")
    for number in range(50):
        asp(site, id, description=f"app {number}", password="abcdefghijklmnop")
    refused(site.post(path, {"description": "one more"}), 403, "TooMany")


def test_an_app_password_that_ends_is_listed_when_asked_for(site: Site) -> None:
    id = made(site)
    answer = asp(site, id, ttl=60)
    assert site.get(f"/users/{id}/asps").json["results"] == []
    (shown,) = site.get(f"/users/{id}/asps?showAll=true").json["results"]
    assert shown["expires"]
    site.world.clock.advance(50)
    assert login(site, answer["password"], scope="imap").status == 200
    site.world.clock.advance(50)
    assert login(site, answer["password"], scope="imap").status == 200
    site.world.clock.advance(61)
    refused(login(site, answer["password"], scope="imap"), 403, "AuthFailed", id=id)
    assert site.get(f"/users/{id}/asps?showAll=true").json["results"] == []


def profile(site: Site, id: str, **more: object) -> Any:
    answer = asp(site, id, generateMobileconfig=True, **more)
    assert set(answer) == {"success", "id", "password", "mobileconfig"}
    return answer, plistlib.loads(base64.b64decode(answer["mobileconfig"]))


@pytest.mark.parametrize(
    ("scopes", "kind", "port"),
    [
        (["imap", "smtp"], "EmailTypeIMAP", 993),
        (["pop3", "smtp"], "EmailTypePOP", 995),
        (["*"], "EmailTypeIMAP", 993),
    ],
)
def test_a_profile_sets_up_a_mail_account(
    site: Site, scopes: list[str], kind: str, port: int
) -> None:
    id = made(site, name='Joe "<&>" Doe')
    answer, found = profile(site, id, scopes=scopes)
    (account,) = found["PayloadContent"]
    assert (found["PayloadType"], account["PayloadType"]) == (
        "Configuration",
        "com.apple.mail.managed",
    )
    assert found["PayloadUUID"] != account["PayloadUUID"]
    assert (account["EmailAccountType"], account["EmailAccountName"]) == (kind, 'Joe "<&>" Doe')
    assert account["EmailAddress"] == "joe@example.org"
    for way, where in (("Incoming", port), ("Outgoing", 465)):
        assert account[f"{way}MailServerHostName"] == "mx.example.org"
        assert account[f"{way}MailServerPortNumber"] == where
        assert account[f"{way}MailServerUseSSL"] is True
        assert account[f"{way}MailServerUsername"] == "joe"
        assert account[f"{way}Password"] == answer["password"]
    assert found["PayloadIdentifier"].startswith("org.example.mx.")


def test_profiles_that_are_refused_make_no_app_password(site: Site) -> None:
    id = made(site)
    other = made(site, "ann")
    path = f"/users/{id}/asps"
    fields = {"description": "x", "generateMobileconfig": True}
    for scopes in (["imap"], ["smtp"], ["imap", "pop3"]):
        refused(site.post(path, {**fields, "scopes": scopes}), 400, "InvalidAuthScope")
    invalid(site.post(path, {**fields, "address": "ann@example.org"}), "address")
    invalid(site.post(path, {**fields, "address": "nobody@example.org"}), "address")
    nowhere = made(site, "tom", emptyAddress=True)
    invalid(site.post(f"/users/{nowhere}/asps", fields), "address")
    for one in (id, other, nowhere):
        assert site.get(f"/users/{one}/asps").json["results"] == []
    site.post(f"/users/{id}/addresses", {"address": "joseph@example.org"})
    _, found = profile(site, id, address="joseph@example.org")
    assert found["PayloadContent"][0]["EmailAddress"] == "joseph@example.org"


# -- the log


def log(site: Site, id: str, query: str = "") -> Any:
    reply = site.get(f"/users/{id}/authlog{query}")
    assert reply.status == 200, reply.json
    return reply.json


def test_the_log_tells_what_happened(site: Site) -> None:
    id = made(site)
    answer = asp(site, id, ip="192.168.10.10", sess="my session")
    login(site, "wrong", ip="192.0.2.9", sess="s", protocol="IMAP")
    login(site, ip="192.0.2.9")
    told = log(site, id)
    assert (told["total"], told["page"]) == (4, 1)
    assert (told["previousCursor"], told["nextCursor"]) == (False, False)
    assert [(row["action"], row["result"]) for row in told["results"]] == [
        ("authentication", "success"),
        ("authentication", "fail"),
        ("create asp", "success"),
        ("account created", "success"),
    ]
    _, failed, create, _ = told["results"]
    assert (failed["ip"], failed["sess"], failed["protocol"]) == ("192.0.2.9", "s", "IMAP")
    when = create.pop("created")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", when)
    assert create.pop("last") == when
    assert ID.fullmatch(create.pop("id"))
    assert create.pop("expires") > when
    assert create == {
        "action": "create asp",
        "result": "success",
        "asp": answer["id"],
        "aname": "phone",
        "ip": "192.168.10.10",
        "sess": "my session",
        "protocol": "API",
        "events": 1,
    }


def test_the_log_is_filtered_and_paged(site: Site) -> None:
    id = made(site)
    for number in range(5):
        login(site, f"wrong {number}", ip=f"192.0.2.{number}", sess=f"s{number % 2}")
    assert log(site, id, "?action=create%20asp")["results"] == []
    assert log(site, id, "?ip=192.0.2.3")["total"] == 1
    assert log(site, id, "?filterip=192.0.2.3")["total"] == 1
    assert log(site, id, "?sess=s1")["total"] == 2
    assert log(site, id, "?action=authentication")["total"] == 5
    first = log(site, id, "?limit=2&action=authentication")
    second = log(site, id, f"?limit=2&action=authentication&next={first['nextCursor']}&page=2")
    third = log(site, id, f"?limit=2&action=authentication&next={second['nextCursor']}&page=3")
    ips = [row["ip"][-1] for page in (first, second, third) for row in page["results"]]
    assert ips == ["4", "3", "2", "1", "0"]
    assert third["nextCursor"] is False
    back = log(site, id, f"?limit=2&action=authentication&previous={third['previousCursor']}")
    assert back["results"] == second["results"]
    event = first["results"][0]
    assert site.get(f"/users/{id}/authlog/{event['id']}").json == {"success": True, **event}
    refused(site.get(f"/users/{id}/authlog/{ABSENT}"), 404, "EventNotFound")
    invalid(site.get(f"/users/{id}/authlog?unknown=1"), "unknown")
    invalid(site.get(f"/users/{id}/authlog?next=%00"), "next")


def test_the_same_again_is_one_entry(site: Site) -> None:
    id = made(site)
    for _ in range(4):
        login(site, "wrong", ip="192.0.2.1")
    (entry,) = log(site, id, "?action=authentication")["results"]
    assert entry["events"] == 4


def test_every_change_of_what_proves_a_login_is_in_the_log(site: Site) -> None:
    id = made(site)
    seed = enable(site, id)
    site.post(f"/users/{id}/2fa/totp/check", {"token": code(site, seed, 1)})
    site.post(f"/users/{id}/2fa/totp/check", {"token": "000000"})
    made_asp = asp(site, id)
    site.delete(f"/users/{id}/asps/{made_asp['id']}")
    site.delete(f"/users/{id}/2fa/totp")
    enable(site, id)
    site.delete(f"/users/{id}/2fa")
    site.put(f"/users/{id}", {"password": "another one", "sess": "s", "ip": "192.0.2.1"})
    site.post(f"/users/{id}/password/reset", {})
    results = [(row["action"], row["result"]) for row in log(site, id)["results"]]
    assert results == [
        ("reset", "success"),
        ("password change", "success"),
        ("disable 2fa", "success"),
        ("disable 2fa totp", "success"),
        ("delete asp", "success"),
        ("create asp", "success"),
        ("check 2fa totp", "fail"),
        ("check 2fa totp", "success"),
        ("enable 2fa totp", "success"),
        ("account created", "success"),
    ]


def test_what_a_guesser_sends_starts_no_line_of_its_own(site: Site) -> None:
    id = made(site)
    reply = login(site, "wrong", sess='x\r\n{"forged": 1}', ip="192.0.2.1")
    assert (reply.status, list(reply.json["details"])) == (400, ["sess"])
    login(site, "wrong", sess='x{"forged": 1}', ip="192.0.2.1")
    (entry,) = log(site, id, "?action=authentication")["results"]
    assert entry["sess"] == 'x{"forged": 1}'
    assert "forged" not in repr(site.world.log.events)


# -- who is not there


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "authlog", None),
        ("GET", f"authlog/{ABSENT}", None),
        ("POST", "2fa/totp/setup", {}),
        ("POST", "2fa/totp/enable", {"token": "123456"}),
        ("POST", "2fa/totp/check", {"token": "123456"}),
        ("DELETE", "2fa/totp", None),
        ("DELETE", "2fa", None),
        ("GET", "asps", None),
        ("GET", f"asps/{ABSENT}", None),
        ("POST", "asps", {"description": "x"}),
        ("DELETE", f"asps/{ABSENT}", None),
        ("POST", "password/reset", {}),
    ],
)
def test_calls_on_nobody_and_on_what_is_no_id(
    site: Site, method: str, path: str, body: object
) -> None:
    refused(site.ask(method, f"/users/{ABSENT}/{path}", body), 404, "UserNotFound")
    invalid(site.ask(method, f"/users/xyz/{path}", body), "user")


def test_failing_logins_hide_who_is_there(site: Site) -> None:
    made(site)
    with pytest.raises(AuthenticationFailed) as known:
        run(site.world.login.plain("joe", "wrong", PEER, Service.IMAP))
    with pytest.raises(AuthenticationFailed) as unknown:
        run(site.world.login.plain("nobody", "wrong", PEER, Service.IMAP))
    assert str(known.value) == str(unknown.value)


# -- before the password, and factors of the application's own


def test_who_would_log_in(site: Site) -> None:
    id = made(site, address="joe@example.org")
    for name in ("joe", "JOE@example.org"):
        found = site.post("/preauth", {"username": name, "sess": "s", "ip": "192.0.2.1"})
        assert found.json == {
            "success": True, "id": id, "username": "joe", "address": "joe@example.org",
            "scope": "master", "require2fa": False,
        }  # fmt: skip
    enable(site, id)
    for scope, factors in (("master", ["totp"]), ("imap", False)):
        found = site.post("/preauth", {"username": "joe", "scope": scope})
        assert found.json["require2fa"] == factors
    refused(site.post("/preauth", {"username": "nobody"}), 403, "AuthFailed")
    refused(site.post("/preauth", {"username": "joe", "scope": "x"}), 403, "InvalidAuthScope")
    invalid(site.post("/preauth", {}), "username")
    site.put(f"/users/{id}", {"disabledScopes": ["pop3"]})
    refused(site.post("/preauth", {"username": "joe", "scope": "pop3"}), 403, "InvalidAuthScope")
    site.put(f"/users/{id}", {"disabled": True})
    refused(site.post("/preauth", {"username": "joe"}), 403, "AuthFailed")


def test_a_factor_of_the_applications_own(site: Site) -> None:
    id = made(site)
    path = f"/users/{id}/2fa/custom"
    for _ in range(2):
        assert site.put(path, {"ip": "192.0.2.1"}).json == {"success": True}
    assert login(site).json["require2fa"] == ["custom"]
    refused(login(site, scope="imap"), 403, "InvalidAuthScope", id=id)
    assert login(site, asp(site, id)["password"], scope="imap").status == 200
    seed = enable(site, id)
    assert login(site).json["require2fa"] == ["custom", "totp"]
    for _ in range(2):
        assert site.delete(path).json == {"success": True}
    assert login(site).json["require2fa"] == ["totp"]
    site.put(path, {})
    assert site.delete(f"/users/{id}/2fa").json == {"success": True}
    assert login(site).json["require2fa"] is False
    assert seed
    told = [row["action"] for row in site.get(f"/users/{id}/authlog?limit=50").json["results"]]
    assert "enable 2fa custom" in told
    assert "disable 2fa custom" in told
    for method in ("PUT", "DELETE"):
        refused(site.ask(method, f"/users/{ABSENT}/2fa/custom"), 404, "UserNotFound")


def test_who_showed_a_factor_of_the_application_needs_no_other_for_a_token(site: Site) -> None:
    id = made(site)
    site.put(f"/users/{id}/2fa/custom", {})
    token = login(site, token=True).json["token"]
    mine = site.get("/users/me/mailboxes", x_access_token=token)
    assert mine.status == 200
    enable(site, id)
    waits = login(site, token=True).json["token"]
    assert site.get("/users/me/mailboxes", x_access_token=waits).status == 403
