"""What a command declares of itself, and the states a session can be in.

`imap.table` lists all verbs; the machine parses by it, the talk runs by it. No verb lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.grammar.uploads import AppendHead, ReplaceHead, Upload
from mailhub.imap.replies import Reply
from mailhub.imap.session import Session
from mailhub.imap.state import State
from mailhub.model.mailbox import Mailbox


class Updates(Enum):
    """Which changes by others may be told before a verb's tagged answer (RFC 9051 7.5.1)."""

    ALL = "all"
    KEEP_NUMBERS = "all but expunges: the client counts on its message numbers"
    NONE = "none"


ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
NOT_AUTHENTICATED = frozenset({State.NOT_AUTHENTICATED})
AUTHENTICATED = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})

Admit = Callable[[Session, AppendHead | ReplaceHead, Upload], Coroutine[Any, Any, Mailbox]]


@dataclass(frozen=True, slots=True)
class Verb:
    """One command.

    `name`: upper case, `UID FETCH` for a UID form. `parse`: the cursor stands behind the name;
    returns the value; raises Invalid (answered BAD) or another kind (answered NO). The frame
    checks that the line ends there. `run`: answers the command; what it returns is the tagged
    reply, and a MailhubError it raises is answered NO by the table in `replies`; None: a dialogue
    began (`Session.converse`). `states`: where
    it is legal. `admit`: only for verbs that carry messages: called for each announced message
    before its bytes are read; returns where it goes, raises to refuse it.
    """

    name: bytes
    parse: Callable[[Cursor], Any]
    run: Callable[[Session, Any], Coroutine[Any, Any, Reply | None]]
    states: frozenset[State]
    updates: Updates = Updates.ALL
    admit: Admit | None = None
