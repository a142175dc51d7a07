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
STEP = 100
"""Sets or names that are looked at at a time."""
Sets = set[tuple[bytes, RecordSet]]


def follow(before: Contents, after: Contents) -> Generator[None, None, Contents]:
    """`after`, which remembers `before` and what that remembered; in slices."""
    old = yield from _sets(before)
    new = yield from _sets(after)
    gone = yield from _rows(old, new)
    come = yield from _rows(new, old)
    start = before.nodes[before.origin][Kind.SOA]
    last = Change(before.state.serial, start.owner + start.rows[0], gone, come)
    changes = (*before.changes, last)[-VERSIONS:]
    size = sum(len(records.rows) + 1 for _, records in new)
    while changes and sum(len(one.gone) + len(one.come) for one in changes) > size:
        changes = changes[1:]
    return replace(after, changes=changes)


def _sets(zone: Contents) -> Generator[None, None, Sets]:
    found: Sets = set()
    for number, (name, node) in enumerate(zone.nodes.items()):
        for records in node.values():
            found.add((name, records))
        if number % STEP == STEP - 1:
            yield
    return found


def _rows(sets: Sets, others: Sets) -> Generator[None, None, tuple[bytes, ...]]:
    """Of the sets that are not among `others`, all but the SOA, which stands for the versions
    themselves; its signature with the rest."""
    found: list[bytes] = []
    for number, one in enumerate(sets):
        if number % STEP == STEP - 1:
            yield
        if one in others:
            continue
        name, records = one
        rows = () if records.kind == Kind.SOA else records.rows
        found += [name + text for text in (*rows, *records.signatures)]
    return tuple(found)
