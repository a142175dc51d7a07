"""Tokens of users and roles on a running server: over real HTTP, with streams open, over Redis, and
from the shell."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.pace import prompt
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD
from tests.redisserver import RedisServer

ROOT = "0123456789" * 4
SOON = 1.0
"""Seconds in which everything that a token holds open ends."""


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        return str(self.json.get("code", ""))


class Api:
    """One server's WildDuck dialect, and its people."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ids: dict[str, str] = {}

    def ask(self, method: str, path: str, body: object = None, token: str = ROOT) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port("http"), timeout=20)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Access-Token"] = token
        data = None if body is None else json.dumps(body)
        connection.request(method, f"/wildduck{path}", data, headers)
        reply = connection.getresponse()
        said = Said(reply.status, dict(reply.getheaders()), json.loads(reply.read()))
        connection.close()
        return said

    def user(self, name: str) -> str:
        """A new user's id."""
        body = {"username": f"{name}@live.test", "password": PASSWORD}
        self.ids[name] = str(self.ask("POST", "/users", body).json["id"])
        return self.ids[name]

    def token(self, name: str, **more: object) -> str:
        body = {"username": f"{name}@live.test", "password": PASSWORD, "token": True, **more}
        said = self.ask("POST", "/authenticate", body)
        assert said.status == 200, said
        return str(said.json["token"])

    def stream(self, token: str, user: str = "me") -> socket.socket:
        """An event stream that has begun."""
        opened = socket.create_connection(("127.0.0.1", self.server.port("http")), timeout=20)
        opened.sendall(
            f"GET /wildduck/users/{user}/updates?accessToken={token} HTTP/1.1\r\n"
            "Host: localhost\r\n\r\n".encode()
        )
        heard = b""
        while b": hello" not in heard:
            data = opened.recv(4096)
            assert data, heard
            heard += data
        return opened


def running(folder: Path, more: str = "") -> Iterator[Api]:
    sections = f'{PLAIN}\n[http]\naccess_token = "{ROOT}"\n{more}'
    server = Server(folder, sections)
    server.start()
    try:
        yield Api(server)
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    yield from running(tmp_path_factory.mktemp("tokens"))


def await_end(opened: socket.socket) -> None:
    """Reads until the server closed its end of the stream."""
    heard = b""
    while not heard.endswith(b"0\r\n\r\n"):
        data = opened.recv(65536)
        if not data:
            break
        heard += data
    opened.close()


def test_a_users_token_opens_what_is_the_users(api: Api) -> None:
    id, other = api.user("ada"), api.user("bob")
    token = api.token("ada")
    assert api.ask("GET", "/users/me", token=token).json["id"] == id
    assert api.ask("GET", f"/users/{id}/mailboxes", token=token).status == 200
    assert api.ask("GET", f"/users/{other}", token=token).code == "MissingPrivileges"
    assert api.ask("GET", "/users", token=token).code == "MissingPrivileges"
    assert api.ask("PUT", "/users/me", {"quota": 1}, token=token).code == "MissingPrivileges"
    assert api.ask("GET", "/users/me", token="").code == "InvalidToken"
    assert api.ask("DELETE", "/authenticate", token=token).json == {"success": True}
    assert api.ask("GET", "/users/me", token=token).code == "InvalidToken"
    assert token not in api.server.log.read_text()


def by_itself(api: Api, name: str, token: str) -> None:
    assert api.ask("DELETE", "/authenticate", token=token).status == 200


def by_a_new_password(api: Api, name: str, token: str) -> None:
    new = {"password": "Another-Passw0rd-1"}
    assert api.ask("PUT", f"/users/{api.ids[name]}", new).status == 200


def by_being_disabled(api: Api, name: str, token: str) -> None:
    assert api.ask("PUT", f"/users/{api.ids[name]}", {"disabled": True}).status == 200


def by_logging_out(api: Api, name: str, token: str) -> None:
    assert api.ask("PUT", f"/users/{api.ids[name]}/logout", {"reason": "now"}).status == 200


def by_removal(api: Api, name: str, token: str) -> None:
    assert api.ask("DELETE", f"/users/{api.ids[name]}").status == 200


def by_the_shell(api: Api, name: str, token: str) -> None:
    command = [api.server.tool, "--config", api.server.config, "token", "revoke"]
    done = subprocess.run(command, input=token, text=True, timeout=60, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "revoked\n"), done.stderr


ENDS = [by_itself, by_a_new_password, by_being_disabled, by_logging_out, by_removal, by_the_shell]


@pytest.mark.parametrize("end", ENDS)
def test_a_stream_ends_with_its_token(api: Api, end: Callable[[Api, str, str], None]) -> None:
    name = end.__name__.replace("_", "")
    api.user(name)
    token = api.token(name)
    opened = api.stream(token)
    end(api, name, token)
    with prompt(SOON, api.server.pid):
        await_end(opened)
    assert api.ask("GET", "/users/me", token=token).code == "InvalidToken"


def test_a_role_from_the_shell(api: Api) -> None:
    id = api.user("eve")
    made = api.server.command("token", "add", "--role", "manager").stdout.strip()
    assert api.ask("GET", "/users", token=made).status == 200
    assert api.ask("PUT", f"/users/{id}", {"quota": 10**6}, token=made).status == 200
    said = api.ask("GET", f"/users/{id}/mailboxes", token=made)
    assert (said.status, said.code) == (403, "MissingPrivileges")
    refused = api.server.command("token", "add", "--role", "user", check=False)
    assert refused.returncode != 0
    assert "whose" in refused.stderr


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    for api in running(tmp_path / "hub"):
        api.user("joe")
        token, gone = api.token("joe"), api.token("joe")
        api.ask("DELETE", "/authenticate", token=gone)
        assert api.server.stop() == 0
        api.server.start()
        assert api.ask("GET", "/users/me", token=token).status == 200
        assert api.ask("GET", "/users/me", token=gone).code == "InvalidToken"


def test_tokens_over_redis_wait_for_it_and_are_not_brought_back_by_it(tmp_path: Path) -> None:
    redis = RedisServer()
    redis.start()
    try:
        url = f'[redis]\nurl = "unix://{redis.socket}"\ntimeout = 1\n'
        for api in running(tmp_path / "hub", url):
            api.user("joe")
            token, gone = api.token("joe"), api.token("joe")
            assert token not in redis.cli("KEYS", "*")
            keys = redis.cli("KEYS", "mailhub:session:*").splitlines()
            assert len(keys) == 2
            dumped = {key: redis.cli("GET", key) for key in keys}
            assert api.ask("GET", "/users/me", token=token).status == 200
            redis.pause()
            said = api.ask("GET", "/users/me", token=token)
            assert (said.status, said.code) == (503, "ServiceUnavailable")
            assert int(said.headers["Retry-After"]) > 0
            assert api.ask("GET", "/users").status == 200
            redis.resume()
            deadline = time.monotonic() + 60
            while api.ask("GET", "/users/me", token=token).status == 503:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert api.ask("DELETE", "/authenticate", token=gone).status == 200
            for key, record in dumped.items():
                redis.cli("SET", key, record, "EX", "1000")
            assert api.ask("GET", "/users/me", token=gone).code == "InvalidToken"
            assert api.ask("GET", "/users/me", token=token).status == 200
            redis.cli("FLUSHALL")
            assert api.ask("GET", "/users/me", token=token).code == "InvalidToken"
    finally:
        redis.close()
