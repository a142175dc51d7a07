"""The tests of Sieve, each a generator that yields None to let others run, or a question.

One function a test, and the table that names them. What a test may use up, `state` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from mailhub.policy.sieve import addresses, matching, moments
from mailhub.policy.sieve.flaglists import flags_of
from mailhub.policy.sieve.outcome import Seen
from mailhub.policy.sieve.state import State
from mailhub.wire.sieve.program import Test, Text, Value
from mailhub.wire.sieve.vocabulary import EXTENSIONS

DUPLICATE_PERIOD = 7 * 86400
"""Seconds that the duplicate test remembers by default (RFC 7352 section 3)."""
INBOX = "INBOX"

Asking = Generator[Seen | None, bool | None, bool]
Values = Generator[None, None, Sequence[str]]


def holds(state: State, test: Test) -> Asking:
    """Whether a test holds. Raises ScriptError."""
    if state.step(test.place):
        yield None
    plain = PLAIN.get(test.name)
    if plain is not None:
        return plain(state, test)
    return (yield from ASKING[test.name](state, test))


# -- comparing


def compare(state: State, test: Test, values: Sequence[str], keys: Sequence[str]) -> Asking:
    """Whether any value fits any key, as match type and comparator say (RFC 5228 section 2.7)."""
    kind = str(test.tags.get("match", "is"))
    comparator = str(test.tags.get("comparator", "i;ascii-casemap"))
    if kind == "count":
        return _counted(test, len(values), keys)
    state.spend(sum(map(len, keys)), test.place)
    wanted = [matching.folded(key, comparator) for key in keys]
    done = 0
    for value in values:
        state.spend(len(value), test.place)
        text = yield from matching.folding(value, comparator)
        for key in wanted:
            state.spend(matching.cost(text, key if kind == "matches" else ""), test.place)
            if (yield from _fits(state, kind, comparator, value, text, key, test.tags)):
                return True
            done += 1
            if len(value) > matching.WINDOW or not done & 255:
                yield None
    return False


def _counted(test: Test, count: int, keys: Iterable[str]) -> bool:
    """RFC 5231 section 4.2: the count is compared as a number, whatever the comparator."""
    relation = str(test.tags["count"])
    return any(matching.compared(relation, str(count), key, "i;ascii-numeric") for key in keys)


def _fits(
    state: State,
    kind: str,
    comparator: str,
    value: str,
    text: str,
    key: str,
    tags: Mapping[str, Value],
) -> Asking:
    """`text`: the value, folded as the key is."""
    if kind == "is":
        return matching.equal(text, key, comparator)
    if kind == "contains":
        return key in text
    if kind == "value":
        return matching.compared(str(tags["value"]), text, key, comparator)
    taken = yield from matching.matching(value, text, key)
    if taken is None:
        return False
    if "variables" in state.scope.program.extensions:
        state.scope.matched = taken
    return True


def _chosen(test: Test, values: Sequence[Any]) -> Sequence[Any]:
    """What `:index` and `:last` leave (RFC 5260 section 6)."""
    index = test.tags.get("index")
    if not isinstance(index, int):
        return values
    if index > len(values):
        return ()
    return (values[-index if test.tags.get("last") else index - 1],)


def _keys(state: State, test: Test, place: int = -1) -> list[str]:
    return state.texts(test.arguments[place])


# -- RFC 5228


def _true(state: State, test: Test) -> bool:
    return True


def _false(state: State, test: Test) -> bool:
    return False


def _not(state: State, test: Test) -> Asking:
    return not (yield from holds(state, test.tests[0]))


def _anyof(state: State, test: Test) -> Asking:
    for one in test.tests:
        if (yield from holds(state, one)):
            return True
    return False


def _allof(state: State, test: Test) -> Asking:
    for one in test.tests:
        if not (yield from holds(state, one)):
            return False
    return True


def _exists(state: State, test: Test) -> bool:
    return all(state.mail.fields.raw(name) for name in _keys(state, test))


def _size(state: State, test: Test) -> bool:
    bound = test.tags["bound"]
    limit = test.tags[str(bound)]
    if not isinstance(limit, int):
        return False
    return state.mail.size > limit if bound == "over" else state.mail.size < limit


def _header(state: State, test: Test) -> Asking:
    values: list[str] = []
    for name in _keys(state, test, 0):
        values.extend(_chosen(test, (yield from state.mail.fields.values(name))))
    state.spend(sum(map(len, values)), test.place)
    return (yield from compare(state, test, values, _keys(state, test)))


def _address(state: State, test: Test) -> Asking:
    part = str(test.tags.get("part", "all"))
    values: list[str] = []
    for name in _keys(state, test, 0):
        for raw in _chosen(test, state.mail.fields.raw(name)):
            state.spend(len(raw), test.place)
            found = yield from state.mail.fields.addresses(raw)
            values.extend(addresses.parts(part, found, state.around.delimiter))
    return (yield from compare(state, test, values, _keys(state, test)))


def _envelope(state: State, test: Test) -> Asking:
    part = str(test.tags.get("part", "all"))
    around = state.around
    values: list[str] = []
    for name in _keys(state, test, 0):
        kind = name.lower()
        if kind == "auth":
            values.extend([around.user] if around.user else ())
        elif kind in ("from", "to"):
            path = addresses.of_path(around.sender if kind == "from" else around.recipient)
            values.extend(addresses.parts(part, [path], around.delimiter))
    return (yield from compare(state, test, values, _keys(state, test)))


# -- extensions


def _body(state: State, test: Test) -> Asking:
    transform = test.tags.get("transform", "text")
    body = state.mail.body
    if transform == "raw":
        values = yield from body.raw()
    elif transform == "content":
        values = yield from body.content(tuple(state.texts(test.tags["content"])))
    else:
        values = yield from body.text()
    return (yield from compare(state, test, values, _keys(state, test)))


def _hasflag(state: State, test: Test) -> Asking:
    """RFC 5232 section 4. Keys may name several flags in one string, as lists of flags do."""
    if len(test.arguments) == 2:
        named = [state.variable(name.lower()) for name in _keys(state, test, 0)]
        held: Sequence[str] = [one for text in named for one in flags_of([text], 1 << 16)]
    else:
        held = state.flags
    keys = _keys(state, test)
    if test.tags.get("match", "is") == "is":
        keys = [one for key in keys for one in key.split()]
    return (yield from compare(state, test, held, keys))


def _string(state: State, test: Test) -> Asking:
    """RFC 5229 section 5; `:count` counts the strings that are not empty."""
    values = _keys(state, test, 0)
    if test.tags.get("match") == "count":
        values = [value for value in values if value]
    return (yield from compare(state, test, values, _keys(state, test)))


def _date(state: State, test: Test) -> Asking:
    """RFC 5260 section 4; of several fields the first, unless `:index` says another."""
    [name], [part] = _keys(state, test, 0), _keys(state, test, 1)
    values: list[str] = []
    for value in _chosen(test, (yield from state.mail.fields.values(name)))[:1]:
        moment = moments.parse(value)
        if moment is not None:
            zone = _zone(state, test, *moment)
            shown = moments.part(part.lower(), moment[0], zone) if zone is not None else None
            values.extend([shown] if shown is not None else ())
    return (yield from compare(state, test, values, _keys(state, test)))


def _currentdate(state: State, test: Test) -> Asking:
    now = state.around.now
    [part] = _keys(state, test, 0)
    zone = _zone(state, test, now, moments.local_zone(now))
    shown = moments.part(part.lower(), now, zone) if zone is not None else None
    values = [shown] if shown is not None else []
    return (yield from compare(state, test, values, _keys(state, test)))


def _zone(state: State, test: Test, seconds: int, original: int) -> int | None:
    wanted = test.tags.get("zone")
    if isinstance(wanted, Text):
        return moments.offset_of(state.text(wanted))
    if wanted == "originalzone":
        return original
    return moments.local_zone(seconds)


def _mailboxexists(state: State, test: Test) -> bool:
    known = state.around.mailboxes
    return all(path_of(name) in known for name in _keys(state, test))


def _specialuse_exists(state: State, test: Test) -> bool:
    """RFC 8579 section 3.1."""
    uses = state.around.uses
    if len(test.arguments) == 2:
        [name] = _keys(state, test, 0)
        carried = {use.lower() for path, use in uses if path == path_of(name)}
        if path_of(name) not in state.around.mailboxes:
            return False
    else:
        carried = {use.lower() for _, use in uses}
    return all(use.lower() in carried for use in _keys(state, test))


def _duplicate(state: State, test: Test) -> Asking:
    """RFC 7352 section 3. The mark is set when the whole run has succeeded."""
    value = yield from _unique(state, test)
    if not value:
        return False
    handle = test.tags.get("handle")
    name = state.text(handle) if isinstance(handle, Text) else ""
    key = f"{name}\0{value}"
    seconds = test.tags.get("seconds", DUPLICATE_PERIOD)
    period = min(seconds if isinstance(seconds, int) else 0, state.bounds.longest_memory)
    if key not in state.known:
        state.known[key] = bool((yield Seen(key, period)))
    was_there = state.known[key]
    if not was_there or test.tags.get("last"):
        state.seen[key] = Seen(key, period)
    return was_there


def _unique(state: State, test: Test) -> Generator[None, None, str]:
    given = test.tags.get("id")
    if given == "uniqueid":
        return state.texts(test.tags["uniqueid"])[0]
    name = state.texts(test.tags["header"])[0] if given == "header" else "message-id"
    values = yield from state.mail.fields.values(name)
    return values[0] if values else ""


def _environment(state: State, test: Test) -> Asking:
    """RFC 5183; an item that nobody knows matches nothing."""
    [name] = _keys(state, test, 0)
    value = state.around.items.get(name.lower())
    if value is None:
        return False
    return (yield from compare(state, test, [value], _keys(state, test)))


def _ihave(state: State, test: Test) -> bool:
    return all(name in EXTENSIONS for name in _keys(state, test))


def path_of(name: str) -> str:
    """A mailbox's path as it is stored: INBOX in any case is one (RFC 9051 section 5.1)."""
    first, slash, rest = name.partition("/")
    return (INBOX + slash + rest) if first.upper() == INBOX else name


PLAIN: Mapping[str, Callable[[State, Test], bool]] = {
    "true": _true,
    "false": _false,
    "exists": _exists,
    "size": _size,
    "mailboxexists": _mailboxexists,
    "specialuse_exists": _specialuse_exists,
    "ihave": _ihave,
}
"""Tests that are answered at once."""
ASKING: Mapping[str, Callable[[State, Test], Asking]] = {
    "not": _not,
    "anyof": _anyof,
    "allof": _allof,
    "header": _header,
    "address": _address,
    "envelope": _envelope,
    "body": _body,
    "hasflag": _hasflag,
    "string": _string,
    "date": _date,
    "currentdate": _currentdate,
    "duplicate": _duplicate,
    "environment": _environment,
}
"""Tests that may take long, or have to ask."""
