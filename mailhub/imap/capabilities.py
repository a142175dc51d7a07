"""The capabilities offered, in one table: name, its RFC, and when it is told.

Documentation and tests read the table. What a capability promises is kept by the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from mailhub.imap.session import Session
from mailhub.imap.state import State


@dataclass(frozen=True, slots=True)
class Facts:
    """What the offer depends on. `login`: credentials may be sent over this connection."""

    authenticated: bool
    starttls: bool
    login: bool
    compress: bool
    append_limit: int
    mechanisms: tuple[str, ...]


When = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Capability:
    """One row. `name` may hold `{append_limit}`."""

    name: str
    source: str
    when: When


def always(facts: Facts) -> bool:
    """In every state."""
    return True


def before(facts: Facts) -> bool:
    """Until the client is logged in."""
    return not facts.authenticated


def after(facts: Facts) -> bool:
    """Once the client is logged in: the list before login stays short."""
    return facts.authenticated


CAPABILITIES: tuple[Capability, ...] = (
    Capability("IMAP4rev1", "RFC 3501", always),
    Capability("IMAP4rev2", "RFC 9051", always),
    Capability("LITERAL+", "RFC 7888", always),
    Capability("SASL-IR", "RFC 4959", before),
    Capability("STARTTLS", "RFC 9051", lambda facts: before(facts) and facts.starttls),
    Capability("LOGINDISABLED", "RFC 9051", lambda facts: before(facts) and not facts.login),
    Capability("ID", "RFC 2971", always),
    Capability("ENABLE", "RFC 5161", always),
    Capability("IDLE", "RFC 2177", after),
    Capability("NAMESPACE", "RFC 2342", after),
    Capability("UNSELECT", "RFC 3691", after),
    Capability("UIDPLUS", "RFC 4315", after),
    Capability("MOVE", "RFC 6851", after),
    Capability("CHILDREN", "RFC 3348", after),
    Capability("SPECIAL-USE", "RFC 6154", after),
    Capability("CREATE-SPECIAL-USE", "RFC 6154", after),
    Capability("LIST-EXTENDED", "RFC 5258", after),
    Capability("LIST-STATUS", "RFC 5819", after),
    Capability("STATUS=SIZE", "RFC 8438", after),
    Capability("XLIST", "Gmail; forerunner of RFC 6154", after),
    Capability("CONDSTORE", "RFC 7162", after),
    Capability("QRESYNC", "RFC 7162", after),
    Capability("ESEARCH", "RFC 4731", after),
    Capability("SEARCHRES", "RFC 5182", after),
    Capability("WITHIN", "RFC 5032", after),
    Capability("SORT", "RFC 5256", after),
    Capability("SORT=DISPLAY", "RFC 5957", after),
    Capability("ESORT", "RFC 5267", after),
    Capability("THREAD=ORDEREDSUBJECT", "RFC 5256", after),
    Capability("THREAD=REFERENCES", "RFC 5256", after),
    Capability("THREAD=REFS", "draft-ietf-morg-inthread", after),
    Capability("BINARY", "RFC 3516", after),
    Capability("MULTIAPPEND", "RFC 3502", after),
    Capability("APPENDLIMIT={append_limit}", "RFC 7889", after),
    Capability("REPLACE", "RFC 8508", after),
    Capability("UTF8=ACCEPT", "RFC 6855", after),
    Capability("OBJECTID", "RFC 8474", after),
    Capability("PREVIEW", "RFC 8970", after),
    Capability("SAVEDATE", "RFC 8514", after),
    Capability("PARTIAL", "RFC 9394", after),
    Capability("INPROGRESS", "RFC 9585", after),
    Capability("QUOTA", "RFC 9208", after),
    Capability("QUOTA=RES-STORAGE", "RFC 9208", after),
    Capability("QUOTA=RES-MESSAGE", "RFC 9208", after),
    Capability("COMPRESS=DEFLATE", "RFC 4978", lambda facts: after(facts) and facts.compress),
)


def facts_of(session: Session) -> Facts:
    """What the offer to this session depends on."""
    settings, output = session.site.settings, session.output
    authenticated = session.state is not State.NOT_AUTHENTICATED
    login = output.has_tls or settings.plaintext_auth
    asks = login and not authenticated
    return Facts(
        authenticated=authenticated,
        starttls=output.can_start_tls,
        login=login,
        compress=settings.compress and not output.is_compressed,
        append_limit=settings.append_limit,
        mechanisms=session.site.login.mechanisms(session.peer) if asks else (),
    )


@lru_cache(maxsize=64)
def names(facts: Facts) -> bytes:
    """The capability names, separated by spaces."""
    offered = [
        row.name.format(append_limit=facts.append_limit) for row in CAPABILITIES if row.when(facts)
    ]
    if not facts.authenticated:
        offered.extend(f"AUTH={mechanism}" for mechanism in facts.mechanisms)
    return " ".join(offered).encode("ascii")


def code(session: Session) -> bytes:
    """The CAPABILITY response code."""
    return b"CAPABILITY " + names(facts_of(session))
