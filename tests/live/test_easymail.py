"""Every call of EasyMail's document, as its own curl lines make them, and whatever a program that
has read our description makes of it. What an export holds is `test_export`'s."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailhub.wire import x509
from tests.authority import Authority, key
from tests.live.outgoing import PASSWORD, Hub, hub
from tests.live.server import BIN
from tests.programs import program

AUTHORITY = Authority("Live test")
ROOT = "root@home.test"
CACHE = '-H "Cache-Control: no-cache"'


class Api:
    """A server, a token, and curl."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.base = f"http://127.0.0.1:{hub.server.port('http', 'none')}/easymail"
        self.token = ""
        login = f'curl -X POST -F "username={ROOT}" -F "password={PASSWORD}" "API_URL/auth"'
        self.token = self.curl(login)[1]["token"]

    def curl(self, line: str) -> tuple[int, Any]:
        """Status and JSON of a line of the document."""
        line = line.replace("API_URL", self.base).replace("TOKEN", self.token)
        name, *words = shlex.split(line)
        done = subprocess.run(
            [program(name), "-s", "-w", "\n%{http_code}", *words],
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.decode().rpartition("\n")
        return int(status), json.loads(body)

    def certificate(self, name: str) -> dict[str, str]:
        """Its files, as curl's `-F` names them."""
        own = key()
        files = {
            "ssl_certificate": AUTHORITY.issue([name], public=own.public_key()) + AUTHORITY.text,
            "ssl_certificate_key": x509.write_key(own).decode(),
        }
        for field, text in files.items():
            (self.hub.server.folder / field).write_text(text)
        return {field: f"@{self.hub.server.folder / field}" for field in files}

    def send(self, method: str, path: str, **fields: str) -> tuple[int, Any]:
        given = " ".join(f'-F "{name}={value}"' for name, value in fields.items())
        return self.curl(f'curl -X {method} -H "Auth-token: TOKEN" {CACHE} {given} "API_URL{path}"')


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    known = tmp_path_factory.mktemp("known") / "authority.pem"
    known.write_text(AUTHORITY.text)
    with hub(more=f'[tls]\nauthorities = "{known}"\n') as ours:
        ours.server.add_user(ROOT, PASSWORD, "--role", "admin")
        yield Api(ours)
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert PASSWORD not in said


@dataclass(frozen=True)
class Case:
    """`body`: what JSON has to hold, or a function of it."""

    method: str
    path: str
    fields: dict[str, str]
    status: int
    body: dict[str, object] | Callable[[Any], bool]


OK: dict[str, object] = {"result": True}


def refusal(words: str) -> dict[str, object]:
    return {"result": False, "msg": words}


NEW = {"domain": "new.test", "username": "ann@new.test", "password": PASSWORD}


def test_every_line_of_the_document_does_what_it_says(api: Api) -> None:
    def run(case: Case) -> Any:
        status, body = api.send(case.method, case.path, **case.fields)
        told = (case, status, body)
        assert status == case.status, told
        right = case.body(body) if callable(case.body) else case.body.items() <= body.items()
        assert right, told
        return body

    made = run(Case("POST", "/domains", NEW, 200, OK))
    run(Case("POST", "/domains", NEW, 409, refusal("Domain is already exist")))
    domain = str(made["id"])
    listed = run(Case("GET", "/domains", {}, 200, lambda body: len(body["domains"]) >= 2))
    assert listed["domains"][0] == {"id": made["id"], "name": "new.test", "users_count": 1}
    eve = {"email": "eve@new.test", "password": PASSWORD}
    second = run(Case("POST", f"/user/{domain}", eve, 200, OK))
    run(Case("POST", f"/user/{domain}", eve, 409, refusal("User already exist!")))
    users = [
        {"id": second["id"], "domain_id": made["id"], "email": "eve@new.test"},
        {"id": made["user_id"], "domain_id": made["id"], "email": "ann@new.test"},
    ]
    run(Case("GET", f"/users/{domain}", {}, 200, {"users": users}))
    changed = {"id": str(second["id"]), "password": "An0ther pass", "domain_id": domain}
    run(Case("POST", "/user-change-password", changed, 200, OK))
    run(Case("POST", "/user-change-password", {**changed, "id": "0"}, 404, {"result": False}))
    assert api.hub.inbox("ann@new.test") == []
    run(Case("POST", "/dkim/add-new-domain", {"domain": "new.test"}, 200, OK))
    run(Case("POST", "/dkim/add-new-domain", {"domain": "x.test"}, 404, {"result": False}))
    run(Case("POST", "/ssl/letsencrypt/install", {"hostname": "new.test"}, 503, {"result": False}))
    run(
        Case(
            "POST",
            "/ssl/get-left-days",
            {"hostname": "mail.test"},
            200,
            lambda body: body["days_left"] > 0,
        )
    )
    run(Case("POST", "/ssl/upload", {"ssl_certificate": "x"}, 400, {"result": False}))
    run(Case("POST", "/ssl/upload", api.certificate("new.test"), 200, OK))
    left = {"hostname": "new.test"}
    run(Case("POST", "/ssl/get-left-days", left, 200, lambda body: 80 < body["days_left"] < 91))
    run(Case("POST", "/ssl/get-left-days", {"hostname": "x.test"}, 404, {"result": False}))
    exported = {"domain": "new.test", "format": "json"}
    run(Case("GET", "/export/domain", exported, 200, {"domainName": "new.test"}))
    run(Case("GET", "/export/domain", {"domain": "x.test"}, 404, refusal("No such domain")))
    run(Case("DELETE", "/users", {"email": "eve@new.test"}, 200, OK))
    run(Case("DELETE", "/users", {"email": "eve@new.test"}, 404, refusal("No such user")))
    run(Case("DELETE", "/domain", {"domain": "new.test"}, 200, OK))
    run(Case("DELETE", "/domain", {"domain": "new.test"}, 404, refusal("No such domain")))
    wrong = api.curl(f'curl -X POST -F "username={ROOT}" -F "password=x" "API_URL/auth"')
    assert wrong[0] == 401
    assert refusal("Username/password is not correct").items() <= wrong[1].items()
    nobody = api.curl('curl -X GET -H "Auth-token: x" "API_URL/domains"')
    assert nobody[0] == 401
    assert refusal("Token is not correct").items() <= nobody[1].items()


CONFIG = """
[checks.positive_data_acceptance]
# Rules that no schema can tell, what is not there, and certificates that are not asked for.
expected-statuses = ["2xx", 400, 401, 404, 409, 503]

[checks.negative_data_rejection]
# Numbers are taken for texts, as forms have nothing else.
enabled = false

[[operations]]
# Nobody is asked for certificates here, which is told with 503.
include-path = "/ssl/letsencrypt/install"
checks.not_a_server_error.enabled = false
"""
PHASES = os.environ.get("SCHEMATHESIS_PHASES", "fuzzing")


def test_what_a_program_makes_of_the_description(api: Api, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            BIN / "schemathesis",
            "run",
            f"{api.base}/openapi.json",
            "-H",
            f"Auth-token: {api.token}",
            "--max-examples=2",
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
    paths = api.curl('curl "API_URL/openapi.json"')[1]["paths"]
    assert f"Tested: {sum(map(len, paths.values()))}" in done.stdout
