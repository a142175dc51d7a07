"""SPF (RFC 7208): may this address send in the name of that domain?

pyspf decides, on answers that `policy.lookups` fetches for it. Here are the bounds around it, as
records and the sender's words come from strangers; nothing is known of what a result leads to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import spf

from mailhub.model.errors import Invalid, LimitReached, Unavailable
from mailhub.policy.lookups import Lookup, with_answers
from mailhub.ports import Clock, Resolver
from mailhub.wire.dnsname import query_name

RECORD = 4096
"""Octets of a record that is evaluated; RFC 7208 3.4 wants them below 512."""
TERM = 512
"""Octets of one term of it: the time that pyspf takes for one grows with the square of this."""
SECONDS = 20.0
"""Time for all lookups of one check (RFC 7208 4.6.4)."""
RESULTS = frozenset({"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What SPF says of one identity. `identity`: `mailfrom` or `helo`. `domain`: whose record was
    asked. `result`: of RESULTS. `explanation`: why, for `fail` in the domain's own words."""

    identity: str
    domain: str
    result: str
    explanation: str = ""


async def check(
    resolver: Resolver,
    address: str,
    sender: str,
    helo: str,
    *,
    receiver: str = "",
    clock: Clock | None = None,
    seconds: float = SECONDS,
) -> Checked:
    """Checks MAIL FROM, or HELO where `sender` is empty. `address`: the client's, as text;
    `receiver`: our name, for explanations."""
    identity = "mailfrom" if sender else "helo"
    domain = sender.rpartition("@")[2] if sender else helo

    def run(lookup: Lookup) -> Checked:
        result, explanation = _evaluated(lookup, address, sender, helo, receiver)
        return Checked(identity, domain, result, explanation)

    try:
        return await with_answers(resolver, run, clock=clock, seconds=seconds)
    except LimitReached as error:
        return Checked(identity, domain, "permerror", error.text)


def _evaluated(
    lookup: Lookup, address: str, sender: str, helo: str, receiver: str
) -> tuple[str, str]:
    """(result, explanation) on the answers that are known."""
    try:
        result, _, explanation = _Query(lookup, address, sender, helo, receiver).check()
    except spf.PermError as error:
        return "permerror", str(error)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError):
        # What a record or a sender can make pyspf stumble over is nobody's valid record.
        return "permerror", "The record cannot be evaluated"
    return (result if result in RESULTS else "permerror"), explanation


class _Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation, on answers from elsewhere."""

    def __init__(self, lookup: Lookup, address: str, sender: str, helo: str, receiver: str) -> None:
        self._lookup = lookup
        super().__init__(address, sender, helo, receiver=receiver or None)

    def dns(
        self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False
    ) -> list[Any]:
        """The records, CNAMEs followed; counts look-ups without any (RFC 7208 4.6.4)."""
        try:
            asked = query_name(name)
        except Invalid:
            return []  # macros make names that cannot be: such a name does not exist
        records = self._records(asked, qtype)
        if not records and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Too many DNS lookups without an answer")
        return records

    def _records(self, name: str, kind: str) -> list[Any]:
        try:
            answer = self._lookup(name, kind)
        except Unavailable as error:
            raise spf.TempError(error.text) from None
        records = list(answer.records) if answer is not None else []
        if kind != "TXT":
            return records
        for record in records:
            if len(record) > TERM and spf.RE_SPF.match(record):
                _check_length(record)
        return [(record,) for record in records]

    def validated_ptrs(self) -> list[str]:
        """The client's names that lead back to it; names whose look-up fails are skipped, and a
        reverse look-up that fails has found none (RFC 7208 5.5)."""
        try:
            names = self.dns_ptr(self.i)[: spf.MAX_PTR]
        except spf.TempError:
            return []
        return [name for name in names if self._leads_back(name)]

    def _leads_back(self, name: str) -> bool:
        try:
            return bool(self.cidrmatch(self.dns_a(name, self.A), self.cidrmax))
        except spf.TempError:
            return False


def _check_length(record: bytes) -> None:
    if len(record) > RECORD or max(map(len, record.split(b" "))) > TERM:
        raise spf.PermError("The record is too long")
