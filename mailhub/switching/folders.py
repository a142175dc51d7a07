"""Which mailbox here a folder of the other server becomes: pure.

Servers differ in the separator of levels, in a prefix before all names but INBOX (Courier, and
Dovecot in its place, RFC 2342), and in whether they say what a folder is for (RFC 6154).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub.model.mailbox import SPECIAL_USES

INBOX = "INBOX"
NOWHERE = frozenset({"\\noselect", "\\nonexistent"})
ALL = "\\all"
"""A folder that shows what lies in others (RFC 6154): to copy it would be to double everything."""
USES = {use.lower(): use for use in SPECIAL_USES}
KNOWN_NAMES = {
    "sent": "\\Sent",
    "sent items": "\\Sent",
    "sent messages": "\\Sent",
    "sent mail": "\\Sent",
    "trash": "\\Trash",
    "deleted items": "\\Trash",
    "deleted messages": "\\Trash",
    "drafts": "\\Drafts",
    "junk": "\\Junk",
    "spam": "\\Junk",
    "junk e-mail": "\\Junk",
    "archive": "\\Archive",
}
"""What clients call them; believed of servers that say of no folder what it is for."""


@dataclass(frozen=True, slots=True)
class ListedThere:
    """A line of LIST. `flags`: its attributes in lower case."""

    name: str
    separator: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Folder:
    """`theirs`: its name there; `ours`: its path here; `use`: what it is for, or empty."""

    theirs: str
    ours: str
    use: str = ""
    subscribed: bool = True


@dataclass(frozen=True, slots=True)
class BoxHere:
    """A mailbox that is here already."""

    name: str
    use: str
    messages: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder goes. `rename`: the mailbox that gets its name first, empty for none; `make`:
    whether one is made, with `use`."""

    folder: Folder
    rename: str = ""
    make: bool = False
    use: str = ""


def arranged(
    listed: Sequence[ListedThere], subscribed: Collection[str], prefix: str = ""
) -> list[Folder]:
    """Folders that mail can be read from, INBOX first, then by name. `subscribed`: names there;
    `prefix`: of the user's own folders."""
    uses = {one.name: _use(one) for one in listed}
    told = any(uses.values())
    found: dict[str, Folder] = {}
    for one in sorted(listed, key=lambda one: (one.name.upper() != INBOX, one.name)):
        if one.flags & NOWHERE or ALL in one.flags:
            continue
        ours = _path(one, prefix)
        use = uses[one.name] if told else KNOWN_NAMES.get(ours.lower(), "")
        if any(use and use == other.use for other in found.values()):
            use = ""
        while ours in found:
            ours += "~"
        found[ours] = Folder(one.name, ours, use if ours != INBOX else "", one.name in subscribed)
    return list(found.values())


def placed(folders: Iterable[Folder], here: Sequence[BoxHere]) -> list[Place]:
    """Where each goes, in their order. A mailbox here that has the same use takes the folder's
    name while it is empty, and takes the folder's mail under its own name when it is not."""
    boxes = {box.name: box for box in here}
    names = {folder.ours for folder in folders}
    found = []
    for folder in folders:
        if folder.ours in boxes:
            found.append(Place(folder))
            continue
        same = _of_use(folder.use, boxes)
        if same is None or same.name in names:
            use = folder.use if same is None else ""
            found.append(Place(folder, make=True, use=use))
            boxes[folder.ours] = BoxHere(folder.ours, use, 0)
        elif same.messages:
            found.append(Place(replace(folder, ours=same.name)))
        else:
            found.append(Place(folder, rename=same.name))
            del boxes[same.name]
            boxes[folder.ours] = replace(same, name=folder.ours)
    return found


def _of_use(use: str, boxes: Mapping[str, BoxHere]) -> BoxHere | None:
    return next((box for box in boxes.values() if use and box.use == use), None)


def _use(one: ListedThere) -> str:
    return next((USES[flag] for flag in sorted(one.flags) if flag in USES), "")


def _path(one: ListedThere, prefix: str) -> str:
    name = one.name
    if name.upper() == INBOX:
        return INBOX
    if prefix and name.startswith(prefix) and len(name) > len(prefix):
        name = name[len(prefix) :]
    levels = name.split(one.separator) if one.separator else [name]
    clean = [level.replace("/", "_") or "_" for level in levels]
    if clean[0].upper() == INBOX:
        clean[0] = INBOX
    path = "/".join(clean)
    return path if path != INBOX else f"{INBOX}_"
