"""What the owner of a mailbox wants done with one message that came for them: values alone.

Filters, a script and an automatic reply each make one of these from the one before; what carries
it out is `core.intake`. Who decides, and by what, stands in `core.personal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.flags import Flags


@dataclass(frozen=True, slots=True)
class Once:
    """Something that is not done again for so many `seconds`. `key`: what, within the account; one
    key for each sender that is answered, say. Looked up and written in the message's own commit.
    """

    key: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Filed:
    """One copy that is kept. `mailbox`: its number; None: the INBOX, or the mailbox for junk where
    the decision is `spam`. `header`: the whole header block that this copy has instead of the one
    that came, with its empty line; None: as it came."""

    mailbox: int | None = None
    flags: Flags = field(default_factory=Flags)
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """One address that the message goes on to. `header`: as in `Filed`. `notify`: delivery status
    wishes (RFC 3461), none: the sender is told of failures alone. `relay`: URL of the server that
    gets it for the account's own address, with `address` empty; empty: who is responsible for the
    address."""

    address: str
    header: bytes | None = None
    notify: tuple[str, ...] = ()
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of our own making that goes out in the same commit. `data`: all of it. `sender`:
    its envelope sender, empty for the null one. `once`: where it stands, the reply is left out as
    long as it was done."""

    recipient: str
    data: bytes
    sender: str = ""
    once: Once | None = None
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message is not wanted. `text`: for the sender. `reply`: what tells them where it cannot
    be refused any more, as others of its recipients took it; None: nothing does."""

    text: str
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a message for one account.

    `filed`: copies that are kept; none: nothing is. `settled`: somebody chose where it goes (or
    that it goes nowhere), so that who comes later must not choose again: Sieve's implicit keep is
    over (RFC 5228 2.10.2). `spam`: it belongs into the mailbox for junk, and is neither passed on
    nor answered. `uploads`: URLs that it is posted to. `marks`: written with it, whatever was
    there. `reasons`: who decided so, for the journal, such as `filter 59759c440e1d676f15e76b5f`.
    """

    filed: tuple[Filed, ...] = (Filed(),)
    settled: bool = False
    spam: bool = False
    redirects: tuple[Redirect, ...] = ()
    uploads: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()
    refusal: Refusal | None = None
    marks: tuple[Once, ...] = ()
    reasons: tuple[str, ...] = ()


KEEP = Decision()
"""What becomes of mail of an account without any rules."""
