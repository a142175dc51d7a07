"""People of an LDAP directory (RFC 4511), asked through ldap3 on threads of its own.

The library blocks, so a bounded pool of threads talks to the servers, and whoever waits for it is
told in time that the directory is away. Names go into filters escaped (RFC 4515), referrals are
not followed, and a certificate that does not prove the server's name ends the connection. What
follows from an entry is `core.mirroring`'s.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ldap3 import ANONYMOUS, BASE, NONE, SAFE_SYNC, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_bytes, escape_filter_chars

from mailhub.directory.people import People
from mailhub.model.directory import Entry
from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.settings_directory import LDAPSettings

PAGE = 500
"""Entries of one answer (RFC 2696)."""
MOST = 200_000
"""Entries in all."""
REST = 30.0
"""Seconds for which a server that did not answer is asked last."""
SUCCESS, NO_SUCH_OBJECT = 0, 32
REFUSALS = frozenset({19, NO_SUCH_OBJECT, 48, 49, 53})
"""Result codes that refuse a password: constraint violation, no such object, inappropriate
authentication, invalid credentials, unwilling to perform (RFC 4511 4.1.9)."""
PAGED = "1.2.840.113556.1.4.319"
Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """One server."""

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> Place:
        """Raises Invalid."""
        parts = urlsplit(url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
            raise Invalid(f"{url} is no ldap:// or ldaps:// URL", "ldap.urls")
        secure = parts.scheme == "ldaps"
        return cls(parts.hostname, parts.port or (636 if secure else 389), secure)


class LDAPTalk:
    """The blocking half: each call may take as long as the servers let it. `seconds`: a monotonic
    clock; `password`: of who asks; `tell`: takes what the log should have, on any thread."""

    def __init__(
        self,
        settings: LDAPSettings,
        password: str,
        seconds: Callable[[], float],
        tell: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._password = password
        self._seconds = seconds
        self._tell = tell
        self._people = People(settings)
        self._places = [Place.of(url) for url in settings.urls]
        self._rests: dict[Place, float] = {}
        self._tls = Tls(
            validate=ssl.CERT_REQUIRED,
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=settings.authority or None,
        )

    # -- questions

    def find(self, name: str) -> Entry | None:
        """See `ports.Entries`."""
        pattern = self._settings.filter.replace("{name}", escape_filter_chars(name))
        return self._one(pattern, name)

    def get(self, key: str) -> Entry | None:
        """See `ports.Entries`."""
        raw = bytes.fromhex(key[4:]) if key.startswith("hex:") else key.encode()
        return self._one(f"({self._settings.key}={escape_bytes(raw)})", key)

    def prove(self, place: str, password: str) -> bool:
        """See `ports.Entries`."""
        if not password:
            return False  # a bind without one succeeds, as nobody (RFC 4513 5.1.2)
        return self._anywhere(lambda server: self._bind(server, place, password))

    def all(self) -> Sequence[Entry]:
        """See `ports.Entries`."""
        settings = self._settings
        rows = self._rows(settings.all_filter)
        locked: set[str] = set()
        if settings.locked_filter:
            pattern = f"(&{settings.all_filter}{settings.locked_filter})"
            locked = {str(row["dn"]) for row in self._rows(pattern)}
        members = self._members()
        entries = [
            self._people.entry(row, locked=str(row["dn"]) in locked, members=members)
            for row in rows
        ]
        return [entry for entry in entries if entry is not None]

    # -- what they are made of

    def _one(self, pattern: str, name: str) -> Entry | None:
        rows = self._rows(pattern, most=2)
        if len(rows) != 1:
            if rows:
                self._tell({"outcome": "ambiguous", "level": "warn", "name": name})
            return None
        row, locked = rows[0], False
        if self._settings.locked_filter:
            locked = bool(self._rows(self._settings.locked_filter, base=str(row["dn"])))
        return self._people.entry(row, locked=locked, members=self._members())

    def _members(self) -> frozenset[str]:
        """Who is in the administrators' group, as it names them."""
        if not self._settings.admin_group:
            return frozenset()
        rows = self._rows("(objectClass=*)", base=self._settings.admin_group, members=True)
        return self._people.members(rows)

    def _rows(
        self, pattern: str, *, base: str = "", most: int = MOST, members: bool = False
    ) -> list[Row]:
        """What matches: below the base of the settings, or at `base` alone."""

        def ask(server: Server) -> list[Row]:
            with self._connection(server, self._settings.bind_dn, self._password) as connection:
                return self._search(connection, pattern, base, most, members)

        return self._anywhere(ask)

    def _search(
        self, connection: Connection, pattern: str, base: str, most: int, members: bool
    ) -> list[Row]:
        found: list[Row] = []
        cookie: bytes | None = None
        while True:
            _, result, response, _ = connection.search(
                base or self._settings.base,
                pattern,
                BASE if base else SUBTREE,
                attributes=self._people.group if members else self._people.attributes,
                paged_size=None if base else min(PAGE, most),
                paged_cookie=cookie,
            )
            code = result["result"]
            if code == NO_SUCH_OBJECT and base:
                return found
            if code != SUCCESS:
                raise Unavailable(f"The directory says {result['description']}")
            found += [row for row in response or () if row.get("type") == "searchResEntry"]
            controls = result.get("controls") or {}
            cookie = controls.get(PAGED, {}).get("value", {}).get("cookie")
            if not cookie or len(found) >= most:
                return found[:most]

    def _bind(self, server: Server, place: str, password: str) -> bool:
        try:
            with self._connection(server, place, password):
                return True
        except _RefusedError:
            return False

    @contextlib.contextmanager
    def _connection(self, server: Server, name: str, password: str) -> Iterator[Connection]:
        """Raises _RefusedError for a wrong password, Unavailable, LDAPException."""
        connection = Connection(
            server,
            user=name or None,
            password=password or None,
            authentication=SIMPLE if name else ANONYMOUS,
            client_strategy=SAFE_SYNC,
            auto_referrals=False,
            receive_timeout=self._settings.timeout,
            return_empty_attributes=False,
            check_names=False,
        )
        try:
            connection.open(read_server_info=False)
            if not server.ssl and self._settings.tls != "none":
                connection.start_tls(read_server_info=False)
            done, result, _, _ = connection.bind(read_server_info=False)
            if not done and result["result"] in REFUSALS:
                raise _RefusedError(str(result["description"]))
            if not done:
                raise Unavailable(f"The directory says {result['description']}")
            yield connection
        finally:
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()

    def _anywhere(self, ask: Callable[[Server], T]) -> T:
        """The answer of the first server that has one. Raises Unavailable."""
        reason = "no server"
        now = self._seconds()
        for place in sorted(self._places, key=lambda place: self._rests.get(place, 0.0) > now):
            server = Server(
                place.host,
                place.port,
                use_ssl=place.secure,
                tls=self._tls,
                get_info=NONE,
                connect_timeout=self._settings.timeout,
            )
            try:
                answer = ask(server)
            except (LDAPException, OSError, Unavailable, _RefusedError) as error:
                reason = f"{place.host}: {error}" if str(error) else type(error).__name__
                self._rests[place] = self._seconds() + REST
                server_name = f"{place.host}:{place.port}"
                self._tell(
                    {"outcome": "away", "level": "warn", "server": server_name, "reason": reason}
                )
            else:
                self._rests.pop(place, None)
                return answer
        raise Unavailable(f"The directory is away ({reason})")


class _RefusedError(Exception):
    """A bind was refused: of a person that is an answer, of who asks a fault in the settings."""
