"""Sends requests to a site in memory, as bytes, and reads the answers as bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailhub.core.administration import administration
from mailhub.core.desk import desk
from mailhub.core.exporting import Exporting
from mailhub.core.session_keys import SessionKeys
from mailhub.core.signed_tokens import SignedTokens
from mailhub.core.updates import Updates
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.webhooks import Webhooks
from mailhub.http.app import Parts, application
from mailhub.http.feeds import Feeds
from mailhub.model.settings import BackupSettings, HTTPSettings, SitesSettings, UpdateSettings
from mailhub.model.settings_acme import ACMESettings
from mailhub.model.settings_system import SystemSettings
from tests import checked, zoned
from tests.backing import backups
from tests.certified import certify
from tests.checked import FakeMachine
from tests.overseen import oversight
from tests.web import NoWeb
from tests.world import DOMAIN, HOSTNAME, World, world

SECRET = b"k" * 32
SYSTEM_KEY = "5" * 32
LOCAL = IPv4Address("TCP", "127.0.0.1", 40000)
FOREIGN = IPv4Address("TCP", "192.0.2.7", 40000)
HERE = IPv4Address("TCP", "127.0.0.1", 8080)


@dataclass
class Reply:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Transport(StringTransport):
    """Counts what the server does to the connection."""

    aborted: bool = False

    def __init__(self, peer: IPv4Address) -> None:
        super().__init__(hostAddress=HERE, peerAddress=peer)

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True

    def loseConnection(self) -> None:
        super().loseConnection()


@dataclass
class Site:
    """A listener: `site.get("/users")`."""

    world: World = field(default_factory=lambda: world(people=()))
    root: str = "wildduck"
    settings: HTTPSettings = field(default_factory=HTTPSettings)
    quota: int = 0
    default_domain: str = DOMAIN
    ready: bool = True
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    peer: IPv4Address = LOCAL
    sites: SitesSettings = field(default_factory=SitesSettings)
    agree: bool = False
    sign: bool = False
    backing: BackupSettings | None = None
    machine: FakeMachine = field(default_factory=FakeMachine)
    system: SystemSettings = field(default_factory=SystemSettings)

    def __post_init__(self) -> None:
        self.reactor = Clock()
        here = self.world
        self.feeds = Feeds(
            Updates(here.store, here.clock, UpdateSettings()),
            here.watch,
            UpdateSettings(),
            self.reactor,
            here.log,
        )
        self.zoned = zoned.place(here, sign=self.sign)
        self.certified = certify(here, ACMESettings(agree=self.agree))
        self.backups = backups(here.clock, here.log, self.backing)
        self.parts = Parts(
            accounts=here.accounts,
            addresses=here.addresses,
            mailboxes=here.mailboxes,
            mailroom=here.mailroom,
            mailing=here.mailing,
            desk=desk(here),
            allowances=here.allowances,
            sessions=here.sessions,
            domains=here.domains,
            queue=here.queue,
            routes=here.routes,
            relays=here.relays,
            keys=here.keys,
            login=here.login,
            tokens=here.tokens,
            sign_ins=here.sign_ins,
            elsewheres=here.elsewheres,
            logins=here.watch.logins,
            identity=here.identity,
            spools=here.store.spools,
            filters=here.filters,
            scripts=here.scripts,
            upload_keys=UploadKeys(b"secret"),
            feeds=self.feeds,
            webhooks=Webhooks(here.store, NoWeb(), here.clock, here.ids, here.randomness),
            settings=self.settings,
            default_domain=self.default_domain,
            quota=self.quota,
            registry=self.registry,
            ready=lambda: self.ready,
            reactor=self.reactor,
            clock=here.clock,
            log=here.log,
            certificates=self.certified.certificates,
            websites=self.certified.websites,
            profiles=self.certified.profiles,
            sites=self.sites,
            administration=administration(
                here.accounts,
                here.addresses,
                here.domains,
                SessionKeys(
                    here.store.sessions, here.store, here.clock, here.randomness, here.log, SECRET
                ),
                SignedTokens(here.store, here.clock, SECRET),
                self.zoned.zones,
                self.zoned.keys,
                self.zoned.secondaries,
                self.certified.certificates,
                self.certified.hosted,
                self.certified.provisioning,
                checked.system(here, self.machine, self.system),
                checked.checkup(
                    here, self.machine, self.certified, self.backups, zones=self.zoned.zones
                ),
                HOSTNAME,
                DOMAIN,
                lambda: SYSTEM_KEY,
            ),
            hostname=HOSTNAME,
            panel_secret=SECRET,
            oversight=oversight(here),
            backups=self.backups,
            exporting=Exporting(here.store, here.keys, here.clock, "mailhub test"),
        )
        self.factory = application(self.parts, self.root)

    def connect(self, peer: IPv4Address | None = None) -> tuple[Any, Transport]:
        """A connection: its protocol and transport."""
        transport = Transport(peer or self.peer)
        protocol: Any = self.factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        return protocol, transport

    def raw(self, data: bytes, piece: int = 0, peer: IPv4Address | None = None) -> list[Reply]:
        """Every response to these bytes."""
        protocol, transport = self.connect(peer)
        for start in range(0, len(data), piece or len(data) or 1):
            protocol.dataReceived(data[start : start + (piece or len(data))])
        return replies(transport.value())

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        peer: IPv4Address | None = None,
        **headers: str,
    ) -> Reply:
        """One request with a JSON body; header names are given with `_` for `-`."""
        given = {"host": "localhost", **{k.replace("_", "-"): v for k, v in headers.items()}}
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
            given["content-length"] = str(len(data))
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
        (reply,) = self.raw("\r\n".join(lines).encode() + data, peer=peer)
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: object) -> Reply:
        return self.ask("POST", path, body)

    def put(self, path: str, body: object) -> Reply:
        return self.ask("PUT", path, body)

    def delete(self, path: str) -> Reply:
        return self.ask("DELETE", path)


def replies(data: bytes) -> list[Reply]:
    """Responses one after the other; all have a Content-Length, or no body, or come in chunks."""
    found: list[Reply] = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        assert len(headers) == len(lines), "a header is repeated"
        status = int(first.split()[1])
        length = int(headers.get("content-length", 0))
        if "transfer-encoding" in headers:
            body, data = chunked(data)
        else:
            body, data = data[:length], data[length:]
        found.append(Reply(status, headers, body))
    return found


def chunked(data: bytes) -> tuple[bytes, bytes]:
    """A body that comes in chunks, and what stands behind it."""
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            return body, data


def with_token(token: str) -> HTTPSettings:
    """Settings with an access token."""
    return replace(HTTPSettings(), access_token=token)
