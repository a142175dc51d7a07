"""A listener of the Mail-in-a-Box dialect in memory, and its administrator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from mailhub.model.account import Role
from tests.http.browsing import Reply, Site
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR, world

ADMIN = "root@example.org"
JOE = "joe@example.org"
TEXT = "text/html; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


class Box(Site):
    """Every request comes from the administrator, and forms are given as named fields."""

    def __init__(self, **more: Any) -> None:
        here = more.pop("world", None) or world(people=(JOE,))
        here.account(ADMIN, role=Role.ADMIN)
        super().__init__(world=here, root="", **more)
        run(self.zoned.zones.update(ACTOR))  # as somebody does soon after a start

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        more.setdefault("authorization", basic(ADMIN))
        return super().ask(method, f"/admin{path}", body, **more)

    def form(self, path: str, /, headers: dict[str, str] | None = None, **fields: str) -> Reply:
        """A POST; names are given with `_` where they have that."""
        body = urlencode(fields).encode()
        return self.ask("POST", path, body, content_type=FORM, **(headers or {}))


def said(reply: Reply, words: str, status: int = 200) -> None:
    """Asserts plain words."""
    assert (reply.status, reply.body.decode()) == (status, words)
    assert reply.headers["content-type"] == TEXT


def refused(reply: Reply, words: str) -> None:
    """Asserts a 400 with these words."""
    said(reply, words, 400)
