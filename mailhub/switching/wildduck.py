"""Reads a WildDuck server: users with their addresses, mailboxes, filters and autoreplies.

Releases of all ages are read: lists with cursors, filters flat or nested. No hash and no private
key is ever told by its API. One user's shapes are `wildduck_user`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailhub.core.domainfile import AddressFile, DomainFile
from mailhub.switching import wildduck_user as shapes
from mailhub.switching.faults import SwitchFault
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere, domain_of
from mailhub.switching.site import Site, segment

PAGE = 250
"""The most that it gives at once."""


class WildDuck:
    """`token`: an access token, empty where the server asks for none. `in_query`: releases of the
    first years read it from the query only."""

    def __init__(self, site: Site, token: str, *, in_query: bool = False) -> None:
        self._site = site
        self._query: Mapping[str, str] = {}
        if token and in_query:
            self._query = {"accessToken": token}
        elif token:
            site.identify("X-Access-Token", token)
        self._forwarded: list[Mapping[str, Any]] = []

    def domains(self) -> Sequence[DomainThere]:
        """It has no list of domains: they are those of addresses, aliases of domains, and keys."""
        names: dict[str, None] = {}
        self._forwarded = []
        for row in self._pages("/addresses"):
            address = str(row["address"])
            if not address.endswith("@*"):
                names[domain_of(address).lower()] = None
            if not row.get("user"):
                self._forwarded.append(row)
        others: dict[str, str] = {}
        for row in self._pages("/domainaliases", absent=True):
            others[str(row["alias"]).lower()] = str(row["domain"]).lower()
        for name in others:
            names.pop(name, None)
        for name in others.values():
            names[name] = None
        keys: dict[str, list[str]] = {}
        for row in self._pages("/dkim", absent=True):
            keys.setdefault(str(row["domain"]).lower(), []).append(str(row["selector"]))
        return [
            DomainThere(
                DomainFile(
                    name=name,
                    ignore_dots=True,
                    aliases=tuple(sorted(a for a, of in others.items() if of == name)),
                ),
                tuple(
                    f"key {selector}: its private half is not told; a new key is made, unless this"
                    " one is given (`keys`)"
                    for selector in keys.get(name, ())
                ),
            )
            for name in names
        ]

    def accounts(self) -> Iterator[AccountThere]:
        """In the order in which they were made."""
        for row in self._pages("/users"):
            yield self._account(str(row["id"]))

    def aliases(self) -> Iterator[AliasThere]:
        """Forwarded addresses."""
        for row in self._forwarded:
            found = self._get(f"/addresses/forwarded/{segment(str(row['id']))}", absent=True)
            if found is not None:
                yield forwarded(found)

    def remarks(self) -> Sequence[str]:
        """What its API does not tell."""
        found = ["hashes of passwords and of app passwords are not told by WildDuck's API"]
        for path, what in (("/certs", "TLS certificates"), ("/webhooks", "webhooks")):
            if next(self._pages(path, absent=True), None) is not None:
                found.append(f"{what} are not carried over")
        found.append("mail in its archive of deleted messages, and the queue, stay there")
        return found

    def _account(self, id: str) -> AccountThere:
        at = f"/users/{segment(id)}"
        user = self._get(at)
        addresses = self._get(f"{at}/addresses").get("results") or ()
        boxes = self._get(f"{at}/mailboxes", {"showHidden": "true"})
        rows = boxes.get("results") or boxes.get("mailboxes") or ()
        paths = {str(box["id"]): str(box["path"]) for box in rows}
        found = [
            shapes.filter_file(self._get(f"{at}/filters/{segment(str(row['id']))}"), paths)
            for row in self._get(f"{at}/filters").get("results") or ()
        ]
        apps = self._get(f"{at}/asps", {"showAll": "true"}, absent=True) or {}
        return shapes.account(
            user,
            addresses,
            rows,
            found,
            self._get(f"{at}/autoreply"),
            len(apps.get("results") or ()),
        )

    def _pages(self, path: str, *, absent: bool = False) -> Iterator[Mapping[str, Any]]:
        cursor: object = ""
        page = 1
        while True:
            query: dict[str, object] = {"limit": PAGE, "page": page}
            if cursor:
                query["next"] = cursor
            found = self._get(path, query, absent=absent)
            if found is None:
                return
            yield from found.get("results") or ()
            after = found.get("nextCursor")
            if not after or after == cursor:
                return
            cursor, page = after, page + 1

    def _get(
        self, path: str, query: Mapping[str, object] | None = None, *, absent: bool = False
    ) -> Any:
        found = self._site.get(path, {**self._query, **(query or {})}, absent=absent)
        if found is not None and not isinstance(found, dict):
            raise SwitchFault(f"{path}: the answer is no object")
        return found


def forwarded(row: Mapping[str, Any]) -> AliasThere:
    """GET /addresses/forwarded/{address}."""
    targets = tuple(str(one) for one in row.get("targets") or ())
    notes = []
    if not targets:
        notes.append("it leads nowhere")
    if row.get("autoreply", {}).get("status"):
        notes.append("its automatic reply is not carried over")
    limits = row.get("limits") or {}
    return AliasThere(
        AddressFile(
            address=str(row["address"]),
            name=str(row.get("name") or ""),
            targets=targets,
            tags=tuple(row.get("tags") or ()),
            forwards=int((limits.get("forwards") or {}).get("allowed") or 0),
        ),
        tuple(notes),
    )
