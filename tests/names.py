"""A DNS in memory, as `ports.Resolver`: for tests that need answers and no packets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable


class FakeResolver:
    """Answers from `{("example.org", "MX"): [(10, "mx.example.org")]}`; records as in `DNSAnswer`.

    TXT records may be given as str. An exception (`Unavailable`, `NotFound`) in place of records
    is raised. A name without any entry, at it or below it, does not exist (NotFound); one that
    has entries of other types has no records of this one. CNAMEs are followed. `authentic`: True,
    or the names whose answers are signed. `asked`: every question, in order. `records` may be
    changed at any time.
    """

    def __init__(
        self,
        records: Mapping[tuple[str, str], Any] | None = None,
        *,
        authentic: bool | Collection[str] = False,
        ttl: int = 300,
    ) -> None:
        self.records = {_key(*key): value for key, value in (records or {}).items()}
        self.authentic = authentic
        self.ttl = ttl
        self.asked: list[tuple[str, str]] = []

    def set(self, name: str, kind: str, records: Any) -> None:
        """From now on `name` has these."""
        self.records[_key(name, kind)] = records

    async def query(self, name: str, kind: str) -> DNSAnswer:
        """See `ports.Resolver`."""
        name, kind = _key(name, kind)
        self.asked.append((name, kind))
        current, signed = name, self._signed(name)
        for _ in range(12):
            found = self.records.get((current, kind))
            alias = self.records.get((current, "CNAME"))
            if found is None and alias is not None and kind != "CNAME":
                current = _key(next(iter(_listed(alias))), "")[0]
                signed = signed and self._signed(current)
                continue
            if found is None and not self._exists(current):
                raise NotFound(f"{name} does not exist")
            values = tuple(_record(kind, value) for value in _listed(found or ()))
            return DNSAnswer(name, kind, values, signed, current, self.ttl)
        raise Unavailable(f"{name}: too many CNAMEs")

    def _signed(self, name: str) -> bool:
        return self.authentic if isinstance(self.authentic, bool) else name in self.authentic

    def _exists(self, name: str) -> bool:
        return any(known == name or known.endswith("." + name) for known, _ in self.records)


def _key(name: str, kind: str) -> tuple[str, str]:
    return (name.lower().rstrip(".") or "."), kind.upper()


def _listed(records: Any) -> Iterable[Any]:
    if isinstance(records, (Exception, type)):
        raise records
    return tuple(records)


def _record(kind: str, value: Any) -> Any:
    return value.encode() if kind == "TXT" and isinstance(value, str) else value
