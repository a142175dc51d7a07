"""A message's story on a real server: it came over SMTP, was read over IMAP, deleted over POP3."""

from __future__ import annotations

import http.client
import imaplib
import poplib
import re
import smtplib
from collections.abc import Callable
from urllib.parse import quote, urlencode

from tests.live.conftest import User
from tests.live.peers import until
from tests.live.server import Server
from tests.live.test_spine import trusting

PASSWORD = "a long enough one"
MESSAGE = b"From: far@away.test\r\nMessage-ID: <story@away.test>\r\nSubject: hush\r\n\r\nhush\r\n"


def visitor(server: Server, user: User) -> Callable[[str], str]:
    """Reads pages as an administrator who signed in."""
    name = f"story-root@{user.address.partition('@')[2]}"
    server.add_user(name, PASSWORD, "--role", "admin")
    port = server.port("http")

    def ask(method: str, path: str, body: str = "", **headers: str) -> tuple[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        given = (answer.headers.get("Set-Cookie") or "").partition(";")[0]
        connection.close()
        return page, given

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = urlencode({"name": name, "password": PASSWORD})
    _, cookie = ask("POST", "/panel/sign-in", sent, **form)
    assert cookie
    return lambda path: ask("GET", path, Cookie=cookie)[0]


def test_the_whole_story(server: Server, user: User) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=20) as smtp:
        smtp.starttls(context=trusting())
        smtp.sendmail("far@away.test", [user.address], MESSAGE)
    port = server.port("imap", "implicit")
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
        imap.login(user.address, user.password)
        imap.select("INBOX")
        assert imap.fetch("1", "(BODY[])")[0] == "OK"
    port = server.port("pop3", "implicit")
    pop3 = poplib.POP3_SSL("127.0.0.1", port, context=trusting(), timeout=20)
    pop3.user(user.address)
    pop3.pass_(user.password)
    pop3.dele(1)
    pop3.quit()

    look = visitor(server, user)

    def found() -> str:
        page = look(f"/panel/messages?query={quote('<story@away.test>')}")
        paths = re.findall(r'href="(/panel/messages/[0-9a-f]{32})"', page)
        return look(paths[0]) if paths else ""

    until(lambda: ">removed<" in found())
    page = found()
    for text in ("far@away.test", user.address, "TLSv1.3", "ESMTPS", "INBOX"):
        assert text in page, text
    rows = re.findall(r"<tr>.*?</tr>", page, re.S)
    told = [row for row in rows if 'scope="row"' in row and "127.0.0.1" in row]
    assert any(">read<" in row and "IMAP 127.0.0.1" in row for row in told)
    assert any(">removed<" in row and "POP3 127.0.0.1" in row for row in told)
    assert all(user.address in row for row in told if ">re" in row)
    assert "hush" not in page
