"""An API is asked patiently, and never asked for more than it has."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mailhub.switching import site as sites
from mailhub.switching.faults import SwitchFault
from mailhub.switching.pace import Pace
from mailhub.switching.site import Site, segment


class Door(ThreadingHTTPServer):
    """Answers by path: a list of (status, headers, body), the last one for ever."""

    answers: Mapping[str, list[tuple[int, Mapping[str, str], bytes]]]
    heard: list[tuple[str, str, str, bytes]]


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        door: Any = self.server
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        door.heard.append((self.command, self.path, self.headers.get("Content-Type") or "", body))
        some = door.answers[self.path.partition("?")[0]]
        status, headers, data = some.pop(0) if len(some) > 1 else some[0]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        if "Connection" in headers:
            self.close_connection = True

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door(("127.0.0.1", 0), Answering)
    made.heard = []
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def asking(door: Door, slept: list[float] | None = None, path: str = "/api") -> Site:
    pauses = slept if slept is not None else []
    url = f"http://127.0.0.1:{door.server_port}{path}"
    return Site(url, timeout=5, sleep=pauses.append, moment=lambda: 0.0)


OK = (200, {"Content-Type": "application/json"}, b'{"ok": 1}')


def test_an_answer_is_read_and_the_connection_kept(door: Door) -> None:
    door.answers = {"/api/users": [OK]}
    site = asking(door)
    assert site.get("/users", {"limit": 5, "next": "a b"}) == {"ok": 1}
    assert site.get("/users") == {"ok": 1}
    assert [path for _, path, _, _ in door.heard] == ["/api/users?limit=5&next=a+b", "/api/users"]
    site.close()


def test_a_busy_server_is_asked_again_when_it_says(door: Door) -> None:
    busy = (429, {"Retry-After": "7"}, b"")
    date = (503, {"Retry-After": "Thu, 01 Jan 1970 00:00:09 GMT"}, b"")
    odd = (500, {"Retry-After": "soon"}, b"")
    door.answers = {"/api/x": [busy, date, odd, OK]}
    slept: list[float] = []
    assert asking(door, slept).get("/x") == {"ok": 1}
    assert slept == [7.0, 9.0, 4.0]


def test_patience_ends(door: Door) -> None:
    door.answers = {"/api/x": [(503, {}, b'{"error": "down"}')]}
    slept: list[float] = []
    with pytest.raises(SwitchFault, match="503: down"):
        asking(door, slept).get("/x")
    assert len(slept) == sites.TRIES - 1


def test_nobody_there_is_a_fault_with_its_address(door: Door) -> None:
    slept: list[float] = []
    site = Site("http://127.0.0.1:1/a", sleep=slept.append)
    with pytest.raises(SwitchFault, match=r"http://127\.0\.0\.1:1/a/x"):
        site.get("/x")
    assert len(slept) == sites.TRIES - 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"Content-Type": "application/json"}, b'{"msg": "no"}'), "401: no"),
        ((403, {"Content-Type": "text/plain"}, b"Keep out\n"), "403: Keep out"),
        ((302, {"Location": "http://evil.example/"}, b""), "302"),
        ((200, {}, b"<html>"), "no JSON: <html>"),
        ((404, {}, b""), "404"),
    ],
)
def test_other_answers_are_told_at_once(
    door: Door, answer: tuple[int, Mapping[str, str], bytes], words: str
) -> None:
    door.answers = {"/api/x": [answer]}
    slept: list[float] = []
    with pytest.raises(SwitchFault, match=words):
        asking(door, slept).get("/x")
    assert slept == []


def test_what_need_not_be_there_may_be_absent(door: Door) -> None:
    door.answers = {"/api/x": [(404, {}, b"")]}
    assert asking(door).get("/x", absent=True) is None


def test_a_form_goes_with_a_get(door: Door) -> None:
    door.answers = {"/api/x": [OK]}
    asking(door).call("GET", "/x", form={"domain": "é.example"})
    ((_, _, kind, body),) = door.heard
    edge = kind.partition("boundary=")[2].encode()
    assert kind.startswith("multipart/form-data")
    assert body == (
        b"--"
        + edge
        + b'\r\nContent-Disposition: form-data; name="domain"\r\n\r\n'
        + "é.example".encode()
        + b"\r\n--"
        + edge
        + b"--\r\n"
    )


def test_an_answer_has_a_largest_size(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "MOST", 100)
    door.answers = {"/api/x": [(200, {}, json.dumps("y" * 200).encode())]}
    with pytest.raises(SwitchFault, match="larger than 100"):
        asking(door).get("/x")


def test_segments_cannot_leave_their_level() -> None:
    assert segment("a@b/../c?d") == "a@b%2F..%2Fc%3Fd"


def test_the_pace_is_that_of_all_together() -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(100, lambda: now[0], sleep)
    for _ in range(3):
        pace.spend(100)
    assert slept == [1.0, 1.0]
    now[0] += 60
    pace.spend(100)
    assert slept == [1.0, 1.0], "a quiet while is worth one second"
    Pace(0, sleep=sleep).spend(1 << 40)
    assert len(slept) == 2
