"""EasyMail's calls as its document has them: each success and each failure."""

from __future__ import annotations

import hmac
import json
import tarfile
from base64 import urlsafe_b64encode
from io import BytesIO
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from mailhub.core.signed_tokens import LIFE
from mailhub.model.account import Role
from mailhub.model.errors import Corrupt
from mailhub.model.settings import HTTPSettings
from mailhub.wire import jwt
from tests.authority import key
from tests.http.browsing import SECRET, Reply, Site
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

ADMIN, JOE = "root@example.org", "joe@example.org"
BOUNDARY = "------------------------d74496d66958873e"
WRONG = "Username/password is not correct"


class EasyMail(Site):
    """Requests with the fields of `curl -F`, from who has a token."""

    def __init__(self, **more: Any) -> None:
        here = world(people=(JOE,))
        here.account(ADMIN, role=Role.ADMIN)
        super().__init__(world=here, root="", **more)
        self.token = self.login().json["token"]

    def login(self, name: str = ADMIN, password: str = PASSWORD) -> Reply:
        return self.call("POST", "/auth", token="", username=name, password=password)

    def call(self, method: str, path: str, token: str | None = None, **fields: str) -> Reply:
        data = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        headers = {"auth_token": self.token if token is None else token}
        if fields:
            headers["content_type"] = f"multipart/form-data; boundary={BOUNDARY}"
        body = f"{data}--{BOUNDARY}--\r\n".encode() if fields else None
        return self.ask(method, f"/easymail{path}", body, **headers)


@pytest.fixture
def site() -> EasyMail:
    return EasyMail()


def refused(reply: Reply, status: int, words: str) -> None:
    assert (reply.status, reply.json) == (
        status,
        {"result": False, "msg": words, "error_msg": words, "error": words},
    )


def number(site: EasyMail, name: str = "example.org") -> str:
    domains = site.call("GET", "/domains").json["domains"]
    return next(str(one["id"]) for one in domains if one["name"] == name)


# -- tokens


def test_a_password_becomes_a_token(site: EasyMail) -> None:
    reply = site.login()
    assert (reply.status, set(reply.json)) == (200, {"result", "token"})
    claims = jwt.decode(reply.json["token"], SECRET)
    assert claims is not None
    assert claims["exp"] == site.world.clock.now() + LIFE
    for name, password in ((ADMIN, "wrong"), ("nobody", "x"), (JOE, PASSWORD)):
        refused(site.login(name, password), 401, WRONG)
    refused(site.login("", ""), 401, "Username/password is required")
    assert site.call("GET", "/ping", token="").body == b"pong"


def test_a_token_ends_with_time_and_password(site: EasyMail) -> None:
    assert site.call("GET", "/domains").status == 200
    for bad in ("", "x", site.token + "x", jwt.encode({"exp": 9e12}, SECRET)):
        refused(site.call("GET", "/domains", token=bad), 401, "Token is not correct")
    site.world.clock.advance(LIFE)
    refused(site.call("GET", "/domains"), 401, "Token is not correct")
    site.token = site.login().json["token"]
    run(site.world.accounts.set_password(site.world.people[ADMIN].number, "another one", ACTOR))
    refused(site.call("GET", "/domains"), 401, "Token is not correct")


def test_who_is_no_administrator_any_more_is_refused(site: EasyMail) -> None:
    ours = site.parts.administration.administrators
    run(ours.grant(site.world.people[JOE], ACTOR))
    run(ours.revoke(run(site.world.accounts.by_name(ADMIN)), ACTOR))
    assert site.call("GET", "/domains").status == 403


# -- domains


def test_a_domain_comes_with_its_first_user(site: EasyMail) -> None:
    new = {"domain": "new.example", "username": "ann@new.example", "password": "s3cret pass"}
    reply = site.call("POST", "/domains", **new)
    assert (reply.status, reply.json["result"]) == (200, True)
    refused(site.call("POST", "/domains", **new), 409, "Domain is already exist")
    first, second = site.call("GET", "/domains").json["domains"]
    assert (first["name"], first["users_count"]) == ("new.example", 1)
    assert (second["name"], second["users_count"]) == ("example.org", 2)
    users = site.call("GET", f"/users/{first['id']}").json["users"]
    assert users == [
        {"id": reply.json["user_id"], "domain_id": first["id"], "email": "ann@new.example"}
    ]
    assert run(site.world.login.plain(new["username"], new["password"], *here())).username


def here() -> tuple[Any, Any]:
    from mailhub.model.account import Service
    from tests.world import PEER

    return PEER, Service.IMAP


def test_a_domain_without_a_right_user_is_not_made(site: EasyMail) -> None:
    new = {"domain": "new.example", "username": "ann@other.example", "password": "s3cret pass"}
    refused(site.call("POST", "/domains", **new), 400, "The email has to be in new.example")
    new["username"] = ""
    refused(site.call("POST", "/domains", **new), 400, "domain, username and password are required")
    assert len(site.call("GET", "/domains").json["domains"]) == 1


def test_a_domain_goes_with_all_that_is_in_it(site: EasyMail) -> None:
    new = {"domain": "new.example", "username": "ann@new.example", "password": "s3cret pass"}
    site.call("POST", "/domains", **new)
    run(site.world.addresses.create("info@new.example", ACTOR, targets=(JOE,)))
    assert site.call("DELETE", "/domain", domain="new.example").json == {"result": True}
    assert not run(site.world.addresses.is_local("new.example"))
    refused(site.call("DELETE", "/domain", domain="new.example"), 404, "No such domain")
    reply = site.call("DELETE", "/domain", domain="example.org")
    assert (reply.status, "last administrator" in reply.json["msg"]) == (409, True)
    assert len(site.call("GET", f"/users/{number(site)}").json["users"]) == 2


def test_keys_sign_a_domains_mail(site: EasyMail) -> None:
    first = site.call("POST", "/dkim/add-new-domain", domain="example.org").json
    assert first["result"] is True
    assert first["private"].startswith("-----BEGIN PRIVATE KEY-----")
    assert f"{first['selector']}._domainkey.example.org" in first["public"]
    assert site.call("POST", "/dkim/add-new-domain", domain="example.org").json == first
    refused(site.call("POST", "/dkim/add-new-domain", domain="x.example"), 404, "No such domain")


# -- users


@pytest.mark.parametrize("path", ["/user", "/users"])
def test_a_user_is_added(site: EasyMail, path: str) -> None:
    id = number(site)
    new = {"email": "eve@example.org", "password": "s3cret pass"}
    reply = site.call("POST", f"{path}/{id}", **new)
    assert (reply.status, reply.json["result"]) == (200, True)
    assert site.call("GET", f"/users/{id}").json["users"][0]["email"] == new["email"]
    refused(site.call("POST", f"{path}/{id}", **new), 409, "User already exist!")
    refused(site.call("POST", f"{path}/999", **new), 404, "No such domain")
    refused(site.call("POST", f"{path}/x", **new), 404, "No such domain")
    new["email"] = "eve@other.example"
    refused(site.call("POST", f"{path}/{id}", **new), 400, "The email has to be in example.org")
    refused(site.call("POST", f"{path}/{id}"), 400, "email and password are required")


def test_a_hash_of_another_server_is_taken(site: EasyMail) -> None:
    new = {"email": "eve@example.org", "is_encrypted": "1", "password": "$1$abc$def"}
    assert site.call("POST", f"/user/{number(site)}", **new).status == 200
    new = {"email": "mia@example.org", "is_encrypted": "1", "password": "clear"}
    assert site.call("POST", f"/user/{number(site)}", **new).status == 400


def test_a_password_is_changed(site: EasyMail) -> None:
    joe = site.world.people[JOE]
    good = {"id": str(joe.number), "domain_id": number(site), "password": "another pass"}
    assert site.call("POST", "/user-change-password", **good).json == {"result": True}
    assert run(site.world.accounts.get(joe.number)).auth_version == joe.auth_version + 1
    for change, words in (
        ({"id": "999"}, "No such user"),
        ({"id": "x"}, "No such user"),
        ({"domain_id": "999"}, "No such domain"),
    ):
        refused(site.call("POST", "/user-change-password", **{**good, **change}), 404, words)
    reply = site.call("POST", "/user-change-password", **{**good, "password": ""})
    refused(reply, 400, "password is required")


def test_a_user_is_removed_but_not_the_last_administrator(site: EasyMail) -> None:
    assert site.call("DELETE", "/users", email=JOE).json == {"result": True}
    refused(site.call("DELETE", "/users", email=JOE), 404, "No such user")
    assert site.call("DELETE", "/users", email=ADMIN).status == 409


def test_fields_may_stand_anywhere(site: EasyMail) -> None:
    headers = {"auth_token": site.token}
    for path, body, kind in (
        ("/users?email=a@example.org", None, "text/plain"),
        ("/users", b"email=a%40example.org", "application/x-www-form-urlencoded"),
        ("/users", b'{"email": "a@example.org"}', "application/json"),
    ):
        site.call("POST", f"/user/{number(site)}", email="a@example.org", password="long enough")
        reply = site.ask("DELETE", f"/easymail{path}", body, content_type=kind, **headers)
        assert reply.json == {"result": True}, path
    bad = {"content_type": "multipart/form-data", **headers}
    assert site.ask("DELETE", "/easymail/users", b"x", **bad).status == 400


# -- certificates


def test_a_certificate_is_uploaded_with_its_key(site: EasyMail) -> None:
    from mailhub.wire.x509 import write_key

    own = key()
    good = site.certified.authority.signing.issue(["example.org"], public=own.public_key())
    given = {"ssl_certificate": good, "ssl_certificate_key": write_key(own).decode()}
    assert site.call("POST", "/ssl/upload", **given).json == {"result": True}
    days = site.call("POST", "/ssl/get-left-days", hostname="example.org").json
    assert set(days) == {"days_left"}
    assert days["days_left"] > 0
    other = {**given, "ssl_certificate_key": write_key(key()).decode()}
    assert site.call("POST", "/ssl/upload", **other).status == 400
    refused(site.call("POST", "/ssl/upload"), 400, "ssl_certificate is required")
    assert site.call("POST", "/ssl/get-left-days", hostname="far.example").status == 404
    assert site.call("POST", "/ssl/get-left-days", hostname="").status == 400


def test_a_certificate_is_asked_for(site: EasyMail) -> None:
    assert site.call("POST", "/ssl/letsencrypt/install", hostname="example.org").status == 503
    willing = EasyMail(agree=True)
    reply = willing.call("POST", "/ssl/letsencrypt/install", hostname="example.org")
    assert (reply.status, "does not resolve" in reply.json["msg"]) == (409, True)
    willing.world.resolver.set("example.org", "A", ["192.0.2.25"])
    reply = willing.call("POST", "/ssl/letsencrypt/install", hostname="far.example")
    assert reply.status == 404


def test_it_describes_itself(site: EasyMail) -> None:
    told = site.call("GET", "/openapi.json", token="").json
    validate(told, cls=OpenAPIV31SpecValidator)
    operations = [one for calls in told["paths"].values() for one in calls.values()]
    assert len(operations) == 15
    assert sum(not one["security"] for one in operations) == 2


def test_it_may_be_a_listeners_root() -> None:
    for root in ("easymail", "mailinabox"):
        site = Site(root=root)
        path = {"easymail": "/ping", "mailinabox": "/login"}[root]
        assert site.get(path).status == 200


# -- as EasyMail's own programs know it


def test_tokens_of_another_kind_are_none(site: EasyMail) -> None:
    """RFC 8725 section 3.1: what a token says of its own algorithm decides nothing."""
    claims = jwt.decode(site.token, SECRET)
    assert claims is not None

    def made(algorithm: str, mac: str | None) -> str:
        head = base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        body = f"{head}.{base64url(json.dumps(claims).encode())}"
        signed = hmac.digest(SECRET, body.encode(), mac) if mac else b""
        return f"{body}.{base64url(signed)}"

    assert site.call("GET", "/domains", token=made("HS256", "sha256")).status == 200
    for algorithm, mac in (
        ("none", None),
        ("None", None),
        ("HS256", None),
        ("none", "sha256"),
        ("HS512", "sha512"),
        ("HS384", "sha384"),
        ("RS256", "sha256"),
        ("HS256", "sha512"),
    ):
        reply = site.call("GET", "/domains", token=made(algorithm, mac))
        refused(reply, 401, "Token is not correct")
    head, body, mark = site.token.split(".")
    longer = base64url(json.dumps({**claims, "exp": 9e12}).encode())
    for token in (f"{head}.{longer}.{mark}", f"{head}.{body}.", f"{head}.{body}", f"..{mark}"):
        refused(site.call("GET", "/domains", token=token), 401, "Token is not correct")


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_what_is_no_call_is_told_in_its_own_words(site: EasyMail) -> None:
    reply = site.call("GET", "/nowhere", token="")
    assert reply.status == 404
    assert reply.json == {
        "code": 404,
        "host": "localhost",
        "method": "GET",
        "url": "/easymail/nowhere",
        "message": "Page not found",
        "result": False,
        "msg": "Page not found",
        "error_msg": "Page not found",
        "error": "Page not found",
    }
    reply = site.call("PUT", "/domains", token="")
    assert (reply.status, reply.json["code"]) == (405, 405)
    assert reply.headers["allow"] == "GET, HEAD, POST"


def test_pages_from_anywhere_may_ask(site: EasyMail) -> None:
    reply = site.ask("OPTIONS", "/easymail/domains", origin="https://panel.example")
    assert reply.status == 200
    assert "Auth-token" in reply.headers["access-control-allow-headers"]
    for answer in (reply, site.login(), site.call("GET", "/domains"), site.login(password="x")):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_refusals_can_have_the_status_they_had() -> None:
    site = EasyMail(settings=HTTPSettings(easymail_legacy_status=True))
    reply = site.call("GET", "/domains", token="x")
    assert (reply.status, reply.body) == (200, b"Token is not correct")
    refused(site.login(password="wrong"), 401, WRONG)
    refused(site.call("DELETE", "/domain", domain="x.example"), 200, "No such domain")
    assert site.call("GET", "/users/999").json == {"users": []}
    assert site.call("POST", "/ssl/letsencrypt/install", hostname="example.org").status == 503
    assert site.call("GET", "/nowhere").status == 404


# -- export


def test_a_domain_is_exported(site: EasyMail) -> None:
    site.world.deliver(JOE, b"Subject: one\r\n\r\nx\r\n")
    reply = site.call("GET", "/export/domain", domain="example.org")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/gzip")
    assert "content-length" not in reply.headers
    with tarfile.open(fileobj=BytesIO(reply.body)) as tar:
        names = tar.getnames()
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert (names[0], names[-1]) == ("manifest.json", "complete.json")
    assert manifest["accounts"] == [
        {"email": JOE, "password": ""},
        {"email": ADMIN, "password": ""},
    ]
    for path, headers in (("?format=json", {}), ("", {"accept": "application/json"})):
        shown = site.ask(
            "GET",
            f"/easymail/export/domain{path}",
            b'{"domain": "example.org"}',
            auth_token=site.token,
            **headers,
        )
        assert shown.json == manifest
    refused(site.call("GET", "/export/domain", domain="x.example"), 404, "No such domain")
    refused(site.call("GET", "/export/domain"), 400, "domain is required")
    refused(site.call("GET", "/export/domain", token=""), 401, "Token is not correct")


def test_hashes_are_for_those_whom_the_settings_name() -> None:
    site = EasyMail(settings=HTTPSettings(easymail_secrets=(ADMIN.upper(),)))
    site.call("POST", "/dkim/add-new-domain", domain="example.org")
    shown = site.call("GET", "/export/domain", domain="example.org", format="json").json
    assert all(one["password"].startswith("$argon2id$") for one in shown["accounts"])
    assert "PRIVATE KEY" in shown["dkim"]["private"]


def test_an_export_that_fails_midway_is_cut_off(
    site: EasyMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.world.deliver(JOE, b"Subject: one\r\n\r\nx\r\n")

    async def lost(refs: object) -> list[bytes]:
        raise Corrupt("The stored message is missing")

    monkeypatch.setattr(site.world.store.blobs, "read", lost)
    protocol, transport = site.connect()
    line = "GET /easymail/export/domain?domain=example.org HTTP/1.1"
    head = f"{line}\r\nHost: x\r\nAuth-token: {site.token}\r\n\r\n"
    protocol.dataReceived(head.encode())
    assert transport.value().startswith(b"HTTP/1.1 200 ")
    assert not transport.value().endswith(b"0\r\n\r\n")
    assert transport.aborted
