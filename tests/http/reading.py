"""Somebody who reads mail in a browser made of forms: messages put together, pages looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from tests.http.browsing import Reply, Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import PASSWORD, world

JOE, ANN = "joe@example.org", "ann@example.org"
LINE = re.compile(r'<tr data-line="([0-9a-f]{24}\.\d+)"(.*?)</tr>', re.S)
SUBJECT = re.compile(r'<bdi class="subject">(.*?)</bdi>', re.S)


@dataclass
class Reader:
    """Joe at /mail, signed in."""

    site: Site = field(default_factory=lambda: Site(world=world(people=(JOE, ANN))))

    def __post_init__(self) -> None:
        self.came = 0
        """Messages that came to Joe: the number of the last one in his INBOX."""
        self.browser = Browser(self.site)
        self.browser.sign_in(JOE, PASSWORD)
        account = self.site.world.people[JOE].number
        boxes = run(self.site.world.mailboxes.all(account))
        self.boxes = {box.name: box.id for box in boxes}

    @property
    def inbox(self) -> str:
        return f"/mail/folders/{self.boxes['INBOX']}"

    def deliver(self, message: bytes, who: str = JOE) -> None:
        self.site.world.deliver(who, message)
        self.came += who == JOE

    def letter(self, subject: str = "Hello", text: str = "Hello Joe", **fields: str) -> None:
        """A plain one."""
        named = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
        head = f"To: {JOE}\r\nSubject: {subject}\r\n{named}"
        if "From" not in fields:
            head = f"From: Eve <eve@remote.example>\r\n{head}"
        self.deliver(f"{head}\r\n{text}\r\n".encode())

    def html(self, source: str, kind: str = "text/html; charset=utf-8") -> None:
        """One with HTML."""
        head = f"From: eve@remote.example\r\nTo: {JOE}\r\nSubject: HTML\r\nMIME-Version: 1.0\r\n"
        head += f"Content-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        self.deliver(head.encode() + source.encode("utf-8", "replace") + b"\r\n")

    def look(self, path: str) -> str:
        return self.browser.look(path)

    def ask(self, path: str) -> Reply:
        """One answer, with its headers."""
        return self.site.ask("GET", path, cookie=self.browser.cookie)

    def lines(self, path: str = "") -> list[str]:
        """The subjects of a list."""
        page = self.look(path or self.inbox)
        return [unescape(SUBJECT.findall(row)[0]) for _, row in LINE.findall(page)]

    def ids(self, path: str = "") -> list[str]:
        """The messages of a list, as forms name them."""
        return [id for id, _ in LINE.findall(self.look(path or self.inbox))]

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.look("/mail/help"))
        assert found is not None
        return found[1]

    def act(self, action: str, messages: list[str], **fields: str) -> str:
        """Presses a button of a list for these messages; the page that follows."""
        pairs = [("message", one) for one in messages]
        self.browser.post_pairs(
            "/mail/messages",
            [
                ("csrf", self.csrf),
                ("back", self.inbox),
                ("action", action),
                *pairs,
                *fields.items(),
            ],
        )
        return self.browser.page

    def names(self) -> dict[str, str]:
        """Every mailbox by name, as it is now."""
        account = self.site.world.people[JOE].number
        return {box.name: box.id for box in run(self.site.world.mailboxes.all(account))}
