"""What a script decided, as values; `core.scripting` makes a delivery's decision of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Filing:
    """One copy that is kept. `mailbox`: its path, empty for where mail goes by default. `create`:
    it is made where it is missing. `special_use`: such as `\\Junk`; a mailbox that carries it wins
    over `mailbox`. `flags`: IMAP spellings. `header`: the edited block, None: as it came.
    `implicit`: nobody asked for it, it was merely not cancelled (RFC 5228 section 2.10.2)."""

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""
    header: bytes | None = None
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One address that the message goes on to."""

    address: str
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """The message goes back (RFC 5429). `early`: `ereject`, which prefers a refusal in SMTP."""

    text: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class Vacation:
    """An automatic reply is asked for (RFC 5230); whether it is sent, RFC 3834 decides.

    `text`: of its body, or a MIME entity where `mime`. `handle`: what one sender gets once in
    `seconds`. Empty `subject`, `sender`: the default. `addresses`: further ones of the owner.
    """

    text: str
    handle: str
    seconds: int
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A mark of the duplicate test (RFC 7352). As a question: is it there? In an outcome: it is
    set."""

    key: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run decided. `error`: where and why it ended early; then there is nothing but
    the implicit keep (RFC 5228 section 2.10.6). `chosen`: something cancelled the implicit keep."""

    filings: tuple[Filing, ...] = ()
    forwardings: tuple[Forwarding, ...] = ()
    rejection: Rejection | None = None
    vacation: Vacation | None = None
    seen: tuple[Seen, ...] = ()
    chosen: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run may use.

    `steps`: commands and tests. `work`: characters looked at or made. `body`: octets of the body
    that are looked at, `header`: of an edited header. `variables`: of one script, `value`:
    characters of one, `held`: of all. `includes`: scripts run, `depth`: inside one another. The
    last ones are seconds: between two replies, and that a duplicate is remembered.
    """

    steps: int = 20_000
    work: int = 64 << 20
    body: int = 1 << 20
    header: int = 256 << 10
    variables: int = 256
    value: int = 64 << 10
    held: int = 1 << 20
    filings: int = 32
    redirects: int = 4
    includes: int = 64
    depth: int = 10
    flags: int = 64
    shortest_reply: int = 0
    longest_reply: int = 180 * 86400
    longest_memory: int = 90 * 86400


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a script may know besides the message. `mailboxes`: paths that exist, `uses`: their
    special uses by path. `now`: epoch seconds. `delimiter`: characters that start a subaddress.
    `user`: the submitter's name, for the envelope's `auth`. `items`: for the environment test."""

    sender: str = ""
    recipient: str = ""
    now: int = 0
    delimiter: str = "+"
    user: str = ""
    mailboxes: frozenset[str] = frozenset()
    uses: tuple[tuple[str, str], ...] = ()
    items: dict[str, str] = field(default_factory=dict)
