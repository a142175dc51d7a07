"""Joe and his mail over HTTP, for tests of message calls."""

from __future__ import annotations

import base64
from typing import Any

from mailhub.model.flags import Flags
from tests.http.browsing import Reply, Site
from tests.support import run
from tests.world import ACTOR, DOMAIN, World

JOE = f"joe@{DOMAIN}"
ABSENT = "f" * 24
PNG = base64.b64encode(b"\x89PNG" * 40)
RICH = (
    b"""From: =?utf-8?q?J=C3=BCrgen?= <j@far.example>
To: Joe <joe@example.org>, ann@example.org
Cc: "Smith, K" <k@far.example>
Reply-To: answers@far.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Wed, 02 Nov 2011 19:19:08 +0000
Message-ID: <rich@far.example>
References: <a@far.example> <b@far.example>
List-ID: News <news.far.example>
List-Unsubscribe: <https://far.example/out>
X-Custom: =?utf-8?q?caf=C3=A9?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Plain words
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p onclick=x>Rich words <img src="cid:pic@far"><script>alert(1)</script></p>
--r
Content-Type: image/png; name=pic.png
Content-ID: <pic@far>
Content-Transfer-Encoding: base64

%b
--r--
--a--
--m
Content-Type: text/x-data; charset=utf-8
Content-Disposition: attachment; filename="evil\x0b\\".txt"
Content-Transfer-Encoding: quoted-printable

caf=C3=A9
--m--
""".replace(b"\n", b"\r\n")
    % PNG
)
PLAIN = b"From: a@far.example\r\nSubject: %b\r\nMessage-ID: <%b@far>\r\n\r\nwords %b\r\n"


class Mailbox:
    """Joe's mailboxes over HTTP."""

    def __init__(self, here: World) -> None:
        self.world = here
        self.site = Site(here)
        self.account = here.people[JOE]
        self.user = f"/users/{self.account.id}"
        boxes = run(here.store.mailboxes.all(self.account.number))
        self.boxes = {box.name: box for box in boxes}
        self.inbox = self.path("INBOX")

    def path(self, name: str) -> str:
        return f"{self.user}/mailboxes/{self.boxes[name].id}/messages"

    def deliver(self, *names: str) -> None:
        for name in names:
            word = name.encode()
            self.world.deliver(JOE, PLAIN % (word, word, word))
            self.world.clock.advance(10)

    def ids(self, path: str = "", query: str = "") -> list[Any]:
        reply = self.site.get((path or self.inbox) + query)
        assert reply.status == 200, reply.json
        return [row["id"] for row in reply.json["results"]]


def append(mail: Mailbox, data: bytes, mailbox: str = "INBOX") -> None:
    store = mail.world.store
    messages = mail.world.mailroom.messages
    spool = store.spools.open()
    spool.write(data)
    body = spool.finish()
    rendered = run(messages.render(body))
    box = mail.boxes[mailbox]
    one = (body, rendered, Flags(), 1_000_000_000)
    run(store.messages.append(box.account, box.number, [one], ACTOR))


def refused(reply: Reply, status: int, code: str, field: str = "") -> None:
    assert (reply.status, reply.json["code"]) == (status, code), reply.json
    assert "error" in reply.json
    if field:
        assert list(reply.json["details"]) == [field]
