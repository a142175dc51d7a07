"""How one version of a zone came from another: what an incremental transfer tells (RFC 1995). Pure.

Only the last versions are remembered, only while the server runs, and only what is shorter to tell
than the whole zone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from mailhub.dns.contents import Change, Contents
from mailhub.dns.grammar import Kind, RecordSet

VERSIONS = 16
Sets = set[tuple[bytes, RecordSet]]


def follow(before: Contents, after: Contents) -> Generator[None, None, Contents]:
    """`after`, which remembers `before` and what that remembered; in slices."""
    old = yield from _sets(before)
    new = yield from _sets(after)
    gone = _rows(old - new)
    yield
    come = _rows(new - old)
    yield
    start = before.nodes[before.origin][Kind.SOA]
    last = Change(before.state.serial, start.owner + start.rows[0], gone, come)
    changes = (*before.changes, last)[-VERSIONS:]
    size = sum(len(records.rows) + 1 for _, records in new)
    while changes and sum(len(one.gone) + len(one.come) for one in changes) > size:
        changes = changes[1:]
    return replace(after, changes=changes)


def _sets(zone: Contents) -> Generator[None, None, Sets]:
    found: Sets = set()
    for name, node in zone.nodes.items():
        for records in node.values():
            found.add((name, records))
        if len(found) % 64 == 0:
            yield
    return found


def _rows(sets: Sets) -> tuple[bytes, ...]:
    """All but the SOA, which stands for the versions themselves; its signature with the rest."""
    return tuple(
        name + text
        for name, records in sets
        for text in (*(() if records.kind == Kind.SOA else records.rows), *records.signatures)
    )
