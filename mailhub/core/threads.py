"""Threads messages: REFERENCES, REFS and ORDEREDSUBJECT (RFC 5256 section 3).

Pure: takes what is needed of each message and gives trees. Chains may be as long as the mailbox,
so nothing recurses, and loops among references are found without walking up the chains. The work
is a generator, so that a large mailbox is threaded in turns with others.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from mailhub.model.search import ThreadAlgorithm

STEP = 256
"""Messages looked at between two chances for others to run."""


@dataclass(frozen=True, slots=True)
class Threadable:
    """One message. `number`: what the tree calls it. `references`: oldest first. `subject`: the
    base subject, folded; `reply`: a mark of a reply or a forward was cut off it. `sent`: epoch
    seconds of its Date field or, without one, of its arrival; `arrived`: of that."""

    number: int
    message_id: str
    references: Sequence[str]
    subject: str
    reply: bool
    sent: int
    arrived: int


class Node:
    """A place in a thread. `message` is None where a message is only referred to."""

    __slots__ = ("children", "message", "parent", "sent")

    def __init__(self, message: Threadable | None = None) -> None:
        self.message = message
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.sent = (0, 0)

    @property
    def number(self) -> int | None:
        return None if self.message is None else self.message.number


Work = Generator[None, None, list[Node]]


def threading(algorithm: ThreadAlgorithm, messages: Sequence[Threadable]) -> Work:
    """The threads of `messages` (given in mailbox order) as the algorithm orders them."""
    return _ALGORITHMS[algorithm](messages)


def walk(roots: Sequence[Node]) -> Iterator[Node]:
    """Every node below and including `roots`, parents first."""
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


# -- ORDEREDSUBJECT


def ordered_subject(messages: Sequence[Threadable]) -> Work:
    """One level deep: the first message of a base subject, and the others as its children."""
    groups: dict[str, list[Threadable]] = {}
    for message in messages:
        groups.setdefault(message.subject, []).append(message)
    yield
    roots = []
    for count, group in enumerate(groups.values()):
        if not count % STEP:
            yield
        group.sort(key=_by_date)
        root, *rest = (Node(message) for message in group)
        root.children = rest
        roots.append(root)
    roots.sort(key=lambda node: _by_date(node.message) if node.message is not None else (0, 0))
    return roots


def _by_date(message: Threadable) -> tuple[int, int]:
    return message.sent, message.number


# -- REFERENCES


def references(messages: Sequence[Threadable]) -> Work:
    """Steps 1 to 6 of RFC 5256."""
    roots = yield from _linked(messages)
    yield from _date_all(roots)
    yield
    roots.sort(key=attrgetter("sent"))
    roots = yield from _merge_subjects(roots)
    yield from _date_all(roots)
    yield from _sort_children(roots)
    yield
    roots.sort(key=attrgetter("sent"))
    return roots


def refs(messages: Sequence[Threadable]) -> Work:
    """Without the subject step; a thread stands where its newest arrival does (the REFS of
    draft-ietf-morg-inthread, as other servers have it)."""
    roots = yield from _linked(messages)
    yield from _date_all(roots)
    yield from _sort_children(roots)
    newest: dict[Node, tuple[int, int]] = {}
    for count, root in enumerate(roots):
        if not count % STEP:
            yield
        newest[root] = max(_arrivals(root))
    roots.sort(key=newest.__getitem__)
    return roots


def _sort_children(roots: Sequence[Node]) -> Generator[None, None, None]:
    for count, node in enumerate(walk(roots)):
        if not count % STEP:
            yield
        if len(node.children) > 1:
            node.children.sort(key=attrgetter("sent"))


def _arrivals(root: Node) -> Iterator[tuple[int, int]]:
    for node in walk([root]):
        if node.message is not None:
            yield node.message.arrived, node.message.number


class _Families:
    """Union-find over nodes: which root a node hangs below, in nearly constant time. Links are
    only ever added, and only to a node that has no parent yet."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}

    def root(self, node: Node) -> Node:
        above = self._above
        root = node
        while root in above:
            root = above[root]
        while node is not root:
            higher = above[node]
            above[node] = root
            node = higher
        return root

    def link(self, parent: Node, child: Node) -> None:
        """Makes `child`, a root, a child of `parent`, unless that would close a loop."""
        if child.parent is None and self.root(parent) is not child:
            child.parent = parent
            parent.children.append(child)
            self._above[child] = parent


def _linked(messages: Sequence[Threadable]) -> Work:
    """Steps 1 to 3: who answers whom, and the roots without needless dummies.

    A message's own last reference counts before what others' References say of it; that is what
    breaking and making links again, in the RFC's wording, comes to.
    """
    nodes: dict[str, Node] = {}
    placed: list[Node] = []
    for count, message in enumerate(messages):
        if not count % STEP:
            yield
        known = nodes.get(message.message_id) if message.message_id else None
        if known is None:
            known = Node()
            if message.message_id:
                nodes[message.message_id] = known
        elif known.message is not None:  # the same Message-ID again: a thread place of its own
            known = Node()
        known.message = message
        placed.append(known)
    families = _Families()
    for node, message in zip(placed, messages, strict=True):
        if message.references:
            families.link(_named(nodes, message.references[-1]), node)
    for count, message in enumerate(messages):
        if not count % STEP:
            yield
        _link_chain(nodes, families, message)
    roots = [node for node in (*placed, *nodes.values()) if node.parent is None]
    return (yield from _pruned(list(dict.fromkeys(roots))))


def _named(nodes: dict[str, Node], name: str) -> Node:
    node = nodes.get(name)
    if node is None:
        node = nodes[name] = Node()
    return node


def _link_chain(nodes: dict[str, Node], families: _Families, message: Threadable) -> None:
    """Step 1A: each reference below the one before it, where it has no parent. A message that
    comes later and refers to nothing stays a root, as step 1B has it."""
    above: Node | None = None
    for name in message.references:
        node = _named(nodes, name)
        own = node.message
        bare_and_later = own is not None and not own.references and own.number > message.number
        if above is not None and not bare_and_later:
            families.link(above, node)
        above = node


def _pruned(roots: list[Node]) -> Work:
    """Step 3: dummies without children go; others give their children to whom they stood below,
    except that a root keeps several children together."""
    for count, node in enumerate(reversed(list(walk(roots)))):  # children before parents
        if not count % STEP:
            yield
        if any(child.message is None for child in node.children):
            node.children = [kept for child in node.children for kept in _kept(child)]
    left: list[Node] = []
    for root in roots:
        if root.message is not None or len(root.children) > 1:
            left.append(root)
        else:
            left.extend(root.children)
    return left


def _kept(node: Node) -> Sequence[Node]:
    return node.children if node.message is None else (node,)


def _date_all(roots: Sequence[Node]) -> Generator[None, None, None]:
    """A dummy's date is that of its first child (step 4); the number breaks ties."""
    for count, node in enumerate(reversed(list(walk(roots)))):
        if not count % STEP:
            yield
        if node.message is not None:
            node.sent = _by_date(node.message)
        else:
            node.sent = min((child.sent for child in node.children), default=(0, 0))


# -- step 5: threads with one base subject


def _titled(root: Node) -> Threadable:
    """The message that gives a thread its subject: of a dummy root, its first child."""
    if root.message is not None:
        return root.message
    first = min(root.children, key=attrgetter("sent"))
    assert first.message is not None, "only roots are dummies after pruning"
    return first.message


def _subject_table(roots: list[Node]) -> dict[str, Node]:
    """Base subject → the thread that others of it join (RFC 5256 REFERENCES, step 5B)."""
    table: dict[str, Node] = {}
    for root in roots:
        title = _titled(root)
        if not title.subject:
            continue
        known = table.get(title.subject)
        if known is None or (
            known.message is not None
            and (root.message is None or (known.message.reply and not title.reply))
        ):
            table[title.subject] = root
    return table


def _merge_subjects(roots: list[Node]) -> Work:
    """Joins threads whose roots have one base subject (step 5C)."""
    table = _subject_table(roots)
    merged: dict[Node, Node] = {}
    gone: set[Node] = set()
    for count, root in enumerate(roots):
        if not count % STEP:
            yield
        title = _titled(root)
        known = table.get(title.subject)
        if known is None or known is root:
            continue
        keeper = merged.get(known, known)
        gone.add(root)
        if keeper.message is None:
            _adopt(keeper, root)
        elif title.reply and not keeper.message.reply:
            keeper.children.append(root)
        else:  # two of one subject, neither answers the other: a dummy above both
            dummy = merged[known] = Node()
            dummy.children = [keeper]
            _adopt(dummy, root)
    return [merged.get(root, root) for root in roots if root not in gone]


def _adopt(dummy: Node, root: Node) -> None:
    """Puts `root` below `dummy`; of a dummy, its children."""
    dummy.children.extend(root.children if root.message is None else (root,))


_ALGORITHMS: dict[ThreadAlgorithm, Callable[[Sequence[Threadable]], Work]] = {
    ThreadAlgorithm.ORDEREDSUBJECT: ordered_subject,
    ThreadAlgorithm.REFERENCES: references,
    ThreadAlgorithm.REFS: refs,
}
