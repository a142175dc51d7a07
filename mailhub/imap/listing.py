"""What LIST, LSUB and XLIST show of an account's names, and how one line of it is spelled.

RFC 9051 6.3.9, RFC 5258 (selection and return options), RFC 6154 (special use). Names that have
inferiors but no mailbox are shown too, as RFC 9051 7.3.1 wants; the core keeps no rows for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailhub.core import names
from mailhub.imap import patterns
from mailhub.imap.grammar import spelling
from mailhub.imap.grammar.values import List, ListReturn, ListSelection
from mailhub.imap.session import Session
from mailhub.model.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class Entry:
    """One name to show. `box`: None where there is no mailbox. `child_info`: selection options
    that an inferior name meets (CHILDINFO of RFC 5258)."""

    name: str
    box: Mailbox | None
    has_children: bool
    subscribed: bool = False
    child_info: tuple[bytes, ...] = ()


def entries(boxes: Sequence[Mailbox], subscribed: Sequence[str], command: List) -> Iterator[Entry]:
    """What LIST shows, by name with INBOX first."""
    existing = {box.name: box for box in boxes}
    subscriptions = set(subscribed)
    selection = command.selection
    shown = set(existing)
    if ListSelection.SUBSCRIBED in selection:
        shown |= subscriptions
    childful = _above(existing)
    parents = childful if shown == existing.keys() else _above(shown)
    tests = [patterns.compiled(pattern) for pattern in command.patterns]
    criteria = _criteria(selection, existing, subscriptions)
    recursive = ListSelection.RECURSIVEMATCH in selection
    above = {option: _above(chosen) for option, chosen in criteria.items()} if recursive else {}
    tells_subscribed = ListSelection.SUBSCRIBED in selection or (
        ListReturn.SUBSCRIBED in command.returns
    )
    for name in _ordered(shown | parents):
        if not any(test(name) for test in tests):
            continue
        info = tuple(option for option, over in above.items() if name in over)
        if criteria and not info and not all(name in chosen for chosen in criteria.values()):
            continue
        is_subscribed = tells_subscribed and name in subscriptions
        yield Entry(name, existing.get(name), name in childful, is_subscribed, info)


def _criteria(
    selection: ListSelection, existing: dict[str, Mailbox], subscriptions: set[str]
) -> dict[bytes, set[str]]:
    """Selection option → the names that meet it. A name must meet all of them (RFC 5258 3)."""
    criteria: dict[bytes, set[str]] = {}
    if ListSelection.SUBSCRIBED in selection:
        criteria[b"SUBSCRIBED"] = subscriptions
    if ListSelection.SPECIAL_USE in selection:
        criteria[b"SPECIAL-USE"] = {name for name, box in existing.items() if box.special_use}
    return criteria


def _above(chosen: Iterable[str]) -> set[str]:
    """The superior names of all of `chosen`; each is cut off once, however many share it."""
    found: set[str] = set()
    for name in chosen:
        while (cut := name.rfind(names.SEPARATOR)) > 0:
            name = name[:cut]
            if name in found:
                break
            found.add(name)
    return found


def _ordered(shown: Iterable[str]) -> list[str]:
    """By name, INBOX first."""
    ordered = sorted(shown)
    if patterns.INBOX in ordered:
        ordered.remove(patterns.INBOX)
        ordered.insert(0, patterns.INBOX)
    return ordered


def line(entry: Entry, session: Session, extended: bool, verb: bytes = b"LIST") -> bytes:
    """One untagged line. RFC 3501 has no \\NonExistent: there it is \\Noselect."""
    attributes: list[bytes] = []
    if entry.box is None:
        attributes.append(b"\\NonExistent" if extended or session.rev2 else b"\\Noselect")
    if entry.subscribed:
        attributes.append(b"\\Subscribed")
    attributes.append(b"\\HasChildren" if entry.has_children else b"\\HasNoChildren")
    if entry.box is not None and entry.box.special_use:
        attributes.append(entry.box.special_use.encode("ascii"))
    extra = b""
    if entry.child_info:
        options = b" ".join(b'"%b"' % option for option in entry.child_info)
        extra = b' ("CHILDINFO" (%b))' % options
    name = spelling.mailbox(entry.name, session.utf8)
    return b'* %b (%b) "/" %b%b\r\n' % (verb, b" ".join(attributes), name, extra)


def root(reference: str, verb: bytes = b"LIST") -> bytes:
    """The answer to an empty pattern: the separator, and the root of the reference."""
    return b'* %b (\\Noselect) "/" ""\r\n' % verb


def lsub_lines(subscribed: Sequence[str], pattern: str, session: Session) -> list[bytes]:
    """LSUB: with `%` at its end, a name that is not subscribed stands for its inferiors, as
    \\Noselect (RFC 3501 6.3.9)."""
    test = patterns.compiled(pattern)
    shown = {name: b"" for name in subscribed if test(name)}
    if pattern.endswith("%"):
        for name in subscribed:
            for parent in names.parents(name):
                if parent not in shown and test(parent):
                    shown[parent] = b"\\Noselect"
    return [
        b'* LSUB (%b) "/" %b\r\n' % (shown[name], spelling.mailbox(name, session.utf8))
        for name in _ordered(shown)
    ]


def selected(session: Session, name: str, asked: str) -> bytes:
    """The LIST line that SELECT sends to an IMAP4rev2 client (RFC 9051 6.3.2)."""
    old = _old_name(session, name, asked)
    return b'* LIST () "/" %b%b\r\n' % (spelling.mailbox(name, session.utf8), old)


def tell_canonical(session: Session, asked: str, name: str) -> None:
    """A name that is stored otherwise than it was asked for is told to IMAP4rev2 clients
    (RFC 9051 6.3.4)."""
    if session.rev2 and _old_name(session, name, asked):
        session.write(selected(session, name, asked))


def _old_name(session: Session, name: str, asked: str) -> bytes:
    """OLDNAME, where the two differ in more than the case of INBOX (RFC 9051 6.3.9.7)."""
    if name == asked or name.casefold() == asked.casefold():
        return b""
    return b' ("OLDNAME" (%b))' % spelling.mailbox(asked, session.utf8)
