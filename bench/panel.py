"""How long the server takes for each page that people look at, with a thousand accounts and a large
mailbox, beside a page of the same kind that needs no store.

`python -m bench.panel --help`. Pages are found as people find them, by links; of each kind the
first few. One request follows the other over one connection, so a figure is what the server and
loopback take. The peer is Twisted, Klein and Jinja2 alone, with a table of as many bytes as the
page of accounts has: what is above it is ours. Rounds of both take turns.
"""

from __future__ import annotations

import argparse
import html
import http.client
import json
import multiprocessing
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.search import USER, fill
from bench.servers import PASSWORD, Mailhub, wait_for_port
from tests.ports import free_port

CEILING = 100.0
"""Milliseconds that 99 of 100 answers stay below."""
FEW = 2
"""Pages of one kind."""
INSIDE = ("/panel", "/mail")
PEER = "Klein and Jinja2"
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"#]+)"([^>]*)')
_MANY = re.compile(r"[0-9a-f]{24}|[0-9.]+|[^/]*[@.%][^/]*")
_TABLE = """<!doctype html><html lang="en"><title>{{ title }}</title><table>
{% for row in rows %}<tr><th scope="row">{{ row.name }}</th><td>{{ row.words }}</td></tr>
{% endfor %}</table></html>"""
Figures = dict[str, list[float]]
"""Milliseconds of each page, the first time it was asked for at the front."""


class Browser:
    """One connection and one cookie."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookie = ""

    def ask(self, method: str, path: str, body: bytes = b"", type: str = "") -> tuple[int, bytes]:
        """Status and body."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if type:
            headers["Content-Type"] = type
        self._connection.request(method, path, body or None, headers)
        with self._connection.getresponse() as answer:
            self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
            return answer.status, answer.read()

    def sign_in(self, name: str) -> None:
        fields = urlencode({"name": name, "password": PASSWORD}).encode()
        form = "application/x-www-form-urlencoded"
        status, _ = self.ask("POST", "/panel/sign-in", fields, form)
        if status != 303 or not self.cookie:
            raise RuntimeError(f"sign-in: {status}")

    def timed(self, path: str) -> float:
        """Milliseconds until the page is there."""
        start = time.perf_counter()
        status, body = self.ask("GET", path)
        taken = (time.perf_counter() - start) * 1000
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        return taken


def people(server: Mailhub, count: int) -> None:
    """Accounts with a name, an address and an alias."""
    web = Browser(server.http)
    for number in range(count):
        order = {
            "username": f"person{number}@bench.test",
            "address": f"person{number}@bench.test",
            "name": f"Person {number}",
            "password": False,
        }
        body = json.dumps(order).encode()
        status, answer = web.ask("POST", "/wildduck/users", body, "application/json")
        if status != 200:
            raise RuntimeError(f"{status} {answer!r}")


def pages(browser: Browser) -> Iterator[tuple[str, float]]:
    """Every page that links lead to, and how many milliseconds it takes the first time."""
    waiting, kinds = list(INSIDE), dict[str, int]()
    met = set(waiting)
    while waiting:
        path = waiting.pop(0)
        parts = urlsplit(path)
        kind = "/".join("*" if _MANY.fullmatch(one) else one for one in parts.path.split("/"))
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > FEW:
            continue
        start = time.perf_counter()
        status, body = browser.ask("GET", path)
        if status == 303:
            continue
        yield path, (time.perf_counter() - start) * 1000
        for link, more in _LINK.findall(body.decode(errors="replace")):
            link = html.unescape(link)
            if link.startswith(INSIDE) and link not in met and "download" not in more:
                met.add(link)
                waiting.append(link)


def serve(port: int, octets: int) -> None:
    """The peer: a page of so many bytes, rendered anew for each request."""
    import jinja2
    from klein import Klein

    table = jinja2.Environment(autoescape=True).from_string(_TABLE)
    rows = [{"name": f"Person {n}", "words": f"person{n}@bench.test & more"} for n in range(50)]
    rows *= max(1, octets // len(table.render(title="x", rows=rows)))
    app = Klein()

    @app.route("/")
    def page(request: object) -> bytes:
        return table.render(title="Accounts", rows=rows).encode()

    with open("/dev/null", "w") as nothing:
        app.run("127.0.0.1", port, logFile=nothing)


def measured(server: Mailhub, rounds: int) -> Figures:
    """All pages, and the peer's."""
    browser = Browser(server.http)
    browser.sign_in(f"{USER}@bench.test")
    found = dict(pages(browser))
    _, accounts = browser.ask("GET", "/panel/users")
    port = free_port()
    process = multiprocessing.Process(target=serve, args=(port, len(accounts)), daemon=True)
    process.start()
    try:
        wait_for_port(port)
        peer = Browser(port)
        figures: Figures = {path: [first] for path, first in found.items()}
        figures[PEER] = [peer.timed("/")]
        for _ in range(rounds):
            for path in found:
                figures[path].append(browser.timed(path))
                figures[PEER].append(peer.timed("/"))
        return figures
    finally:
        process.terminate()
        process.join()


def report(figures: Figures) -> bool:
    """Prints all; whether every page stays below the ceiling."""
    base, slow = statistics.median(figures[PEER]), []
    print(f"{'milliseconds':<55}  first    p50    p99  ratio")
    for path, taken in sorted(figures.items(), key=lambda one: -statistics.median(one[1])):
        middle = statistics.median(taken)
        worst = statistics.quantiles(taken, n=100, method="inclusive")[98]
        print(f"{path[:55]:<55} {taken[0]:6.1f} {middle:6.1f} {worst:6.1f} {middle / base:6.1f}")
        if worst > CEILING:
            slow.append(path)
    print(f"p99 above {CEILING:.0f} ms: {', '.join(slow) or 'none'}")
    return not slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailhub-bench-") as folder:
        server = Mailhub(Path(folder) / "mailhub")
        server.start([USER])
        try:
            server.command("user", "set", f"{USER}@bench.test", "--role", "admin")
            people(server, given.users)
            fill(server, given.messages)
            good = report(measured(server, given.rounds))
        finally:
            server.stop()
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
