"""Every call of Mail-in-a-Box's document, as its own curl lines make them, what they do to mail,
and whatever a program that has read our description makes of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import smtplib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mailinabox_api as client
import pytest
from cryptography import x509

from mailhub.wire import otp
from tests.authority import Authority
from tests.live.outgoing import PASSWORD, Hub, hub
from tests.live.peers import until
from tests.live.server import BIN
from tests.programs import program

ROOT, JOE, ANN = "root@home.test", "joe@home.test", "ann@new.test"
MORE = """
[dns]
addresses = ["192.0.2.1"]
host_keys = ""
"""
AUTHORITY = Authority("Live test")
BOX = "http://{host}/admin"
AS_ROOT = f'-u "{ROOT}:{PASSWORD}"'
TEXT = "text/html; charset=utf-8"
REFUSAL = "Incorrect email address or password."


_CALL = re.compile(r'(?:-X (\w+) )?"(/[^"?]*)')
DOCUMENTED = """
GET /login; GET /logout; GET /mail/users; POST /mail/users/add; POST /mail/users/remove;
POST /mail/users/privileges/add; POST /mail/users/privileges/remove; POST /mail/users/password;
GET /mail/users/privileges; GET /mail/domains; GET /mail/aliases; POST /mail/aliases/add;
POST /mail/aliases/remove; GET /dns/secondary-nameserver; POST /dns/secondary-nameserver;
GET /dns/zones; GET /dns/zonefile/home.test; POST /dns/update; GET /dns/custom;
GET /dns/custom/www.home.test/MX; POST /dns/custom/www.home.test/MX;
PUT /dns/custom/www.home.test/TXT; DELETE /dns/custom/www.home.test/TXT;
GET /dns/custom/www.home.test; POST /dns/custom/www.home.test; PUT /dns/custom/www.home.test;
DELETE /dns/custom/www.home.test; GET /dns/dump; GET /ssl/status; POST /ssl/csr/home.test;
POST /ssl/install; POST /ssl/provision; GET /web/domains; POST /web/update; POST /mfa/status;
POST /mfa/totp/enable; POST /mfa/totp/disable; POST /system/status; GET /system/version;
POST /system/latest-upstream-version; GET /system/updates; POST /system/update-packages;
GET /system/privacy; POST /system/privacy; GET /system/reboot; POST /system/reboot;
GET /system/backup/status; GET /system/backup/config; POST /system/backup/config
"""
"""Every call of the document, in its order."""


@dataclass(frozen=True)
class Reply:
    """What curl showed."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Box:
    """A server, and curl."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.made: set[tuple[str, str]] = set()
        self.base = BOX.format(host=f"127.0.0.1:{hub.server.port('http', 'none')}")

    def curl(self, line: str, who: str = AS_ROOT) -> Reply:
        """`curl -X GET "/path" …` as the document has it, behind its base."""
        self.made.update(_CALL.findall(line))
        line = line.replace('"/', f'"{self.base}/', 1)
        name, *words = shlex.split(f"{line} {who}")
        done = subprocess.run(
            [program(name), "-s", "-i", *words], capture_output=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {k.lower(): v for k, _, v in (one.partition(": ") for one in lines)}
        return Reply(int(first.split()[1]), headers, body)

    def form(self, path: str, who: str = AS_ROOT, **fields: str) -> Reply:
        given = " ".join(f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in fields.items())
        return self.curl(f'curl -X POST "{path}" {given}', who)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    known = tmp_path_factory.mktemp("known") / "authority.pem"
    known.write_text(AUTHORITY.text)
    with hub(more=f'{MORE}\n[tls]\nauthorities = "{known}"\n') as ours:
        ours.server.add_user(ROOT, PASSWORD, "--role", "admin")
        ours.server.add_user(JOE, PASSWORD)
        made = Box(ours)
        made.form("/dns/update")
        yield made
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert "Unhandled" not in said
        assert PASSWORD not in said


@dataclass(frozen=True)
class Case:
    """A line, and what has to come back: `body` is a pattern for words, or what JSON has to hold.
    `who`: other credentials than the administrator's."""

    line: str
    body: object = ""
    status: int = 200
    who: str = AS_ROOT


def posted(path: str, **fields: str) -> str:
    given = " ".join(f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in fields.items())
    return f'curl -X POST "{path}" {given}'


def holds(found: Any, wanted: Any) -> bool:
    """Whether JSON has all that is wanted, at any depth; in lists each wanted item once."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and holds(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and all(
            any(holds(one, item) for one in found) for item in wanted
        )
    return bool(found == wanted)


CUSTOM = "/dns/custom/www.home.test"
CASES = [
    # who one is
    Case('curl -X GET "/login"', {"status": "ok", "email": ROOT, "privileges": ["admin"]}),
    Case('curl -X POST "/login"', {"status": "invalid", "reason": REFUSAL}, who="-u x@home.test:y"),
    Case('curl -X POST "/login"', {"status": "ok", "privileges": []}, who=f"-u {JOE}:{PASSWORD}"),
    Case('curl -X GET "/me"', {"status": "ok", "email": ROOT}),
    Case('curl -X GET "/logout"', {"status": "ok"}),
    Case('curl -X GET "/mail/users"', "Authorization header invalid.\n", 401, who=""),
    Case('curl -X GET "/mail/users"', f"{REFUSAL}\n", 401, who=f"-u {ROOT}:wrong"),
    Case('curl "/mail/users"', "You are not an administrator.\n", 401, f"-u {JOE}:{PASSWORD}"),
    Case('curl "/mail/users" -H "X-Requested-With: XMLHttpRequest"', ".*\n", 403, who=""),
    Case('curl -X GET "/nowhere"', "This path does not exist", 404),
    Case('curl -X GET "/mail/users/add"', "This method is not possible here", 405),
    # users
    Case(
        posted("/mail/users/add", email=ANN, password="s3curE_pa5Sw0rD", privileges=""),
        r"mail user added\nupdated DNS: .*new\.test\n",
    ),
    Case(posted("/mail/users/add", email=ANN, password="s3curE_pa5"), "User already exists.", 400),
    Case(posted("/mail/users/add", email="x"), "Invalid email address.", 400),
    Case('curl -X GET "/mail/users?format=text"', rf"(?s).*{re.escape(ANN)}\n.*"),
    Case(
        'curl -X GET "/mail/users?format=json"',
        [{"domain": "new.test", "users": [{"email": ANN, "status": "active", "privileges": []}]}],
    ),
    Case(posted("/mail/users/privileges/add", email=ANN, privilege="admin"), "OK"),
    Case(f'curl -X GET "/mail/users/privileges?email={ANN}"', "admin"),
    Case(posted("/mail/users/privileges/remove", email=ANN, privilege="admin"), "OK"),
    Case(posted("/mail/users/privileges/add", email=ANN), r"That's not a valid .*", 400),
    Case(posted("/mail/users/password", email=ANN, password="an0ther one"), "OK"),
    Case(posted("/mail/users/password", email=ANN, password="short"), "Passwords must.*", 400),
    Case(posted("/mail/users/quota", email=ANN, quota="1G"), "OK"),
    Case(f'curl -X GET "/mail/users/quota?email={ANN}"', {"email": ANN, "quota": "1G"}),
    Case('curl -X GET "/mail/domains"', "home.test\n(mail.test\n)?new.test\n"),
    Case(posted("/mail/users/remove", email=ANN), r"(?s)mail user removed\n.*"),
    Case(posted("/mail/users/remove", email=ANN), r"That's not a user \(.*", 400),
    # aliases
    Case(
        posted(
            "/mail/aliases/add", update_if_exists="0", address="info@home.test", forwards_to=JOE
        ),
        r"alias added\n",
    ),
    Case(
        posted(
            "/mail/aliases/add",
            update_if_exists="1",
            address="info@home.test",
            forwards_to=ROOT,
            permitted_senders=JOE,
        ),
        r"alias updated\n",
    ),
    Case(
        posted("/mail/aliases/add", address="info@home.test", forwards_to=ROOT),
        r"Alias already exists \(info@home.test\).",
        400,
    ),
    Case(posted("/mail/aliases/add", address="a@home.test"), "The alias must either.*", 400),
    Case('curl -X GET "/mail/aliases?format=text"', rf"(?s).*info@home.test\t{ROOT}\t{JOE}\n.*"),
    Case(
        'curl -X GET "/mail/aliases?format=json"',
        [{"domain": "home.test", "aliases": [{"address": "info@home.test", "required": False}]}],
    ),
    Case(posted("/mail/aliases/remove", address="info@home.test"), r"alias removed\n"),
    Case(posted("/mail/aliases/remove", address="info@home.test"), "That's not an alias.*", 400),
    # DNS
    Case('curl -X GET "/dns/secondary-nameserver"', {"hostnames": []}),
    Case(
        posted("/dns/secondary-nameserver", hostnames="xfr:192.0.2.53, xfr:2001:db8::/32"),
        r"updated DNS: DNS configuration\n",
    ),
    Case(posted("/dns/secondary-nameserver", hostnames="ns9.far.test"), "Could not res.*", 400),
    Case('curl -X GET "/dns/zones"', ["home.test"]),
    Case('curl -X GET "/dns/zonefile/home.test"', r"(?s).*MX\s+10 mail\.test\..*"),
    Case('curl -X GET "/dns/zonefile/nowhere.test"', ".*", 404),
    Case(posted("/dns/update", force="1"), r"updated DNS: .*home\.test.*\n"),
    Case(f'curl -X POST "{CUSTOM}/MX" -d "10 example.com."', r"updated DNS: home\.test\n"),
    Case(f'curl -X GET "{CUSTOM}/MX"', [{"qname": "www.home.test", "value": "10 example.com."}]),
    Case(f'curl -X POST "{CUSTOM}/MX" -d "example.com."', "Invalid value.*", 400),
    Case(f'curl -X PUT "{CUSTOM}/TXT" -d "a=b&c=%64"', r"updated DNS: home\.test\n"),
    Case('curl -X GET "/dns/custom"', [{"rtype": "TXT", "value": "a=b&c=%64"}]),
    Case(f'curl -X DELETE "{CUSTOM}/TXT" -d "a=b&c=%64"', r"updated DNS: home\.test\n"),
    Case(f'curl -X POST "{CUSTOM}" -d "192.0.2.6"', r"updated DNS: home\.test\n"),
    Case(f'curl -X PUT "{CUSTOM}" -d "192.0.2.7"', r"updated DNS: home\.test\n"),
    Case(f'curl -X GET "{CUSTOM}"', [{"rtype": "A", "value": "192.0.2.7"}]),
    Case(f'curl -X DELETE "{CUSTOM}" -d "192.0.2.7"', r"updated DNS: home\.test\n"),
    Case(f'curl -X DELETE "{CUSTOM}" -d "192.0.2.7"', "OK"),
    Case('curl -X POST "/dns/custom/home.test/NS" -d "a.test"', "NS records can .*", 400),
    Case('curl -X GET "/dns/dump"', [["home.test", [{"qname": "home.test", "rtype": "MX"}]]]),
    # certificates
    Case(
        'curl -X GET "/ssl/status"',
        {"can_provision": [], "status": [{"domain": "mail.test", "status": "warning"}]},
    ),
    Case(posted("/ssl/csr/home.test", countrycode="GB"), r"(?s)-----BEGIN CERTIFICATE REQ.*"),
    Case(posted("/ssl/csr/home.test", countrycode="Narnia"), ".*", 400),
    Case(posted("/ssl/install", domain="far.test", cert="x", chain=""), "Invalid domain name."),
    Case(
        posted("/ssl/install", domain="home.test", cert="x", chain=""),
        "There is a problem with the certificate file: .*",
    ),
    Case('curl -X POST "/ssl/provision"', {"requests": [{"result": "error"}]}),
    # web sites
    Case('curl -X GET "/web/domains"', [{"domain": "home.test", "static_enabled": True}]),
    Case('curl -X POST "/web/update"', r"web updated\n"),
    # pages
    Case('curl -X GET "/"', "", 302, who=""),
    Case('curl -X GET "/munin/index.html"', "", 302, who=""),
    # the system
    Case('curl -X POST "/system/status"', [{"type": "heading", "text": "System", "extra": []}]),
    Case('curl -X GET "/system/version"', r"v[0-9.]+"),
    Case('curl -X GET "/system/privacy"', True),
    Case('curl -X POST "/system/latest-upstream-version"', ".*", 403),
    Case(posted("/system/privacy", value="off"), "OK"),
    Case('curl -X GET "/system/privacy"', False),
    Case('curl -X GET "/system/updates"', ".*system.packages.*", 403),
    Case('curl -X POST "/system/update-packages"', ".*system.packages.*", 403),
    Case('curl -X GET "/system/reboot"', False),
    Case('curl -X POST "/system/reboot"', "No reboot is required, so it is not allowed."),
    Case('curl -X GET "/system/backup/status"', {}),
    Case('curl -X GET "/system/backup/config"', {"target": "off"}),
    Case(posted("/system/backup/config", target="nonsense://x", min_age="3"), '".*nonsense.*"\n'),
    Case(posted("/system/backup/config", target="off", minAge="3"), '"OK"\n'),
]


def test_every_line_of_the_document_does_what_it_says(box: Box) -> None:
    """In their order: a later line needs what an earlier one made."""
    for case in CASES:
        reply = box.curl(case.line, case.who)
        told = (case.line, reply)
        assert reply.status == case.status, told
        if isinstance(case.body, str):
            assert re.fullmatch(case.body, reply.body), told
        else:
            assert reply.headers["content-type"] == "application/json", told
            assert reply.body.endswith("\n"), told
            assert holds(reply.json, case.body), told
        if case.status == 200 and isinstance(case.body, str) and not case.body.startswith('"'):
            assert reply.headers["content-type"] in (TEXT, "text/plain; charset=utf-8"), told


def test_a_session_key_and_the_systems_key(box: Box) -> None:
    key = box.curl('curl -X POST "/login"').json["api_key"]
    mine = f"-u {ROOT}:{key}"
    assert box.curl('curl -X GET "/mail/domains"', mine).status == 200
    assert box.curl('curl -X GET "/logout"', mine).json == {"status": "ok"}
    assert box.curl('curl -X GET "/mail/domains"', mine).status == 401
    path = box.hub.server.var / "admin-key.txt"
    assert path.stat().st_mode & 0o777 == 0o600
    system = f"-u {path.read_text().strip()}:x"
    assert box.curl('curl -X GET "/mail/domains"', system).status == 200


def test_permitted_senders_are_obeyed_by_submission(box: Box) -> None:
    alias = {"address": "sales@home.test", "forwards_to": ROOT}
    assert box.form("/mail/aliases/add", **alias, permitted_senders=JOE).status == 200

    def may(user: str) -> bool:
        with box.hub.submission(user) as smtp:
            return smtp.mail("sales@home.test")[0] == 250 and smtp.rcpt(ROOT)[0] == 250

    assert (may(JOE), may(ROOT)) == (True, False), "it leads to root, but joe alone writes as it"
    with box.hub.submission(JOE) as smtp:
        smtp.sendmail("sales@home.test", ["sales@home.test"], b"Subject: to sales\r\n\r\nx\r\n")

    def arrived() -> bool:
        return any(one["Subject"] == "to sales" for one in box.hub.inbox(ROOT))

    assert until(arrived)


def test_who_is_archived_gets_nothing_and_comes_back(box: Box) -> None:
    user = {"email": "eve@home.test", "password": PASSWORD}
    assert box.form("/mail/users/add", **user).status == 200
    with smtplib.LMTP("127.0.0.1", box.hub.server.port("lmtp")) as lmtp:
        lmtp.sendmail("a@far.test", [user["email"]], b"Subject: kept\r\n\r\nx\r\n")
    assert box.form("/mail/users/remove", email=user["email"]).status == 200
    with smtplib.LMTP("127.0.0.1", box.hub.server.port("lmtp")) as lmtp:
        lmtp.ehlo()
        lmtp.mail("a@far.test")
        assert lmtp.rcpt(user["email"])[0] == 550
    rows = box.curl('curl -X GET "/mail/users?format=json"').json
    assert holds(rows, [{"users": [{"email": user["email"], "status": "inactive"}]}])
    assert box.form("/mail/users/add", **user).status == 200
    assert [one["Subject"] for one in box.hub.inbox(user["email"])] == ["kept"]


def test_second_factors(box: Box) -> None:
    box.form("/mail/users/add", email="mia@home.test", password=PASSWORD, privileges="admin")
    mia = f"-u mia@home.test:{PASSWORD}"
    new = box.curl('curl -X POST "/mfa/status"', mia).json["new_mfa"]["totp"]
    assert box.form("/mfa/totp/enable", mia, secret=new["secret"]).body == "Bad Input"
    wrong = box.form("/mfa/totp/enable", mia, secret=new["secret"], code="000000")
    assert (wrong.status, wrong.body) == (400, "Invalid token.")

    def code(ahead: int) -> str:
        from time import time

        return otp.code(new["secret"], int(time()) // otp.STEP + ahead)

    good = {"secret": new["secret"], "code": code(-1), "label": "phone"}
    assert box.form("/mfa/totp/enable", mia, **good).body == "OK"
    assert box.curl('curl -X POST "/login"', mia).json["status"] == "missing-totp-token"
    refused = box.curl('curl -X GET "/mail/users"', mia)
    assert (refused.status, refused.headers["x-reason"]) == (401, "missing-totp-token")
    login = box.curl(f'curl -X POST "/login" -H "x-auth-token: {code(1)}"', mia).json
    key = f"-u mia@home.test:{login['api_key']}"
    enabled = box.curl('curl -X POST "/mfa/status"', key).json["enabled_mfa"]
    assert [one["label"] for one in enabled] == ["phone"]
    assert box.curl('curl -X POST "/mfa/totp/disable"', key).body == "OK"
    assert box.curl('curl -X POST "/login"', mia).json["status"] == "ok"


def test_a_certificate_is_installed_as_the_document_has_it(box: Box) -> None:
    """The product says nothing of a key: it is the one that the request was made of."""
    request = box.form("/ssl/csr/home.test", countrycode="GB").body
    wanted = x509.load_pem_x509_csr(request.encode())
    public: Any = wanted.public_key()
    chain = AUTHORITY.issue(["home.test"], public=public)
    done = box.form("/ssl/install", domain="home.test", cert=chain, chain=AUTHORITY.text)
    assert done.body.startswith("OK"), done
    rows = box.curl('curl -X GET "/ssl/status"').json["status"]
    assert [one["status"] for one in rows if one["domain"] == "home.test"] != ["not-applicable"]


def test_a_client_that_others_made_of_the_document(box: Box) -> None:
    """`mailinabox-api` reads each answer into the types of the document, and refuses others."""
    settings = client.Configuration(host=box.base, username=ROOT, password=PASSWORD)
    settings.verify_ssl = False
    calls = client.ApiClient(settings)
    mail, dns, system = client.MailApi(calls), client.DNSApi(calls), client.SystemApi(calls)
    plain = calls.sanitize_for_serialization
    me = client.UserApi(calls).get_me()
    assert (me.status, me.email, me.privileges) == ("ok", ROOT, ["admin"])
    user = "zoe@client.test"
    assert "mail user added" in mail.add_mail_user(user, PASSWORD, "")
    with pytest.raises(client.ApiException) as refused:
        mail.add_mail_user(user, PASSWORD, "")
    assert (refused.value.status, refused.value.body) == (400, "User already exists.")
    assert mail.add_mail_user_privilege(user, "admin") == "OK"
    assert mail.get_mail_user_privileges(email=user) == "admin"
    assert mail.remove_mail_user_privilege(user, "admin") == "OK"
    assert mail.set_mail_user_password(user, "an0ther one") == "OK"
    listed = plain(mail.get_mail_users(format="json"))
    assert holds(listed, [{"domain": "client.test", "users": [{"email": user}]}])
    assert mail.upsert_mail_alias(1, "all@client.test", user, None) == "alias added\n"
    alias = {"address": "all@client.test", "forwards_to": [user]}
    listed = plain(mail.get_mail_aliases(format="json"))
    assert holds(listed, [{"domain": "client.test", "aliases": [alias]}])
    assert "client.test" in mail.get_mail_domains()
    assert "client.test" in dns.get_dns_zones()
    assert "MX" in dns.get_dns_zonefile("client.test")
    assert "client.test" in [zone for zone, _ in dns.get_dns_dump()]
    assert "client.test" in dns.update_dns_custom_a_record("www.client.test", "192.0.2.7")
    records = plain(dns.get_dns_custom_a_records_for_q_name("www.client.test"))
    assert holds(records, [{"rtype": "A", "value": "192.0.2.7"}])
    assert dns.get_dns_secondary_nameserver().hostnames == ["xfr:192.0.2.53", "xfr:2001:db8::/32"]
    ssl = client.SSLApi(calls)
    assert holds(plain(ssl.get_ssl_status()), {"status": [{"domain": "mail.test"}]})
    assert holds(plain(ssl.provision_ssl_certificates()), {"requests": [{"result": "error"}]})
    assert holds(plain(system.get_system_status()), [{"type": "heading"}])
    assert system.get_system_version().startswith("v")
    assert system.get_system_reboot_status() is False
    assert system.get_system_backup_config().target == "off"
    assert mail.remove_mail_alias("all@client.test") == "alias removed\n"
    assert "mail user removed" in mail.remove_mail_user(user)


def test_every_call_of_the_document_was_made(box: Box) -> None:
    wanted = {tuple(one.split()) for one in DOCUMENTED.split(";")}
    assert len(wanted) == 49
    assert wanted <= {(method or "GET", path) for method, path in box.made}


PHASES = os.environ.get("SCHEMATHESIS_PHASES", "fuzzing")
"""`coverage,fuzzing` tries each rule of each field as well."""
CONFIG = """
[checks.positive_data_acceptance]
# Rules that no schema can tell are refused with 400; what is off, and what is not there.
expected-statuses = ["2xx", 400, 403, 404, 503]

[checks.negative_data_rejection]
# A form's fields are texts, whatever stands in them; what is too much is passed over.
enabled = false

[auth.openapi]
main = {{ username = "{root}", password = "{password}" }}

[parameters]
"path.zone" = "home.test"
"path.qname" = "x.home.test"
"path.domain" = "home.test"
"""


def test_what_a_program_makes_of_the_description(box: Box, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(root=ROOT, password=PASSWORD))
    done = subprocess.run(
        [
            BIN / "schemathesis",
            "run",
            f"{box.base}/openapi.json",
            "--max-examples=1",
            f"--phases={PHASES}",
            "--generation-deterministic",
            "--request-timeout=20",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    paths = box.curl('curl "/openapi.json"', "").json["paths"]
    assert f"Tested: {sum(map(len, paths.values()))}" in done.stdout
