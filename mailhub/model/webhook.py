"""Webhooks: who is told of events by HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from mailhub.model.errors import Invalid
from mailhub.model.event import Place

TYPES_LIMIT = 100
_TYPE = re.compile(r"\*|[a-z0-9]+(?:\.[a-z0-9]+)*(?:\.\*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`id`: 24 hex digits. `types`: of the events it is told, `*` at an end for any that begins so.
    `account`: whose events, None: everybody's. `secret`: what the requests are signed with.
    `place`: the last event it was told. `failure`: what goes wrong since `failing`, epoch seconds;
    empty and 0 where all is well. `turned`: how often somebody set its place. `number`: of its row.
    """

    id: str
    types: tuple[str, ...]
    url: str
    secret: str
    created: int
    account: int | None = None
    user: str = ""
    place: Place = field(default_factory=Place)
    failure: str = ""
    failing: int = 0
    turned: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        if not 0 < len(self.types) <= TYPES_LIMIT:
            raise Invalid("At least one type of event is needed", "type")
        for type in self.types:
            if len(type) > 128 or not _TYPE.fullmatch(type):
                raise Invalid(f"{type[:128]!r} is no type of event", "type")

    def told(self, place: Place, failure: str, failing: int) -> Webhook:
        """The same one, further on."""
        return replace(self, place=place, failure=failure, failing=failing)

    def wants(self, type: str, account: int) -> bool:
        """Whether it is told of such an event."""
        if self.account not in (None, account):
            return False
        return any(
            type == one or (one.endswith("*") and type.startswith(one[:-1])) for one in self.types
        )
