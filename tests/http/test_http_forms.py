"""What strangers write into the fields of the dialects that take forms and small objects:
EasyMail's, Mail-in-a-Box's and tmail's. Each field of each call is tried with each evil text.
Nothing breaks, what is refused leaves no trace, and no text gets a second line anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from mailhub.model.account import Role
from tests.http.browsing import FOREIGN, Reply
from tests.http.place import ANN, JOE, Place
from tests.http.test_http_injection import in_rows
from tests.http.tmail import basic
from tests.world import PASSWORD

pytestmark = pytest.mark.thorough

ROOT = "root@example.org"
FORM = "application/x-www-form-urlencoded"
EVIL = (
    "",
    "x\r\nX-Evil: yes",
    "x\nbcc: eve@example.org",
    "x\0y",
    "x\u2028y",
    "' OR '1'='1' --",
    '"; DROP TABLE account; --',
    "../../../etc/passwd",
    "%00%0d%0aX",
    "<script>alert(1)</script>",
    "-1",
    "99999999999999999999999",
    "\u0663",
    "x" * 300,
    "y@" + "z." * 200 + "test",
    "x" * 70_000,
    "\U0001f600@example.org",
    "a@b@c",
    "*@example.org",
    "a" + "\u0301" * 400,
)
ANYTHING = {("dkim_key", "private"), ("route", "username"), ("route", "password")}
"""Columns of keys, and of what another server asks for: it may hold what it likes."""
JSON_EVIL = (None, -1, 1.5, True, ["x"], {"x": "y"}, 1 << 70)
"""Where an object is taken: what is no text at all."""


@dataclass(frozen=True)
class Order:
    """A call that is right as it stands. `path`: with `{name}` for fields that stand in it."""

    dialect: str
    method: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)


NEW = {"domain": "new.example", "username": "ann@new.example", "password": "s3cret pass"}
CERTIFICATE = {"ssl_certificate": "x", "ssl_certificate_key": "x"}
ROUTE = {"host": "far.example", "remoteHost": "relay.example", "mailFrom": "a@example.org"}
ROUTE |= {"user": JOE, "localIp": "192.0.2.1", "smtpAuthLogin": "x", "smtpAuthPasswd": "y"}
ORDERS = (
    Order("easymail", "POST", "/auth", {"username": JOE, "password": "x"}),
    Order("easymail", "POST", "/domains", NEW),
    Order("easymail", "DELETE", "/domain", {"domain": "none.example"}),
    Order("easymail", "GET", "/users/{id}", {"id": "1"}),
    Order("easymail", "POST", "/user/{id}", {"id": "1", "email": ANN, "password": "long enough"}),
    Order(
        "easymail",
        "POST",
        "/user-change-password",
        {"id": "1", "password": "long enough", "domain_id": "1", "is_encrypted": ""},
    ),
    Order("easymail", "DELETE", "/users", {"email": "nobody@example.org"}),
    Order("easymail", "POST", "/dkim/add-new-domain", {"domain": "example.org", "rotate": ""}),
    Order("easymail", "POST", "/ssl/letsencrypt/install", {"hostname": "example.org"}),
    Order("easymail", "POST", "/ssl/get-left-days", {"hostname": "example.org"}),
    Order("easymail", "POST", "/ssl/upload", {**CERTIFICATE, "hostname": "example.org"}),
    Order("easymail", "GET", "/export/domain", {"domain": "none.example", "format": "json"}),
    Order(
        "admin",
        "POST",
        "/mail/users/add",
        {"email": "mia@example.org", "password": "long enough", "privileges": "", "quota": "1G"},
    ),
    Order("admin", "POST", "/mail/users/remove", {"email": "nobody@example.org"}),
    Order("admin", "POST", "/mail/users/password", {"email": ANN, "password": "long enough"}),
    Order("admin", "POST", "/mail/users/quota", {"email": ANN, "quota": "1G"}),
    Order("admin", "POST", "/mail/users/privileges/add", {"email": ANN, "privilege": "x"}),
    Order("admin", "POST", "/mail/users/privileges/remove", {"email": ANN, "privilege": "x"}),
    Order("admin", "GET", "/mail/users/privileges", {"email": ANN}),
    Order("admin", "GET", "/mail/users", {"format": "json"}),
    Order(
        "admin",
        "POST",
        "/mail/aliases/add",
        {
            "update_if_exists": "1",
            "address": "info@example.org",
            "forwards_to": ANN,
            "permitted_senders": JOE,
        },
    ),
    Order("admin", "POST", "/mail/aliases/remove", {"address": "none@example.org"}),
    Order("admin", "POST", "/dns/secondary-nameserver", {"hostnames": "xfr:192.0.2.53"}),
    Order("admin", "GET", "/dns/zonefile/{zone}", {"zone": "example.org"}),
    Order("admin", "POST", "/dns/update", {"force": "1"}),
    Order("admin", "GET", "/dns/custom/{name}/{type}", {"name": "a.example.org", "type": "A"}),
    Order("admin", "POST", "/ssl/csr/{domain}", {"domain": "example.org", "countrycode": "GB"}),
    Order("admin", "POST", "/ssl/install", {"domain": "example.org", "cert": "x", "chain": "x"}),
    Order(
        "admin", "POST", "/mfa/totp/enable", {"secret": "A" * 32, "code": "000000", "label": "x"}
    ),
    Order("admin", "POST", "/mfa/totp/disable", {"user": ANN, "mfa_id": "1"}),
    Order("admin", "POST", "/system/privacy", {"value": "private"}),
    Order(
        "admin",
        "POST",
        "/system/backup/config",
        {"target": "off", "target_user": "x", "target_pass": "x", "min_age": "3"},
    ),
    Order(
        "tmail",
        "POST",
        "/users/{login}",
        {"login": "mia@example.org", "passwd": "long enough", "mailboxQuota": "1G"}
        | {"haveMailbox": True, "authRelay": False},
    ),
    Order("tmail", "PUT", "/users/{login}", {"login": ANN, "passwd": "long enough"}),
    Order("tmail", "GET", "/users/{login}", {"login": ANN}),
    Order("tmail", "DELETE", "/users/{login}", {"login": "nobody@example.org"}),
    Order("tmail", "GET", "/queue/{id}", {"id": "1"}),
    Order("tmail", "DELETE", "/queue/discard/{id}", {"id": "1"}),
    Order("tmail", "DELETE", "/queue/bounce/{id}", {"id": "1"}),
    Order(
        "tmail",
        "POST",
        "/aliases/{alias}",
        {"alias": "sales@example.org", "deliverTo": [JOE], "isMiniList": False},
    ),
    Order("tmail", "POST", "/rcpthosts/{host}", {"host": "far.example"}),
    Order("tmail", "DELETE", "/rcpthosts/{host}", {"host": "none.example"}),
    Order("tmail", "POST", "/relayips/{network}", {"network": "192.0.2.9"}),
    Order("tmail", "POST", "/routes", ROUTE),
    Order("tmail", "DELETE", "/routes/{id}", {"id": "99"}),
    Order("tmail", "POST", "/dkim/{host}", {"host": "example.org"}),
    Order("tmail", "GET", "/queue", {"limit": "5", "after": "0"}),
)
FORMS = {"easymail": "/easymail", "admin": "/admin"}


@pytest.fixture
def place() -> Place:
    found = Place()
    found.world.account(ROOT, role=Role.ADMIN)
    return found


class Visitor:
    """An administrator, whom what happens meanwhile does not make another one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._token = ""
        auth = {"username": ROOT, "password": PASSWORD}
        self._token = self.ask(Order("easymail", "POST", "/auth", auth)).json["token"]

    def ask(self, order: Order, *, json: bool = False) -> Reply:
        """The call: fields of its path in that, the others in a body, or behind its path."""
        given = dict(order.fields)
        path = order.path
        for name in list(given):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=""))
        headers = {"authorization": basic(ROOT)}
        if order.dialect == "easymail":
            headers = {"auth_token": self._token}
        body: object = None
        if order.dialect == "tmail" or json:
            body = given if order.method in ("POST", "PUT") or given else None
        elif given:
            texts = {name: str(value) for name, value in given.items()}
            body = urlencode(texts, errors="surrogatepass").encode()
            headers["content_type"] = FORM
        if order.method == "GET" and order.dialect != "easymail" and given:
            path, body = f"{path}?{urlencode(given)}", None
        prefix = FORMS.get(order.dialect, "/tmail")
        ask = self._place.site.ask
        reply = ask(order.method, prefix + path, body, peer=FOREIGN, **headers)
        for timer in self._place.site.reactor.getDelayedCalls():
            timer.cancel()
        return reply


def spoiled(order: Order) -> Iterator[tuple[Order, bool]]:
    """The order with one field after the other made evil; and whether it has to be JSON."""
    for name, value in order.fields.items():
        for evil in EVIL:
            wrong = [evil] if isinstance(value, list) else evil
            yield (
                Order(order.dialect, order.method, order.path, {**order.fields, name: wrong}),
                False,
            )
        if f"{{{name}}}" not in order.path and order.dialect != "admin":
            for other in JSON_EVIL:
                fields = {**order.fields, name: other}
                yield Order(order.dialect, order.method, order.path, fields), True


@pytest.mark.parametrize("order", ORDERS, ids=lambda one: f"{one.dialect} {one.method} {one.path}")
def test_as_it_stands_it_is_understood(order: Order, place: Place) -> None:
    """Otherwise the other test would say nothing."""
    status = Visitor(place).ask(order).status
    assert status not in (405, 415, 500), order
    assert status != 401 or order.path == "/auth"


@pytest.mark.parametrize("dialect", ["easymail", "admin", "tmail"])
def test_evil_fields(dialect: str, place: Place) -> None:
    visitor = Visitor(place)
    before = place.everything()
    number = 0
    for order in ORDERS:
        if order.dialect != dialect:
            continue
        for made, json in spoiled(order):
            number += 1
            reply = visitor.ask(made, json=json)
            told = (made.method, made.path, {k: str(v)[:80] for k, v in made.fields.items()})
            assert reply.status < 500 or reply.status == 503, (told, reply.body)
            assert b"Traceback" not in reply.body
            head = "".join(f"{name}: {value}\n" for name, value in reply.headers.items()).lower()
            assert "\nx-evil" not in head
            after = place.everything()
            if reply.status >= 400:
                changed = {name for name in after if after[name] != before[name]}
                assert changed == set(), (told, reply.status, changed)
            before = after
    assert number > 300
    assert [one for one in in_rows(place) if one[:2] not in ANYTHING] == []
