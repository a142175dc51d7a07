"""A whole site in memory with people who own one of each thing, for tests of who may do what.

Calls are found in the dialects, and what stands in their paths is filled with what Ann owns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mailhub.core.rights import Role
from mailhub.http.app import mounts
from mailhub.http.routing import Route
from mailhub.model.settings import LimitSettings
from tests.http.browsing import FOREIGN, Reply, Site, with_token
from tests.passkeys import SoftwareKey
from tests.support import run
from tests.world import world

TOKEN = "r00t"
JOE, ANN, EVE = "joe@example.org", "ann@example.org", "eve@example.org"
PAGE = {"origin": "https://mail.example.org"}
MESSAGE = (
    b"From: a@remote.example\r\nTo: ann@example.org\r\nSubject: secret\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsecret\r\n--b\r\n"
    b"Content-Type: text/x-data\r\nContent-Disposition: attachment; filename=secret\r\n\r\n"
    b"secret\r\n--b--\r\n"
)
TRIED = {"authlog", "api_session", "sign_in"}
"""Tables that say who tried."""
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
NOWHERE = {
    "dkim": "1" * 24,
    "domain_id": "1",
    "number": "1",
    "hostname": "example.org",
    "network": "192.0.2.0/24",
    "id": "1",
    "token": "x",
    "zone": "example.org",
    "qname": "a.example.org",
    "rtype": "TXT",
    "page": "index.html",
    "transaction": "1" * 32,
    "domain": "example.org",
    "holder": "1",
    "box": "1",
    "uid": "1",
    "proof": "999999-00",
}
"""Arguments that are about no one account."""


class Place:
    """A server with people, and a root token; nobody is limited in guessing."""

    def __init__(self) -> None:
        limits = LimitSettings(exempt_networks=("192.0.2.0/24",))
        self.world = world(people=(JOE, ANN, EVE), limits=limits)
        self.site = Site(world=self.world, settings=with_token(TOKEN), root="")
        self.calls = [
            (dialect.name, prefix, one)
            for prefix, dialect in mounts(self.site.parts)
            for one in dialect.routes()
        ]

    @property
    def dialects(self) -> set[str]:
        return {name for name, _, _ in self.calls}

    def id(self, who: str) -> str:
        return self.world.people[who].id

    def token(self, name: str = JOE, role: Role = Role.USER) -> str:
        account = self.world.people[name] if role.is_personal else None
        return run(self.world.tokens.issue(account, role))[0]

    def root(self, method: str, path: str, body: object = None) -> Any:
        """What the root is told by a call of WildDuck's, which succeeds."""
        reply = self.site.ask(method, "/wildduck" + path, body, peer=FOREIGN, x_access_token=TOKEN)
        assert reply.status == 200, (method, path, reply.body)
        return reply.json

    @cached_property
    def known(self) -> Mapping[str, str]:
        """By the name of an argument what Ann owns of it. Her INBOX has one message, her archive
        another, her drafts a draft. Joe has the first two: `mine` and `own`."""
        user = f"/users/{self.id(ANN)}"
        boxes, archived = self._mail(ANN)
        mine, own = self._mail(JOE)
        draft = {"draft": True, "to": [{"address": EVE}], "subject": "secret", "text": "secret"}
        self.root("POST", f"{user}/mailboxes/{boxes['Drafts']}/messages", draft)
        key = SoftwareKey()
        options = self.root(
            "POST", f"{user}/2fa/webauthn/registration-challenge", {"description": "key", **PAGE}
        )["registrationOptions"]
        made = key.register(options["challenge"])
        rule = {"name": "secret", "query": {"from": "x"}, "action": {"seen": True}}
        asp = self.root("POST", f"{user}/asps", {"description": "secret"})
        self.root("PUT", f"{user}/scripts/secret", {"source": "keep;"})
        alias = {"address": "secret@example.org", "tags": ["secret"]}
        forwarded = {"address": "away@example.org", "targets": [EVE]}
        later = int(self.world.clock.now() + 3600) * 1000
        waits = {**draft, "to": [{"address": "far@remote.example"}], "sendTime": later}
        del waits["draft"]
        hook = {"type": "*", "url": "https://hook.example/"}
        return {
            **NOWHERE,
            "user": self.id(ANN),
            "username": ANN,
            "login": ANN,
            "alias": "secret@example.org",
            "name": "secret@example.org",
            "names": "secret",
            "mailbox": boxes["INBOX"],
            "drafts": boxes["Drafts"],
            "own_box": self.root("POST", f"{user}/mailboxes", {"path": "Secret"})["id"],
            "message": "1",
            "archived": archived,
            "mine": mine["INBOX"],
            "own": own,
            "attachment": "ATT00001",
            "address": self.root("POST", f"{user}/addresses", alias)["id"],
            "filter": self.root("POST", f"{user}/filters", rule)["id"],
            "asp": asp["id"],
            "event": self.root("GET", f"{user}/authlog")["results"][0]["id"],
            "credential": self.root("POST", f"{user}/2fa/webauthn/registration-attestation", made)[
                "id"
            ],
            "script": "secret",
            "forwarded": self.root("POST", "/addresses/forwarded", forwarded)["id"],
            "file": self.root("POST", f"{user}/storage", {"content": "secret"})["id"],
            "queueId": self.root("POST", f"{user}/submit", waits)["message"]["queueId"],
            "webhook": self.root("POST", "/webhooks", hook)["id"],
        }

    def _mail(self, who: str) -> tuple[dict[str, str], str]:
        """Somebody's mailboxes, with a message in INBOX; and the id of one in the archive."""
        user = f"/users/{self.id(who)}"
        boxes = {one["path"]: one["id"] for one in self.root("GET", f"{user}/mailboxes")["results"]}
        for _ in range(2):
            self.world.deliver(who, MESSAGE if who == ANN else MESSAGE.replace(b"secret", b"own"))
        self.root("DELETE", f"{user}/mailboxes/{boxes['INBOX']}/messages/2")
        (archived,) = self.root("GET", f"{user}/archived")["results"]
        return boxes, archived["id"]

    def filled(self, path: str, user: str = "") -> str:
        """The path with what Ann owns in place of its arguments."""
        known = {**self.known, "user": user or self.known["user"]}
        if "/archived/" in path:
            known["message"] = known["archived"]
        if path.endswith("/<message>/submit"):
            known["mailbox"] = known["drafts"]
        if path.endswith("/<mailbox>"):
            known["mailbox"] = known["own_box"]
        if "/forwarded/" in path:
            known["address"] = known["forwarded"]
        return ARGUMENT.sub(lambda found: known.get(found[1], "1" * 24), path)

    def ask(
        self, prefix: str, one: Route, user: str = "", body: object = None, **headers: str
    ) -> Reply:
        """The call on what Ann owns; `user`: instead of her."""
        if body is None and one.method in ("POST", "PUT"):
            body = {}
        path = prefix + self.filled(one.path, user)
        reply = self.site.ask(one.method, path, body, peer=FOREIGN, **headers)
        for timer in self.site.reactor.getDelayedCalls():
            timer.cancel()  # thousands of connections that nobody closes: sorting them takes long
        return reply

    def everything(self) -> Mapping[str, object]:
        """All rows of all tables, but for what says that somebody tried."""

        def rows(cursor: Any) -> dict[str, object]:
            listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE T%'"
            tables = {name for (name,) in cursor.execute(listed).fetchall()} - TRIED
            found = {
                name: sorted(map(repr, cursor.execute(f'SELECT * FROM "{name}"').fetchall()))
                for name in tables
            }
            assert len(found) > 20
            assert found["message"]
            found["journal"] = [row for row in found["journal"] if "login" not in row]
            return dict(found)

        assert self.known
        return run(self.world.store.runner.read(rows))
