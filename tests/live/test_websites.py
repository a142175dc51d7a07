"""Web sites of a running server, asked by curl and by bytes that no browser sends."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.ports import free_port
from tests.programs import program

pytestmark = pytest.mark.live
PAGE = b"<h1>Hello</h1>\n"
LARGE = os.urandom(1 << 20) * 12
SETTINGS = """
[[listener]]
service = "http"
endpoint = "tcp:0:interface=127.0.0.1"
root = "web"

[[listener]]
service = "http"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "implicit"
root = "web"

[[site]]
domain = "shop.test"
redirects = [["^/old/(.*)$", "/new/$1"]]
proxies = [["/app/", "http://127.0.0.1:{port}/in/", "web-sockets"],
  ["/plain/", "http://127.0.0.1:{port}/in/"], ["/gone/", "http://127.0.0.1:{closed}/"]]
"""


class Application(BaseHTTPRequestHandler):
    """A server behind a site."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/in/socket"):
            self.socket()
        elif self.path.startswith("/in/large"):
            self.answer(200, LARGE)
        elif self.path.startswith("/in/led"):
            self.answer(302, b"", Location=f"http://127.0.0.1:{self.server.server_address[1]}/in/x")
        elif self.path.startswith("/in/broken"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        else:
            said = [self.command, self.path]
            names = ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "te")
            said += [f"{name}={self.headers.get(name)}" for name in names]
            self.answer(200, "\n".join(said).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, body[::-1])

    def socket(self) -> None:
        """Sends back what comes, in capitals; no frames, for those are between the two ends."""
        if self.headers["Upgrade"] != "websocket" or self.headers["Connection"] != "Upgrade":
            self.answer(400, b"no socket")
            return
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.write(b"hello ")
        self.close_connection = True
        while data := self.rfile.read1(1 << 16):
            self.wfile.write(data.upper())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    folder, port = tmp_path_factory.mktemp("hub"), behind.server_address[1]
    server = Server(folder, PLAIN + SETTINGS.format(port=port, closed=free_port()))
    files = folder / "var" / "www" / "shop.test"
    files.mkdir(parents=True)
    (files / "index.html").write_bytes(PAGE)
    (files / "large.bin").write_bytes(LARGE)
    (files / ".env").write_text("secret")
    (files.parent / "secret.txt").write_text("secret")
    (files / "link").symlink_to(files.parent)
    server.start()
    server.add_domain("shop.test")
    try:
        yield server
    finally:
        server.stop()
        behind.shutdown()
        behind.server_close()


def curl(hub: Server, path: str, *words: str, host: str = "shop.test") -> tuple[str, bytes]:
    """The head of the answer as text, and its body."""
    port = hub.port("http", "implicit")
    command = [program("curl"), "-sk", "-i", "--http1.1", "--path-as-is", "--max-time", "20"]
    command += ["--resolve", f"{host}:{port}:127.0.0.1", *words, f"https://{host}:{port}{path}"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), body


def status(head: str) -> int:
    return int(head.split()[1])


def test_a_site_is_shown(hub: Server) -> None:
    head, body = curl(hub, "/")
    assert (status(head), body) == (200, PAGE)
    assert "Content-Type: text/html; charset=utf-8" in head
    assert "Strict-Transport-Security: max-age=15768000" in head
    head, body = curl(hub, "/large.bin")
    assert hashlib.sha256(body).digest() == hashlib.sha256(LARGE).digest()
    head, body = curl(hub, "/large.bin", "--range", "1000000-1000009")
    assert (status(head), body) == (206, LARGE[1_000_000:1_000_010])
    head, body = curl(hub, "/large.bin", "--head")
    assert f"Content-Length: {len(LARGE)}" in head
    tag = next(line for line in head.splitlines() if line.startswith("ETag: "))[6:]
    head, body = curl(hub, "/large.bin", "-H", f"If-None-Match: {tag}")
    assert (status(head), body) == (304, b"")
    assert status(curl(hub, "/", "-X", "DELETE")[0]) == 405
    assert "Location: /new/x%20y" in curl(hub, "/old/x%20y")[0]
    assert "Location: https://shop.test/x" in curl(hub, "/x", host="www.shop.test")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/%252e%252e/secret.txt",
        "/x/../../secret.txt",
        "//secret.txt",
        "/%2fetc/passwd",
        "/.env",
        "/%2eenv",
        "/link/secret.txt",
        "/index.html/..",
        "/%ff%fe",
        "/index.html%00.txt",
    ],
)
def test_no_path_leads_out(hub: Server, path: str) -> None:
    head, body = curl(hub, path)
    assert status(head) in (400, 404)
    assert b"secret" not in body


def test_bytes_that_no_browser_sends(hub: Server) -> None:
    table = {
        b"GET http://shop.test/../secret.txt HTTP/1.1\r\nHost: shop.test\r\n\r\n": {400, 404},
        b"GET / HTTP/1.1\r\nHost: shop.test\r\nHost: other.test\r\n\r\n": {400},
        b"GET / HTTP/1.1\r\nHost: ../shop.test\r\n\r\n": {400},
        b"GET / HTTP/1.1\r\nHost: shop.test\r\nRange: bytes=" + b"0-1," * 1000 + b"\r\n\r\n": {200},
        b"OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n": {400, 404, 405},
        b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n": {400, 404, 405},
        b"TRACE / HTTP/1.1\r\nHost: shop.test\r\n\r\n": {405},
    }
    for sent, wanted in table.items():
        with secure(hub) as channel:
            channel.sendall(sent)
            assert int(channel.recv(4000).split()[1]) in wanted, sent[:60]


def secure(hub: Server) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", hub.port("http", "implicit")), timeout=10)
    return ssl._create_unverified_context().wrap_socket(plain, server_hostname="shop.test")


def test_apis_are_not_found_under_the_name_of_a_site(hub: Server) -> None:
    assert status(curl(hub, "/health")[0]) == 404
    assert status(curl(hub, "/wildduck/users")[0]) == 404
    assert status(curl(hub, "/health", host="mail.test")[0]) == 200
    assert status(curl(hub, "/tmail/ping", host="mail.test")[0]) == 200
    assert status(curl(hub, "/nothing", host="mail.test")[0]) == 404


def clear(hub: Server, path: str, host: str, root: str) -> str:
    """The head of an answer without TLS, of the listener with this root."""
    known = json.loads((hub.var / "run" / "mailhub.json").read_text())["listeners"]
    (port,) = [
        one["port"]
        for one in known
        if (one["service"], one["tls"], one.get("root")) == ("http", "none", root)
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as channel:
        sent = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        channel.sendall(sent.encode())
        return channel.recv(4000).decode()


def test_in_the_clear_visitors_are_sent_on_and_nobody_logs_in(hub: Server) -> None:
    for host, path in (("shop.test", "/a?b=1"), ("mail.test", "/admin/me"), ("mail.test", "/")):
        answer = clear(hub, path, host, "web")
        assert answer.startswith("HTTP/1.1 301"), answer
        assert f"Location: https://{host}{path}\r\n" in answer
        assert "Strict-Transport-Security" not in answer
    assert clear(hub, "/admin/me", "127.0.0.1", "web").startswith("HTTP/1.1 404")
    assert clear(hub, "/health", "127.0.0.1", "web").startswith("HTTP/1.1 200")
    path = "/.well-known/acme-challenge/x"
    assert clear(hub, path, "shop.test", "web").startswith("HTTP/1.1 404")


def test_programs_find_the_servers_on_every_listener(hub: Server) -> None:
    path = "/.well-known/autoconfig/mail/config-v1.1.xml"
    head, body = curl(hub, path)
    assert (status(head), b"<hostname>mail.test</hostname>" in body) == (200, True)
    assert clear(hub, path, "autoconfig.shop.test", "wildduck").startswith("HTTP/1.1 200")
    policy = curl(hub, "/.well-known/mta-sts.txt", host="mta-sts.shop.test")[1]
    assert policy == b"version: STSv1\r\nmode: enforce\r\nmx: mail.test\r\nmax_age: 604800\r\n"


def test_a_server_behind_a_site_is_asked(hub: Server) -> None:
    head, body = curl(hub, "/app/a%20b?x=1", "-H", "X-Forwarded-For: 9.9.9.9", "-H", "TE: x")
    assert status(head) == 200
    said = body.decode().splitlines()
    assert said[:2] == ["GET", "/in/a%20b?x=1"]
    assert said[2].startswith("host=127.0.0.1:")
    port = hub.port("http", "implicit")
    assert said[3:] == [
        "x-forwarded-for=127.0.0.1",
        "x-forwarded-proto=https",
        f"x-forwarded-host=shop.test:{port}",
        "te=None",
    ]
    assert head.count("Set-Cookie: ") == 2
    assert "Location: /app/x\r" in curl(hub, "/app/led")[0]
    head, body = curl(hub, "/app/post", "--data-binary", "abc")
    assert (status(head), body) == (201, b"cba")
    assert curl(hub, "/app/large")[1] == LARGE
    head, body = curl(hub, "/app/large", "--head")
    assert (status(head), body) == (200, b"")
    assert status(curl(hub, "/gone/x")[0]) == 503
    assert curl(hub, "/app/broken")[1] in (b"", b"half")
    assert status(curl(hub, "/app/../secret.txt")[0]) == 404


def test_who_leaves_early_leaves_nothing_behind(hub: Server) -> None:
    folder = Path(f"/proc/{hub.pid}/fd")

    def held() -> list[str]:
        found = []
        for one in folder.iterdir():
            try:
                found.append(os.readlink(one))
            except OSError:
                continue
        return [path for path in found if path.endswith("large.bin")]

    channel = secure(hub)
    channel.sendall(b"GET /large.bin HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    assert channel.recv(4000).startswith(b"HTTP/1.1 200")
    assert until(held)
    channel.close()
    assert until(lambda: not held())


UPGRADE = (
    b"GET /%s HTTP/1.1\r\nHost: shop.test\r\nConnection: keep-alive, Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def read(channel: ssl.SSLSocket, size: int) -> bytes:
    """So many octets, or all until the end."""
    data = b""
    while len(data) < size and (piece := channel.recv(1 << 16)):
        data += piece
    return data


def test_a_socket_goes_through(hub: Server) -> None:
    with secure(hub) as channel:
        channel.sendall(UPGRADE % b"app/socket")
        head = b""
        while not head.endswith(b"hello "):
            piece = channel.recv(4000)
            assert piece, head
            head += piece
        assert head.startswith(b"HTTP/1.1 101 ")
        large = b"abcdefgh" * (1 << 18)
        sending = threading.Thread(target=channel.sendall, args=(large,))
        sending.start()
        assert read(channel, len(large)) == large.upper()
        sending.join()
        channel.sendall(b"bye")
        assert read(channel, 3) == b"BYE"


def test_nobody_talks_past_a_site(hub: Server) -> None:
    """Whoever is not let through by the server behind does not reach it (request smuggling)."""
    inner = b"GET /in/secret HTTP/1.1\r\nHost: x\r\n\r\n"
    for path in (b"app/other", b"plain/socket", b"nothing", b"app/../in/socket"):
        with secure(hub) as channel:
            channel.sendall(UPGRADE % path + inner)
            channel.settimeout(0.3)
            data = b""
            try:
                while piece := channel.recv(1 << 16):
                    data += piece
            except TimeoutError:
                pass
            assert not data.startswith(b"HTTP/1.1 101"), path
            assert b"/in/secret" not in data, path
