"""A listener of the tmail dialect in memory, and its administrator."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from mailhub.model.account import Role
from tests.http.browsing import Reply, Site
from tests.world import PASSWORD, world

ADMIN = "root@example.org"
JSON = "application/json; charset=UTF-8"


def basic(name: str = ADMIN, password: str = PASSWORD) -> str:
    """The header of HTTP Basic."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


class TMail(Site):
    """A listener whose root is tmail; every request comes from its administrator."""

    def __init__(self, **more: Any) -> None:
        here = more.pop("world", None) or world(people=("joe@example.org",))
        here.account(ADMIN, role=Role.ADMIN)
        super().__init__(world=here, root="tmail", **more)

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        more.setdefault("authorization", basic())
        return super().ask(method, path, body, **more)


def failed(reply: Reply, status: int, msg: str, raw: str = "") -> None:
    """Asserts tmail's error object, and that there is nothing else in it."""
    assert (reply.status, reply.json) == (status, {"msg": msg, "raw": raw})
    assert reply.headers["content-type"] == JSON
