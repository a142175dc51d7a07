"""The panel of a running server, over HTTP and what it reaches beyond: connections, profiles."""

from __future__ import annotations

import imaplib
import plistlib
import re
import smtplib
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import requests

from tests.live.conftest import User
from tests.live.pace import prompt
from tests.live.peers import until
from tests.live.server import Server

CSRF = re.compile(r'name="csrf" value="(\w+)"')


class Visitor:
    """Somebody with a browser that keeps cookies."""

    def __init__(self, server: Server, user: User) -> None:
        self._base = f"http://127.0.0.1:{server.port('http', 'none')}/panel"
        self._http = requests.Session()
        answer = self._http.post(
            f"{self._base}/sign-in", data={"name": user.address, "password": user.password}
        )
        assert answer.url == f"{self._base}/", answer.text

    def look(self, path: str) -> str:
        """The page; its place where it led elsewhere."""
        answer = self._http.get(self._base + path)
        return answer.text if answer.url == self._base + path else answer.url

    def send(self, page: str, action: str, **fields: str) -> requests.Response:
        """Sends a form of that page."""
        found = CSRF.search(self.look(page))
        assert found is not None
        return self._http.post(self._base + action, data={"csrf": found[1], **fields})


def end_of(page: str, kind: str) -> str:
    """Where the button leads that ends the one session of this kind."""
    (end,) = re.findall(rf'action="/panel(/sessions/{kind}/\w+/end)"', page)
    return str(end)


def test_a_connection_ends_as_soon_as_its_owner_says_so(server: Server, user: User) -> None:
    visitor = Visitor(server, user)
    imap = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=30)
    try:
        imap.login(user.address, user.password)
        page = visitor.look("/sessions")
        assert "IMAP" in page
        with prompt(1, server.pid):
            assert visitor.send("/sessions", end_of(page, "programs")).ok
            assert b"BYE" in imap.readline()
            assert imap.readline() == b""
    finally:
        imap.shutdown()
    assert until(lambda: "No mail program is connected" in visitor.look("/sessions"))


def test_a_browser_is_signed_out_by_another(server: Server, user: User) -> None:
    phone, desk = Visitor(server, user), Visitor(server, user)
    desk.send("/sessions", "/sessions/end")
    assert "/sign-in" in phone.look("/")
    assert "Overview" in desk.look("/")
    end = end_of(desk.look("/sessions"), "browsers")
    assert "/sign-in" in desk.send("/sessions", end).url
    assert "/sign-in" in desk.look("/")


def test_a_profile_opens_the_account(server: Server, new_user: Callable[[], User]) -> None:
    """Its app password reads and sends."""
    user = new_user()
    visitor = Visitor(server, user)
    answer = visitor.send("/programs", "/programs/profile", with_password="1", description="Phone")
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    (mail,) = plistlib.loads(answer.content)["PayloadContent"]
    name, password = mail["IncomingMailServerUsername"], mail["IncomingPassword"]
    with imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=30) as imap:
        assert imap.login(name, password)[0] == "OK"
        assert "Phone" in visitor.look("/sessions")
    with smtplib.SMTP("127.0.0.1", server.port("submission", "starttls"), timeout=30) as smtp:
        smtp.login(mail["OutgoingMailServerUsername"], mail["OutgoingPassword"])


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (X11; Linux) Firefox/140.0", "\u00e9<script>"])
def test_what_a_browser_says_of_itself_is_harmless(server: Server, user: User, agent: str) -> None:
    base = f"http://127.0.0.1:{server.port('http', 'none')}/panel"
    data = urlencode({"name": user.address, "password": user.password})
    headers = {
        "User-Agent": agent.encode("latin-1"),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert requests.post(f"{base}/sign-in", data=data, headers=headers).ok
    page = Visitor(server, user).look("/sessions")
    assert ("Firefox, Linux" in page) == ("Firefox" in agent)
    assert "<script>" not in page
