"""One HTTP request and its answer as values: all that a dialect's routes ever see of HTTP.

Twisted and Klein stay behind `server` and `routing`; a route takes a `Call` and gives an `Answer`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from mailhub.core.rights import Caller, Right, check
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import Invalid
from mailhub.ports import Body

QUERY_FIELDS = 200
"""Most fields of one query string."""
JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `arguments`: what the route's `<names>` matched. `headers`: by lower-case name,
    in order of appearance. `query`: the raw query string. `body`: whole, already bounded.
    `upload`: instead of it, where the route takes large bodies (`@route(…, large=True)`): in a
    file beyond some size, to be read by slices of its `view()`; it is closed when the route's
    answer is there. `caller`: where the dialect's guard has let the call in."""

    method: str
    path: str
    peer: Peer
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""
    caller: Caller | None = None
    upload: Body | None = None

    @property
    def actor(self) -> Actor:
        """The caller, as the journal names who changed something."""
        assert self.caller is not None
        return self.caller.actor

    def require(self, right: Right) -> None:
        """For calls that take a further right in some cases. Raises NotPermitted."""
        assert self.caller is not None
        check(self.caller, right, self.arguments.get("user"))

    def header(self, name: str) -> str:
        """The header's only value; empty when absent or repeated."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else ""

    def fields(self) -> dict[str, str]:
        """The query's fields; of repeated ones the last. Raises Invalid."""
        return form(self.query)


class Leash:
    """Ends a stream from outside: its source holds one end, whoever may end it pulls the other."""

    def __init__(self) -> None:
        self._pulled = False
        self._stop: Callable[[], None] | None = None
        self.let_go: Callable[[], None] = lambda: None
        """To be called when the stream is over."""

    def pull(self) -> None:
        """Ends the stream, or what will be one."""
        self._pulled = True
        if self._stop is not None:
            self._stop()

    def hold(self, stop: Callable[[], None]) -> None:
        """`stop` is called when somebody pulls, or at once where somebody did."""
        self._stop = stop
        if self._pulled:
            stop()


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `headers`: beyond those that the frame sets.

    `stream`: the body in pieces, instead of `body`; a piece is best some 64 KiB. It is asked for
    the next one when its peer took the last, and closed (`aclose`) at the end or when the peer
    went: a piece that is waited for then is cancelled. `length`: octets of all pieces, where that
    is known before. A stream of type EVENTS has no end of its own: the server's stop ends it.
    `leash`: ends it before.
    """

    status: int
    body: bytes = b""
    type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None
    length: int | None = None
    leash: Leash | None = None


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """`value` as JSON. Header names are given with `_` for `-`."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    pairs = ((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(status, body, JSON, tuple(pairs))


def form(text: str) -> dict[str, str]:
    """`a=b&c=d` as fields; of repeated ones the last. Raises Invalid."""
    return dict(pairs(text))


def pairs(text: str) -> Sequence[tuple[str, str]]:
    """The same, each as often as it is there."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS)
    except ValueError:
        raise Invalid("The form fields cannot be decoded") from None
