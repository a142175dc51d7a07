"""One HTTP request and its answer as values: all that a dialect's routes ever see of HTTP.

Twisted and Klein stay behind `server` and `routing`; a route takes a `Call` and gives an `Answer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from mailhub.core.rights import Caller
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import Invalid

QUERY_FIELDS = 200
"""Most fields of one query string."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `arguments`: what the route's `<names>` matched. `headers`: by lower-case name,
    in order of appearance. `query`: the raw query string. `body`: whole, already bounded.
    `caller`: where the dialect's guard has let the call in."""

    method: str
    path: str
    peer: Peer
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""
    caller: Caller | None = None

    @property
    def actor(self) -> Actor:
        """The caller, as the journal names who changed something."""
        assert self.caller is not None
        return self.caller.actor

    def header(self, name: str) -> str:
        """The header's only value; empty when absent or repeated."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else ""

    def fields(self) -> dict[str, str]:
        """The query's fields; of repeated ones the last. Raises Invalid."""
        return form(self.query)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `headers`: beyond those that the frame sets."""

    status: int
    body: bytes = b""
    type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """`value` as JSON. Header names are given with `_` for `-`."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    pairs = ((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(status, body, JSON, tuple(pairs))


def form(text: str) -> dict[str, str]:
    """`a=b&c=d` as fields; of repeated ones the last. Raises Invalid."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS
        )
    except ValueError:
        raise Invalid("The form fields cannot be decoded") from None
    return dict(pairs)
