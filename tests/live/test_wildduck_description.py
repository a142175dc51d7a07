"""Whatever a program that has read WildDuck's description asks: nothing fails, and every answer is
one that the description tells of."""

from __future__ import annotations

import json
import os
import smtplib
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.server import BIN, PLAIN, Server

TOKEN = "described" * 4
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "2")
"""For each call; more of them find more, in minutes."""
SECTIONS = f'{PLAIN}\n[http]\naccess_token = "{TOKEN}"\n'
STREAMS = ("GET /users/{user}/updates",)
"""They never end."""
BOX = "/users/{user}/mailboxes/{mailbox}"
CONFIG = """
[checks.positive_data_acceptance]
# Rules that no schema can tell, and things that are not there.
expected-statuses = ["2xx", 400, 403, 404]

[checks.negative_data_rejection]
# WildDuck takes words for booleans, numbers for dates, and empty texts for nothing.
enabled = false

[auth.openapi]
main = {{ bearer = "{token}" }}

[parameters]
"path.user" = "{user}"
"path.mailbox" = "{mailbox}"
"path.message" = "1"
"path.address" = "{address}"
"path.filter" = "{filter}"
"""
RESTORE = """
[[operations]]
# `restore` fits where an archived message's id stands, too.
include-path = "/users/{user}/archived/restore"
checks.allow_header_conformance.enabled = false
checks.unsupported_method.enabled = false
"""
OTHERWISE = """
[[operations]]
{matched}
parameters = {{ {parameters} }}
"""
OFF = """
[[operations]]
include-name = "{name}"
enabled = false
"""
MAIL = (
    b"From: Grace <grace@far.test>\r\nTo: Ada <ada@home.test>\r\nSubject: A word\r\n"
    b"Date: Fri, 21 Nov 2025 09:00:00 +0000\r\nMessage-ID: <1@far.test>\r\n\r\nText.\r\n"
)


class Api:
    """A server, and what is on it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = f"http://127.0.0.1:{server.port('http')}/wildduck"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.base + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-Access-Token": TOKEN},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    server = Server(tmp_path_factory.mktemp("described"), SECTIONS)
    server.start()
    try:
        server.add_domain("home.test")
        yield Api(server)
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


def test_every_call_does_what_the_description_tells(api: Api, tmp_path: Path) -> None:
    user = api.ask("POST", "/users", {"username": "ada@home.test", "password": "Live-Passw0rd-1"})
    boxes = api.ask("GET", f"/users/{user['id']}/mailboxes")["results"]
    inbox = next(box["id"] for box in boxes if box["path"] == "INBOX")
    with smtplib.LMTP("127.0.0.1", api.server.port("lmtp")) as lmtp:
        for _ in range(3):
            lmtp.sendmail("grace@far.test", ["ada@home.test"], MAIL)
    mine = f"/users/{user['id']}"
    config = CONFIG.format(
        token=TOKEN,
        user=user["id"],
        mailbox=inbox,
        address=api.ask("POST", f"{mine}/addresses", {"address": "two@home.test"})["id"],
        filter=api.ask("POST", f"{mine}/filters", {"query_from": "a", "action_seen": True})["id"],
    )
    other = api.ask("POST", "/users", {"username": "bob@home.test", "password": False})["id"]
    api.ask("DELETE", f"{mine}/mailboxes/{inbox}/messages/3")
    (archived,) = api.ask("GET", f"{mine}/archived")["results"]
    for matched, parameter, value in (
        ('include-name = "DELETE /users/{user}"', "path.user", other),
        ('include-path-regex = "/archived/"', "path.message", archived["id"]),
        (f'include-name = "PUT {BOX}/messages/{{message}}"', "path.message", "1:2"),
        (f'include-name = "DELETE {BOX}/messages"', "path.mailbox", "0" * 24),
        (f'include-name = "DELETE {BOX}/messages/{{message}}"', "path.message", "99"),
    ):
        config += OTHERWISE.format(matched=matched, parameters=f'"{parameter}" = "{value}"')
    config += RESTORE + "".join(OFF.format(name=name) for name in STREAMS)
    (tmp_path / "schemathesis.toml").write_text(config)
    done = subprocess.run(
        [
            BIN / "schemathesis",
            "run",
            f"{api.base}/openapi.json",
            f"--max-examples={EXAMPLES}",
            "--workers=1",
            "--phases=coverage,fuzzing",
            "--generation-deterministic",
            "--request-timeout=10",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    paths = api.ask("GET", "/openapi.json")["paths"]
    count = sum(map(len, paths.values())) - len(STREAMS)
    assert f"Tested: {count}" in done.stdout
    assert "traceback" not in api.server.log.read_text().lower()
