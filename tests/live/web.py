"""Accounts over the HTTP face, which takes milliseconds where a command takes half a second; and
raw HTTP for what no client would send."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.live.server import Server
from tests.live.wire import Wire

PASSWORD = "Live-Passw0rd-1"


def call(server: Server, method: str, path: str, fields: object = None) -> Mapping[str, object]:
    """One call of the WildDuck dialect that succeeds; its answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port('http')}/wildduck{path}",
        data=None if fields is None else json.dumps(fields).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: Mapping[str, object] = json.load(response)
    assert answer.get("success"), answer
    return answer


def ask(server: Server, method: str, path: str, fields: object = None) -> tuple[int, Any]:
    """One call of the WildDuck dialect: its status and JSON."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port('http')}/wildduck{path}",
        data=None if fields is None else json.dumps(fields).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def make(server: Server, address: str, password: str = PASSWORD, **more: object) -> str:
    """A new user, and its domain where that is new; the id."""
    name = {"username": address, "address": address, "password": password}
    return str(call(server, "POST", "/users", {**name, **more})["id"])


def change(server: Server, id: str, **fields: object) -> None:
    """Changes a user."""
    call(server, "PUT", f"/users/{id}", fields)


class HTTP(Wire):
    """HTTP/1.1 byte by byte."""

    def answer(self) -> tuple[int, bytes]:
        """The next response: its status and body; (0, b"") at the end of the stream."""
        first = self.line()
        if not first:
            return 0, b""
        length = 0
        while line := self.line():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return int(first.split()[1]), self.exactly(length)

    def say(self, request: bytes) -> tuple[int, bytes]:
        """Sends it and reads the response."""
        self.send(request)
        return self.answer()
