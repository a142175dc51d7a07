"""Chromium without a window, for tests that look at pages as people do.

A window reports what people would not see but suffer from: errors in the console, breaches of the
page's own security policy, anything that asks another machine for anything. Who uses it says what
a page has to be; that is not said here.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from typing import Any, Self

from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright

from tests.programs import program

PATIENCE = 60_000.0
"""Milliseconds that a page may take on a busy machine."""
HOME = "127.0.0.1"
ARGUMENTS = (
    "--no-sandbox",  # root, as continuous integration is, has none
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
ELSEWHERE = "--host-resolver-rules=MAP * {host}:{port}, EXCLUDE {host}"
"""Every other name leads to a door of ours, which tells who knocked."""
_INSIDE = re.compile(rf"(?:data|blob|about|chrome-error):|https?://{re.escape(HOME)}[:/]")
_STATUS = "Failed to load resource: the server responded with a status of 4"
"""What the console says of every page that refuses something."""
HELD_BACK = "csp"
"""Why a request failed that was never made."""
_OURS = "Blocked script execution in"
"""Of `WATCH` in a sandboxed frame; a script of the frame's own would say no other."""
WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
globalThis.ran = (which) => console.error(`ran: ${which}`);
"""
"""In every page and frame before anything else: `ran` is what a hostile text tries to call."""


class Window:
    """A browser's window with one page and cookies of its own. `base`: what paths begin with.

    `troubles`: what went wrong since it was last asked, in words; `left`: addresses on other
    machines that were asked for, which the page's policy did not hold back.
    """

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.troubles: list[str] = []
        self.left: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.add_init_script(WATCH)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("requestfinished", self._asked)
        page.on("requestfailed", self._asked)
        page.on("dialog", lambda dialog: dialog.accept())

    def go(self, path: str) -> Response:
        """Loads a page and waits for all it needs."""
        answer = self.page.goto(self.base + path, wait_until="load")
        assert answer is not None, path
        return answer

    @property
    def path(self) -> str:
        """Where it is."""
        return self.page.url.removeprefix(self.base)

    def sign_in(self, name: str, password: str, path: str = "/panel/") -> None:
        """As a person does it."""
        answer = self.go(path)
        assert answer.status == 200, self.page.inner_text("body")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("main button")
        self.page.wait_for_selector("form[action='/panel/sign-out']")

    def calm(self) -> None:
        """Nothing went wrong, and nobody else was asked for anything."""
        found = self.reported()
        assert not found, (self.page.url, found)

    def reported(self) -> list[str]:
        """All that went wrong and nobody heard of yet."""
        found = [*self.troubles, *(f"left: {address}" for address in self.left)]
        self.troubles.clear()
        self.left.clear()
        return found

    def axe(self, *rules: str) -> list[str]:
        """What axe finds wrong with the page; `rules`: these alone, all of WCAG 2.2 AA and good
        practice for none."""
        if not self.page.evaluate("typeof axe == 'object'"):
            self.page.evaluate(_axe())
        found: Any = self.page.evaluate(
            "(only) => axe.run(document,"
            " {resultTypes: ['violations'], iframes: false, runOnly: only})",
            {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS},
        )
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            for node in one["nodes"][:3]
        ]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith((_STATUS, _OURS)):
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not _INSIDE.match(request.url) and request.failure != HELD_BACK:
            self.left.append(request.url)


TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Chromium:
    """The browser; each window is as if it were somebody else's."""

    def __init__(self) -> None:
        self._knocks: list[bytes] = []
        self._door = socket.create_server((HOME, 0))
        threading.Thread(target=self._turn_away, daemon=True).start()
        elsewhere = ELSEWHERE.format(host=HOME, port=self._door.getsockname()[1])
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=program("chromium"), args=[*ARGUMENTS, elsewhere], timeout=PATIENCE
            )
        except BaseException:
            self._playwright.stop()
            self._door.close()
            raise

    def knocked(self, name: str) -> bool:
        """Whether the browser connected to the machine of this name since this was last asked.
        What it says first has the name, over TLS too; others are asked by the browser itself."""
        knocks, self._knocks = self._knocks, []
        return any(name.encode() in one for one in knocks)

    def _turn_away(self) -> None:
        while True:
            try:
                peer, _ = self._door.accept()
            except OSError:
                return
            with peer, suppress(OSError):
                peer.settimeout(1)
                self._knocks.append(peer.recv(4096))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._browser.close()
        finally:
            self._playwright.stop()
            self._door.shutdown(socket.SHUT_RDWR)  # wakes accept(), which a close alone does not
            self._door.close()

    @contextmanager
    def window(
        self,
        base: str,
        *,
        width: int = 1000,
        dark: bool = False,
        scripts: bool = True,
        language: str = "en-US",
        agent: str | None = None,
        permissions: Sequence[str] = (),
    ) -> Iterator[Window]:
        """A new one."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 760},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            locale=language,
            user_agent=agent,
            permissions=list(permissions),
            reduced_motion="reduce",
        )
        try:
            yield Window(context.new_page(), base)
        finally:
            context.close()


@cache
def _axe() -> str:
    """axe-core, as its package for Playwright brings it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text()
